"""``direction``: directions and means of sets, saved under names for ``generate``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from diffviews_desktop.cli.option_types import layer_set, positive, sample_rows
from diffviews_desktop.cli.options import add_folder_options, folder_of, map_parameters_of
from diffviews_desktop.cli.shared import Answer, add_actions, add_verb, engine_of, open_data
from diffviews_desktop.engine.jobs.directions import (
    DirectionSaved,
    ExportDirection,
    ListDirections,
    LoadDirection,
    SaveDirection,
)
from diffviews_desktop.errors import UsageError
from diffviews_desktop.values.directions import DirectionInfo
from diffviews_desktop.values.interventions import Component, Difference, SampleMean
from diffviews_desktop.values.maps import MapSpec


def add_parser(verbs: Any) -> None:
    """Add the verb's parser, which has verbs of its own."""
    text = "Save, list, export and load directions in activation space and means of sets."
    actions = add_actions(verbs, "direction", text)

    text = (
        "Save the mean of some samples, less that of others where --minus names them, or a "
        "principal component of the map."
    )
    saving = add_verb(
        actions, "save", save, text, "direction save three --rows 3,14 --minus 7,9 --layer midblock"
    )
    saving.add_argument("name", metavar="NAME", help="by which generate names it")
    add_folder_options(saving, layer=layer_set)
    saving.add_argument("--rows", type=sample_rows, default=(), metavar="I,J,…", help="samples")
    saving.add_argument(
        "--minus", type=sample_rows, default=(), metavar="I,J,…", help="samples to subtract"
    )
    saving.add_argument(
        "--component", type=positive, metavar="N", help="principal component of the map, from 1"
    )
    saving.add_argument("--replace", action="store_true", help="replace one of this name")

    text = "List what is saved for a model."
    add_folder_options(add_verb(actions, "list", list_saved, text, "direction list --model digits"))

    text = "Write a saved one to a file elsewhere."
    exporting = add_verb(
        actions, "export", export, text, "direction export three three.safetensors"
    )
    exporting.add_argument("name", metavar="NAME", help="of the direction")
    exporting.add_argument("file", type=Path, metavar="FILE", help="to write")
    add_folder_options(exporting)

    text = "Take a file among those that are saved for a model."
    loading = add_verb(actions, "load", load, text, "direction load three.safetensors")
    loading.add_argument("file", type=Path, metavar="FILE", help="to read")
    loading.add_argument("--name", metavar="NAME", help="(default: that of the file)")
    loading.add_argument("--replace", action="store_true", help="replace one of this name")
    add_folder_options(loading)


def save(options: argparse.Namespace) -> Answer:
    """Compute and save one."""
    source = _source(options)
    folder, parameters = folder_of(options), map_parameters_of(options)
    with engine_of(options) as engine:
        opened = open_data(engine, folder, options.model, parameters)
        layers = options.layer or opened.default_layers
        spec = MapSpec(opened.model, layers, parameters, options.told)
        job = SaveDirection(
            job_id=0, folder=folder, spec=spec, source=source, name=options.name,
            replace=options.replace,
        )  # fmt: skip
        return _answer(engine.run(job), "saved")


def list_saved(options: argparse.Namespace) -> Answer:
    """All that are saved."""
    folder = folder_of(options)
    with engine_of(options) as engine:
        model = open_data(engine, folder, options.model).model
        infos = engine.run(ListDirections(job_id=0, folder=folder, model=model)).directions
    lines = [_line(info) for info in infos] or [f"Nothing is saved for {model} yet."]
    return Answer({"model": model, "directions": [facts_of(info) for info in infos]}, lines)


def export(options: argparse.Namespace) -> Answer:
    """Write one elsewhere."""
    folder = folder_of(options)
    with engine_of(options) as engine:
        model = open_data(engine, folder, options.model).model
        job = ExportDirection(
            job_id=0, folder=folder, model=model, name=options.name, file=options.file
        )
        return _answer(engine.run(job), "exported")


def load(options: argparse.Namespace) -> Answer:
    """Take one that was exported."""
    folder = folder_of(options)
    with engine_of(options) as engine:
        model = open_data(engine, folder, options.model).model
        job = LoadDirection(
            job_id=0, folder=folder, model=model, file=options.file, name=options.name,
            replace=options.replace,
        )  # fmt: skip
        return _answer(engine.run(job), "loaded")


def _source(options: argparse.Namespace) -> SampleMean | Difference | Component:
    if options.component is not None:
        if options.rows or options.minus:
            raise UsageError("A component of the map has no samples: leave out --rows.")
        return Component(options.component - 1)
    if not options.rows:
        raise UsageError("Say which samples with --rows, or which component with --component.")
    return Difference(options.rows, options.minus) if options.minus else SampleMean(options.rows)


def _answer(result: DirectionSaved, word: str) -> Answer:
    lines = [f"{word} {_line(result.info)}"]
    lines += [f"  {layer}: norm {norm:.4g}" for layer, norm in result.norms.items()]
    return Answer({**facts_of(result.info), "norms": result.norms}, [*lines, str(result.info.path)])


def facts_of(info: DirectionInfo) -> dict[str, Any]:
    """What is known of a saved vector, as JSON has it."""
    return {
        "name": info.name,
        "kind": info.kind,
        "model": info.model,
        "layers": list(info.layers),
        "shapes": {name: list(shape) for name, shape in info.shapes.items()},
        "path": str(info.path),
        "record": dict(info.record),
    }


def _line(info: DirectionInfo) -> str:
    shapes = ", ".join(f"{name} {info.shapes[name]}" for name in info.layers)
    note = f", of samples {info.told_words}" if info.told_words else ""
    return f"{info.name}: {info.kind or 'of unknown kind'}, {shapes}{note}"
