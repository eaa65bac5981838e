"""The layer in which an experiment measures how far pictures moved."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.entries import entry
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.common.widgets import ElidingComboBox, signals_blocked


class FeatureChoice(ElidingComboBox):
    """No layer, or one of the loaded model."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, names=True)
        self._names: tuple[str, ...] = ()
        self._fill()

    @property
    def layer(self) -> str:
        """The layer that is chosen; empty for none."""
        layer: str = self.currentData()
        return layer

    def set_state(self, state: State) -> None:
        """Offer the layers; one that was chosen stays so where the model has it."""
        names = state.opened.layer_names
        if names == self._names:
            return
        self._names = names
        with signals_blocked(self):
            layer = self.layer
            self._fill()
            self.setCurrentIndex(max(0, self.findData(layer)))

    def _fill(self) -> None:
        self.clear()
        self.addItem(tr("pixels alone"), "")
        for at, name in enumerate(self._names, 1):
            self.addItem(entry(name), name)
            self.setItemData(at, tip(name), Qt.ItemDataRole.ToolTipRole)
