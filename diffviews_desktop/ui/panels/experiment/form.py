"""What an experiment draws, where and when, and what that is compared with."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFormLayout, QVBoxLayout, QWidget

from diffviews_desktop.actions.experiments import ExperimentWanted, acting_in, many_masks
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.labels import caption, muted_label, tip
from diffviews_desktop.ui.common.layer_list import LayerList
from diffviews_desktop.ui.common.widgets import ComboBox, WholeNumber, signals_blocked
from diffviews_desktop.ui.panels.experiment.feature_choice import FeatureChoice
from diffviews_desktop.ui.panels.experiment.judge_choice import JudgeChoice
from diffviews_desktop.values.controls import (
    APPLICABLE,
    CONTROLS,
    MEANINGS,
    TITLES,
    Control,
    why_no_control,
)
from diffviews_desktop.values.intervention_texts import stack_text
from diffviews_desktop.values.interventions import PICKED, Intervention
from diffviews_desktop.values.layers import LayerSet

PICKED_SAMPLES, ANCHORS = tr("The picked samples"), tr("Samples of all classes")
"""What the masks are made of: one mask, or many, of which intervals can be told."""
PANEL, EVERY, CHECKED = (
    tr("As in the Generate panel"),
    tr("Every layer by itself"),
    tr("Checked layers"),
)
"""Where it acts."""
SEEDS, MORE_SEEDS = 2, 20
"""Of each of many masks, and of other interventions, whose intervals are over seeds."""


class ExperimentForm(QWidget):
    """Signal: ``edited()``."""

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._many = True
        self._acting: tuple[Intervention, ...] = (PICKED,)
        self._classes = True
        self._seeds = {True: SEEDS, False: MORE_SEEDS}
        self.what = muted_label()
        self.what.setWordWrap(True)
        self.masks = ComboBox()
        self.masks.addItems([ANCHORS, PICKED_SAMPLES])
        self.anchors = _number(2, 500, 10)
        self.neighbors = _number(0, 50, 6)
        self.seeds = _number(1, 1000, SEEDS)
        self.where = ComboBox()
        self.where.addItems([PANEL, EVERY, CHECKED])
        self._layers = LayerList()
        self.layers = self._layers.widget
        self.layers.setMaximumHeight(96)
        self.parts = _number(1, 1, 1)
        self.judge = JudgeChoice()
        self.features = FeatureChoice()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.what)
        self._form = self._fields()
        column.addLayout(self._form)
        column.addWidget(muted_label(tr("Compared with no intervention and:")))
        self.controls: dict[Control, QCheckBox] = {}
        for control in CONTROLS[1:]:
            box = self.controls[control] = QCheckBox(_first_up(tr(TITLES[control])))
            box.setChecked(True)
            box.toggled.connect(self.edited)
            column.addWidget(box)
        self.masks.currentIndexChanged.connect(self._on_masks)
        self.where.currentIndexChanged.connect(self._on_where)
        self.layers.itemChanged.connect(self._on_where)
        for number in (self.anchors, self.neighbors, self.seeds, self.parts):
            number.valueChanged.connect(self.edited)
        self.judge.currentIndexChanged.connect(self.edited)
        self.features.currentIndexChanged.connect(self.edited)
        self._show_rows()

    def _fields(self) -> QFormLayout:
        form = QFormLayout()
        for text, field, meaning in (
            (
                tr("&Masks of"),
                self.masks,
                tr("One mask of what is picked, or many: intervals need many"),
            ),
            (tr("&Anchors"), self.anchors, tr("How many masks, drawn evenly from all classes")),
            (
                tr("&Neighbours"),
                self.neighbors,
                tr("How many of its nearest samples each anchor has"),
            ),
            (tr("&Seeds"), self.seeds, tr("How many pictures each mask and each control draws")),
            (
                tr("&Where"),
                self.where,
                tr("At which layers it acts; each is an experiment of its own"),
            ),
            (tr("La&yers"), self.layers, tr("It acts on each checked layer by itself")),
            (
                tr("&Parts of the run"),
                self.parts,
                tr(
                    "It acts in each of so many equal parts of the steps by itself; of 1, as in "
                    "the Generate panel"
                ),
            ),
            (tr("&Judge"), self.judge, tr("What says which class a picture shows, and how surely")),
            (
                tr("D&istance in"),
                self.features,
                tr(
                    "A layer in which it is measured how far each picture is from that without an "
                    "intervention, besides in pixels"
                ),
            ),
        ):
            form.addRow(caption(text, field), field)
            field.setToolTip(tip(meaning))
            field.setAccessibleName(text.replace("&", ""))
        return form

    def set_state(self, state: State) -> None:
        """Offer what can be varied of the interventions, and the controls that they can have."""
        many, steps = many_masks(state), state.runs.settings.num_steps
        self._classes = not state.opened.unconditional
        self._acting = (PICKED,) if many else acting_in(state)
        self.what.setText("" if many else stack_text(self._acting, steps))
        self.what.setVisible(not many and bool(self._acting))
        self._layers.set_state(state)
        self.features.set_state(state)
        with signals_blocked(self.seeds, self.parts):
            self.parts.setMaximum(steps)
            if many != self._many:
                self._seeds[self._many] = int(self.seeds.value())
                self.seeds.setValue(self._seeds[many])
        self._many = many
        self._show_rows()

    def _show_rows(self) -> None:
        """Rows that say something, and boxes for the controls that do."""
        for field in (self.masks, self.anchors, self.neighbors):
            self._form.setRowVisible(field, self._many)
        single = len(self._acting) <= 1
        for row in (self.where, self.parts):
            self._form.setRowVisible(row, single)
        self._form.setRowVisible(self.layers, single and self.where.currentText() == CHECKED)
        for control, box in self.controls.items():
            box.setVisible(all(control in APPLICABLE[one.verb] for one in self._acting))
            reason = self._why_not(control)
            box.setEnabled(not reason)
            box.setToolTip(tip(reason or _first_up(tr(MEANINGS[control]))))

    def _why_not(self, control: Control) -> str:
        if control == "layer" and len(self.layer_sets) > 1:
            return tr("The layers chosen are already compared with each other.")
        reasons = (why_no_control(control, one, self._classes) for one in self._acting)
        return next(filter(None, reasons), "")

    @property
    def of_picks(self) -> bool:
        """Whether there is one mask, of the picked samples, or another intervention."""
        return not self._many or self.masks.currentText() == PICKED_SAMPLES

    @property
    def is_of_masks(self) -> bool:
        """Whether a mask is all that acts."""
        return self._many

    @property
    def layer_sets(self) -> tuple[LayerSet, ...]:
        """Where it acts, each by itself; none for where the panel says."""
        if len(self._acting) > 1 or self.where.currentText() == PANEL:
            return ()
        every = self.where.currentText() == EVERY
        return self._layers.every() if every else self._layers.checked_layers()

    @property
    def windows(self) -> int:
        """In how many parts of the run it acts, each by itself."""
        return int(self.parts.value()) if len(self._acting) <= 1 else 1

    def control_names(self) -> tuple[Control, ...]:
        """The controls to draw."""
        boxes = self.controls.items()
        names = tuple(
            name
            for name, box in boxes
            if box.isChecked() and box.isEnabled() and not box.isHidden()
        )
        return ("none", *names)

    def read_fields(self) -> ExperimentWanted:
        """What the fields say."""
        return ExperimentWanted(
            of_picks=self.of_picks,
            anchors=self.anchors.value(),
            neighbors=self.neighbors.value(),
            seeds=self.seeds.value(),
            controls=self.control_names(),
            layer_sets=self.layer_sets,
            parts=self.windows,
            judge=self.judge.currentData(),
            features=self.features.layer,
        )

    def _on_masks(self) -> None:
        self.anchors.setEnabled(not self.of_picks)
        self.neighbors.setEnabled(not self.of_picks)
        self.edited.emit()

    def _on_where(self) -> None:
        self._show_rows()
        self.edited.emit()


def _number(least: int, most: int, value: int) -> WholeNumber:
    field = WholeNumber()
    field.setRange(least, most)
    field.setValue(value)
    return field


def _first_up(text: str) -> str:
    return text[:1].upper() + text[1:]
