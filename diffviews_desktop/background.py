"""Threads of the window's process that give way to the window."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

NICENESS = 5


def background_thread(name: str) -> ThreadPoolExecutor:
    """One thread for work that nobody sees; it starts with the first piece of it.

    Where work and window want the same processor the window goes first: on two cores the longest
    pause when a map of a million points appears is half as long. (Linux; other systems do not let
    a program say so of one thread.)
    """
    return ThreadPoolExecutor(1, name, initializer=_give_way)


def _give_way() -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
