"""The second map: the same samples by another layer or model, beside the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from diffviews_desktop.engine.jobs.mapping import LinkMaps
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.entries import entry
from diffviews_desktop.ui.common.labels import ElidedLabel, caption, muted_label
from diffviews_desktop.ui.common.widgets import ElidingComboBox, IconButton, as_panel

if TYPE_CHECKING:  # brought in when it is first asked for
    from diffviews_desktop.ui.views.flat.view import MapView

EMPTY = tr("Choose a layer above: its map appears here, turned to lie like the first one.")
WORKING = tr("The second map is being made…")


class LinkedPanel(QWidget):
    """Signals: ``map_chosen(model, layers)``, ``closed()``."""

    map_chosen = Signal(str, tuple)
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = State()
        self.models = ElidingComboBox(names=True)
        self.layers = ElidingComboBox(letters=8)
        self.models.setAccessibleName(tr("Model of the second map"))
        self.layers.setAccessibleName(tr("Layer of the second map"))
        self.layers.setPlaceholderText(tr("layer"))
        self.layers.setMaxVisibleItems(24)
        self.models.setFixedWidth(96)
        self.note = ElidedLabel(end=True)
        self.note.setMinimumWidth(74)
        self.note.setObjectName("muted")
        self.close_button = IconButton("close", tr("Close the second map"))
        header = QWidget()
        as_panel(header)
        row = QHBoxLayout(header)
        row.setContentsMargins(12, 5, 8, 5)
        row.setSpacing(8)
        for widget in (caption(tr("Beside"), self.layers), self.models):
            row.addWidget(widget)
        row.addWidget(self.layers, 2)
        row.addWidget(self.note, 1)
        row.addWidget(self.close_button)
        self.empty = muted_label(EMPTY)
        self.empty.setWordWrap(True)
        self.empty.setMinimumWidth(120)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(header)
        column.addWidget(self.stack, 1)
        self._listed: tuple[object, ...] = (None,) * 4
        self.models.activated.connect(lambda _: self._fill_layers(self._state))
        self.layers.activated.connect(
            lambda at: self.map_chosen.emit(self.models.currentData(), self.layers.itemData(at))
        )
        self.close_button.clicked.connect(self.closed)

    def set_map(self, view: MapView) -> None:
        """The map to show, which is made when the panel is first shown."""
        self.stack.addWidget(view)

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        return state.opened, state.jobs.running

    def set_state(self, state: State) -> None:
        """Show what the second map can be of, and what it is of."""
        self._state = state
        jobs = [running.job for running in state.jobs.running if isinstance(running.job, LinkMaps)]
        with QSignalBlocker(self.models), QSignalBlocker(self.layers):
            self._show_choices(state, jobs)
        self.empty.setText(WORKING if jobs else EMPTY)
        linked = state.opened.linked is not None and self.stack.count() > 1
        self.stack.setCurrentIndex(1 if linked else 0)
        self._say(state)

    def _show_choices(self, state: State, jobs: list[LinkMaps]) -> None:
        parts = (
            state.opened.models,
            state.opened.model,
            state.opened.loaded,
            state.opened.default_layers,
        )
        if any(a is not b for a, b in zip(parts, self._listed, strict=True)):
            self._listed = parts
            self.models.clear()
            for summary in state.opened.models:
                self.models.addItem(entry(summary.name), summary.name)
            self.models.setCurrentIndex(self.models.findData(state.opened.model))
            self._fill_layers(state)
        linked = state.opened.linked
        choice: tuple[str, tuple[str, ...]] | None = None
        if jobs:
            choice = jobs[-1].other.model, jobs[-1].other.layers
        elif linked is not None:
            choice = linked.map.model, linked.map.layers
        if choice is not None:
            model, layers = choice
            if self.models.currentData() != model:
                self.models.setCurrentIndex(self.models.findData(model))
                self._fill_layers(state)
            at = [self.layers.itemData(i) for i in range(self.layers.count())]
            index = at.index(layers) if layers in at else 0 if model != state.opened.model else -1
            self.layers.setCurrentIndex(index)

    def _fill_layers(self, state: State) -> None:
        self.layers.clear()
        if self.models.currentData() != state.opened.model:
            self.layers.addItem(tr("default"), ())
        elif state.opened.default_layers:
            self.layers.addItem(
                entry(str(state.opened.default_layers)), state.opened.default_layers
            )
        if self.models.currentData() == state.opened.model:
            for info in state.opened.loaded.layers if state.opened.loaded else ():
                whether = "" if info.cached else "  ·  " + tr("not mapped yet")
                self.layers.addItem(f"{entry(info.name)}{whether}", (info.name,))
        self.layers.setCurrentIndex(-1)

    def _say(self, state: State) -> None:
        """How much of the neighbourhoods both maps share."""
        linked = state.opened.linked
        share = None if linked is None else linked.mean_overlap
        if share is None:
            self.note.set_text("")
        else:
            assert linked is not None
            told, first, reference = linked.map.told, state.opened.map_told, linked.reference
            meaning = tr(
                "Of a sample's 15 nearest, so many are the same in both activation spaces."
            )
            text = tr("{share:.0%} shared", share=share)
            if reference is not None:
                text = f"{share:.0%} ({reference:.0%})"
                more = tr(
                    "If both showed nothing but class and noise level, {share:.0%} would be: only "
                    "what is beyond that stayed where it was.",
                    share=reference,
                )
                meaning = f"{meaning} {more}"
            if told is not None and first is not None and told != first:
                text = f"{visible(linked.map.told_words, MOST_OF_NAME)} · {text}"
            self.note.set_text(text, meaning)
