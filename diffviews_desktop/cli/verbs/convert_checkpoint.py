"""``convert-checkpoint``: a checkpoint as ``.safetensors``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from diffviews_desktop.cli.progress import showing_progress
from diffviews_desktop.cli.shared import Answer, add_verb
from diffviews_desktop.engine.protocol import Progress


def add_parser(verbs: Any) -> None:
    """Add the verb's parser."""
    text = "Write any checkpoint that can be read as .safetensors, configuration included."
    parser = add_verb(verbs, "convert-checkpoint", run, text)
    parser.add_argument("checkpoint", type=Path, metavar="IN", help="the checkpoint to read")
    parser.add_argument("out", type=Path, metavar="OUT", help="the .safetensors file to write")
    parser.add_argument("--force", action="store_true", help="replace OUT where it is there")


def run(options: argparse.Namespace) -> Answer:
    """Convert, and say what the network is."""
    from diffviews_desktop.adapters.checkpoint import convert_checkpoint

    with showing_progress() as show:
        loaded = convert_checkpoint(
            options.checkpoint,
            options.out,
            replace_existing=options.force,
            progress=lambda fraction: show(Progress(0, "converting", fraction)),
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
    return Answer(result, lines)
