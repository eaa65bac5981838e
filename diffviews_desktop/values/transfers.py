"""Files of stores, and what is known of fetching them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RemoteFile:
    """A file in a store.

    Attributes:
        key: its name in the store, with slashes.
        size: its bytes.
        version: changes whenever its content does: its ETag or its hash; empty where the store does
            not say.
        sha256: the SHA-256 of its content, in hexadecimal; empty where nobody says.
        source: the store that the version belongs to (`Location.source`).
        ranges: whether a part of it can be asked for.
    """

    key: str
    size: int
    version: str = ""
    sha256: str = ""
    source: str = ""
    ranges: bool = True


@dataclass(frozen=True)
class NotFetched:
    """A file that was, or will be, left out, and a sentence that says why and what to do."""

    key: str
    reason: str


@dataclass(frozen=True)
class DownloadPlan:
    """What a download into a folder would do.

    Attributes:
        folder: where the files go, each under its key.
        missing: files to fetch, in the order they are fetched.
        present: files that are there already.
        different: keys of files that are there with another content, which this program did not
            put there: they stay as they are.
        refused: files that could not be kept in the folder safely.
        bytes: how much there is to fetch; without what an earlier download has fetched.
    """

    folder: Path
    missing: tuple[RemoteFile, ...] = ()
    present: tuple[RemoteFile, ...] = ()
    different: tuple[str, ...] = ()
    refused: tuple[NotFetched, ...] = ()
    bytes: int = 0


@dataclass(frozen=True)
class DownloadResult:
    """What a download did.

    Attributes:
        files: keys of the files that were fetched.
        bytes: how much was fetched.
        failed: files that could not be fetched, though the others could.
    """

    files: tuple[str, ...] = ()
    bytes: int = 0
    failed: tuple[NotFetched, ...] = ()


@dataclass(frozen=True)
class TransferProgress:
    """How far a transfer is.

    Attributes:
        files: files that are done.
        all_files: all of them.
        bytes: bytes that are done.
        all_bytes: all of them.
        bytes_per_second: the speed of the last seconds.
        seconds_left: an estimate; None where there is none yet.
        name: the key of the file that began last.
    """

    files: int
    all_files: int
    bytes: int
    all_bytes: int
    bytes_per_second: float = 0.0
    seconds_left: float | None = None
    name: str = ""
