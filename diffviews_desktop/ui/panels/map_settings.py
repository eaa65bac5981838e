"""What the map depends on besides the activations: a small window beside the map."""

from __future__ import annotations

from dataclasses import fields

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.errors import UsageError
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.labels import caption, muted, tip
from diffviews_desktop.ui.common.widgets import (
    ComboBox,
    Decimal,
    WholeNumber,
    as_panel,
    signals_blocked,
)
from diffviews_desktop.values.maps import (
    MAX_SEED,
    METRICS,
    NEIGHBORS_RANGE,
    PCA_RANGE,
    MapParameters,
    default_parameters,
)

NO_PCA = 0
DISTANCE_DECIMALS = 3
WIDTH = 400
TIPS = {
    "n_neighbors": "How many nearest samples UMAP looks at for each, itself among them: few show "
    "fine structure, many the whole",
    "min_dist": "How close UMAP may put points together",
    "metric": "How the distance between activations is measured",
    "pca_components": "How many principal components are kept before UMAP; 0 leaves PCA out",
    "n_components": "The map shows the first two; a third can be shown as colour",
    "seed": "Of every stage: the same seed makes the same map",
}


class MapSettings(QDialog):
    """Signal: ``map_requested(parameters)``, a `MapParameters`, or None for the folder's own map.

    Fields follow the map on screen until they are edited.
    """

    map_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Map settings")
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
        self.pca.setSpecialValueText("no PCA")
        self.dimensions = ComboBox()
        for dimensions in (2, 3):
            self.dimensions.addItem(str(dimensions), dimensions)
        self.seed = WholeNumber()
        self.seed.setRange(0, MAX_SEED)
        self.hint = muted()
        self.hint.setWordWrap(True)
        self.defaults = QPushButton("&Defaults")
        self.own = QPushButton("The folder's &own map")
        self.close_button = QPushButton("Close")
        self.make = QPushButton("&Make the map")
        self.make.setObjectName("primary")
        self.make.setDefault(True)
        self._build()
        self._edited_signals()
        self.defaults.clicked.connect(lambda: self._fill(_defaults()))
        self.own.clicked.connect(self._take_own)
        self.make.clicked.connect(lambda: self.map_requested.emit(self.parameters()))
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
            ("&Neighbours", "n_neighbors", self.neighbors),
            ("M&inimum distance", "min_dist", self.min_dist),
            ("Me&tric", "metric", self.metric_choice),
            ("&PCA components", "pca_components", self.pca),
            ("Dimen&sions", "n_components", self.dimensions),
            ("S&eed", "seed", self.seed),
        )
        for row, (text, name, field) in enumerate(rows):
            field.setToolTip(tip(TIPS[name]))
            field.setAccessibleName(text.replace("&", ""))
            label = caption(text, field)
            label.setToolTip(tip(TIPS[name]))
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)
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
        for box in (self.metric_choice, self.dimensions):
            box.currentIndexChanged.connect(self._set_buttons)

    # ---- in -------------------------------------------------------------------------------------

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        return state.opened, state.jobs.running

    def set_state(self, state: State) -> None:
        """Show what the map on screen was made with, unless other values were entered."""
        edited = self.parameters() != self._filled
        self._state = state
        if not edited:
            self._fill(_of(state))
            self._filled = self.parameters()
        elif self.parameters() == _of(state):  # what was asked for is there
            self._filled = self.parameters()
        self._set_buttons()

    def _fill(self, values: MapParameters) -> None:
        with signals_blocked(
            self.neighbors, self.min_dist, self.metric_choice, self.pca, self.dimensions, self.seed
        ):
            self.neighbors.setValue(values.n_neighbors)
            self.min_dist.setValue(values.min_dist)
            self.metric_choice.setCurrentIndex(self.metric_choice.findData(values.metric))
            self.pca.setValue(values.pca_components or NO_PCA)
            self.dimensions.setCurrentIndex(self.dimensions.findData(values.n_components))
            self.seed.setValue(values.seed)
        self._set_buttons()

    def _take_own(self) -> None:
        self._fill(_of(self._state))  # from now on they follow the map again
        self._filled = self.parameters()
        self.map_requested.emit(None)

    def _set_buttons(self, *_: object) -> None:
        state = self._state
        maps = [r.job.spec for r in state.jobs.running if isinstance(r.job, MapLayer)]
        pending = maps[0] if maps else None
        asked = state.opened.parameters if pending is None else pending.parameters
        if state.opened.model is None:
            why = "Open a data folder first."
        elif state.opened.model_problem:
            why = f"The model cannot run: {state.opened.model_problem}"
        elif state.opened.layer_map and pending is None and self.parameters() == _of(state):
            why = "The map on screen was made with these settings."
        else:
            why = ""
        self.make.setEnabled(not why)
        self.make.setToolTip(tip(why or "Lay out the layer on screen with these settings"))
        if state.opened.model is None:
            why_not_own = why
        elif asked is None:
            why_not_own = "That is the map on screen, or the one that is being made."
        else:
            why_not_own = ""
        self.own.setEnabled(not why_not_own)
        usual = "Go back to the map that the folder brings, or to the usual settings"
        self.own.setToolTip(tip(why_not_own or usual))
        if pending is not None:
            self.hint.setText("The map on screen stays until the new one is there.")
        else:
            self.hint.setText(why or "A map that was made before appears at once.")

    # ---- out ------------------------------------------------------------------------------------

    def parameters(self) -> MapParameters:
        """What the fields say."""
        return MapParameters(
            n_neighbors=self.neighbors.value(),
            min_dist=round(self.min_dist.value(), DISTANCE_DECIMALS),
            pca_components=self.pca.value() or None,
            seed=self.seed.value(),
            metric=self.metric_choice.currentData(),
            n_components=self.dimensions.currentData(),
        )


def _of(state: State) -> MapParameters:
    """What the map on screen was made with, as far as it is known."""
    if state.opened.parameters is not None:
        return state.opened.parameters
    said = state.opened.layer_map.parameters if state.opened.layer_map is not None else {}
    known = {f.name: said[f.name] for f in fields(MapParameters) if f.name in said}
    try:
        return MapParameters(**known) if known else _defaults()
    except UsageError:
        return _defaults()


def _defaults() -> MapParameters:
    try:
        return default_parameters()
    except UsageError:  # the environment says nonsense, which the engine reports
        return MapParameters()
