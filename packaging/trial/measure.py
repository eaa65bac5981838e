"""Times of a start, seen from outside: of an installed program and from source in the same way."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import screen as screens

MAPPED = 3000
"""So many coloured pixels are a map."""


@dataclass(frozen=True)
class Start:
    """Seconds from the command until something was on the screen."""

    window: float
    map: float


def start(
    command: Sequence[str], screen: screens.Screen, variables: Mapping[str, str] | None = None
) -> tuple[subprocess.Popen[bytes], Start]:
    """Start the window; returns its process and how long it took."""
    began = time.monotonic()
    process = subprocess.Popen(
        command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )

    def is_there() -> bool:
        if process.poll() is not None:
            assert process.stderr is not None
            text = process.stderr.read().decode(errors="replace")
            raise RuntimeError(f"the window ended with {process.returncode}: {text[-2000:]}")
        return any("DiffViews" in title for title in screen.windows())

    screens.until(is_there, "the window", every=0.02)
    window = time.monotonic() - began
    screens.until(lambda: screen.count_colourful() > MAPPED, "the map", every=0.05)
    return process, Start(window, time.monotonic() - began)


def engines_of(pid: int) -> list[int]:
    """The processes that another one has started, and theirs."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        children.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    pids, waiting = [], [pid]
    while waiting:
        new = children.get(waiting.pop(), [])
        pids += new
        waiting += new
    return pids


def is_running(pid: int) -> bool:
    """Whether a process is there and not only waited for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def end(process: subprocess.Popen[bytes], screen: screens.Screen, way: str) -> None:
    """End the window by Ctrl+Q or Ctrl-C, and look that its engine ends with it.

    Raises:
        TimeoutError: something stays.
    """
    engines = engines_of(process.pid)
    if way == "key":
        screen.press("ctrl+q")
    else:
        os.kill(process.pid, signal.SIGINT)

    def has_ended() -> bool:
        if any(title.startswith("Quit ") for title in screen.windows()):
            screen.press("alt+y")  # it still computes, and asks
        return process.poll() is not None

    screens.until(has_ended, f"the end of the window by {way}")
    screens.until(lambda: not any(map(is_running, engines)), f"the end of the engine by {way}")
