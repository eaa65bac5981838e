"""How well a map keeps neighbourhoods: exact figures, in little memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.errors import UsageError
from diffviews_desktop.processing.neighbors import neighbor_graph

_TILE_VALUES = 1_000_000  # float64 values of each array held at a time: 8 MB
_ROWS = 128


class Trustworthiness(NamedTuple):
    """The ``figure`` of a map, 0 … 1; the part of each of its ``points (M,) float32``, 0 … 1, whose
    mean it is; and ``kept (M,) float32``, 0 … 1, the share of each point's nearest neighbours on
    the map that are so in the reduced space (see `neighborhood_overlap`)."""

    figure: float
    points: Float32
    kept: Float32


def trustworthiness(
    reduced: NDArray,
    places: NDArray,
    n_neighbors: int = 5,
    progress: Callable[[float], None] | None = None,
    *,
    rows: NDArray[np.int64] | None = None,
) -> Trustworthiness:
    """Trustworthiness of a map (Venna and Kaski 2001).

    A point loses by every one of its nearest neighbours on the map that is not among the nearest in
    the reduced space, the more the farther it is there. Distances that differ only by rounding
    count as equal, and equally near ones as equally good. It works in tiles: beside the neighbours
    of every point no more than some 40 MB are held.

    Args:
        reduced: the samples in the space that was mapped ``(N, K)``.
        places: the samples on the map ``(N, C)``.
        n_neighbors: k, at least 1 and less than N / 2.
        progress: called with the fraction done; may raise to stop.
        rows: which points are judged, among all of them ``(M,)``; all by default.

    Raises:
        UsageError: k is out of range, the numbers of rows differ, or a value is not finite.
    """
    n = _check(reduced, places)
    sample = np.arange(n) if rows is None else rows
    k = n_neighbors
    if not 1 <= k < n / 2:
        raise UsageError(f"n_neighbors must be from 1 to less than half of {n} points, not {k}.")
    neighbors = _on_the_map(places, k, sample)
    centre = np.asarray(np.mean(reduced, axis=0, dtype=np.float64))
    width = reduced.shape[1]
    size = int(np.clip(_TILE_VALUES // max(1, k * width), 1, _ROWS))
    columns = max(1, _TILE_VALUES // max(width, size))
    norms = np.empty(n)
    for start in range(0, n, columns):
        part = reduced[start : start + columns] - centre
        norms[start : start + columns] = np.einsum("nd,nd->n", part, part)
    slack = (2 * width + 8) * np.finfo(np.float64).eps
    taken_off = norms + slack * (norms + norms.max())
    points, shares = np.empty(len(sample)), np.empty(len(sample), np.float32)
    for start in range(0, len(sample), size):
        some = slice(start, start + size)
        origins = reduced[sample[some]] - centre
        difference = reduced[neighbors[some]] - centre
        difference -= origins[:, None]
        limit = np.einsum("bkd,bkd->bk", difference, difference)
        limit -= taken_off[sample[some], None]
        # the point itself is counted wherever another is
        ranks = np.maximum(1, _count_nearer(reduced, centre, norms, origins, limit, columns))
        points[some] = np.maximum(0, ranks - k).sum(axis=1)
        shares[some] = (ranks <= k).mean(axis=1)
        if progress is not None:
            progress(min(1.0, (start + size) / len(sample)))
    points = np.clip(1 - points * (2 / (k * (2 * n - 3 * k - 1))), 0, 1)
    return Trustworthiness(float(points.mean()), points.astype(np.float32), shares)


def neighborhood_overlap(
    reduced: NDArray,
    places: NDArray,
    n_neighbors: int = 15,
    progress: Callable[[float], None] | None = None,
) -> Float32:
    """Share of each point's nearest neighbours that are so on the map as well, ``(N,)``, 0 … 1.

    Args:
        reduced: the samples in the space that was mapped ``(N, K)``.
        places: the samples on the map ``(N, C)``.
        n_neighbors: k, at least 1 and less than N.
        progress: called with the fraction done; may raise to stop.

    Raises:
        UsageError: k is out of range, the numbers of rows differ, or a value is not finite.
    """
    n = _check(reduced, places)
    if not 1 <= n_neighbors < n:
        raise UsageError(f"n_neighbors must be from 1 to {n - 1}, not {n_neighbors}.")
    space_index = neighbor_graph(reduced, n_neighbors, progress).index
    map_index = _on_the_map(places, n_neighbors, np.arange(n))
    # (point, neighbour) as one number: what is in both is a pair of both
    base = np.arange(n)[:, None] * n
    both = np.isin(space_index + base, map_index + base)
    return both.mean(axis=1).astype(np.float32)


def _count_nearer(
    reduced: NDArray,
    centre: NDArray,
    norms: NDArray,
    origins: NDArray,
    limit: NDArray,
    columns: int,
) -> NDArray[np.int64]:
    """How many points ``p`` have ``|p|^2 - 2 p origin < limit``, ``(B, k)``."""
    counts = np.zeros(limit.shape, dtype=np.int64)
    for first in range(0, len(reduced), columns):
        part = reduced[first : first + columns] - centre
        rough = origins @ part.T
        rough *= -2
        rough += norms[first : first + columns]
        # row by row is fastest: the row stays in the processor's cache
        for row in range(len(origins)):
            values = rough[row]
            for j, bound in enumerate(limit[row]):
                counts[row, j] += np.count_nonzero(values < bound)
    return counts


def _on_the_map(places: NDArray, k: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The ``k`` nearest neighbours on the map of some points, never the points themselves,
    ``(M, k)``."""
    from sklearn.neighbors import KDTree

    places = np.asarray(places, dtype=np.float64)
    index = KDTree(places).query(places[rows], k + 1, return_distance=False, sort_results=True)
    others = index != rows[:, None]
    others[others.all(axis=1), -1] = False  # of many at one place, itself may be missing
    return index[others].reshape(len(rows), k).astype(np.int64)


def _check(reduced: NDArray, places: NDArray) -> int:
    n = len(reduced)
    if len(places) != n:
        raise UsageError(f"{n} activations and {len(places)} places do not belong together.")
    if not (np.isfinite(reduced).all() and np.isfinite(places).all()):
        raise UsageError("A map can only be judged where every value is a finite number.")
    return n
