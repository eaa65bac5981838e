"""What several verbs need: their parsers, what they answer, and an engine."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from diffviews_desktop.cli.codes import DONE
from diffviews_desktop.cli.progress import showing_progress
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.opening import DataOpened, OpenData
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.maps import MapParameters


class Answer(NamedTuple):
    """What a verb answers: one JSON object, or the same as lines to read."""

    result: dict[str, Any]
    lines: list[str]
    code: int = DONE


def add_verb(
    verbs: Any, name: str, run: Callable[[argparse.Namespace], Answer], text: str, example: str
) -> argparse.ArgumentParser:
    """Add the parser of a verb to the program's."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        name, help=text, description=text, epilog=f"example: diffviews-desktop {example}"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)
    return parser


@contextmanager
def engine_of(options: argparse.Namespace, threads: int | None = None) -> Iterator[Engine]:
    """An engine on the device asked for, whose progress is shown."""
    with showing_progress() as bar:
        engine = Engine(options.device, threads=threads, emit=bar)
        try:
            yield engine
        finally:
            engine.close()


def open_data(
    engine: Engine,
    folder: FolderRef,
    model: str | None,
    parameters: MapParameters | None = None,
) -> DataOpened:
    """Open a model of a data folder; with parameters, those of its maps."""
    return engine.run(OpenData(job_id=0, folder=folder, model=model, parameters=parameters))
