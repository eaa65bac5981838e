"""What a folder's downloads have fetched, in a file of the folder: one note a line.

Notes are only ever added, so that a program that is killed loses what it wrote last and nothing
else. A note of a range of bytes is written after the bytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

from diffviews_desktop.data.stores.keys import OWN_FOLDER, PART
from diffviews_desktop.data.stores.ranges import Ranges
from diffviews_desktop.errors import StoreError
from diffviews_desktop.files.reading import MOST_LISTED_JSON, open_regular
from diffviews_desktop.files.writing import reopen, replacing
from diffviews_desktop.values.transfers import RemoteFile

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_JOURNAL = "journal.jsonl"
_LOCK = "lock"
_MOST_LINE = 16_384


@dataclass(frozen=True)
class Note:
    """That a file is there, or bytes ``start`` to ``stop`` of it; no bytes where it was begun.

    Attributes:
        mtime_ns: when the whole file was written; None where it is not whole.
    """

    file: RemoteFile
    start: int = 0
    stop: int = 0
    mtime_ns: int | None = None

    def is_untouched(self, status: os.stat_result) -> bool:
        """Whether the file on the disk is the one that was written then."""
        return (self.file.size, self.mtime_ns) == (status.st_size, status.st_mtime_ns)


@dataclass
class Part:
    """What is here of a file that is not whole, and how the file was in the store."""

    file: RemoteFile
    ranges: Ranges = field(default_factory=Ranges)

    def continues(self, file: RemoteFile) -> bool:
        """Whether the bytes belong to this file, too."""
        return self.file.size == file.size and same_content(self.file, file) is True

    def is_there(self, path: Path) -> bool:
        """Whether they are on the disk: in a regular file of that size, for the file at a path."""
        with contextlib.suppress(OSError):
            status = part_of(path).lstat()
            return stat.S_ISREG(status.st_mode) and status.st_size == self.file.size
        return False


@dataclass
class Notes:
    """What a journal says, by key.

    Attributes:
        whole: files that were fetched.
        parts: files of which a part was fetched; an older one may be whole.
    """

    whole: dict[str, Note] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)

    def add(self, note: Note) -> None:
        key = note.file.key
        if note.mtime_ns is not None:
            self.whole[key] = note
            self.parts.pop(key, None)
            return
        part = self.parts.get(key)
        if part is None or part.file != note.file or note.start == note.stop:
            part = self.parts[key] = Part(note.file)
        part.ranges.add(max(0, note.start), min(note.stop, note.file.size))

    def __iter__(self) -> Iterator[Note]:
        yield from self.whole.values()
        for part in self.parts.values():
            for start, stop in part.ranges:
                yield Note(part.file, start, stop)


def same_content(one: RemoteFile, other: RemoteFile) -> bool | None:
    """Whether two files of stores are the same; None where that cannot be told."""
    if one.sha256 and other.sha256:
        return one.sha256 == other.sha256
    if one.version and other.version and one.source == other.source:
        return one.version == other.version
    return None


def read_notes(folder: Path) -> Notes:
    """What the journal of a folder says; nothing where there is none, or it cannot be read."""
    notes = Notes()
    for note in _notes(folder / OWN_FOLDER / _JOURNAL):
        notes.add(note)
    return notes


def part_of(path: Path) -> Path:
    """Where a file is written until it is whole."""
    return path.with_name(path.name + PART)


class Journal:
    """The journal of a folder, open to be written to; several threads may add notes."""

    def __init__(self, file: IO[bytes], notes: Notes) -> None:
        self.notes = notes
        self._file, self._lock = file, threading.Lock()

    def add(self, note: Note) -> None:
        """Note something; raises OSError."""
        line = _line(note)
        with self._lock:
            self.notes.add(note)
            self._file.write(line)
            self._file.flush()


@contextlib.contextmanager
def open_journal(folder: Path) -> Iterator[Journal]:
    """The journal of a folder, which no other program writes to meanwhile.

    Raises:
        StoreError: another program does, or the folder of the journal is a link.
        OSError: it cannot be written.
    """
    from filelock import FileLock, Timeout

    base = folder / OWN_FOLDER
    if base.is_symlink():
        raise StoreError(
            f"{base} is a link, so nothing is written there. Delete it, then start the download "
            "again."
        )
    base.mkdir(parents=True, exist_ok=True)
    lock = FileLock(base / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise StoreError(
            f"Another program is downloading into {folder}. Wait for it, or choose another folder."
        ) from error
    try:
        notes = read_notes(folder)
        with replacing(base / _JOURNAL) as fresh:  # without what was overtaken
            fresh.writelines(map(_line, notes))
        with reopen(base / _JOURNAL) as file:
            file.seek(0, os.SEEK_END)
            yield Journal(file, notes)
    finally:
        lock.release()


def _line(note: Note) -> bytes:
    return json.dumps(asdict(note)).encode() + b"\n"


@cache
def _reader() -> TypeAdapter[Note]:
    from pydantic import TypeAdapter

    return TypeAdapter(Note)


def _notes(path: Path) -> Iterator[Note]:
    """The notes of a file; lines that are none are left out, such as one that was cut off."""
    with contextlib.suppress(OSError), open_regular(path, MOST_LISTED_JSON) as file:
        while line := file.readline(_MOST_LINE):
            with contextlib.suppress(ValueError):
                yield _reader().validate_json(line, strict=True)
