"""Hashes of a large file, made of what has come of it while the rest is fetched.

What came is read again, from memory in which the system still holds it: it is there whatever the
order in which it came, and whichever program fetched it.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from diffviews_desktop.data.stores.hashing import Checksum, Digest
from diffviews_desktop.data.stores.ranges import Ranges

CHUNK = 1 << 20
"""Bytes that are read and hashed at a time, in memory that is used again: fresh memory costs more
than reading does."""


class Arrived:
    """Which bytes of a file are there; several threads may use it."""

    def __init__(self, ranges: Ranges) -> None:
        self._ranges, self._lock = ranges, threading.Lock()

    def add(self, start: int, stop: int) -> None:
        """Have these bytes, too."""
        with self._lock:
            self._ranges.add(start, stop)

    def has(self, start: int, stop: int) -> bool:
        """Whether all of these bytes are there."""
        with self._lock:
            return self._ranges.has(start, stop)

    def beginning(self) -> int:
        """How many bytes there are before the first that is missing."""
        with self._lock:
            return self._ranges.beginning

    def gaps(self, size: int, longest: int) -> list[tuple[int, int]]:
        """What is missing of a file of so many bytes, in ranges of at most ``longest``."""
        with self._lock:
            return list(self._ranges.gaps(size, longest))


class FileHash(Protocol):
    """The hash of a file; several threads may use it."""

    def go_on(self, start: int, stop: int) -> None:
        """Hash what has come, in or before these bytes, and no other thread has begun with."""

    def matches(self) -> bool:
        """Whether the whole file, which is there, hashes to what was expected."""


def hash_of(path: Path, checksum: Checksum, size: int, ranges: Arrived) -> FileHash:
    """What makes the hash of a file that will have so many bytes, to compare it with a checksum."""
    kind = HashByParts if checksum.part else HashInOrder
    return kind(path, checksum, size, ranges)


class HashInOrder:
    """Of all bytes in order; one thread does at a time."""

    def __init__(self, path: Path, checksum: Checksum, size: int, ranges: Arrived) -> None:
        self._path, self._size, self._arrived = path, size, ranges
        self._digest = Digest(checksum)
        self._hashed, self._hashing = 0, threading.Lock()

    def go_on(self, start: int, stop: int) -> None:
        if self._hashing.acquire(blocking=False):
            try:
                self._hash()
            finally:
                self._hashing.release()

    def matches(self) -> bool:
        with self._hashing:
            self._hash()
        return self._hashed == self._size and self._digest.matches()

    def _hash(self) -> None:
        while self._hashed < (end := self._arrived.beginning()):
            start = self._hashed
            for data in _read(self._path, start, end):
                self._digest.update(data)
                self._hashed += len(data)
            if self._hashed == start:
                return


class HashByParts:
    """Of the hashes of all parts, each made as soon as the part is there, by several threads."""

    def __init__(self, path: Path, checksum: Checksum, size: int, ranges: Arrived) -> None:
        self._path, self._size, self._arrived = path, size, ranges
        self._checksum = checksum
        self._number = -(-size // checksum.part)
        self._hashes: dict[int, bytes] = {}
        self._lock = threading.Lock()
        self._left = set(range(self._number))
        self._earlier = [number for number in self._left if self._is_there(number)]

    def go_on(self, start: int, stop: int) -> None:
        part = self._checksum.part
        for number in (*range(start // part, -(-stop // part)), *self._earlier[-1:]):
            if self._is_there(number) and self._take(number):
                self._hash(number)
        with self._lock:
            while self._earlier and self._earlier[-1] not in self._left:
                self._earlier.pop()

    def matches(self) -> bool:
        for number in range(self._number):
            if self._take(number):
                self._hash(number)
        if len(self._hashes) < self._number:  # another thread met with an error
            return False
        parts = b"".join(self._hashes[number] for number in range(self._number))
        whole = hashlib.new(self._checksum.algorithm, parts, usedforsecurity=False).hexdigest()
        return f"{whole}-{self._number}" == self._checksum.value

    def _is_there(self, number: int) -> bool:
        return self._arrived.has(*self._bounds(number))

    def _bounds(self, number: int) -> tuple[int, int]:
        start = number * self._checksum.part
        return start, min(start + self._checksum.part, self._size)

    def _take(self, number: int) -> bool:
        """Whether nobody has begun with a part; now this thread does."""
        with self._lock:
            free = number in self._left
            self._left.discard(number)
            return free

    def _hash(self, number: int) -> None:
        start, stop = self._bounds(number)
        digest, count = hashlib.new(self._checksum.algorithm, usedforsecurity=False), 0
        for data in _read(self._path, start, stop):
            digest.update(data)
            count += len(data)
        if count == stop - start:
            self._hashes[number] = digest.digest()


def _read(path: Path, start: int, stop: int) -> Iterator[memoryview]:
    """Bytes of a file, in pieces, each of which is there until the next is asked for; fewer where
    the file ends before."""
    room = memoryview(bytearray(min(CHUNK, stop - start)))
    with open(path, "rb", buffering=0) as file:
        file.seek(start)
        while start < stop and (count := file.readinto(room[: stop - start])):
            yield room[:count]
            start += count
