"""Rows of a stored matrix that are compared with their checksums before anything is made of them.

Beside a large matrix lie the CRC-32s of its file, one for each `BLOCK` bytes, so that a few rows
cost little to check, and all of them a fraction of what is done with them.
"""

from __future__ import annotations

import hashlib
import mmap
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.errors import CacheError

BLOCK = 1 << 18
SUMS = "activations.crc32"
_SUM = np.dtype("<u4")


class DamagedMatrixError(CacheError):
    """A matrix is not what was written; ``entry`` is the folder that it lies in."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is damaged: it is not what was written.")
        self.entry = path.parent


class CheckedRows:
    """A memory-mapped matrix ``(N, D)`` whose parts are checked when they are first read.

    Indexing gives plain arrays, as the matrix itself would.

    Args:
        path: its file.
        rows: the matrix.
        block: how many bytes of the file each checksum is of.
        sums: the checksums, in the order of the file.
        checksum: makes one.
    """

    def __init__(
        self,
        path: Path,
        rows: np.memmap,
        block: int,
        sums: Sequence[Any],
        checksum: Callable[[memoryview], Any],
    ) -> None:
        mapped: Any = rows.base
        if not isinstance(mapped, mmap.mmap) or rows.offset >= mmap.ALLOCATIONGRANULARITY:
            raise DamagedMatrixError(path)  # its header is longer than we write any
        self._file = memoryview(mapped)
        if -(-len(self._file) // block) != len(sums):
            raise DamagedMatrixError(path)
        self._path, self._rows, self._offset = path, np.asarray(rows), rows.offset
        self._block, self._sums, self._checksum = block, sums, checksum
        self._sound = np.zeros(len(sums), dtype=bool)
        self._numbers = np.arange(len(rows))

    @property
    def shape(self) -> tuple[int, ...]:
        """``(N, D)``."""
        return self._rows.shape

    @property
    def dtype(self) -> np.dtype:
        """Of a value."""
        return self._rows.dtype

    @property
    def nbytes(self) -> int:
        """Size of the matrix."""
        return self._rows.nbytes

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> NDArray:
        """Rows, as of an array.

        Raises:
            DamagedMatrixError: they are not what was written.
        """
        if not self._sound.all():
            rows = np.atleast_1d(self._numbers[index[0] if isinstance(index, tuple) else index])
            self._check(self._blocks_of(rows))
        return self._rows[index]

    def check(self) -> None:
        """Check what was not read yet.

        Raises:
            DamagedMatrixError: it is not what was written.
        """
        self._check(np.ones(len(self._sums), dtype=bool))

    def _blocks_of(self, rows: NDArray) -> NDArray:
        """Which blocks rows lie in, and the first, which says how they are to be read."""
        width = max(1, self._rows.strides[0])
        starts = self._offset + rows * width
        begun = np.zeros(len(self._sums) + 1, dtype=np.int64)
        np.add.at(begun, starts // self._block, 1)
        np.add.at(begun, (starts + width - 1) // self._block + 1, -1)
        wanted: NDArray = begun.cumsum()[:-1] > 0
        wanted[:1] = True
        return wanted

    def _check(self, wanted: NDArray) -> None:
        for number in np.flatnonzero(wanted & ~self._sound).tolist():
            start = number * self._block
            if self._checksum(self._file[start : start + self._block]) != self._sums[number]:
                raise DamagedMatrixError(self._path)
            self._sound[number] = True


def checked_in_blocks(path: Path, rows: np.memmap, sums: bytes) -> CheckedRows:
    """A matrix with what `BlockSums` made of its file.

    Raises:
        DamagedMatrixError: these are sums of another file.
    """
    if len(sums) % _SUM.itemsize:
        raise DamagedMatrixError(path)
    known = np.frombuffer(sums, _SUM).tolist()
    return CheckedRows(path, rows, BLOCK, known, zlib.crc32)


def checked_as_a_whole(path: Path, rows: np.memmap, sha256: str) -> CheckedRows:
    """A matrix with the checksum of its whole file: the first look reads all of it."""

    def checksum(data: memoryview) -> str:
        return hashlib.sha256(data).hexdigest()

    return CheckedRows(path, rows, max(1, path.stat().st_size), [sha256], checksum)


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
            used = self._size % BLOCK
            part, data = data[: BLOCK - used], data[BLOCK - used :]
            if used:
                self._sums[-1] = zlib.crc32(part, self._sums[-1])
            else:
                self._sums.append(zlib.crc32(part))
            self._size += len(part)

    def to_bytes(self) -> bytes:
        """The checksums, four bytes each."""
        return np.array(self._sums, dtype=_SUM).tobytes()
