"""How an intervention acts: on which layers and steps, where, how strongly, and with what."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QListWidgetItem,
    QMenu,
    QWidget,
    QWidgetAction,
)

from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import marked, tr
from diffviews_desktop.ui.common.entries import name_list, short
from diffviews_desktop.ui.common.labels import plain, tip
from diffviews_desktop.ui.common.widgets import ChoiceButton, signals_blocked
from diffviews_desktop.ui.panels.generate.area_choice import AreaChoice
from diffviews_desktop.ui.panels.generate.fields import (
    Fields,
    choice,
    decimal,
    grid_of,
    show_row,
    spin,
    switch,
)
from diffviews_desktop.values.interventions import (
    PARTIAL,
    Component,
    Factor,
    Intervention,
    SampleMean,
    Source,
    Verb,
)
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import PCA_RANGE
from diffviews_desktop.values.setting_specs import (
    MASK_FROM,
    MASK_LAYERS,
    MASK_STEPS,
    MASK_UNCONDITIONAL,
    STRENGTH,
    WEIGHTING,
    Real,
    Switch,
    Whole,
)

_LONGEST_LIST = 320
_WEIGHTS_ROW, _FACTOR_ROW, _COMPONENT_ROW = 4, 5, 6
MOST = 1000.0
"""Of a strength that is no share."""
_STRENGTHS: dict[Verb, str] = {
    "add": tr("How often the direction is added; a negative number subtracts it"),
    "steer": tr("How far it goes, as a share of what the layer computes; negative to go back"),
    "scale": tr("How much of the change is made: 1 scales by the factor, 0 not at all"),
}
FACTOR = Real(
    name="value",
    help=marked("What the layer's values are multiplied by"),
    label=marked("Fact&or"),
    minimum=-MOST,
    maximum=MOST,
    decimals=3,
    step=0.1,
)
COMPONENT = Whole(
    name="index",
    help=marked("Which principal component of the map, the one with the largest variance first"),
    label=marked("Com&ponent"),
    minimum=0,
    maximum=PCA_RANGE[1] - 1,
    first=1,
)
CONDITIONAL = Switch(
    name="conditional",
    help=marked(
        "With guidance, it acts on the conditional half; otherwise on the unconditional one alone"
    ),
    label=marked("on the conditional half of guidance"),
    flag_value=False,
)


class MaskPage(QWidget):
    """The fields of one intervention. Signal: ``edited()``."""

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.layers = LayerChoice()
        self.area = AreaChoice()
        self.first, self.mask_steps = spin(MASK_FROM), spin(MASK_STEPS)
        self.strength, self.weights = decimal(STRENGTH), choice(WEIGHTING)
        self.value, self.component = decimal(FACTOR), spin(COMPONENT)
        self.conditional = switch(CONDITIONAL)
        self.unconditional = switch(MASK_UNCONDITIONAL)
        self._fields = Fields(
            {
                MASK_FROM: self.first,
                STRENGTH: self.strength,
                CONDITIONAL: self.conditional,
                MASK_UNCONDITIONAL: self.unconditional,
            }
        )
        self._grid = grid_of(
            [
                [(MASK_LAYERS.label, self.layers)],
                [(marked("Whe&re"), self.area)],
                [(MASK_FROM.label, self.first), (MASK_STEPS.label, self.mask_steps)],
                [(STRENGTH.label, self.strength)],
                [(WEIGHTING.label, self.weights)],
                [(FACTOR.label, self.value)],
                [(COMPONENT.label, self.component)],
                [("", self.conditional)],
                [("", self.unconditional)],
            ]
        )
        self.setLayout(self._grid)
        self.layers.edited.connect(self.edited)
        self.area.edited.connect(self.edited)
        self.mask_steps.valueChanged.connect(self.edited)
        self.weights.currentIndexChanged.connect(self.edited)
        for number in (self.value, self.component):
            number.valueChanged.connect(self.edited)
        self._fields.connect(self.edited)

    def show_one(self, state: State, one: Intervention) -> None:
        """Show an intervention."""
        numbers = self.first, self.mask_steps, self.strength, self.value, self.component
        with signals_blocked(*numbers, self.weights):
            self._show(state, one)

    def _show(self, state: State, one: Intervention) -> None:
        s = state.runs.settings
        self.mask_steps.setMaximum(s.num_steps)
        self.first.setMaximum(s.num_steps)
        partial = one.verb in PARTIAL
        low, high = (STRENGTH.minimum, STRENGTH.maximum) if partial else (-MOST, MOST)
        self.strength.setRange(low, high)
        self.strength.setToolTip(tip(tr(STRENGTH.help) if partial else _STRENGTHS[one.verb]))
        self._fields.show(one)
        self.mask_steps.setValue(s.num_steps if one.step_to is None else one.step_to)
        self._show_source(one.source)
        for half in (self.conditional, self.unconditional):
            half.setEnabled(s.guidance_scale != 1 and not state.opened.unconditional)
        self.layers.show_layers(state, one.layers)
        self.area.set_state(state, one.region)

    def _show_source(self, source: Source) -> None:
        show_row(self._grid, _WEIGHTS_ROW, isinstance(source, SampleMean))
        show_row(self._grid, _FACTOR_ROW, isinstance(source, Factor))
        show_row(self._grid, _COMPONENT_ROW, isinstance(source, Component))
        if isinstance(source, Component):
            self.component.setValue(source.index + COMPONENT.first)
        if isinstance(source, SampleMean):
            self.weights.setCurrentIndex(self.weights.findData(source.weighting))
        if isinstance(source, Factor) and self.value.value() != source.value:
            self.value.setValue(source.value)

    def apply_to(self, one: Intervention, num_steps: int) -> Intervention:
        """The intervention with what the fields say; a last step that is that of the run stands for
        the end of any run."""
        source = one.source
        if isinstance(source, SampleMean):
            source = replace(source, weighting=self.weights.currentData())
        if isinstance(source, Factor):
            source = Factor(self.value.value())
        if isinstance(source, Component):
            source = Component(int(self.component.value()) - COMPONENT.first)
        last = self.mask_steps.value()
        intervention = replace(self._fields.apply_to(one), source=source, layers=self.layers.chosen)
        return replace(
            intervention,
            region=self.area.region,
            step_from=min(intervention.step_from, num_steps - 1),
            step_to=None if last >= min(num_steps, self.mask_steps.maximum()) else last,
        )


class LayerChoice(ChoiceButton):
    """A list of layers to check behind a button; none checked means the map's. Signal: edited."""

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chosen = LayerSet()
        self._names: tuple[str, ...] = ()
        self._whole = ""
        self.setAccessibleName(tr(MASK_LAYERS.help))
        self.list = name_list()
        self.list.setAccessibleName(tr(MASK_LAYERS.help))
        self.list.itemChanged.connect(self._on_checked)
        menu = QMenu(self)
        action = QWidgetAction(menu)
        action.setDefaultWidget(self.list)
        menu.addAction(action)
        self.setMenu(menu)

    def show_layers(self, state: State, layers: LayerSet) -> None:
        """Show the layers of the loaded model and those chosen."""
        names = state.opened.layer_names
        self.chosen = layers
        with QSignalBlocker(self.list):
            self._fill(names)
        self.setEnabled(bool(names))
        map_layers = (
            "+".join(state.opened.layer_map.layers) if state.opened.layer_map is not None else ""
        )
        self._whole = "+".join(self.chosen) or tr("the map's: {layers}", layers=map_layers)
        meaning = tr(
            "The layers that this acts on. Without a check, those of the map, or of a saved "
            "direction its own."
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

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        room = max(20, self.width() - 34)
        middle = Qt.TextElideMode.ElideMiddle
        text = self.fontMetrics().elidedText(plain(self._whole), middle, room)
        self.setText(text.replace("&", "&&"))

    def _on_checked(self) -> None:
        items = (self.list.item(row) for row in range(self.list.count()))
        on = [item for item in items if item.checkState() == Qt.CheckState.Checked]
        self.chosen = LayerSet(str(item.data(Qt.ItemDataRole.UserRole)) for item in on)
        self.edited.emit()
