"""How long the window's event loop stands still: the gaps between beats of a 2 ms timer in it."""

from __future__ import annotations

import time

from PySide6.QtCore import QEventLoop, QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

BEAT_MS = 2


class Beats(QObject):
    """Measures from `start` on; needs the application.

    Attributes:
        gaps: milliseconds between each beat and the next.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gaps: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        """Measure from now on."""
        self.begin()
        self._timer.start(BEAT_MS)

    def begin(self) -> None:
        """Forget the gaps so far."""
        self.gaps.clear()
        self._last = time.perf_counter()

    def stop(self) -> None:
        """Measure no more."""
        self._timer.stop()

    def _beat(self) -> None:
        clock = time.perf_counter()
        self.gaps.append(1000 * (clock - self._last))
        self._last = clock


def pump() -> None:
    """Let the event loop handle what there is, or wait for it."""
    QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
