"""``do``: what the history of the window copied or saved, done again without it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from diffviews_desktop.cli.line_reader import read_line, read_lines
from diffviews_desktop.cli.shared import Answer, add_verb
from diffviews_desktop.errors import UsageError


def add_parser(verbs: Any) -> None:
    """Add the verb's parser."""
    text = (
        "Replay lines of the window's history, one after the other. Each starts where the one "
        "before it ended; nothing is kept but the files that they write."
    )
    parser = add_verb(verbs, "do", run, text)
    parser.add_argument(
        "lines",
        nargs="*",
        metavar="LINE",
        help='such as {"verb": "picks.click_point", "row": 3}; History copies them',
    )
    parser.add_argument("--file", type=Path, metavar="FILE", help="a script that History saved")
    parser.add_argument(
        "--device",
        default="auto",
        help="auto, cpu, cuda, cuda:N or mps (default: $DIFFVIEWS_DEVICE, else the best there is)",
    )


def run(options: argparse.Namespace) -> Answer:
    """Do the lines, and say what they said."""
    from diffviews_desktop.cli.headless import do, headless

    calls = [*(read_lines(options.file) if options.file else ()), *map(read_line, options.lines)]
    if not calls:
        raise UsageError("There is nothing to do. Give lines, or --file with a script.")
    notices: list[str] = []
    with headless(options.device) as context:
        for call in calls:
            notices += do(context, call.verb, **call.arguments)
    return Answer({"done": len(calls), "notices": notices}, [f"{len(calls)} lines done", *notices])
