"""Standardise and reduce activations to a few principal components, reading them in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.arrays import Float32

CHUNK_ROWS = 256
OVERSAMPLING = 10
POWER_STEPS = 4


@dataclass(frozen=True, eq=False)
class Reduction:
    """Standardisation and principal axes: ``(x - mean) / scale @ components.T``.

    Attributes:
        mean: ``(D,) float32``.
        scale: ``(D,) float32``, 1 where a column is constant.
        components: ``(K, D) float32``, orthonormal rows, largest variance first.
    """

    mean: Float32
    scale: Float32
    components: Float32

    def transform(self, rows: NDArray) -> Float32:
        """Reduce rows ``(M, D)`` to ``(M, K) float32``; each row by itself, whatever the batch."""
        axes = self.components.astype(np.float64)
        standard = (np.asarray(rows, dtype=np.float64) - self.mean) / self.scale
        return np.stack([axes @ row for row in standard]).astype(np.float32)


def fit_reduction(
    rows: NDArray,
    n_components: int = 50,
    *,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> tuple[Reduction, Float32]:
    """Fit a `Reduction` on a (memory-mapped) matrix and reduce it.

    Randomized subspace iteration (Halko, Martinsson and Tropp 2011, algorithm 4.4) over chunks of
    rows: nothing of the size of the matrix is ever held. Exact where the matrix is small.

    Args:
        rows: ``(N, D)``.
        n_components: K; at most min(N, D) are kept.
        seed: of the random start.
        progress: called with the fraction done; may raise to stop.

    Returns:
        The reduction, and the rows reduced ``(N, K) float32``.
    """
    n, d = rows.shape
    k = min(n_components, n, d)
    width = min(k + OVERSAMPLING, n, d)
    passes = 2 * POWER_STEPS + 5
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done / passes)

    mean, scale = _moments(rows)
    tick()
    tick()

    def standardised() -> Iterator[tuple[slice, NDArray]]:
        for part in _chunks(n):
            yield part, (np.asarray(rows[part], dtype=np.float32) - mean) / scale

    def times(right: NDArray) -> NDArray:
        """Z @ right, ``(N, width)``."""
        out = np.empty((n, right.shape[1]), dtype=np.float32)
        for part, block in standardised():
            out[part] = block @ right
        tick()
        return out

    def transposed_times(left: NDArray) -> NDArray:
        """Z.T @ left, ``(D, width)``."""
        out = np.zeros((d, left.shape[1]), dtype=np.float64)
        for part, block in standardised():
            out += block.T @ left[part]
        tick()
        return out.astype(np.float32)

    start = np.random.default_rng(seed).standard_normal((d, width), dtype=np.float32)
    basis, _ = np.linalg.qr(times(start))
    for _ in range(POWER_STEPS):
        right, _ = np.linalg.qr(transposed_times(basis))
        basis, _ = np.linalg.qr(times(right))
    small = transposed_times(basis).T  # (width, D)
    _, _, axes = np.linalg.svd(small, full_matrices=False)
    components = axes[:k]
    largest = np.abs(components).argmax(axis=1)
    components = components * np.sign(components[np.arange(k), largest])[:, None]
    reduction = Reduction(mean, scale, np.ascontiguousarray(components, dtype=np.float32))
    reduced = times(reduction.components.T)
    return reduction, reduced


def finite_rows(rows: NDArray) -> NDArray[np.bool_]:
    """Which rows hold nothing but finite numbers, ``(N,)``; read in chunks."""
    finite = np.empty(len(rows), dtype=bool)
    for part in _chunks(len(rows)):
        finite[part] = np.isfinite(rows[part]).all(axis=1)
    return finite


def _moments(rows: NDArray) -> tuple[Float32, Float32]:
    n, d = rows.shape
    total = np.zeros(d)
    for part in _chunks(n):
        total += np.asarray(rows[part], dtype=np.float64).sum(axis=0)
    mean = total / n
    squares = np.zeros(d)
    for part in _chunks(n):
        squares += ((np.asarray(rows[part], dtype=np.float64) - mean) ** 2).sum(axis=0)
    scale = np.sqrt(squares / n)
    scale[scale < 1e-12] = 1.0
    return mean.astype(np.float32), scale.astype(np.float32)


def _chunks(n: int) -> Iterator[slice]:
    for start in range(0, n, CHUNK_ROWS):
        yield slice(start, min(start + CHUNK_ROWS, n))
