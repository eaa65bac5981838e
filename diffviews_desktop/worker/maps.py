"""Maps of layers: the folder's own, those in the cache, and those that are made now.

For the engine, in whose process it runs. What a map depends on is in its key; what the activations
alone depend on is in another (`MapMaker.activations_key`), so that a layer is extracted once,
however many maps are made of it.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop import paths
from diffviews_desktop.data import layer_cache
from diffviews_desktop.data.activation_files import ActivationFiles, open_activation_files
from diffviews_desktop.data.arrays import ActivationMatrix, Float32
from diffviews_desktop.data.checkpoint_files import identity
from diffviews_desktop.data.dataset import ModelFolder, ModelSamples
from diffviews_desktop.data.layer_cache import CacheEntry, EntryInfo, LayerCache, PartialMatrix
from diffviews_desktop.data.side_car import write_side_car
from diffviews_desktop.errors import DataError, MaskError, UsageError
from diffviews_desktop.processing.parameters import MapParameters, default_parameters
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.processing.umap import Stage, fit_map, refit_map
from diffviews_desktop.worker.extraction import Extracted, SampleExtraction, Target, row_width
from diffviews_desktop.worker.jobs import LayerMap, LayersExtracted

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from diffviews_desktop.adapters.base import GeneratorAdapter

log = logging.getLogger(__name__)

_COPIED_VALUES = 16_000_000


@dataclass(frozen=True)
class OpenedModel:
    """A model's folder with its samples, where its maps are kept, and what was asked of it.

    ``parameters`` None means the folder's own map, where it has one.
    """

    folder: ModelFolder
    samples: ModelSamples
    cache: LayerCache
    label_dropout: float | None = None
    precision: str | None = None
    parameters: MapParameters | None = None

    @cached_property
    def stored(self) -> list[tuple[str, int, int]]:
        """Name, size and time of the folder's own activation files."""
        files = sorted((self.folder.path / "activations").glob("*/*.np[yz]"))
        facts: list[tuple[str, int, int]] = []
        for file in files:
            with suppress(OSError):  # it just went, or leads nowhere
                status = file.stat()
                facts.append((file.name, status.st_size, status.st_mtime_ns))
        return facts


class Host(Protocol):
    """What making a map needs of the engine."""

    def adapter_of(self, opened: OpenedModel) -> GeneratorAdapter: ...
    def prepare(self, adapter: GeneratorAdapter) -> None: ...
    def check(self) -> None: ...
    def progress(self, stage: str, fraction: float | None = None, detail: str = "") -> None: ...
    def interruptible(self, adapter: GeneratorAdapter) -> AbstractContextManager[None]: ...


@dataclass(frozen=True, eq=False)
class _Activations:
    """Activations to map: ``values (N, D)``, NaN where a sample has none.

    Attributes:
        partial: the matrix that they were computed or read into, if they were.
        entry: the cache entry that they lie in, if they do.
        lost: samples without a readable picture.
    """

    values: NDArray
    partial: PartialMatrix | None = None
    entry: CacheEntry | None = None
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rate: float | None = None


@dataclass(frozen=True)
class _Made:
    """What else is known of a map that was made now."""

    notes: tuple[str, ...] = ()
    rate: float | None = None


