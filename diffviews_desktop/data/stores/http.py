"""What stores share that are asked by HTTP: one client, ranges, and errors as sentences."""

from __future__ import annotations

import contextlib
import re
import threading
import weakref
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from diffviews_desktop.data.stores.quiet import quiet_libraries
from diffviews_desktop.data.stores.store import Patience
from diffviews_desktop.errors import (
    StoreAccessError,
    StoreChangedError,
    StoreError,
    StoreNotFoundError,
    StoreUnreachableError,
)
from diffviews_desktop.text.plain import MOST_OF_NAME, visible

if TYPE_CHECKING:
    import httpx2

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_PLAIN = {"Accept-Encoding": "identity"}  # sizes and ranges are those of the file


def make_client(patience: Patience) -> httpx2.Client:
    """A client that several threads may use. It takes proxies, certificates and ``.netrc`` from
    where they usually are, and never goes on from HTTPS to HTTP."""
    import httpx2

    quiet_libraries()

    def stay_safe(answer: httpx2.Response) -> None:
        following = answer.next_request
        if following and (answer.url.scheme, following.url.scheme) == ("https", "http"):
            raise StoreError(
                f"{answer.url.host} redirects to an unprotected address (http://), which is not "
                "followed. Ask its owner for another address."
            )

    return httpx2.Client(
        headers=_PLAIN,
        timeout=timeout_of(patience),
        follow_redirects=True,
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=32),
        event_hooks={"response": [stay_safe]},
    )


def timeout_of(patience: Patience) -> httpx2.Timeout:
    """How long a client waits."""
    import httpx2

    return httpx2.Timeout(patience.read, connect=patience.connect)


class ClientOnce:
    """A client that is made when it is first needed, and closed when nobody has this any more."""

    def __init__(self, patience: Patience) -> None:
        self._patience, self._lock = patience, threading.Lock()
        self._client: httpx2.Client | None = None

    def get(self) -> httpx2.Client:
        with self._lock:
            if self._client is None:
                self._client = make_client(self._patience)
                weakref.finalize(self, self._client.close)
            return self._client


@contextlib.contextmanager
def store_errors(place: str) -> Iterator[None]:
    """Make a `StoreError` of what the client raises; ``place`` is the server, for sentences."""
    import httpx2

    try:
        yield
    except httpx2.TimeoutException:
        raise StoreUnreachableError(
            f"{place} does not answer. Check the connection, or try again later."
        ) from None
    except httpx2.ProxyError:
        raise StoreUnreachableError(
            f"The proxy on the way to {place} does not let the program through. Check HTTPS_PROXY "
            "and NO_PROXY."
        ) from None
    except httpx2.ConnectError as error:
        raise _of_connection(error, place) from None
    except httpx2.TooManyRedirects:
        raise StoreError(f"{place} keeps redirecting. Check the address.") from None
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
        raise StoreError(f"{place} is not a usable address. Check it.") from None
    except httpx2.HTTPError:
        raise StoreUnreachableError(
            f"The connection to {place} broke. Check the network, or try again later."
        ) from None


def _of_connection(error: Exception, place: str) -> StoreError:
    if "certificate" in str(error).lower():
        return StoreUnreachableError(
            f"The certificate of {place} is not valid here. Check the address and the clock of "
            "this computer; a company's own certificate goes into SSL_CERT_FILE."
        )
    return StoreUnreachableError(
        f"There is no connection to {place}. Check the network and the address."
    )


def check_status(answer: httpx2.Response, name: str, place: str) -> None:
    """Raise a `StoreError` where a server does not give what it was asked for."""
    status, subject = answer.status_code, f"“{visible(name, MOST_OF_NAME)}” of {place}"
    if status in (200, 206):
        return
    if status in (404, 410):
        raise StoreNotFoundError(f"{subject} is not there. Check the address.")
    if status in (412, 416):
        raise StoreChangedError(f"{subject} was changed while it was fetched. Try again.")
    if status == 401:
        raise StoreAccessError(f"{place} asks who you are. Check the name and password, or token.")
    if status == 403:
        raise StoreAccessError(
            f"{subject} may not be read. Ask its owner for access, or sign in.", whole=False
        )
    if status == 407:
        raise StoreAccessError(f"The proxy on the way to {place} asks for a name and a password.")
    if status == 429 or status >= 500:
        raise StoreUnreachableError(
            f"{place} cannot answer at the moment (HTTP {status}). Try again later."
        )
    raise StoreError(f"{place} does not give {subject} (HTTP {status}). Check the address.")


def version_of(headers: Mapping[str, str]) -> str:
    """What changes with a file: its ETag without quotes, else when it was changed; or nothing."""
    etag = headers.get("etag", "").strip()
    return etag.removeprefix("W/").strip('"') or headers.get("last-modified", "").strip()


def range_headers(start: int, stop: int) -> dict[str, str]:
    """Headers that ask for bytes ``start`` to ``stop``."""
    return {"Range": f"bytes={start}-{stop - 1}"}


def content_range(headers: Mapping[str, str]) -> tuple[int, int, int | None] | None:
    """The first byte, the one after the last, and the size of all, of an answer with a part."""
    match = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    if match is None:
        return None
    first, last, size = match.groups()
    return int(first), int(last) + 1, None if size == "*" else int(size)


def check_range(answer: httpx2.Response, start: int, stop: int, size: int, name: str) -> None:
    """Raise where an answer has not the bytes ``start`` to ``stop`` of a file of a size."""
    subject = f"“{visible(name, MOST_OF_NAME)}”"
    if answer.status_code == 200:
        length: Any = answer.headers.get("content-length")
        if (start, stop) == (0, size) and length in (None, str(size)):
            return
        raise StoreChangedError(f"{subject} was changed while it was fetched. Try again.")
    if content_range(answer.headers) not in ((start, stop, size), (start, stop, None)):
        raise StoreChangedError(f"{subject} has another size than before. Try again.")
