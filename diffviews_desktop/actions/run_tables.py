"""Runs as numbers: their steps with places, distances and activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.actions.figures import record_of
from diffviews_desktop.exports.contents import Arrays, Table, Values
from diffviews_desktop.state.runs import Run
from diffviews_desktop.state.state import State
from diffviews_desktop.values.conditions import describe
from diffviews_desktop.values.runs import RunStep
from diffviews_desktop.values.told import told_text
from diffviews_desktop.values.typicality import Typicality


def steps_table(state: State, runs: Sequence[Run], *, activations: bool = False) -> Table:
    """One row a step: which run, what was drawn, where it lies, how far from the samples.

    Args:
        state: where the runs are.
        runs: those to write; one without a step has no rows.
        activations: whether each component of the reduced activations is a column.
    """
    rows = [(run, step) for run in runs for step in run.steps]
    distances = {run.id: distances_apart(state, run) for run in runs}
    columns: dict[str, Values] = {
        "run": np.array([run.id for run, _ in rows], dtype=np.int64),
        "run_name": [run.name for run, _ in rows],
        "step": np.array([step.index + 1 for _, step in rows], dtype=np.int64),
        "model": [run.job.spec.model for run, _ in rows],
        "layers": [str(run.job.spec.layers) for run, _ in rows],
        "seed": ["" if run.seed is None else str(run.seed) for run, _ in rows],
        "condition": [describe(run.condition) for run, _ in rows],
        "samples_told": [_told(run) for run, _ in rows],
        "conditioning_sigma": _numbers([step.sigma for _, step in rows]),
        "umap_x": _numbers([step.xy[0] for _, step in rows]),
        "umap_y": _numbers([step.xy[1] for _, step in rows]),
        "imposed_umap_x": _numbers([_coordinate(step, 0) for _, step in rows]),
        "imposed_umap_y": _numbers([_coordinate(step, 1) for _, step in rows]),
        "distance_to_samples": _numbers([step.distance for _, step in rows]),
        **_among_samples([step.typicality for _, step in rows]),
        "distance_to_unmasked": _numbers(
            [_at(distances[run.id], at) for run in runs for at in range(len(run.steps))]
        ),
    }
    if activations:
        columns |= _components([step for _, step in rows])
    return Table(columns, record_of(state, "runs", runs))


def run_arrays(state: State, runs: Sequence[Run]) -> Arrays:
    """The columns of `steps_table`, and for each run its pictures and activations.

    ``run_<id>/pictures (S, H, W, C)``, ``run_<id>/reduced (S, K)`` and, where the run kept them,
    ``run_<id>/computed/<layer> (S, C, H, W)``.
    """
    table = steps_table(state, runs)
    arrays: dict[str, Values] = dict(table.columns)
    for run in runs:
        if not run.steps:
            continue
        arrays[f"run_{run.id}/pictures"] = np.stack([step.image for step in run.steps])
        reduced = [step.reduced for step in run.steps if step.reduced is not None]
        if len(reduced) == len(run.steps):
            arrays[f"run_{run.id}/reduced"] = np.stack(reduced)
        for layer in run.steps[0].computed or {}:
            outputs = [(step.computed or {}).get(layer) for step in run.steps]
            whole = [one for one in outputs if one is not None]
            if len(whole) == len(run.steps):
                arrays[f"run_{run.id}/computed/{layer}"] = np.stack(whole)
    return Arrays(arrays, table.record)


def distances_apart(state: State, run: Run) -> list[float]:
    """How far a run is from the same one without a mask at each step, in the reduced activation
    space; empty where that was not drawn."""
    other = state.runs.baseline(run)
    if other is None:
        return []
    return [
        float(np.linalg.norm(a.reduced - b.reduced))
        if a.reduced is not None and b.reduced is not None and a.reduced.shape == b.reduced.shape
        else np.nan
        for a, b in zip(run.steps, other.steps, strict=False)
    ]


def _numbers(values: Sequence[float]) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


def _coordinate(step: RunStep, axis: int) -> float:
    return np.nan if step.imposed_xy is None else step.imposed_xy[axis]


def _told(run: Run) -> str:
    """What the samples were told that it lies among, as far as it was written down."""
    told = run.job.spec.told
    if told is not None:
        return told_text(told)
    record = {} if run.record is None else run.record.get("job", {})
    return str(record.get("told") or "")


def _among_samples(steps: Sequence[Typicality | None]) -> dict[str, Values]:
    """How usual each step is among the samples of like noise level: figures, and the words that the
    window has for it; empty where nobody compared it."""
    distances = [None if step is None else step.distance for step in steps]
    shares = [None if step is None else step.outside for step in steps]
    return {
        "distance_percentile": _fill_gaps([None if d is None else d.percentile for d in distances]),
        "outside_components": _fill_gaps([None if s is None else s.value for s in shares]),
        "outside_percentile": _fill_gaps([None if s is None else s.percentile for s in shares]),
        "among_samples": ["" if step is None else step.standing for step in steps],
    }


def _fill_gaps(values: Sequence[float | None]) -> NDArray[np.float64]:
    return _numbers([np.nan if value is None else value for value in values])


def _at(values: Sequence[float], at: int) -> float:
    return values[at] if at < len(values) else np.nan


def _components(steps: Sequence[RunStep]) -> dict[str, Any]:
    """``activation_1``, ``activation_2`` …, empty where a step has fewer or none."""
    most = max((len(step.reduced) for step in steps if step.reduced is not None), default=0)
    values = np.full((len(steps), most), np.nan, dtype=np.float32)
    for at, step in enumerate(steps):
        if step.reduced is not None:
            values[at, : len(step.reduced)] = step.reduced
    return {f"activation_{at + 1}": values[:, at] for at in range(most)}
