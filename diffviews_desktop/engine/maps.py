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
    folder_projector,
    own_projector,
    said_of_alike,
)
from diffviews_desktop.engine.given_places import (
    NOT_KEPT,
    lies_there,
    put_there,
    said_where,
    with_given,
)
from diffviews_desktop.engine.layer_activations import FoundActivations, LayerActivations
from diffviews_desktop.engine.model_settings import class_names_of
from diffviews_desktop.engine.opened_model import Host, OpenedModel, some
from diffviews_desktop.engine.shared_maps import (
    SharedMaps,
    is_kept_otherwise,
    kept_otherwise,
)
from diffviews_desktop.engine.told import (
    by_original,
    remember,
    told_note,
    told_of,
    training_of,
)
from diffviews_desktop.engine.wanted_map import WantedMap, reduced_alike
from diffviews_desktop.errors import DataError, said
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
        spec = self.completed(opened, spec)
        wanted, projector = self._look_up(opened, spec)
        wanted = with_given(wanted, places)
        from_cache = projector is not None
        asked, made = wanted, _Made()
        if projector is None:
            fetched = kept_otherwise(wanted) or self.shared.fetch(wanted)
            if fetched is not None:
                wanted, projector, from_cache = fetched.wanted, fetched.projector, True
                made = _Made(fetched.notes)
            else:
                upload_to = self.shared.lacking
                projector, made = self._make(wanted)
                if wanted.given is not None and not np.isfinite(projector.places).all():
                    # a sample has activations now that had none before
                    projector, made = self._make(replace(wanted, given=None))
                made = replace(made, upload_to=upload_to)
        said_of_places = said_where(asked, places, projector)
        if not lies_there(asked, projector):
            projector, said_of_places = self._put(asked, projector)
        self._projector = _Held(asked.key, asked.stamp, projector)
        notes = (*made.notes, *said_of_places, *self.shared.take_notes())
        made = replace(made, notes=notes)
        return self._layer_map(wanted, projector, from_cache, made)

    def completed(self, opened: OpenedModel, spec: MapSpec) -> MapSpec:
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
        own = (spec.layers, spec.told) == (samples.layers, samples.told)
        return replace(self.defaults, level=None, aligned=True) if own else self.defaults

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
            wanted, projector = self._look_up(opened, spec)
            if projector is not None:
                return self._layer_map(wanted, projector, True, _Made())
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
            wanted = self._computed(opened, self.completed(opened, spec)).activations
            read = partial(self.activations.stored_rows, wanted)
            projector = with_sample_figures(projector, read, self.host.check)
            self._projector = self._projector._replace(projector=projector)
        return projector

    def is_cached(self, opened: OpenedModel, spec: MapSpec) -> bool:
        """Whether a map appears at once."""
        spec = self.completed(opened, spec)
        if own_projector(opened, spec) is not None:
            return True
        wanted = self._computed(opened, spec)
        return opened.cache.contains(wanted.key) or is_kept_otherwise(wanted)

    def default_layers(self, opened: OpenedModel) -> LayerSet:
        """Those of the folder's own map; else what the adapter proposes, or the bottleneck."""
        if opened.samples.layers:
            return opened.samples.layers
        return LayerSet([self.host.model_of(opened).facts.default_layer])

    def forget(self) -> None:
        """Let go of the map that is held."""
        self._projector = None

    def _wanted(self, activations: Activations, parameters: MapParameters | None) -> WantedMap:
        samples = activations.opened.samples
        own = parameters is None and activations.layers == samples.layers
        own = own and samples.xy is not None and activations.told == samples.told
        spec = MapSpec("", activations.layers, parameters, activations.told)
        made = self.parameters_of(activations.opened, spec)
        return WantedMap(activations, made, samples.embedding if own else None, own)

    def _computed(self, opened: OpenedModel, spec: MapSpec) -> WantedMap:
        assert spec.told is not None
        activations = activations_of(self.host, opened, spec.layers, spec.told)
        return self._wanted(activations, spec.parameters)

    def _look_up(self, opened: OpenedModel, spec: MapSpec) -> tuple[WantedMap, Projector | None]:
        """What is asked for, and its projector where there is one: in memory, beside the folder's
        own map, or in the cache."""
        assert spec.told is not None
        brought = self._wanted(Activations(opened, spec.layers, told=spec.told), spec.parameters)
        projector = self._held(brought) or own_projector(opened, spec)
        if projector is not None:  # whatever the device is
            return brought, projector
        wanted = self._computed(opened, spec)
        return wanted, self._held(wanted) or _kept(wanted)

    def _held(self, wanted: WantedMap) -> Projector | None:
        held = self._projector
        if held is None or held.key != wanted.key:
            return None
        stamp = wanted.stamp
        # what another engine has written since is a different map
        return held.projector if stamp in (None, held.stamp) else None

    # ---- making ---------------------------------------------------------------------------------

    def _make(self, wanted: WantedMap) -> tuple[Projector, _Made]:
        """Lay layers out and store the result; their activations are read or extracted first."""
        notes: tuple[str, ...] = ()
        wanted.check_levels()  # before anything is extracted
        while True:
            try:
                projector, made = self._make_of_what_is_stored(wanted)
            except DamagedMatrixError as error:
                self.activations.forget(wanted.opened.cache, error)
                names = str(wanted.layers)
                notes = (f"The kept activations of {names} were damaged and have been made again",)
                continue
            return projector, replace(made, notes=(*made.notes, *notes, *user_store().take_notes()))

    def _make_of_what_is_stored(self, wanted: WantedMap) -> tuple[Projector, _Made]:
        with ExitStack() as stack:
            similar = self._same_reduction(wanted)
            if similar is not None:
                alike, groups = similar[0], groups_of(wanted.opened.samples.table)
                projector = refit_map(
                    alike, wanted.parameters, groups=groups[alike.rows], progress=self._stage
                )
                entry, found = similar[1], None
            else:
                found = self.activations.find(wanted.activations, stack)
                projector = fit_map(
                    found.values,
                    wanted.parameters,
                    **wanted.own_places,
                    groups=groups_of(wanted.opened.samples.table),
                    stack=wanted.stack,
                    mask=wanted.chosen,
                    progress=self._stage,
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

    def _put(self, wanted: WantedMap, projector: Projector) -> tuple[Projector, tuple[str, ...]]:
        """A map with its samples where they are to lie, in the cache, too; and what is to be
        said."""
        put = put_there(wanted, projector, self._stage)
        try:
            self._keep(wanted, put, None, wanted.opened.cache.open(wanted.key))
        except (DataError, OSError) as error:
            log.warning("the places of a session are not kept", exc_info=True)
            return put, (f"{NOT_KEPT} {said(error)}",)
        return put, ()

    def _keep(
        self,
        wanted: WantedMap,
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
        facts = self.host.facts_if_loaded(opened)
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
                    "told": told_text(wanted.activations.told),
                    **({} if facts is None else remember(opened, facts)),
                },
                wanted.layers,
                records=known,
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

    def _same_reduction(self, wanted: WantedMap) -> tuple[Projector, CacheEntry | None] | None:
        """A map of the same activations that were reduced in the same way, to be laid out again."""
        if wanted.own_places or wanted.parameters.aligned:
            return None  # its places are given; or each level is judged in the whole layer
        parameters = wanted.parameters
        for info in self.activations.entries(wanted.activations):
            if not reduced_alike(info.parameters, parameters):
                continue
            read = wanted.opened.cache.read(
                info.key, lambda entry: (Projector.load(entry.projector), entry)
            )
            if read is not None:
                return read
        own = folder_projector(wanted.opened, wanted.layers, wanted.activations.told)
        usual = self.defaults
        if (
            own is not None
            and parameters.seed == usual.seed
            and parameters.level is None
            and not wanted.opened.samples.aligned
            and own.reduction.components is not None
            and own.reduction.width == parameters.pca_components == usual.pca_components
            and own.metric in ("euclidean", parameters.metric)
        ):
            return own, None
        return None

    def _stage(self, stage: Stage) -> None:
        self.host.progress(stage.name, stage.fraction)

    def _layer_map(
        self, wanted: WantedMap, projector: Projector, from_cache: bool, made: _Made
    ) -> LayerMap:
        count = len(wanted.opened.samples.table)
        xy, reduced = projector.spread(count)
        extra, figures = projector.spread_extra(count), projector.spread_figures(count)
        return LayerMap(
            model=wanted.opened.folder.name,
            layers=wanted.layers,
            xy=xy,
            reduced=reduced,
            from_cache=from_cache,
            parameters=_used(wanted, projector),
            path=wanted.opened.cache.root / wanted.key,
            notes=(*said_of_alike(projector), *made.notes),
            z=extra.z,
            trust=extra.trust,
            rate=made.rate,
            upload_to=made.upload_to,
            kept=projector.spread_kept(count),
            quality=projector.quality,
            near=figures.near,
            outside=figures.outside,
            **self._told(
                wanted.opened,
                wanted.layers,
                wanted.activations.told,
                own_map=wanted.own_map is not None,
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


def _made(wanted: WantedMap, projector: Projector, found: FoundActivations) -> _Made:
    names = wanted.opened.samples.table.sample_id
    wished = np.arange(len(names)) if wanted.chosen is None else np.flatnonzero(wanted.chosen)
    left_out = np.setdiff1d(wished, projector.rows)
    broken = [names[row] for row in left_out if names[row] not in found.lost]
    notes = list(found.notes)
    if broken:
        notes.append(
            f"{len(broken)} activations are not finite numbers and were left out: {some(broken)}"
        )
    return _Made(tuple(notes), found.rate)


def _used(wanted: WantedMap, projector: Projector) -> dict[str, Any]:
    """What a map was made with."""
    stack = None if wanted.stack is None else wanted.stack.take(projector.rows)
    return used_parameters(wanted.parameters, projector.reduced, stack)


def _kept(wanted: WantedMap) -> Projector | None:
    """The projector in the cache."""
    kept = wanted.opened.cache.read(wanted.key, lambda entry: Projector.load(entry.projector))
    if kept is None or wanted.own_places:
        return kept
    # earlier versions spread out what is all the same
    apart = len(np.unique(kept.reduced[:, 0])) == 1 and not said_of_alike(kept)
    return None if apart and len(kept.rows) > 1 else kept
