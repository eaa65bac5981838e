"""A run's picture in a window of its own, which follows the steps while its run is shown."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.labels import ElidedLabel, plain, tip
from diffviews_desktop.ui.common.widgets import as_panel
from diffviews_desktop.ui.panels.runs.pictures import Picture
from diffviews_desktop.ui.panels.runs.texts import told

FIRST = 480
"""Side of the picture at first, in logical pixels."""
FRAME_ROOM = QSize(8, 32)
"""What a window manager puts around a window."""


class PictureWindow(QDialog):
    """Shows a step of a run, as large as the window or pixel by pixel.

    Signals:
        menu_wanted: id of its run, the step, and where on the screen it was right-clicked.
    """

    menu_wanted = Signal(int, int, QPoint)

    def __init__(self, parent: QWidget, state: State, run_id: int, step: int) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        as_panel(self)
        self.run_id, self.step = run_id, step
        self.picture = Picture(tr("Picture of a step"))
        self.actual = QPushButton("&1:1")
        self.actual.setCheckable(True)
        self.actual.setAutoDefault(False)
        self.actual.setToolTip(tip(tr("Show each pixel of the picture as one of the screen's")))
        self.where = ElidedLabel(end=True)
        self.where.setObjectName("muted")
        below = QHBoxLayout()
        below.addWidget(self.where, 1)
        below.addWidget(self.actual)
        column = QVBoxLayout(self)
        column.addWidget(self.picture, 1)
        column.addLayout(below)
        self.actual.toggled.connect(self._on_actual)
        self.picture.menu_wanted.connect(
            lambda at: self.menu_wanted.emit(self.run_id, self.step, at)
        )
        theme.dress(self)
        self.set_state(state)

    def set_state(self, state: State) -> None:
        """Show the step of its run; the window closes where the run is gone."""
        run = state.runs.run(self.run_id)
        if run is None or not run.steps:
            self.close()
            return
        if state.runs.shown == self.run_id:
            self.step = state.runs.step
        self.step = min(self.step, len(run.steps) - 1)
        step = run.steps[self.step]
        self.setWindowTitle(plain(run.name))
        height, width, _ = step.image.shape
        self.picture.show_pixels(step.image)
        position = tr(
            "step {step}/{steps} · σ {sigma:.3g}",
            step=step.index + 1,
            steps=run.job.settings.num_steps,
            sigma=step.sigma,
        )
        self.where.set_text(" · ".join(filter(None, [position, f"{width}×{height}", told(run)])))

    def _on_actual(self, actual: bool) -> None:
        """Show it pixel by pixel, in a window that has room for all of them."""
        if actual and self.picture.pixels is not None:
            height, width, _ = self.picture.pixels.shape
            ratio = self.devicePixelRatioF()
            actual_size = QSize(round(width / ratio), round(height / ratio))
            frame = self.size() - self.picture.size()
            room = self.screen().availableSize() - FRAME_ROOM
            self.resize(self.size().expandedTo(actual_size + frame).boundedTo(room))
        self.picture.set_actual(actual)

    def sizeHint(self) -> QSize:
        return QSize(FIRST + 20, FIRST + 60)
