"""``generate``: pictures, and a record of how they were made."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from diffviews_desktop.cli import add_source_options, source_of
from diffviews_desktop.errors import UsageError
from diffviews_desktop.verbs.shared import (
    Answer,
    add_verb,
    engine_of,
    layer_set,
    not_negative,
    open_data,
)
from diffviews_desktop.worker.jobs import (
    ClassChoice,
    DataOpened,
    Generate,
    LoadModel,
    ModelLoaded,
    Trajectory,
)


def add_to(verbs: Any) -> None:
    """Add the verb's parser."""
    text = "Draw with a layer held at the mean of some samples' activations."
    example = "generate --layer midblock --rows 3,14,15 --class zero --out pictures"
    parser = add_verb(verbs, "generate", run, text, example)
    add_source_options(parser, layer=layer_set)
    parser.add_argument("--rows", type=_rows, default=(), metavar="I,J,…", help="samples to mask")
    parser.add_argument(
        "--class",
        dest="class_choice",
        type=_class,
        metavar="CLASS",
        help="a number, random, zero or uniform (default: that of the first row)",
    )
    parser.add_argument("--mask-steps", type=not_negative, help="steps that the mask acts on")
    parser.add_argument("--noise-mode", choices=("stochastic", "fixed", "zero"))
    parser.add_argument("--seed", type=not_negative, help="seed of the noise")
    parser.add_argument("--out", type=Path, default=Path("generated"), help="folder for pictures")


def run(options: argparse.Namespace) -> Answer:
    """Pictures, one a step, and a record of how they were made."""
    source = source_of(options)
    with engine_of(options) as engine:
        opened = open_data(engine, source, options.model)
        loaded = engine.run(LoadModel(job_id=0, source=source, model=opened.model))
        assert isinstance(loaded, ModelLoaded)
        changes = {
            "mask_steps": options.mask_steps,
            "noise_mode": options.noise_mode,
            "seed": options.seed,
        }
        given = {name: value for name, value in changes.items() if value is not None}
        settings = replace(loaded.settings, **given)
        if options.mask_steps is None:
            settings = replace(settings, mask_steps=settings.num_steps)
        trajectory = engine.run(
            Generate(
                job_id=0,
                source=source,
                model=opened.model,
                layers=options.layer or opened.default_layers,
                rows=options.rows,
                class_choice=_choice(options, opened),
                settings=settings,
            )
        )
    assert isinstance(trajectory, Trajectory)
    return _write(trajectory, options.out)


def _write(trajectory: Trajectory, folder: Path) -> Answer:
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
    return Answer(result, lines)


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
