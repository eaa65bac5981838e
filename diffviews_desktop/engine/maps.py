"""Maps of layers: the folder's own, those in the cache, and those that are made now.

For the engine, in whose process it runs. What a map depends on is in its key; what the activations
alone depend on is in another (`Activations.key`), so that a layer is extracted once, however many
maps are made of it.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from diffviews_desktop.data.cache.layer_cache import (
    CacheEntry,
    DamagedMatrixError,
    cache_key,
    finish,
)
from diffviews_desktop.engine.activations import Activations, activations_of
from diffviews_desktop.engine.layer_activations import FoundActivations, LayerActivations
from diffviews_desktop.engine.opened_model import Host, OpenedModel, some
from diffviews_desktop.errors import DataError, said
from diffviews_desktop.files.reading import meant_as_file
from diffviews_desktop.processing.alike import first_alike
from diffviews_desktop.processing.kernel_store import user_store
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.processing.umap import Stage, fit_map, refit_map, used_parameters
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import LayerMap, MapParameters, MapSpec, default_parameters

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Wanted:
    """A map that is asked for: of which activations, made how.

    Attributes:
        own_map: name of the folder's own map, where that is the one.
        keeps_places: whether its places are the folder's, only the projector being made.
    """

    activations: Activations
    parameters: MapParameters
    own_map: str | None
    keeps_places: bool

    @property
    def opened(self) -> OpenedModel:
        """The model."""
        return self.activations.opened

    @property
    def layers(self) -> LayerSet:
        """Sorted names of the layers."""
        return self.activations.layers

    @cached_property
    def key(self) -> str:
        """Its name in the cache: everything that it depends on."""
        return cache_key(
            {
                **self.activations.key_parts,
                "parameters": self.parameters.to_dict(),
                "own_map": self.own_map,
            }
        )

    @property
    def own_places(self) -> dict[str, Any]:
        """Coordinates to keep: then only the projector is made."""
        samples = self.opened.samples
        return {"xy": samples.xy, "z": samples.z} if self.keeps_places else {}


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

    def map_layer(self, opened: OpenedModel, spec: MapSpec) -> LayerMap:
        """A map: the folder's own, one from the cache, or one made now."""
        layers = spec.layers or self.default_layers(opened)
        wanted, projector = self._look_up(opened, replace(spec, layers=layers))
        from_cache = projector is not None
        made = _Made()
        if projector is None:
            projector, made = self._make(wanted)
        self._projector = (wanted.key, projector)
        return _layer_map(wanted, projector, from_cache, made)

    def own_map(
        self, opened: OpenedModel, parameters: MapParameters | None = None
    ) -> LayerMap | None:
        """The folder's own map, or None, also where parameters ask for another; without the reduced
        rows where they would have to be made.

        Nothing is computed.
        """
        layers = opened.samples.layers
        if opened.samples.xy is None or parameters is not None:
            return None
        if layers:
            wanted, projector = self._look_up(opened, MapSpec(opened.folder.name, layers))
            if projector is not None:
                return _layer_map(wanted, projector, True, _Made())
        return LayerMap(
            model=opened.folder.name,
            layers=layers,
            xy=opened.samples.xy,
            reduced=None,
            from_cache=True,
            parameters=self.defaults.to_dict(),
            path=opened.folder.path / "embeddings",
            z=opened.samples.z,
        )

    def projector(self, opened: OpenedModel, spec: MapSpec) -> Projector:
        """What places activations on a map, which is made where it is missing."""
        self.map_layer(opened, spec)
        assert self._projector is not None
        return self._projector[1]

    def is_cached(self, opened: OpenedModel, spec: MapSpec) -> bool:
        """Whether a map appears at once."""
        if _own_projector(opened, spec) is not None:
            return True
        activations = activations_of(self.host, opened, spec.layers)
        wanted = self._wanted(activations, spec.parameters)
        return opened.cache.contains(wanted.key)

    def default_layers(self, opened: OpenedModel) -> LayerSet:
        """Those of the folder's own map; else what the adapter proposes, or the bottleneck."""
        if opened.samples.layers:
            return opened.samples.layers
        return LayerSet([self.host.model_of(opened).facts.default_layer])

    def with_layers(self, opened: OpenedModel, spec: MapSpec) -> MapSpec:
        """A map with its layers named."""
        return replace(spec, layers=spec.layers or self.default_layers(opened))

    def forget(self) -> None:
        """Let go of the map that is held."""
        self._projector = None

    def _wanted(self, activations: Activations, parameters: MapParameters | None) -> _Wanted:
        samples = activations.opened.samples
        own = parameters is None and activations.layers == samples.layers
        own = own and samples.xy is not None
        return _Wanted(
            activations, parameters or self.defaults, samples.embedding if own else None, own
        )

    def _look_up(self, opened: OpenedModel, spec: MapSpec) -> tuple[_Wanted, Projector | None]:
        """What is asked for, and its projector where there is one: in memory, beside the folder's
        own map, or in the cache."""
        brought = self._wanted(Activations(opened, spec.layers), spec.parameters)
        projector = self._held(brought) or _own_projector(opened, spec)
        if projector is not None:  # whatever the device is
            return brought, projector
        activations = activations_of(self.host, opened, spec.layers)
        wanted = self._wanted(activations, spec.parameters)
        return wanted, self._held(wanted) or _kept(wanted)

    def _held(self, wanted: _Wanted) -> Projector | None:
        held = self._projector
        return held[1] if held is not None and held[0] == wanted.key else None

    # ---- making ---------------------------------------------------------------------------------

    def _make(self, wanted: _Wanted) -> tuple[Projector, _Made]:
        """Lay layers out and store the result; their activations are read or extracted first."""
        notes: tuple[str, ...] = ()
        while True:
            try:
                projector, made = self._make_of_what_is_stored(wanted)
            except DamagedMatrixError as error:
                self.activations.forget(wanted.opened.cache, error)
                names = str(wanted.layers)
                notes = (f"The kept activations of {names} were damaged and have been made again",)
                continue
            return projector, replace(made, notes=(*made.notes, *notes, *user_store().take_notes()))

    def _make_of_what_is_stored(self, wanted: _Wanted) -> tuple[Projector, _Made]:
        with ExitStack() as stack:
            similar = self._same_reduction(wanted)
            if similar is not None:
                projector = refit_map(similar[0], wanted.parameters, progress=self._stage)
                entry, found = similar[1], None
            else:
                found = self.activations.find(wanted.activations, stack)
                projector = fit_map(
                    found.values, wanted.parameters, **wanted.own_places, progress=self._stage
                )
                entry = found.entry
            made = _Made() if found is None else _made(wanted, projector, found)
            try:
                self._keep(wanted, projector, found, entry)
            except (DataError, OSError) as error:  # the map is there all the same
                log.warning("the map is not kept", exc_info=True)
                note = f"This map is made again next time, because it cannot be kept: {said(error)}"
                made = replace(made, notes=(*made.notes, note))
        return projector, made

    def _keep(
        self,
        wanted: _Wanted,
        projector: Projector,
        found: FoundActivations | None,
        entry: CacheEntry | None,
    ) -> None:
        """Store a map in the cache, with the activations that were computed or read for it.

        Raises:
            DataError, OSError: it cannot be stored.
        """
        opened = wanted.opened
        partial = None if found is None else found.partial
        known: dict[str, Any] = {}
        with opened.cache.writing(wanted.key) as folder:
            projector.save(folder / "projector.npz")
            if found is not None and partial is not None:
                self._hand_over(opened, found, folder)
            elif entry is not None:
                known = self._lend(opened, entry, folder)
            finish(
                folder,
                {
                    "model": opened.folder.name,
                    "parameters": wanted.parameters.to_dict(),
                    "activations": wanted.activations.key,
                    "extraction_input": opened.folder.config.extraction_input,
                },
                wanted.layers,
                known=known,
                progress=lambda fraction: self.host.progress("saving", fraction),
            )
        if partial is not None:
            partial.discard()

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
            self.activations.forget(opened.cache, error)
            return {}

    def _same_reduction(self, wanted: _Wanted) -> tuple[Projector, CacheEntry | None] | None:
        """A map of the same activations that were reduced in the same way, to be laid out again."""
        if wanted.own_places:
            return None  # its places are given, and are not those of another map
        parameters = wanted.parameters
        for info in self.activations.entries(wanted.activations):
            if not _reduced_alike(info.parameters, parameters):
                continue
            read = wanted.opened.cache.read(
                info.key, lambda entry: (Projector.load(entry.projector), entry)
            )
            if read is not None:
                return read
        own = _folder_projector(wanted.opened, wanted.layers)
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


