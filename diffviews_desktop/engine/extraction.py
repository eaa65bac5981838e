"""Extraction: the pictures of samples in, their activations out, batch by batch.

Pictures are decoded in a thread while the model runs; what it computes goes straight into memory-
mapped matrices. For the engine, in whose process it runs; torch is imported when the first batch is
extracted.
"""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32, flatten_layers, layer_slices
from diffviews_desktop.data.cache.partial_matrix import PartialMatrix
from diffviews_desktop.data.folder.pictures import read_picture
from diffviews_desktop.errors import AdapterError, DataError, PictureError
from diffviews_desktop.text.faults import Fault, faults_of
from diffviews_desktop.values.samples import SampleTable

if TYPE_CHECKING:
    from diffviews_desktop.adapters.base import GeneratorAdapter
    from diffviews_desktop.core.extractor import LabelledPictures

log = logging.getLogger(__name__)

BATCH_VALUES = 2_000_000  # values of a batch of activations and pictures held at a time
BATCH_VALUES_CUDA = 16_000_000
LARGEST_BATCH, LARGEST_BATCH_CUDA = 32, 128
MARK_SECONDS = 1.0  # how often finished rows are brought to the disk
RATE_SECONDS = 10.0  # over how long pictures a second are averaged


@dataclass(frozen=True, eq=False)
class Target:
    """Where the activations of some layers go: ``matrix (N, D)``, row i being sample i."""

    layers: tuple[str, ...]
    matrix: PartialMatrix


@dataclass(frozen=True, eq=False)
class Extracted:
    """What `SampleExtraction.fill` did.

    Attributes:
        rows: the samples that have activations now ``(M,) int64``, ascending.
        computed: how many of them were computed now; the others were there.
        rate: pictures a second, None where none was computed.
    """

    rows: NDArray[np.int64]
    computed: int
    rate: float | None


