"""Checksums of a stored matrix, compared with what is read before anything is made of it.

Beside a large matrix lie the CRC-32s of its file, one for each `BLOCK` bytes, so that a few rows
cost little to check, and all of them a fraction of what is done with them.
"""

from __future__ import annotations

import hashlib
import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from diffviews_desktop.errors import CacheError

BLOCK = 1 << 18
SUMS = "activations.crc32"
_SUM = np.dtype("<u4")


class DamagedMatrixError(CacheError):
    """A matrix is not what was written; ``entry`` is the folder that it lies in."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is damaged: it is not what was written.")
        self.entry = path.parent


class Checks(Protocol):
    """Compares a file with its checksums while it is read."""

    def look(self, file: io.FileIO, place: int, data: memoryview) -> None:
        """Check what was just read, and what of the file belongs to the same checksums.

        Raises:
            DamagedMatrixError: it is not what was written.
        """
        ...

    def finish(self, file: io.FileIO) -> None:
        """Check what was not looked at yet; raises as `look` does."""
        ...


class BlockChecks:
    """Compares each block of a file once, when some of it is first read.

    Args:
        path: the file.
        sums: what `BlockSums` made of it.

    Raises:
        DamagedMatrixError: these are sums of another file.
    """

    def __init__(self, path: Path, sums: bytes) -> None:
        self._path = path
        self._size = path.stat().st_size
        if len(sums) != -(-self._size // BLOCK) * _SUM.itemsize:
            raise DamagedMatrixError(path)
        self._sums = np.frombuffer(sums, _SUM).tolist()
        self._sound = bytearray(len(self._sums))
        self._left = len(self._sums)

    def look(self, file: io.FileIO, place: int, data: memoryview) -> None:
        """See `Checks`."""
        if not self._left or not data:
            return
        stop = place + len(data)
        # the first block holds the header, which says how all others are to be read
        for number in {0, *range(place // BLOCK, (stop - 1) // BLOCK + 1)}:
            if self._sound[number]:
                continue
            start, end = number * BLOCK, min((number + 1) * BLOCK, self._size)
            if end <= place or stop <= start:
                crc = _crc(file, start, end)
            else:
                crc = _crc(file, start, place)
                crc = zlib.crc32(data[max(start - place, 0) : end - place], crc)
                crc = _crc(file, stop, end, crc)
            self._compare(number, crc)

    def finish(self, file: io.FileIO) -> None:
        """See `Checks`."""
        for number in [i for i, sound in enumerate(self._sound) if not sound]:
            start = number * BLOCK
            self._compare(number, _crc(file, start, min(start + BLOCK, self._size)))

    def _compare(self, number: int, crc: int) -> None:
        if crc != self._sums[number]:
            raise DamagedMatrixError(self._path)
        self._sound[number] = True
        self._left -= 1


class WholeCheck:
    """Compares a file with the SHA-256 of all of it, when some of it is first read."""

    def __init__(self, path: Path, sha256: str) -> None:
        self._path, self._sha256 = path, sha256
        self._sound = False

    def look(self, file: io.FileIO, place: int, data: memoryview) -> None:
        """See `Checks`."""
        self.finish(file)

    def finish(self, file: io.FileIO) -> None:
        """See `Checks`."""
        if self._sound:
            return
        digest = hashlib.sha256()
        for part in _parts(file, 0, os.fstat(file.fileno()).st_size):
            digest.update(part)
        if digest.hexdigest() != self._sha256:
            raise DamagedMatrixError(self._path)
        self._sound = True


def _crc(file: io.FileIO, start: int, stop: int, crc: int = 0) -> int:
    for part in _parts(file, start, stop):
        crc = zlib.crc32(part, crc)
    return crc


def _parts(file: io.FileIO, start: int, stop: int) -> Iterator[bytes]:
    """The bytes of a file between two places, a few at a time; fewer where it ends before."""
    if start < stop:
        file.seek(start)
    while start < stop:
        part = file.read(min(BLOCK, stop - start))
        if not part:
            return
        start += len(part)
        yield part


class BlockSums:
    """Makes the checksums of a file that is read in pieces."""

    def __init__(self) -> None:
        self._sums: list[int] = []
        self._size = 0

    def __len__(self) -> int:
        return len(self._sums)

    def update(self, data: memoryview) -> None:
        """Take the next bytes of the file."""
        while len(data):
            offset = self._size % BLOCK
            part, data = data[: BLOCK - offset], data[BLOCK - offset :]
            if offset:
                self._sums[-1] = zlib.crc32(part, self._sums[-1])
            else:
                self._sums.append(zlib.crc32(part))
            self._size += len(part)

    def to_bytes(self) -> bytes:
        """The checksums, four bytes each."""
        return np.array(self._sums, dtype=_SUM).tobytes()
