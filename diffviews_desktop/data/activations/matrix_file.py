"""A matrix of floats in an ``.npy`` file, read and written by rows.

The file is never memory-mapped: where another program shortens it, or its disk goes away, a process
that has mapped it is ended by the system (SIGBUS), and one that reads it gets an error to tell.
"""

from __future__ import annotations

import io
import itertools
import math
import os
import threading
import weakref
from collections.abc import Iterator, Sequence
from operator import index
from pathlib import Path
from typing import IO, Any, TypeAlias, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from diffviews_desktop.data.activations.checked_rows import Checks
from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.files.reading import check_regular, open_regular

FLOATS = tuple(np.dtype(order + size) for size in ("f2", "f4", "f8") for order in "<>")
PIECE = 8 << 20  # bytes read at a time of which only a part is wanted, and written at a time
CACHED = 1 << 20  # bytes that a processor's cache holds
DENSE = 4  # where at least one in so many columns is wanted, whole rows are read

Matrix: TypeAlias = "NDArray | MatrixFile"
"""Rows ``(N, D)``, in memory or in a file."""
Rows = int | np.integer | slice | Sequence[int] | NDArray


class MatrixFile:
    """Rows ``(N, D)`` of a file, read when they are asked for: ``m[7]``, ``m[2:9]``, ``m[[1, 5]]``,
    ``m[mask]``, ``m[2:9, 100:200]``. What is read is an array of the file's kind of float.

    The file stays open for as long as this object or a `part` of it lives, so that it can be read
    to the end after it was deleted.

    Attributes:
        path: the file.
        shape, dtype: of the matrix.
        window: the rows and the columns that these are, in the file.
    """

    def __init__(
        self, path: Path, handle: _Handle, header: Header, window: tuple[slice, slice]
    ) -> None:
        self.path = path
        self.window = window
        self.dtype = header.dtype
        rows, columns = window
        self.shape = (rows.stop - rows.start, columns.stop - columns.start)
        self._handle = handle
        self._header = header

    @classmethod
    def open(cls, path: Path, *, writable: bool = False) -> MatrixFile:
        """Open a file whose header fits what is in it.

        Raises:
            OSError: it cannot be opened.
            ValueError: it is damaged, or holds something else than a matrix of floats.
        """
        if writable:
            check_regular(path)
            file = io.FileIO(path, "r+b")
        else:
            file = cast("io.FileIO", cast("io.BufferedReader", open_regular(path)).detach())
        handle = _Handle(path, file)
        header = Header.read(file)
        handle.size = header.end
        if os.fstat(file.fileno()).st_size < header.end:
            raise ValueError(f"it ends before its {header.rows} rows do")
        return cls._whole(path, handle, header)

    @classmethod
    def create(cls, path: Path, shape: tuple[int, int], dtype: DTypeLike) -> MatrixFile:
        """Create a file of zeros; none may be there.

        Raises:
            OSError: it cannot be written.
        """
        shape = (index(shape[0]), index(shape[1]))  # numpy's own numbers are no part of a header
        file = io.FileIO(path, "x+b")
        handle = _Handle(path, file)
        descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
        np.lib.format.write_array_header_1_0(
            file, {"descr": descr, "fortran_order": False, "shape": shape}
        )
        header = Header(*shape, np.dtype(dtype), False, file.tell())
        handle.size = header.end
        file.truncate(header.end)
        return cls._whole(path, handle, header)

    @classmethod
    def _whole(cls, path: Path, handle: _Handle, header: Header) -> MatrixFile:
        return cls(path, handle, header, (slice(0, header.rows), slice(0, header.width)))

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def nbytes(self) -> int:
        """Size of the values."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def start(self) -> int:
        """Where in the file the values begin."""
        return self._header.start

    def fileno(self) -> int:
        """The descriptor of the open file."""
        return self._handle.file.fileno()

    def compared_with(self, checks: Checks) -> MatrixFile:
        """The same, compared with its checksums whenever some of it is read."""
        self._handle.checks = checks
        return self

    def check(self) -> None:
        """Compare all of it with its checksums, where there are any.

        Raises:
            DamagedMatrixError: it is not what was written.
        """
        self._handle.check()

    def part(self, rows: slice, columns: slice) -> MatrixFile:
        """Some adjoining rows and columns, of the same open file."""
        window = _within(self.window[0], rows), _within(self.window[1], columns)
        return MatrixFile(self.path, self._handle, self._header, window)

    # ---- reading --------------------------------------------------------------------------------

    def __getitem__(self, key: Rows | tuple[Rows, slice]) -> NDArray:
        """Read.

        Raises:
            DataError: the file was shortened since, cannot be read, or is not what was written.
            IndexError: there is no such row.
        """
        rows, columns = cast(
            "tuple[Rows, slice]", key if type(key) is tuple else (key, slice(None))
        )
        if isinstance(rows, int | np.integer):
            return self[[int(rows)], columns][0]
        count, runs = self._runs(rows)
        selection: range = range(self.shape[1])[columns]
        out = np.empty((count, len(selection)), self.dtype)
        for to, first in runs:
            self._read(first, selection, out[to])
        return out

    def pieces(self, rows: slice) -> Iterator[tuple[slice, NDArray]]:
        """Read adjoining rows, few enough at a time to stay in the processor's cache: which they
        are, and their values, which the next overwrite.

        Raises:
            DataError: as by indexing.
        """
        size = max(1, CACHED // max(1, self.shape[1] * self.dtype.itemsize))
        buffer = np.empty((min(size, rows.stop - rows.start), self.shape[1]), self.dtype)
        for start in range(rows.start, rows.stop, size):
            part = slice(start, min(start + size, rows.stop))
            values = buffer[: part.stop - part.start]
            self._read(start, range(self.shape[1]), values)
            yield part, values

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray:
        """All of it."""
        return np.asarray(self[:], dtype)

    def _read(self, first: int, columns: range, out: NDArray) -> None:
        if not out.size:
            return
        header, row, column = self._header, first + self.window[0].start, self.window[1].start
        start, stop = column + columns.start, column + columns.stop
        if header.column_order:
            transpose = np.empty((stop - start, len(out)), self.dtype)
            for i, values in enumerate(transpose):
                self._handle.read_at(header.place(row, start + i), values)
            out[:] = transpose.T
        elif stop - start == header.width:
            self._handle.read_at(header.place(row, 0), out)
        elif (stop - start) * DENSE < header.width:
            for i, values in enumerate(out):
                self._handle.read_at(header.place(row + i, start), values)
        else:
            size = max(1, PIECE // (header.width * self.dtype.itemsize))
            buffer = np.empty((min(size, len(out)), header.width), self.dtype)
            for offset in range(0, len(out), size):
                whole = buffer[: len(out) - offset]
                self._handle.read_at(header.place(row + offset, 0), whole)
                out[offset : offset + size] = whole[:, start:stop]

    # ---- writing --------------------------------------------------------------------------------

    def __setitem__(self, rows: Rows, values: Any) -> None:
        """Write whole rows; what is too large for the kind of float becomes infinity.

        Raises:
            DataError: the file was shortened since.
            OSError: it cannot be written.
        """
        count, runs = self._runs([int(rows)] if isinstance(rows, int | np.integer) else rows)
        block = np.broadcast_to(np.asarray(values), (count, self.shape[1]))
        size = max(1, PIECE // max(1, self.shape[1] * self.dtype.itemsize))
        for to, first in runs:
            for start in range(to.start, to.stop, size):
                part = block[start : min(start + size, to.stop)]
                with np.errstate(over="ignore", invalid="ignore"):
                    buffer = np.ascontiguousarray(part, self.dtype)
                place = self._header.place(self.window[0].start + first + start - to.start, 0)
                self._handle.write_at(place, buffer)

    def flush(self) -> None:
        """Bring what was written to the disk."""
        getattr(os, "fdatasync", os.fsync)(self.fileno())

    # ---- which ----------------------------------------------------------------------------------

    def _runs(self, rows: slice | Sequence[int] | NDArray) -> tuple[int, Iterator[_Run]]:
        """How many rows are wanted, and the runs of adjoining ones: where they go, the first."""
        if isinstance(rows, slice):
            selection = range(len(self))[rows]
            if selection.step == 1:
                runs = iter([(slice(0, len(selection)), selection.start)] if selection else [])
                return len(selection), runs
            rows = np.asarray(selection)
        chosen_rows = np.asarray(rows)
        if chosen_rows.dtype == bool:
            if chosen_rows.shape != (len(self),):
                raise IndexError(f"a mask {chosen_rows.shape} does not fit {len(self)} rows")
            chosen_rows = np.flatnonzero(chosen_rows)
        indices = chosen_rows.astype(np.int64, copy=False)
        indices = np.where(indices < 0, indices + len(self), indices)
        if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < len(self):
            raise IndexError(f"there are {len(self)} rows")
        return len(indices), _adjoining(indices)


_Run = tuple[slice, int]


def _within(outer: slice, inner: slice) -> slice:
    start, stop, _ = inner.indices(outer.stop - outer.start)
    return slice(outer.start + start, outer.start + max(start, stop))


def _adjoining(rows: NDArray[np.int64]) -> Iterator[_Run]:
    bounds = [0, *(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
    for start, stop in itertools.pairwise(bounds):
        if stop > start:
            yield slice(start, stop), int(rows[start])


class Header:
    """What the file says of the matrix, and where its values are."""

    __slots__ = ("column_order", "dtype", "rows", "start", "width")

    def __init__(
        self, rows: int, width: int, dtype: np.dtype, column_order: bool, start: int
    ) -> None:
        self.rows, self.width, self.dtype = rows, width, dtype
        self.column_order, self.start = column_order, start

    @classmethod
    def read(cls, file: IO[bytes]) -> Header:
        """Read and check the header.

        Raises:
            OSError: it cannot be read.
            ValueError: it is damaged, or describes something else than a matrix of floats.
        """
        try:
            shape, column_order, dtype = read_array_header(file)
        except (OSError, ValueError):
            raise
        except Exception as error:  # a damaged one raises many kinds
            raise ValueError(brief(error)) from error
        if len(shape) != 2 or dtype not in FLOATS or min(shape) < 0:
            raise ValueError(f"it holds no matrix (samples, values) of floats but {dtype} {shape}")
        return cls(shape[0], shape[1], dtype, column_order and min(shape) > 1, file.tell())

    @property
    def end(self) -> int:
        """Where in the file the values end."""
        return self.start + self.rows * self.width * self.dtype.itemsize

    def place(self, row: int, column: int) -> int:
        """Where in the file a value is."""
        number = column * self.rows + row if self.column_order else row * self.width + column
        return self.start + number * self.dtype.itemsize


def read_array_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether it is stored by columns, and dtype of an array as numpy writes it.

    Raises:
        ValueError: its format is not known; a damaged header raises many other kinds.
    """
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(file)
    raise ValueError(f"its format {version} is not known")


