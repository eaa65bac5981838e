"""Activations of layers: read where they are stored, else extracted.

What they depend on has a cache key of its own, apart from that of maps, so that a layer is
extracted once, however many maps are made of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from diffviews_desktop.data.activations.arrays import ActivationMatrix, Float32
from diffviews_desktop.data.activations.files import ActivationFiles, open_activation_files
from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.data.activations.side_car import write_side_car
from diffviews_desktop.data.cache.layer_cache import (
    CacheEntry,
    DamagedMatrixError,
    EntryInfo,
    LayerCache,
    PartialMatrix,
)
from diffviews_desktop.engine.activations import Activations, activations_to_compute
from diffviews_desktop.engine.extraction import Extracted, SampleExtraction, Target, row_width
from diffviews_desktop.engine.jobs.mapping import LayersExtracted
from diffviews_desktop.engine.opened_model import Host, OpenedModel
from diffviews_desktop.engine.told import check_told
from diffviews_desktop.errors import MaskError, UsageError
from diffviews_desktop.text.faults import left_out
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.told import Told

_COPIED_VALUES = 16_000_000
_REMEMBERED_BYTES = 128_000_000


@dataclass(frozen=True, eq=False)
class FoundActivations:
    """Activations of a set of layers: ``values (N, D)``, NaN where a sample has none.

    Attributes:
        partial: the matrix that they were computed or read into, if they were.
        entry: the cache entry that they lie in, if they do.
        lost: samples without a readable picture.
    """

    values: MatrixFile
    partial: PartialMatrix | None = None
    entry: CacheEntry | None = None
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rate: float | None = None


@dataclass(frozen=True)
class LayerActivations:
    """Finds, extracts and keeps activations.

    Args:
        host: the engine.
    """

    host: Host
    _damaged: set[tuple[str, float]] = field(default_factory=set, init=False, compare=False)
    _computed: dict[tuple[str, tuple[int, ...]], Float32] = field(
        default_factory=dict, init=False, compare=False
    )

    def entries(self, request: Activations) -> Iterator[EntryInfo]:
        """Entries of the same activations, the last used first."""
        for info in reversed(request.cache.entries()):
            if info.details.get("activations") == request.key:
                yield info

    def stored_matrix(self, request: Activations) -> tuple[CacheEntry, ActivationMatrix] | None:
        """The matrix of a finished map of these layers, if the cache keeps one."""
        for info in self.entries(request):
            if not info.has_matrix or (info.key, info.created) in self._damaged:
                continue
            entry = request.cache.open(info.key)
            matrix = entry.activations() if entry is not None else None
            if entry is not None and matrix is not None:
                return entry, matrix
        return None

    def whole_matrix(self, request: Activations) -> MatrixFile | None:
        """The matrix of some layers, where it is stored; nothing is computed or copied."""
        hit = self.stored_matrix(request)
        if hit is not None:
            return hit[1].rows
        files = _own_files(request)
        return None if files is None else files.matrix()

    def forget(self, cache: LayerCache, error: DamagedMatrixError) -> None:
        """Read a matrix that proved to be damaged no more, also where it cannot be dropped."""
        key = error.entry.name
        infos = cache.entries()
        self._damaged.update((info.key, info.created) for info in infos if info.key == key)
        cache.drop_matrix(key)

    def find(self, request: Activations, stack: ExitStack) -> FoundActivations:
        """All activations of some layers: where they are stored, else extracted now.

        Those that are stored are checked as they are read: see `forget`.
        """
        hit = self.stored_matrix(request)
        if hit is not None:
            return FoundActivations(hit[1].rows, entry=hit[0])
        files = _own_files(request)
        matrix = files.matrix() if files is not None else None
        if matrix is not None:
            return FoundActivations(matrix)
        if files is not None:
            partial = stack.enter_context(self._partial(request, files.width, request.cache))
            self._read_files(files, partial)
            return FoundActivations(partial.rows, partial=partial)
        extraction, targets, result = self._extract((request,), request.cache, stack)
        return FoundActivations(
            targets[0].matrix.rows,
            partial=targets[0].matrix,
            lost=tuple(extraction.skipped),
            notes=_notes_of(extraction),
            rate=result.rate,
        )

    def _read_files(self, files: ActivationFiles, partial: PartialMatrix) -> None:
        """Copy what the folder has in many files into one matrix."""
        missing = np.flatnonzero(~partial.done)
        read = 0
        self.host.progress("reading activations", 0.0)
        for rows, values in files.batches(missing):
            partial.rows[rows] = values
            partial.mark(rows)
            read += len(rows)
            self.host.progress("reading activations", read / len(missing))

    def _extract(
        self, sets: Sequence[Activations], cache: LayerCache, stack: ExitStack
    ) -> tuple[SampleExtraction, list[Target], Extracted]:
        """Extract sets of layers in one pass, each into a matrix that can be continued."""
        opened = sets[0].opened
        model = self.host.model_of(opened)
        widths = [row_width(model.facts, request.layers) for request in sets]
        targets = [
            Target(request.layers, stack.enter_context(self._partial(request, width, cache)))
            for request, width in zip(sets, widths, strict=True)
        ]
        for request, target in zip(sets, targets, strict=True):
            self._take_over(request, target)
        layers = sorted(set().union(*(request.layers for request in sets)))
        extraction = self._extraction(opened, layers, sets[0].told)
        self.host.prepare(model)
        result = extraction.fill(
            targets, lambda fraction, text: self.host.progress("extracting", fraction, text)
        )
        return extraction, targets, result

    def _take_over(self, request: Activations, target: Target) -> None:
        """Copy rows that a finished map has already."""
        while not target.matrix.done.any():
            hit = self.stored_matrix(request)
            if hit is None:
                return
            try:
                self._copy(hit[1].rows, target)
                return
            except DamagedMatrixError as error:
                self.forget(request.cache, error)

    def _copy(self, source: MatrixFile, target: Target) -> None:
        size = max(1, _COPIED_VALUES // source.shape[1])
        for start in range(0, len(source), size):
            part = source[start : start + size]
            target.matrix.rows[start : start + size] = part
            indices = start + np.flatnonzero(~np.isnan(part).all(axis=1))
            target.matrix.mark(indices)
            self.host.check()

    def _partial(
        self, request: Activations, width: int, cache: LayerCache
    ) -> AbstractContextManager[PartialMatrix]:
        """Rows that are being made, to be gone on with where they were left."""
        shape = (len(request.opened.samples.table), width)
        details = {"model": request.opened.folder.name, "layers": request.layers}
        return cache.partial(
            request.key, shape, request.dtype, details=details, check=self.host.check
        )

    def _extraction(
        self, opened: OpenedModel, layers: Sequence[str], told: Told
    ) -> SampleExtraction:
        model = self.host.model_of(opened)
        check_told(told, model.facts)
        return SampleExtraction(
            model,
            opened.samples.table,
            layers,
            opened.folder.config.extraction_input,
            told,
            check=self.host.check,
            interruptible=lambda: self.host.interruptible(model),
        )

    def rows(self, request: Activations, rows: Sequence[int]) -> Float32:
        """Activations of some samples: those that the folder brings, else computed now, in a batch
        of their own.

        What a map keeps is not read but for samples whose picture is gone: it was computed in other
        batches, and the last bits of a value depend on them. So the values do not depend on what
        was mapped before.

        Raises:
            MaskError: the picture of a sample cannot be read.
        """
        files = _own_files(request)
        if files is not None:
            return files.take(rows)
        key = (request.key, tuple(rows))
        if key in self._computed:
            return self._computed[key]
        self.host.progress("reading the samples' activations")
        extraction = self._extraction(request.opened, request.layers, request.told)
        values = extraction.rows(rows)
        for name, fault in extraction.skipped.items():
            matrix = self._stored_rows(request, rows)
            if matrix is not None:
                return matrix
            raise MaskError(
                f"The picture of {name} {fault.of_one}, so its activation cannot be computed. "
                "Leave it out of the neighbours."
            )
        self._remember(key, values)
        return values

    def _remember(self, key: tuple[str, tuple[int, ...]], values: Float32) -> None:
        """Keep what was computed last: the next picture often has the same samples."""
        self._computed[key] = values
        while sum(array.nbytes for array in self._computed.values()) > _REMEMBERED_BYTES:
            del self._computed[next(iter(self._computed))]

    def mean(self, request: Activations) -> Float32:
        """The mean ``(D,)`` over all samples that have activations: of what is stored, which is
        extracted first where nothing is."""
        with ExitStack() as stack:
            while True:
                source = self.find(request, stack)
                try:
                    return _mean_of(source.values, self.host.check)
                except DamagedMatrixError as error:
                    self.forget(request.cache, error)

    def stored_rows(self, request: Activations, rows: Sequence[int]) -> Float32 | None:
        """Activations of some samples where they are stored; None where they are not."""
        values = self._stored_rows(request, rows)
        if values is not None:
            return values
        files = _own_files(request)
        return None if files is None else files.take(rows)

    def _stored_rows(self, request: Activations, rows: Sequence[int]) -> Float32 | None:
        while True:
            hit = self.stored_matrix(request)
            if hit is None:
                return None
            try:
                values = hit[1].take(rows)
            except DamagedMatrixError as error:
                self.forget(request.cache, error)
                continue
            # else a picture may be there now
            return None if np.isnan(values).all(axis=1).any() else values

    # ---- extraction for its own sake ------------------------------------------------------------

    def extract(
        self,
        opened: OpenedModel,
        layer_sets: Sequence[tuple[str, ...]],
        out: Path | None,
        told: Told,
    ) -> LayersExtracted:
        """Extract sets of layers in one pass: to the cache, or to ``<layers>.npy`` in ``out``."""
        sets = [activations_to_compute(self.host, opened, layers, told) for layers in layer_sets]
        files = (
            tuple(out / file_name(request.layers) for request in sets) if out is not None else ()
        )
        for file in files:
            if os.path.lexists(file):
                raise UsageError(f"{file} is there already. Move it away, or choose another --out.")
        with ExitStack() as stack:
            cache = opened.cache if out is None else LayerCache(out)
            extraction, targets, result = self._extract(sets, cache, stack)
            size = sum(target.matrix.rows.nbytes for target in targets)
            for file, target in zip(files, targets, strict=bool(files)):
                self._write_out(opened, target, file, told)
            for request, target in zip(sets, targets, strict=True):
                if out is None and self.stored_matrix(request) is not None:
                    target.matrix.discard()  # the cache has it in a finished map
        return LayersExtracted(
            model=opened.folder.name,
            layer_sets=tuple(request.layers for request in sets),
            files=files,
            samples=len(result.rows),
            computed=result.computed,
            bytes=size,
            rate=result.rate,
            told=told,
            prompts=self.host.model_of(opened).facts.prompts,
            notes=_notes_of(extraction),
        )

    def _write_out(self, opened: OpenedModel, target: Target, file: Path, told: Told) -> None:
        shapes = self.host.model_of(opened).facts.layers
        table, rows = opened.samples.table, target.matrix.rows
        target.matrix.mark(np.flatnonzero(~target.matrix.done))
        write_side_car(
            file,
            layers=target.layers,
            shapes={name: shapes[name] for name in target.layers},
            rows=len(rows),
            width=rows.shape[1],
            dtype=str(rows.dtype),
            sample_ids=table.sample_id,
            told=told,
        )
        del rows
        target.matrix.complete(file.parent, file.name)
        target.matrix.discard()


def _mean_of(matrix: MatrixFile, check: Callable[[], None]) -> Float32:
    """The mean of the rows of a matrix that are numbers, ``(D,)``.

    Raises:
        MaskError: none is.
    """
    size = max(1, _COPIED_VALUES // matrix.shape[1])
    total, count = np.zeros(matrix.shape[1]), 0
    for start in range(0, len(matrix), size):
        rows = matrix[start : start + size]
        rows = rows[np.isfinite(rows).all(axis=1)]
        total += rows.sum(axis=0, dtype=np.float64)
        count += len(rows)
        check()
    if not count:
        raise MaskError("No sample has activations of this layer, so it has no mean.")
    return (total / count).astype(np.float32)


def _own_files(request: Activations) -> ActivationFiles | None:
    """The folder's own activations of exactly these layers, one row a sample; or None.

    Raises:
        DataError: the folder's files are damaged, or nothing says whose a row is.
    """
    files = open_activation_files(request.opened.folder, request.opened.samples)
    return (
        files.select(request.layers) if files is not None and files.told == request.told else None
    )


def file_name(layers: LayerSet) -> str:
    """Name of the ``.npy`` of some layers, whatever letters their names have."""
    return str(layers).replace("/", "_").replace("\\", "_") + ".npy"


def _notes_of(extraction: SampleExtraction) -> tuple[str, ...]:
    notes = tuple(extraction.notes)
    return (left_out(extraction.skipped), *notes) if extraction.skipped else notes
