"""What the pages are made of: rows of fields, each with a sentence below it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QAbstractButton,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.ui.common.labels import caption, muted_label, tip

NUMBER_WIDTH = 180  # of a field for a number: the largest seed has 19 digits


class Row:
    """A labelled field with a sentence below it: a hint, or what is wrong.

    A field of fixed width stands on the left, another one takes the room there is.
    """

    def __init__(self, grid: QGridLayout, text: str, field: QWidget, *beside: QWidget) -> None:
        self.field = field
        self.touched = False
        self.label = caption(text, field)
        self.sentence = muted_label()
        self.sentence.setWordWrap(True)
        self.sentence.setContentsMargins(0, 2, 0, 6)
        field.setAccessibleName(text.replace("&", ""))
        row = grid.rowCount()
        line = QHBoxLayout()
        line.setSpacing(8)
        wide = isinstance(field, QLineEdit) and field.minimumWidth() != field.maximumWidth()
        line.addWidget(field, 1 if wide else 0)
        for widget in beside:
            line.addWidget(widget)
        if not wide:
            line.addStretch()
        grid.addWidget(self.label, row, 0)
        grid.addLayout(line, row, 1)
        grid.addWidget(self.sentence, row + 1, 1)
        grid.setRowMinimumHeight(row + 1, 26)
        self._beside = beside

    def show(self, problem: str, hint: str) -> None:
        """Show what is wrong once the page was visited, else the hint."""
        wrong = bool(problem) and self.touched
        self.sentence.setText(problem if wrong else hint)
        self.field.setAccessibleDescription(self.sentence.text())
        for widget in (self.sentence, self.field):
            if bool(widget.property("problem")) != wrong:
                widget.setProperty("problem", wrong)
                widget.style().unpolish(widget)
                widget.style().polish(widget)

    def set_enabled(self, enabled: bool, why_not: str) -> None:
        """Whether it can be used; the tooltip says why not."""
        for widget in (self.label, self.field, *self._beside):
            widget.setEnabled(enabled)
            widget.setToolTip(tip("" if enabled else why_not))


class Page(QWidget):
    """One question. Signal: ``changed``, when what is entered or what is wrong with it may be
    another thing."""

    changed = Signal()
    title = ""
    subtitle = ""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, Row] = {}
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(16)
        self.grid.setVerticalSpacing(2)
        self.grid.setColumnStretch(1, 1)
        self.grid.setColumnMinimumWidth(0, 110)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self.grid)
        column.addStretch()

    # ---- what each page says for itself ---------------------------------------------------------

    def problems(self) -> dict[str, str]:
        """What is wrong, by field; empty sentences where nothing is."""
        raise NotImplementedError

    def hints(self) -> dict[str, str]:
        """What is said below each field while nothing is wrong."""
        raise NotImplementedError

    def first_field(self) -> QWidget:
        """Where the keyboard begins."""
        raise NotImplementedError

    # ---- rows -----------------------------------------------------------------------------------

    def add_row(self, key: str, text: str, field: QWidget, *beside: QWidget) -> None:
        """Add a field; ``text`` is its label, what stands ``beside`` it chooses for it."""
        self.rows[key] = Row(self.grid, text, field, *beside)
        if isinstance(field, QLineEdit):
            field.textEdited.connect(lambda _: self.touch(key))
            field.textChanged.connect(lambda _: self.changed.emit())

    def add_wide(self, widget: QWidget) -> None:
        """Add a widget over the whole width."""
        self.grid.addWidget(widget, self.grid.rowCount(), 0, 1, 2)

    def touch(self, key: str) -> None:
        """The user has been at a field: from now on it is said what is wrong with it."""
        self.rows[key].touched = True
        self.changed.emit()

    def refresh(self) -> None:
        """Show the sentences again."""
        problems, hints = self.problems(), self.hints()
        for key, row in self.rows.items():
            row.show(problems.get(key, ""), hints[key])

    # ---- choosing -------------------------------------------------------------------------------

    def choose_file(self, key: str, title: str, kinds: str) -> None:
        """Ask for a file and enter it."""
        start = start_of(self._line(key))
        self._take(key, QFileDialog.getOpenFileName(self, title, start, kinds)[0])

    def choose_folder(self, key: str, title: str) -> None:
        """Ask for a folder and enter it."""
        start = start_of(self._line(key))
        self._take(key, QFileDialog.getExistingDirectory(self, title, start))

    def _take(self, key: str, path: str) -> None:
        if path:
            self.rows[key].touched = True
            self._line(key).setText(path)

    def _line(self, key: str) -> QLineEdit:
        field = self.rows[key].field
        assert isinstance(field, QLineEdit)
        return field


def browse_button(text: str, name: str, choose: Callable[[], None]) -> QAbstractButton:
    """A button beside a field that chooses for it."""
    button = QPushButton(text)
    button.setAutoDefault(False)
    button.setAccessibleName(name)
    button.clicked.connect(lambda *_: choose())
    return button


def path_of(line: QLineEdit) -> Path | None:
    """What is entered as an absolute path; None where nothing is."""
    text = line.text().strip()
    if not text:
        return None
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:  # no such user
        return Path(text).absolute()


def start_of(line: QLineEdit) -> str:
    """Where to begin to choose."""
    return str(path_of(line) or Path.home())


def is_there(path: Path, check: Callable[[Path], bool]) -> bool:
    """Whether a path exists as ``check`` says; not where it cannot even be looked at."""
    try:
        return check(path)
    except (OSError, ValueError):
        return False
