"""Archives of maps in a bucket: fetched, verified, and kept as if the maps were made here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from diffviews_desktop.data.cache.bucket import PATIENCE, MapBucket
from diffviews_desktop.data.cache.entry import PROJECTOR
from diffviews_desktop.data.cache.layer_cache import LayerCache, finish
from diffviews_desktop.data.cache.shared_map import SharedName, read_description, unpack
from diffviews_desktop.data.folder.files import replacing
from diffviews_desktop.data.stores.transfers import download, plan_download
from diffviews_desktop.engine.extraction import row_width
from diffviews_desktop.engine.opened_model import Host
from diffviews_desktop.engine.told import remember
from diffviews_desktop.engine.wanted_map import WantedMap
from diffviews_desktop.errors import CacheError, DataError, StoreError, StoreUnreachableError
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.values.told import told_text
from diffviews_desktop.values.transfers import RemoteFile, TransferProgress

FROM = "from"
"""In an entry of the layer cache: the bucket that it came from."""
SLOWEST = 100_000
"""Bytes a second: where a map comes more slowly, it is made here instead."""
GRACE_SECONDS = 20.0


def fetch_map(
    host: Host, bucket: MapBucket, request: WantedMap, name: SharedName, file: RemoteFile
) -> Projector:
    """Fetch a map into the layer cache, byte for byte as it was put into the bucket.

    Raises:
        CacheError: it is damaged, or of a different map.
        StoreError: it cannot be fetched.
        OSError: it cannot be written.
    """
    with fetch_objects(host, bucket, [file], request.opened.cache) as (archive,):
        try:
            return keep_archive(host, request, name.key, archive, bucket.describe())
        except CacheError as error:
            raise CacheError(f"{file.key}: {error}") from error


def keep_archive(host: Host, request: WantedMap, key: str, archive: Path, origin: str) -> Projector:
    """Keep the map of an archive in the layer cache.

    Args:
        host: the engine.
        request: which map it should be.
        key: what it should be called in a bucket.
        archive: the file.
        origin: where it came from.

    Raises:
        CacheError: it is damaged, or of a different map.
        OSError: it cannot be written.
    """
    description = read_description(archive, key)
    cache = request.opened.cache
    cache.check_space(description.size, f"The map of {request.layers}")
    with cache.writing(request.key) as entry:
        with replacing(entry / PROJECTOR) as out:
            unpack(archive, description, out, host.check)
        projector = _fitting(host, entry / PROJECTOR, request)
        finish(entry, details_of(host, request, origin), request.layers)
    return projector


def check_archive(archive: Path, key: str, check: Callable[[], None]) -> None:
    """Read an archive.

    Raises:
        CacheError: it is damaged, or of a different map.
    """
    with open(os.devnull, "wb") as nowhere:
        unpack(archive, read_description(archive, key), nowhere, check)


@contextmanager
def fetch_objects(
    host: Host,
    bucket: MapBucket,
    files: Sequence[RemoteFile],
    cache: LayerCache,
    *,
    one_of_many: bool = False,
) -> Iterator[list[Path]]:
    """Objects of a bucket, fetched into a folder that is there for a while.

    Args:
        host: the engine.
        bucket: where they are.
        files: the objects.
        cache: in whose folder they are kept.
        one_of_many: whether the caller tells the progress.

    Raises:
        StoreError: one cannot be fetched, or comes too slowly.
        CacheError, OSError: it cannot be written.
    """
    end = time.monotonic() + GRACE_SECONDS + sum(file.size for file in files) / SLOWEST

    def progress(state: TransferProgress) -> None:
        host.check()
        if not one_of_many:
            host.progress("fetching the map", state.bytes / (state.all_bytes or 1))
        if time.monotonic() > end:
            raise StoreUnreachableError(
                f"{bucket.describe()} is so slow that a map is made here sooner. Try again later."
            )

    with cache.scratch() as folder:
        plan = plan_download(files, folder)
        result = download(bucket.store, plan, progress=progress, patience=PATIENCE)
        for one in (*plan.refused, *result.failed):
            raise StoreError(f"{one.key}: {one.reason}")
        yield [folder / file.key for file in files]


def _fitting(host: Host, path: Path, request: WantedMap) -> Projector:
    """The projector in a file, if it can be that of these samples and layers.

    Raises:
        CacheError: it cannot.
    """
    try:
        projector = Projector.load(path)
    except DataError as error:
        raise CacheError("It holds no map that can be read.") from error
    _check_fits(host, projector, request)
    return projector


def _check_fits(host: Host, projector: Projector, request: WantedMap) -> None:
    """Whether a map can be that of these samples and layers.

    Raises:
        CacheError: it is of other samples or layers.
    """
    table, parameters, rows = request.opened.samples.table, request.parameters, projector.rows
    on_map = (
        np.arange(len(table)) if request.selection is None else np.flatnonzero(request.selection)
    )
    fits = len(np.unique(rows)) == len(rows) and bool(np.isin(rows, on_map).all())
    if request.keeps_places:
        folder_samples = request.opened.samples
        assert folder_samples.xy is not None
        fits = fits and bool(np.array_equal(projector.xy, folder_samples.xy[rows]))
    else:
        fits = fits and (projector.z is not None) == (parameters.n_components == 3)
    facts = host.facts_if_loaded(request.opened)
    if facts is not None:
        width = row_width(facts, request.layers)
        fits = fits and projector.reduction.mean.shape[0] == width
    if not fits or projector.metric != parameters.metric:
        raise CacheError("It does not fit these samples and layers.")


def details_of(host: Host, request: WantedMap, origin: str) -> dict[str, object]:
    """What the layer cache keeps of a map from a bucket: what it keeps of its own, and where it
    came from."""
    opened = request.opened
    facts = host.facts_if_loaded(opened)
    return {
        "model": opened.folder.name,
        "parameters": request.parameters.to_dict(),
        "activations": request.activations.key,
        "extraction_input": opened.folder.config.extraction_input,
        "told": told_text(request.activations.told),
        FROM: origin,
        **({} if facts is None else remember(opened, facts)),
    }
