"""How to draw: sampling, mask, class, seed; and the Generate button."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.actions.maps import pending_map
from diffviews_desktop.actions.masks import judged_masks, masks_to_judge
from diffviews_desktop.actions.runs import cannot_generate
from diffviews_desktop.engine.jobs.drawing import Generate, MaskJudged
from diffviews_desktop.errors import UsageError
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.entries import entry
from diffviews_desktop.ui.common.labels import Paragraph, caption, say_below, tip
from diffviews_desktop.ui.common.menus import Actions
from diffviews_desktop.ui.common.widgets import (
    ElidingComboBox,
    IconButton,
    as_panel,
    signals_blocked,
)
from diffviews_desktop.ui.panels.generate.mask_page import MaskPage
from diffviews_desktop.ui.panels.generate.sampling_page import SamplingPage
from diffviews_desktop.ui.panels.generate.stack import InterventionStack
from diffviews_desktop.values.conditions import (
    AnchorClass,
    ClassLabel,
    Condition,
    RandomClass,
    UniformLabel,
    ZeroLabel,
    describe,
)
from diffviews_desktop.values.import_rules import seed_of
from diffviews_desktop.values.intervention_texts import effect_of, stack_text
from diffviews_desktop.values.interventions import (
    Intervention,
    SampleMean,
    rows_of,
    sole_mask,
    with_picks,
)
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.setting_specs import PUBLISHED, SEED

SEARCHABLE_CLASSES = 30
LOWEST_PAGE = 71
_HINT_LINES = 2, 7
"""At least, and at most: of many interventions the tooltip says the rest."""
LIKE_SAMPLES = tr(
    "Until you choose, this follows what the samples of the map were told, so that runs can be "
    "compared with them."
)
NFE = tr("NFE: how often the network runs for a picture")


class GeneratePanel(QWidget):
    """Signals: ``generate_requested(settings, condition, interventions)``, and ``settings_changed``
    with the same. The condition is None while the user chose none: then the panel shows what the
    samples of the map were told."""

    generate_requested = Signal(object, object, object)
    settings_changed = Signal(object, object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        as_panel(self)
        self._base, self._state = SamplingSettings(), State()
        self._classes: tuple[object, ...] = ()
        self._shown_class: object = None
        self._chosen: Condition | None = None
        self.sampling = SamplingPage()
        self.masking, self.stack = MaskPage(), InterventionStack()
        self.pages = QTabWidget()
        self.pages.setDocumentMode(True)
        self.pages.tabBar().setDrawBase(False)
        acting = QWidget()
        column = QVBoxLayout(acting)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.stack)
        column.addWidget(self.masking, 1)
        self._scrolled = (self.sampling, acting)
        self._areas = tuple(map(_scrolling, self._scrolled))
        for area, title in zip(self._areas, (tr("Sampling"), tr("Interventions")), strict=True):
            self.pages.addTab(area, title)
        self.seed = QLineEdit()
        self.seed.setPlaceholderText(tr("new each time"))
        self.seed.setAccessibleName(tr(SEED.caption))
        self.seed.setMaxLength(len(str(SEED.maximum)))
        self.lock = IconButton("unlock", tr("Keep the seed for the next run"))
        self.lock.setCheckable(True)
        self.classes = ElidingComboBox()
        self.classes.setAccessibleName(tr("Class to draw"))
        self.classes.setMaxVisibleItems(20)
        self.classes.setToolTip(tip(LIKE_SAMPLES))
        self.classes.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.generate = QPushButton(tr("Generate"))
        self.generate.setObjectName("primary")
        self.grid, self.cancel = QPushButton(), QPushButton()
        self.hint = Paragraph(*_HINT_LINES)  # what a run will use must not be cut off
        self.hint.setObjectName("muted")
        self._build()
        self.sampling.edited.connect(self._on_edited)
        self.sampling.preset_chosen.connect(self._on_preset)
        self.masking.edited.connect(self._on_edited)
        self.stack.edited.connect(self._on_stacked)
        self.stack.chosen.connect(lambda: self._show_chosen(self._state))
        self.classes.activated.connect(self._on_class_chosen)
        self.seed.editingFinished.connect(self._on_seed_typed)
        self.lock.toggled.connect(self._on_edited)
        self.set_state(State())

    def _build(self) -> None:
        self._form = form = QFormLayout()
        form.setVerticalSpacing(5)
        form.addRow(caption(tr("&Class"), self.classes), self.classes)
        seed_row = QHBoxLayout()
        seed_row.setContentsMargins(0, 0, 0, 0)
        seed_row.addWidget(self.seed)
        seed_row.addWidget(self.lock)
        form.addRow(caption(SEED.label, self.seed), seed_row)
        buttons = QHBoxLayout()
        buttons.addWidget(self.generate, 1)
        buttons.addWidget(self.grid)
        buttons.addWidget(self.cancel)
        column_layout = QVBoxLayout(self)
        column_layout.setContentsMargins(10, 4, 10, 8)
        column_layout.setSpacing(6)
        column_layout.addWidget(self.pages, 100)
        column_layout.addWidget(self.hint)
        column_layout.addLayout(form)
        column_layout.addLayout(buttons)
        column_layout.addStretch()

    # ---- in -------------------------------------------------------------------------------------

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        runs = state.runs
        drawing = runs.settings, runs.interventions, runs.condition, runs.all, runs.shown
        picks = state.picks.selection, state.picks.masks
        return state.opened, *picks, state.jobs.running, *drawing

    def set_state(self, state: State) -> None:
        """Show the settings, the classes to choose from, and what Generate would do."""
        self._base, self._state = state.runs.settings, state
        with signals_blocked(self.classes, self.seed, self.lock):
            self._show(state)
        self._show_outcome(state)
        self._bound_pages()

    def _bound_pages(self) -> None:
        """Have the pages no higher than the longer one, so that class and seed follow it; what the
        line below them needs besides its usual height is theirs, so that these do not move."""
        grown = self.hint.grown
        for area in self._areas:
            area.setMinimumHeight(max(1, LOWEST_PAGE - grown))
        high = max(page.sizeHint().height() for page in self._scrolled) - grown
        self.pages.setMaximumHeight(high + self.pages.tabBar().sizeHint().height() + 4)

    def _show(self, state: State) -> None:
        s = state.runs.settings
        self.sampling.set_state(state)
        self.stack.show_stack(state.runs.interventions, s.num_steps)
        self._show_chosen(state)
        locked = s.seed is not None
        self.lock.setChecked(locked)
        self.lock.set_icon("lock" if locked else "unlock")
        record = state.runs.run()
        last = s.seed if locked else record.seed if record is not None else None
        if not self.seed.hasFocus():
            self.seed.setText("" if last is None else str(last))
        self._fill_classes(state)

    def _show_chosen(self, state: State) -> None:
        self.masking.show_one(state, self.stack.interventions[self.stack.index])

    def _fill_classes(self, state: State) -> None:
        general: list[Condition] = [AnchorClass(), RandomClass(), ZeroLabel(), UniformLabel()]
        choices: list[tuple[str, Condition]] = [(describe(one), one) for one in general]
        choices += [
            (name if name == str(number) else f"{number}: {name}", ClassLabel(number, name))
            for number, name in state.opened.class_names()
        ]
        self._form.setRowVisible(self.classes, not state.opened.unconditional)
        if tuple(choices) != self._classes:
            self._classes = tuple(choices)
            self.classes.clear()
            for text, choice in choices:
                self.classes.addItem(entry(text), choice)
            self._make_searchable(len(choices) > SEARCHABLE_CLASSES)
        note = state.opened.loaded.guidance_note if state.opened.loaded is not None else ""
        about = tip(tr("No class: what guidance leads away from."), note)
        self.classes.setItemData(general.index(ZeroLabel()), about, Qt.ItemDataRole.ToolTipRole)
        self._chosen = state.runs.condition
        self._shown_class = condition = state.condition
        index = next((i for i, (_, one) in enumerate(choices) if one == condition), 0)
        line = self.classes.lineEdit()
        if line is None or not (line.hasFocus() and line.isModified()):  # nobody is typing there
            self.classes.setCurrentIndex(index)

    def _make_searchable(self, searchable: bool) -> None:
        """A long list of classes is found by typing a part of a name."""
        if searchable == self.classes.isEditable():
            return
        self.classes.setEditable(searchable)
        completer, line = self.classes.completer(), self.classes.lineEdit()
        if completer is not None and line is not None:
            completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
            popup = completer.popup()  # a window of its own
            assert popup is not None
            theme.dress(popup)
            line.editingFinished.connect(self._on_class_typed)

    def _on_class_typed(self) -> None:
        """What was typed and is no class is taken back."""
        index = self.classes.findText(self.classes.currentText(), Qt.MatchFlag.MatchFixedString)
        if index < 0:
            index = next((i for i, c in enumerate(self._choices()) if c == self._shown_class), 0)
        self.classes.setCurrentIndex(index)
        if self.classes.currentData() != self._shown_class:
            self._on_class_chosen()

    def _on_class_chosen(self, *_: object) -> None:
        self._chosen = self.classes.currentData()
        self._on_edited()

    def _choices(self) -> list[object]:
        return [self.classes.itemData(i) for i in range(self.classes.count())]

    def _show_outcome(self, state: State) -> None:
        """What Generate would do, and how many runs wait."""
        stack = with_picks(state.runs.interventions, state.picks.selection.rows)
        reason = cannot_generate(state)
        nfe = f"NFE {state.runs.settings.evaluations(not state.opened.unconditional)}"
        parts = [part for part in (_in_work(state), nfe, _hint(state, stack)) if part]
        self._show_hint(reason, parts, _name_judgements(state))
        waiting = sum(isinstance(running.job, Generate) for running in state.jobs.running)
        self.generate.setText(
            tr("Generate")
            if waiting < 2
            else trn("Generate  ({number} waiting)", "Generate  ({number} waiting)", waiting - 1)
        )

    def _show_hint(
        self, reason: str, parts: list[str], judgements: Sequence[tuple[str, MaskJudged]]
    ) -> None:
        """What Generate would do; that a mask is beyond the samples goes first."""
        details, warnings = [NFE], []
        for name, one in judgements:
            usual = one.typicality
            if usual is None:
                details.append(one.reason)
                continue
            details += [f"{name} {usual.standing}", *usual.facts, usual.reasons]
            warnings += [f"{name} {usual.verdict}: {usual.excess}"] if usual.beyond else []
        beyond = bool(warnings)
        text = reason or " · ".join([*warnings, *parts])
        self.hint.set_text(text[:1].upper() + text[1:], " · ".join(filter(None, details)))
        if bool(self.hint.property("problem")) != beyond:
            self.hint.setProperty("problem", beyond)
            self.hint.style().polish(self.hint)

    # ---- out ------------------------------------------------------------------------------------

    def settings(self) -> SamplingSettings:
        """What the fields say."""
        return replace(
            self.sampling.apply_to(self._base),
            seed=self._typed_seed() if self.lock.isChecked() else None,
        )

    def interventions(self) -> tuple[Intervention, ...]:
        """What the fields say is done to layers."""
        stack, index = self.stack.interventions, self.stack.index
        changed = self.masking.apply_to(stack[index], self.sampling.steps.value())
        return (*stack[:index], changed, *stack[index + 1 :])

    def press_with(self, actions: Actions) -> None:
        """Let its buttons do what the menus do."""
        actions.press_with(self.generate, "runs.generate")
        actions.press_with(self.grid, "experiments.grid")
        actions.press_with(self.cancel, "jobs.cancel")

    def press(self) -> None:
        """Ask for a run, where one can be drawn."""
        if not cannot_generate(self._state):
            request = self.settings(), self._chosen, self.interventions()
            self.generate_requested.emit(*request)

    def _typed_seed(self) -> int | None:
        try:
            return seed_of(self.seed.text())
        except UsageError:
            return None

    def _on_seed_typed(self) -> None:
        """A seed that was typed is kept; one that is no number is taken back."""
        seed = self._typed_seed()
        text = "" if self._base.seed is None else str(self._base.seed)
        if self.seed.isModified() and self.seed.text().strip() != text:
            if seed is None and self.seed.text().strip():
                say_below(
                    self.seed,
                    tr("The seed must be a whole number up to {most}.", most=SEED.maximum),
                )
            self.lock.setChecked(seed is not None)
            self._on_edited()
        self.seed.setModified(False)

    def _on_preset(self, settings: SamplingSettings) -> None:
        """Take a preset, or the sampling of another run; interventions stay, and act on all
        steps."""
        values = {setting.name: setting.of(settings) for setting in PUBLISHED}
        new_settings = replace(self.settings(), **values)
        acting = tuple(replace(one, step_from=0, step_to=None) for one in self.interventions())
        self.settings_changed.emit(new_settings, self._chosen, acting)

    def _on_stacked(self) -> None:
        request = self.settings(), self._chosen, self.stack.interventions
        self.settings_changed.emit(*request)

    def _on_edited(self, *_: object) -> None:
        request = self.settings(), self._chosen, self.interventions()
        self.settings_changed.emit(*request)


def _name_judgements(state: State) -> list[tuple[str, MaskJudged]]:
    """What is known of the masks that Generate would use, with what each is called."""
    single = len(masks_to_judge(state)) == 1
    return [(tr("mask") if single else effect_of(one.job.mask), one) for one in judged_masks(state)]


def _in_work(state: State) -> str:
    """That a run is drawn for the map on screen, while another layer was asked for."""
    spec, pending = state.opened.spec, pending_map(state)
    if spec is None or pending is None or pending.spec.layers == spec.layers:
        return ""
    layers = str(pending.spec.layers) or tr("the default layer")
    return tr(
        "draws for {shown} while the map of {layers} is in work",
        shown=spec.layers,
        layers=layers,
    )


def _hint(state: State, stack: tuple[Intervention, ...]) -> str:
    """``mean of 6 samples at midblock, steps 1–10``, or what is done to layers besides."""
    mask, num_steps = sole_mask(stack), state.runs.settings.num_steps
    if mask is None or not mask.acts(num_steps):
        return stack_text(stack, num_steps) or tr("nothing acts")
    layer_map = state.opened.layer_map
    layers = "+".join(mask.layers or (layer_map.layers if layer_map is not None else ()))
    last = num_steps if mask.step_to is None else min(mask.step_to, num_steps)
    parts = [
        trn(
            "mean of {number} sample at {layers}",
            "mean of {number} samples at {layers}",
            len(rows_of(stack)),
            layers=layers,
        ),
        tr("steps {first}–{last}", first=mask.step_from + 1, last=last),
    ]
    if mask.strength != 1:
        parts.append(tr("strength {strength:g}", strength=mask.strength))
    if isinstance(mask.source, SampleMean) and mask.source.weighting == "distance":
        parts.append(tr("weighted by distance"))
    return ", ".join(parts)


def _scrolling(page: QWidget) -> QScrollArea:
    """A page that scrolls where the window is low."""
    area = QScrollArea()
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its fields take the keyboard, and it follows them
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    as_panel(page)
    area.setWidget(page)
    return area
