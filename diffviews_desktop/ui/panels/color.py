"""Choice of what the colours of the map tell, in the tool bar."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QHBoxLayout, QWidget

from diffviews_desktop.state.state import COLUMN, ColorBy, State
from diffviews_desktop.ui.common.entries import entry
from diffviews_desktop.ui.common.labels import caption, tip
from diffviews_desktop.ui.common.widgets import ElidingComboBox

CHOICES: dict[ColorBy, tuple[str, str]] = {
    "class": ("class", "One colour a class."),
    "sigma": ("noise level", "The noise level σ that the sample was extracted at."),
    "trust": (
        "trust",
        "How far the sample's neighbours on the map are its neighbours in activation space.",
    ),
    "z": ("third dimension", "The third coordinate of a map of three dimensions."),
    "distance": (
        "distance to anchor",
        "How far the sample is from the anchor in activation space.",
    ),
    "overlap": (
        "what moved",
        "Share of the sample's nearest samples that are its nearest for the second map too.",
    ),
}


OF_COLUMN = "A column of the data folder's table of samples."


class ColorPanel(QWidget):
    """Signal: ``color_chosen(by)``, a `ColorBy`. What cannot be chosen says why."""

    color_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choice = ElidingComboBox()
        self.choice.setFixedWidth(148)
        self.choice.setAccessibleName("Colour by")
        for by, (text, _) in CHOICES.items():
            self.choice.addItem(text, by)
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

    def set_state(self, state: State) -> None:
        """Show what the colours tell now, and what else they could."""
        with QSignalBlocker(self.choice):
            self._show_choices(state)
        ready = state.layer_map is not None
        self.choice.setEnabled(ready)
        meaning = CHOICES[state.colored_by][1] if state.colored_by in CHOICES else OF_COLUMN
        self.choice.setToolTip(tip(meaning if ready else "The map is not there yet."))

    def _show_choices(self, state: State) -> None:
        model = self.choice.model()
        assert isinstance(model, QStandardItemModel)
        columns = tuple(state.samples.columns) if state.samples is not None else ()
        if columns != self._columns:
            self._list_columns(columns)
        for row, (by, (_, meaning)) in enumerate(CHOICES.items()):
            why_not = state.cannot_color(by)
            model.item(row).setEnabled(not why_not)
            self.choice.setItemData(row, tip(why_not or meaning), Qt.ItemDataRole.ToolTipRole)
        self.choice.setCurrentIndex(self.choice.findData(state.colored_by))

    def _list_columns(self, columns: tuple[str, ...]) -> None:
        while self.choice.count() > len(CHOICES):
            self.choice.removeItem(self.choice.count() - 1)
        self._columns = columns
        if columns:
            self.choice.insertSeparator(len(CHOICES))
        for name in columns:
            self.choice.addItem(entry(name), COLUMN + name)
            said = tip(name, OF_COLUMN)
            self.choice.setItemData(self.choice.count() - 1, said, Qt.ItemDataRole.ToolTipRole)
