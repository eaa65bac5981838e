"""Every error that the program raises on purpose.

::

    DiffViewsError
    ├── UsageError          a value that a person typed cannot be used
    ├── DataError           a data folder or a file in it cannot be used
    │   └── CacheError      a layer cache entry cannot be used
    ├── CheckpointError     a checkpoint cannot be read
    ├── AdapterError        an adapter is unknown or broken, or a layer does not exist
    ├── MaskError           a mask cannot be built or applied
    ├── OutOfMemoryError    the device cannot hold even one picture of the model
    └── Cancelled           the person asked to stop

The text of each is one sentence or two for a person: what happened, and what to do.
"""

from __future__ import annotations

from diffviews_desktop.files import UnfitFileError
from diffviews_desktop.plain_text import visible

MAX_BRIEF = 300


class DiffViewsError(Exception):
    """Base of all errors of this program; its text is for a person, and may quote files."""


class UsageError(DiffViewsError, ValueError):
    """A value given by the user is out of range or not known."""


class DataError(DiffViewsError):
    """A data folder, table, picture or activation file cannot be used."""


class CacheError(DataError):
    """A layer cache entry is incomplete or damaged."""


class CheckpointError(DiffViewsError):
    """A checkpoint is missing, unreadable or does not fit the network."""


class AdapterError(DiffViewsError):
    """An adapter is not known, cannot be used, or does not have what was asked of it."""


class MaskError(DiffViewsError):
    """A mask has the wrong shape, is not finite, or cannot be built from the rows asked for."""


class OutOfMemoryError(DiffViewsError):
    """The device has not enough memory for the smallest piece of the work."""


class Cancelled(DiffViewsError):
    """A job was cancelled; nothing of it was kept."""


def brief(error: BaseException) -> str:
    """The kind of somebody else's error and what it says, on one line and not too long."""
    if isinstance(error, UnfitFileError):
        return str(error.strerror)
    text = visible(" ".join(str(error).split()), MAX_BRIEF)
    kind = type(error).__name__
    return f"{kind}: {text.rstrip('.')}" if text else kind
