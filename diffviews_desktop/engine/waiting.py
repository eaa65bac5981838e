"""Waiting for others without going deaf to the user."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

LOOK_SECONDS = 0.1

R = TypeVar("R")


def patiently(work: Callable[[], R], check: Callable[[], None]) -> R:
    """What ``work`` returns, which waits for something else, such as a server.

    It is done in a thread of its own, and ``check`` is called meanwhile. What that raises ends the
    waiting at once; then nobody takes what comes of the work.
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
    while not over.wait(LOOK_SECONDS):
        check()
    if fault:
        raise fault[0]
    return result[0]
