"""Arrays as ``.npy``, written piece by piece and read within bounds."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from diffviews_desktop.errors import Cancelled
from diffviews_desktop.text.translation import tr

MOST_OF_HEADER = 10_000
PIECE = 1 << 20
"""Bytes that are read or written at once: other threads go on in between."""


def pieces_of(arrays: Sequence[NDArray], dtype: DTypeLike) -> Iterator[bytes | memoryview]:
    """An ``.npy`` file of arrays of one shape, one after the other along a new first axis."""
    kind = np.dtype(dtype).newbyteorder("<")
    shape = (len(arrays), *(arrays[0].shape if arrays else ()))
    yield _header(kind, shape)
    for array in arrays:
        yield np.ascontiguousarray(array, dtype=kind).data.cast("B")


def pieces_of_one(array: NDArray, dtype: DTypeLike) -> Iterator[bytes | memoryview]:
    """An ``.npy`` file of one array."""
    kind = np.dtype(dtype).newbyteorder("<")
    whole = np.ascontiguousarray(array, dtype=kind)
    yield _header(kind, whole.shape)
    if whole.size:
        flat = whole.data.cast("B")
        for start in range(0, len(flat), PIECE):
            yield flat[start : start + PIECE]


def _header(kind: np.dtype, shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    description = np.lib.format.dtype_to_descr(kind)
    np.lib.format.write_array_header_1_0(
        stream, {"descr": description, "fortran_order": False, "shape": shape}
    )
    return stream.getvalue()


def read_array(file: BinaryIO, size: int, dtype: DTypeLike, axes: int) -> NDArray:
    """The array of an ``.npy`` file.

    Args:
        file: to read from its start.
        size: bytes that it has.
        dtype: that the array must have.
        axes: how many it must have.

    Raises:
        ValueError: it holds something else, or less than it says.
    """
    kind = np.dtype(dtype).newbyteorder("<")
    reader = _Counted(file)
    shape, fortran, header_kind = _read_header(reader)
    if fortran or header_kind != kind or len(shape) != axes or min(shape, default=0) < 0:
        raise ValueError(tr("an array in it has other values than it should have"))
    values = math.prod(shape) * kind.itemsize
    if values != size - reader.count:
        raise ValueError(tr("an array in it has another size than it says"))
    array = np.empty(shape, kind)
    if values:
        _fill(array, file)
    return array


def _read_header(file: _Counted) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(tr("an array in it has a form that is not known"))
        return np.lib.format.read_array_header_1_0(file, max_header_size=MOST_OF_HEADER)
    except (OSError, ValueError, Cancelled):
        raise
    except Exception as error:  # a damaged one raises many kinds
        raise ValueError(tr("an array in it is damaged")) from error


def _fill(array: NDArray, file: BinaryIO) -> None:
    flat, at = array.data.cast("B"), 0
    while at < len(flat):
        piece = file.read(min(PIECE, len(flat) - at))
        if not piece:
            raise ValueError(tr("an array in it ends early"))
        flat[at : at + len(piece)] = piece
        at += len(piece)


class _Counted:
    """A file that counts what was read of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.count = file, 0

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self.count += len(piece)
        return piece
