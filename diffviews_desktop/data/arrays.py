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

from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.files import check_regular

Float32 = NDArray[np.float32]
FLOATS = tuple(np.dtype(order + size) for size in ("f2", "f4", "f8") for order in "<>")
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
    """Activations on disk: ``rows`` is a read-only memory map ``(N, D)``."""

    path: Path
    layers: tuple[str, ...]
    rows: NDArray

    def take(self, indices: Iterable[int]) -> Float32:
        """Read just the rows at ``indices``: ``(n, D) float32``."""
        return np.asarray(self.rows[np.asarray(list(indices), dtype=np.int64)], dtype=np.float32)


def map_array(path: Path) -> NDArray:
    """Open an ``.npy`` file as a read-only memory map.

    Raises:
        DataError: it is missing or damaged.
    """
    try:
        check_regular(path)
        return np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # a damaged header raises many kinds
        raise DataError(f"{path} is not a readable array ({brief(error)}). Restore it.") from error
