"""Maps of layers: the folder's own, those in the cache, and those that are made now.

For the engine, in whose process it runs. What a map depends on is in its key; what the activations
alone depend on is in another (`Activations.key`), so that a layer is extracted once, however many
maps are made of it.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from diffviews_desktop.data.cache.layer_cache import (
    CacheEntry,
    DamagedMatrixError,
    finish,
)
from diffviews_desktop.engine.activations import Activations, activations_of
from diffviews_desktop.engine.folder_projectors import (
    alike_notes,
    folder_projector,
    own_projector,
)
from diffviews_desktop.engine.given_places import (
    NOT_KEPT,
    fits_places,
    place_notes,
    place_samples,
    with_places,
)
from diffviews_desktop.engine.layer_activations import FoundActivations, LayerActivations
from diffviews_desktop.engine.model_settings import class_names_of
from diffviews_desktop.engine.opened_model import Host, OpenedModel, some
from diffviews_desktop.engine.shared_maps import (
    SharedMaps,
    find_variant,
    has_variant,
)
from diffviews_desktop.engine.told import (
    by_original,
    remember,
    told_note,
    told_of,
    training_of,
)
from diffviews_desktop.engine.wanted_map import WantedMap, reduced_alike
from diffviews_desktop.errors import DataError, explain
from diffviews_desktop.processing.kernel_store import user_store
from diffviews_desktop.processing.layout import Stage, used_parameters
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.processing.typicality import with_sample_figures
from diffviews_desktop.processing.umap import fit_map, refit_map
from diffviews_desktop.values.conditions import ClassLabel
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import (
    LayerMap,
    MapParameters,
    MapSpec,
    Places,
    default_parameters,
)
from diffviews_desktop.values.sample_groups import groups_of
from diffviews_desktop.values.told import Told, told_text

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Made:
    """What else is known of a map that was made now."""

    notes: tuple[str, ...] = ()
    rate: float | None = None
    upload_to: str = ""


class _Held(NamedTuple):
    """A map that is held in memory: its name in the cache, and which entry was there."""

    key: str
    stamp: bytes | None
    projector: Projector


@dataclass
class MapMaker:
    """Finds and makes maps.

    Args:
        host: the engine.
        given: parameters of maps where nobody chose any; None for the usual ones.

    Attributes:
        activations: where activations come from.
        shared: where maps come from that others have made.
    """

    host: Host
    given: MapParameters | None = None
    activations: LayerActivations = field(init=False)
    shared: SharedMaps = field(init=False)
    _projector: _Held | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.activations = LayerActivations(self.host)
        self.shared = SharedMaps(self.host)

    @property
    def defaults(self) -> MapParameters:
        """Parameters of maps where nobody chose any.

        Raises:
            UsageError: the environment asks for something that is not allowed.
        """
        return self.given or default_parameters()

    # ---- maps -----------------------------------------------------------------------------------

    def map_layer(
        self, opened: OpenedModel, spec: MapSpec, places: Places | None = None
    ) -> LayerMap:
        """A map: the folder's own, one from the cache, or one made now. Unless it is the folder's
        own, its samples lie where they are to lie, if that is said: no two machines lay out a map
        alike."""
        spec = self.complete(opened, spec)
        request, projector = self._look_up(opened, spec)
        request = with_places(request, places)
        from_cache = projector is not None
        first_request, details = request, _Made()
        if projector is None:
            shared_map = find_variant(request) or self.shared.fetch(request)
            if shared_map is not None:
                request, projector, from_cache = shared_map.wanted, shared_map.projector, True
                details = _Made(shared_map.notes)
            else:
                upload_to = self.shared.lacking
                projector, details = self._make(request)
                if request.given is not None and not np.isfinite(projector.places).all():
                    # a sample has activations now that had none before
                    projector, details = self._make(replace(request, given=None))
                details = replace(details, upload_to=upload_to)
        places_phrase = place_notes(first_request, places, projector)
        if not fits_places(first_request, projector):
            projector, places_phrase = self._put(first_request, projector)
        self._projector = _Held(first_request.key, first_request.stamp, projector)
        notes = (*details.notes, *places_phrase, *self.shared.take_notes())
        details = replace(details, notes=notes)
        return self._layer_map(request, projector, from_cache, details)

    def complete(self, opened: OpenedModel, spec: MapSpec) -> MapSpec:
        """The specification with its layers and what its samples are told.

        Raises:
            UsageError: the model cannot be told that.
        """
        layers = spec.layers or self.default_layers(opened)
        return replace(spec, layers=layers, told=told_of(self.host, opened, layers, spec.told))

    def parameters_of(self, opened: OpenedModel, spec: MapSpec) -> MapParameters:
        """What a completed map is made with.

        Raises:
            UsageError: the environment asks for something that is not allowed.
        """
        samples = opened.samples
        if spec.parameters is not None or not samples.aligned:
            return spec.parameters or self.defaults
        is_own = (spec.layers, spec.told) == (samples.layers, samples.told)
        return replace(self.defaults, level=None, aligned=True) if is_own else self.defaults

    def own_map(
        self,
        opened: OpenedModel,
        parameters: MapParameters | None = None,
        told: Told | None = None,
    ) -> LayerMap | None:
        """The folder's own map, or None, also where parameters or what the samples are told ask for
        another; without the reduced rows where they would have to be made.

        Nothing is computed.
        """
        layers = opened.samples.layers
        if opened.samples.xy is None or parameters is not None:
            return None
        if told not in (None, opened.samples.told):
            return None
        spec = MapSpec(opened.folder.name, layers, told=opened.samples.told)
        if layers:
            request, projector = self._look_up(opened, spec)
            if projector is not None:
                return self._layer_map(request, projector, True, _Made())
        return LayerMap(
            model=opened.folder.name,
            layers=layers,
            xy=opened.samples.xy,
            reduced=None,
            from_cache=True,
            parameters=self.parameters_of(opened, spec).to_dict(),
            path=opened.folder.path / "embeddings",
            z=opened.samples.z,
            **self._told(opened, layers, opened.samples.told, own_map=True),
        )

    def projector(self, opened: OpenedModel, spec: MapSpec) -> Projector:
        """What places activations on a map, which is made where it is missing; with figures of the
        samples, which maps of earlier versions lack."""
        self.map_layer(opened, spec)
        assert self._projector is not None
        projector = self._projector.projector
        if projector.near is None:
            request = self._resolve(opened, self.complete(opened, spec)).activations
            read = partial(self.activations.stored_rows, request)
            projector = with_sample_figures(projector, read, self.host.check)
            self._projector = self._projector._replace(projector=projector)
        return projector

    def is_cached(self, opened: OpenedModel, spec: MapSpec) -> bool:
        """Whether a map appears at once."""
        spec = self.complete(opened, spec)
        if own_projector(opened, spec) is not None:
            return True
        request = self._resolve(opened, spec)
        return opened.cache.contains(request.key) or has_variant(request)

    def default_layers(self, opened: OpenedModel) -> LayerSet:
        """Those of the folder's own map; else what the adapter proposes, or the bottleneck."""
        if opened.samples.layers:
            return opened.samples.layers
        return LayerSet([self.host.model_of(opened).facts.default_layer])

    def forget(self) -> None:
        """Let go of the map that is held."""
        self._projector = None

    def _request_map(self, activations: Activations, parameters: MapParameters | None) -> WantedMap:
        samples = activations.opened.samples
        is_own = parameters is None and activations.layers == samples.layers
        is_own = is_own and samples.xy is not None and activations.told == samples.told
        spec = MapSpec("", activations.layers, parameters, activations.told)
        map_parameters = self.parameters_of(activations.opened, spec)
        return WantedMap(activations, map_parameters, samples.embedding if is_own else None, is_own)

    def _resolve(self, opened: OpenedModel, spec: MapSpec) -> WantedMap:
        assert spec.told is not None
        activations = activations_of(self.host, opened, spec.layers, spec.told)
        return self._request_map(activations, spec.parameters)

    def _look_up(self, opened: OpenedModel, spec: MapSpec) -> tuple[WantedMap, Projector | None]:
        """What is asked for, and its projector where there is one: in memory, beside the folder's
        own map, or in the cache."""
        assert spec.told is not None
        folder_request = self._request_map(
            Activations(opened, spec.layers, told=spec.told), spec.parameters
        )
        projector = self._recall(folder_request) or own_projector(opened, spec)
        if projector is not None:  # whatever the device is
            return folder_request, projector
        request = self._resolve(opened, spec)
        return request, self._recall(request) or _load_projector(request)

    def _recall(self, request: WantedMap) -> Projector | None:
        holding = self._projector
        if holding is None or holding.key != request.key:
            return None
        stamp = request.stamp
        # what another engine has written since is a different map
        return holding.projector if stamp in (None, holding.stamp) else None

    # ---- making ---------------------------------------------------------------------------------

    def _make(self, request: WantedMap) -> tuple[Projector, _Made]:
        """Lay layers out and store the result; their activations are read or extracted first."""
        notes: tuple[str, ...] = ()
        request.check_levels()  # before anything is extracted
        while True:
            try:
                projector, details = self._make_of_what_is_stored(request)
            except DamagedMatrixError as error:
                self.activations.forget(request.opened.cache, error)
                names = str(request.layers)
                notes = (f"The kept activations of {names} were damaged and have been made again",)
                continue
            return projector, replace(
                details, notes=(*details.notes, *notes, *user_store().take_notes())
            )

    def _make_of_what_is_stored(self, request: WantedMap) -> tuple[Projector, _Made]:
        with ExitStack() as stack:
            similar = self._same_reduction(request)
            if similar is not None:
                alike, groups = similar[0], groups_of(request.opened.samples.table)
                projector = refit_map(
                    alike, request.parameters, groups=groups[alike.rows], progress=self._stage
                )
                entry, source = similar[1], None
            else:
                source = self.activations.find(request.activations, stack)
                projector = fit_map(
                    source.values,
                    request.parameters,
                    **request.own_places,
                    groups=groups_of(request.opened.samples.table),
                    stack=request.stack,
                    mask=request.selection,
                    progress=self._stage,
                )
                entry = source.entry
            details = _Made() if source is None else _collect_details(request, projector, source)
            try:
                self._keep(request, projector, source, entry)
            except (DataError, OSError) as error:  # the map is there all the same
                log.warning("the map is not kept", exc_info=True)
                note = (
                    f"This map is made again next time, because it cannot be kept: {explain(error)}"
                )
                details = replace(details, notes=(*details.notes, note))
        return projector, details

    def _put(self, request: WantedMap, projector: Projector) -> tuple[Projector, tuple[str, ...]]:
        """A map with its samples where they are to lie, in the cache, too; and what is to be
        said."""
        put = place_samples(request, projector, self._stage)
        try:
            self._keep(request, put, None, request.opened.cache.open(request.key))
        except (DataError, OSError) as error:
            log.warning("the places of a session are not kept", exc_info=True)
            return put, (f"{NOT_KEPT} {explain(error)}",)
        return put, ()

    def _keep(
        self,
        request: WantedMap,
        projector: Projector,
        source: FoundActivations | None,
        entry: CacheEntry | None,
    ) -> None:
        """Store a map in the cache, with the activations that were computed or read for it.

        Raises:
            DataError, OSError: it cannot be stored.
        """
        opened = request.opened
        partial = None if source is None else source.partial
        facts = self.host.facts_if_loaded(opened)
        records: dict[str, Any] = {}
        with opened.cache.writing(request.key) as folder:
            projector.save(folder / "projector.npz")
            if source is not None and partial is not None:
                self._hand_over(opened, source, folder)
            elif entry is not None:
                records = self._lend(opened, entry, folder)
            finish(
                folder,
                {
                    "model": opened.folder.name,
                    "parameters": request.parameters.to_dict(),
                    "activations": request.activations.key,
                    "extraction_input": opened.folder.config.extraction_input,
                    "told": told_text(request.activations.told),
                    **({} if facts is None else remember(opened, facts)),
                },
                request.layers,
                records=records,
                progress=lambda fraction: self.host.progress("saving", fraction),
            )
        if partial is not None:
            partial.discard()

    def _hand_over(self, opened: OpenedModel, source: FoundActivations, folder: Path) -> None:
        """The matrix becomes the entry's, unless it is larger than all that may be kept."""
        assert source.partial is not None
        if not opened.cache.keeps_matrix(source.values.nbytes):
            return
        source.partial.mark(np.flatnonzero(~source.partial.done))  # these are NaN and stay so
        source.partial.complete(folder)

    def _lend(self, opened: OpenedModel, entry: CacheEntry, folder: Path) -> dict[str, Any]:
        """The matrix of an entry becomes another's, too, if it is sound."""
        try:
            return dict(entry.lend(folder))
        except DamagedMatrixError as error:
            self.activations.forget(opened.cache, error)
            return {}

    def _same_reduction(self, request: WantedMap) -> tuple[Projector, CacheEntry | None] | None:
        """A map of the same activations that were reduced in the same way, to be laid out again."""
        if request.own_places or request.parameters.aligned:
            return None  # its places are given; or each level is judged in the whole layer
        parameters = request.parameters
        for info in self.activations.entries(request.activations):
            if not reduced_alike(info.parameters, parameters):
                continue
            read = request.opened.cache.read(
                info.key, lambda entry: (Projector.load(entry.projector), entry)
            )
            if read is not None:
                return read
        candidate = folder_projector(request.opened, request.layers, request.activations.told)
        usual = self.defaults
        if (
            candidate is not None
            and parameters.seed == usual.seed
            and parameters.level is None
            and not request.opened.samples.aligned
            and candidate.reduction.components is not None
            and candidate.reduction.width == parameters.pca_components == usual.pca_components
            and candidate.metric in ("euclidean", parameters.metric)
        ):
            return candidate, None
        return None

    def _stage(self, stage: Stage) -> None:
        self.host.progress(stage.name, stage.fraction)

    def _layer_map(
        self, request: WantedMap, projector: Projector, from_cache: bool, details: _Made
    ) -> LayerMap:
        count = len(request.opened.samples.table)
        xy, reduced = projector.spread(count)
        extra, figures = projector.spread_extra(count), projector.spread_figures(count)
        return LayerMap(
            model=request.opened.folder.name,
            layers=request.layers,
            xy=xy,
            reduced=reduced,
            from_cache=from_cache,
            parameters=_describe_parameters(request, projector),
            path=request.opened.cache.root / request.key,
            notes=(*alike_notes(projector), *details.notes),
            z=extra.z,
            trust=extra.trust,
            rate=details.rate,
            upload_to=details.upload_to,
            kept=projector.spread_kept(count),
            quality=projector.quality,
            near=figures.near,
            outside=figures.outside,
            **self._told(
                request.opened,
                request.layers,
                request.activations.told,
                own_map=request.own_map is not None,
            ),
        )

    def _told(
        self, opened: OpenedModel, layers: LayerSet, told: Told, *, own_map: bool
    ) -> dict[str, Any]:
        """What is said of what the samples of a map were told."""
        facts = training_of(self.host, opened)
        if facts is not None and not facts.is_conditional:
            return {}
        names = class_names_of(opened, self.host.facts_if_loaded(opened))
        if isinstance(told, ClassLabel):
            told = replace(told, name=dict(names).get(told.index, ""))
        return {
            "told": told,
            "told_note": told_note(told, facts),
            "by_original": by_original(opened, layers, told, own_map),
            "prompts": facts is not None and facts.prompts,
        }


