"""The strip of tools in the corner of the map."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import (
    QAction,
    QColor,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPixmap,
    QPixmapCache,
)
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.widgets import IconButton


def float_ground(widget: QWidget) -> None:
    """Paint the ground of something that floats over the map, as often as the map is painted: it
    is drawn once for each size, and kept as a pixmap."""
    c, size, ratio = theme.colors(), widget.size(), widget.devicePixelRatioF()
    key = f"ground {size.width()} {size.height()} {ratio} {c.panel} {c.border}"
    ground = QPixmap()
    if not QPixmapCache.find(key, ground):
        ground = QPixmap(size * ratio)
        ground.setDevicePixelRatio(ratio)
        ground.fill(Qt.GlobalColor.transparent)
        _draw_ground(ground, QRectF(widget.rect()), c)
        QPixmapCache.insert(key, ground)
    painter = QPainter(widget)
    painter.drawPixmap(0, 0, ground)
    painter.end()


def _draw_ground(ground: QPixmap, area: QRectF, c: theme.Colors) -> None:
    painter = QPainter(ground)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    color = QColor(c.panel)
    color.setAlpha(236)
    painter.setBrush(color)
    painter.setPen(QColor(c.border))
    painter.drawRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
    painter.end()


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
