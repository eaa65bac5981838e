"""Texts of several lines, to be read."""

from __future__ import annotations

from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from diffviews_desktop.text.plain import MOST_SHOWN, visible


class TextPane(QPlainTextEdit):
    """A text to be read and copied, as it is.

    Args:
        name: for those who do not see it.
        code: whether it is shown in letters of one width.
        empty: what is said while there is no text.
    """

    def __init__(
        self, name: str, *, code: bool = False, empty: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setPlaceholderText(empty)
        self.setReadOnly(True)
        self.setAccessibleName(name)
        self.setTabChangesFocus(True)
        if code:
            self.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))

    def show_text(self, text: str, most: int | None = 4 * MOST_SHOWN) -> None:
        """Show a text; the middle of one with more letters is left out, if there is a bound."""
        content = visible(text, most, lines=True)
        if content != self.toPlainText():
            self.setPlainText(content)
