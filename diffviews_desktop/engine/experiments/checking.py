"""Whether an experiment can be drawn, and what was left open in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from diffviews_desktop.engine.effects import EffectMaker
from diffviews_desktop.engine.maps import MapMaker
from diffviews_desktop.engine.model_settings import class_names_of
from diffviews_desktop.engine.opened_model import Host, OpenedModel
from diffviews_desktop.errors import UsageError
from diffviews_desktop.experiments.judges import judge_for
from diffviews_desktop.text.wording import no_layer
from diffviews_desktop.values.conditions import AnchorClass
from diffviews_desktop.values.controls import why_no_control
from diffviews_desktop.values.experiments import USUAL_JUDGE, Experiment
from diffviews_desktop.values.interventions import Component, Intervention, SavedVector
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.regions import cells_of

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from diffviews_desktop.adapters.model import Model

MOST_PICTURES = 200_000
MOST_BATCH = 4096
SMALL = 32
"""Pixels of pictures that are drawn quickly even on a CPU."""


def check_experiment(
    experiment: Experiment, host: Host, maps: MapMaker, opened: OpenedModel
) -> Experiment:
    """An experiment with its seed, batch, judge and other layer chosen, and the layers and steps of
    its interventions.

    Raises:
        UsageError: it cannot be drawn.
    """
    from diffviews_desktop.adapters.sampling import get_denoising_sigmas
    from diffviews_desktop.core.denoising import choose_seed

    model, s = host.model_of(opened), experiment.settings
    get_denoising_sigmas(s.num_steps, s.sigma_max, s.sigma_min, s.rho)
    _check_parts(experiment, len(opened.samples.table))
    _check_controls(experiment, model.num_classes > 1)
    other = experiment.other_layer
    if "layer" in experiment.controls:
        other = other or _other_layer(model, experiment.layer_sets)
    _check_layers(experiment, other, opened.folder.name, model)
    maker = maker_of(experiment, host, maps, opened)
    acting = maker.check(experiment.interventions)
    _check_vectors(maker, acting, experiment.layer_sets)
    small = 32 if model.facts.resolution <= SMALL else 4
    batch = experiment.batch or (small if model.facts.device == "cpu" else 64)
    settings = replace(s, seed=choose_seed(s.noise_mode, s.seed))
    judge = experiment.judge
    if judge == USUAL_JUDGE:
        names = dict(class_names_of(opened, model.facts))
        judge = judge_for(names, model.facts.resolution)
    return replace(
        experiment,
        settings=settings,
        batch=batch,
        other_layer=other,
        judge=judge,
        interventions=acting,
    )


def maker_of(
    experiment: Experiment, host: Host, maps: MapMaker, opened: OpenedModel
) -> EffectMaker:
    """What makes the effects of an experiment's interventions."""
    layers = experiment.map_layers or experiment.layer_sets[0]
    spec = MapSpec(opened.folder.name, layers, experiment.parameters, experiment.told)
    return EffectMaker(host, maps, opened, spec)


def _check_parts(experiment: Experiment, count: int) -> None:
    if not (experiment.groups and experiment.layer_sets and experiment.windows):
        raise UsageError("An experiment needs samples, layers and steps.")
    groups = [group for group in experiment.groups if group or not experiment.interventions]
    if not all(group and 0 <= min(group) <= max(group) < count for group in groups):
        raise UsageError(f"The samples of a mask must be between 0 and {count - 1}.")
    if any(not 0 <= first < last for first, last in experiment.windows):
        raise UsageError("A window of steps begins at 0 or later, and ends after it begins.")
    if experiment.seeds < 1 or experiment.count > MOST_PICTURES:
        raise UsageError(
            f"An experiment draws at most {MOST_PICTURES:,} pictures, not "
            f"{experiment.count:,}. Take fewer anchors, seeds, layers or controls."
        )
    if not 0 <= experiment.strength <= 1:
        raise UsageError(f"The strength must be between 0 and 1, not {experiment.strength}.")
    places = len(experiment.layer_sets) * len(experiment.windows)
    if len(experiment.interventions) > 1 and places > 1:
        raise UsageError(
            "Several interventions each act at their own layers and steps: name a single one to "
            "compare layers or windows of steps."
        )
    if isinstance(experiment.condition, AnchorClass) and not experiment.groups[0]:
        raise UsageError("There is no anchor whose class could be told. Choose a class, or none.")
    if experiment.batch is not None and experiment.batch < 1:
        raise UsageError("The batch must be at least 1.")
    together = min(experiment.batch or 1, experiment.count)
    if together > MOST_BATCH:
        raise UsageError(
            f"At most {MOST_BATCH:,} pictures are drawn at once, not {together:,}. Take a smaller "
            "batch."
        )


def _check_vectors(
    maker: EffectMaker, acting: Sequence[Intervention], layer_sets: Sequence[LayerSet]
) -> None:
    """Whether saved vectors and components have values of the layers."""
    for one in acting:
        if isinstance(one.source, SavedVector | Component):
            for layers in layer_sets if len(acting) == 1 else (one.layers,):
                maker.vectors(replace(one, layers=layers))


def _check_controls(experiment: Experiment, classes: bool) -> None:
    for control in experiment.controls:
        for one in experiment.acting:
            reason = why_no_control(control, one, classes)
            if reason:
                raise UsageError(f"{reason} Leave it out.")


def _check_layers(experiment: Experiment, other: LayerSet, name: str, model: Model) -> None:
    layer_names = {*other, *(name for names in experiment.layer_sets for name in names)}
    for layer in sorted(layer_names | ({experiment.features} - {""})):
        if layer not in model.facts.layers:
            raise UsageError(no_layer(name, layer, model.facts.layers))
    regions = [one.region for one in experiment.interventions] or [experiment.region]
    for layer in layer_names:
        for region in regions:
            cells_of(region, model.facts.layers[layer], layer)


def _other_layer(model: Model, layer_sets: Sequence[LayerSet]) -> LayerSet:
    """The layer half of the network away from the first that is intervened in."""
    names = list(model.facts.layers)
    at = names.index(layer_sets[0][0]) if layer_sets[0][0] in names else 0
    return LayerSet((names[(at + len(names) // 2) % len(names)],))
