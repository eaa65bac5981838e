"""How alike two maps of the same samples are."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.processing.trustworthiness import neighborhood_overlap
from diffviews_desktop.values.sample_groups import LevelStack

FEWEST_CLASSES = 3
"""Of fewer there are no distances to put in order."""


class Alike(NamedTuple):
    """How alike two maps are.

    Attributes:
        kept: mean share of each sample's nearest on one that are so on the other, 0 to 1.
        disparity: see `disparity`.
        order: see `order_of_islands`; None without classes.
    """

    kept: float
    disparity: float
    order: float | None


def compare_maps(
    one: NDArray,
    other: NDArray,
    classes: NDArray,
    k: int,
    progress: Callable[[float], None] | None = None,
    stack: LevelStack | None = None,
) -> Alike:
    """Compare two maps ``(N, C)`` of the same samples.

    Args:
        one: places.
        other: places.
        classes: of the samples ``(N,)``, -1 for those without one.
        k: how many neighbours are looked at.
        progress: called with the fraction done; may raise to stop.
        stack: the samples' noise levels, where each has a map of its own.
    """
    first, second = (one, other) if stack is None else (stack.spread(one), stack.spread(other))
    return Alike(
        float(neighborhood_overlap(first, second, k, progress).mean(dtype=np.float64)),
        disparity(one, other),
        order_of_islands(one, other, classes),
    )


def disparity(one: NDArray, other: NDArray) -> float:
    """What is left of the squared distances between two maps ``(N, C)`` after both were moved and
    scaled to the same size and one turned or mirrored to lie on the other: 0 where they are alike,
    at most 1 (Gower 1975)."""
    a, b = (_of_size_one(places) for places in (one, other))
    if a is None or b is None:
        return 0.0 if a is b else 1.0
    strengths = np.linalg.svd(a.T @ b, compute_uv=False)
    return float(max(0.0, 1 - strengths.sum() ** 2))


def order_of_islands(one: NDArray, other: NDArray, classes: NDArray) -> float | None:
    """Spearman's rank correlation of the distances between the centres of the classes on two maps,
    -1 to 1; None where there are fewer than three classes."""
    labels = np.unique(classes[classes >= 0])
    if len(labels) < FEWEST_CLASSES:
        return None
    first, second = (_ranks(_between(places, classes, labels)) for places in (one, other))
    first, second = first - first.mean(), second - second.mean()
    spread = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / spread if spread > 0 else None


def _of_size_one(places: NDArray) -> NDArray[np.float64] | None:
    """Places about their centre with squares that sum to 1; None where all are one place."""
    offsets = np.asarray(places, np.float64)
    offsets = offsets - offsets.mean(axis=0)
    size = float(np.linalg.norm(offsets))
    return offsets / size if size > 0 else None


def _between(places: NDArray, classes: NDArray, labels: NDArray) -> NDArray[np.float64]:
    """Distances between the centres of all pairs of classes."""
    centres = np.stack([places[classes == one].mean(axis=0, dtype=np.float64) for one in labels])
    first, second = np.triu_indices(len(labels), 1)
    return np.asarray(np.linalg.norm(centres[first] - centres[second], axis=1))


def _ranks(values: NDArray) -> NDArray[np.float64]:
    """Ranks from 0, the mean of theirs for equal values."""
    _, kinds, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts + 1) / 2)[kinds], np.float64)
