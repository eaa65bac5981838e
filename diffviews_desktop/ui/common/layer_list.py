"""A list of layers of which some are checked."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.entries import name_list, short
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.values.layers import LayerSet


class LayerList:
    """Keeps a list that shows the layers of the loaded model.

    Attributes:
        widget: the list; ``itemChanged`` says that one was checked or no longer.
    """

    def __init__(self) -> None:
        self.widget: QListWidget = name_list()
        self._names: tuple[str, ...] = ()

    def set_state(self, state: State) -> None:
        """Show the layers; of another model, none of them checked."""
        names = state.opened.layer_names
        if names == self._names:
            return
        self._names = names
        with QSignalBlocker(self.widget):
            self.widget.clear()
            for name in names:
                item = QListWidgetItem(short(name))
                item.setToolTip(tip(name))
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(Qt.CheckState.Unchecked)
                self.widget.addItem(item)

    def every(self) -> tuple[LayerSet, ...]:
        """Each layer by itself."""
        return tuple(LayerSet((name,)) for name in self._names)

    def checked_layers(self) -> tuple[LayerSet, ...]:
        """Each checked layer by itself."""
        return tuple(
            layers
            for row, layers in enumerate(self.every())
            if self.widget.item(row).checkState() == Qt.CheckState.Checked
        )
