"""Questions that stop everything until they are answered."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLineEdit,
    QMessageBox,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.labels import caption, plain

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


class TextDialog(QDialog):
    """Asks for a short text; OK is there once something is typed."""

    def __init__(self, parent: QWidget, title: str, question: str) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.field = QLineEdit()
        self.field.setAccessibleName(question.replace("&", ""))
        self.field.setMinimumWidth(280)
        kinds = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(kinds.Ok | kinds.Cancel)
        column = QVBoxLayout(self)
        column.addWidget(caption(question, self.field))
        column.addWidget(self.field)
        column.addWidget(self.buttons)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.field.textChanged.connect(self._on_typed)
        self._on_typed()
        theme.dress(self)

    @property
    def text(self) -> str:
        """What is typed, without blanks at its ends."""
        return self.field.text().strip()

    def _on_typed(self) -> None:
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(bool(self.text))


def ask_text(parent: QWidget, title: str, question: str) -> str | None:
    """Ask for a short text; None where none is given."""
    dialog = TextDialog(parent, title, question)
    given = dialog.text if dialog.exec() == QDialog.DialogCode.Accepted else ""
    dialog.deleteLater()
    return given or None
