"""An experiment as records and reports write it: values that JSON knows, and back."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from diffviews_desktop.values.conditions import choice_of, from_choice
from diffviews_desktop.values.experiments import Experiment
from diffviews_desktop.values.intervention_records import interventions_of, plain
from diffviews_desktop.values.told import OWN_CONDITION, read_told, told_text

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def experiment_text(experiment: Experiment) -> dict[str, Any]:
    """An experiment as JSON has it.

    Raises:
        ValueError: a condition is a prompt, which this form cannot hold.
    """
    fields = asdict(replace(experiment, interventions=()))
    if experiment.interventions:
        fields["interventions"] = plain(experiment.interventions)
        fields["map_layers"] = list(experiment.map_layers)
    else:  # as it was written before there were others than masks
        for name in ("interventions", "map_layers", "parameters"):
            del fields[name]
    fields["layer_sets"] = [list(layers) for layers in experiment.layer_sets]
    fields["other_layer"] = list(experiment.other_layer)
    settings = fields["settings"]
    settings = {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}
    return {
        **fields,
        "settings": settings,
        "groups": [list(group) for group in experiment.groups],
        "windows": [list(window) for window in experiment.windows],
        "controls": list(experiment.controls),
        "condition": choice_of(experiment.condition),
        "told": told_text(experiment.told),
    }


def read_experiment(fields: dict[str, Any]) -> Experiment:
    """The experiment that `experiment_text` has written.

    Raises:
        ValueError: something is missing or makes no sense.
    """
    values = dict(fields)
    told = read_told(values.pop("told", told_text(OWN_CONDITION)))
    condition = from_choice(values.pop("condition", ""))
    interventions = interventions_of(values.pop("interventions", []))
    return _adapter().validate_python(
        {**values, "condition": condition, "told": told, "interventions": interventions}
    )


@cache
def _adapter() -> TypeAdapter[Experiment]:
    from pydantic import TypeAdapter

    return TypeAdapter(Experiment)
