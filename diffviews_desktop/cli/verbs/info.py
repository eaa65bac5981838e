"""``info``: what a data folder holds."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from diffviews_desktop.cli.options import add_folder_options, folder_of, map_parameters_of
from diffviews_desktop.cli.shared import Answer, add_verb, engine_of, open_data
from diffviews_desktop.cli.verbs.direction import facts_of
from diffviews_desktop.data.activations.files import open_activation_files
from diffviews_desktop.data.folder.dataset import read_config
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.opening import LoadModel
from diffviews_desktop.errors import DataError, DiffViewsError
from diffviews_desktop.text.wording import format_count, size
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.noise_levels import EXTRACTED_FROM
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.told import Told, described_told, read_told, told_text


def add_parser(verbs: Any) -> None:
    """Add the verb's parser."""
    text = "List the models of a data folder and their layers."
    add_folder_options(add_verb(verbs, "info", run, text))


def run(options: argparse.Namespace) -> Answer:
    """What a data folder holds."""
    folder, parameters = folder_of(options), map_parameters_of(options)
    with engine_of(options) as engine:
        opened = open_data(engine, folder, options.model)
        names = [options.model] if options.model else [model.name for model in opened.models]
        arguments = parameters, options.told
        models = [_model(engine, folder, name, *arguments, opened.problems) for name in names]
    from diffviews_desktop.adapters.registry import list_adapters, unusable_adapters

    unusable = unusable_adapters()
    lines = [line for model in models for line in _lines(model)]
    lines += [f"problem: {problem}" for problem in opened.problems]
    lines.append(f"adapters: {', '.join(list_adapters())}")
    lines += [f"unusable adapter {name}: {reason}" for name, reason in unusable.items()]
    result = {
        "models": models,
        "problems": list(opened.problems),
        "adapters": list_adapters(),
        "unusable_adapters": unusable,
    }
    return Answer(result, lines)


def _model(
    engine: Engine,
    folder: FolderRef,
    name: str,
    parameters: MapParameters | None,
    told: Told | None,
    folder_problems: Sequence[str],
) -> dict[str, Any]:
    """What there is to know of a model, without ``folder_problems``."""
    entry: dict[str, Any] = {
        "name": name,
        "adapter": "",
        "samples": 0,
        "default_layer": None,
        "extraction_input": None,
        "activations": None,
        "layers": [],
        "columns": [],
        "directions": [],
        "device": None,
        "num_classes": None,
        "guidance_note": None,
        "prompts": None,
        "told": None,
        "notes": [],
        "problems": [],
    }
    try:
        opened = open_data(engine, folder, name)
        entry |= _activations(engine, folder, name)
        summary = next(model for model in opened.models if model.name == name)
        entry["adapter"] = folder.overrides.adapter or summary.adapter
        entry["samples"] = len(opened.samples)
        problems = dict.fromkeys((*entry["problems"], *opened.problems))
        entry["problems"] = [problem for problem in problems if problem not in folder_problems]
        entry["columns"] = _columns(opened.samples)
        entry["directions"] = [facts_of(info) for info in opened.directions]
        entry["default_layer"] = str(opened.default_layers) or None
        entry["extraction_input"] = opened.extraction_input
        override = folder.overrides.activation_dtype
        kind = override or read_config(opened.path / name).activation_dtype
        job = LoadModel(job_id=0, folder=folder, model=name, parameters=parameters, told=told)
        loaded = engine.run(job)
        entry["device"] = loaded.device
        entry["num_classes"] = loaded.num_classes
        entry["guidance_note"] = loaded.guidance_note
        entry["prompts"] = loaded.prompts
        entry["told"] = None if loaded.told is None else told_text(told or loaded.told)
        entry["notes"] = list(loaded.notes)
        entry["layers"] = [
            {
                "name": layer.name,
                "shape": list(layer.shape),
                "cached": layer.cached,
                "bytes": len(opened.samples) * layer.values * np.dtype(kind).itemsize,
            }
            for layer in loaded.layers
        ]
    except DiffViewsError as error:
        entry["problems"].append(str(error))
    return entry


def _activations(engine: Engine, folder: FolderRef, name: str) -> dict[str, Any]:
    """The activations that the folder brings, opened as mapping them would, or what is wrong with
    them."""
    model = engine.workspace.open(folder, name)
    try:
        files = open_activation_files(model.folder, model.samples)
    except DataError as error:
        return {"problems": [str(error)]}
    if files is None:
        return {}
    facts = {
        "layers": list(files.layers or model.samples.layers),
        "samples": len(files),
        "told": told_text(files.told),
        "values": files.width,
        "files": len(files.paths),
    }
    return {"activations": facts}


def _columns(samples: SampleTable) -> list[dict[str, Any]]:
    """What the folder says of its samples besides what the program knows."""
    kinds: dict[str, str | None] = {name: one.kind for name, one in samples.columns.items()}
    notes = {name: one.note for name, one in samples.columns.items()}
    return [
        {
            "name": name,
            "kind": kinds.get(name),
            "not_colored": samples.not_colored.get(name, ""),
            "note": notes.get(name, ""),
        }
        for name in dict.fromkeys((*samples.columns, *samples.not_colored))
    ]


def _line_of_column(column: dict[str, Any]) -> str:
    why_not = f"not in Colour by: {column['not_colored']}" if column["not_colored"] else ""
    about = (column["kind"], why_not or column["note"])
    return f"  column {column['name']}: {'; '.join(filter(None, about))}"


def _line_of_direction(one: dict[str, Any]) -> str:
    return f"  saved {one['name']}: {one['kind'] or 'of unknown kind'}, {LayerSet(one['layers'])}"


def _lines(model: dict[str, Any]) -> list[str]:
    return [
        f"{model['name']}  ({model['adapter']}, {format_count(model['samples'], 'sample')})",
        *_stored_lines(model["activations"]),
        *(
            f"  {layer['name']:24} {'x'.join(map(str, layer['shape'])):>12} "
            f"{size(layer['bytes']):>10}{'  cached' if layer['cached'] else ''}"
            for layer in model["layers"]
        ),
        *(
            [f"  layers are extracted from {EXTRACTED_FROM[model['extraction_input']]}"]
            if model["extraction_input"]
            else []
        ),
        *_told_lines(model),
        *map(_line_of_column, model["columns"]),
        *map(_line_of_direction, model["directions"]),
        *(f"  note: {note}" for note in model["notes"]),
        *(f"  problem: {problem}" for problem in model["problems"]),
    ]


def _told_lines(model: dict[str, Any]) -> list[str]:
    if not model["told"]:
        return []
    return [f"  samples are {described_told(read_told(model['told']), model['prompts'])}"]


def _stored_lines(activations: dict[str, Any] | None) -> list[str]:
    if activations is None:
        return []
    layers = LayerSet(activations["layers"]) or "layers without names"
    return [
        f"  activations of {layers}: {format_count(activations['samples'], 'sample')} of "
        f"{format_count(activations['values'], 'value')} in "
        f"{format_count(activations['files'], 'file')}"
    ]
