"""The original system's data and maps in Cloudflare R2, or in a bucket of another S3 service.

The names and signatures are those of the described system. Nothing here raises where the bucket
cannot be used: the answer is then that there is nothing, and the log says why. Without keys nothing
is asked, which is said once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from diffviews_desktop.data.cache.original_layers import PARTS
from diffviews_desktop.data.stores.bucket_access import bucket_access
from diffviews_desktop.data.stores.hashing import Checksum
from diffviews_desktop.data.stores.s3_writing import WritableStore
from diffviews_desktop.data.stores.store import Files, Store
from diffviews_desktop.data.stores.transfers import WORKERS, download, plan_download
from diffviews_desktop.errors import DiffViewsError, StoreError, explain
from diffviews_desktop.files.reading import is_regular
from diffviews_desktop.values.stores import BucketSettings
from diffviews_desktop.values.transfers import RemoteFile

log = logging.getLogger(__name__)

LABEL_FILES = ("imagenet_standard_class_index.json", "imagenet64_class_labels.json")
"""Beside the models, in ``data/``."""
LAYER_CACHE = "layer_cache"
NOT_FETCHED, UNSAFE = ".pkl", {"embeddings", LAYER_CACHE}
"""Files that end so, in these folders, are never fetched: they can run code."""

T = TypeVar("T")
_said_once: set[str] = set()


def _open(bucket: str | None) -> WritableStore | None:
    """The bucket; None where there are no keys for it."""
    try:
        place = bucket_access(BucketSettings(bucket=bucket or ""))
        if place is not None:
            return WritableStore(place.location, place.access)
        reason = "R2 is off: R2_ACCOUNT_ID, R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY are not set."
    except DiffViewsError as error:
        reason = explain(error)
    if reason not in _said_once:
        _said_once.add(reason)
        log.warning("%s", reason)
    return None


def _attempt(work: Callable[[], T], otherwise: T) -> T:
    try:
        return work()
    except (DiffViewsError, OSError) as error:
        log.warning("R2: %s", explain(error))
        return otherwise


class R2DataStore:
    """Downloads data from a bucket.

    Args:
        bucket: its name; None for that of ``R2_BUCKET_NAME``, else ``diffviews``.
    """

    def __init__(self, bucket: str | None = None) -> None:
        self._store = _open(bucket)

    @property
    def enabled(self) -> bool:
        """Whether there are keys for the bucket."""
        return self._store is not None

    def list_objects(self, prefix: str = "") -> list[str]:
        """The keys of all objects that begin with a prefix, sorted."""
        store = self._store
        if store is None:
            return []
        return _attempt(lambda: [file.key for file in store.list(prefix)], [])

    def file_exists(self, key: str) -> bool:
        """Whether there is an object of this key."""
        store = self._store
        return store is not None and _attempt(lambda: store.stat(key) is not None, False)

    def download_file(self, key: str, local_path: str | Path) -> bool:
        """Download one object; what was fetched of it before is not fetched again.

        Args:
            key: of the object.
            local_path: the file to write.

        Returns:
            Whether it is there.
        """
        store, path = self._store, Path(local_path)
        if store is None:
            return False
        return _attempt(
            lambda: _fetch(store, _stat_all(store, {path.name: key}), path.parent) is not None,
            False,
        )

    def download_prefix(
        self,
        prefix: str,
        local_dir: str | Path,
        exclude_dirs: Iterable[str] = (LAYER_CACHE,),
        max_workers: int = WORKERS,
    ) -> int:
        """Download all objects that begin with a prefix; what is there already is not fetched.

        Args:
            prefix: of the keys, such as ``data/dmd2/``; the rest of a key is the path.
            local_dir: the folder that they go to.
            exclude_dirs: names of folders whose objects are left out.
            max_workers: connections at a time.

        Returns:
            How many were fetched.
        """
        store, exclusions = self._store, set(exclude_dirs)
        if store is None:
            return 0

        def fetch() -> int:
            files = _select(store.list(prefix), prefix, exclusions)
            return len(_fetch(store, files, Path(local_dir), max_workers) or ())

        return _attempt(fetch, 0)

    def download_model_data(self, model: str, local_dir: str | Path) -> bool:
        """Download a model's folder, without its layer cache, and the files of labels beside it.

        Args:
            model: name of the model.
            local_dir: the data folder; the model's folder is made in it.

        Returns:
            Whether all that the bucket has is there.
        """
        store = self._store
        if store is None:
            return False

        def fetch() -> bool:
            root = f"data/{model}/"
            members = _select(store.list(root), root, {LAYER_CACHE})
            if "config.json" not in members:
                raise StoreError(f"{store.describe()} has no model {model}.")
            files = {f"{model}/{name}": file for name, file in members.items()}
            files |= _stat_all(store, {name: f"data/{name}" for name in LABEL_FILES}, optional=True)
            return _fetch(store, files, Path(local_dir)) is not None

        return _attempt(fetch, False)


class R2LayerCache:
    """Maps of layers in a bucket, as the original system keeps them.

    Args:
        bucket: its name; None for that of ``R2_BUCKET_NAME``, else ``diffviews``.
    """

    def __init__(self, bucket: str | None = None) -> None:
        self._store = _open(bucket)
        self._uploads: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    @property
    def enabled(self) -> bool:
        """Whether there are keys for the bucket."""
        return self._store is not None

    @staticmethod
    def _key(model: str, layer: str, ext: str) -> str:
        return f"data/{model}/{LAYER_CACHE}/{layer}{ext}"

    def layer_exists(self, model: str, layer: str) -> bool:
        """Whether the bucket has the table of a layer's map."""
        store, key = self._store, self._key(model, layer, PARTS[0])
        return store is not None and _attempt(lambda: store.stat(key) is not None, False)

    def download_layer(self, model: str, layer: str, local_dir: str | Path) -> bool:
        """Download a layer's map: ``<layer>.csv``, ``.json``, and ``.npy`` where it is there. Its
        ``.pkl``, which can run code, is not fetched.

        Returns:
            Whether table and settings are there.
        """
        store = self._store
        if store is None:
            return False

        def fetch() -> bool:
            keys = {f"{layer}{part}": self._key(model, layer, part) for part in PARTS}
            files = _stat_all(store, keys, optional=True)
            if not {f"{layer}.csv", f"{layer}.json"} <= files.keys():
                return False
            return _fetch(store, files, Path(local_dir)) is not None

        return _attempt(fetch, False)

    def upload_layer(self, model: str, layer: str, local_dir: str | Path) -> bool:
        """Upload ``<layer>.csv``, ``.json`` and ``.npy``, the table last, so that a map which is
        there is whole; those before are replaced.

        Returns:
            Whether it was done.
        """
        store, folder = self._store, Path(local_dir)
        files = {part: folder / f"{layer}{part}" for part in reversed(PARTS)}
        if store is None or not all(is_regular(files[part]) for part in (".csv", ".json")):
            return False

        def put() -> bool:
            for part, file in files.items():
                if is_regular(file):
                    store.upload(self._key(model, layer, part), file)
            return True

        return _attempt(put, False)

    def upload_layer_async(self, model: str, layer: str, local_dir: str | Path) -> None:
        """Have `upload_layer` done in the background, one layer after the other. The program does
        not end before they are done."""
        with self._lock:
            if self._uploads is None:
                self._uploads = ThreadPoolExecutor(1, thread_name_prefix="r2-uploads")
        self._uploads.submit(self.upload_layer, model, layer, local_dir)


