"""Exact k nearest neighbours with numpy alone, so that the window may use it too."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_BLOCK_VALUES = 8_000_000  # distances held at a time: 32 MB


class Neighbors(NamedTuple):
    """Nearest first: ``index (M, k) int64`` and Euclidean ``distance (M, k) float32``."""

    index: NDArray[np.int64]
    distance: NDArray[np.float32]


def nearest(points: NDArray, queries: NDArray, k: int) -> Neighbors:
    """The ``k`` points nearest to each query; of equally near ones, the lower index first.

    Args:
        points: ``(N, D)``.
        queries: ``(M, D)``.
        k: number of neighbours; at most N are returned.
    """
    return _search(points, queries, k, exclude_self=False, progress=None)


def neighbors_of(points: NDArray, index: int, k: int) -> list[tuple[int, float]]:
    """The ``k`` nearest neighbours of a point, itself left out: ``[(index, distance), …]``.

    An index that does not exist has none.
    """
    if not 0 <= index < len(points) or k < 1 or not np.isfinite(points[index]).all():
        return []
    found = nearest(points, points[index : index + 1], k + 1)
    pairs = zip(found.index[0].tolist(), found.distance[0].tolist(), strict=True)
    return [(row, distance) for row, distance in pairs if row != index][:k]


def neighbor_graph(
    points: NDArray, k: int, progress: Callable[[float], None] | None = None
) -> Neighbors:
    """The ``k`` nearest neighbours of every point, never the point itself; ``(N, k)``.

    Args:
        points: ``(N, D)``.
        k: number of neighbours, less than N.
        progress: called with the fraction done; may raise to stop.
    """
    return _search(points, points, k, exclude_self=True, progress=progress)


def _search(
    points: NDArray,
    queries: NDArray,
    k: int,
    *,
    exclude_self: bool,
    progress: Callable[[float], None] | None,
) -> Neighbors:
    points = np.asarray(points, dtype=np.float32)
    queries = np.asarray(queries, dtype=np.float32)
    k = min(k, len(points) - int(exclude_self))
    # a few spare candidates: the fast distances are rounded, the exact ones decide
    spare = min(k + 8, len(points) - int(exclude_self))
    norms = np.einsum("nd,nd->n", points, points)
    norms = np.where(np.isfinite(norms), norms, np.inf).astype(np.float32)
    clean = np.where(np.isfinite(norms)[:, None], points, 0)
    index = np.empty((len(queries), k), dtype=np.int64)
    distance = np.empty((len(queries), k), dtype=np.float32)
    block = max(1, _BLOCK_VALUES // max(1, len(points)))
    for start in range(0, len(queries), block):
        batch = queries[start : start + block]
        rough = norms - 2 * (batch @ clean.T)
        rows = np.arange(len(batch))
        if exclude_self:
            rough[rows, start + rows] = np.inf
        if spare < len(points):
            candidates = np.argpartition(rough, spare - 1, axis=1)[:, :spare]
        else:
            candidates = np.broadcast_to(np.arange(len(points)), (len(batch), len(points)))
        difference = points[candidates].astype(np.float64) - batch[:, None]
        exact = np.sqrt(np.einsum("mkd,mkd->mk", difference, difference))
        exact = np.where(np.isfinite(exact), exact, np.inf)
        order = np.lexsort((candidates, exact), axis=1)[:, :k]
        index[start : start + block] = np.take_along_axis(candidates, order, axis=1)
        distance[start : start + block] = np.take_along_axis(exact, order, axis=1)
        if progress is not None:
            progress(min(1.0, (start + block) / len(queries)))
    return Neighbors(index, distance)
