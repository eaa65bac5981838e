"""A large file while it is fetched: in ranges, by several connections, hashed as they arrive."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from io import RawIOBase
from pathlib import Path

from diffviews_desktop.data.stores.file_hashes import Arrived, hash_of
from diffviews_desktop.data.stores.hashing import Checksum
from diffviews_desktop.data.stores.journal import Journal, Note, part_of
from diffviews_desktop.data.stores.ranges import Ranges
from diffviews_desktop.errors import StoreDamagedError
from diffviews_desktop.files.writing import create
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.values.transfers import RemoteFile

SYNCED = 64 << 20
"""Bytes of a file that may wait for being brought to the disk."""

_OPEN = os.O_RDWR | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_BINARY", "O_CLOEXEC"))


class PartFile:
    """A file under the name with ``.part``, which gets its own name when it is whole and right.

    Several threads may use it; each opens it for itself.

    Attributes:
        file: how it is in the store.
        left: pieces of it that are not done yet.
        broken: whether it was given up; nothing more of it is fetched.
    """

    def __init__(self, path: Path, file: RemoteFile, checksum: Checksum | None, journal: Journal):
        self.file = file
        self.left = 0
        self.broken = False
        self._path, self._part = path, part_of(path)
        self._journal, self._lock, self._unsynced = journal, threading.Lock(), 0
        record = journal.notes.parts.get(file.key)
        goes_on = record is not None and record.continues(file) and record.is_there(path)
        self._arrived = Arrived(Ranges(record.ranges if record is not None and goes_on else ()))
        if not goes_on:
            self._begin()
        self._hash = hash_of(self._part, checksum, file.size, self._arrived) if checksum else None

    def _begin(self) -> None:
        self._part.unlink(missing_ok=True)
        with create(self._part) as output:
            output.truncate(self.file.size)
        self._journal.add(Note(self.file))

    def gaps(self, longest: int) -> list[tuple[int, int]]:
        """What is missing, in ranges of at most ``longest`` bytes."""
        return self._arrived.gaps(self.file.size, longest)

    @contextlib.contextmanager
    def writing(self) -> Iterator[_Written]:
        """The file, to write to; a link is never followed."""
        with os.fdopen(os.open(self._part, _OPEN), "r+b", buffering=0) as file:
            yield _Written(file)

    def is_last(self) -> bool:
        """Count a piece as done; whether none is left."""
        with self._lock:
            self.left -= 1
            return self.left == 0

    def note(self, output: _Written, start: int, stop: int) -> None:
        """Remember that these bytes were written.

        What cannot be compared in the end is on the disk before it is noted.
        """
        if self._hash is None:
            output.sync()
        self._journal.add(Note(self.file, start, stop))
        self._arrived.add(start, stop)
        if self._hash is None:
            return
        with self._lock:
            self._unsynced += stop - start
            due = self._unsynced >= SYNCED
            if due:
                self._unsynced = 0
        if due:  # while the others fetch, so that little is left to wait for in the end
            output.sync()
        self._hash.go_on(start, stop)

    def finish(self) -> None:
        """Compare the whole file with its checksum, and give it its name.

        Raises:
            StoreDamagedError: it differs; all of the file is fetched again the next time.
            OSError: it cannot be written.
        """
        if self._hash is not None and not self._hash.matches():
            self._part.unlink(missing_ok=True)
            raise damage_error(self.file)
        with self.writing() as output:
            output.sync()
        take_place(self._part, self._path, self.file, self._journal)


class _Written:
    """An open file, written to at places."""

    def __init__(self, file: RawIOBase) -> None:
        self._file = file

    def write_at(self, at: int, data: bytes) -> None:
        """Write all of the bytes from a place on; raises OSError."""
        self._file.seek(at)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]

    def sync(self) -> None:
        """Bring what was written to the disk."""
        os.fsync(self._file.fileno())


def take_place(part: Path, path: Path, file: RemoteFile, journal: Journal) -> None:
    """Give a whole file its own name, and note it."""
    status = os.stat(part)
    os.replace(part, path)
    journal.add(Note(file, mtime_ns=status.st_mtime_ns))


def damage_error(file: RemoteFile) -> StoreDamagedError:
    """The error of a file that is not what its store says."""
    return StoreDamagedError(
        f"“{visible(file.key, MOST_OF_NAME)}” arrived damaged: its checksum is not the one that "
        "the store has. Try again later; if it stays so, the file in the store is broken."
    )
