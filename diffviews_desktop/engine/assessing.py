"""Assessing a map: how well classes are read from it, what of that is the label, what the seed
decides."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32, flatten_layers
from diffviews_desktop.engine.extraction import SampleExtraction
from diffviews_desktop.engine.jobs.mapping import AssessMap
from diffviews_desktop.engine.maps import MapMaker
from diffviews_desktop.engine.opened_model import OpenedModel
from diffviews_desktop.errors import Cancelled, DiffViewsError, explain
from diffviews_desktop.processing.alike import first_alike
from diffviews_desktop.processing.class_reading import (
    chance_of_reading,
    commonest,
    nearest_others,
    wrong_classes,
)
from diffviews_desktop.processing.layout import Stage, layout
from diffviews_desktop.processing.neighbors import neighbor_graph
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.processing.quality import JUDGED_NEIGHBORS
from diffviews_desktop.processing.stability import compare_maps
from diffviews_desktop.values.assessment import ClassReading, MapAssessment, Stability
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MAX_SEED, MapParameters, MapSpec
from diffviews_desktop.values.sample_groups import LevelStack
from diffviews_desktop.values.told import OWN_CONDITION

MOST_TOLD = 500
"""Samples that are told a wrong class; their figures are right to about 0.02."""
FEWEST_SAMPLES = 4
_SEED = 0


def assess_map(job: AssessMap, maps: MapMaker, opened: OpenedModel) -> MapAssessment:
    """Find out about a map what takes longer than making it; see `MapAssessment`."""
    spec = maps.complete(opened, job.spec)
    projector = maps.projector(opened, spec)
    notes: list[str] = []
    parameters = maps.parameters_of(opened, spec)
    stack = None
    if parameters.aligned:
        stack = LevelStack.of(opened.samples.table).take(projector.rows)
    classes = _Classes.of(opened, projector, stack)
    reading = None
    if classes is None:
        notes.append("The samples have less than two classes to read.")
    else:
        reading = classes.read(maps)
        try:
            reading = _with_told(reading, classes, maps, opened, spec)
        except Cancelled:
            raise
        except DiffViewsError as error:
            notes.append(f"What a wrong class does was not measured: {explain(error)}")
    stability = _stability(maps, opened, projector, parameters, job.seeds, stack)
    return MapAssessment(reading, stability, tuple(notes))


@dataclass(frozen=True, eq=False)
class _Classes:
    """Samples on a map whose class is known.

    Attributes:
        projector: the map.
        rows: the samples, in the table ``(M,)``.
        classes: theirs ``(M,)``.
        levels: their noise levels ``(M,)``.
        places, reduced: where they lie.
        stack: of aligned maps, the noise levels, among each of which alone neighbours are looked
            for on the map.
    """

    projector: Projector
    rows: NDArray[np.int64]
    classes: NDArray[np.int32]
    levels: Float32
    places: Float32
    reduced: Float32
    stack: LevelStack | None = None

    @classmethod
    def of(
        cls, opened: OpenedModel, projector: Projector, stack: LevelStack | None
    ) -> _Classes | None:
        """Those of a map; None where they are of fewer than two classes."""
        table = opened.samples.table
        positions = np.flatnonzero(table.class_label[projector.rows] >= 0)
        rows = projector.rows[positions]
        classes = table.class_label[rows]
        if len(np.unique(classes)) < 2:
            return None
        places, reduced = projector.places[positions], projector.reduced[positions]
        among = None if stack is None else stack.take(positions)
        return cls(projector, rows, classes, table.sigma[rows], places, reduced, among)

    @property
    def neighbors(self) -> int:
        """How many neighbours are asked."""
        return min(JUDGED_NEIGHBORS, len(self.rows) - 1)

    def read(self, maps: MapMaker) -> ClassReading:
        """How well classes are read from the map and from the layer."""
        k = self.neighbors

        def tell(part: float) -> None:
            maps.host.progress("reading classes", part)

        places = _separate(self.places, self.stack)
        near = neighbor_graph(places, k, lambda part: tell(0.5 * part)).index
        layer_near = neighbor_graph(self.reduced, k, lambda part: tell(0.5 + 0.5 * part)).index
        return ClassReading(
            neighbors=k,
            on_map=float((commonest(self.classes, near) == self.classes).mean()),
            in_layer=float((commonest(self.classes, layer_near) == self.classes).mean()),
            chance=chance_of_reading(self.classes, self.levels, near),
        )


def _with_told(
    reading: ClassReading,
    classes: _Classes,
    maps: MapMaker,
    opened: OpenedModel,
    spec: MapSpec,
) -> ClassReading:
    """With what a wrong class does, where the samples were told their class.

    Raises:
        DiffViewsError: the model cannot run.
    """
    if spec.told != OWN_CONDITION or opened.brings(spec.layers) is not None:
        return reading
    taught = np.flatnonzero(classes.classes < maps.host.model_of(opened).facts.num_classes)
    if len(np.unique(classes.classes[taught])) < 2:
        return reading
    sample = np.sort(np.random.default_rng(_SEED).permutation(len(taught))[:MOST_TOLD])
    labels = opened.samples.table.class_label.copy()
    labels[classes.rows[taught]] = wrong_classes(classes.classes[taught], _SEED)
    sample_rows, places = _places_when_told(
        labels, classes.rows[taught[sample]], classes.projector, maps, opened, spec.layers
    )
    if not sample_rows:
        return reading
    members = np.searchsorted(classes.rows, sample_rows)
    near = _nearest_on_map(classes, places, members, reading.neighbors)
    read = commonest(classes.classes, near)
    return replace(
        reading,
        told=float((read == labels[sample_rows]).mean()),
        shown=float((read == classes.classes[members]).mean()),
        told_samples=len(sample_rows),
    )


def _nearest_on_map(
    classes: _Classes, places: Float32, members: NDArray[np.int64], k: int
) -> NDArray[np.int64]:
    """The samples nearest on the map to places of samples ``members``, of aligned maps at the level
    of each."""
    if classes.stack is None:
        return nearest_others(classes.places, places, members, k)
    both = classes.stack.take(np.concatenate([np.arange(len(classes.rows)), members]))
    positions = both.spread(np.concatenate([classes.places, places]))
    return nearest_others(
        positions[: len(classes.rows)], positions[len(classes.rows) :], members, k
    )


def _separate(places: Float32, stack: LevelStack | None) -> NDArray:
    """Places whose nearest are those on the map: of aligned maps those of the same level."""
    return places if stack is None else stack.spread(places)


def _places_when_told(
    labels: NDArray[np.int32],
    rows: NDArray[np.int64],
    projector: Projector,
    maps: MapMaker,
    opened: OpenedModel,
    layers: LayerSet,
) -> tuple[list[int], Float32]:
    """Extract some samples again, told other classes ``labels (N,)``: those whose picture can be
    read, and where they lie then."""
    host, model = maps.host, maps.host.model_of(opened)
    extraction = SampleExtraction(
        model,
        replace(opened.samples.table, class_label=labels),
        layers,
        opened.folder.config.extraction_input,
        OWN_CONDITION,
        check=host.check,
        interruptible=lambda: host.interruptible(model),
    )
    sample_rows: list[int] = []
    places = [np.empty((0, projector.places.shape[1]), np.float32)]
    for batch, values in extraction.batches(rows.tolist()):
        placement = projector.transform(flatten_layers(values))
        third = [] if placement.z is None else [placement.z]
        places.append(np.column_stack([placement.xy, *third]))
        sample_rows += batch
        host.progress("telling wrong classes", len(sample_rows) / len(rows))
    return sample_rows, np.concatenate(places)


@dataclass(frozen=True)
class _Turn:
    """Tells the progress of one of several maps."""

    maps: MapMaker
    which: str

    def __call__(self, stage: Stage) -> None:
        self.maps.host.progress(f"{self.which}: {stage.name}", stage.fraction)


def _stability(
    maps: MapMaker,
    opened: OpenedModel,
    projector: Projector,
    parameters: MapParameters,
    seeds: int,
    stack: LevelStack | None,
) -> Stability | None:
    """Compare the map with others that differ in their seed alone; samples of the same activations
    count once, on aligned maps, which look at each level, as often as they are there."""
    distinct = np.arange(len(projector.rows))
    if stack is None:
        distinct = np.flatnonzero(first_alike(projector.reduced) == distinct)
    if seeds < 2 or len(distinct) < FEWEST_SAMPLES:
        return None
    parameters = replace(parameters, n_components=projector.places.shape[1])
    all_seeds = tuple((parameters.seed + turn) % (MAX_SEED + 1) for turn in range(seeds))
    layouts = [projector.places[distinct]]
    for turn, seed in enumerate(all_seeds[1:], start=2):
        report = _Turn(maps, f"seed {turn} of {seeds}")
        variant = replace(parameters, seed=seed)
        layouts.append(layout(projector.reduced[distinct], variant, report, stack))
    classes = opened.samples.table.class_label[projector.rows[distinct]]
    k = min(JUDGED_NEIGHBORS, len(distinct) - 1)
    pairs = [
        compare_maps(
            layouts[one],
            layouts[other],
            classes,
            k,
            lambda part: maps.host.progress("comparing seeds", part),
            stack,
        )
        for one in range(seeds)
        for other in range(one + 1, seeds)
    ]
    return Stability(
        seeds=all_seeds,
        kept=tuple(pair.kept for pair in pairs),
        disparity=tuple(pair.disparity for pair in pairs),
        order=tuple(pair.order for pair in pairs if pair.order is not None),
    )
