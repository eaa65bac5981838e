"""What several verbs need: their parsers, what they answer, and an engine."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from diffviews_desktop.cli.codes import DONE
from diffviews_desktop.cli.progress import showing_progress
from diffviews_desktop.cli.verbs import VERBS
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.opening import DataOpened, OpenData
from diffviews_desktop.text.terminal import PROGRAM
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.maps import MapParameters


class Answer(NamedTuple):
    """What a verb answers: one JSON object, or the same as lines to read."""

    result: dict[str, Any]
    lines: list[str]
    code: int = DONE


def add_verb(
    verbs: Any,
    name: str,
    run: Callable[[argparse.Namespace], Answer],
    text: str,
    example: str = "",
) -> argparse.ArgumentParser:
    """Add the parser of a verb to the program's, or of an action to the verb's.

    Args:
        verbs: what ``add_subparsers`` returned.
        name: of the verb, or of the action.
        run: does it.
        text: what it does.
        example: of an action; verbs have theirs in `VERBS`.
    """
    parser = _add_parser(verbs, name, text, example or VERBS[name].example)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)
    return parser


def add_actions(verbs: Any, name: str, text: str) -> Any:
    """Add the parser of a verb that has actions, and return what their parsers are added to."""
    parser = _add_parser(verbs, name, text, VERBS[name].example)
    return parser.add_subparsers(required=True, metavar="action")


def _add_parser(verbs: Any, name: str, text: str, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(
        name, help=text, description=text, epilog=f"example: {PROGRAM} {example}"
    )
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
