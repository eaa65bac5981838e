"""The form of a job in records of format 1, which is older than folders, maps and interventions as
values: it has the settings of a mask among those of sampling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid
from diffviews_desktop.values.conditions import choice_of, from_choice
from diffviews_desktop.values.intervention_records import adapter, interventions_of, plain
from diffviews_desktop.values.interventions import (
    PICKED,
    Intervention,
    SampleMean,
    sole_mask,
)
from diffviews_desktop.values.told import OWN_CONDITION, read_told, told_text

_JOBS: TypeAdapter[Generate | GenerateGrid] = TypeAdapter(Generate | GenerateGrid)


def flatten(job: Generate | GenerateGrid) -> dict[str, Any]:
    """A job as a record holds it: values that JSON knows.

    A mask that is all that acts is told by ``rows`` and ``settings``, as it always was; everything
    else by a list of ``interventions``.
    """
    without = {"condition", "interventions", "varied"}
    fields = _JOBS.dump_python(replace(job, job_id=0), mode="json", exclude=without)
    folder, spec = fields.pop("folder"), fields.pop("spec")
    parameters, told_samples = spec.pop("parameters"), job.spec.told
    spec["told"] = None if told_samples is None else told_text(told_samples)
    overrides = folder.pop("overrides")
    mask = sole_mask(job.interventions)
    template = mask if mask is not None else PICKED
    fields["settings"] = _with_mask(fields["settings"], template)
    extra: dict[str, Any] = {}
    if mask is None and job.interventions:
        extra["interventions"] = plain(job.interventions)
        if isinstance(job, GenerateGrid) and job.varied:
            extra["varied"] = job.varied
    assert isinstance(template.source, SampleMean)
    return {
        "job_id": fields.pop("job_id"),
        "source": {**folder, **overrides, "parameters": parameters},
        **spec,
        "rows": list(template.source.rows),
        **fields,
        **extra,
        "class_choice": choice_of(job.condition),
    }


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a job of format 1.

    Raises:
        ValueError: something is missing or makes no sense.
    """
    fields = dict(flat)
    source = fields.pop("source", None)
    if not isinstance(source, dict):
        raise ValueError("source: there must be one")
    overrides = dict(source)
    folder = {name: overrides.pop(name) for name in ("path", "max_classes") if name in overrides}
    parameters = overrides.pop("parameters", None)
    spec = {name: fields.pop(name) for name in ("model", "layers") if name in fields}
    # records without it are older than there was a choice: their samples were told their class
    text = fields.pop("told", told_text(OWN_CONDITION))
    told = None if text is None else read_told(text)
    condition = from_choice(fields.pop("class_choice", ""))
    settings, mask = _without_mask(fields.pop("settings", None), fields.pop("rows", ()))
    records = fields.pop("interventions", None)
    return {
        **fields,
        "job_id": 0,
        "condition": condition,
        "folder": {**folder, "overrides": overrides},
        "spec": {**spec, "parameters": parameters, "told": told},
        "settings": settings,
        "interventions": mask if records is None else interventions_of(records),
    }


def _with_mask(settings: Mapping[str, Any], mask: Intervention) -> dict[str, Any]:
    assert isinstance(mask.source, SampleMean)
    steps = settings["num_steps"]
    return {
        "num_steps": steps,
        "mask_steps": steps if mask.step_to is None else mask.step_to,
        **settings,
        "mask_from": mask.step_from,
        "strength": mask.strength,
        "weighting": mask.source.weighting,
        "mask_unconditional": mask.unconditional,
        "mask_layers": list(mask.layers),
    }


def _without_mask(settings: Any, rows: Any) -> tuple[dict[str, Any], tuple[Intervention, ...]]:
    """Settings of sampling, and the mask that was told with them; none without rows."""
    if not isinstance(settings, dict) or not isinstance(rows, list | tuple):
        raise ValueError("settings: there must be some")
    sampling = dict(settings)
    fields = {
        "step_to": sampling.pop("mask_steps", 5),
        "step_from": sampling.pop("mask_from", 0),
        "strength": sampling.pop("strength", 1.0),
        "unconditional": sampling.pop("mask_unconditional", True),
        "layers": sampling.pop("mask_layers", ()),
    }
    source = {"rows": rows, "weighting": sampling.pop("weighting", "equal"), "kind": "samples"}
    if not rows:
        return sampling, ()
    return sampling, (adapter().validate_python({"verb": "replace", "source": source, **fields}),)
