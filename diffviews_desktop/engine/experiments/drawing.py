"""Pictures of an experiment, drawn in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.engine.picture_batch import PictureBatch
from diffviews_desktop.values.conditions import AnchorClass, ClassLabel, Condition
from diffviews_desktop.values.controls import Arm
from diffviews_desktop.values.experiments import SEPARATE_ARMS, Drawing, Experiment
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet
from diffviews_desktop.values.samples import SampleTable

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from diffviews_desktop.adapters.model import Model
    from diffviews_desktop.core.intervening import Effect

VALUES_HELD = 120_000_000
"""Of all arms at some layers, in 64 bits each."""


class Batch(NamedTuple):
    """Pictures that are drawn at once: at the same layers, in the same steps; of interventions, of
    the same arm; of masks, all of the arm *channels* or none."""

    layers: LayerSet
    window: tuple[int, int]
    drawings: tuple[Drawing, ...]

    @property
    def arm(self) -> Arm:
        """The arm of the first picture."""
        return self.drawings[0].arm


class Arms(Protocol):
    """What the arms of an experiment do to layers."""

    def effects(self, batch: Batch) -> list[Effect]:
        """What hooks do while a batch is drawn."""


def batches_of(experiment: Experiment, drawings: Sequence[Drawing]) -> Iterator[Batch]:
    """Drawings in batches, in their order."""
    assert experiment.batch is not None
    for (layers, window, _), group in groupby(drawings, lambda one: _place(experiment, one)):
        same = tuple(group)
        for start in range(0, len(same), experiment.batch):
            yield Batch(layers, window, same[start : start + experiment.batch])


def _place(experiment: Experiment, drawing: Drawing) -> tuple[LayerSet, tuple[int, int], str]:
    """Where a picture's arm acts, and what it cannot share a batch with others without."""
    if drawing.arm == "none":
        return NO_LAYERS, (0, 0), ""
    window = experiment.windows[drawing.window]
    layers = experiment.layer_sets[drawing.layers]
    if drawing.arm == "layer":
        layers = experiment.other_layer
    batch_key = drawing.arm if experiment.interventions or drawing.arm in SEPARATE_ARMS else ""
    return layers, window, batch_key


def parts_of(
    batches: Iterable[Batch], model: Model, arms: int
) -> Iterator[tuple[LayerSet, list[Batch]]]:
    """Batches in turn, with the layers whose values they need: as many at a time as fit."""
    part: list[Batch] = []
    layers = NO_LAYERS
    for batch in batches:
        both = LayerSet((*layers, *batch.layers))
        values = arms * sum(model.facts.layers[name].values for name in both)
        if part and both != layers and values > VALUES_HELD:
            yield layers, part
            part, both = [], batch.layers
        layers = both
        part.append(batch)
    if part:
        yield layers, part


def draw(
    experiment: Experiment,
    model: Model,
    table: SampleTable,
    batch: Batch,
    arms: Arms,
    notes: list[str],
) -> NDArray[np.uint8]:
    """The pictures of a batch, ``(B, H, W, C)``.

    Args:
        experiment: what they are of, checked.
        model: draws them.
        table: the samples.
        batch: the pictures.
        arms: what these do.
        notes: gets what the user should know.
    """
    run = PictureBatch(
        model,
        experiment.settings,
        [condition_of(experiment, table, one.group) for one in batch.drawings],
        [experiment.seed_of(one) for one in batch.drawings],
        arms.effects(batch),
        notes,
    )
    with closing(run.steps(())) as running:
        *_, last = running
    images: NDArray[np.uint8] = model.codec.decode(last.denoised).numpy()
    return images


def condition_of(experiment: Experiment, table: SampleTable, group: int) -> Condition:
    """What the model is told of a group's pictures."""
    if not isinstance(experiment.condition, AnchorClass):
        return experiment.condition
    return ClassLabel(int(table.class_label[experiment.groups[group][0]]))
