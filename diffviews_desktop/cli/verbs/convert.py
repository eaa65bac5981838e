"""``convert``: the activations of a model's folder as one matrix."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from diffviews_desktop import paths
from diffviews_desktop.cli.progress import showing_progress
from diffviews_desktop.cli.shared import Answer, add_verb
from diffviews_desktop.data.activations.conversion import DTYPES, convert_folder
from diffviews_desktop.data.folder.dataset import open_data_folder
from diffviews_desktop.data.folder.demo import unpack_demo
from diffviews_desktop.engine.protocol import Progress
from diffviews_desktop.text.wording import size


def add_parser(verbs: Any) -> None:
    """Add the verb's parser."""
    text = "Write the activations of a model's folder (.npz, or several .npy) as one .npy."
    parser = add_verb(verbs, "convert", run, text)
    parser.add_argument("--data", type=Path, metavar="DIR", help="data folder")
    parser.add_argument("--model", metavar="NAME", help="model to convert (default: the first)")
    parser.add_argument(
        "--activation-dtype",
        choices=DTYPES,
        default=DTYPES[0],
        help="what activations are stored as (default: float32)",
    )


def run(options: argparse.Namespace) -> Answer:
    """Convert, and name the file written; those it was made of stay."""
    path = options.data or paths.default_data_folder() or unpack_demo()
    model = open_data_folder(path).model(options.model)
    with showing_progress() as show:
        file = convert_folder(
            model,
            dtype=options.activation_dtype,
            progress=lambda fraction: show(Progress(0, "converting", fraction)),
        )
    length = file.stat().st_size
    result = {
        "model": model.name,
        "file": str(file.resolve()),
        "dtype": options.activation_dtype,
        "bytes": length,
    }
    return Answer(result, [f"{file}: {size(length)} of {options.activation_dtype}"])
