"""Choice of what the colours of the map tell, in the tool bar."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QHBoxLayout, QWidget

from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.text.wording import as_sentence
from diffviews_desktop.ui.common.entries import entry
from diffviews_desktop.ui.common.labels import caption, tip
from diffviews_desktop.ui.common.widgets import ElidingComboBox
from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.quantities import COLUMN, QUANTITIES, quantity

MOST_LEFT_OUT = 40  # entries that only say why they cannot be chosen


class ColorPanel(QWidget):
    """Signal: ``color_chosen(by)``, the id of a quantity. What cannot be chosen says why."""

    color_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choice = ElidingComboBox()
        self.choice.setFixedWidth(148)
        self.choice.setAccessibleName(tr("Colour by"))
        for by, one in QUANTITIES.items():
            self.choice.addItem(tr(one.title), by)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(caption(tr("Colour &by"), self.choice))
        row.addWidget(self.choice)
        self.choice.activated.connect(
            lambda index: self.color_chosen.emit(self.choice.itemData(index))
        )
        self._columns: tuple[dict[str, Column], dict[str, str]] = {}, {}
        self.set_state(State())

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        picks, view = state.picks, state.view
        return state.opened, picks.selection, view.color_by

    def set_state(self, state: State) -> None:
        """Show what the colours tell now, and what else they could."""
        with QSignalBlocker(self.choice):
            self._show_choices(state)
        ready = state.opened.layer_map is not None
        self.choice.setEnabled(ready)
        meaning = tr(quantity(state.colored_by).meaning)
        self.choice.setToolTip(tip(meaning if ready else tr("The map is not there yet.")))

    def _show_choices(self, state: State) -> None:
        model = self.choice.model()
        assert isinstance(model, QStandardItemModel)
        samples = state.opened.samples
        columns = dict(samples.columns) if samples is not None else {}
        left_out = dict(samples.left_out) if samples is not None else {}
        if (columns, left_out) != self._columns:
            self._columns = columns, left_out
            self._list_columns()
        for row, (by, one) in enumerate(QUANTITIES.items()):
            why_not = state.cannot_color(by)
            model.item(row).setEnabled(not why_not)
            self.choice.setItemData(
                row, tip(why_not or tr(one.meaning)), Qt.ItemDataRole.ToolTipRole
            )
        self.choice.setCurrentIndex(self.choice.findData(state.colored_by))

    def _list_columns(self) -> None:
        columns, left_out = self._columns
        while self.choice.count() > len(QUANTITIES):
            self.choice.removeItem(self.choice.count() - 1)
        if columns or left_out:
            self.choice.insertSeparator(len(QUANTITIES))
        for name, column in columns.items():
            about = as_sentence(column.note) or quantity(COLUMN + name).meaning
            self._add_column(name, COLUMN + name, about, column.unfit)
        for name, reason in list(left_out.items())[:MOST_LEFT_OUT]:
            self._add_column(name, None, "", reason)

    def _add_column(self, name: str, by: str | None, about: str, why_not: str) -> None:
        """Add an entry; one that cannot be chosen says why."""
        model = self.choice.model()
        assert isinstance(model, QStandardItemModel)
        self.choice.addItem(entry(name), by)
        row = self.choice.count() - 1
        tooltip = tip(name, as_sentence(why_not) or about)
        self.choice.setItemData(row, tooltip, Qt.ItemDataRole.ToolTipRole)
        model.item(row).setEnabled(not why_not)
