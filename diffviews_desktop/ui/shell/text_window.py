"""A text to read and to copy."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.labels import plain
from diffviews_desktop.ui.common.text_pane import TextPane
from diffviews_desktop.ui.common.widgets import as_panel


class TextWindow(QDialog):
    """Shows lines as they are.

    Args:
        title: of the window.
        text: to show.
        parent: window over which it opens.
    """

    def __init__(self, title: str, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(plain(title))
        as_panel(self)
        self.resize(560, 520)
        self.field = TextPane(tr("Text"))
        self.field.show_text(text, None)
        self.copy = QPushButton(tr("C&opy"))
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(text))
        close = QPushButton(tr("&Close"))
        close.clicked.connect(self.close)
        below = QHBoxLayout()
        below.addStretch()
        below.addWidget(self.copy)
        below.addWidget(close)
        column = QVBoxLayout(self)
        column.addWidget(self.field, 1)
        column.addLayout(below)
        theme.dress(self)
