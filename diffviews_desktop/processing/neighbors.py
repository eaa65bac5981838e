"""Exact k nearest neighbours with numpy alone, so that the window may use it too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK_VALUES = 8_000_000  # distances held at a time: 32 MB


@dataclass(frozen=True, eq=False)
class Neighbors:
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

    An index that does not exist has none, and a point that is not finite is nobody's neighbour.
    """
    if not 0 <= index < len(points) or k < 1 or not np.isfinite(points[index]).all():
        return []
    found = nearest(points, points[index : index + 1], k + 1)
    pairs = zip(found.index[0].tolist(), found.distance[0].tolist(), strict=True)
    return [(row, near) for row, near in pairs if row != index and np.isfinite(near)][:k]


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
    others = max(0, len(points) - int(exclude_self))
    k = max(0, min(k, others))
    # a few spare candidates: the fast distances are rounded, the exact ones decide
    spare = min(k + 8, others)
    index = np.empty((len(queries), k), dtype=np.int64)
    distance = np.empty((len(queries), k), dtype=np.float32)
    if k == 0:
        return Neighbors(index, distance)
    # |p - q|^2 - |q|^2 = |p|^2 - 2 pq, about the centre, where it is rounded least; made smaller
    # by what rounding can add, so that it is a lower bound
    finite = np.isfinite(points).all(axis=1)
    centre = points[finite].mean(axis=0, dtype=np.float64) if finite.any() else 0.0
    rounding = (2 * points.shape[1] + 8) * np.finfo(np.float32).eps
    clean, norms = _centred(points, centre)
    norms *= 1 - rounding
    block = max(1, _BLOCK_VALUES // len(points))
    for start in range(0, len(queries), block):
        batch = queries[start : start + block]
        rows = np.arange(len(batch))
        moved, own_norms = _centred(batch, centre)
        rough = norms - 2 * (moved @ clean.T)
        rough[~np.isfinite(own_norms)] = np.inf
        if exclude_self:
            rough[rows, start + rows] = np.nan  # sorted behind everything, even infinity
        if spare < len(points):
            candidates = np.argpartition(rough, spare - 1, axis=1)[:, :spare]
        else:
            candidates = np.broadcast_to(np.arange(len(points)), (len(batch), len(points)))
        exact = _exact(points, candidates, batch[:, None])
        order = np.lexsort((candidates, exact), axis=1)[:, :k]
        index[start : start + block] = np.take_along_axis(candidates, order, axis=1)
        found = np.take_along_axis(exact, order, axis=1)
        distance[start : start + block] = found
        # where more points than the candidates may be as near as the k-th, look at all of these
        own_norms[~np.isfinite(own_norms)] = np.nan
        farthest = found[:, -1] ** 2 - own_norms * (1 - rounding)
        as_near = rough <= farthest[:, None]
        for row in np.flatnonzero(np.count_nonzero(as_near, axis=1) > spare):
            near = np.flatnonzero(as_near[row])
            exact_row = _exact(points, near, batch[row])
            order_row = np.argsort(exact_row, kind="stable")[:k]
            index[start + row] = near[order_row]
            distance[start + row] = exact_row[order_row]
        if progress is not None:
            progress(min(1.0, (start + block) / len(queries)))
    return Neighbors(index, distance)


def _centred(points: NDArray, centre: NDArray | float) -> tuple[NDArray, NDArray]:
    """Points about the centre and their squared norms; 0 and infinity where not finite."""
    moved = (points - centre).astype(np.float32)
    norms = np.einsum("nd,nd->n", moved, moved)
    usable = np.isfinite(norms)
    return np.where(usable[:, None], moved, 0), np.where(usable, norms, np.float32(np.inf))


def _exact(points: NDArray, candidates: NDArray, query: NDArray) -> NDArray[np.float64]:
    """Euclidean distances in float64; infinity from and to what is not finite."""
    with np.errstate(invalid="ignore"):  # infinity less infinity
        difference = points[candidates].astype(np.float64) - query
    squared = np.einsum("...d,...d->...", difference, difference)
    return np.where(np.isfinite(squared), np.sqrt(squared), np.inf)
