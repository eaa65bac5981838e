"""``import``: a data folder made of a checkpoint and pictures."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from diffviews_desktop.cli.option_types import not_negative, positive
from diffviews_desktop.cli.options import add_device_options, add_map_options, map_parameters_of
from diffviews_desktop.cli.shared import Answer, add_verb, engine_of
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.errors import UsageError
from diffviews_desktop.pictures.labels.class_map import ClassPairs, class_map_of
from diffviews_desktop.text import terminal
from diffviews_desktop.text.plain import visible
from diffviews_desktop.text.wording import format_count
from diffviews_desktop.values.folders import FolderRef, Overrides
from diffviews_desktop.values.import_rules import brightness_range, layer_names, noise_levels

T = TypeVar("T")


def add_parser(verbs: Any) -> None:
    """Add the verb's parser."""
    text = (
        "Make a data folder of a checkpoint and pictures, or of pictures that the model draws; "
        "then open it with --data."
    )
    parser = add_verb(verbs, "import", run, text)
    parser.add_argument(
        "--model-checkpoint",
        "--checkpoint",
        dest="checkpoint",
        type=Path,
        required=True,
        metavar="FILE",
        help="the model: a file or a folder",
    )
    pictures = parser.add_mutually_exclusive_group(required=True)
    pictures.add_argument(
        "--images", type=Path, metavar="DIR", help="folder of pictures, or a zip of one"
    )
    pictures.add_argument(
        "--generate", type=positive, default=0, metavar="N", help="draw N pictures instead"
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="classes of pictures: a table with the columns file and class, JSON lines, or EDM's "
        "dataset.json (default: the dataset.json in the folder, else the names of subfolders)",
    )
    parser.add_argument(
        "--class-map",
        type=_class_map,
        default=(),
        metavar="NAME=N,…",
        help="class numbers of labels that the model does not know, such as cat=3,dog=5; or a "
        "file: a table of labels and classes, or JSON",
    )
    _add_data_options(parser)
    add_device_options(parser)
    add_map_options(parser)


def _add_data_options(parser: argparse.ArgumentParser) -> None:
    """What the folder is made with, and where."""
    parser.add_argument(
        "--sigmas",
        type=_sigmas,
        default=ImportData.sigmas,
        metavar="S,S,…",
        help="noise levels to extract each picture at (default: 0.5,2,10)",
    )
    parser.add_argument(
        "--range",
        dest="brightness",
        type=_brightness,
        metavar="LOW,HIGH",
        help="black and white in pictures of numbers (default: the range that fits all of them; "
        "unsigned 16-bit pictures keep the range of their type, 0 to 65535)",
    )
    parser.add_argument(
        "--layers",
        type=_layers,
        default=(),
        metavar="NAME,…",
        help="layers of the folder's own map (default: the model's bottleneck)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the data folder")
    parser.add_argument("--name", help="of the model in it (default: that of the checkpoint)")
    parser.add_argument(
        "--adapter", metavar="NAME", help="the model's adapter (default: the one that fits)"
    )
    parser.add_argument(
        "--seed", type=not_negative, default=ImportData.seed, help="of what is drawn (default: 42)"
    )
    parser.add_argument(
        "--num-steps", "--steps", type=positive, metavar="N", help="steps of what is drawn"
    )


def run(options: argparse.Namespace) -> Answer:
    """Import, and say what was made."""
    overrides = Overrides(
        num_steps=options.num_steps,
        label_dropout=options.label_dropout,
        weights=options.weights,
        precision=options.precision,
        extraction_input=options.extraction_input,
        activation_dtype=options.activation_dtype,
    )
    job = ImportData(
        job_id=0,
        folder=FolderRef(options.out, overrides=overrides),
        checkpoint=options.checkpoint,
        out=options.out,
        name=_name_after(options.checkpoint) if options.name is None else options.name,
        adapter=options.adapter,
        images=options.images,
        labels=options.labels,
        class_map=options.class_map,
        generate=options.generate,
        sigmas=options.sigmas,
        layers=options.layers,
        seed=options.seed,
        parameters=map_parameters_of(options),
        brightness=options.brightness,
        told=options.told,
    )
    with engine_of(options) as engine:
        summary = engine.run(job)
    result = {
        "data": str(summary.path.resolve()),
        "model": summary.model,
        "pictures": summary.pictures,
        "samples": summary.samples,
        "notes": list(summary.notes),
    }
    opening = shlex.join([terminal.PROGRAM, "--data", str(summary.path), "--model", summary.model])
    lines = [
        f"{summary.path / summary.model}: {format_count(summary.samples, 'sample')} of "
        f"{format_count(summary.pictures, 'picture')}",
        *summary.notes,
        *([f"open it with: {opening}"] if visible(opening) == opening else []),
    ]
    return Answer(result, lines)


def _name_after(checkpoint: Path) -> str:
    """The name of a checkpoint, without what a folder's name should not have."""
    path = checkpoint.resolve()
    stem = path.name if path.is_dir() else path.stem
    return re.sub(r"[^\w.-]+", "-", stem).strip("-.") or "model"


def _sigmas(text: str) -> tuple[float, ...]:
    return _apply(noise_levels, text)


def _brightness(text: str) -> tuple[float, float]:
    return _apply(brightness_range, text)


def _class_map(text: str) -> ClassPairs | Path:
    return _apply(class_map_of, text)


def _layers(text: str) -> tuple[str, ...]:
    return _apply(layer_names, text)


def _apply(rule: Callable[[str], T], text: str) -> T:
    """What a rule makes of a text, refused as argparse wants it."""
    try:
        return rule(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error
