"""How far an experiment is, and how fast it goes on."""

from __future__ import annotations

import time

from diffviews_desktop.engine.opened_model import Host


class Pace:
    """Tells how far the drawing is, and how fast."""

    def __init__(self, host: Host, total: int, start: int) -> None:
        self._host, self._total, self._before = host, total, start
        self._done, self._started = 0, time.monotonic()
        host.progress("drawing", start / total, f"{start} of {total}")

    def tick(self, count: int) -> None:
        """Count pictures that are drawn."""
        self._done += count
        seconds = max(1e-6, time.monotonic() - self._started)  # some clocks tick in milliseconds
        position, rate = self._before + self._done, self._done / seconds
        self._host.progress(
            "drawing", position / self._total, f"{position} of {self._total}, {rate:.3g}/s"
        )