def _collect_details(request: WantedMap, projector: Projector, source: FoundActivations) -> _Made:
    names = request.opened.samples.table.sample_id
    targets = (
        np.arange(len(names)) if request.selection is None else np.flatnonzero(request.selection)
    )
    left_out = np.setdiff1d(targets, projector.rows)
    broken = [names[row] for row in left_out if names[row] not in source.lost]
    notes = list(source.notes)
    if broken:
        notes.append(
            f"{len(broken)} activations are not finite numbers and were left out: {some(broken)}"
        )
    return _Made(tuple(notes), source.rate)


def _describe_parameters(request: WantedMap, projector: Projector) -> dict[str, Any]:
    """What a map was made with."""
    stack = None if request.stack is None else request.stack.take(projector.rows)
    return used_parameters(request.parameters, projector.reduced, stack)


def _load_projector(request: WantedMap) -> Projector | None:
    """The projector in the cache."""
    candidate = request.opened.cache.read(
        request.key, lambda entry: Projector.load(entry.projector)
    )
    if candidate is None or request.own_places:
        return candidate
    # earlier versions spread out what is all the same
    is_spread = len(np.unique(candidate.reduced[:, 0])) == 1 and not alike_notes(candidate)
    return None if is_spread and len(candidate.rows) > 1 else candidate
