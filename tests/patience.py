"""Time for tests on a machine that others keep busy: nothing ends early, and little takes long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytestqt.qtbot import QtBot

PATIENCE = 150_000
"""Milliseconds after which what does not happen is taken never to happen."""
SLOWLY = 2_000
"""Milliseconds of a movement of which several frames are to be seen."""


class PatientBot(QtBot):
    """Waits for minutes where `QtBot` waits five seconds."""

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = PATIENCE) -> None:
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal: Any, *, timeout: int = PATIENCE, **options: Any) -> Any:
        return super().waitSignal(signal, timeout=timeout, **options)

    def waitSignals(self, signals: list[Any], *, timeout: int = PATIENCE, **options: Any) -> Any:
        return super().waitSignals(signals, timeout=timeout, **options)

    def waitExposed(self, widget: Any, *, timeout: int = PATIENCE) -> Any:
        return super().waitExposed(widget, timeout=timeout)

    def waitActive(self, widget: Any, *, timeout: int = PATIENCE) -> Any:
        return super().waitActive(widget, timeout=timeout)


def until(qtbot: QtBot, ready: Callable[[], object], seconds: int = 150) -> None:
    """Wait until something is so."""
    qtbot.waitUntil(lambda: bool(ready()), timeout=1000 * seconds)
