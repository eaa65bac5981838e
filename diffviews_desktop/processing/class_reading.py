"""How well the classes of samples are read from their nearest neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.processing.neighbors import NeighborIndex
from diffviews_desktop.processing.quality import exchanged_within

EXCHANGES = 5
"""So often classes are exchanged to find out what chance is."""


def commonest(classes: NDArray, near: NDArray[np.int64]) -> NDArray:
    """The commonest class among some neighbours ``(M, k)``, the lowest of equally common ones,
    ``(M,)``."""
    numbers, kinds = np.unique(classes, return_inverse=True)
    votes = np.zeros((len(near), len(numbers)), np.int32)
    for column in kinds[near].T:
        votes[np.arange(len(near)), column] += 1
    return np.asarray(numbers[votes.argmax(axis=1)])


def nearest_others(
    points: NDArray, queries: NDArray, matches: NDArray[np.int64], k: int
) -> NDArray[np.int64]:
    """The ``k`` points nearest to each query, without a point of its own ``(M, k)``.

    Args:
        points: ``(N, C)``.
        queries: ``(M, C)``.
        matches: which point is each query's own, or -1 ``(M,)``.
        k: less than N.
    """
    indices = NeighborIndex(points).nearest(queries, k + 1).index
    others = indices != matches[:, None]
    others[others.all(axis=1), -1] = False
    return indices[others].reshape(len(queries), k)


def chance_of_reading(
    classes: NDArray, groups: NDArray, near: NDArray[np.int64], seed: int = 0
) -> float:
    """The share of classes that would be read right from the same neighbours ``(N, k)`` if classes
    were exchanged at random within groups, such as noise levels, ``(N,)``."""
    shares = []
    for turn in range(EXCHANGES):
        shuffle = classes[exchanged_within(groups, seed + turn)]
        shares.append(float((commonest(shuffle, near) == shuffle).mean()))
    return float(np.mean(shares))


def wrong_classes(classes: NDArray, seed: int = 0) -> NDArray:
    """A random class for each sample among those of the others, never its own ``(N,)``; there must
    be two at least."""
    numbers, kinds = np.unique(classes, return_inverse=True)
    steps = np.random.default_rng(seed).integers(1, len(numbers), len(classes))
    return np.asarray(numbers[(kinds + steps) % len(numbers)])
