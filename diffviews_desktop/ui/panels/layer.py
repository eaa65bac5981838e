"""Choice of model and layer, in the tool bar."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.text.wording import duration
from diffviews_desktop.ui.common.entries import entry
from diffviews_desktop.ui.common.labels import caption, muted_label, tip
from diffviews_desktop.ui.common.widgets import ElidingComboBox
from diffviews_desktop.values.folders import LayerInfo
from diffviews_desktop.values.noise_levels import EXTRACTED_FROM

ROOM_BESIDE_TEXT = 28


class LayerPanel(QWidget):
    """Signals: ``model_chosen(name)`` and ``layers_chosen(names)``, a tuple."""

    model_chosen = Signal(str)
    layers_chosen = Signal(tuple)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._listed: tuple[object, ...] = (None,) * 5
        self.models = ElidingComboBox(letters=10, names=True)
        self.models.setAccessibleName(tr("Model"))
        self.models.setMinimumWidth(110)
        self.layers = ElidingComboBox(letters=38)
        self.layers.setAccessibleName(tr("Layer"))
        self.layers.setMinimumWidth(200)
        self.layers.setMaxVisibleItems(24)
        self.detail = muted_label()
        model_label, layer_label = (
            caption(tr("Mode&l"), self.models),
            caption(tr("La&yer"), self.layers),
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for widget in (model_label, self.models, layer_label, self.layers, self.detail):
            row.addWidget(widget)
        self.models.activated.connect(
            lambda index: self.model_chosen.emit(self.models.itemData(index))
        )
        self.layers.activated.connect(
            lambda index: self.layers_chosen.emit(self.layers.itemData(index))
        )

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        return state.opened, state.jobs.running

    def set_state(self, state: State) -> None:
        """Show the models of the folder and the layers of the loaded one."""
        with QSignalBlocker(self.models), QSignalBlocker(self.layers):
            self._show_choices(state)
        self.detail.setText(self._detail(state))
        self.detail.setToolTip(tip(*self._told_texts(state)))

    def _show_choices(self, state: State) -> None:
        parts = (
            state.opened.models,
            state.opened.loaded,
            state.opened.default_layers,
            state.opened.samples,
            state.opened.rate,
        )
        if any(a is not b for a, b in zip(parts, self._listed, strict=True)):
            self._listed = parts
            self._fill(state)
        self.models.setCurrentIndex(self.models.findData(state.opened.model))
        self.models.setEnabled(bool(state.opened.models))
        self.models.setToolTip(tip(state.opened.model or ""))
        if state.opened.loaded is None:
            note = state.opened.model_problem or tr(
                "The other layers are listed once the model is loaded."
            )
        else:
            note = tr("Which layer's activations the map shows.")
        origin = tr(
            "Extracted from {what}.", what=tr(EXTRACTED_FROM[state.opened.extraction_input])
        )
        self.layers.setToolTip(tip(note, origin if state.opened.models else ""))
        layers = self._map_layers(state)
        index = next(
            (i for i in range(self.layers.count()) if self.layers.itemData(i) == layers), -1
        )
        self.layers.setCurrentIndex(index)
        self.layers.setEnabled(self.layers.count() > 0)

    def _fill(self, state: State) -> None:
        self.models.clear()
        for model in state.opened.models:
            self.models.addItem(entry(model.name), model.name)
            tooltip = tip(model.name, model.description, tr("adapter: {name}", name=model.adapter))
            self.models.setItemData(self.models.count() - 1, tooltip, Qt.ItemDataRole.ToolTipRole)
        self.layers.clear()
        if state.opened.default_layers:
            default = entry(str(state.opened.default_layers))
            self.layers.addItem(
                tr("{layers}  (default)", layers=default), state.opened.default_layers
            )
        for info in state.opened.loaded.layers if state.opened.loaded else ():
            text = f"{entry(info.name)}  {info.shape}"
            whether = (
                tr("mapped")
                if info.cached
                else tr("not mapped yet · {cost}", cost=_cost(info, state))
            )
            self.layers.addItem(f"{text}  ·  {whether}", (info.name,))
            tooltip = tip(info.name, _whether_mapped(info, state))
            self.layers.setItemData(self.layers.count() - 1, tooltip, Qt.ItemDataRole.ToolTipRole)
        list_view = self.layers.view()
        list_view.setMinimumWidth(list_view.sizeHintForColumn(0) + ROOM_BESIDE_TEXT)

    @staticmethod
    def _map_layers(state: State) -> tuple[str, ...] | None:
        """The layers on the map; or, while they are being mapped, those asked for."""
        for running in reversed(state.jobs.running):
            if isinstance(running.job, MapLayer) and running.stage != "cancelling":
                return running.job.spec.layers or state.opened.default_layers
        return state.opened.layer_map.layers if state.opened.layer_map else None

    @staticmethod
    def _detail(state: State) -> str:
        if state.opened.model_problem:
            return tr("model not loaded")
        if state.opened.loaded is None:
            return tr("loading the model…") if state.opened.models else ""
        return visible(state.opened.map_told_words, MOST_OF_NAME)

    @staticmethod
    def _told_texts(state: State) -> tuple[str, ...]:
        told = state.opened.map_told_words
        if not told:
            return ("",)
        hint = tr("What the samples of this map were told is chosen in Map settings.")
        samples = tr("Samples {told}.", told=told)
        return samples, state.opened.map_told_note, hint


def _whether_mapped(info: LayerInfo, state: State) -> str:
    if info.cached:
        return tr("Its map is in the cache and appears at once.")
    count = len(state.opened.samples) if state.opened.samples else 0
    return trn(
        "Not mapped yet: {number} sample to run. On disk and in time: {cost}.",
        "Not mapped yet: {number} samples to run. On disk and in time: {cost}.",
        count,
        cost=_cost(info, state),
    )


def _cost(info: LayerInfo, state: State) -> str:
    """What mapping a layer takes on the disk and, where the model was measured, in time."""
    count = len(state.opened.samples) if state.opened.samples else 0
    value_bytes = 2 if state.opened.folder.overrides.activation_dtype == "float16" else 4
    text = _size(value_bytes * info.values * count)
    if not state.opened.rate:
        return text
    return tr("{size} · about {time}", size=text, time=duration(count / state.opened.rate))


def _size(count: float) -> str:
    for unit in ("kB", "MB"):
        count /= 1000
        if count < 999.5:
            return f"{count:.0f} {unit}"
    return f"{count / 1000:.1f} GB"
