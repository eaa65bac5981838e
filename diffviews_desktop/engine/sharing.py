"""Many maps at once: from the layer cache into a bucket, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from diffviews_desktop.data.cache.bucket import MapBucket, open_bucket
from diffviews_desktop.data.cache.cached import EntryInfo
from diffviews_desktop.data.cache.layer_cache import budget_bytes
from diffviews_desktop.data.cache.shared_map import (
    SharedName,
    folder_of,
    label_of,
    read_description,
)
from diffviews_desktop.data.stores.bucket_access import ANONYMOUS_VARIABLE
from diffviews_desktop.engine.activations import Activations
from diffviews_desktop.engine.jobs.sharing import (
    CompareMaps,
    MapsCompared,
    MapsPulled,
    MapsPushed,
    PullMaps,
    PushMaps,
    Reasons,
)
from diffviews_desktop.engine.map_archives import check_archive, fetch_objects, keep_archive
from diffviews_desktop.engine.opened_model import Host, OpenedModel
from diffviews_desktop.engine.original_maps import ORIGINAL
from diffviews_desktop.engine.shared_names import (
    known_map,
    map_of_parts,
    shared_name,
    shared_parts,
)
from diffviews_desktop.engine.wanted_map import WantedMap
from diffviews_desktop.errors import (
    CacheError,
    DataError,
    StoreAccessError,
    StoreError,
    StoreUnreachableError,
    explain,
)
from diffviews_desktop.files.waiting import patiently
from diffviews_desktop.text.wording import size
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.stores import BucketSettings
from diffviews_desktop.values.transfers import RemoteFile

NO_BUCKET = (
    "No bucket is named. Name one with --bucket or in the variable R2_BUCKET_NAME, or in the "
    "window's preferences."
)
GONE_AFTER = 2
"""So many maps in a row of which nothing can be had, and the rest is not tried."""
OF_OTHERS = "It is of other samples, weights or settings than the folder has now."
OF_ORIGINAL = "Its places come from the original system's map."

T = TypeVar("T")


@dataclass(frozen=True)
class _Local:
    """A map in the layer cache, and what it is called in a bucket."""

    info: EntryInfo
    wanted: WantedMap
    parts: Mapping[str, Any]
    name: SharedName

    @property
    def title(self) -> str:
        """Its model and layers."""
        return f"{self.name.model}, {self.wanted.layers}"


def _open(settings: BucketSettings) -> MapBucket:
    bucket = open_bucket(settings)
    if bucket is None:
        raise StoreAccessError(NO_BUCKET)
    return bucket


def _local_maps(
    host: Host, opened: OpenedModel, is_wanted: Callable[[EntryInfo], bool] = lambda info: True
) -> tuple[list[_Local], Reasons]:
    """The model's maps in the layer cache that can be shared; and why others cannot."""
    maps: list[_Local] = []
    left_out: list[tuple[str, str]] = []
    for info in opened.cache.entries():
        if info.model != opened.folder.name or not is_wanted(info):
            continue
        host.progress("looking at the maps here")
        title = f"{info.model}, {LayerSet(info.layers)}"
        request = known_map(opened, info)
        if request is None:
            left_out.append((title, OF_OTHERS))
        elif info.details.get(ORIGINAL):
            left_out.append((title, OF_ORIGINAL))
        else:
            parts = shared_parts(request, host.check)
            maps.append(_Local(info, request, parts, shared_name(request, parts)))
    return maps, tuple(left_out)


def _list_maps(host: Host, opened: OpenedModel, bucket: MapBucket) -> dict[SharedName, RemoteFile]:
    """The maps of the folder's samples and weights in the bucket."""
    host.progress("listing the bucket")
    nothing = WantedMap(Activations(opened, NO_LAYERS), MapParameters(), None, False)
    folder = folder_of(shared_parts(nothing, host.check))
    return dict(patiently(lambda: bucket.maps(opened.folder.name, folder), host.check))


def _each(
    host: Host, items: Sequence[T], stage: str, title: Callable[[T], str], work: Callable[[T], None]
) -> Reasons:
    """Do something with each of some maps: those with which that was not possible, and why.

    Where the bucket as a whole seems to be gone, the rest is not tried.
    """
    failed: list[tuple[str, str]] = []
    in_a_row = 0
    for number, item in enumerate(items):
        host.progress(stage, number / len(items), title(item))
        try:
            work(item)
        except (StoreError, DataError, OSError) as error:
            failed.append((title(item), explain(error)))
            is_gone = isinstance(error, StoreAccessError | StoreUnreachableError)
            in_a_row = in_a_row + 1 if is_gone else 0
            if in_a_row == GONE_AFTER:
                failed += [(title(other), explain(error)) for other in items[number + 1 :]]
                break
        else:
            in_a_row = 0
    return tuple(failed)


# ---- into the bucket ----------------------------------------------------------------------------


