"""What every store can do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from diffviews_desktop.data.stores.hashing import Checksum
from diffviews_desktop.errors import StoreError
from diffviews_desktop.values.transfers import RemoteFile

MOST_FILES = 2_000_000
"""Of a list: what is kept in memory."""


Files = list[RemoteFile]  # in the stores, `list` is what lists them


class Store(Protocol):
    """Files below one location; keys are relative to it. Several threads may use it at once.

    All methods raise `StoreError`: its kinds are in `diffviews_desktop.errors`.
    """

    def list(self, prefix: str = "") -> Files:
        """All files whose keys begin with a prefix, sorted by key."""

    def stat(self, key: str) -> RemoteFile | None:
        """One file; None where there is none."""

    def read(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Bytes ``start`` to ``stop`` (None: the end) of a file, in pieces.

        Raises:
            StoreChangedError: the file is no longer of this version.
        """

    def checksum(self, file: RemoteFile) -> Checksum | None:
        """What the store says its content hashes to; None where it does not. It may have to ask,
        unless the file was just read."""

    def describe(self) -> str:
        """Its address, as a sentence has it: without anything secret."""


@dataclass(frozen=True)
class Patience:
    """How long a store is waited for.

    Attributes:
        connect: seconds until a connection must be there.
        read: seconds in which at least one byte must come; else the connection is made again.
        give_up: seconds without a byte, however often the connection was made again, after which
            a transfer ends with an error.
        pause: seconds before a connection is made again; each further pause is twice as long.
    """

    connect: float = 10.0
    read: float = 20.0
    give_up: float = 90.0
    pause: float = 0.5


@dataclass(frozen=True)
class Access:
    """What a store lets the user in with. It never leaves the process that it was made in.

    Where a part is empty, the store's own library looks where it always does: environment,
    configuration files, instance roles, ``HF_TOKEN``.

    Attributes:
        endpoint: address of an S3 service, or of a hub; empty for the usual one.
        key_id, secret, session_token: of an S3 service.
        profile: of the configuration of AWS.
        anonymous: whether to ask without keys.
        token: of the hub.
    """

    endpoint: str = ""
    key_id: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    profile: str = ""
    anonymous: bool = False
    token: str = field(default="", repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are not sent to other processes")


def too_many_files(place: str) -> StoreError:
    """The error of a list that is longer than `MOST_FILES`."""
    return StoreError(f"{place} holds more than {MOST_FILES:,} files. Name a folder in it.")


NO_KEYS = Access()
PATIENT = Patience()
