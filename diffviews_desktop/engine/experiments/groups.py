"""Which samples the masks of an experiment are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.engine.experiments.told_samples import ToldSamples
from diffviews_desktop.engine.jobs.experiments import ChooseGroups
from diffviews_desktop.engine.opened_model import Host, OpenedModel
from diffviews_desktop.errors import UsageError
from diffviews_desktop.values.layers import LayerSet

MOST_CANDIDATES = 60
"""Samples of a class and noise level among which an anchor's neighbours are looked for."""


def choose_groups(
    job: ChooseGroups, host: Host, opened: OpenedModel, layers: LayerSet
) -> tuple[tuple[int, ...], ...]:
    """See `ChooseGroups`.

    Raises:
        UsageError: there are not enough samples with a picture.
    """
    if job.anchors < 1 or job.neighbors < 0:
        raise UsageError("An experiment needs at least one anchor.")
    rng = np.random.default_rng(job.seed)
    candidates = _candidates(job, opened, rng)
    told = ToldSamples(host, opened)
    places: list[NDArray[np.float64]] = []
    for rows in candidates:
        values = told.rows([told.told(row, job.told) for row in rows], layers)
        places.append(values.astype(np.float64))
    groups = []
    for number in range(job.anchors):
        which = number % len(candidates)
        order = nearest_to(number // len(candidates) % len(candidates[which]), places[which])
        groups.append(tuple(candidates[which][index] for index in order[: job.neighbors + 1]))
    return tuple(groups)


def nearest_to(anchor: int, places: NDArray[np.float64]) -> list[int]:
    """All rows of ``places (N, D)``, the anchor first and then by their distance from it."""
    distances = np.linalg.norm(places - places[anchor], axis=1)
    distances[anchor] = -1
    order: list[int] = np.argsort(distances, kind="stable").tolist()
    return order


def _candidates(
    job: ChooseGroups, opened: OpenedModel, rng: np.random.Generator
) -> list[list[int]]:
    """Samples of every class at the noise level, in random order."""
    table = opened.samples.table
    levels = np.unique(table.sigma)
    sigma = np.float32(levels[len(levels) // 2] if job.sigma is None else job.sigma)
    if sigma not in levels:
        choices = ", ".join(f"{level:g}" for level in levels[:20])
        raise UsageError(f"No sample has the noise level {job.sigma:g}. There are: {choices}.")
    candidates = []
    for number in np.unique(table.class_label):
        rows = np.flatnonzero((table.class_label == number) & (table.sigma == sigma))
        rows = np.array([row for row in rows.tolist() if table.picture(row) is not None])
        if len(rows) > job.neighbors:
            candidates.append(rng.permutation(rows)[:MOST_CANDIDATES].tolist())
    if not candidates:
        raise UsageError(
            f"No class has {job.neighbors + 1} samples at noise level {sigma:g}. Take fewer "
            "neighbours, or another level."
        )
    most = len(candidates) * min(map(len, candidates))
    if job.anchors > most:
        raise UsageError(
            f"There are {most} samples to anchor masks evenly at noise level {sigma:g}, "
            f"not {job.anchors}."
        )
    return candidates
