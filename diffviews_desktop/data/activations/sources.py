"""The files that hold activations: matrices ``.npy`` and batches ``.npz``, read alike."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import (
    BLOCK_BYTES,
    Float32,
    layer_slices,
    open_matrix,
)
from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.data.activations.npz import NpzFile
from diffviews_desktop.data.activations.side_car import SideCar, read_side_car
from diffviews_desktop.errors import DataError
from diffviews_desktop.values.told import OWN_CONDITION, Told


class Source(Protocol):
    """One file of activations, whose headers have been checked."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def rows(self) -> int:
        """How many samples it holds."""

    @property
    def width(self) -> int:
        """Values a sample."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of its layers, sorted; () where nothing names them."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]] | None:
        """Shape of each layer, None where unknown."""

    @property
    def told(self) -> Told:
        """What the samples were told."""

    def blocks(
        self, indices: NDArray[np.int64], layers: Sequence[str] | None
    ) -> Iterator[tuple[slice, Float32]]:
        """Read rows: which part of ``indices`` (sorted) they are, and ``(b, D) float32``, which may
        be read-only.

        The file is opened once. ``layers`` are sorted names, whose shapes must be known; None for
        the whole row.

        Raises:
            DataError: the file is damaged.
        """


@dataclass(frozen=True, eq=False)
class NpyMatrix:
    """A matrix ``(rows, width)`` of floats in an ``.npy`` file, with its side-car."""

    path: Path
    rows: int
    width: int
    side_car: SideCar

    @classmethod
    def open(cls, path: Path) -> NpyMatrix:
        """Read the header of a matrix, and its side-car.

        Raises:
            DataError: a file is damaged, no matrix of floats, or the two disagree.
        """
        rows, width = open_matrix(path).shape
        return cls(path, rows, width, read_side_car(path, rows, width))

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of its layers, sorted; () where nothing names them."""
        return self.side_car.layers

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]] | None:
        """Shape of each layer, None where unknown."""
        return self.side_car.shapes

    @property
    def told(self) -> Told:
        """What the samples were told."""
        return self.side_car.told

    def columns(self, layers: Sequence[str] | None) -> list[slice]:
        """The columns of layers, those that adjoin as one."""
        if layers is None:
            return [slice(0, self.width)]
        assert self.shapes is not None
        of_layer = layer_slices(self.shapes)
        slices: list[slice] = []
        for name in sorted(layers):
            part = of_layer[name]
            if slices and slices[-1].stop == part.start:
                slices[-1] = slice(slices[-1].start, part.stop)
            else:
                slices.append(part)
        return slices

    def matrix(self) -> MatrixFile:
        """The matrix, to be read.

        Raises:
            DataError: it is no longer what it was.
        """
        values = open_matrix(self.path)
        if values.shape != (self.rows, self.width):
            raise DataError(
                f"{self.path} has changed while it was in use: now {values.shape}, before "
                f"({self.rows}, {self.width}). Open the folder again."
            )
        return values

    def blocks(
        self, indices: NDArray[np.int64], layers: Sequence[str] | None
    ) -> Iterator[tuple[slice, Float32]]:
        """See `Source.blocks`."""
        values, columns = self.matrix(), self.columns(layers)
        width = sum(part.stop - part.start for part in columns)
        step = max(1, BLOCK_BYTES // (4 * width))
        for start in range(0, len(indices), step):
            rows = indices[start : start + step]
            with np.errstate(over="ignore"):  # a float64 may be beyond float32: infinity
                parts = [np.asarray(values[rows, part], np.float32) for part in columns]
            block = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
            yield slice(start, start + len(rows)), block


@dataclass(frozen=True, eq=False)
class NpzBatch:
    """A batch of samples in an ``.npz`` file, one array a layer."""

    file: NpzFile
    rows: int
    told: Told = OWN_CONDITION

    @classmethod
    def open(cls, path: Path) -> NpzBatch:
        """Read the headers of a batch.

        Raises:
            DataError: it is damaged, or its arrays are no layers of the same samples.
        """
        file = NpzFile.open(path)
        return cls(file, file.batch_size())

    @property
    def path(self) -> Path:
        """The file."""
        return self.file.path

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of its layers, sorted."""
        return tuple(self.file.arrays)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each layer."""
        return self.file.shapes()

    @property
    def width(self) -> int:
        """Values a sample."""
        return sum(map(math.prod, self.shapes.values()))

    def blocks(
        self, indices: NDArray[np.int64], layers: Sequence[str] | None
    ) -> Iterator[tuple[slice, Float32]]:
        """See `Source.blocks`."""
        for start, rows in self.file.blocks(self.layers if layers is None else sorted(layers)):
            first, last = np.searchsorted(indices, (start, start + len(rows)))
            if first == last:
                continue
            selection = indices[first:last] - start
            whole = np.array_equal(selection, np.arange(len(rows)))
            yield slice(int(first), int(last)), rows if whole else rows[selection]
