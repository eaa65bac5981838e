"""``extract``: activations of several layers in one pass."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from diffviews_desktop.cli.option_types import layer_set
from diffviews_desktop.cli.options import add_folder_options, folder_of, map_parameters_of
from diffviews_desktop.cli.shared import Answer, add_verb, engine_of, open_data
from diffviews_desktop.engine.jobs.mapping import Extract
from diffviews_desktop.text.wording import format_count, size
from diffviews_desktop.values.told import described_told, told_text


def add_parser(verbs: Any) -> None:
    """Add the verb's parser."""
    text = (
        "Extract layers in one pass: to the cache, where map finds them, or to .npy files. What "
        "was interrupted is continued by the same command."
    )
    parser = add_verb(verbs, "extract", run, text)
    add_folder_options(parser, layer=layer_set, several_layers=True)
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for <layers>.npy")


def run(options: argparse.Namespace) -> Answer:
    """Extract, and say how much of it was there already."""
    folder = folder_of(options)
    with engine_of(options) as engine:
        opened = open_data(engine, folder, options.model, map_parameters_of(options))
        extraction = engine.run(
            Extract(
                job_id=0,
                folder=folder,
                model=opened.model,
                layer_sets=tuple(dict.fromkeys(options.layer)),
                out=options.out,
                told=options.told,
            )
        )
    files = [str(file.resolve()) for file in extraction.files]
    result = {
        "model": extraction.model,
        "layers": [list(layers) for layers in extraction.layer_sets],
        "files": files,
        "told": told_text(extraction.told),
        "samples": extraction.samples,
        "computed": extraction.computed,
        "bytes": extraction.bytes,
        "rate": extraction.rate,
        "notes": list(extraction.notes),
    }
    names = ", ".join(map(str, extraction.layer_sets))
    pace = "" if extraction.rate is None else f", {extraction.rate:.3g} a second"
    told = described_told(extraction.told, extraction.prompts)
    of = f"{format_count(extraction.samples, 'sample')} of {names}, {told}"
    lines = [
        f"{of}: {size(extraction.bytes)}"
        f"{'' if files else ' in the cache'} ({extraction.computed} computed now{pace})",
        *files,
        *extraction.notes,
    ]
    return Answer(result, lines)
