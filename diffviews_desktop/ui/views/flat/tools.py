"""The strip of tools in the corner of the map, and the actions that its buttons stand for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from PySide6.QtCore import QObject, QRectF, Signal
from PySide6.QtGui import QAction, QActionGroup, QColor, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.widgets import IconButton

Tool = Literal["pan", "rectangle", "lasso", "zoom"]


def float_ground(widget: QWidget) -> None:
    """Paint the ground of something that floats over the map."""
    c = theme.colors()
    painter = QPainter(widget)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    ground = QColor(c.panel)
    ground.setAlpha(236)
    painter.setBrush(ground)
    painter.setPen(QColor(c.border))
    painter.drawRoundedRect(QRectF(widget.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
    painter.end()


class MapActions(QObject):
    """What can be done with the view of the map, for the menu and the strip.

    Signal: ``tool_chosen(tool)``.
    """

    tool_chosen = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tools: dict[Tool, QAction] = {
            "pan": self._action("&Move the map", "V", "pan"),
            "rectangle": self._action("Select a &rectangle", "R", "rectangle"),
            "lasso": self._action("Select with a &lasso", "L", "lasso"),
            "zoom": self._action("&Zoom to a rectangle", "Z", "zoom"),
        }
        group = QActionGroup(self)
        for tool, action in self.tools.items():
            action.setCheckable(True)
            action.setChecked(tool == "pan")
            action.triggered.connect(lambda *_, tool=tool: self.tool_chosen.emit(tool))
            group.addAction(action)
        self.fit = self._action("&Fit all", "F", "fit")
        self.fit_selection = self._action("Fit the selec&tion", "Shift+F", "fit-selection")
        self.back = self._action("&Previous view", "Alt+Left", "back")
        self.forward = self._action("&Next view", "Alt+Right", "forward")
        self.shows = {
            "pictures": self._shown("&Pictures where there is room", "T", checked=True),
            "names": self._shown("Names of classes", "C", checked=True),
            "contours": self._shown("Contours of &density", "D", checked=False),
        }
        for action in (self.fit_selection, self.back, self.forward):
            action.setEnabled(False)

    def _action(self, text: str, key: str, icon: str) -> QAction:
        action = QAction(text, self)
        action.setShortcut(QKeySequence(key))
        action.setData(icon)
        return action

    def _shown(self, text: str, key: str, *, checked: bool) -> QAction:
        action = self._action(text, key, "")
        action.setCheckable(True)
        action.setChecked(checked)
        return action

    @property
    def moves(self) -> tuple[QAction, ...]:
        """The actions that move the view."""
        return self.fit, self.fit_selection, self.back, self.forward


class ToolStrip(QWidget):
    """A column of buttons over the map, one an action."""

    def __init__(self, groups: Iterable[Iterable[QAction]], parent: QWidget) -> None:
        super().__init__(parent)
        self.buttons: dict[QAction, IconButton] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(2)
        for number, actions in enumerate(groups):
            if number:
                line = QFrame()
                line.setFrameShape(QFrame.Shape.HLine)
                line.setObjectName("line")
                column.addWidget(line)
            for action in actions:
                column.addWidget(self._button(action))
        self.adjustSize()

    def _button(self, action: QAction) -> IconButton:
        key = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        name = action.text().replace("&", "")
        button = IconButton(str(action.data()), f"{name} ({key})" if key else name)
        button.setAutoRaise(True)
        button.setCheckable(action.isCheckable())

        def show() -> None:
            button.setChecked(action.isChecked())
            button.setEnabled(action.isEnabled())

        action.changed.connect(show)
        button.clicked.connect(action.trigger)
        button.clicked.connect(show)  # an exclusive action that was chosen already stays so
        show()
        self.buttons[action] = button
        return button

    def paintEvent(self, event: QPaintEvent) -> None:
        float_ground(self)
