"""What several verbs need: their parsers, what they answer, and the bar that shows progress."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from diffviews_desktop.cli.main import DONE
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.opening import DataOpened, OpenData
from diffviews_desktop.engine.protocol import Event, Progress, StepDone
from diffviews_desktop.text.terminal import overwrite
from diffviews_desktop.values.folders import Source

LEFT_AFTER_SECONDS = 3.0  # before that, nobody knows how long it takes


class Answer(NamedTuple):
    """What a verb answers: one JSON object, or the same as lines for a person."""

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


def open_data(engine: Engine, source: Source, model: str | None) -> DataOpened:
    """Open a model of a data folder."""
    return engine.run(OpenData(job_id=0, source=source, model=model))


# ---- values of options, for argparse ------------------------------------------------------------


def layer_set(text: str) -> tuple[str, ...]:
    """``a`` or ``b+a`` as the sorted names of layers."""
    names = text.split("+")
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} is not a layer, or several joined by +")
    return tuple(sorted(set(names)))


def not_negative(text: str) -> int:
    """A whole number of at least 0."""
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


# ---- what is shown ------------------------------------------------------------------------------


def size(count: float) -> str:
    """Bytes for a person: ``1.4 GB``."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


@contextmanager
def showing_progress() -> Iterator[Callable[[Event], None]]:
    """A function that shows events on a terminal, in one line that is written over and cleared at
    the end; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda event: None
        return
    bar = _Bar()
    try:
        yield bar.show
    finally:
        bar.clear()


class _Bar:
    def __init__(self) -> None:
        self._stage = ""
        self._start = (0.0, 0.0)  # time and fraction
        self._shown = False

    def show(self, event: Event) -> None:
        if isinstance(event, Progress):
            overwrite(self._line(event))
            self._shown = True
        elif isinstance(event, StepDone):
            overwrite(f"step {event.step.index + 1}")
            self._shown = True

    def clear(self) -> None:
        if self._shown:
            overwrite("")
            self._shown = False

    def _line(self, event: Progress) -> str:
        now, fraction = time.monotonic(), event.fraction
        if event.stage != self._stage:
            self._stage, self._start = event.stage, (now, fraction or 0.0)
        if fraction is None:
            return f"{event.stage:20}"
        if fraction == 1.0:
            return ""
        parts = [f"{event.stage:20} {100 * fraction:3.0f} % {'█' * round(24 * fraction):24}"]
        parts += [event.detail] if event.detail else []
        since, before = self._start
        if now - since > LEFT_AFTER_SECONDS and fraction > before:
            left = round((now - since) / (fraction - before) * (1 - fraction))
            parts.append(f"{left // 60}:{left % 60:02} left")
        return "  ".join(parts)
