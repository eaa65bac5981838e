"""The activations that a model's folder brings, in whatever form they are stored.

The forms, of which the first that is there is used:

* one ``.npy`` in ``activations/<set>/``: row i is the i-th sample of the folder's list, unless its
  side-car names the sample of each row;
* several ``.npy``: by the side-cars' sample ids; by the samples' ``activation_path`` and
  ``batch_index``; or one after another, where the side-cars agree that they belong together;
* ``.npz`` batches with one array a layer, by ``activation_path`` and ``batch_index``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32, layer_slices
from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.data.activations.places import Places, find_places
from diffviews_desktop.data.activations.sources import NpyMatrix
from diffviews_desktop.data.folder.model_folder import ModelFolder
from diffviews_desktop.data.folder.sample_files import ModelSamples
from diffviews_desktop.errors import DataError
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.told import Told, described_told


@dataclass(frozen=True, eq=False)
class ActivationFiles:
    """Activations on disk, one row ``(D,)`` a sample of the table they were opened for.

    Attributes:
        places: the files, and where in them each sample is.
        layers: names of the layers in a row, sorted; () where nothing names them.
        shapes: shape of each layer without the batch; empty where unknown.
        width: D.
        told: what the samples were told.
    """

    places: Places
    layers: tuple[str, ...]
    shapes: Mapping[str, tuple[int, ...]]
    width: int
    told: Told
    _named: tuple[str, ...]
    _chosen: tuple[str, ...] | None = field(default=None)

    def __len__(self) -> int:
        return len(self.places.file)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files, in the order they are read."""
        return tuple(source.path for source in self.places.sources)

    @cached_property
    def slices(self) -> Mapping[str, slice]:
        """Columns of each layer in a row; empty where the layers' sizes are unknown."""
        return layer_slices(self.shapes)

    def select(self, layers: Iterable[str]) -> ActivationFiles | None:
        """The same samples with only those layers; None if one is not there, or its columns are
        not known. Exactly the layers that are there need no known columns."""
        selection = LayerSet(layers)
        if selection == (self.layers or self._named):
            return self
        if not selection or not set(selection) <= set(self.shapes):
            return None
        shapes = {name: self.shapes[name] for name in selection}
        width = sum(map(math.prod, shapes.values()))
        return replace(self, layers=selection, shapes=shapes, width=width, _chosen=selection)

    def take(self, rows: Iterable[int]) -> Float32:
        """Read just the rows of some samples, in their order: ``(n, D) float32``.

        Raises:
            DataError: a file is damaged.
            IndexError: there is no such sample.
        """
        indices = self._check_rows(rows)
        out = np.empty((len(indices), self.width), np.float32)
        for positions, values in self._read(indices):
            out[positions] = values
        return out

    def batches(
        self, rows: Iterable[int] | None = None
    ) -> Iterator[tuple[NDArray[np.int64], Float32]]:
        """Read the rows of some samples (all by default) in the files' order, each file once:
        which samples ``(b,)``, and their rows ``(b, D) float32``, about 64 MB at a time.

        Raises:
            DataError: a file is damaged.
            IndexError: there is no such sample.
        """
        indices = self._check_rows(range(len(self)) if rows is None else rows)
        for positions, values in self._read(indices):
            yield indices[positions], values

    def matrix(self) -> MatrixFile | None:
        """All rows ``(N, D)`` in the file's kind of float, to be read in any order; None where that
        would need a copy: several files, another order, or layers that do not adjoin.

        Raises:
            DataError: the file is damaged.
        """
        source = self.places.sources[0] if len(self.places.sources) == 1 else None
        row = self.places.row
        if not isinstance(source, NpyMatrix) or not len(row):
            return None
        columns = source.columns(self._chosen)
        first = int(row[0])
        if len(columns) != 1 or not np.array_equal(row, np.arange(first, first + len(row))):
            return None
        return source.matrix().part(slice(first, first + len(row)), columns[0])

    def _check_rows(self, rows: Iterable[int]) -> NDArray[np.int64]:
        indices = np.asarray(rows if isinstance(rows, np.ndarray) else list(rows), dtype=np.int64)
        outside = (indices < 0) | (indices >= len(self))
        if outside.any():
            raise IndexError(f"there is no sample {indices[outside][0]} of {len(self)}")
        return indices

    def _read(self, indices: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], Float32]]:
        """Positions in ``indices`` and their rows."""
        files, rows = self.places.file[indices], self.places.row[indices]
        order = np.lexsort((rows, files))
        bounds = np.searchsorted(files[order], np.arange(len(self.places.sources) + 1))
        for source, start, stop in zip(
            self.places.sources, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True
        ):
            if start == stop:
                continue
            positions = order[start:stop]
            for part, values in source.blocks(rows[positions], self._chosen):
                yield positions[part], values


def open_activation_files(model: ModelFolder, samples: ModelSamples) -> ActivationFiles | None:
    """Find the activations of samples and check that they belong to them; their headers are read,
    their values not yet. None where the folder has none.

    Raises:
        DataError: a file is missing, damaged or leads out of the folder, or nothing tells which
            row belongs to which sample; the text says which and what to do.
    """
    return open_stored(model.path, None, samples)


def open_stored(
    root: Path, folders: Sequence[Path] | None, samples: ModelSamples
) -> ActivationFiles | None:
    """`open_activation_files` of the model's folder ``root``, looking for matrices in ``folders``;
    by default in all of ``activations/``."""
    places = find_places(root, folders, samples)
    if places is None:
        return None
    first = places.sources[0]
    for source in places.sources:
        if source.told != first.told:
            one, other = (described_told(told, None) for told in (first.told, source.told))
            raise DataError(
                f"The samples of {first.path.name} were {one}, those of {source.path.name} were "
                f"{other}, so their activations do not belong on one map. Keep the files of one of "
                "the two in the folder."
            )
    return ActivationFiles(
        places=places,
        layers=first.layers,
        shapes=first.shapes or {},
        width=first.width,
        told=first.told,
        _named=samples.layers,
    )
