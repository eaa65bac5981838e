"""Progress in one line of a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from diffviews_desktop.engine.protocol import Event, Progress, StepDone
from diffviews_desktop.text.terminal import overwrite

LEFT_AFTER_SECONDS = 3.0  # before that, nobody knows how long it takes


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
        clock, fraction = time.monotonic(), event.fraction
        if event.stage != self._stage:
            self._stage, self._start = event.stage, (clock, fraction or 0.0)
        if fraction is None:
            return f"{event.stage:20}"
        if fraction == 1.0:
            return ""
        parts = [f"{event.stage:20} {100 * fraction:3.0f} % {'█' * round(24 * fraction):24}"]
        parts += [event.detail] if event.detail else []
        seconds = self._seconds_left(clock, event)
        if seconds is not None:
            parts.append(f"{seconds // 60}:{seconds % 60:02} left")
        return "  ".join(parts)

    def _seconds_left(self, clock: float, event: Progress) -> int | None:
        """Seconds: as it is said, else from how long it has taken so far."""
        since, start = self._start
        fraction = event.fraction or 0.0
        if event.seconds_left is not None:
            return round(event.seconds_left)
        if clock - since > LEFT_AFTER_SECONDS and fraction > start:
            return round((clock - since) / (fraction - start) * (1 - fraction))
        return None
