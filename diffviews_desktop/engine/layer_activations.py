"""Activations of layers: read where they are stored, else extracted.

What they depend on has a cache key of its own, apart from that of maps, so that a layer is
extracted once, however many maps are made of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from diffviews_desktop.data.activations.arrays import ActivationMatrix, Float32
from diffviews_desktop.data.activations.files import ActivationFiles, open_activation_files
from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.data.activations.side_car import write_side_car
from diffviews_desktop.data.cache import layer_cache
from diffviews_desktop.data.cache.layer_cache import (
    CacheEntry,
    DamagedMatrixError,
    EntryInfo,
    LayerCache,
    PartialMatrix,
)
from diffviews_desktop.data.checkpoints.files import identity
from diffviews_desktop.engine.extraction import Extracted, SampleExtraction, Target, row_width
from diffviews_desktop.engine.jobs.mapping import LayersExtracted
from diffviews_desktop.engine.opened_model import Host, OpenedModel
from diffviews_desktop.errors import DataError, MaskError, UsageError
from diffviews_desktop.text.faults import left_out

_COPIED_VALUES = 16_000_000


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

    def key(self, opened: OpenedModel, layers: Sequence[str]) -> str:
        """Everything that the activations of these layers depend on."""
        return layer_cache.cache_key({**self.key_parts(opened, layers), "map": False})

    def key_parts(self, opened: OpenedModel, layers: Sequence[str]) -> dict[str, Any]:
        """What that is, by name."""
        config = opened.folder.config
        try:
            weights = identity(opened.folder.checkpoint())
        except DataError:
            weights = []
        parts = {
            "model": opened.folder.name,
            "adapter": config.adapter,
            "checkpoint": weights,
            "samples": opened.samples.fingerprint,
            "extraction_input": config.extraction_input,
            "layers": sorted(layers),
        }
        if config.activation_dtype != "float32":
            parts["dtype"] = config.activation_dtype
        if opened.stored:
            parts["stored"] = opened.stored
        return parts

    def entries(self, opened: OpenedModel, layers: tuple[str, ...]) -> Iterator[EntryInfo]:
        """Entries of the same activations, the last used first."""
        key = self.key(opened, layers)
        for info in reversed(opened.cache.entries()):
            if info.details.get("activations") == key:
                yield info

    def stored_matrix(
        self, opened: OpenedModel, layers: tuple[str, ...]
    ) -> tuple[CacheEntry, ActivationMatrix] | None:
        """The matrix of a finished map of these layers, if the cache keeps one."""
        for info in self.entries(opened, layers):
            if not info.has_matrix or (info.key, info.created) in self._damaged:
                continue
            entry = opened.cache.open(info.key)
            stored = entry.activations() if entry is not None else None
            if entry is not None and stored is not None:
                return entry, stored
        return None

    def forget(self, opened: OpenedModel, error: DamagedMatrixError) -> None:
        """Read a matrix that proved to be damaged no more, also where it cannot be dropped."""
        key = error.entry.name
        known = opened.cache.entries()
        self._damaged.update((info.key, info.created) for info in known if info.key == key)
        opened.cache.drop_matrix(key)

    def find(
        self, opened: OpenedModel, layers: tuple[str, ...], stack: ExitStack
    ) -> FoundActivations:
        """All activations of some layers: where they are stored, else extracted now.

        Those that are stored are checked as they are read: see `forget`.
        """
        found = self.stored_matrix(opened, layers)
        if found is not None:
            return FoundActivations(found[1].rows, entry=found[0])
        files = self._own_files(opened, layers)
        matrix = files.matrix() if files is not None else None
        if matrix is not None:
            return FoundActivations(matrix)
        if files is not None:
            partial = stack.enter_context(self._partial(opened, layers, files.width))
            self._read_files(files, partial)
            return FoundActivations(partial.rows, partial=partial)
        extraction, targets, done = self._extract(opened, (layers,), opened.cache, stack)
        return FoundActivations(
            targets[0].matrix.rows,
            partial=targets[0].matrix,
            lost=tuple(extraction.skipped),
            notes=_notes_of(extraction),
            rate=done.rate,
        )

    def _own_files(self, opened: OpenedModel, layers: tuple[str, ...]) -> ActivationFiles | None:
        """The folder's own activations of exactly these layers, one row a sample; or None."""
        files = open_activation_files(opened.folder, opened.samples)
        return files.select(layers) if files is not None else None

    def _read_files(self, files: ActivationFiles, partial: PartialMatrix) -> None:
        """Copy what the folder has in many files into one matrix."""
        wanted = np.flatnonzero(~partial.done)
        read = 0
        self.host.progress("reading activations", 0.0)
        for rows, values in files.batches(wanted):
            partial.rows[rows] = values
            partial.mark(rows)
            read += len(rows)
            self.host.progress("reading activations", read / len(wanted))

    def _extract(
        self,
        opened: OpenedModel,
        layer_sets: Sequence[tuple[str, ...]],
        cache: LayerCache,
        stack: ExitStack,
    ) -> tuple[SampleExtraction, list[Target], Extracted]:
        """Extract sets of layers in one pass, each into a matrix that can be continued."""
        adapter = self.host.adapter_of(opened)
        widths = [row_width(adapter, layers) for layers in layer_sets]
        targets = [
            Target(layers, stack.enter_context(self._partial(opened, layers, width, cache)))
            for layers, width in zip(layer_sets, widths, strict=True)
        ]
        for target in targets:
            self._take_over(opened, target)
        extraction = self._extraction(opened, sorted(set().union(*layer_sets)))
        self.host.prepare(adapter)
        done = extraction.fill(
            targets, lambda fraction, text: self.host.progress("extracting", fraction, text)
        )
        return extraction, targets, done

    def _take_over(self, opened: OpenedModel, target: Target) -> None:
        """Copy rows that a finished map has already."""
        while not target.matrix.done.any():
            found = self.stored_matrix(opened, target.layers)
            if found is None:
                return
            try:
                self._copy(found[1].rows, target)
                return
            except DamagedMatrixError as error:
                self.forget(opened, error)

    def _copy(self, stored: MatrixFile, target: Target) -> None:
        size = max(1, _COPIED_VALUES // stored.shape[1])
        for start in range(0, len(stored), size):
            part = stored[start : start + size]
            target.matrix.rows[start : start + size] = part
            there = start + np.flatnonzero(~np.isnan(part).all(axis=1))
            target.matrix.mark(there)
            self.host.check()

    @contextmanager
    def _partial(
        self,
        opened: OpenedModel,
        layers: tuple[str, ...],
        width: int,
        cache: LayerCache | None = None,
    ) -> Iterator[PartialMatrix]:
        shape = (len(opened.samples.table), width)
        details = {"model": opened.folder.name, "layers": layers}
        dtype = np.dtype(opened.folder.config.activation_dtype)
        key = self.key(opened, layers)
        with (cache or opened.cache).partial(key, shape, dtype, details=details) as matrix:
            yield matrix

    def _extraction(self, opened: OpenedModel, layers: Sequence[str]) -> SampleExtraction:
        adapter = self.host.adapter_of(opened)
        return SampleExtraction(
            adapter,
            opened.samples.table,
            layers,
            opened.folder.config.extraction_input,
            check=self.host.check,
            interruptible=lambda: self.host.interruptible(adapter),
        )

    def rows(self, opened: OpenedModel, layers: tuple[str, ...], rows: Sequence[int]) -> Float32:
        """Activations of some samples: read where they are stored, else extracted now.

        Raises:
            MaskError: the picture of a sample cannot be read.
        """
        values = self._stored_rows(opened, layers, rows)
        if values is not None:
            return values
        files = self._own_files(opened, layers)
        if files is not None:
            return files.take(rows)
        self.host.progress("reading the samples' activations")
        extraction = self._extraction(opened, layers)
        values = extraction.rows(rows)
        for name, fault in extraction.skipped.items():
            raise MaskError(
                f"The picture of {name} {fault.of_one}, so its activation cannot be computed. "
                "Leave it out of the neighbours."
            )
        return values

    def _stored_rows(
        self, opened: OpenedModel, layers: tuple[str, ...], rows: Sequence[int]
    ) -> Float32 | None:
        while True:
            found = self.stored_matrix(opened, layers)
            if found is None:
                return None
            try:
                values = found[1].take(rows)
            except DamagedMatrixError as error:
                self.forget(opened, error)
                continue
            # else a picture may be there now
            return None if np.isnan(values).all(axis=1).any() else values

    # ---- extraction for its own sake ------------------------------------------------------------

    def extract(
        self, opened: OpenedModel, layer_sets: Sequence[tuple[str, ...]], out: Path | None
    ) -> LayersExtracted:
        """Extract sets of layers in one pass: to the cache, or to ``<layers>.npy`` in ``out``."""
        layer_sets = tuple(tuple(sorted(set(layers))) for layers in layer_sets)
        files = tuple(out / file_name(layers) for layers in layer_sets) if out is not None else ()
        for file in files:
            if os.path.lexists(file):
                raise UsageError(f"{file} is there already. Move it away, or choose another --out.")
        with ExitStack() as stack:
            cache = opened.cache if out is None else LayerCache(out)
            extraction, targets, done = self._extract(opened, layer_sets, cache, stack)
            size = sum(target.matrix.rows.nbytes for target in targets)
            for file, target in zip(files, targets, strict=bool(files)):
                self._write_out(opened, target, file)
            for layers, target in zip(layer_sets, targets, strict=True):
                if out is None and self.stored_matrix(opened, layers) is not None:
                    target.matrix.discard()  # the cache has it in a finished map
        return LayersExtracted(
            model=opened.folder.name,
            layer_sets=layer_sets,
            files=files,
            samples=len(done.rows),
            computed=done.computed,
            bytes=size,
            rate=done.rate,
            notes=_notes_of(extraction),
        )

    def _write_out(self, opened: OpenedModel, target: Target, file: Path) -> None:
        shapes = self.host.adapter_of(opened).get_layer_shapes()
        table, rows = opened.samples.table, target.matrix.rows
        target.matrix.mark(np.flatnonzero(~target.matrix.done))
        write_side_car(
            file,
            layers=target.layers,
            shapes={name: tuple(shapes[name]) for name in target.layers},
            rows=len(rows),
            width=rows.shape[1],
            dtype=str(rows.dtype),
            sample_ids=table.sample_id,
        )
        del rows
        target.matrix.complete(file.parent, file.name)
        target.matrix.discard()


def file_name(layers: Sequence[str]) -> str:
    """Name of the ``.npy`` of some layers, whatever letters their names have."""
    return "+".join(layers).replace("/", "_").replace("\\", "_") + ".npy"


def _notes_of(extraction: SampleExtraction) -> tuple[str, ...]:
    notes = tuple(extraction.notes)
    return (left_out(extraction.skipped), *notes) if extraction.skipped else notes
