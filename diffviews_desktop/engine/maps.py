"""Maps of layers: the folder's own, those in the cache, and those that are made now.

For the engine, in whose process it runs. What a map depends on is in its key; what the activations
alone depend on is in another (`LayerActivations.key`), so that a layer is extracted once,
however many maps are made of it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from diffviews_desktop.data.cache import layer_cache
from diffviews_desktop.data.cache.layer_cache import CacheEntry, DamagedMatrixError
from diffviews_desktop.engine.layer_activations import FoundActivations, LayerActivations
from diffviews_desktop.engine.opened_model import Host, OpenedModel, some
from diffviews_desktop.errors import DataError, said
from diffviews_desktop.files.reading import meant_as_file
from diffviews_desktop.processing.alike import first_alike
from diffviews_desktop.processing.kernel_store import user_store
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.processing.umap import Stage, fit_map, refit_map
from diffviews_desktop.values.maps import LayerMap, MapParameters, default_parameters

log = logging.getLogger(__name__)


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
    activations: LayerActivations = field(init=False)
    _projector: tuple[str, Projector] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.activations = LayerActivations(self.host)

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
                **self.activations.key_parts(opened, layers),
                "parameters": self._parameters(opened).to_dict(),
                "own_map": opened.samples.embedding if own else None,
            }
        )

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
            notes=(*_said_of_alike(projector), *made.notes),
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
        stored = opened.cache.read(key, lambda entry: Projector.load(entry.projector))
        if stored is None or self._own_places(opened, layers):
            return stored
        # earlier versions spread out what is all the same
        apart = len(np.unique(stored.reduced[:, 0])) == 1 and not _said_of_alike(stored)
        return None if apart and len(stored.rows) > 1 else stored

    def _own_projector(self, opened: OpenedModel, layers: tuple[str, ...]) -> Projector | None:
        """That beside the folder's own map, if that map is wanted, of these layers, and fits."""
        return None if opened.parameters is not None else _own_projector(opened, layers)

    # ---- making ---------------------------------------------------------------------------------

    def _make(self, opened: OpenedModel, layers: tuple[str, ...]) -> tuple[Projector, _Made]:
        """Lay layers out and store the result; their activations are read or extracted first."""
        notes: tuple[str, ...] = ()
        while True:
            try:
                projector, made = self._make_of_what_is_stored(opened, layers)
            except DamagedMatrixError as error:
                self.activations.forget(opened, error)
                names = "+".join(layers)
                notes = (f"The kept activations of {names} were damaged and have been made again",)
                continue
            return projector, replace(made, notes=(*made.notes, *notes, *user_store().take_notes()))

    def _make_of_what_is_stored(
        self, opened: OpenedModel, layers: tuple[str, ...]
    ) -> tuple[Projector, _Made]:
        parameters = self._parameters(opened)
        with ExitStack() as stack:
            similar = self._same_reduction(opened, layers, parameters)
            if similar is not None:
                projector = refit_map(similar[0], parameters, progress=self._stage)
                entry, found = similar[1], None
            else:
                found = self.activations.find(opened, layers, stack)
                projector = fit_map(
                    found.values, parameters, **self._own_places(opened, layers),
                    progress=self._stage,
                )  # fmt: skip
                entry = found.entry
            made = _Made() if found is None else self._made(opened, projector, found)
            try:
                self._keep(opened, layers, projector, found, entry)
            except (DataError, OSError) as error:  # the map is there all the same
                log.warning("the map is not kept", exc_info=True)
                note = f"This map is made again next time, because it cannot be kept: {said(error)}"
                made = replace(made, notes=(*made.notes, note))
        return projector, made

    def _keep(
        self,
        opened: OpenedModel,
        layers: tuple[str, ...],
        projector: Projector,
        found: FoundActivations | None,
        entry: CacheEntry | None,
    ) -> None:
        """Store a map in the cache, with the activations that were computed or read for it.

        Raises:
            DataError, OSError: it cannot be stored.
        """
        partial = None if found is None else found.partial
        known: dict[str, Any] = {}
        with opened.cache.writing(self.key(opened, layers)) as folder:
            projector.save(folder / "projector.npz")
            if found is not None and partial is not None:
                self._hand_over(opened, found, folder)
            elif entry is not None:
                known = self._lend(opened, entry, folder)
            layer_cache.finish(
                folder,
                {
                    "model": opened.folder.name,
                    "parameters": self._parameters(opened).to_dict(),
                    "activations": self.activations.key(opened, layers),
                    "extraction_input": opened.folder.config.extraction_input,
                },
                layers,
                known=known,
                progress=lambda fraction: self.host.progress("saving", fraction),
            )
        if partial is not None:
            partial.discard()

    def _own_places(self, opened: OpenedModel, layers: tuple[str, ...]) -> dict[str, Any]:
        """Coordinates to keep: then only the projector is made."""
        samples = opened.samples
        if opened.parameters is not None or layers != samples.layers or samples.xy is None:
            return {}
        return {"xy": samples.xy, "z": samples.z}

    def _hand_over(self, opened: OpenedModel, found: FoundActivations, folder: Path) -> None:
        """The matrix becomes the entry's, unless it is larger than all that may be kept."""
        assert found.partial is not None
        if not opened.cache.keeps_matrix(found.values.nbytes):
            return
        found.partial.mark(np.flatnonzero(~found.partial.done))  # these are NaN and stay so
        found.partial.complete(folder)

    def _lend(self, opened: OpenedModel, entry: CacheEntry, folder: Path) -> dict[str, Any]:
        """The matrix of an entry becomes another's, too, if it is sound."""
        try:
            return dict(entry.lend(folder))
        except DamagedMatrixError as error:
            self.activations.forget(opened, error)
            return {}

    def _made(self, opened: OpenedModel, projector: Projector, found: FoundActivations) -> _Made:
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
        for info in self.activations.entries(opened, layers):
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

    def _stage(self, stage: Stage) -> None:
        self.host.progress(stage.name, stage.fraction)


def _said_of_alike(projector: Projector) -> tuple[str, ...]:
    """What is said of samples of the same activations, where the map has them at one place."""
    first = first_alike(projector.reduced)
    count, others = len(first), np.flatnonzero(first != np.arange(len(first)))
    places = projector.places
    together = int((places[others] == places[first[others]]).all(axis=1).sum())
    if not together:
        return ()
    if together == count - 1:
        return (
            f"All {count} samples have the same activations of this layer: they are drawn at one "
            "place.",
        )
    have, lie = ("has", "lies") if together == 1 else ("have", "lie")
    return (
        f"{together} of {count} samples {have} the same activations as another sample and {lie} at "
        "its place.",
    )


def _own_projector(opened: OpenedModel, layers: tuple[str, ...]) -> Projector | None:
    """The projector beside the folder's own map, if it is of these layers and fits."""
    samples = opened.samples
    if layers != samples.layers or samples.xy is None or not samples.embedding:
        return None
    path = opened.folder.path / "embeddings" / f"{samples.embedding}.projector.npz"
    if not meant_as_file(path):
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