class SampleExtraction:
    """Extracts layers of samples of one model.

    Args:
        adapter: the model.
        table: the samples.
        layers: all layers to extract, in one pass.
        how: what the model sees (see `diffviews_desktop.core.extractor.extraction_inputs`).
        check: called between batches; may raise to stop.
        interruptible: entered while the model runs.

    Attributes:
        skipped: ids of the samples whose picture cannot be used, with the reason, as they are met.
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
        self.skipped: dict[str, Fault] = {}
        self.notes: list[str] = []
        self._adapter = adapter
        self._table = table
        self._layers = tuple(layers)
        self._how: Literal["noised", "scaled"] = how
        self._check = check
        self._interruptible = interruptible
        self._channels = getattr(adapter, "img_channels", 3)
        values = self._channels * adapter.resolution**2 + row_width(adapter, layers)
        on_cuda = str(getattr(adapter, "device", "")).startswith("cuda")
        most = BATCH_VALUES_CUDA if on_cuda else BATCH_VALUES
        largest = LARGEST_BATCH_CUDA if on_cuda else LARGEST_BATCH
        self._size = int(np.clip(most // values, 1, largest))

    def batches(self, rows: Sequence[int]) -> Iterator[tuple[list[int], dict[str, Float32]]]:
        """Activations ``{layer: (B, C*H*W)}`` of samples, with the samples they belong to."""
        from diffviews_desktop.core.extractor import extract_batches

        taken: list[list[int]] = []

        def pictures() -> Iterator[LabelledPictures]:
            for batch, kept in self._decoded(rows):
                start = 0
                while start < len(kept):  # the size may have become smaller since it was decoded
                    self._check()
                    part = slice(start, start + self._size)
                    start = part.stop
                    taken.append(kept[part])
                    yield batch.take(part)

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

    def rows(self, rows: Sequence[int]) -> Float32:
        """Activations ``(n, D)`` of a few samples, layers in sorted order.

        Samples without a readable picture are left out, and named in `skipped`.
        """
        parts = [flatten_layers(part) for _, part in self.batches(rows)]
        return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)

    def fill(self, targets: Sequence[Target], progress: Callable[[float, str], None]) -> Extracted:
        """Extract every sample that has a picture and is not in all matrices yet.

        Rows of samples without a readable picture become NaN, and are not marked as done: next time
        their picture may be there. What was computed stays marked however this ends.

        Args:
            targets: where what goes.
            progress: called with the fraction done and a text such as ``96 of 2000, 41/s``.

        Raises:
            DataError: no picture can be read, or a value does not fit the matrix's dtype.
        """
        table = self._table
        done = np.logical_and.reduce([target.matrix.done for target in targets])
        wanted = np.flatnonzero(~done)
        before, total, pending = len(table) - len(wanted), len(table), list[int]()
        computed, marked, pace = 0, time.monotonic(), _Pace()
        progress(before / max(1, total), "")
        try:
            for rows, values in self.batches(wanted.tolist()):
                for target in targets:
                    _store(target, rows, values)
                pending += rows
                computed += len(rows)
                if time.monotonic() - marked > MARK_SECONDS:
                    _mark(targets, pending)
                    marked = time.monotonic()
                seen = before + computed + len(self.skipped)
                progress(seen / total, f"{seen} of {total}, {pace.tick(len(rows)):.3g}/s")
        finally:
            _mark(targets, pending)
        if not before + computed:
            raise DataError(
                f"None of the {len(table)} pictures can be read, so no layer can be mapped: "
                f"{faults_of(self.skipped)}. The first is {table.root / table.image_path[0]}."
            )
        finished = np.logical_and.reduce([target.matrix.done for target in targets])
        for target in targets:
            target.matrix.rows[~finished] = np.nan
        return Extracted(np.flatnonzero(finished), computed, pace.overall())

    def _decoded(self, rows: Sequence[int]) -> Iterator[tuple[LabelledPictures, list[int]]]:
        """Batches of pictures, the next one being decoded while one is in use."""
        with ThreadPoolExecutor(1, thread_name_prefix="decode") as thread:
            start = min(self._size, len(rows))
            following = thread.submit(self._read, rows[:start])
            while True:
                batch = following.result()
                size = self._size
                last = start >= len(rows)
                if not last:
                    following = thread.submit(self._read, rows[start : start + size])
                    start += size
                yield batch
                if last:
                    return

    def _read(self, rows: Sequence[int]) -> tuple[LabelledPictures, list[int]]:
        """The pictures of some samples, and which of them could be read."""
        from diffviews_desktop.core.extractor import LabelledPictures

        table, resolution = self._table, self._adapter.resolution
        images, kept = [], []
        for row in rows:
            path = table.picture(row)
            try:
                if path is None:
                    missing = f"The picture of {table.sample_id[row]} is missing."
                    raise PictureError(missing, Fault.MISSING)
                images.append(read_picture(path, resolution, self._channels))
                kept.append(int(row))
            except PictureError as error:
                log.warning("%s", error)
                self.skipped[table.sample_id[row]] = error.fault
        empty = np.empty((0, self._channels, resolution, resolution), np.float32)
        batch = LabelledPictures(
            images=np.stack(images) if images else empty,
            sigmas=table.sigma[kept],
            classes=table.class_label[kept],
            seeds=np.array([noise_seed(table.sample_id[row]) for row in kept], dtype=np.int64),
        )
        return batch, kept


def row_width(adapter: GeneratorAdapter, layers: Sequence[str]) -> int:
    """Number of values of one sample.

    Raises:
        AdapterError: the model lacks a layer.
    """
    shapes = adapter.get_layer_shapes()
    missing = [name for name in layers if name not in shapes]
    if missing:
        raise AdapterError(
            f"The model has no layer {missing[0]!r}. Its layers: "
            f"{', '.join(adapter.hookable_layers)}."
        )
    return max(part.stop for part in layer_slices({name: shapes[name] for name in layers}).values())


def noise_seed(sample_id: str) -> int:
    """The noise seed of a sample: from its name alone, whatever is extracted with it."""
    return zlib.crc32(sample_id.encode("utf-8", "surrogatepass"))


def _store(target: Target, rows: Sequence[int], values: dict[str, Float32]) -> None:
    """Write a batch of the layers that a matrix is of.

    Raises:
        DataError: a value is too large for the matrix's dtype.
        AdapterError: the activations are not as many as the adapter says.
    """
    matrix = target.matrix.rows
    stored: dict[str, NDArray] = {}
    for name in target.layers:
        with np.errstate(over="ignore"):
            stored[name] = values[name].astype(matrix.dtype, copy=False)
        if matrix.dtype != np.float32:
            beyond = np.isinf(stored[name]) & np.isfinite(values[name])
            if beyond.any():
                raise DataError(
                    f"{name} has values beyond what {matrix.dtype} can hold. Extract it as float32."
                )
    batch = np.concatenate([stored[name] for name in sorted(stored)], axis=1)
    if batch.shape != (len(rows), matrix.shape[1]):
        raise AdapterError(
            f"Of {len(rows)} pictures the adapter gives activations {batch.shape}, and says that "
            f"they are {(len(rows), matrix.shape[1])}. Ask its author."
        )
    matrix[rows] = batch


def _mark(targets: Sequence[Target], pending: list[int]) -> None:
    for target in targets if pending else ():
        target.matrix.mark(pending)
    pending.clear()


class _Pace:
    """How many pictures a second: lately, and since the first batch was done."""

    def __init__(self) -> None:
        self._times = [(time.monotonic(), 0)]

    def tick(self, count: int) -> float:
        """Count pictures that are done; the rate of the last seconds."""
        now, total = time.monotonic(), self._times[-1][1] + count
        self._times.append((now, total))
        since = next(pair for pair in self._times if pair[0] > now - RATE_SECONDS)
        if since[0] == now:
            since = self._times[-2]
        return (total - since[1]) / max(1e-6, now - since[0])

    def overall(self) -> float | None:
        """The rate without the first batch, which warms up; None where there is none."""
        first = self._times[min(1, len(self._times) - 2)] if len(self._times) > 1 else None
        last = self._times[-1]
        if first is None or last[0] <= first[0]:
            return None
        return (last[1] - first[1]) / (last[0] - first[0])
