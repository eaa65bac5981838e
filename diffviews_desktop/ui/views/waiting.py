"""What is in the middle of the window while there is no map."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QProgressBar, QPushButton, QVBoxLayout, QWidget

from diffviews_desktop.state.stage_texts import stage_text
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.labels import ElidedLabel, muted_label
from diffviews_desktop.ui.common.menus import Actions


class WaitingPage(QWidget):
    """What is in the middle while there is no map: what happens, or what to do next."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("waiting")
        self.title = ElidedLabel()
        self.title.setObjectName("title")
        self.detail = muted_label()
        self.detail.setWordWrap(True)
        self.detail.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.detail.setMinimumWidth(320)
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(260)
        self.open_button, self.models_button = QPushButton(), QPushButton()
        self.demo_button = QPushButton()
        column = QVBoxLayout(self)
        # as wide as the page: while the map is imported nothing is laid out again, and a longer
        # text would be cut off
        self.title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addStretch()
        column.addWidget(self.title)
        self._buttons = self.open_button, self.models_button, self.demo_button
        for widget in (self.detail, self.bar, *self._buttons):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch()

    def press_with(self, actions: Actions) -> None:
        """Let its buttons do what there is to do next."""
        actions.press_with(self.open_button, "folders.open")
        actions.press_with(self.models_button, "models.download")
        actions.press_with(self.demo_button, "folders.demo")

    def set_state(self, state: State) -> None:
        """Show the job that will bring the map, or how to get one."""
        busy = state.jobs.running[0] if state.jobs.running else None
        starting = state.opened.model is None and state.notice is None
        self.bar.setVisible(busy is not None or starting)
        offered = self.open_button.isHidden() and busy is None and not starting
        for button in self._buttons:
            button.setVisible(busy is None and not starting)
        if offered and self.isVisible():
            self.open_button.setFocus()  # the next step, not the first field of the window
        if busy is not None:
            self.title.set_text(f"{busy.title}…")
            stage = stage_text(busy.stage) if busy.since is not None else tr("starting the engine")
            percent = f" {100 * busy.fraction:.0f} %" if busy.fraction else ""
            self.detail.setText(stage + percent)
        elif starting:
            self.title.set_text(tr("Starting…"))
            self.detail.setText("")
        else:
            self.title.set_text(tr("No map to show"))
            # why not stands in the notice that floats over it
            self.detail.setText(tr("Open a data folder, or download a model."))
