"""Dense groups of places on a map, by HDBSCAN.

Campello, Moulavi and Sander, "Density-Based Clustering Based on Hierarchical Density Estimates",
PAKDD 2013, as scikit-learn has it. What it takes grows with the square of the number of places; so
of many, the clusters of some are found, and the others belong to that of the nearest one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

MOST_CLUSTERED = 20_000
"""Places among which clusters are found: about two seconds."""
FEWEST = 25
"""Of those some, which a cluster must have: fewer are together by chance."""
MIN_SAMPLES = 5
"""Neighbours that make a place dense."""
_AT_ONCE = 50_000
_SEED = 0

Report = Callable[[float], None]


def find_clusters(
    places: NDArray[np.floating], smallest: int, progress: Report
) -> NDArray[np.int32]:
    """The cluster of each place ``(N,)``, the largest being 0; -1 for none, and for places that are
    not finite.

    Args:
        places: on a map ``(N, C)``.
        smallest: how many places a cluster must have, 2 or more.
        progress: called with the fraction done; may raise to stop.
    """
    labels = np.full(len(places), -1, np.int32)
    rows = np.flatnonzero(np.isfinite(places).all(axis=1))
    if len(rows) < max(2, smallest):
        return labels
    points = np.asarray(places[rows], np.float64)
    share = min(1.0, MOST_CLUSTERED / len(rows))
    progress(0.0)
    if share == 1:
        labels[rows] = _hdbscan(points, smallest)
    else:
        sample = np.random.default_rng(_SEED).permutation(len(rows))[:MOST_CLUSTERED]
        few_labels = _hdbscan(points[sample], max(min(smallest, FEWEST), round(smallest * share)))
        progress(0.3)
        labels[rows] = _nearest_of(points, points[sample], few_labels, progress)
    return _by_size(labels, smallest)


def _hdbscan(places: NDArray[np.float64], smallest: int) -> NDArray[np.int32]:
    from sklearn.cluster import HDBSCAN

    fewest = min(MIN_SAMPLES, smallest, len(places))
    model = HDBSCAN(min_cluster_size=smallest, min_samples=fewest, copy=True)
    return np.asarray(model.fit_predict(places), np.int32)


def _nearest_of(
    places: NDArray[np.float64],
    among: NDArray[np.float64],
    labels: NDArray[np.int32],
    progress: Report,
) -> NDArray[np.int32]:
    """For each place the label of the nearest among those that have one."""
    from sklearn.neighbors import KDTree

    tree = KDTree(among)
    nearest = np.empty(len(places), np.int32)
    for start in range(0, len(places), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        nearest[part] = labels[tree.query(places[part], k=1, return_distance=False)[:, 0]]
        progress(0.3 + 0.7 * min(1.0, part.stop / len(places)))
    return nearest


def _by_size(labels: NDArray[np.int32], smallest: int) -> NDArray[np.int32]:
    """Labels from the largest cluster to the smallest, without those that are too small."""
    counts = np.bincount(labels[labels >= 0]) if (labels >= 0).any() else np.zeros(0, np.int64)
    order = [int(one) for one in np.argsort(-counts, kind="stable") if counts[one] >= smallest]
    place = np.full(len(counts) + 1, -1, np.int32)  # the last is that of -1
    place[order] = np.arange(len(order))
    return place[labels]
