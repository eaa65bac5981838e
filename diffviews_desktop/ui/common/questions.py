"""Questions that stop everything until they are answered."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog, QMessageBox, QWidget

from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.labels import plain

MOST_LETTERS = 200


def ask(parent: QWidget, title: str, text: str) -> bool:
    """Ask a question whose answer is yes or no; no is offered first."""
    yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(title)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(plain(text, MOST_LETTERS))
    box.setStandardButtons(yes | no)
    box.setDefaultButton(no)
    answer = box.exec()
    box.deleteLater()
    return answer == yes


def ask_text(parent: QWidget, title: str, question: str) -> str | None:
    """Ask for a short text; None where none is given."""
    dialog = QInputDialog(parent)
    dialog.setWindowTitle(title)
    dialog.setLabelText(question)
    theme.dress(dialog)
    given = dialog.exec() and dialog.textValue().strip()
    dialog.deleteLater()
    return given or None
