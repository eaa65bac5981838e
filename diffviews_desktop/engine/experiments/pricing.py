"""How many forward passes an experiment will take."""

from __future__ import annotations

from collections.abc import Iterable

from diffviews_desktop.engine.effects import EffectMaker
from diffviews_desktop.engine.experiments.sample_choice import ArmSamples
from diffviews_desktop.values.controls import Arm
from diffviews_desktop.values.experiments import Drawing, Experiment
from diffviews_desktop.values.interventions import LayerMean, OtherRun, rows_of
from diffviews_desktop.values.layers import LayerSet


def drawing_passes(experiment: Experiment, drawings: Iterable[Drawing], each: int) -> int:
    """Of the pictures themselves, and of the runs that they are patched from.

    Args:
        experiment: what is drawn.
        drawings: what is not there yet.
        each: passes of one run.
    """
    return sum(each * (1 + _count_traces(experiment, one.arm)) for one in drawings)


def _count_traces(experiment: Experiment, arm: Arm) -> int:
    """Other runs that are drawn for each picture of an arm."""
    if arm in ("none", "mean"):
        return 0
    sources = [one.source for one in experiment.interventions]
    others = [source for source in sources if isinstance(source, OtherRun)]
    return sum(source.seed is None or arm == "label" for source in others)


def extraction_passes(experiment: Experiment, maker: EffectMaker, choice: ArmSamples) -> int:
    """Of the samples whose activations are needed, as far as they are not stored."""
    passes, single = len(choice.samples), len(experiment.interventions) == 1
    for one in experiment.interventions:
        places = list(experiment.layer_sets) if single else [one.layers]
        if "layer" in experiment.controls:
            places.append(experiment.other_layer)
        passes += len(rows_of([one])) * len(places)
        if isinstance(one.source, LayerMean):
            passes += sum(_whole(maker, layers) for layers in places)
    return passes


def _whole(maker: EffectMaker, layers: LayerSet) -> int:
    """Samples to extract for the mean of layers: none where they are stored."""
    matrix = maker.maps.activations.whole_matrix(maker.activations(layers))
    return len(maker.opened.samples.table) if matrix is None else 0