class _Handle:
    """An open file that several objects read; closed when the last of them is gone."""

    def __init__(self, path: Path, file: io.FileIO) -> None:
        self.path = path
        self.file = file
        self.size = 0  # of the file, at least
        self.checks: Checks | None = None
        self._lock = threading.Lock()
        weakref.finalize(self, file.close)

    def read_at(self, place: int, out: NDArray) -> None:
        """Fill an array that lies in one piece.

        Raises:
            DataError: the file is shorter by now, cannot be read, or is not what was written.
        """
        view = whole = memoryview(out.data).cast("B")
        try:
            with self._lock:
                self.file.seek(place)
                while view:
                    count = self.file.readinto(view)
                    if not count:
                        raise self._truncation_error()
                    view = view[count:]
                if self.checks is not None:
                    self.checks.look(self.file, place, whole)
        except OSError as error:
            raise DataError(
                f"{self.path} cannot be read any more ({brief(error)}). Check the disk, and "
                "restore the file."
            ) from error

    def check(self) -> None:
        with self._lock:
            if self.checks is not None:
                self.checks.finish(self.file)

    def write_at(self, place: int, values: NDArray) -> None:
        """Write an array that lies in one piece.

        Raises:
            DataError: the file is shorter by now: what it held would be zeros.
            OSError: it cannot be written.
        """
        view = memoryview(values.data).cast("B")
        with self._lock:
            if os.fstat(self.file.fileno()).st_size < self.size:
                raise self._truncation_error()
            self.file.seek(place)
            while view:
                view = view[self.file.write(view) :]

    def _truncation_error(self) -> DataError:
        return DataError(
            f"{self.path} was shortened by another program while it was in use. Restore it, or try "
            "again."
        )
