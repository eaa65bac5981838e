"""Activation files and the order of what is in them.

A matrix of activations has one row per sample. A row is its layers in lexicographic order of
their names, each flattened C, H, W row-major, in float32.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.errors import DataError

Float32 = NDArray[np.float32]


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
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header raises many kinds
        raise DataError(f"{path} is not a readable array ({error}). Restore it.") from error


def open_activations(directory: Path) -> ActivationMatrix | None:
    """Open the activation matrix of a data folder, memory-mapped; None where there is none.

    It is the one ``.npy`` in ``directory``; a side-car ``<name>.npy.json`` names its layers.

    Raises:
        DataError: a file is damaged, or there are several whose order nothing tells.
    """
    files = sorted(directory.glob("*.npy")) if directory.is_dir() else []
    if not files:
        return None
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        raise DataError(
            f"{directory} holds several activation files ({names}) and nothing says how they "
            "belong together. Keep one."
        )
    path = files[0]
    rows = map_array(path)
    if rows.ndim != 2 or rows.dtype.kind != "f":
        raise DataError(f"{path} must hold a matrix of floats, not {rows.dtype} {rows.shape}.")
    return ActivationMatrix(path, _read_layers(path), rows)


def _read_layers(path: Path) -> tuple[str, ...]:
    sidecar = path.with_name(path.name + ".json")
    if not sidecar.is_file():
        return ()
    try:
        layers = json.loads(sidecar.read_text(encoding="utf-8")).get("layers", [])
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"{sidecar} cannot be read ({error}).") from error
    if not isinstance(layers, list) or not all(isinstance(name, str) for name in layers):
        raise DataError(f"{sidecar}: 'layers' must be a list of layer names.")
    return tuple(sorted(layers))
