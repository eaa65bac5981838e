"""Maps in a bucket: found, listed, and put there unless there is one already."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffviews_desktop.data.cache.shared_map import (
    ROOT,
    SharedName,
    folder_prefix,
    pack,
)
from diffviews_desktop.data.stores.bucket_access import bucket_access
from diffviews_desktop.data.stores.s3_writing import WritableStore
from diffviews_desktop.data.stores.store import Patience
from diffviews_desktop.errors import CacheError
from diffviews_desktop.text.wording import size
from diffviews_desktop.values.stores import BucketSettings
from diffviews_desktop.values.transfers import RemoteFile

PATIENCE = Patience(connect=5.0, read=10.0, give_up=15.0)
"""A map can be made here instead, so nobody waits long for the bucket."""


def open_bucket(settings: BucketSettings) -> MapBucket | None:
    """The bucket that settings or the environment name; None where none is named. Nothing is asked
    of it yet.

    Raises:
        StoreAccessError: there are no keys for it.
        UsageError: its name or its address cannot be used.
    """
    place = bucket_access(settings)
    if place is None:
        return None
    store = WritableStore(place.location, place.access, PATIENCE)
    return MapBucket(store, settings.limit_bytes, writable=not place.access.anonymous)


class MapBucket:
    """The maps of a bucket.

    Args:
        store: the bucket.
        limit: bytes that all its maps may take.
        writable: whether there are keys to it; a bucket that anyone may read needs none.
    """

    def __init__(self, store: WritableStore, limit: int, *, writable: bool = True) -> None:
        self.store, self.writable = store, writable
        self._limit = limit
        self._used: int | None = None

    def describe(self) -> str:
        """Its address, as a sentence has it."""
        return self.store.describe()

    def find(self, name: SharedName) -> RemoteFile | None:
        """The archive of a map; None where there is none."""
        return self.store.stat(name.path)

    def maps(self, model: str, folder: str) -> list[tuple[SharedName, RemoteFile]]:
        """All maps of the same samples and weights, and their archives."""
        files = self.store.list(folder_prefix(model, folder))
        pairs = [(SharedName.read(file.key), file) for file in files]
        return [(name, file) for name, file in pairs if name is not None]

    def used_bytes(self) -> int:
        """What all maps in the bucket take."""
        self._used = sum(file.size for file in self.store.list(f"{ROOT}/"))
        return self._used

    def put(
        self, name: SharedName, projector: Path, parts: Mapping[str, Any], replaces: str = ""
    ) -> int | None:
        """Pack a map and put it there, unless there is one of its name.

        Args:
            name: of the map.
            projector: in the layer cache.
            parts: all that the map depends on.
            replaces: the version of a damaged archive of that name, which may be replaced.

        Returns:
            The bytes that it takes; None where there was one already, which stays.

        Raises:
            CacheError: it is too large, or the bucket's maps would be.
            StoreError: the bucket cannot be used.
            OSError: the disk has no room to pack it.
        """
        with tempfile.TemporaryFile(dir=projector.parent.parent) as archive:
            pack(projector, archive, parts)
            length = archive.seek(0, os.SEEK_END)
            self._check_room(length)
            archive.seek(0)
            if not self.store.put_new(name.path, archive, replaces=replaces):
                return None
        self._used = (self._used or 0) + length
        return length

    def _check_room(self, amount: int) -> None:
        total = self.used_bytes() if self._used is None else self._used
        if total + amount > self._limit:
            raise CacheError(
                f"The maps in {self.describe()} take {size(total)}, and may take "
                f"{size(self._limit)}. Allow more, or delete some of them there."
            )
