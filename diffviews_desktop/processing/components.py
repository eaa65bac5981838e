"""Principal components of activations, and what they leave out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32

BLOCK_COLUMNS = 4096
_NO_SHARE = 1e-4  # of what is outside the components: less is rounding


@dataclass(frozen=True, eq=False)
class Reduction:
    """Standardisation and principal axes: ``(x - mean) / scale @ components.T``.

    Attributes:
        mean: ``(D,) float32``.
        scale: ``(D,) float32``, 1 where a column is constant.
        components: ``(K, D) float32``, orthonormal rows, largest variance first; None for
            standardisation alone.
    """

    mean: Float32
    scale: Float32
    components: Float32 | None

    @property
    def width(self) -> int:
        """Number of dimensions of the reduced space."""
        return len(self.mean if self.components is None else self.components)

    def transform(self, rows: NDArray) -> Float32:
        """Reduce rows ``(M, D)`` to ``(M, K) float32``; each row by itself, whatever the batch."""
        return self.reduce(rows).rows

    def reduce(self, rows: NDArray) -> Reduced:
        """Reduce rows ``(M, D)`` as `transform` does, and tell what that leaves out of each."""
        out = np.empty((len(rows), self.width), dtype=np.float32)
        squares = np.empty(len(rows))
        for i, row in enumerate(rows):
            standard = standardise(row, self.mean, self.scale)
            out[i] = rotate(standard, self.components)
            with np.errstate(over="ignore", invalid="ignore"):
                squares[i] = np.dot(standard, standard)
        if self.components is None:
            return Reduced(out, np.zeros(len(rows), np.float32))
        return Reduced(out, share_outside(squares, out))


class Reduced(NamedTuple):
    """Reduced ``rows (M, K) float32``, and which share of each row, squared and about the mean,
    is ``outside (M,) float32`` the components, 0 … 1."""

    rows: Float32
    outside: Float32


def share_outside(squares: NDArray, reduced: NDArray) -> Float32:
    """``1 - |projection|^2 / |row|^2`` of standardised rows, 0 … 1, ``(M,)``.

    Less than can be told from rounding is 0; of a row at the mean itself nothing is inside: 1.

    Args:
        squares: squared lengths of the rows ``(M,)``.
        reduced: their projections ``(M, K)``.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        inside = np.einsum("mk,mk->m", reduced, reduced, dtype=np.float64)
        share = np.where(squares > 0, 1 - inside / squares, 1.0)
        share[np.isnan(squares)] = np.nan
        share = np.clip(share, 0, 1)
        share[share < _NO_SHARE] = 0
    return share.astype(np.float32)


def standardise(row: NDArray, mean: Float32, scale: Float32) -> Float32:
    """``(row - mean) / scale`` of a row ``(D,)``."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite stays so
        return ((np.asarray(row, dtype=np.float64) - mean) / scale).astype(np.float32)


def rotate(row: Float32, components: Float32 | None) -> NDArray:
    """``components @ row`` of a row ``(D,)``: products in float32, long sums in float64."""
    if components is None:
        return row
    total = np.zeros(len(components))
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(row), BLOCK_COLUMNS):
            part = slice(start, start + BLOCK_COLUMNS)
            total += components[:, part] @ row[part]
    return total
