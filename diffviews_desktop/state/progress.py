"""How far a job is as a whole, of what it tells of its stages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid
from diffviews_desktop.engine.jobs.experiments import RunExperiment
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.engine.jobs.mapping import AssessMap, LinkMaps, MapLayer
from diffviews_desktop.engine.protocol import Job

Plan = tuple[tuple[str, float], ...]
"""Stages in their order, each with about how much of the time it takes."""

_LOADING: Plan = (("loading the model", 4.0),)
_LAYING_OUT: Plan = (
    ("reducing", 1.0),
    ("finding neighbours", 2.0),
    ("preparing UMAP", 10.0),
    ("UMAP", 10.0),
    ("finding neighbours", 2.0),
    ("judging the map", 4.0),
)
_MAP: Plan = (
    *_LOADING,
    ("reading activations", 4.0),
    ("extracting", 40.0),
    *_LAYING_OUT,
    ("saving", 2.0),
)
_DRAWING: Plan = (
    *_LOADING,
    ("reading the samples' activations", 2.0),
    ("drawing the other run", 10.0),
    ("generating", 20.0),
)
_PLANS: Mapping[type[Job[object]], Plan] = {
    MapLayer: _MAP,
    LinkMaps: (*_MAP, ("comparing neighbourhoods", 4.0)),
    AssessMap: (
        ("reading classes", 5.0),
        ("telling wrong classes", 20.0),
        *_LAYING_OUT,
        *_LAYING_OUT,
        ("comparing seeds", 4.0),
    ),
    Generate: _DRAWING,
    GenerateGrid: _DRAWING,
    RunExperiment: (
        *_LOADING,
        ("trying the model", 1.0),
        ("reading the samples' activations", 4.0),
        ("drawing", 60.0),
        ("measuring", 10.0),
    ),
    ImportData: (
        ("unpacking", 5.0),
        *_LOADING,
        ("looking at brightness", 5.0),
        ("reading pictures", 15.0),
        ("generating", 20.0),
        ("extracting", 40.0),
        *_LAYING_OUT,
    ),
}
_SETTLED = 20.0
"""Seconds in which the bar of a stage that cannot tell how far it is goes most of its way."""
_MOST_OF_STAGE = 0.95


@dataclass(frozen=True)
class WholeProgress:
    """How far a job is as a whole.

    Attributes:
        begin: of the stage that it is in, 0 … 1 of the whole job.
        end: of that stage.
        fraction: of the stage that is done; None where it cannot tell.
        stage: its place in the plan.
        before: how much of the plan the job had no need of.
        since: when the stage began, in monotonic seconds.
    """

    begin: float = 0.0
    end: float = 1.0
    fraction: float | None = None
    stage: int = -1
    before: float = 0.0
    since: float = 0.0

    def at(self, clock: float) -> float:
        """How much of the job is done, 0 … 1. While a stage cannot tell how far it is, it nears the
        end of the stage ever more slowly: a bar that stands still looks as if nothing happened."""
        part = self.fraction
        if not part:
            part = _MOST_OF_STAGE * (1 - math.exp(-max(0.0, clock - self.since) / _SETTLED))
        return self.begin + (self.end - self.begin) * part


def whole_after(
    kind: type[Job[object]],
    old: WholeProgress | None,
    stage: tuple[str, str],
    fraction: float | None,
    clock: float,
) -> WholeProgress:
    """How far a job of a kind is after it told of a stage.

    Args:
        kind: of the job.
        old: how far it was; None at first.
        stage: its last stage, and the one that it tells of.
        fraction: of that stage, 0 … 1, or None.
        clock: in monotonic seconds.
    """
    base = old or WholeProgress(since=clock)
    if old is not None and stage[0] == stage[1]:
        return _on(base, fraction)
    plan = _PLANS.get(kind, ())
    place = _place(plan, base.stage, stage[1])
    if place is None:  # nobody knows what else is to come: each stage takes half of what is left
        position = base.at(clock) if old is not None else 0.0
        end = 1.0 if old is None and not plan else position + (1 - position) / 2
        return WholeProgress(position, end, fraction, base.stage, base.before, clock)
    whole = sum(weight for _, weight in plan)
    lead = sum(weight for _, weight in plan[:place])
    offset = lead if old is None else base.before
    position = base.at(clock) if old is not None else 0.0
    share = whole - offset
    begin = max(position, (lead - offset) / share)
    end = max(begin, (lead - offset + plan[place][1]) / share)
    return WholeProgress(begin, end, fraction, place, offset, clock)


def _on(whole: WholeProgress, fraction: float | None) -> WholeProgress:
    """Further in the same stage, never back."""
    if fraction is None or (whole.fraction is not None and fraction <= whole.fraction):
        return whole
    return WholeProgress(whole.begin, whole.end, fraction, whole.stage, whole.before, whole.since)


def _place(plan: Plan, index: int, stage: str) -> int | None:
    """Where a stage stands in a plan, not before the one that the job is in."""
    name = stage.rpartition(": ")[2]  # "map 2 of 3: UMAP"
    places = (at for at, (title, _) in enumerate(plan) if at > index and title == name)
    return next(places, None)
