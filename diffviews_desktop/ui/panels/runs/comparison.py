"""A run beside the unmasked run of the same seed: pictures, their difference, how far apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from diffviews_desktop.state.runs import Run
from diffviews_desktop.ui.common import colors, theme
from diffviews_desktop.ui.common.images import enlarged, to_qimage
from diffviews_desktop.ui.common.labels import Label, muted, picture_label, tip
from diffviews_desktop.ui.common.widgets import let_drops_through
from diffviews_desktop.values.runs import RunStep

PICTURE = 116
PLOT_WIDTH = 210


class Comparison(QWidget):
    """The unmasked picture of the step, the difference, and the distance of the paths by step."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.unmasked = _picture("The same step without the mask")
        self.difference = _picture("Difference of the two pictures: brighter is more")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(12)
        for picture, text in ((self.unmasked, "without the mask"), (self.difference, "difference")):
            self._row.addWidget(captioned(picture, text), 0, Qt.AlignmentFlag.AlignTop)
        self._plot: PathPlot | None = None

    def show_step(self, record: Run, baseline: Run | None, index: int) -> None:
        """Show a step of a run beside that of the other, as far as that is drawn."""
        if self._plot is None:  # only now: pyqtgraph need not be there before
            self._plot = PathPlot()
            self._row.addWidget(self._plot, 0, Qt.AlignmentFlag.AlignTop)
        steps = baseline.steps if baseline is not None else ()
        self._plot.show_distances(distances(record.steps, steps), index)
        if index >= len(steps) or index >= len(record.steps):
            for label in (self.unmasked, self.difference):
                label.clear()
                label.setText("waiting…")
            return
        ratio = self.devicePixelRatioF()
        one, other = record.steps[index].image, steps[index].image
        self.unmasked.setPixmap(enlarged(to_qimage(other), PICTURE, ratio))
        apart = np.abs(one.astype(np.int16) - other.astype(np.int16)).astype(np.uint8)
        self.difference.setPixmap(enlarged(to_qimage(apart), PICTURE, ratio))
        mean = float(apart.mean())
        self.difference.setToolTip(tip(f"Mean difference: {mean:.1f} of 255"))

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        if self._plot is not None:
            self._plot.apply_theme()


class PathPlot(QWidget):
    """How far apart two paths are in the reduced activation space, by step."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        import pyqtgraph as pg

        self._pg = pg
        self.setAccessibleName("Distance between the masked and the unmasked path, by step")
        self.setToolTip("How far the layers of the map are from those of the unmasked run, by step")
        self.setFixedSize(PLOT_WIDTH, PICTURE + 20)
        self.plot = pg.PlotWidget()
        let_drops_through(self.plot)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.hideButtons()
        self.plot.setMenuEnabled(False)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys do nothing there
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.plot, 1)
        caption = muted("distance between the paths")
        caption.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(caption)
        self.curve = self.plot.plot(
            [], [], pen=pg.mkPen(colors.PATH_END, width=2), symbol="o", symbolSize=6,
            symbolBrush=colors.SUGGESTED, symbolPen=None,
        )  # fmt: skip
        self._now = pg.InfiniteLine(angle=90)
        self.plot.addItem(self._now)
        self.apply_theme()

    def show_distances(self, values: NDArray[np.float32], index: int) -> None:
        """Draw one distance a step and mark the step."""
        self.curve.setData(np.arange(1, len(values) + 1), values)
        self._now.setValue(index + 1)
        self.plot.setXRange(1, max(2, len(values)), padding=0.08)
        if len(values):
            self.plot.setYRange(0, max(float(values.max()), 1e-6), padding=0.08)

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        c = theme.colors()
        self.plot.setBackground(c.panel)
        for name in ("left", "bottom"):
            axis = self.plot.getAxis(name)
            axis.setPen(self._pg.mkPen(c.border))
            axis.setTextPen(self._pg.mkPen(c.muted))
            axis.setStyle(tickLength=-3, tickFont=self.font())
        self._now.setPen(self._pg.mkPen(c.accent, width=1.5))


def distances(one: tuple[RunStep, ...], other: tuple[RunStep, ...]) -> NDArray[np.float32]:
    """Distance of two runs in the reduced activation space, at each step that both have."""
    apart = [
        np.linalg.norm(a.reduced - b.reduced)
        for a, b in zip(one, other, strict=False)
        if a.reduced is not None and b.reduced is not None
    ]
    return np.array(apart, dtype=np.float32)


def captioned(picture: QWidget, text: str) -> QWidget:
    """A picture with a word below it."""
    both = QWidget()
    column = QVBoxLayout(both)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(2)
    column.addWidget(picture)
    caption = muted(text)
    caption.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    column.addWidget(caption)
    return both


def _picture(name: str) -> Label:
    label = picture_label(PICTURE, name)
    label.setToolTip(tip(name))
    label.setObjectName("muted")
    return label
