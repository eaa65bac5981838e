"""A matrix of activations that is computed in several goes, and never has a wrong row."""

from __future__ import annotations

import errno
import logging
import os
import stat
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.data.cache.disk import MATRIX, explain_full_disk, link_or_copy
from diffviews_desktop.data.cache.entry import DAMAGE, array_facts
from diffviews_desktop.errors import CacheError
from diffviews_desktop.files.reading import check_regular, read_bytes, read_json_value
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet

log = logging.getLogger(__name__)

PARTIAL, DONE = "partial.json", "done.log"
_MARK = np.dtype([("start", "<u8"), ("stop", "<u8"), ("checksum", "<u4")])
MARK_BYTES = _MARK.itemsize
_MARKS_AT_ONCE = 1000
MOST_MARKS = 256_000_000
"""Bytes that say which rows are done: at most twenty a row."""
MOST_READ = 2
"""So often all rows are read at most to see which are done: a row that was marked once is read
once, and one that was damaged and computed again up to twice."""
MOST_NAMED = 16
"""So often all rows are named at most by the marks that are looked at."""


class PartialMatrix:
    """A matrix that is computed in several goes, made by `LayerCache.partial`.

    Write rows, then `mark` them: marked rows are on the disk before they are marked, so after a
    crash or a power cut all rows that are marked are right. A mark holds a checksum of its rows:
    those that changed since do not count as finished when the matrix is opened again.

    Args:
        folder: its own.
        rows: the matrix in it.
        check: called while rows are compared with their marks; may raise to stop.
    """

    def __init__(
        self, folder: Path, rows: MatrixFile, check: Callable[[], None] = lambda: None
    ) -> None:
        self._folder = folder
        self._rows: MatrixFile | None = rows
        self.discarded = False
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        self._log = os.open(folder / DONE, flags, 0o644)
        try:
            self._done, self._log_size = _read_marks(folder / DONE, rows, check)
            os.ftruncate(self._log, self._log_size)  # the rest was cut off while it was written
        except BaseException:
            os.close(self._log)
            raise

    @property
    def rows(self) -> MatrixFile:
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

        Raises:
            CacheError: the disk is full.
        """
        matrix = self.rows
        index = np.unique(np.arange(len(matrix))[rows])
        if not len(index):
            return
        runs = np.split(index, np.flatnonzero(np.diff(index) > 1) + 1)
        matrix.flush()
        spans = [(int(run[0]), int(run[-1]) + 1) for run in runs]
        marks = b"".join(_mark(*span, matrix) for span in spans)
        with explain_full_disk(self._folder.parent):
            self._append(marks)
        self._log_size += len(marks)
        self._done[index] = True

    def _append(self, marks: bytes) -> None:
        try:
            count = os.write(self._log, marks)
            if count != len(marks):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._log, self._log_size)
            raise

    def complete(self, folder: Path, name: str = MATRIX) -> None:
        """Hand the finished matrix over to a folder, one from `LayerCache.writing` for example.

        It is also kept here until `discard`, where the file system has hard links. Afterwards
        ``rows`` cannot be used; on Windows, while another program holds them, the file is copied.

        Raises:
            CacheError: not all rows are done, or there is something of that name.
        """
        missing = int(np.count_nonzero(~self._done))
        if missing:
            raise CacheError(f"{missing} of {len(self._done)} rows are not finished.")
        self._rows = None
        source, target = self._folder / MATRIX, folder / name
        if os.path.lexists(target):
            raise CacheError(f"{target} is there already. Move it away, then try again.")
        try:
            os.link(source, target)
        except OSError:
            try:
                os.rename(source, target)
            except PermissionError:
                link_or_copy(source, target)

    def discard(self) -> None:
        """Let nothing of it stay when the block of `LayerCache.partial` ends."""
        self.discarded = True

    def _close(self) -> None:
        self._rows = None
        with suppress(OSError):
            os.fsync(self._log)
        os.close(self._log)


def _mark(
    start: int, stop: int, rows: MatrixFile, check: Callable[[], None] = lambda: None
) -> bytes:
    """Rows ``start:stop`` are done: 20 bytes that say themselves whether they, and the rows, are
    what was written."""
    body = struct.pack("<QQ", start, stop)
    crc = zlib.crc32(body)
    for _, values in rows.pieces(slice(start, stop)):
        check()
        crc = zlib.crc32(values.data, crc)
    return body + struct.pack("<I", crc)


def _plain_mark(start: int, stop: int) -> bytes:
    body = struct.pack("<QQ", start, stop)
    return body + struct.pack("<I", zlib.crc32(body))


def _read_marks(
    path: Path, rows: MatrixFile, check: Callable[[], None]
) -> tuple[NDArray[np.bool_], int]:
    """Which of ``rows`` are done, and the size of all marks that were not cut off.

    The newest marks go first: what was written last is what rows hold. Marks that say nothing new
    are not compared, nor are those beyond `MOST_READ` and `MOST_NAMED`.
    """
    data = read_bytes(path, MOST_MARKS)
    whole = len(data) // MARK_BYTES * MARK_BYTES
    marks = np.frombuffer(data[:whole], _MARK)
    fit = np.flatnonzero((marks["start"] < marks["stop"]) & (marks["stop"] <= len(rows)))
    done, damaged = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    read_budget, name_budget = MOST_READ * len(rows), MOST_NAMED * len(rows)
    for number, place in enumerate(fit[::-1].tolist()):
        if number % _MARKS_AT_ONCE == 0:
            check()
        mark = data[place * MARK_BYTES : (place + 1) * MARK_BYTES]
        start, stop, _ = marks[place].tolist()
        name_budget -= stop - start
        if name_budget < 0:
            break
        if stop - start > read_budget or done[start:stop].all():
            continue
        # an earlier version made marks without a checksum of the rows
        if mark == _plain_mark(start, stop):
            done[start:stop] = True
            continue
        read_budget -= stop - start
        (done if mark == _mark(start, stop, rows, check) else damaged)[start:stop] = True
    damaged &= ~done
    if damaged.any():
        log.warning(
            "%d rows of %s are damaged, the first of them %d: not used",
            *(np.count_nonzero(damaged), path.parent, np.argmax(damaged)),
        )
    return done, whole


def open_partial(folder: Path, facts: Mapping[str, Any]) -> MatrixFile | None:
    """The matrix of an earlier go, if it is whole and of the same shape and dtype."""
    path = folder / MATRIX
    try:
        record = read_json_value(folder / PARTIAL)
        if (folder / DONE).exists():
            check_regular(folder / DONE, MOST_MARKS)
        if any(record[name] != facts[name] for name in ("format", "shape", "dtype")):
            return None
        if folder.is_symlink() or not all(_is_alone(file) for file in (path, folder / DONE)):
            return None
        matrix = MatrixFile.open(path, writable=True)
        same = array_facts(matrix) == {name: facts[name] for name in ("shape", "dtype")}
        return matrix if same else None
    except (*DAMAGE, OSError):
        return None


def _is_alone(path: Path) -> bool:
    """Whether a file may be written to: it is no link, and has no other name either, under which
    it may be an entry's, whose rows nobody may change."""
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def partial_of(folder: Path) -> tuple[str, LayerSet]:
    """The model and the layers of a partial matrix, where it says them."""
    try:
        details = read_json_value(folder / PARTIAL)["details"]
        return str(details.get("model", "")), LayerSet(map(str, details.get("layers", ())))
    except (*DAMAGE, OSError):
        return "", NO_LAYERS
