"""How fast a frozen program starts, beside the same program from source."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import measure
import screen as screens

ROUNDS = 3
LAYER = "encoder_block_2"
"""Of the demo's models; not one whose map they bring."""
SMALL = "digits-8x8"
MOST = 1.25
"""Times as long as from source."""

Times = dict[str, dict[str, float]]


def compare(
    programs: Mapping[str, Sequence[str]], screen: screens.Screen, rounds: int = ROUNDS
) -> Times:
    """Start each program in turn, first in an empty home and then again.

    Args:
        programs: commands by their names.

    Returns:
        For what is timed (window and map of the first start and of the second, and a layer mapped
        twice by the command line), the median seconds of each program.
    """
    times: dict[str, dict[str, list[float]]] = {}

    def note(title: str, program: str, seconds: float) -> None:
        times.setdefault(title, {}).setdefault(program, []).append(seconds)

    for _ in range(rounds):
        for name, command in programs.items():
            with tempfile.TemporaryDirectory() as home:
                for which in ("first", "second"):
                    start = _start(command, home, screen)
                    note(f"{which} start: window", name, start.window)
                    note(f"{which} start: map", name, start.map)
                for seed, which in enumerate(("first", "second")):
                    note(f"{which} map of a layer", name, _map(command, home, seed))
    return {title: {name: statistics.median(some) for name, some in by.items()}
            for title, by in times.items()}  # fmt: skip


def _variables(home: str) -> dict[str, str]:
    variables = {
        name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ
    }
    return {**variables, "HOME": home}


def _start(command: Sequence[str], home: str, screen: screens.Screen) -> measure.Start:
    variables = {**_variables(home), "DISPLAY": screen.display}
    process, start = measure.start(list(command), screen, variables)
    measure.end(process, screen, "key")
    return start


def _map(command: Sequence[str], home: str, seed: int) -> float:
    began = time.monotonic()
    subprocess.run(
        [*command, "map", "--model", SMALL, "--layer", LAYER, "--map-seed", f"{seed}", "--json"],
        check=True,
        env=_variables(home),
        cwd=Path("/"),
        capture_output=True,
    )
    return time.monotonic() - began


def too_slow(times: Times, program: str, source: str) -> list[str]:
    """What takes longer than it may."""
    return [
        f"{title}: {by[program]:.2f} s beside {by[source]:.2f} s"
        for title, by in times.items()
        if by[program] > MOST * by[source]
    ]