def _select(
    files: Iterable[RemoteFile], prefix: str, exclusions: set[str]
) -> dict[str, RemoteFile]:
    """Objects by their paths below a prefix, without what is not fetched."""
    selection = {}
    for file in files:
        name = file.key.removeprefix(prefix).lstrip("/")
        folders = name.split("/")[:-1]
        unsafe = name.endswith(NOT_FETCHED) and UNSAFE & set(file.key.split("/")[:-1])
        if name and not name.endswith("/") and not unsafe and not exclusions & set(folders):
            selection[name] = file
    return selection


def _stat_all(
    store: Store, keys: Mapping[str, str], *, optional: bool = False
) -> dict[str, RemoteFile]:
    """Objects by the names of the files that they become.

    Raises:
        StoreError: one is not there, and not optional.
    """
    files = {}
    for name, key in keys.items():
        file = store.stat(key)
        if file is not None:
            files[name] = file
        elif not optional:
            raise StoreError(f"{store.describe()} has no {key}.")
    return files


def _fetch(
    store: Store, files: Mapping[str, RemoteFile], folder: Path, workers: int = WORKERS
) -> tuple[str, ...] | None:
    """Download objects to paths in a folder: those that were fetched now; None where one is not
    there in the end.

    Raises:
        StoreError: the bucket cannot be used.
    """
    source = _Renamed(store, files)
    plan = plan_download(source.list(), folder)
    result = download(source, plan, workers=workers)
    for one in (*plan.refused, *result.failed):
        log.warning("R2: %s: %s", one.key, one.reason)
    for key in plan.different:
        log.warning("R2: %s is there with another content, and stays", key)
    return None if plan.refused or result.failed or plan.different else result.files


class _Renamed:
    """Some objects of a store under other names: those of the files that they become."""

    def __init__(self, store: Store, files: Mapping[str, RemoteFile]) -> None:
        self._store = store
        self._files = files

    def list(self, prefix: str = "") -> Files:
        files = [replace(file, key=name) for name, file in self._files.items()]
        return sorted((file for file in files if file.key.startswith(prefix)), key=_key_of)

    def stat(self, key: str) -> RemoteFile | None:
        file = self._store.stat(self._files[key].key)
        return None if file is None else replace(file, key=key)

    def read(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        return self._store.read(replace(file, key=self._files[file.key].key), start, stop)

    def checksum(self, file: RemoteFile) -> Checksum | None:
        return self._store.checksum(replace(file, key=self._files[file.key].key))

    def describe(self) -> str:
        return self._store.describe()


def _key_of(file: RemoteFile) -> str:
    return file.key
