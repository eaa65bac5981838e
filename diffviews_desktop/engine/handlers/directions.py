"""Saves directions and means of sets, lists, exports and loads them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from diffviews_desktop.engine import directions
from diffviews_desktop.engine.effects import EffectMaker
from diffviews_desktop.engine.handlers.registry import handles
from diffviews_desktop.engine.jobs.directions import (
    DirectionList,
    DirectionSaved,
    ExportDirection,
    ListDirections,
    LoadDirection,
    SaveDirection,
)
from diffviews_desktop.engine.opened_model import OpenedModel
from diffviews_desktop.engine.record import checkpoint_of, versions
from diffviews_desktop.engine.workspace import Workspace
from diffviews_desktop.values.interventions import Difference, Intervention, SampleMean, Verb
from diffviews_desktop.values.told import described_told, told_text


@handles(SaveDirection)
def save_direction(job: SaveDirection, workspace: Workspace) -> DirectionSaved:
    """Compute it as an intervention would, and write it with its record."""
    opened = workspace.open(job.folder, job.spec.model)
    directions.check_free(opened, job.name, replace=job.replace)
    spec = workspace.maps.complete(opened, job.spec)
    maker = EffectMaker(workspace, workspace.maps, opened, spec)
    verb: Verb = "replace" if isinstance(job.source, SampleMean) else "add"
    (one,) = maker.check([Intervention(verb, job.source, layers=job.layers)])
    workspace.prepare(workspace.model_of(opened))
    values = maker.vectors(one)
    record = _record(replace(job, spec=spec), one, opened, workspace)
    return directions.save(opened, job.name, values, record, replace=job.replace)


@handles(ListDirections)
def list_directions(job: ListDirections, workspace: Workspace) -> DirectionList:
    """All that are saved for the model."""
    opened = workspace.open(job.folder, job.model)
    return DirectionList(job.model, directions.known_directions(opened, workspace.check))


@handles(ExportDirection)
def export_direction(job: ExportDirection, workspace: Workspace) -> DirectionSaved:
    """Copy its file elsewhere."""
    return directions.export(workspace.open(job.folder, job.model), job.name, job.file)


@handles(LoadDirection)
def load_direction(job: LoadDirection, workspace: Workspace) -> DirectionSaved:
    """Copy a file among those of the model."""
    opened = workspace.open(job.folder, job.model)
    return directions.load(opened, job.file, job.name, replace=job.replace)


def _record(
    job: SaveDirection, one: Intervention, opened: OpenedModel, workspace: Workspace
) -> dict[str, Any]:
    """How a vector was made: values that JSON knows, the same whenever it is made again."""
    source, spec, ids = job.source, job.spec, opened.samples.table.sample_id
    facts = workspace.model_of(opened).facts
    record: dict[str, Any] = {
        "kind": source.kind,
        "model": opened.folder.name,
        "layers": list(one.layers),
        "told": None if spec.told is None else told_text(spec.told),
        "samples_told": None if spec.told is None else described_told(spec.told, facts.prompts),
        "samples": opened.samples.fingerprint,
        "checkpoint": checkpoint_of(opened, workspace.check),
        "device": facts.device,
        "versions": versions(),
    }
    if isinstance(source, SampleMean | Difference):
        record["sample_ids"] = [ids[row] for row in source.rows]
    if isinstance(source, Difference):
        record["minus_ids"] = [ids[row] for row in source.minus]
    elif isinstance(source, SampleMean):
        record["weighting"] = source.weighting
    else:
        record["component"] = source.index
        record["map_layers"] = list(job.spec.layers)
    return record
