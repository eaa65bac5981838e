"""A window beside the main one for a job that draws much: a form, and what becomes of it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.labels import ElidedLabel, muted_label
from diffviews_desktop.ui.common.widgets import as_panel

FORM_WIDTH = 300


class DrawingWindow(QDialog):
    """The form is on the left, above ``summary``, ``draw`` and ``cancel``; ``stack`` on the right
    shows ``empty`` or the result, above ``progress`` and further buttons.

    Args:
        parent: the main window.
        title: of the window.
        size: width and height at first.
        form: what is chosen.
        result: what is shown of it.
        nothing: what is said while there is no result.
        buttons: below the result.
    """

    def __init__(
        self,
        parent: QWidget | None,
        title: str,
        size: tuple[int, int],
        form: QWidget,
        result: QWidget,
        nothing: str,
        *buttons: QPushButton,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        as_panel(self)
        self.resize(*size)
        form.setMaximumWidth(FORM_WIDTH)
        self.empty = muted_label(nothing)
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(result)
        self.summary = muted_label()
        self.summary.setWordWrap(True)
        self.draw = QPushButton(tr("&Draw"))
        self.draw.setObjectName("primary")
        self.cancel = QPushButton(tr("Cancel"))
        self.progress = ElidedLabel(end=True)
        self.progress.setObjectName("muted")
        starting = QHBoxLayout()
        starting.addWidget(self.draw, 1)
        starting.addWidget(self.cancel)
        left = QVBoxLayout()
        left.addWidget(form)
        left.addStretch()
        left.addWidget(self.summary)
        left.addLayout(starting)
        below = QHBoxLayout()
        below.addWidget(self.progress, 1)
        for button in buttons:
            below.addWidget(button)
        right = QVBoxLayout()
        right.addWidget(self.stack, 1)
        right.addLayout(below)
        row = QHBoxLayout(self)
        row.setSpacing(14)
        row.addLayout(left)
        row.addLayout(right, 1)
        for button in (self.draw, self.cancel, *buttons):
            button.setAutoDefault(False)
        theme.dress(self)
