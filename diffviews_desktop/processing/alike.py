"""Samples with the same activations, which belong at the same place of a map."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.data.activations.matrix_file import Matrix

_NEAR = 1e-4  # of the spread of what rows were reduced to, far more than rounding
_ROUNDING = 1e-5
_READ_BYTES = 16 << 20


def first_alike(rows: NDArray) -> NDArray[np.int64]:
    """For each row ``(N, K)`` the first that has the same values, itself where it is the only one,
    ``(N,)``."""
    first = np.arange(len(rows))
    firsts: dict[bytes, int] = {}
    for row in np.flatnonzero(_find_repeats(rows[:, 0])).tolist():
        values = rows[row] + rows.dtype.type(0)  # -0 is 0
        first[row] = firsts.setdefault(values.tobytes(), row)
    return first


def with_alike_rows_equal(
    activations: Matrix, rows: NDArray[np.int64], sums: NDArray, reduced: Float32
) -> Float32:
    """Reduced activations, in which those of the same activations are the same to the last bit.

    They are not by themselves: what is multiplied in one go is rounded by its place in it.

    Args:
        activations: ``(N, D)``; of them only rows that may be alike are read.
        rows: which of them were reduced ``(M,)``.
        sums: of the values of each of these ``(M,)``, by which most are told apart.
        reduced: what they were reduced to ``(M, K)``.
    """
    candidates = _candidates(sums, reduced)
    if not len(candidates):
        return reduced
    first = np.arange(len(reduced))
    firsts: dict[bytes, int] = {}
    size = max(1, _READ_BYTES // (activations.shape[1] * activations.dtype.itemsize))
    for start in range(0, len(candidates), size):
        part = candidates[start : start + size]
        block = np.ascontiguousarray(activations[rows[part]])
        for row, values in zip(part.tolist(), block, strict=True):
            digest = hashlib.blake2b(values.data, digest_size=16).digest()
            first[row] = firsts.setdefault(digest, row)
    return reduced[first]


def _candidates(sums: NDArray, reduced: Float32) -> NDArray[np.int64]:
    """Rows of the same sum that were reduced to nearly the same, ascending."""
    shared = np.flatnonzero(_find_repeats(sums))
    if not len(shared):
        return shared
    along = reduced[shared, 0].astype(np.float64)
    order = np.lexsort((along, sums[shared]))
    near = _NEAR * float(along.std()) + _ROUNDING * float(np.abs(along).max())
    pairs = np.diff(sums[shared][order]) == 0
    pairs &= np.diff(along[order]) <= near
    mask = np.zeros(len(shared), dtype=bool)
    mask[order[1:][pairs]] = True
    mask[order[:-1][pairs]] = True
    return shared[mask]


def _find_repeats(values: NDArray) -> NDArray[np.bool_]:
    """Which values ``(N,)`` are there more than once."""
    order = np.argsort(values, kind="stable")
    same = values[order[1:]] == values[order[:-1]]
    shared = np.zeros(len(values), dtype=bool)
    shared[order[1:][same]] = True
    shared[order[:-1][same]] = True
    return shared
