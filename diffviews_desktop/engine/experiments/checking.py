"""Whether an experiment can be drawn, and what was left open in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from diffviews_desktop.engine.model_settings import class_names_of
from diffviews_desktop.engine.opened_model import OpenedModel
from diffviews_desktop.errors import UsageError
from diffviews_desktop.experiments.judges import judge_for
from diffviews_desktop.text.wording import no_layer
from diffviews_desktop.values.experiments import USUAL_JUDGE, Experiment
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.regions import cells_of

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from diffviews_desktop.adapters.model import Model

MOST_PICTURES = 200_000
_SMALL = 32


def checked(experiment: Experiment, opened: OpenedModel, model: Model) -> Experiment:
    """An experiment with its seed, batch, judge and other layer chosen.

    Raises:
        UsageError: it cannot be drawn.
    """
    from diffviews_desktop.adapters.sampling import get_denoising_sigmas
    from diffviews_desktop.core.denoising import choose_seed

    s = experiment.settings
    get_denoising_sigmas(s.num_steps, s.sigma_max, s.sigma_min, s.rho)
    _check_parts(experiment, len(opened.samples.table))
    other = experiment.other_layer
    if "layer" in experiment.controls:
        other = other or _other_layer(model, experiment.layer_sets)
    _check_layers(experiment, other, opened.folder.name, model)
    small = 32 if model.facts.resolution <= _SMALL else 4
    batch = experiment.batch or (small if model.facts.device == "cpu" else 64)
    settings = replace(s, seed=choose_seed(s.noise_mode, s.seed))
    judge = experiment.judge
    if judge == USUAL_JUDGE:
        names = dict(class_names_of(opened, model.facts))
        judge = judge_for(names, model.facts.resolution)
    return replace(experiment, settings=settings, batch=batch, other_layer=other, judge=judge)


def _check_parts(experiment: Experiment, count: int) -> None:
    if not (experiment.groups and experiment.layer_sets and experiment.windows):
        raise UsageError("An experiment needs samples, layers and steps.")
    if not all(group and 0 <= min(group) <= max(group) < count for group in experiment.groups):
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
    if experiment.batch is not None and experiment.batch < 1:
        raise UsageError("The batch must be at least 1.")


def _check_layers(experiment: Experiment, other: LayerSet, name: str, model: Model) -> None:
    named = {*other, *(name for names in experiment.layer_sets for name in names)}
    for layer in sorted(named | ({experiment.features} - {""})):
        if layer not in model.facts.layers:
            raise UsageError(no_layer(name, layer, model.facts.layers))
    for layer in named:
        cells_of(experiment.region, model.facts.layers[layer], layer)


def _other_layer(model: Model, layer_sets: Sequence[LayerSet]) -> LayerSet:
    """The layer half of the network away from the first that is intervened in."""
    names = list(model.facts.layers)
    at = names.index(layer_sets[0][0]) if layer_sets[0][0] in names else 0
    return LayerSet((names[(at + len(names) // 2) % len(names)],))
