"""Runs as the state keeps them, without an engine that draws them."""

from __future__ import annotations

from typing import Any

from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.state.runs import Run
from diffviews_desktop.values.conditions import ClassLabel, Condition, UniformLabel, ZeroLabel


def run_of(job: Generate, name: str, *steps: Any, **more: Any) -> Run:
    """The run that a job draws; its id is that of the job, which no other run of a test has."""
    return Run(job.job_id, name, job, *steps, **more)


def told(number: int) -> Condition:
    """What a number stands for: a class, -1 the uniform label, -2 the zero label."""
    return {-1: UniformLabel(), -2: ZeroLabel()}.get(number) or ClassLabel(number)
