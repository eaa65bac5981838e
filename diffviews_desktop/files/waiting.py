"""Waiting for what takes long without going deaf to the user."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

LOOK_SECONDS = 0.1
STOP_SECONDS = 5.0
"""That work which was told to stop is waited for."""

R = TypeVar("R")


def patiently(
    work: Callable[[], R], check: Callable[[], None], stop: Callable[[], None] | None = None
) -> R:
    """What ``work`` returns, which waits for something else, such as a server, or computes in C.

    It is done in a thread of its own, and ``check`` is called meanwhile. What that raises ends the
    waiting; then nobody takes what comes of the work. The waiting ends at once where there is no
    ``stop``, which tells the work to end and gives it a few seconds.
    """
    result: list[R] = []
    fault: list[BaseException] = []
    over = threading.Event()

    def run() -> None:
        try:
            result.append(work())
        except BaseException as error:  # it is raised where it is waited for
            fault.append(error)
        finally:
            over.set()

    threading.Thread(target=run, name="waiting", daemon=True).start()
    try:
        while not over.wait(LOOK_SECONDS):
            check()
    except BaseException:
        if stop is not None:
            stop()
            over.wait(STOP_SECONDS)
        raise
    if fault:
        raise fault[0]
    return result[0]
