"""Activation files and the order of what is in them.

A matrix of activations has one row per sample. A row is its layers in lexicographic order of
their names, each flattened C, H, W row-major, in float32.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.files.mistaken import mistaken_file

Float32 = NDArray[np.float32]
BLOCK_BYTES = 64_000_000  # of rows held at a time


def layer_slices(shapes: Mapping[str, Sequence[int]]) -> dict[str, slice]:
    """Columns of each layer in a row, for layers of the given shapes, in sorted name order."""
    slices: dict[str, slice] = {}
    start = 0
    for name in sorted(shapes):
        stop = start + math.prod(shapes[name])
        slices[name] = slice(start, stop)
        start = stop
    return slices


def flatten_layers(activations: Mapping[str, NDArray]) -> Float32:
    """Join layers ``{name: (B, ...)}`` to rows ``(B, D) float32``, in sorted name order.

    Raises:
        DataError: no layer at all, or layers of different batch sizes.
    """
    if not activations:
        raise DataError("There are no activations to join.")
    parts = [np.asarray(activations[name]) for name in sorted(activations)]
    if len({len(part) for part in parts}) != 1:
        raise DataError("The layers hold different numbers of samples.")
    return np.concatenate(
        [part.reshape(len(part), -1).astype(np.float32, copy=False) for part in parts], axis=1
    )


@dataclass(frozen=True)
class ActivationMatrix:
    """Activations on disk: ``rows (N, D)`` are read when they are asked for."""

    path: Path
    layers: tuple[str, ...]
    rows: MatrixFile

    def take(self, indices: Iterable[int]) -> Float32:
        """Read just the rows at ``indices``: ``(n, D) float32``.

        Raises:
            DataError: the file was shortened since, cannot be read, or is not what was written.
        """
        return np.asarray(self.rows[np.asarray(list(indices), dtype=np.int64)], dtype=np.float32)


def open_matrix(path: Path) -> MatrixFile:
    """Open a matrix of floats in an ``.npy`` file.

    Raises:
        DataError: it is missing, damaged, or holds something else.
    """
    try:
        matrix = MatrixFile.open(path)
        if not matrix.shape[1]:
            raise ValueError(f"it is a matrix of no values, {matrix.shape}")
        return matrix
    except (OSError, ValueError) as error:
        instead = mistaken_file(path)
        if instead:
            raise DataError(f"{path} holds no array: it is {instead}.") from error
        raise DataError(
            f"{path} is not a readable array ({_reason(error)}). Put back a copy that works."
        ) from error


def _reason(error: Exception) -> str:
    return str(error) if type(error) is ValueError else brief(error)
