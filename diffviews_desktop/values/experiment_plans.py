"""From interventions as they are drawn with to an experiment that compares them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.directions import DirectionInfo
from diffviews_desktop.values.experiments import Experiment
from diffviews_desktop.values.interventions import Intervention, SampleMean, SavedVector
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapSpec


def is_plain_mask(interventions: Sequence[Intervention]) -> bool:
    """Whether a mean in which all samples count the same is all that acts, in both halves of
    guidance: then masks of other samples can be compared, too."""
    if len(interventions) != 1:
        return False
    (one,) = interventions
    equal = isinstance(one.source, SampleMean) and one.source.weighting == "equal"
    return one.verb == "replace" and equal and one.conditional and one.unconditional


def experiment_of(
    interventions: Sequence[Intervention],
    spec: MapSpec,
    steps: int,
    directions: Iterable[DirectionInfo] = (),
    **further: Any,
) -> Experiment:
    """What draws interventions and their controls, where and when they act.

    Args:
        interventions: those that are switched on, at least one.
        spec: the map whose layers they act on that name no others.
        steps: of a run.
        directions: the saved vectors of the model.
        further: other fields of the experiment, which replace these.
    """
    vectors = list(directions)
    layers = LayerSet(name for one in interventions for name in _layers(one, spec, vectors))
    ends = [steps if one.step_to is None else min(one.step_to, steps) for one in interventions]
    window = min(one.step_from for one in interventions), max(ends)
    fields: dict[str, Any] = {"model": spec.model, "layer_sets": (layers,), "windows": (window,)}
    if is_plain_mask(interventions):
        (mask,) = interventions
        assert isinstance(mask.source, SampleMean)
        fields |= {"groups": (mask.source.rows,)}
        fields |= {"strength": mask.strength, "region": mask.region}
    else:
        fields |= {"interventions": tuple(interventions), "map_layers": spec.layers}
        fields |= {"parameters": spec.parameters}
    return Experiment(**{**fields, **further})


def _layers(one: Intervention, spec: MapSpec, directions: Sequence[DirectionInfo]) -> LayerSet:
    """Where an intervention acts: a saved vector at its own layers, if it names none."""
    if not one.layers and isinstance(one.source, SavedVector):
        for info in directions:
            if info.name == one.source.name:
                return info.layers
    return one.layers or spec.layers


def windows_of(steps: int, parts: int) -> tuple[tuple[int, int], ...]:
    """So many parts of a run, as equal as can be: each the first step, and the one after the last.

    Raises:
        ValueError: there are not so many steps.
    """
    if not 1 <= parts <= steps:
        raise ValueError(
            tr(
                "A run of {steps} steps has 1 to {steps} parts, not {parts}.",
                steps=steps,
                parts=parts,
            )
        )
    return tuple(pairwise(round(part * steps / parts) for part in range(parts + 1)))