def push_maps(job: PushMaps, host: Host, opened: OpenedModel) -> MapsPushed:
    """Put maps of the layer cache into a bucket, unless there is one of the same name.

    Raises:
        StoreError: the bucket as a whole cannot be used; or certain maps are asked for, and one of
            them cannot be put there.
    """
    bucket = _open(job.bucket)
    if not bucket.writable:
        raise StoreAccessError(
            f"Nothing can be put into {bucket.describe()} without keys. Set them, and unset "
            f"{ANONYMOUS_VARIABLE}."
        )

    def is_wanted(info: EntryInfo) -> bool:
        return job.layers in (None, info.layers) and (not job.keys or info.key in job.keys)

    local, left_out = _local_maps(host, opened, is_wanted)
    remote = _list_maps(host, opened, bucket)
    sizes: list[int] = []

    def push(one: _Local) -> None:
        byte_count = _push(job, host, bucket, one, remote.get(one.name))
        sizes.extend(() if byte_count is None else (byte_count,))

    failed = _each(host, local, "uploading maps", lambda one: one.title, push)
    if job.keys and failed:
        raise StoreError(f"The map was not put into {bucket.describe()}: {failed[0][1]}")
    present = len(local) - len(sizes) - len(failed)
    count = len(sizes)
    return MapsPushed(job.model, bucket.describe(), count, present, sum(sizes), left_out, failed)


def _push(
    job: PushMaps, host: Host, bucket: MapBucket, one: _Local, remote: RemoteFile | None
) -> int | None:
    """Put one map there: the bytes that it takes, or None where there is one."""
    replaces = ""
    if remote is not None:
        if not (job.verify and _is_damaged(host, bucket, one, remote)):
            return None
        replaces = remote.version
    entry = one.wanted.opened.cache.open(one.info.key)
    if entry is None:
        raise CacheError("It was dropped from the layer cache meanwhile.")
    projector = entry.projector
    return patiently(lambda: bucket.put(one.name, projector, one.parts, replaces), host.check)


def _is_damaged(host: Host, bucket: MapBucket, one: _Local, remote: RemoteFile) -> bool:
    """Whether an archive in the bucket is not what was put there."""
    cache = one.wanted.opened.cache
    with fetch_objects(host, bucket, [remote], cache, one_of_many=True) as (archive,):
        try:
            check_archive(archive, one.name.key, host.check)
        except CacheError:
            return True
    return False


# ---- from the bucket ----------------------------------------------------------------------------


def pull_maps(job: PullMaps, host: Host, opened: OpenedModel) -> MapsPulled:
    """Fetch all maps of the folder's samples and weights that are not in the layer cache.

    Raises:
        StoreError: the bucket as a whole cannot be used.
    """
    bucket = _open(job.bucket)
    local_names = {one.name for one in _local_maps(host, opened)[0]}
    label = None if job.layers is None else label_of(job.layers)
    remote = _list_maps(host, opened, bucket)
    names = [name for name in remote if label in (None, name.label)]
    missing = [name for name in names if name not in local_names]
    sizes: list[int] = []
    cache_sizes = [info.bytes for info in opened.cache.entries()]

    def pull(name: SharedName) -> None:
        file = remote[name]
        _check_room(sum(cache_sizes) + file.size)
        cache_sizes.append(_pull(host, opened, bucket, name, file))
        sizes.append(file.size)

    failed = _each(host, missing, "fetching maps", _title, pull)
    present = len(names) - len(missing)
    return MapsPulled(job.model, bucket.describe(), len(sizes), present, sum(sizes), failed)


def _check_room(total: int) -> None:
    """Whether so many bytes fit the layer cache, so that no map drives out another.

    Raises:
        CacheError: they do not.
    """
    budget = budget_bytes()
    if total > budget:
        raise CacheError(
            f"The layer cache is full: it may take {size(budget)}. Allow more in the "
            "window's preferences or with DIFFVIEWS_LAYER_CACHE_MAX_MB, or fetch the maps of some "
            "layers alone."
        )


def _title(name: SharedName) -> str:
    return f"{name.model}, {name.label}"


def _pull(
    host: Host, opened: OpenedModel, bucket: MapBucket, name: SharedName, file: RemoteFile
) -> int:
    """Fetch one map: the bytes that it takes here."""
    with fetch_objects(host, bucket, [file], opened.cache, one_of_many=True) as (archive,):
        request = map_of_parts(opened, read_description(archive, name.key).parts)
        if request is None or shared_name(request, shared_parts(request, host.check)) != name:
            raise CacheError("It is of another version of this program.")
        keep_archive(host, request, name.key, archive, bucket.describe())
    info = opened.cache.info(request.key)
    return 0 if info is None else info.bytes


def compare_maps(job: CompareMaps, host: Host, opened: OpenedModel) -> MapsCompared:
    """Count the maps of the folder's samples and weights that are there, here, or both.

    Raises:
        StoreError: the bucket as a whole cannot be used.
    """
    bucket = _open(job.bucket)
    local, left_out = _local_maps(host, opened)
    local_names, remote_names = (
        {one.name for one in local},
        _list_maps(host, opened, bucket).keys(),
    )
    return MapsCompared(
        model=job.model,
        bucket=bucket.describe(),
        both=len(local_names & remote_names),
        only_there=len(remote_names - local_names),
        only_here=len(local_names - remote_names),
        left_out=left_out,
        used=patiently(bucket.used_bytes, host.check),
        limit=job.bucket.limit_bytes,
    )
