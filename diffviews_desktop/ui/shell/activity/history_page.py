"""What the user did, to copy as a command, as Python or as JSON, or to save as a script."""

from __future__ import annotations

from itertools import takewhile
from typing import Literal

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QHBoxLayout,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.actions.commands import as_command
from diffviews_desktop.actions.line_format import (
    as_python,
    code_of,
    json_text,
    with_opening,
)
from diffviews_desktop.state.history import HistoryLine
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import visible
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.common.row_menu import offer_buttons
from diffviews_desktop.ui.common.text_pane import TextPane
from diffviews_desktop.ui.shell.activity.parts import NO_ROW, RowList, clock
from diffviews_desktop.ui.shell.activity.verb_texts import verb_text
from diffviews_desktop.values.row_set import RowSet

Form = Literal["command", "python", "json"]
FORMS: tuple[tuple[Form, str], ...] = (
    ("command", tr("C&ommand")),
    ("python", tr("&Python")),
    ("json", tr("&JSON")),
)
MOST_ROWS = 20
"""Samples that a cell lists."""


class HistoryPage(QWidget):
    """Signal: ``script_wanted(lines)``, to be saved."""

    script_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: tuple[HistoryLine, ...] = ()
        self.list = RowList((tr("Time"), tr("What you did"), tr("With")), 2, tr("History"))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setColumnWidth(0, 84)
        self.list.setColumnWidth(1, 210)
        self.details = TextPane(tr("The chosen lines"), code=True, empty=NO_ROW)
        self.forms = QButtonGroup(self)
        self.copy = QPushButton(tr("Cop&y"))
        self.script = QPushButton(tr("&Save as script…"))
        buttons = QHBoxLayout()
        for number, (_, title) in enumerate(FORMS):
            button = QRadioButton(title)
            self.forms.addButton(button, number)
            buttons.addWidget(button)
        self.forms.button(0).setChecked(True)
        buttons.addStretch()
        buttons.addWidget(self.copy)
        buttons.addWidget(self.script)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.addWidget(self.list, 3)
        column.addWidget(self.details, 2)
        column.addLayout(buttons)
        self.list.chosen.connect(self._show_chosen)
        self.forms.idToggled.connect(self._show_chosen)
        self.copy.clicked.connect(self._copy)
        self.script.clicked.connect(self._on_script)
        offer_buttons(
            self.list,
            (
                self.copy,
                self.script,
            ),
        )
        self._show_chosen()

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        return (state.history,)

    def set_state(self, state: State) -> None:
        """List the lines, the newest last, as a script has them."""
        old_lines, self._lines = self._lines, state.history.lines
        keys = self.list.keys()
        pairs = zip(old_lines, self._lines, strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1], pairs))
        if not same:
            self.list.clear()
        while self.list.topLevelItemCount() > same:
            self.list.takeTopLevelItem(same)
        for line in self._lines[same:]:
            self.list.add_row(
                line.number, (clock(line.when), verb_text(line.verb), _list_arguments(line))
            )
        if same < len(self._lines):
            self.list.choose(*keys)
            self.list.scrollToBottom()
        self._show_chosen()

    def chosen_lines(self) -> list[HistoryLine]:
        """The lines that are chosen, in their order."""
        keys = set(self.list.keys())
        return [line for line in self._lines if line.number in keys]

    @property
    def form(self) -> Form:
        """How lines are shown and copied."""
        return FORMS[max(0, self.forms.checkedId())][0]

    def text(self) -> str:
        """The chosen lines in the chosen form."""
        lines = self.chosen_lines()
        if not lines:
            return ""
        match self.form:
            case "command":
                return as_command(lines, self._lines)
            case "python":
                return "\n".join(map(as_python, lines))
            case "json":
                return "\n".join(map(json_text, lines))

    def _show_chosen(self) -> None:
        some = bool(self.list.selectedItems())
        for button in (self.copy, self.script):
            button.setEnabled(some)
            button.setToolTip(tip("" if some else tr("Choose lines first.")))
        self.details.show_text(self.text() if some else "")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(visible(self.text(), lines=True))

    def _on_script(self) -> None:
        self.script_wanted.emit(with_opening(self.chosen_lines(), self._lines))


def _list_arguments(line: HistoryLine) -> str:
    return ", ".join(f"{name} {_in_short(one)}" for name, one in line.arguments.items())


def _in_short(value: object) -> str:
    """A value in a cell; of many samples only how many: a million of them take a moment."""
    if isinstance(value, RowSet) and len(value) > MOST_ROWS:
        return trn("{number} sample", "{number} samples", len(value))
    return code_of(value)
