"""What the map depends on besides the activations: a small window beside the map."""

from __future__ import annotations

from dataclasses import fields

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.actions import maps
from diffviews_desktop.actions.reasons import NO_FOLDER, model_cannot_run
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.errors import UsageError
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.fact_table import FactTable
from diffviews_desktop.ui.common.labels import Label, caption, muted_label, tip
from diffviews_desktop.ui.common.told_choice import ToldChoice
from diffviews_desktop.ui.common.widgets import (
    ComboBox,
    Decimal,
    WholeNumber,
    as_panel,
    signals_blocked,
)
from diffviews_desktop.values.map_quality import Fact
from diffviews_desktop.values.maps import (
    MAX_SEED,
    METRICS,
    NEIGHBORS_RANGE,
    PCA_RANGE,
    MapParameters,
    default_parameters,
)
from diffviews_desktop.values.told import OWN_CONDITION, Told, described_told

NO_PCA = 0
ALIGNED = "aligned"
NOT_ALIGNED = tr("All samples have the same noise level: there is nothing to align.")
MOST_FACTS = 7
MOST_LEVELS = 40
NOT_MEASURED = tr("This map was not measured. A map that is made now is.")
DISTANCE_DECIMALS = 3
WIDTH = 400
TIPS = {
    "n_neighbors": tr(
        "How many nearest samples UMAP looks at for each, itself among them: few show "
        "fine structure, many the whole"
    ),
    "min_dist": tr("How close UMAP may put points together"),
    "metric": tr("How the distance between activations is measured"),
    "pca_components": tr("How many principal components are kept before UMAP; 0 leaves PCA out"),
    "n_components": tr("The map shows the first two; a third can be shown as colour"),
    "level": tr(
        "All samples on one map; one map per noise level, in one frame, so that a picture "
        "lies at like places on all of them, which the 3-D view stacks; or the samples of one "
        "level alone: then the map shows what else they differ in"
    ),
    "seed": tr("Of every stage: the same seed makes the same map"),
}


