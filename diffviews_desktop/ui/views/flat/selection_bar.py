"""What can be done with the selected samples, over the map while there are some."""

from __future__ import annotations

from PySide6.QtCore import Signal, SignalInstance
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from diffviews_desktop.state.state import MAX_NEIGHBORS
from diffviews_desktop.ui.common.labels import Label, tip
from diffviews_desktop.ui.common.widgets import IconButton
from diffviews_desktop.ui.views.flat.tools import float_ground


class FilterBar(QWidget):
    """How many samples are shown while some are hidden. Signal: ``show_all_wanted``."""

    show_all_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = Label()
        self.button = QToolButton()
        self.button.setText("Show all")
        self.button.setAccessibleName("Show all samples")
        self.button.setAutoRaise(True)
        self.button.clicked.connect(self.show_all_wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 4, 4)
        row.setSpacing(6)
        row.addWidget(self.text)
        row.addWidget(self.button)
        self.hide()

    def set_counts(self, shown: int, count: int) -> None:
        """Say how many of all samples are shown."""
        self.text.setText(f"{shown:,} of {count:,} shown")
        self.adjustSize()

    def paintEvent(self, event: QPaintEvent) -> None:
        float_ground(self)


class SelectionBar(QWidget):
    """Signals: ``neighbors_wanted``, ``mean_wanted``, ``export_wanted``, ``invert_wanted`` and
    ``clear_wanted``."""

    neighbors_wanted = Signal()
    mean_wanted = Signal()
    export_wanted = Signal()
    invert_wanted = Signal()
    clear_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.count = Label()
        self.count.setProperty("strong", True)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 4, 4)
        row.setSpacing(2)
        row.addWidget(self.count)
        row.addSpacing(6)
        most = f"Average them in the mask; of more than {MAX_NEIGHBORS} those in the middle"
        self.neighbors = self._button(row, "Use as neighbours", most, self.neighbors_wanted)
        self.mean = self._button(
            row, "Mean picture", "The mean of their pictures", self.mean_wanted
        )
        self.export = self._button(
            row, "Export…", "Write them to a CSV file, by sample id", self.export_wanted
        )
        self.invert = self._button(
            row, "Invert", "Select the samples that are not selected", self.invert_wanted
        )
        self.clear = IconButton("close", "Select nothing")
        self.clear.setAutoRaise(True)
        self.clear.clicked.connect(self.clear_wanted)
        row.addWidget(self.clear)
        self.hide()

    def _button(
        self, row: QHBoxLayout, text: str, meaning: str, signal: SignalInstance
    ) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip(meaning))
        button.setAccessibleName(text)
        button.setAutoRaise(True)
        button.clicked.connect(signal)
        row.addWidget(button)
        return button

    def fit_into(self, width: int) -> None:
        """Leave out what the Edit menu has too where there is little room."""
        others = (self.mean, self.export, self.invert)
        for button in others:
            button.show()
        self.adjustSize()
        for button in reversed(others):
            if self.width() > width:
                button.hide()
                self.adjustSize()

    def set_count(self, count: int) -> None:
        """Say how many samples are selected; none hides the bar."""
        self.count.setText(f"{count:,} selected")
        self.setVisible(count > 0)
        self.adjustSize()

    def paintEvent(self, event: QPaintEvent) -> None:
        float_ground(self)