def _layer_map(wanted: _Wanted, projector: Projector, from_cache: bool, made: _Made) -> LayerMap:
    count = len(wanted.opened.samples.table)
    xy, reduced = projector.spread(count)
    extra = projector.spread_extra(count)
    return LayerMap(
        model=wanted.opened.folder.name,
        layers=wanted.layers,
        xy=xy,
        reduced=reduced,
        from_cache=from_cache,
        parameters=used_parameters(wanted.parameters, projector.reduced),
        path=wanted.opened.cache.root / wanted.key,
        notes=(*_said_of_alike(projector), *made.notes),
        z=extra.z,
        trust=extra.trust,
        rate=made.rate,
    )


def _made(wanted: _Wanted, projector: Projector, found: FoundActivations) -> _Made:
    names = wanted.opened.samples.table.sample_id
    left_out = np.setdiff1d(np.arange(len(names)), projector.rows)
    broken = [names[row] for row in left_out if names[row] not in found.lost]
    notes = list(found.notes)
    if broken:
        notes.append(
            f"{len(broken)} activations are not finite numbers and were left out: {some(broken)}"
        )
    return _Made(tuple(notes), found.rate)


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


def _kept(wanted: _Wanted) -> Projector | None:
    """The projector in the cache."""
    kept = wanted.opened.cache.read(wanted.key, lambda entry: Projector.load(entry.projector))
    if kept is None or wanted.own_places:
        return kept
    # earlier versions spread out what is all the same
    apart = len(np.unique(kept.reduced[:, 0])) == 1 and not _said_of_alike(kept)
    return None if apart and len(kept.rows) > 1 else kept


def _own_projector(opened: OpenedModel, spec: MapSpec) -> Projector | None:
    """That beside the folder's own map, if that map is wanted, and fits."""
    return None if spec.parameters is not None else _folder_projector(opened, spec.layers)


def _folder_projector(opened: OpenedModel, layers: LayerSet) -> Projector | None:
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