class MapSettings(QDialog):
    """Signals: ``map_requested(parameters, told)``: a `MapParameters`, or None for the folder's own
    map; and what its samples are to be told: a `Told`, ``both`` for two maps, or None for what the
    folder or the model goes by; and ``assess_requested()``.

    Fields follow the map on screen until they are edited.
    """

    map_requested = Signal(object, object)
    assess_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Map settings"))
        as_panel(self)
        self._state = State()
        self._filled = MapParameters()
        self.neighbors = WholeNumber()
        self.neighbors.setRange(*NEIGHBORS_RANGE)
        self.min_dist = Decimal()
        self.min_dist.setDecimals(DISTANCE_DECIMALS)
        self.min_dist.setRange(0.0, 1 - 10**-DISTANCE_DECIMALS)
        self.min_dist.setSingleStep(0.05)
        self.metric_choice = ComboBox()
        for metric in METRICS:
            self.metric_choice.addItem(metric, metric)
        self.pca = WholeNumber()
        self.pca.setRange(NO_PCA, PCA_RANGE[1])
        self.pca.setSpecialValueText(tr("no PCA"))
        self.dimensions = ComboBox()
        for dimensions in (2, 3):
            self.dimensions.addItem(str(dimensions), dimensions)
        self.level = ComboBox()
        self.seed = WholeNumber()
        self.seed.setRange(0, MAX_SEED)
        self.told = ToldChoice()
        self._told_filled: Told | str | None = None
        self.hint = muted_label()
        self.hint.setWordWrap(True)
        self.figures = FactTable(MOST_FACTS)
        self.verdict = muted_label()
        self.verdict.setWordWrap(True)
        self.assess = QPushButton(tr("&Assess"))
        self.assess.setAutoDefault(False)
        self.assess.clicked.connect(self.assess_requested)
        self.defaults = QPushButton(tr("&Defaults"))
        self.own = QPushButton(tr("The folder's &own map"))
        self.close_button = QPushButton(tr("Close"))
        self.make = QPushButton(tr("&Make the map"))
        self.make.setObjectName("primary")
        self.make.setDefault(True)
        self._build()
        self._edited_signals()
        self.defaults.clicked.connect(lambda: self._fill(_defaults()))
        self.own.clicked.connect(self._take_own)
        self.make.clicked.connect(self._ask)
        self.close_button.clicked.connect(self.close)
        self._fill(self._filled)
        self.set_state(self._state)
        theme.dress(self)

    def _build(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        rows: tuple[tuple[str, str, QWidget], ...] = (
            (tr("&Neighbours"), "n_neighbors", self.neighbors),
            (tr("M&inimum distance"), "min_dist", self.min_dist),
            (tr("Me&tric"), "metric", self.metric_choice),
            (tr("&PCA components"), "pca_components", self.pca),
            (tr("Dimen&sions"), "n_components", self.dimensions),
            (tr("Noise le&vels"), "level", self.level),
            (tr("S&eed"), "seed", self.seed),
        )
        for row, (text, name, field) in enumerate(rows):
            field.setToolTip(tip(TIPS[name]))
            field.setAccessibleName(text.replace("&", ""))
            label = caption(text, field)
            label.setToolTip(tip(TIPS[name]))
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)
        told = tr("Samp&les are told")
        self.told.list.setAccessibleName(told.replace("&", ""))
        self._told_label = caption(told, self.told.list)
        grid.addWidget(self._told_label, len(rows), 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self.told, len(rows), 1)
        starting = QHBoxLayout()
        starting.setSpacing(8)
        starting.addWidget(self.defaults)
        starting.addWidget(self.own)
        starting.addStretch()
        ending = QHBoxLayout()
        ending.setSpacing(8)
        ending.addStretch()
        ending.addWidget(self.close_button)
        ending.addWidget(self.make)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(12)
        column.addLayout(grid)
        column.addLayout(starting)
        column.addWidget(self.hint)
        heading = QHBoxLayout()
        title = Label(tr("How well the map shows its layer"))
        title.setProperty("strong", True)
        heading.addWidget(title, 1)
        heading.addWidget(self.assess)
        column.addLayout(heading)
        column.addWidget(self.figures)
        column.addWidget(self.verdict)
        column.addStretch()
        column.addLayout(ending)
        for button in (self.defaults, self.own, self.close_button):
            button.setAutoDefault(False)
        self.setFixedWidth(WIDTH)
        lines = 2 * self.fontMetrics().lineSpacing()
        self.hint.setMinimumHeight(lines)

    def _edited_signals(self) -> None:
        for number in (self.neighbors, self.pca, self.min_dist, self.seed):
            number.valueChanged.connect(self._set_buttons)
        for box in (self.metric_choice, self.dimensions, self.level):
            box.currentIndexChanged.connect(self._set_buttons)
        self.told.edited.connect(self._set_buttons)

    # ---- in -------------------------------------------------------------------------------------

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        return state.opened, state.jobs.running

    def set_state(self, state: State) -> None:
        """Show what the map on screen was made with, unless other values were entered."""
        edited = self.parameters() != self._filled
        told_edited = self.told_choice() != self._told_filled
        self._state = state
        self.told.offer(state)
        for widget in (self._told_label, self.told.list, self.told.prompt):
            widget.setToolTip(tip(_told_tip(state)))
        if not edited:
            self._fill(_of(state))
            self._filled = self.parameters()
        else:
            with signals_blocked(self.level):
                self._list_levels(self.level.currentData())
            if self.parameters() == _of(state):  # what was asked for is there
                self._filled = self.parameters()
        if not told_edited or self.told_choice() == _told_of(state):
            self._choose_told(_told_of(state))
        self._show_figures()
        self._set_buttons()

    def _choose_told(self, told: Told | str | None) -> None:
        self.told.choose(told)
        self._told_filled = self.told_choice()

    def _show_figures(self) -> None:
        """Show what is known of how well the map on screen shows its layer."""
        layer_map, assessment = self._state.opened.layer_map, self._state.opened.assessment
        facts: tuple[Fact, ...] = ()
        if layer_map is not None:
            facts = layer_map.quality.facts(layer_map.trustworthiness)
        text = "" if facts else NOT_MEASURED
        if assessment is not None:
            facts += assessment.facts()
            verdict = () if assessment.stability is None else (assessment.stability.verdict,)
            text = " ".join((*verdict, *assessment.notes))
        self.figures.set_facts(facts)
        self.verdict.setText(text)
        self.verdict.setVisible(bool(text))
        reason = maps.why_not_assess(self._state)
        self.assess.setEnabled(not reason)
        self.assess.setToolTip(tip(reason or maps.ASSESS.meaning))

    def _fill(self, values: MapParameters) -> None:
        with signals_blocked(
            self.neighbors,
            self.min_dist,
            self.metric_choice,
            self.pca,
            self.dimensions,
            self.level,
            self.seed,
        ):
            self._list_levels(ALIGNED if values.aligned else values.level)
            self.neighbors.setValue(values.n_neighbors)
            self.min_dist.setValue(values.min_dist)
            self.metric_choice.setCurrentIndex(self.metric_choice.findData(values.metric))
            self.pca.setValue(values.pca_components or NO_PCA)
            self.dimensions.setCurrentIndex(self.dimensions.findData(values.n_components))
            self.seed.setValue(values.seed)
        self._set_buttons()

    def _ask(self) -> None:
        told = self.told_choice()
        if told == _told_of(self._state):  # however that came about
            told = self._state.opened.told
        self.map_requested.emit(self.parameters(), told)

    def _list_levels(self, choice: float | str | None) -> None:
        """Offer what can be done with the noise levels of the samples, with a choice made."""
        samples = self._state.opened.samples
        levels = samples.levels if samples is not None else ()
        choices = list(levels) if len(levels) <= MOST_LEVELS else []
        if isinstance(choice, float) and choice not in choices:
            choices = sorted([*choices, choice])
        data = [None, ALIGNED, *choices]
        if [self.level.itemData(at) for at in range(self.level.count())] != data:
            self.level.clear()
            self.level.addItem(tr("all on one map"), None)
            self.level.addItem(tr("one map each, aligned"), ALIGNED)
            for level in choices:
                self.level.addItem(tr("σ {level:g} alone", level=level), level)
        model = self.level.model()
        assert isinstance(model, QStandardItemModel)
        why_not = NOT_ALIGNED if len(levels) == 1 and choice != ALIGNED else ""
        model.item(1).setEnabled(not why_not)
        self.level.setItemData(1, tip(why_not), Qt.ItemDataRole.ToolTipRole)
        self.level.setCurrentIndex(data.index(choice))

    def _take_own(self) -> None:
        self._fill(_of(self._state))  # from now on they follow the map again
        self._filled = self.parameters()
        self._told_filled = self.told_choice()
        self.map_requested.emit(None, None)

    def _set_buttons(self, *_: object) -> None:
        state = self._state
        specs = [r.job.spec for r in state.jobs.running if isinstance(r.job, MapLayer)]
        pending = specs[0] if specs else None
        parameters = state.opened.parameters if pending is None else pending.parameters
        told = state.opened.told if pending is None else pending.told
        if state.opened.model is None:
            reason = NO_FOLDER
        elif state.opened.model_problem:
            reason = model_cannot_run(state)
        elif (
            state.opened.layer_map
            and pending is None
            and self.parameters() == _of(state)
            and self.told_choice() == _told_of(state)
        ):
            reason = tr("The map on screen was made with these settings.")
        else:
            reason = self.told.why_not()
        self.make.setEnabled(not reason)
        self.make.setToolTip(tip(reason or tr("Lay out the layer on screen with these settings")))
        if state.opened.model is None:
            why_not_own = reason
        elif parameters is None and told is None:
            why_not_own = tr("That is the map on screen, or the one that is being made.")
        else:
            why_not_own = ""
        self.own.setEnabled(not why_not_own)
        usual = tr("Go back to the map that the folder brings, or to the usual settings")
        self.own.setToolTip(tip(why_not_own or usual))
        if pending is not None:
            self.hint.setText(tr("The map on screen stays until the new one is there."))
        else:
            self.hint.setText(reason or tr("A map that was made before appears at once."))

    # ---- out ------------------------------------------------------------------------------------

    def told_choice(self) -> Told | str | None:
        """What the samples are to be told: see `map_requested`."""
        return self.told.value()

    def parameters(self) -> MapParameters:
        """What the fields say."""
        return MapParameters(
            n_neighbors=self.neighbors.value(),
            min_dist=round(self.min_dist.value(), DISTANCE_DECIMALS),
            pca_components=self.pca.value() or None,
            seed=self.seed.value(),
            metric=self.metric_choice.currentData(),
            n_components=self.dimensions.currentData(),
            level=None if self.level.currentData() == ALIGNED else self.level.currentData(),
            aligned=self.level.currentData() == ALIGNED,
        )


def _told_tip(state: State) -> str:
    """What the choice of what samples are told is for."""
    return tr(
        "What the model is told of each sample when its layers are extracted. Where samples are "
        "{told}, they may lie together because of the word rather than the picture",
        told=described_told(OWN_CONDITION, state.opened.takes_prompts),
    )


def _told_of(state: State) -> Told | None:
    """What the samples of the map on screen were told."""
    return state.opened.map_told


def _of(state: State) -> MapParameters:
    """What the map on screen was made with, as far as it is known."""
    if state.opened.parameters is not None:
        return state.opened.parameters
    values = state.opened.layer_map.parameters if state.opened.layer_map is not None else {}
    arguments = {f.name: values[f.name] for f in fields(MapParameters) if f.name in values}
    try:
        return MapParameters(**arguments) if arguments else _defaults()
    except UsageError:
        return _defaults()


def _defaults() -> MapParameters:
    try:
        return default_parameters()
    except UsageError:  # the environment says nonsense, which the engine reports
        return MapParameters()
