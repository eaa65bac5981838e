"""The preferences' page of how the model runs, and how much a mask averages."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QWidget

from diffviews_desktop.actions.action import Choice
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.preferences import DEVICE, choose_most_neighbors, choose_threads
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.forms import add_row, form
from diffviews_desktop.ui.common.labels import Label, muted_label, tip
from diffviews_desktop.ui.common.widgets import ComboBox, WholeNumber, signals_blocked
from diffviews_desktop.values.preferences import MOST_NEIGHBORS, MOST_THREADS

NEXT_START = tr("Takes effect at the next start.")


class ModelPage(QWidget):
    """Fields for the device, its threads, and the limit of neighbours."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.device = ChoiceField(DEVICE, context)
        self.device.setToolTip(tip(tr("What the model runs on."), NEXT_START))
        self.threads = WholeNumber()
        self.threads.setRange(0, MOST_THREADS)
        self.threads.setSpecialValueText(tr("all but one"))
        self.threads.setToolTip(
            tip(tr("Threads of the processor that the model uses."), NEXT_START)
        )
        self.threads.valueChanged.connect(lambda _: choose_threads(context, self.threads.value()))
        self.neighbors = WholeNumber()
        self.neighbors.setRange(1, MOST_NEIGHBORS)
        self.neighbors.setToolTip(tip(tr("How many neighbours a mask averages at most.")))
        limit = partial(choose_most_neighbors, context)
        self.neighbors.valueChanged.connect(lambda _: limit(self.neighbors.value()))
        note = muted_label(
            tr("Device and threads take effect at the next start. ‑‑device overrides them.")
        )
        note.setWordWrap(True)
        rows = form(self)
        rows.setContentsMargins(0, 10, 0, 0)
        add_row(rows, tr("&Device"), self.device)
        add_row(rows, tr("&Threads"), self.threads)
        add_row(rows, tr("&Neighbours at most"), self.neighbors)
        rows.addRow(Label(), note)

    def set_state(self, state: State) -> None:
        """Show what is preferred."""
        self.device.show_chosen()
        with signals_blocked(self.threads, self.neighbors):
            self.threads.setValue(state.preferences.threads)
            self.neighbors.setValue(state.preferences.most_neighbors)


class ChoiceField(ComboBox):
    """One of the options of a choice."""

    def __init__(self, choice: Choice, context: Context) -> None:
        super().__init__()
        self._choice, self._context = choice, context
        for option in choice.options(context):
            self.addItem(option.title.replace("&", ""), option.value)
        self.activated.connect(lambda index: choice.choose(context, self.itemData(index)))
        self.show_chosen()

    def show_chosen(self) -> None:
        """Show the option that holds."""
        getter = self._choice.chosen
        self.setCurrentIndex(-1 if getter is None else self.findData(getter(self._context)))
