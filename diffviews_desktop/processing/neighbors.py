"""Exact k nearest neighbours with numpy alone, so that the window may use it too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.values.distances import distances_from

_BLOCK_VALUES = 2_000_000  # rough distances held at a time: with their order 24 MB
_EXACT_VALUES = 2_000_000  # differences held at a time in float64: 16 MB


@dataclass(frozen=True, eq=False)
class Neighbors:
    """Nearest first: ``index (M, k) int64`` and Euclidean ``distance (M, k) float32``."""

    index: NDArray[np.int64]
    distance: NDArray[np.float32]


class NeighborIndex:
    """Points prepared for many searches.

    Args:
        points: ``(N, D)``.
    """

    def __init__(self, points: NDArray) -> None:
        self._points = np.asarray(points, dtype=np.float32)
        finite = np.asarray(np.isfinite(self._points).all(axis=1))
        # distances are rounded least about the centre
        self._centre: NDArray | float = 0.0
        if finite.all() and len(finite):
            self._centre = self._points.mean(axis=0, dtype=np.float64)
        elif finite.any():
            self._centre = self._points[finite].mean(axis=0, dtype=np.float64)
        self._clean, self._norms = _centre_points(self._points, self._centre)
        # made smaller by what rounding can add, so that they give lower bounds
        self._slack = 1 - (2 * self._points.shape[1] + 8) * np.finfo(np.float32).eps
        self._norms *= self._slack

    def nearest(self, queries: NDArray, k: int) -> Neighbors:
        """As the function `nearest`, of these points."""
        return self._search(np.asarray(queries, dtype=np.float32), k, is_self=False, progress=None)

    def graph(self, k: int, progress: Callable[[float], None] | None = None) -> Neighbors:
        """As the function `neighbor_graph`, of these points."""
        return self._search(self._points, k, is_self=True, progress=progress)

    def _search(
        self,
        queries: NDArray,
        k: int,
        *,
        is_self: bool,
        progress: Callable[[float], None] | None,
    ) -> Neighbors:
        """The search; with ``is_self`` the queries are the points, none its own neighbour."""
        points = self._points
        others = max(0, len(points) - int(is_self))
        k = max(0, min(k, others))
        # a few spare candidates: the fast distances are rounded, the exact ones decide
        spare = min(k + 8, others)
        index = np.empty((len(queries), k), dtype=np.int64)
        distance = np.empty((len(queries), k), dtype=np.float32)
        if k == 0:
            return Neighbors(index, distance)
        block = max(1, _BLOCK_VALUES // len(points))
        for start in range(0, len(queries), block):
            batch = queries[start : start + block]
            rows = np.arange(len(batch))
            offsets, norms = _centre_points(batch, self._centre)
            rough = offsets @ self._clean.T  # |p - q|^2 - |q|^2 = |p|^2 - 2 pq
            rough *= -2
            rough += self._norms
            rough[~np.isfinite(norms)] = np.inf
            if is_self:
                rough[rows, start + rows] = np.nan  # sorted behind everything, even infinity
            if spare < len(points):
                candidates = np.argpartition(rough, spare - 1, axis=1)[:, :spare]
            else:
                candidates = np.broadcast_to(np.arange(len(points)), (len(batch), len(points)))
            exact = self._exact(candidates, batch)
            order = np.lexsort((candidates, exact), axis=1)[:, :k]
            index[start : start + block] = np.take_along_axis(candidates, order, axis=1)
            exact_nearest = np.take_along_axis(exact, order, axis=1)
            distance[start : start + block] = exact_nearest
            # where more points than the candidates may be as near as the k-th, look at all of these
            norms[~np.isfinite(norms)] = np.nan
            farthest = exact_nearest[:, -1] ** 2 - norms * self._slack
            as_near = rough <= farthest[:, None]
            for row in np.flatnonzero(np.count_nonzero(as_near, axis=1) > spare):
                near = np.flatnonzero(as_near[row])
                exact_row = self._exact(near[None], batch[row : row + 1])[0]
                order_row = np.argsort(exact_row, kind="stable")[:k]
                index[start + row] = near[order_row]
                distance[start + row] = exact_row[order_row]
            if progress is not None:
                progress(min(1.0, (start + block) / len(queries)))
        return Neighbors(index, distance)

    def _exact(self, candidates: NDArray, queries: NDArray) -> NDArray[np.float64]:
        """Euclidean distances ``(M, C)`` from queries ``(M, D)`` to points ``(M, C)`` in float64;
        infinity from and to what is not finite."""
        squared = np.empty(candidates.shape)
        columns = max(1, min(candidates.shape[1], _EXACT_VALUES // max(1, queries.shape[1])))
        size = max(1, _EXACT_VALUES // (columns * max(1, queries.shape[1])))
        for start in range(0, len(queries), size):
            rows = slice(start, start + size)
            for first in range(0, candidates.shape[1], columns):
                part = candidates[rows, first : first + columns]
                with np.errstate(invalid="ignore"):  # infinity less infinity
                    difference = self._points[part].astype(np.float64)
                    difference -= queries[rows, None]
                squared[rows, first : first + columns] = np.einsum(
                    "...d,...d->...", difference, difference
                )
        return np.where(np.isfinite(squared), np.sqrt(squared), np.inf)


def nearest(points: NDArray, queries: NDArray, k: int) -> Neighbors:
    """The ``k`` points nearest to each query; of equally near ones, the lower index first.

    Args:
        points: ``(N, D)``.
        queries: ``(M, D)``.
        k: number of neighbours; at most N are returned.
    """
    return NeighborIndex(points).nearest(queries, k)


def neighbors_of(points: NDArray, index: int, k: int) -> list[tuple[int, float]]:
    """The ``k`` nearest neighbours of a point, itself left out: ``[(index, distance), …]``.

    An index that does not exist has none, and a point that is not finite is nobody's neighbour.
    """
    if not 0 <= index < len(points) or k < 1 or not np.isfinite(points[index]).all():
        return []
    distances = distances_from(points, index)
    distances[index] = np.nan
    distances[~np.isfinite(distances)] = np.nan
    k = min(k, int(np.count_nonzero(~np.isnan(distances))))
    if k == 0:
        return []
    near = np.flatnonzero(distances <= np.partition(distances, k - 1)[k - 1])  # NaN sorts last
    rows = near[np.argsort(distances[near], kind="stable")][:k]
    return list(zip(rows.tolist(), distances[rows].tolist(), strict=True))


def neighbor_graph(
    points: NDArray, k: int, progress: Callable[[float], None] | None = None
) -> Neighbors:
    """The ``k`` nearest neighbours of every point, never the point itself; ``(N, k)``.

    Args:
        points: ``(N, D)``.
        k: number of neighbours, less than N.
        progress: called with the fraction done; may raise to stop.
    """
    return NeighborIndex(points).graph(k, progress)


def to_euclidean(rows: NDArray, metric: str) -> NDArray[np.float32]:
    """Rows ``(M, D) float32`` whose Euclidean distances order as ``metric`` orders the given ones.

    For cosine, rows of length 1: their squared distance is twice the cosine distance. For
    correlation, the mean of each row is taken off first. A row without a direction (zeros, or for
    correlation all values equal) lies at the origin, at distance 1 from all that have one.

    Args:
        rows: ``(M, D)``.
        metric: ``euclidean``, ``cosine`` or ``correlation``.
    """
    if metric == "euclidean":
        return np.asarray(rows, dtype=np.float32)
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite stays so
        values = np.array(rows, dtype=np.float64)
        length = np.linalg.norm(values, axis=1, keepdims=True)
        if metric == "correlation":
            values -= values.mean(axis=1, keepdims=True)
            whole, length = length, np.linalg.norm(values, axis=1, keepdims=True)
            length[length <= 1e-12 * whole] = 0
        values[length[:, 0] == 0] = 0
        length[length == 0] = 1
        return (values / length).astype(np.float32)


def _centre_points(points: NDArray, centre: NDArray | float) -> tuple[NDArray, NDArray]:
    """Points about the centre and their squared norms; 0 and infinity where not finite."""
    offsets = (points - centre).astype(np.float32)
    norms = np.einsum("nd,nd->n", offsets, offsets)
    usable = np.isfinite(norms)
    if not usable.all():
        offsets[~usable] = 0
        norms[~usable] = np.inf
    return offsets, norms
