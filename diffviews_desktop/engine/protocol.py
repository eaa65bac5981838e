"""What every job has, and what the engine tells while one runs."""

from __future__ import annotations

from dataclasses import dataclass

from diffviews_desktop.values.folders import Source
from diffviews_desktop.values.runs import GridCell, TrajectoryStep


@dataclass(frozen=True, kw_only=True)
class Job:
    """Something for the engine to do; ``job_id`` names it in everything that comes back."""

    job_id: int
    source: Source


@dataclass(frozen=True)
class Progress:
    """A stage of a job and how far it is: 0 … 1, or None where that cannot be told; ``detail`` is
    for the person, such as ``96 of 2000, 41/s``."""

    job_id: int
    stage: str
    fraction: float | None = None
    detail: str = ""


@dataclass(frozen=True, eq=False)
class RunStarted:
    """A run of `Generate` chose its seed and class and is about to begin."""

    job_id: int
    seed: int
    class_label: int


@dataclass(frozen=True, eq=False)
class StepDone:
    """A denoising step of a running `Generate` job."""

    job_id: int
    step: TrajectoryStep


@dataclass(frozen=True, eq=False)
class CellDone:
    """A picture of a running `GenerateGrid` job is there."""

    job_id: int
    cell: GridCell


Event = Progress | RunStarted | StepDone | CellDone