@dataclass
class MapMaker:
    """Finds and makes maps.

    Args:
        host: the engine.
        given: parameters of maps where nobody chose any; None for the usual ones.
    """

    host: Host
    given: MapParameters | None = None
    _projector: tuple[str, Projector] | None = field(default=None, init=False)

    @property
    def defaults(self) -> MapParameters:
        """Parameters of maps where nobody chose any.

        Raises:
            UsageError: the environment asks for something that is not allowed.
        """
        return self.given or default_parameters()

    # ---- maps -----------------------------------------------------------------------------------

    def map_layer(self, opened: OpenedModel, layers: tuple[str, ...]) -> LayerMap:
        """The map of some layers: the folder's own, one from the cache, or one made now."""
        if not layers:
            layers = self.default_layers(opened)
        projector = self._stored_projector(opened, layers)
        from_cache = projector is not None
        made = _Made()
        if projector is None:
            projector, made = self._make(opened, layers)
        self._projector = (self.key(opened, layers), projector)
        return self._layer_map(opened, layers, projector, from_cache, made)

    def own_map(self, opened: OpenedModel) -> LayerMap | None:
        """The folder's own map, or None; without the reduced rows where they would have to be made.

        Nothing is computed.
        """
        layers = opened.samples.layers
        if opened.samples.xy is None or opened.parameters is not None:
            return None
        projector = self._stored_projector(opened, layers) if layers else None
        if projector is not None:
            return self._layer_map(opened, layers, projector, True, _Made())
        return LayerMap(
            model=opened.folder.name,
            layers=layers,
            xy=opened.samples.xy,
            reduced=None,
            from_cache=True,
            parameters=self._parameters(opened).to_dict(),
            path=opened.folder.path / "embeddings",
            z=opened.samples.z,
        )

    def projector(self, opened: OpenedModel, layers: tuple[str, ...]) -> Projector:
        """What places activations on the map of some layers, which is made where it is missing."""
        self.map_layer(opened, layers)
        assert self._projector is not None
        return self._projector[1]

    def is_cached(self, opened: OpenedModel, layers: tuple[str, ...]) -> bool:
        """Whether the map appears at once."""
        cached = opened.cache.contains(self.key(opened, layers))
        return cached or self._own_projector(opened, layers) is not None

    def default_layers(self, opened: OpenedModel) -> tuple[str, ...]:
        """Those of the folder's own map; else what the adapter proposes, or the bottleneck."""
        if opened.samples.layers:
            return opened.samples.layers
        adapter = self.host.adapter_of(opened)
        names = adapter.hookable_layers
        wanted = (getattr(adapter, "default_layer", None), "encoder_bottleneck")
        return (next((name for name in wanted if name in names), names[0]),)

    def forget(self) -> None:
        """Let go of the map that is held."""
        self._projector = None

    def key(self, opened: OpenedModel, layers: Sequence[str]) -> str:
        """Cache key: everything that a map of these layers depends on."""
        own = opened.parameters is None and tuple(layers) == opened.samples.layers
        own = own and opened.samples.xy is not None
        return layer_cache.cache_key(
            {
                **self._activation_parts(opened, layers),
                "parameters": self._parameters(opened).to_dict(),
                "own_map": opened.samples.embedding if own else None,
            }
        )

    def activations_key(self, opened: OpenedModel, layers: Sequence[str]) -> str:
        """Everything that the activations of these layers depend on."""
        return layer_cache.cache_key({**self._activation_parts(opened, layers), "map": False})

    def _activation_parts(self, opened: OpenedModel, layers: Sequence[str]) -> dict[str, Any]:
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

    def _parameters(self, opened: OpenedModel) -> MapParameters:
        return opened.parameters or self.defaults

    def _layer_map(
        self,
        opened: OpenedModel,
        layers: tuple[str, ...],
        projector: Projector,
        from_cache: bool,
        made: _Made,
    ) -> LayerMap:
        count = len(opened.samples.table)
        xy, reduced = projector.spread(count)
        extra = projector.spread_extra(count)
        return LayerMap(
            model=opened.folder.name,
            layers=layers,
            xy=xy,
            reduced=reduced,
            from_cache=from_cache,
            parameters=self._parameters(opened).to_dict(),
            path=opened.cache.root / self.key(opened, layers),
            notes=made.notes,
            z=extra.z,
            trust=extra.trust,
            rate=made.rate,
        )

    def _stored_projector(self, opened: OpenedModel, layers: tuple[str, ...]) -> Projector | None:
        """A projector that is in memory, beside the folder's own map, or in the cache."""
        key = self.key(opened, layers)
        if self._projector is not None and self._projector[0] == key:
            return self._projector[1]
        projector = self._own_projector(opened, layers)
        if projector is not None:
            return projector
        return opened.cache.read(key, lambda entry: Projector.load(entry.projector))

    def _own_projector(self, opened: OpenedModel, layers: tuple[str, ...]) -> Projector | None:
        """That beside the folder's own map, if that map is wanted, of these layers, and fits."""
        return None if opened.parameters is not None else _own_projector(opened, layers)

    # ---- making ---------------------------------------------------------------------------------

    def _make(self, opened: OpenedModel, layers: tuple[str, ...]) -> tuple[Projector, _Made]:
        """Lay layers out and store the result; their activations are read or extracted first."""
        parameters = self._parameters(opened)
        with ExitStack() as stack:
            similar = self._same_reduction(opened, layers, parameters)
            if similar is not None:
                projector = refit_map(similar[0], parameters, progress=self._stage)
                entry, found = similar[1], None
            else:
                found = self._activations(opened, layers, stack)
                projector = fit_map(
                    found.values, parameters, **self._own_places(opened, layers),
                    progress=self._stage,
                )  # fmt: skip
                entry = found.entry
            made = _Made() if found is None else self._made(opened, projector, found)
            with opened.cache.writing(self.key(opened, layers)) as folder:
                projector.save(folder / "projector.npz")
                if found is not None and found.partial is not None:
                    self._hand_over(opened, found, folder)
                elif entry is not None:
                    _link_matrix(entry, folder)
                layer_cache.finish(
                    folder,
                    {
                        "model": opened.folder.name,
                        "parameters": parameters.to_dict(),
                        "activations": self.activations_key(opened, layers),
                        "extraction_input": opened.folder.config.extraction_input,
                    },
                    layers,
                    progress=lambda fraction: self.host.progress("saving", fraction),
                )
            if found is not None and found.partial is not None:
                found.partial.discard()
        return projector, made

    def _own_places(self, opened: OpenedModel, layers: tuple[str, ...]) -> dict[str, Any]:
        """Coordinates to keep: then only the projector is made."""
        samples = opened.samples
        if opened.parameters is not None or layers != samples.layers or samples.xy is None:
            return {}
        return {"xy": samples.xy, "z": samples.z}

    def _hand_over(self, opened: OpenedModel, found: _Activations, folder: Path) -> None:
        """The matrix becomes the entry's, unless it is larger than all that may be kept."""
        assert found.partial is not None
        if not opened.cache.keeps_matrix(found.values.nbytes):
            return
        found.partial.mark(np.flatnonzero(~found.partial.done))  # these are NaN and stay so
        found.partial.complete(folder)

    def _made(self, opened: OpenedModel, projector: Projector, found: _Activations) -> _Made:
        names = opened.samples.table.sample_id
        left_out = np.setdiff1d(np.arange(len(names)), projector.rows)
        broken = [names[row] for row in left_out if names[row] not in found.lost]
        notes = list(found.notes)
        if broken:
            notes.append(
                f"{len(broken)} activations are not finite numbers and were left out: "
                f"{some(broken)}"
            )
        return _Made(tuple(notes), found.rate)

    def _same_reduction(
        self, opened: OpenedModel, layers: tuple[str, ...], parameters: MapParameters
    ) -> tuple[Projector, CacheEntry | None] | None:
        """A map of the same activations that were reduced in the same way, to be laid out anew."""
        if self._own_places(opened, layers):
            return None  # its places are given, and are not those of another map
        for info in self._entries(opened, layers):
            if not _reduced_alike(info.parameters, parameters):
                continue
            read = opened.cache.read(
                info.key, lambda entry: (Projector.load(entry.projector), entry)
            )
            if read is not None:
                return read
        own = _own_projector(opened, layers)
        usual = self.defaults
        if (
            own is not None
            and parameters.seed == usual.seed
            and own.reduction.components is not None
            and own.reduction.width == parameters.pca_components == usual.pca_components
            and own.metric in ("euclidean", parameters.metric)
        ):
            return own, None
        return None

    def _entries(self, opened: OpenedModel, layers: tuple[str, ...]) -> Iterator[EntryInfo]:
        """Entries of the same activations, the last used first."""
        key = self.activations_key(opened, layers)
        for info in reversed(opened.cache.entries()):
            if info.details.get("activations") == key:
                yield info

    def _stored_matrix(
        self, opened: OpenedModel, layers: tuple[str, ...]
    ) -> tuple[CacheEntry, ActivationMatrix] | None:
        """The matrix of a finished map of these layers, if the cache keeps one."""
        for info in self._entries(opened, layers):
            entry = opened.cache.open(info.key) if info.has_matrix else None
            stored = entry.activations() if entry is not None else None
            if entry is not None and stored is not None:
                return entry, stored
        return None

    # ---- activations ----------------------------------------------------------------------------

    def _activations(
        self, opened: OpenedModel, layers: tuple[str, ...], stack: ExitStack
    ) -> _Activations:
        """All activations of some layers: where they are stored, else extracted now."""
        found = self._stored_matrix(opened, layers)
        if found is not None:
            return _Activations(found[1].rows, entry=found[0])
        files = self._own_files(opened, layers)
        matrix = files.matrix() if files is not None else None
        if matrix is not None:
            return _Activations(matrix)
        if files is not None:
            partial = stack.enter_context(self._partial(opened, layers, files.width))
            self._read_files(files, partial)
            return _Activations(partial.rows, partial=partial)
        extraction, targets, done = self._extract(opened, (layers,), opened.cache, stack)
        return _Activations(
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
        found = self._stored_matrix(opened, target.layers)
        if found is None or target.matrix.done.any():
            return
        stored = found[1].rows
        size = max(1, _COPIED_VALUES // stored.shape[1])
        for start in range(0, len(stored), size):
            part = np.asarray(stored[start : start + size])
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
        key = self.activations_key(opened, layers)
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
        found = self._stored_matrix(opened, layers)
        if found is not None:
            values = found[1].take(rows)
            if not np.isnan(values).all(axis=1).any():  # else its picture may be there now
                return values
        files = self._own_files(opened, layers)
        if files is not None:
            return files.take(rows)
        self.host.progress("reading the samples' activations")
        extraction = self._extraction(opened, layers)
        values = extraction.rows(rows)
        if extraction.skipped:
            raise MaskError(
                f"The picture of {extraction.skipped[0]} is missing or broken, so its activation "
                "cannot be computed. Leave it out of the neighbours."
            )
        return values

    # ---- extraction for its own sake ------------------------------------------------------------

    def extract(
        self, opened: OpenedModel, layer_sets: Sequence[tuple[str, ...]], out: Path | None
    ) -> LayersExtracted:
        """Extract sets of layers in one pass: to the cache, or to ``<layers>.npy`` in ``out``."""
        layer_sets = tuple(tuple(sorted(set(layers))) for layers in layer_sets)
        files = tuple(out / file_name(layers) for layers in layer_sets) if out is not None else ()
        for file in files:
            if file.exists():
                raise UsageError(f"{file} is there already. Move it away, or choose another --out.")
        with ExitStack() as stack:
            cache = opened.cache if out is None else LayerCache(out)
            extraction, targets, done = self._extract(opened, layer_sets, cache, stack)
            size = sum(target.matrix.rows.nbytes for target in targets)
            for file, target in zip(files, targets, strict=bool(files)):
                self._write_out(opened, target, file)
            for layers, target in zip(layer_sets, targets, strict=True):
                if out is None and self._stored_matrix(opened, layers) is not None:
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

    def _stage(self, stage: Stage) -> None:
        self.host.progress(stage.name, stage.fraction)


def cache_of(folder: ModelFolder) -> LayerCache:
    """Beside the model where that can be written, else in the user's cache directory."""
    beside = folder.path / "embeddings" / "layer_cache"
    existing = next(parent for parent in (beside, *beside.parents) if parent.exists())
    if os.access(existing, os.W_OK):
        return LayerCache(beside)
    return LayerCache(paths.cache_dir() / "layer_cache")


def file_name(layers: Sequence[str]) -> str:
    """Name of the ``.npy`` of some layers, whatever letters their names have."""
    return "+".join(layers).replace("/", "_").replace("\\", "_") + ".npy"


def some(names: Sequence[str]) -> str:
    """The first few of some names."""
    return ", ".join(names[:3]) + ("…" if len(names) > 3 else "")


def _own_projector(opened: OpenedModel, layers: tuple[str, ...]) -> Projector | None:
    """The projector beside the folder's own map, if it is of these layers and fits."""
    samples = opened.samples
    if layers != samples.layers or samples.xy is None or not samples.embedding:
        return None
    path = opened.folder.path / "embeddings" / f"{samples.embedding}.projector.npz"
    if not path.is_file():
        return None
    try:
        projector = Projector.load(path).subset(samples.matrix_rows)
        if np.array_equal(projector.spread(len(samples.table))[0], samples.xy):
            return projector
        log.warning("%s does not belong to the map beside it; not used", path)
    except DataError as error:
        log.warning("%s", error)
    return None


def _reduced_alike(known: Any, wanted: MapParameters) -> bool:
    """Whether a map's reduced rows are those that another map begins with."""
    return (
        "pca_components" in known
        and known["pca_components"] == wanted.pca_components
        and known.get("seed") == wanted.seed
        and known.get("metric", "euclidean") in ("euclidean", wanted.metric)
    )


def _link_matrix(entry: CacheEntry, folder: Path) -> None:
    """Keep the matrix of an entry in another, without a copy where the file system can."""
    stored = entry.activations()
    if stored is None:
        return
    target = folder / stored.path.name
    try:
        os.link(stored.path, target)
    except OSError:
        with suppress(OSError):  # it can be extracted again
            shutil.copyfile(stored.path, target)


def _notes_of(extraction: SampleExtraction) -> tuple[str, ...]:
    lost, notes = extraction.skipped, tuple(extraction.notes)
    if not lost:
        return notes
    text = f"{len(lost)} pictures are missing or broken and were left out: {some(lost)}"
    return (text, *notes)
