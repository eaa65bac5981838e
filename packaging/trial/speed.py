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
    programs: Mapping[str, Sequence[str]], shown: screens.Screen, rounds: int = ROUNDS
) -> Times:
    """Start each program in turn, first in an empty home and then again.

    Args:
        programs: commands by their names.

    Returns:
        For what is timed (window and map of the first start and of the second, and a layer mapped
        twice by the command line), the median seconds of each program.
    """
    found: dict[str, dict[str, list[float]]] = {}

    def note(what: str, program: str, seconds: float) -> None:
        found.setdefault(what, {}).setdefault(program, []).append(seconds)

    for _ in range(rounds):
        for name, command in programs.items():
            with tempfile.TemporaryDirectory() as home:
                for which in ("first", "second"):
                    started = _start(command, home, shown)
                    note(f"{which} start: window", name, started.window)
                    note(f"{which} start: map", name, started.map)
                for seed, which in enumerate(("first", "second")):
                    note(f"{which} map of a layer", name, _map(command, home, seed))
    return {what: {name: statistics.median(some) for name, some in by.items()}
            for what, by in found.items()}  # fmt: skip


def _variables(home: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": home}


def _start(command: Sequence[str], home: str, shown: screens.Screen) -> measure.Start:
    variables = {**_variables(home), "DISPLAY": shown.display}
    process, started = measure.start(list(command), shown, variables)
    measure.end(process, shown, "key")
    return started


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
        f"{what}: {by[program]:.2f} s beside {by[source]:.2f} s"
        for what, by in times.items()
        if by[program] > MOST * by[source]
    ]
