"""A matrix of activations that is computed in several goes, and never has a wrong row."""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import struct
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.cache_entry import DAMAGE, array_facts, map_matrix
from diffviews_desktop.data.disk import MATRIX, sync_file
from diffviews_desktop.errors import CacheError
from diffviews_desktop.files import check_regular, read_bytes, read_json_value

PARTIAL, DONE = "partial.json", "done.log"
MOST_MARKS = 256_000_000
"""Bytes that say which rows are done: at most twenty a row."""


class PartialMatrix:
    """A matrix that is computed in several goes, made by `LayerCache.partial`.

    Write rows, then `mark` them: marked rows are on the disk before they are marked, so after a
    crash or a power cut all rows that are marked are right.
    """

    def __init__(self, folder: Path, rows: np.memmap) -> None:
        self._folder = folder
        self._rows: np.memmap | None = rows
        self.discarded = False
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        self._log = os.open(folder / DONE, flags, 0o644)
        try:
            self._done, self._log_size = _read_marks(folder / DONE, len(rows))
            os.ftruncate(self._log, self._log_size)  # the rest was cut off while it was written
        except BaseException:
            os.close(self._log)
            raise

    @property
    def rows(self) -> np.memmap:
        """The matrix ``(N, D)``, to be written to; what rows hold that are not done is anything.

        Raises:
            CacheError: it was handed over or closed.
        """
        if self._rows is None:
            raise CacheError("This matrix is no longer open.")
        return self._rows

    @property
    def done(self) -> NDArray[np.bool_]:
        """Which rows are finished ``(N,)``."""
        return self._done.copy()

    def mark(self, rows: slice | Sequence[int] | NDArray) -> None:
        """Mark rows as finished, after bringing them to the disk.

        That takes some milliseconds: mark batches of rows, not each alone.
        """
        matrix = self.rows
        index = np.unique(np.arange(len(matrix))[rows])
        if not len(index):
            return
        runs = np.split(index, np.flatnonzero(np.diff(index) > 1) + 1)
        marks = b""
        for run in runs:
            start, stop = int(run[0]), int(run[-1]) + 1
            self._flush(matrix, start, stop)
            marks += _mark(start, stop)
        try:
            written = os.write(self._log, marks)
            if written != len(marks):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._log, self._log_size)
            raise
        self._log_size += len(marks)
        self._done[index] = True

    def complete(self, folder: Path, name: str = MATRIX) -> None:
        """Hand the finished matrix over to a folder, one from `LayerCache.writing` for example.

        It is also kept here until `discard`, where the file system has hard links. Afterwards
        ``rows`` cannot be used; on Windows, while somebody still holds an array of it, the file is
        copied.

        Raises:
            CacheError: not all rows are done.
        """
        left = int(np.count_nonzero(~self._done))
        if left:
            raise CacheError(f"{left} of {len(self._done)} rows are not finished.")
        self._rows = None
        source, target = self._folder / MATRIX, folder / name
        try:
            os.link(source, target)
        except OSError:
            try:
                os.replace(source, target)
            except PermissionError:
                shutil.copyfile(source, target)

    def discard(self) -> None:
        """Let nothing of it stay when the block of `LayerCache.partial` ends."""
        self.discarded = True

    @staticmethod
    def _flush(rows: np.memmap, start: int, stop: int) -> None:
        """Bring rows to the disk: the pages that they lie on."""
        width = rows.strides[0]
        skipped = rows.offset - rows.offset % mmap.ALLOCATIONGRANULARITY
        first = rows.offset - skipped + start * width
        last = rows.offset - skipped + stop * width
        first -= first % mmap.ALLOCATIONGRANULARITY
        if isinstance(rows.base, mmap.mmap):
            rows.base.flush(first, last - first)
        else:
            rows.flush()
        if os.name == "nt" and rows.filename is not None:  # there it only starts the writing
            sync_file(Path(rows.filename))

    def _close(self) -> None:
        self._rows = None
        with suppress(OSError):
            os.fsync(self._log)
        os.close(self._log)


def _mark(start: int, stop: int) -> bytes:
    """Rows ``start:stop`` are done: 20 bytes that say themselves whether they are whole."""
    body = struct.pack("<QQ", start, stop)
    return body + struct.pack("<I", zlib.crc32(body))


def _read_marks(path: Path, count: int) -> tuple[NDArray[np.bool_], int]:
    """Which of ``count`` rows are done, and how many bytes say so before the first broken mark."""
    data, done, size = read_bytes(path, MOST_MARKS), np.zeros(count, dtype=bool), len(_mark(0, 0))
    for position in range(0, len(data) - size + 1, size):
        start, stop = struct.unpack_from("<QQ", data, position)
        if data[position : position + size] != _mark(start, stop) or not start < stop <= count:
            return done, position
        done[start:stop] = True
    return done, len(data) // size * size


def open_partial(folder: Path, facts: Mapping[str, Any]) -> np.memmap | None:
    """The matrix of an earlier go, if it is whole and of the same shape and dtype."""
    path = folder / MATRIX
    try:
        known = read_json_value(folder / PARTIAL)
        if (folder / DONE).exists():
            check_regular(folder / DONE, MOST_MARKS)
        if any(known[name] != facts[name] for name in ("format", "shape", "dtype")):
            return None
        if any(place.is_symlink() for place in (folder, path, folder / DONE)):
            return None
        if path.stat().st_nlink > 1:  # handed over to an entry, whose rows nobody may change
            return None
        if array_facts(map_matrix(path)) != {name: facts[name] for name in ("shape", "dtype")}:
            return None
        return np.lib.format.open_memmap(path, mode="r+")
    except (*DAMAGE, OSError):
        return None


def partial_of(folder: Path) -> tuple[str, tuple[str, ...]]:
    """The model and the layers of a partial matrix, where it says them."""
    try:
        details = read_json_value(folder / PARTIAL)["details"]
        return str(details.get("model", "")), tuple(map(str, details.get("layers", ())))
    except (*DAMAGE, OSError):
        return "", ()
