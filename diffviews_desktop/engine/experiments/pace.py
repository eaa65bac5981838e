"""How far an experiment is, and how fast it goes on."""

from __future__ import annotations

import time

from diffviews_desktop.engine.opened_model import Host


class Pace:
    """Tells how far the drawing is, and how fast."""

    def __init__(self, host: Host, total: int, before: int) -> None:
        self._host, self._total, self._before = host, total, before
        self._done, self._started = 0, time.monotonic()
        host.progress("drawing", before / total, f"{before} of {total}")

    def tick(self, count: int) -> None:
        """Count pictures that are drawn."""
        self._done += count
        done, rate = self._before + self._done, self._done / (time.monotonic() - self._started)
        self._host.progress("drawing", done / self._total, f"{done} of {self._total}, {rate:.3g}/s")
