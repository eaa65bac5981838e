"""Maps that the original system keeps in its bucket, shown with their own places."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from diffviews_desktop.data.cache.bucket import MapBucket
from diffviews_desktop.data.cache.entry import PROJECTOR
from diffviews_desktop.data.cache.layer_cache import finish
from diffviews_desktop.data.cache.original_layers import (
    LARGEST_MATRIX,
    original_keys,
    read_original,
)
from diffviews_desktop.engine.map_archives import details_of, fetch_objects
from diffviews_desktop.engine.opened_model import Host
from diffviews_desktop.engine.wanted_map import WantedMap
from diffviews_desktop.errors import CacheError
from diffviews_desktop.files.waiting import patiently
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.processing.umap import fit_map
from diffviews_desktop.text.wording import size
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.sample_groups import groups_of
from diffviews_desktop.values.told import OWN_CONDITION

ORIGINAL = "original"
"""In an entry of the layer cache: that its places come from the original system."""


def fetch_original(host: Host, bucket: MapBucket, request: WantedMap) -> Projector | None:
    """The map that the original system keeps of the same layer, if it is made in the same way; the
    layer cache has it from now on. The places are its, the projector is made of its activations.

    Returns:
        None where there is none, or it is made otherwise.

    Raises:
        CacheError: it is damaged, or of other samples.
        StoreError: it cannot be fetched.
        OSError: it cannot be written.
    """
    if not _is_as_original(request):
        return None
    keys = original_keys(request.opened.folder.name, str(request.layers))
    files = [patiently(partial(bucket.store.stat, key), host.check) for key in keys]
    objects = [file for file in files if file is not None]
    if len(objects) < len(files):
        return None
    if objects[-1].size > LARGEST_MATRIX:
        raise CacheError(
            f"{keys[-1]}: It takes {size(objects[-1].size)}, and more than {size(LARGEST_MATRIX)} "
            "are not fetched."
        )
    with fetch_objects(host, bucket, objects, request.opened.cache) as paths:
        try:
            projector = _make_map(host, paths, request)
        except CacheError as error:
            raise CacheError(f"{keys[0]}: {error}") from error
        if projector is not None:
            _keep(host, request, projector, f"{bucket.describe()}, {keys[0]}")
    return projector


def _is_as_original(request: WantedMap) -> bool:
    """Whether the original system would have made such a map."""
    parameters, config = request.parameters, request.opened.folder.config
    usual = MapParameters(
        n_neighbors=parameters.n_neighbors,
        min_dist=parameters.min_dist,
        pca_components=parameters.pca_components,
    )
    return (
        parameters == usual
        and not request.keeps_places
        and request.activations.told == OWN_CONDITION
        and config.extraction_input == "scaled"
    )


def _make_map(host: Host, paths: Sequence[Path], request: WantedMap) -> Projector | None:
    table = request.opened.samples.table
    read = read_original(paths, str(request.layers), table.sample_id, host.check)
    parameters = request.parameters
    if (read.n_neighbors, read.min_dist) != (parameters.n_neighbors, parameters.min_dist):
        return None
    return fit_map(
        read.matrix,
        parameters,
        xy=read.places,
        groups=groups_of(table),
        progress=lambda stage: host.progress(stage.name, stage.fraction),
    )


def _keep(host: Host, request: WantedMap, projector: Projector, origin: str) -> None:
    """Keep the map without the activations, which were computed elsewhere."""
    with request.opened.cache.writing(request.key) as entry:
        projector.save(entry / PROJECTOR)
        details = {**details_of(host, request, origin), "activations": "", ORIGINAL: True}
        finish(entry, details, request.layers)
