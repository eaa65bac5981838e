"""How two runs differ: steps that belong together, their pictures, and the distances of paths."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.state.runs import Run
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.runs import RunStep


def step_beside(run: Run, other: Run, index: int) -> RunStep | None:
    """The step of another run that belongs beside one of a run: the same one where both go through
    the same noise levels, else the one of the nearest noise level; None while it is not there."""
    if index >= len(run.steps) or not other.steps:
        return None
    if _go_alike(run, other):
        return other.steps[index] if index < len(other.steps) else None
    sigma = run.steps[index].sigma
    return min(other.steps, key=lambda step: _log_distance(step.sigma, sigma))


def _log_distance(one: float, other: float) -> float:
    """How far two noise levels are apart, on a logarithmic scale."""
    return abs(math.log(one / other)) if one > 0 and other > 0 else math.inf


def _go_alike(run: Run, other: Run) -> bool:
    one, two = run.job.settings, other.job.settings
    return (one.num_steps, one.sigma_max, one.sigma_min, one.rho) == (
        two.num_steps,
        two.sigma_max,
        two.sigma_min,
        two.rho,
    )


def difference(one: RunStep, other: RunStep) -> NDArray[np.uint8] | None:
    """How much each pixel differs ``(H, W, C)``; None where the pictures differ in size."""
    if one.image.shape != other.image.shape:
        return None
    return np.abs(one.image.astype(np.int16) - other.image.astype(np.int16)).astype(np.uint8)


def not_apart(run: Run, other: Run) -> str:
    """Why their paths have no distance; empty where they have one."""
    same = run.job.folder == other.job.folder and run.job.spec == other.job.spec
    return "" if same else tr("These runs belong to different maps: their paths have no distance.")


def distances(run: Run, other: Run) -> NDArray[np.float64]:
    """How far a run is from another in the reduced activation space, step by step ``(S,)``, as far
    as both are there."""
    values: list[float] = []
    if not_apart(run, other):
        return np.array(values, np.float64)
    for index, step in enumerate(run.steps):
        beside = step_beside(run, other, index)
        if beside is None or step.reduced is None or beside.reduced is None:
            break
        if step.reduced.shape != beside.reduced.shape:
            break
        offset = step.reduced.astype(np.float64) - beside.reduced
        values.append(float(np.linalg.norm(offset)))
    return np.array(values, np.float64)
