"""How the mask acts: on which layers and steps, how strongly, and what it averages."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QSizePolicy,
    QWidget,
    QWidgetAction,
)

from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.entries import name_list, short
from diffviews_desktop.ui.common.labels import plain, tip
from diffviews_desktop.ui.common.widgets import signals_blocked
from diffviews_desktop.ui.panels.generate.fields import choice, decimal, grid_of, spin
from diffviews_desktop.values.sampling import GenerateSettings

WEIGHTS = {
    "equal": "equal: the plain mean of the anchor and its neighbours",
    "distance": "distance: neighbours nearer to the anchor count more",
}
_LONGEST_LIST = 320


class MaskPage(QWidget):
    """Signal: ``edited()``."""

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.layers = LayerChoice()
        self.first = spin("First step that the mask acts on", 1, 1000)
        self.mask_steps = spin("Last step that the mask acts on; 0 for no mask", 0, 1000)
        self.strength = decimal(
            "How much of the mask is imposed: 1 replaces what the layer computes, 0 leaves it",
            0.0, 1.0, 3, 0.1,
        )  # fmt: skip
        self.weights = choice("How the samples are weighted", WEIGHTS)
        self.unconditional = QCheckBox("on both halves of guidance")
        self.unconditional.setToolTip(
            "With guidance, the mask acts on the conditional and the unconditional half; "
            "otherwise on the conditional half alone"
        )
        self.setLayout(
            grid_of(
                [
                    [("Impose &at", self.layers)],
                    [("S&teps", self.first), ("to", self.mask_steps)],
                    [("S&trength", self.strength), ("Wei&ghts", self.weights)],
                    [("", self.unconditional)],
                ]
            )
        )
        self.layers.edited.connect(self.edited)
        for field in (self.first, self.mask_steps):
            field.valueChanged.connect(self.edited)
        self.strength.valueChanged.connect(self.edited)
        self.weights.currentIndexChanged.connect(self.edited)
        self.unconditional.toggled.connect(self.edited)

    def set_state(self, state: State) -> None:
        """Show the settings."""
        with signals_blocked(
            self.first, self.mask_steps, self.strength, self.weights, self.unconditional
        ):
            self._show(state)

    def _show(self, state: State) -> None:
        s = state.settings
        self.mask_steps.setMaximum(s.num_steps)
        self.first.setMaximum(s.num_steps)
        for field, value in ((self.first, s.mask_from + 1), (self.mask_steps, s.mask_steps)):
            if field.value() != value:
                field.setValue(value)
        if self.strength.value() != s.strength:
            self.strength.setValue(s.strength)
        self.weights.setCurrentIndex(self.weights.findData(s.weighting))
        self.unconditional.setChecked(s.mask_unconditional)
        guided = s.guidance_scale != 1 and not state.unconditional
        self.unconditional.setEnabled(guided)
        self.layers.set_state(state)

    def changed(self, settings: GenerateSettings) -> GenerateSettings:
        """The settings with what the fields say."""
        return replace(
            settings,
            mask_from=self.first.value() - 1,
            mask_steps=self.mask_steps.value(),
            strength=self.strength.value(),
            weighting=self.weights.currentData(),
            mask_unconditional=self.unconditional.isChecked(),
            mask_layers=self.layers.chosen,
        )


class LayerChoice(QPushButton):
    """A list of layers to check behind a button; none checked means the map's. Signal: edited."""

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chosen: tuple[str, ...] = ()
        self._names: tuple[str, ...] = ()
        self._whole = ""
        self.setObjectName("choice")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Layers to impose")
        self.list = name_list()
        self.list.setAccessibleName("Layers to impose")
        self.list.itemChanged.connect(self._on_checked)
        menu = QMenu(self)
        action = QWidgetAction(menu)
        action.setDefaultWidget(self.list)
        menu.addAction(action)
        self.setMenu(menu)

    def set_state(self, state: State) -> None:
        """Show the layers of the loaded model and those chosen."""
        names = tuple(info.name for info in state.loaded.layers) if state.loaded else ()
        self.chosen = state.settings.mask_layers
        with QSignalBlocker(self.list):
            self._fill(names)
        self.setEnabled(bool(names))
        shown = "+".join(state.layer_map.layers) if state.layer_map is not None else ""
        self._whole = "+".join(self.chosen) or f"the map's: {shown}"
        meaning = (
            "The layers that are held at the mean of the picked samples. Without a check, those of "
            "the map."
        )
        self.setToolTip(tip(self._whole, meaning))
        self._elide()

    def _fill(self, names: tuple[str, ...]) -> None:
        if names != self._names:
            self._names = names
            self.list.clear()
            for name in names:
                item = QListWidgetItem(short(name))
                item.setData(Qt.ItemDataRole.UserRole, name)
                item.setToolTip(tip(name))
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                self.list.addItem(item)
            height = self.list.sizeHintForRow(0) * max(1, len(names)) + 8
            self.list.setFixedSize(220, min(_LONGEST_LIST, height))
        for row in range(self.list.count()):
            item = self.list.item(row)
            on = item.data(Qt.ItemDataRole.UserRole) in self.chosen
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)  # type: ignore[arg-type]
        self._elide()

    def _elide(self) -> None:
        room = max(20, self.width() - 34)
        middle = Qt.TextElideMode.ElideMiddle
        text = self.fontMetrics().elidedText(plain(self._whole), middle, room)
        self.setText(text.replace("&", "&&"))

    def _on_checked(self) -> None:
        items = (self.list.item(row) for row in range(self.list.count()))
        on = [item for item in items if item.checkState() == Qt.CheckState.Checked]
        self.chosen = tuple(sorted(str(item.data(Qt.ItemDataRole.UserRole)) for item in on))
        self.edited.emit()
