"""What can be done with the selected samples, over the map while there are some."""

from __future__ import annotations

from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.exports import SELECTION
from diffviews_desktop.actions.selection import INVERT, MEAN, NOTHING, USE_AS_NEIGHBORS
from diffviews_desktop.text.translation import group_digits, tr, trn
from diffviews_desktop.ui.common.labels import Label
from diffviews_desktop.ui.common.menus import Actions
from diffviews_desktop.ui.common.widgets import IconButton
from diffviews_desktop.ui.views.flat.tools import float_ground


class FilterBar(QWidget):
    """How many samples are shown while some are hidden; its button shows all again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = Label()
        self.button = QToolButton()
        self.button.setAutoRaise(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 4, 4)
        row.setSpacing(6)
        row.addWidget(self.text)
        row.addWidget(self.button)
        self.hide()

    def set_counts(self, shown_count: int, count: int) -> None:
        """Say how many of all samples are shown."""
        self.text.setText(
            tr(
                "{shown} of {count} shown",
                shown=group_digits(shown_count),
                count=group_digits(count),
            )
        )
        self.adjustSize()

    def paintEvent(self, event: QPaintEvent) -> None:
        float_ground(self)


class SelectionBar(QWidget):
    """What can be done with the selected samples.

    Args:
        actions: those of the window.
        parent: over which it floats.
    """

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.count = Label()
        self.count.setProperty("strong", True)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 4, 4)
        row.setSpacing(2)
        row.addWidget(self.count)
        row.addSpacing(6)
        self.neighbors, self.mean, self.export, self.invert = (
            self._button(row, actions, action)
            for action in (USE_AS_NEIGHBORS, MEAN, SELECTION, INVERT)
        )
        self.clear = IconButton("close")
        self.clear.setAutoRaise(True)
        actions.press_with(self.clear, NOTHING.id)
        row.addWidget(self.clear)
        self.hide()

    def _button(self, row: QHBoxLayout, actions: Actions, action: Action) -> QToolButton:
        button = QToolButton()
        button.setAutoRaise(True)
        actions.press_with(button, action.id)
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
        self.count.setText(trn("{number} selected", "{number} selected", count))
        self.setVisible(count > 0)
        self.adjustSize()

    def paintEvent(self, event: QPaintEvent) -> None:
        float_ground(self)
