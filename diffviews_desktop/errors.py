"""Every error that the program raises on purpose.

::

    DiffViewsError
    ├── UsageError          a value that the user typed cannot be used
    ├── DataError           a data folder or a file in it cannot be used
    │   ├── CacheError      a layer cache entry cannot be used
    │   └── PictureError    a picture cannot be used, and is left out
    ├── CheckpointError     a checkpoint cannot be read
    ├── AdapterError        an adapter is unknown or broken, or a layer does not exist
    ├── MaskError           a mask cannot be built or applied
    ├── StoreError          a store of files elsewhere, or a file in it, cannot be used
    │   ├── StoreAccessError       the keys are missing, wrong or expired, or do not allow it
    │   ├── StoreNotFoundError     there is no such bucket, repository or file
    │   ├── StoreChangedError      a file was changed while it was fetched
    │   ├── StoreDamagedError      what came is not what the store says of it
    │   ├── StoreUnreachableError  no connection, no answer, or the server is in trouble
    │   ├── UnsafeKeyError         a file's name could lead out of the folder it belongs in
    │   └── NoRoomError            the disk has not enough room for what would be fetched
    ├── KeyringError        the system's keyring cannot be used
    ├── OutOfMemoryError    the device cannot hold even one picture of the model
    └── Cancelled           the user asked to stop

The text of each is one sentence or two for the user: what happened, and what to do.
"""

from __future__ import annotations

import errno

from diffviews_desktop.files.reading import UnfitFileError
from diffviews_desktop.text.faults import Fault
from diffviews_desktop.text.plain import visible

MAX_BRIEF = 300
FULL_DISK = {getattr(errno, name, None) for name in ("ENOSPC", "EDQUOT", "EFBIG")} - {None}
"""Numbers of system errors."""


class DiffViewsError(Exception):
    """Base of all errors of this program; its text is for the user, and may quote files."""


class UsageError(DiffViewsError, ValueError):
    """A value given by the user is out of range or not known."""


class DataError(DiffViewsError):
    """A data folder, table, picture or activation file cannot be used."""


class CacheError(DataError):
    """A layer cache entry is incomplete or damaged."""


class PictureError(DataError):
    """A picture is missing, cannot be read, or must not be decoded; ``fault`` is the kind."""

    def __init__(self, text: str, fault: Fault = Fault.BROKEN) -> None:
        super().__init__(text)
        self.fault = fault


class CheckpointError(DiffViewsError):
    """A checkpoint is missing, unreadable or does not fit the network."""


class AdapterError(DiffViewsError):
    """An adapter is not known, cannot be used, or does not have what was asked of it."""


class MaskError(DiffViewsError):
    """A mask has the wrong shape, is not finite, or cannot be built from the rows asked for."""


class StoreError(DiffViewsError):
    """A store of files elsewhere, or a file in it, cannot be used. No text of it has a secret."""


class StoreAccessError(StoreError):
    """The keys of a store are missing, wrong or expired, or do not allow what was asked.

    Attributes:
        whole: whether they open nothing in the store; else it is this file alone.
    """

    def __init__(self, text: str, *, whole: bool = True) -> None:
        super().__init__(text)
        self.whole = whole


class StoreNotFoundError(StoreError):
    """A store has no such bucket, repository, revision or file."""


class StoreChangedError(StoreError):
    """A file in a store is no longer the one that was listed."""


class StoreDamagedError(StoreError):
    """What came from a store does not have the size or the checksum that it should have."""


class StoreUnreachableError(StoreError):
    """There is no connection to a store, it does not answer, or it cannot work at the moment."""


class UnsafeKeyError(StoreError):
    """A file's name in a store could lead out of the folder, or hide another file."""


class NoRoomError(StoreError):
    """The disk has not enough room for what would be fetched."""


class KeyringError(DiffViewsError):
    """The system has no keyring, or it refuses."""


class OutOfMemoryError(DiffViewsError):
    """The device has not enough memory for the smallest piece of the work."""


class Cancelled(DiffViewsError):
    """A job was cancelled; nothing of it was kept."""


def brief(error: BaseException) -> str:
    """The kind of another library's error and what it says, on one line and not too long."""
    if isinstance(error, UnfitFileError):
        return str(error.strerror)
    text = visible(" ".join(str(error).split()), MAX_BRIEF)
    kind = type(error).__name__
    return f"{kind}: {text.rstrip('.')}" if text else kind


def explain(error: BaseException) -> str:
    """Any error as a sentence for the user."""
    if isinstance(error, DiffViewsError):
        return str(error)
    if isinstance(error, MemoryError):
        return (
            "There is not enough memory for this. Close other programs, or choose a smaller layer."
        )
    if isinstance(error, UnfitFileError):  # whose number may be that of a full disk
        file = visible(str(error.filename), MAX_BRIEF)
        return f"{file} cannot be read ({brief(error)}). Check that it is the file that you mean."
    if isinstance(error, OSError) and error.strerror:
        if error.errno in FULL_DISK:
            return "The disk is full. Make room, then try again."
        file = "A file" if error.filename is None else visible(str(error.filename), MAX_BRIEF)
        reason = visible(str(error.strerror), MAX_BRIEF)
        return (
            f"{file} cannot be read or written ({reason}). Check that it is still there, the disk "
            "and the rights, then try again."
        )
    return f"Something unexpected happened ({brief(error)})."
