"""Checksums of large files, each read once while it stays as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from diffviews_desktop.data.checkpoints.files import files_of
from diffviews_desktop.files.reading import open_regular

MOST_REMEMBERED = 1000
_READ_AT_ONCE = 2**24
_digests: dict[tuple[str, int, int], bytes] = {}


def checkpoint_digest(path: Path, check: Callable[[], None]) -> str:
    """SHA-256 of the checksums of a checkpoint's files, in hexadecimal digits.

    Args:
        path: a file, or a folder (see `files_of`).
        check: called while files are read; may raise to stop.

    Raises:
        DataError: it is a folder that is no model's.
        OSError: a file cannot be read.
    """
    total = hashlib.sha256()
    for file in files_of(path):
        total.update(file_digest(file, check))
    return total.hexdigest()


def file_digest(path: Path, check: Callable[[], None]) -> bytes:
    """SHA-256 of a file; raises as `checkpoint_digest` does."""
    status = path.stat()
    key = (str(path.absolute()), status.st_size, status.st_mtime_ns)
    if key not in _digests:
        digest = _read(path, check)
        while len(_digests) >= MOST_REMEMBERED:
            del _digests[next(iter(_digests))]
        _digests[key] = digest
    return _digests[key]


def _read(path: Path, check: Callable[[], None]) -> bytes:
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while piece := file.read(_READ_AT_ONCE):
            digest.update(piece)
            check()
    return digest.digest()
