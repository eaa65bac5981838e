"""Questions that stop everything until they are answered, and a wait that can be cancelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLineEdit,
    QMessageBox,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.labels import Label, caption, plain

MOST_LETTERS = 200
Answer = TypeVar("Answer")
Reply = tuple[str, Answer]
"""The text of a button, and what it stands for."""


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


def ask_one_of(
    parent: QWidget,
    title: str,
    text: str,
    replies: Sequence[Reply[Answer]],
    callback: Callable[[Answer], None],
) -> QMessageBox:
    """Ask a question that stops only the window, and go on with its answer.

    Args:
        parent: over which it opens.
        title: of the question.
        text: of the question.
        replies: texts of buttons and what they stand for: that which does what is wished, offered
            first, that which loses something, and that which changes nothing, for Escape, too.
        callback: gets the answer.
    """
    box = QMessageBox(parent)
    box.setWindowTitle(title)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(plain(text, MOST_LETTERS))
    roles = QMessageBox.ButtonRole
    kinds = (roles.AcceptRole, roles.DestructiveRole, roles.RejectRole)
    buttons = [box.addButton(word, kind) for (word, _), kind in zip(replies, kinds, strict=True)]
    box.setDefaultButton(buttons[0])
    box.setEscapeButton(buttons[-1])

    def answer(_: int) -> None:
        button = box.clickedButton()
        at = next((at for at, one in enumerate(buttons) if one is button), len(buttons) - 1)
        box.deleteLater()
        callback(replies[at][1])

    box.finished.connect(answer)
    box.open()
    return box


class TextDialog(QDialog):
    """Asks for a short text; OK is there once something is typed, or where a text that is given
    may be emptied."""

    def __init__(self, parent: QWidget, title: str, question: str, text: str | None = None) -> None:
        super().__init__(parent)
        self._may_be_empty = text is not None
        self.setWindowTitle(title)
        self.field = QLineEdit(text or "")
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
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(
            self._may_be_empty or bool(self.text)
        )


class WaitDialog(QDialog):
    """Lets the user cancel what takes long: it appears after a while, and stays until `end`.

    Args:
        parent: of the dialog.
        title: of its window.
        text: what is waited for.
        cancel: called where the user cancels.
        milliseconds: after which it appears.
    """

    def __init__(
        self,
        parent: QWidget,
        title: str,
        text: str,
        cancel: Callable[[], object],
        milliseconds: int,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        bar = QProgressBar()
        bar.setRange(0, 0)
        bar.setTextVisible(False)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        for widget in (Label(text), bar, buttons):
            column.addWidget(widget)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.show)
        self._timer.start(milliseconds)
        self.rejected.connect(self._timer.stop)
        self.rejected.connect(cancel)
        theme.dress(self)

    def end(self) -> None:
        """Close it for good: what was waited for is over."""
        self._timer.stop()
        self.hide()
        self.deleteLater()


def ask_text(parent: QWidget, title: str, question: str, text: str | None = None) -> str | None:
    """Ask for a short text; None where none is given. A text that is there already is offered, and
    may be emptied."""
    dialog = TextDialog(parent, title, question, text)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    answer = dialog.text
    dialog.deleteLater()
    return answer if accepted and (answer or text is not None) else None
