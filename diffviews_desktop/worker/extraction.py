"""Extraction: the pictures of samples in, their activations out, batch by batch.

For the engine, in whose process it runs; torch is imported when the first batch is extracted.
"""

from __future__ import annotations

import logging
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.arrays import Float32, layer_slices
from diffviews_desktop.data.pictures import read_picture
from diffviews_desktop.errors import AdapterError, DataError
from diffviews_desktop.samples import SampleTable

if TYPE_CHECKING:
    from diffviews_desktop.adapters.base import GeneratorAdapter
    from diffviews_desktop.core.extractor import LabelledPictures

log = logging.getLogger(__name__)

BATCH_VALUES = 2_000_000  # values of a batch of activations and pictures held at a time


class SampleExtraction:
    """Extracts layers of samples of one model.

    Args:
        adapter: the model.
        table: the samples.
        layers: layers to extract.
        how: what the model sees (see `diffviews_desktop.core.extractor.extraction_inputs`).
        check: called between batches; may raise to stop.
        interruptible: entered while the model runs.

    Attributes:
        skipped: ids of the samples whose picture is missing or broken, as they are met.
        notes: what else the person should know.

    Raises:
        AdapterError: the model lacks a layer.
    """

    def __init__(
        self,
        adapter: GeneratorAdapter,
        table: SampleTable,
        layers: Sequence[str],
        how: Literal["noised", "scaled"],
        *,
        check: Callable[[], None],
        interruptible: Callable[[], AbstractContextManager[None]],
    ) -> None:
        shapes = adapter.get_layer_shapes()
        missing = [name for name in layers if name not in shapes]
        if missing:
            raise AdapterError(
                f"The model has no layer {missing[0]!r}. Its layers: "
                f"{', '.join(adapter.hookable_layers)}."
            )
        self.skipped: list[str] = []
        self.notes: list[str] = []
        self._adapter = adapter
        self._table = table
        self._layers = tuple(layers)
        self._how: Literal["noised", "scaled"] = how
        self._check = check
        self._interruptible = interruptible
        self._channels = getattr(adapter, "img_channels", 3)
        slices = layer_slices({name: shapes[name] for name in layers})
        self._width = max(part.stop for part in slices.values())
        values = self._channels * adapter.resolution**2 + self._width
        self._size = int(np.clip(BATCH_VALUES // values, 1, 32))

    def batches(self, rows: Sequence[int]) -> Iterator[tuple[list[int], Float32]]:
        """Activations ``(B, D) float32`` of samples, with the samples they belong to."""
        from diffviews_desktop.core.extractor import extract_batches

        taken: list[list[int]] = []

        def pictures() -> Iterator[LabelledPictures]:
            start = 0
            while start < len(rows):
                self._check()
                size = self._size
                batch, kept = self._read(rows[start : start + size])
                start += size
                if kept:
                    taken.append(kept)
                    yield batch

        def smaller(size: int) -> None:
            if size < self._size:
                self._size = size
                self.notes = [
                    f"The device ran out of memory, so pictures were extracted {size} at a time."
                ]

        with self._interruptible():
            for part in extract_batches(
                self._adapter, self._layers, pictures(), how=self._how, smaller=smaller
            ):
                yield taken.pop(0), part

    def all_to_file(
        self, file: Path, progress: Callable[[float], None]
    ) -> tuple[NDArray, NDArray[np.int64]]:
        """Extract every sample that has a picture into a ``.npy`` file.

        Returns:
            The memory-mapped matrix, and the samples its rows belong to.

        Raises:
            DataError: the disk is too full, or no picture can be read.
        """
        table = self._table
        needed, free = 4 * self._width * len(table), shutil.disk_usage(file.parent).free
        if needed * 1.1 > free:
            raise DataError(
                f"Extracting {'+'.join(self._layers)} needs {needed / 1e9:.1f} GB, but only "
                f"{free / 1e9:.1f} GB are free in {file.parent.parent}. Make room, or choose a "
                "smaller layer."
            )
        shape = (len(table), self._width)
        out = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=shape)
        present = [i for i in range(len(table)) if table.picture(i) is not None]
        self.skipped += [table.sample_id[i] for i in sorted(set(range(len(table))) - set(present))]
        done: list[int] = []
        progress(0.0)
        for rows, values in self.batches(present):
            out[len(done) : len(done) + len(values)] = values
            done += rows
            progress(len(done) / len(present))
        out.flush()
        if not done:
            raise DataError(
                f"None of the {len(table)} pictures can be read, so no layer can be mapped. "
                f"The first is {table.root / table.image_path[0]}."
            )
        return out[: len(done)], np.array(done, dtype=np.int64)

    def _read(self, rows: Sequence[int]) -> tuple[LabelledPictures, list[int]]:
        """The pictures of some samples, and which of them could be read."""
        from diffviews_desktop.core.extractor import LabelledPictures

        table, resolution = self._table, self._adapter.resolution
        images, kept = [], []
        for row in rows:
            path = table.picture(row)
            try:
                if path is None:
                    raise DataError(f"The picture of {table.sample_id[row]} is missing.")
                images.append(read_picture(path, resolution, self._channels))
                kept.append(int(row))
            except DataError as error:
                log.warning("%s", error)
                self.skipped.append(table.sample_id[row])
        empty = np.empty((0, self._channels, resolution, resolution), np.float32)
        batch = LabelledPictures(
            images=np.stack(images) if images else empty,
            sigmas=table.sigma[kept],
            classes=table.class_label[kept],
            seeds=np.array([noise_seed(table.sample_id[row]) for row in kept], dtype=np.int64),
        )
        return batch, kept


def noise_seed(sample_id: str) -> int:
    """The noise seed of a sample: from its name alone, whatever is extracted with it."""
    return zlib.crc32(sample_id.encode())
