"""The headless verbs: the same engine as the window's, run inline."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from diffviews_desktop import paths
from diffviews_desktop.cli import DONE, add_source_options, source_of
from diffviews_desktop.data.arrays import Float32
from diffviews_desktop.data.dataset import write_embedding_csv
from diffviews_desktop.errors import DiffViewsError, UsageError
from diffviews_desktop.logs import configure_logging
from diffviews_desktop.samples import SampleTable
from diffviews_desktop.worker.engine import Engine
from diffviews_desktop.worker.jobs import (
    ClassChoice,
    DataOpened,
    Event,
    Generate,
    LayerMap,
    LoadModel,
    MapLayer,
    ModelLoaded,
    OpenData,
    Progress,
    Source,
    StepDone,
    Trajectory,
)
from diffviews_desktop.worker.process import prepare_environment


def main(arguments: Sequence[str]) -> int:
    """Run a verb; returns the exit code."""
    options = _parser().parse_args(arguments)
    prepare_environment()
    configure_logging(paths.log_file())  # standard error is for what ends the program
    with contextlib.redirect_stdout(sys.stderr):  # an adapter that prints does not spoil the result
        if options.run is convert:
            result, lines = convert(options)
        else:
            engine = Engine(options.device, emit=_Bar())
            result, lines = options.run(engine, source_of(options), options)
    print(json.dumps(result) if options.json else "\n".join(lines))
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="diffviews-desktop")
    verbs = parser.add_subparsers(required=True, metavar="verb")

    def verb(name: str, run: Any, text: str, example: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=text, description=text, epilog=f"example: {example}")
        add_source_options(sub)
        sub.add_argument("--json", action="store_true", help="print one JSON object")
        sub.set_defaults(run=run)
        return sub

    verb(
        "info",
        info,
        "List the models of a data folder and their layers.",
        "diffviews-desktop info --data ./data --json",
    )
    mapping = verb(
        "map",
        map_layer,
        "Make the map of a layer, or take it from the cache.",
        "diffviews-desktop map --model digits --layer midblock --json",
    )
    mapping.add_argument("--out", type=Path, metavar="FILE", help="write the CSV there")
    drawing = verb(
        "generate",
        generate,
        "Draw with a layer held at the mean of some samples' activations.",
        "diffviews-desktop generate --layer midblock --rows 3,14,15 --class zero --out pictures",
    )
    _add_generate_options(drawing)
    text = "Write any checkpoint that can be read as .safetensors, configuration included."
    example = "diffviews-desktop convert-checkpoint edm.pkl edm.safetensors"
    converting = verbs.add_parser(
        "convert-checkpoint", help=text, description=text, epilog=f"example: {example}"
    )
    converting.add_argument("checkpoint", type=Path, metavar="IN", help="the checkpoint to read")
    converting.add_argument("out", type=Path, metavar="OUT", help="the .safetensors file to write")
    converting.add_argument("--force", action="store_true", help="replace OUT where it is there")
    converting.add_argument("--json", action="store_true", help="print one JSON object")
    converting.set_defaults(run=convert)
    return parser


def _add_generate_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=_rows, default=(), metavar="I,J,…", help="samples to mask")
    parser.add_argument(
        "--class",
        dest="class_choice",
        type=_class,
        metavar="CLASS",
        help="a number, random, zero or uniform (default: that of the first row)",
    )
    parser.add_argument("--mask-steps", type=_not_negative, help="steps that the mask acts on")
    parser.add_argument("--noise-mode", choices=("stochastic", "fixed", "zero"))
    parser.add_argument("--seed", type=_not_negative, help="seed of the noise")
    parser.add_argument("--out", type=Path, default=Path("generated"), help="folder for pictures")


def info(
    engine: Engine, source: Source, options: argparse.Namespace
) -> tuple[dict[str, Any], list[str]]:
    """What a data folder holds."""
    opened = _opened(engine, source, options.model)
    models, lines = [], []
    names = [options.model] if options.model else [model.name for model in opened.models]
    for name in names:
        entry, problems = _model_info(engine, source, name)
        models.append(entry)
        lines.append(f"{name}  ({entry['adapter']}, {entry['samples']} samples)")
        lines += [
            f"  {layer['name']:24} {'x'.join(map(str, layer['shape'])):>12}"
            f"{'  cached' if layer['cached'] else ''}"
            for layer in entry["layers"]
        ]
        lines += [f"  note: {note}" for note in entry["notes"]]
        lines += [f"  problem: {problem}" for problem in problems]
    lines += [f"problem: {problem}" for problem in opened.problems]
    from diffviews_desktop.adapters.registry import list_adapters, unusable_adapters

    unusable = unusable_adapters()
    lines.append(f"adapters: {', '.join(list_adapters())}")
    lines += [f"unusable adapter {name}: {reason}" for name, reason in unusable.items()]
    result = {
        "models": models,
        "problems": list(opened.problems),
        "adapters": list_adapters(),
        "unusable_adapters": unusable,
    }
    return result, lines


def _model_info(engine: Engine, source: Source, name: str) -> tuple[dict[str, Any], list[str]]:
    problems: list[str] = []
    samples, default, adapter = 0, None, ""
    layers: list[dict[str, Any]] = []
    facts: dict[str, Any] = {
        "device": None,
        "num_classes": None,
        "guidance_note": None,
        "notes": [],
    }
    try:
        opened = _opened(engine, source, name)
        summary = next(model for model in opened.models if model.name == name)
        adapter = source.adapter or summary.adapter
        samples, default = len(opened.samples), "+".join(opened.default_layers) or None
        loaded = engine.run(LoadModel(job_id=0, source=source, model=name))
        assert isinstance(loaded, ModelLoaded)
        facts = {
            "device": loaded.device,
            "num_classes": loaded.num_classes,
            "guidance_note": loaded.guidance_note,
            "notes": list(loaded.notes),
        }
        layers = [
            {"name": layer.name, "shape": list(layer.shape), "cached": layer.cached}
            for layer in loaded.layers
        ]
    except DiffViewsError as error:
        problems.append(str(error))
    entry = {
        "name": name,
        "adapter": adapter,
        "samples": samples,
        "default_layer": default,
        "layers": layers,
        **facts,
        "problems": problems,
    }
    return entry, problems


def convert(options: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """A checkpoint as ``.safetensors``."""
    from diffviews_desktop.adapters.checkpoint import convert_checkpoint

    bar = _Bar()
    loaded = convert_checkpoint(
        options.checkpoint,
        options.out,
        replace_existing=options.force,
        progress=lambda fraction: bar(Progress(0, "converting", fraction)),
    )
    parameters = sum(parameter.numel() for parameter in loaded.model.parameters())
    result = {
        "checkpoint": str(options.out.resolve()),
        "config": loaded.config,
        "parameters": parameters,
        "notes": list(loaded.notes),
    }
    lines = [
        f"{options.out}: {loaded.config['class_name']} with {loaded.config['model_type']}, "
        f"{parameters / 1e6:.1f} million parameters",
        *loaded.notes,
    ]
    return result, lines


def map_layer(
    engine: Engine, source: Source, options: argparse.Namespace
) -> tuple[dict[str, Any], list[str]]:
    """The map of a layer as CSV."""
    opened = _opened(engine, source, options.model)
    layers = _layers(options.layer)
    mapped = engine.run(MapLayer(job_id=0, source=source, model=opened.model, layers=layers))
    assert isinstance(mapped, LayerMap)
    if options.out is not None:
        csv = options.out
    elif mapped.path.is_dir():
        csv = mapped.path / "map.csv"
    else:
        csv = paths.cache_dir() / "maps" / f"{mapped.path.name}.csv"
    _write_table(csv, opened.samples, mapped.xy)
    result = {
        "model": opened.model,
        "layers": list(mapped.layers),
        "points": int(np.isfinite(mapped.xy).all(axis=1).sum()),
        "csv": str(csv.resolve()),
        "from_cache": mapped.from_cache,
        "parameters": mapped.parameters,
        "notes": list(mapped.notes),
    }
    how = "from the cache" if mapped.from_cache else "made now"
    lines = [f"{result['points']} points of {mapped.label} ({how}): {csv}", *mapped.notes]
    return result, lines


def _write_table(csv: Path, samples: SampleTable, xy: Float32) -> None:
    """Write the map as CSV, whole or not at all."""
    temporary = csv.with_name(csv.name + ".part")
    try:
        csv.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_embedding_csv(temporary, samples, xy)
            os.replace(temporary, csv)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"The table cannot be written to {csv} ({error}).") from error


def generate(
    engine: Engine, source: Source, options: argparse.Namespace
) -> tuple[dict[str, Any], list[str]]:
    """Pictures, one a step, and a record of how they were made."""
    opened = _opened(engine, source, options.model)
    loaded = engine.run(LoadModel(job_id=0, source=source, model=opened.model))
    assert isinstance(loaded, ModelLoaded)
    changes = {
        "mask_steps": options.mask_steps,
        "noise_mode": options.noise_mode,
        "seed": options.seed,
    }
    settings = replace(
        loaded.settings, **{name: value for name, value in changes.items() if value is not None}
    )
    if options.mask_steps is None:
        settings = replace(settings, mask_steps=settings.num_steps)
    trajectory = engine.run(
        Generate(
            job_id=0,
            source=source,
            model=opened.model,
            layers=_layers(options.layer) or opened.default_layers,
            rows=options.rows,
            class_choice=_choice(options, opened),
            settings=settings,
        )
    )
    assert isinstance(trajectory, Trajectory)
    return _write(trajectory, options.out)


def _write(trajectory: Trajectory, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Write a run under the next free number; nothing that is there is touched."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number = 1
        while any(folder.glob(f"{number:04d}*")):
            number += 1
        files = []
        for step in trajectory.steps:
            files.append(folder / f"{number:04d}_step_{step.index + 1:02d}.png")
            Image.fromarray(np.squeeze(step.image)).save(files[-1])
        final = folder / f"{number:04d}.png"
        Image.fromarray(np.squeeze(trajectory.image)).save(final)
        record_file = folder / f"{number:04d}.json"
        job, settings = trajectory.job, trajectory.job.settings
        result: dict[str, Any] = {
            "model": job.model,
            "layers": list(job.layers),
            "rows": list(job.rows),
            "class": trajectory.class_label,
            "class_choice": job.class_choice,
            "seed": trajectory.seed,
            "steps": settings.num_steps,
            "mask_steps": settings.mask_steps,
            "guidance": settings.guidance_scale,
            "noise_mode": settings.noise_mode,
            "device": trajectory.device,
            "sigmas": [step.sigma for step in trajectory.steps],
            "trajectory": [
                {
                    "sigma": step.sigma,
                    "umap_x": step.xy[0],
                    "umap_y": step.xy[1],
                    "distance": step.distance,
                    "imposed": None if step.imposed_xy is None else list(step.imposed_xy),
                }
                for step in trajectory.steps
            ],
            "image": str(final),
            "files": [str(file) for file in (final, *files, record_file)],
        }
        record_file.write_text(json.dumps(result, indent=2), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"The pictures cannot be written to {folder} ({error}).") from error
    lines = [f"seed {trajectory.seed}, class {trajectory.class_label}", *result["files"]]
    return result, lines


def _opened(engine: Engine, source: Source, model: str | None) -> DataOpened:
    opened = engine.run(OpenData(job_id=0, source=source, model=model))
    assert isinstance(opened, DataOpened)
    return opened


def _layers(text: str | None) -> tuple[str, ...]:
    return tuple(sorted(set(text.split("+")))) if text else ()


def _choice(options: argparse.Namespace, opened: DataOpened) -> ClassChoice:
    if options.class_choice is not None:
        return options.class_choice
    if options.rows and options.rows[0] < len(opened.samples):
        number = int(opened.samples.class_label[options.rows[0]])
        if number >= 0:
            return number
    return "random"


def _rows(text: str) -> tuple[int, ...]:
    try:
        rows = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        rows = ()
    if not rows or min(rows) < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of samples such as 3,14,15")
    return rows


def _class(text: str) -> ClassChoice:
    if text.isdecimal():
        return int(text)
    match text:
        case "random" | "zero" | "uniform":
            return text
    raise argparse.ArgumentTypeError(f"{text!r} is not a class number, random, zero or uniform")


def _not_negative(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


class _Bar:
    """Shows progress on a terminal, one line that is written over; elsewhere nothing."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()

    def __call__(self, event: Event) -> None:
        if not self._on:
            return
        if isinstance(event, Progress):
            done = "" if event.fraction is None else f" {100 * event.fraction:3.0f} %"
            bar = "" if event.fraction is None else "█" * round(24 * event.fraction)
            print(f"\r\x1b[K{event.stage:20}{done} {bar}", end="", file=sys.stderr, flush=True)
            if event.fraction == 1.0:
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        elif isinstance(event, StepDone):
            print(f"\r\x1b[Kstep {event.step.index + 1}", end="", file=sys.stderr, flush=True)
