"""Which session the work in the window belongs to, and what of it that session holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diffviews_desktop.state.runs import Run
from diffviews_desktop.values.sample_sets import SampleSet

if TYPE_CHECKING:
    from diffviews_desktop.state.session_file.saved import SavedSession

HeldRun = tuple[int, int]
"""The id of a run, and how many of its steps there were."""


@dataclass(frozen=True, eq=False)
class Opening:
    """A session that is put onto its data once that is open.

    Attributes:
        session: what it holds.
        file: where it was read; None for one that was kept without having been saved.
        job_id: of the job that opens its data folder.
        at_map: whether only the map is still missing.
    """

    session: SavedSession
    file: Path | None
    job_id: int
    at_map: bool = False


@dataclass(frozen=True, eq=False)
class Kept:
    """Which session the work belongs to.

    Attributes:
        file: of the session; None while it has none.
        held: the runs that are in it.
        sets: the named selections that are in it, as they are there.
        opening: the session that is being opened.
    """

    file: Path | None = None
    held: frozenset[HeldRun] = frozenset()
    sets: tuple[SampleSet, ...] = ()
    opening: Opening | None = None

    def unheld(self, runs: Iterable[Run]) -> tuple[Run, ...]:
        """The runs that are not in it, or not with all of their steps; where nothing was drawn,
        there is nothing to lose."""
        return tuple(run for run in runs if run.steps and held_run(run) not in self.held)

    def unheld_sets(self, sets: Iterable[SampleSet]) -> tuple[SampleSet, ...]:
        """The named selections that are not in it, or not as they are now."""
        return tuple(one for one in sets if not any(one is other for other in self.sets))


def held_run(run: Run) -> HeldRun:
    """By what a run in a session is known."""
    return run.id, len(run.steps)


def all_held(runs: Iterable[Run]) -> frozenset[HeldRun]:
    """By what runs in a session are known."""
    return frozenset(map(held_run, runs))
