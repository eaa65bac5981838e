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
from diffviews_desktop.data.folder.pictures import read_image
from diffviews_desktop.errors import AdapterError, DataError, PictureError
from diffviews_desktop.text.faults import Fault, faults_of
from diffviews_desktop.text.wording import no_layer
from diffviews_desktop.values.models import ModelFacts
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.told import Told, conditions_told

if TYPE_CHECKING:
    from torch import Tensor

    from diffviews_desktop.adapters.model import Model
    from diffviews_desktop.core.extractor import SampleBatch

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
class _Decoded:
    """Pictures ``(B, R, R, C) uint8`` that could be read, and whose they are."""

    images: NDArray[np.uint8]
    rows: list[int]


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
        model: the model.
        table: the samples.
        layers: all layers to extract, in one pass.
        mode: what the model sees (see `diffviews_desktop.core.extractor.extraction_inputs`).
        told: what the model is told of each sample.
        check: called between batches; may raise to stop.
        interruptible: entered while the model runs.

    Attributes:
        skipped: ids of the samples whose picture cannot be used, with the reason, as they are met.
        notes: what else the user should know.

    Raises:
        AdapterError: the model lacks a layer.
    """

    def __init__(
        self,
        model: Model,
        table: SampleTable,
        layers: Sequence[str],
        mode: Literal["noised", "scaled"],
        told: Told,
        *,
        check: Callable[[], None],
        interruptible: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.skipped: dict[str, Fault] = {}
        self.notes: list[str] = []
        self._model = model
        self._table = table
        self._layers = tuple(layers)
        self._how: Literal["noised", "scaled"] = mode
        self._told = told
        self._check = check
        self._interruptible = interruptible
        facts = model.facts
        values = facts.channels * facts.resolution**2 + row_width(facts, layers)
        on_cuda = facts.device.startswith("cuda")
        most = BATCH_VALUES_CUDA if on_cuda else BATCH_VALUES
        largest = LARGEST_BATCH_CUDA if on_cuda else LARGEST_BATCH
        self._size = int(np.clip(most // values, 1, largest))

    def batches(self, rows: Sequence[int]) -> Iterator[tuple[list[int], dict[str, Float32]]]:
        """Activations ``{layer: (B, C*H*W)}`` of samples, with the samples they belong to."""
        from diffviews_desktop.core.extractor import extract_batches

        queue: list[list[int]] = []

        def samples() -> Iterator[SampleBatch]:
            for pictures in self._decode(rows):
                start = 0
                # the size may have become smaller since they were decoded
                while start < len(pictures.rows):
                    self._check()
                    part = slice(start, start + self._size)
                    start = part.stop
                    queue.append(pictures.rows[part])
                    yield self._encode(pictures.images[part], pictures.rows[part])

        def smaller(size: int) -> None:
            if size < self._size:
                self._size = size
                self.notes = [
                    f"The device ran out of memory, so pictures were extracted {size} at a time."
                ]

        with self._interruptible():
            for part in extract_batches(
                self._model, self._layers, samples(), mode=self._how, smaller=smaller
            ):
                yield queue.pop(0), part

    def rows(self, rows: Sequence[int]) -> Float32:
        """Activations ``(n, D)`` of a few samples, layers in sorted order.

        Samples without a readable picture are left out, and named in `skipped`.
        """
        parts = [flatten_layers(part) for _, part in self.batches(rows)]
        return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)

    def input_of(self, row: int) -> Tensor | None:
        """What the model sees of a sample ``(1, *sample_shape)``, on the CPU; None where its
        picture cannot be read."""
        from diffviews_desktop.core.extractor import extraction_inputs

        pictures = self._read([row])
        if not pictures.rows:
            return None
        return extraction_inputs(self._encode(pictures.images, pictures.rows), self._how)

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
        old_mask = np.logical_and.reduce([target.matrix.done for target in targets])
        missing = np.flatnonzero(~old_mask)
        old_count, total, pending = len(table) - len(missing), len(table), list[int]()
        new_count, mark_time, pace = 0, time.monotonic(), _Pace()
        progress(old_count / max(1, total), "")
        try:
            for rows, values in self.batches(missing.tolist()):
                for target in targets:
                    _store(target, rows, values)
                pending += rows
                new_count += len(rows)
                if time.monotonic() - mark_time > MARK_SECONDS:
                    _mark(targets, pending)
                    mark_time = time.monotonic()
                position = old_count + new_count + len(self.skipped)
                progress(position / total, f"{position} of {total}, {pace.tick(len(rows)):.3g}/s")
        finally:
            _mark(targets, pending)
        if not old_count + new_count:
            raise DataError(
                f"None of the {len(table)} pictures can be read, so no layer can be mapped: "
                f"{faults_of(self.skipped)}. The first is {table.root / table.image_path[0]}."
            )
        new_mask = np.logical_and.reduce([target.matrix.done for target in targets])
        for target in targets:
            target.matrix.rows[~new_mask] = np.nan
        return Extracted(np.flatnonzero(new_mask), new_count, pace.overall())

    def _encode(self, images: NDArray[np.uint8], rows: Sequence[int]) -> SampleBatch:
        """What the model denoises and is told of some samples."""
        from diffviews_desktop.core.extractor import SampleBatch

        table, facts = self._table, self._model.facts
        captions = [table.captions[row] for row in rows] if len(table.captions) else []
        return SampleBatch(
            samples=self._model.codec.encode(images),
            sigmas=table.sigma[rows],
            conditions=conditions_told(
                self._told, table.class_label[rows], captions, facts.num_classes, facts.prompts
            ),
            seeds=np.array([noise_seed(table.sample_id[row]) for row in rows], dtype=np.int64),
        )

    def _decode(self, rows: Sequence[int]) -> Iterator[_Decoded]:
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

    def _read(self, rows: Sequence[int]) -> _Decoded:
        table, facts = self._table, self._model.facts
        images, good_rows = [], []
        for row in rows:
            path = table.picture(row)
            try:
                if path is None:
                    missing = f"The picture of {table.sample_id[row]} is missing."
                    raise PictureError(missing, Fault.MISSING)
                images.append(read_image(path, facts.resolution, facts.channels, table.brightness))
                good_rows.append(int(row))
            except PictureError as error:
                log.warning("%s", error)
                self.skipped[table.sample_id[row]] = error.fault
        empty = np.empty((0, facts.resolution, facts.resolution, facts.channels), np.uint8)
        return _Decoded(np.stack(images) if images else empty, good_rows)


def row_width(facts: ModelFacts, layers: Sequence[str]) -> int:
    """Number of values of one sample.

    Raises:
        AdapterError: the model lacks a layer.
    """
    missing = [name for name in layers if name not in facts.layers]
    if missing:
        raise AdapterError(no_layer("The model", missing[0], facts.layers))
    shapes = {name: facts.layers[name] for name in layers}
    return max(part.stop for part in layer_slices(shapes).values())


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
    parts: dict[str, NDArray] = {}
    for name in target.layers:
        with np.errstate(over="ignore"):
            parts[name] = values[name].astype(matrix.dtype, copy=False)
        if matrix.dtype != np.float32:
            beyond = np.isinf(parts[name]) & np.isfinite(values[name])
            if beyond.any():
                raise DataError(
                    f"{name} has values beyond what {matrix.dtype} can hold. Extract it as float32."
                )
    batch = np.concatenate([parts[name] for name in sorted(parts)], axis=1)
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
        moment, total = time.monotonic(), self._times[-1][1] + count
        self._times.append((moment, total))
        since = next(pair for pair in self._times if pair[0] > moment - RATE_SECONDS)
        if since[0] == moment:
            since = self._times[-2]
        return (total - since[1]) / max(1e-6, moment - since[0])

    def overall(self) -> float | None:
        """The rate without the first batch, which warms up; None where there is none."""
        first = self._times[min(1, len(self._times) - 2)] if len(self._times) > 1 else None
        last = self._times[-1]
        if first is None or last[0] <= first[0]:
            return None
        return (last[1] - first[1]) / (last[0] - first[0])
