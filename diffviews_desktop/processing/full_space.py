"""Nearest samples in the whole layer: in the space that was reduced before the map was made.

Nothing of the size of the matrix is held: it is read in blocks of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.data.activations.matrix_file import Matrix
from diffviews_desktop.processing.neighbors import Neighbors, to_euclidean
from diffviews_desktop.processing.reduction import Reduction

_BLOCK_BYTES = 2 << 20

Report = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class FullSpace:
    """Standardised activations of the samples on a map, as they were before the reduction.

    Attributes:
        activations: ``(N, D)``, in memory or in a file.
        rows: the samples on the map, among all ``(M,)``.
        reduction: whose mean and scale standardise them.
        metric: that of the map (see `diffviews_desktop.processing.neighbors.to_euclidean`).
    """

    activations: Matrix
    rows: NDArray[np.int64]
    reduction: Reduction
    metric: str = "euclidean"

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, positions: NDArray[np.int64]) -> Float32:
        """Some of the samples ``(Q, D)``, by their positions among those on the map."""
        return self._standardise(self.activations[self.rows[positions]])

    def blocks(self) -> Iterator[tuple[slice, Float32]]:
        """All samples, a few at a time, with their positions; the next overwrites each."""
        size = max(1, _BLOCK_BYTES // (4 * self.activations.shape[1]))
        whole = np.array_equal(self.rows, np.arange(len(self.activations)))
        buffer = np.empty((min(size, len(self)), self.activations.shape[1]), np.float32)
        for start in range(0, len(self), size):
            part = slice(start, min(start + size, len(self)))
            block = self.activations[part if whole else self.rows[part]]
            yield part, self._standardise(block, buffer[: len(block)])

    def _standardise(self, block: NDArray, out: Float32 | None = None) -> Float32:
        mean, scale = self.reduction.mean, self.reduction.scale
        with np.errstate(over="ignore", invalid="ignore"):
            if block.dtype.itemsize > 4:  # float64 keeps its digits until the mean is off
                rows = np.asarray((block - mean) / scale, np.float32)
            else:
                rows = np.subtract(block, mean, out=out, dtype=np.float32)
                rows /= scale
        return rows if self.metric == "euclidean" else to_euclidean(rows, self.metric)


def nearest_in(space: FullSpace, position: int, k: int, progress: Report) -> Neighbors:
    """The samples nearest to one of them, itself left out, exactly: distances in float64; of
    equally near ones, the lower position first; ``(1, k)``, k at most one less than there are.

    Args:
        space: the samples.
        position: of the sample, among those on the map.
        k: how many.
        progress: called with the fraction done; may raise to stop.
    """
    point = space.take(np.array([position]))[0].astype(np.float64)
    squared = np.empty(len(space))
    for part, rows in space.blocks():
        with np.errstate(over="ignore", invalid="ignore"):  # what is too large is far
            difference = rows - point
            squared[part] = np.einsum("nd,nd->n", difference, difference)
        progress(part.stop / len(space))
    squared[position] = np.inf
    order = np.argsort(squared, kind="stable")[: min(k, len(space) - 1)]
    return Neighbors(order[None], np.sqrt(squared[order])[None].astype(np.float32))


def nearest_of_some(
    space: FullSpace, positions: NDArray[np.int64], k: int, progress: Report
) -> NDArray[np.int64]:
    """The ``k`` samples nearest to some of them, themselves left out, in one pass ``(Q, k)``.

    Distances are computed in float32, which tells all but those apart that are as good as equal.

    Args:
        space: the samples.
        positions: of those whose neighbours are wanted ``(Q,)``.
        k: how many, less than there are samples.
        progress: called with the fraction done; may raise to stop.
    """
    targets = np.ascontiguousarray(space.take(positions).T)
    targets *= -2
    best = np.full((len(positions), k), np.inf, np.float32)
    index = np.zeros((len(positions), k), np.int64)
    for part, rows in space.blocks():
        with np.errstate(over="ignore", invalid="ignore"):  # what is too large is far
            squared = (rows @ targets).T  # |p|^2 - 2 pq, which orders like |p - q|^2
            squared += np.einsum("nd,nd->n", rows, rows)
        inside = np.flatnonzero((positions >= part.start) & (positions < part.stop))
        squared[inside, positions[inside] - part.start] = np.inf
        best, index = _nearer(best, index, squared, np.arange(part.start, part.stop))
        progress(part.stop / len(space))
    return np.take_along_axis(index, np.argsort(best, axis=1, kind="stable"), axis=1)


def _nearer(
    best: Float32, index: NDArray[np.int64], squared: Float32, positions: NDArray[np.int64]
) -> tuple[Float32, NDArray[np.int64]]:
    """The k nearest so far ``(Q, k)`` and further ones ``(Q, B)`` together: the k nearest."""
    k = best.shape[1]
    if not (squared < best.max(axis=1, keepdims=True)).any():
        return best, index
    both = np.concatenate([best, squared], axis=1)
    names = np.concatenate([index, np.broadcast_to(positions, squared.shape)], axis=1)
    take = np.argpartition(both, k - 1, axis=1)[:, :k]
    return np.take_along_axis(both, take, axis=1), np.take_along_axis(names, take, axis=1)
