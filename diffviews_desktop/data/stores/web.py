"""Single files on web servers, by HTTPS."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, unquote

from diffviews_desktop.data.stores.hashing import Checksum
from diffviews_desktop.data.stores.http import (
    ClientOnce,
    check_range,
    check_status,
    content_range,
    range_headers,
    store_errors,
    version_of,
)
from diffviews_desktop.data.stores.store import PATIENT, Files, Patience
from diffviews_desktop.errors import StoreChangedError, StoreError, StoreNotFoundError
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.values.locations import Location
from diffviews_desktop.values.transfers import RemoteFile


class WebStore:
    """A file on a server, or, where its address ends with a slash, those below it that are named.

    A store of `diffviews_desktop.data.stores.store`. A server has no list of its files.
    """

    def __init__(self, location: Location, patience: Patience = PATIENT) -> None:
        self._location, self._client = location, ClientOnce(patience)
        folder, separator, name = location.path.rpartition("/")
        self._folder = folder + separator
        self._name = unquote(name)

    def list(self, prefix: str = "") -> Files:
        if not self._name:
            raise StoreError(
                f"{self.describe()} is a folder, and web servers do not list what is in one. Write "
                "the address of a file."
            )
        file = self.stat(self._name)
        if file is None:
            raise StoreNotFoundError(f"{self.describe()} is not there. Check the address.")
        return [file] if self._name.startswith(prefix) else []

    def stat(self, key: str) -> RemoteFile | None:
        place = self.describe()
        with (
            store_errors(place),
            self._client.get().stream("GET", self._url(key), headers=range_headers(0, 1)) as answer,
        ):
            if answer.status_code == 416:  # it is empty
                return RemoteFile(key, 0, version_of(answer.headers), source=self._location.source)
            try:
                check_status(answer, key, place)
            except StoreNotFoundError:
                return None
            page = answer.headers.get("content-type", "").startswith("text/html")
            if page and not key.lower().endswith((".html", ".htm")):
                raise StoreError(
                    f"{place} is a web page, not a file. Perhaps you have to sign in there first; "
                    "or the address is that of a page about the file."
                )
            part = content_range(answer.headers)
            size = part[2] if part else _length(answer.headers.get("content-length", ""))
            if size is None:
                raise StoreError(
                    f"{place} does not say how large the file is, so it cannot be fetched safely. "
                    "Download it with your browser."
                )
            version = version_of(answer.headers)
            ranges = part is not None and bool(version)
            return RemoteFile(key, size, version, source=self._location.source, ranges=ranges)

    def read(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        stop = file.size if stop is None else min(stop, file.size)
        if start >= stop:
            return
        headers = range_headers(start, stop) if file.ranges else {}
        with (
            store_errors(self.describe()),
            self._client.get().stream("GET", self._url(file.key), headers=headers) as answer,
        ):
            check_status(answer, file.key, self.describe())
            if version_of(answer.headers) != file.version:
                raise StoreChangedError(
                    f"“{visible(file.key, MOST_OF_NAME)}” was changed while it was fetched. Try "
                    "again."
                )
            check_range(answer, start, stop, file.size, file.key)
            yield from answer.iter_raw()

    def checksum(self, file: RemoteFile) -> Checksum | None:
        return Checksum("sha256", file.sha256.lower()) if file.sha256 else None

    def describe(self) -> str:
        return self._location.display_text()

    def _url(self, key: str) -> str:
        query = f"?{self._location.query}" if self._location.query else ""
        return f"{self._location.root}/{self._folder}{quote(key)}{query}"


def _length(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
