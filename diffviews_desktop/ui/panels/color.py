"""Choice of what the colours of the map tell, in the tool bar."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QHBoxLayout, QWidget

from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.entries import entry
from diffviews_desktop.ui.common.labels import caption, tip
from diffviews_desktop.ui.common.widgets import ElidingComboBox
from diffviews_desktop.values.quantities import COLUMN, QUANTITIES, quantity


class ColorPanel(QWidget):
    """Signal: ``color_chosen(by)``, the id of a quantity. What cannot be chosen says why."""

    color_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choice = ElidingComboBox()
        self.choice.setFixedWidth(148)
        self.choice.setAccessibleName("Colour by")
        for by, one in QUANTITIES.items():
            self.choice.addItem(one.title, by)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(caption("Colour &by", self.choice))
        row.addWidget(self.choice)
        self.choice.activated.connect(
            lambda index: self.color_chosen.emit(self.choice.itemData(index))
        )
        self._columns: tuple[str, ...] = ()
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
        meaning = quantity(state.colored_by).meaning
        self.choice.setToolTip(tip(meaning if ready else "The map is not there yet."))

    def _show_choices(self, state: State) -> None:
        model = self.choice.model()
        assert isinstance(model, QStandardItemModel)
        columns = tuple(state.opened.samples.columns) if state.opened.samples is not None else ()
        if columns != self._columns:
            self._list_columns(columns)
        for row, (by, one) in enumerate(QUANTITIES.items()):
            why_not = state.cannot_color(by)
            model.item(row).setEnabled(not why_not)
            self.choice.setItemData(row, tip(why_not or one.meaning), Qt.ItemDataRole.ToolTipRole)
        self.choice.setCurrentIndex(self.choice.findData(state.colored_by))

    def _list_columns(self, columns: tuple[str, ...]) -> None:
        while self.choice.count() > len(QUANTITIES):
            self.choice.removeItem(self.choice.count() - 1)
        self._columns = columns
        if columns:
            self.choice.insertSeparator(len(QUANTITIES))
        for name in columns:
            self.choice.addItem(entry(name), COLUMN + name)
            said = tip(name, quantity(COLUMN + name).meaning)
            self.choice.setItemData(self.choice.count() - 1, said, Qt.ItemDataRole.ToolTipRole)
