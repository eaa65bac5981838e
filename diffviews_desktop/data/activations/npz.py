"""Reading ``.npz`` archives of arrays: rows as a stream, in bounded memory, and never a pickle.

What an archive's headers say is checked against the archive before memory is taken for it.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import psutil
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import BLOCK_BYTES, Float32
from diffviews_desktop.data.activations.matrix_file import FLOATS, read_array_header
from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.files.archives import open_archive
from diffviews_desktop.files.mistaken import mistaken_file

MAX_RATIO = 1100  # deflate makes nothing more than 1032 times smaller
MAX_ROW = 2**28  # values of one layer of one sample
MAX_COLUMN_ORDER = 2**30  # bytes of an array that can only be read as a whole
READ_AT_ONCE = 2**20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those that numpy writes


@dataclass(frozen=True)
class ArrayHeader:
    """What an array in an archive says of itself."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    column_order: bool

    @property
    def size(self) -> int:
        """Bytes of its values."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True, eq=False)
class NpzFile:
    """An ``.npz`` archive whose headers have been read and checked, its values not yet.

    Attributes:
        path: the archive.
        arrays: what each array says of itself, by sorted name.
    """

    path: Path
    arrays: Mapping[str, ArrayHeader]

    @classmethod
    def open(cls, path: Path) -> NpzFile:
        """Read the headers of an archive.

        Raises:
            DataError: it is damaged, holds pickled objects, or claims more than it can hold.
        """
        with _translate_errors(path), open_archive(path) as archive:
            arrays = {}
            for info in archive.infolist():
                name = info.filename.removesuffix(".npy")
                if name in arrays:
                    raise DataError(f"{path} holds the array {name!r} twice. Make it again.")
                _check_member(path, info)
                with archive.open(info) as member:
                    header = _read_header(member)
                    start = member.tell()
                if header.dtype.hasobject:
                    raise DataError(
                        f"{path} holds pickled objects in {name!r}, which are not read because "
                        "they can run code. Store numbers instead."
                    )
                if min(header.shape, default=0) < 0 or start + header.size != info.file_size:
                    raise DataError(
                        f"{path} is damaged: {name!r} says {header.dtype} {header.shape}, but has "
                        f"{info.file_size - start} bytes. Restore the file."
                    )
                arrays[name] = header
        return cls(path, dict(sorted(arrays.items())))

    def batch_size(self) -> int:
        """Number of samples, where every array is a layer ``(B, ...)`` of the same B.

        Raises:
            DataError: one is not.
        """
        if not self.arrays:
            raise DataError(f"{self.path} holds no arrays. Put back a copy that works.")
        for name, header in self.arrays.items():
            if header.dtype not in FLOATS or len(header.shape) < 2 or 0 in header.shape[1:]:
                raise DataError(
                    f"{self.path}: {name!r} is no layer (B, ...) of floats but {header.dtype} "
                    f"{header.shape}. Leave it out of the file."
                )
            if math.prod(header.shape[1:]) > MAX_ROW:
                raise DataError(
                    f"{self.path}: {name!r} claims {math.prod(header.shape[1:])} values a sample, "
                    "which no layer has. Restore the file."
                )
        counts = {name: header.shape[0] for name, header in self.arrays.items()}
        if len(set(counts.values())) != 1:
            few, many = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
            raise DataError(
                f"{self.path} has {counts[few]} samples of {few} but {counts[many]} of {many}. "
                "Restore the file."
            )
        return next(iter(counts.values()))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each array without its first axis."""
        return {name: header.shape[1:] for name, header in self.arrays.items()}

    def blocks(self, names: Sequence[str]) -> Iterator[tuple[int, Float32]]:
        """Rows of layers joined in the order of ``names``: ``(b, D) float32``, with the number of
        the first, in blocks of about 64 MB and to the end.

        Reading to the end is what has the archive's check sums looked at.

        Raises:
            DataError: the archive is damaged.
        """
        widths = [math.prod(self.arrays[name].shape[1:]) for name in names]
        count = self.arrays[names[0]].shape[0]
        step = max(1, BLOCK_BYTES // (4 * sum(widths)))
        with ExitStack() as stack:
            with _translate_errors(self.path):
                archive = stack.enter_context(open_archive(self.path))
                readers = [
                    _rows(stack.enter_context(archive.open(_member(archive, name))), header)
                    for name, header in ((name, self.arrays[name]) for name in names)
                ]
                for reader in readers:
                    next(reader)
            for start in range(0, max(count, 1), step):
                with _translate_errors(self.path):
                    n = min(step, count - start)
                    parts = [reader.send(n) for reader in readers]
                    block = np.empty((n, sum(widths)), np.float32)
                    _join(parts, widths, block)
                yield start, block
            with _translate_errors(self.path):
                for reader in readers:
                    reader.send(0)

    def header(self, name: str) -> ArrayHeader:
        """What one array says of itself.

        Raises:
            DataError: the archive has no such array.
        """
        if name not in self.arrays:
            raise DataError(f"{self.path} lacks the array {name!r}. Put back a copy that works.")
        return self.arrays[name]

    def read(self, name: str) -> NDArray:
        """One array as it is stored.

        Raises:
            DataError: the archive is damaged, or has no such array.
        """
        reference = self.header(name)
        with (
            _translate_errors(self.path),
            open_archive(self.path) as archive,
            archive.open(_member(archive, name)) as member,
        ):
            header = _read_header(member)
            if header != reference:
                raise ValueError("it has changed since it was opened")
            _check_memory(header.size)
            values = np.empty(math.prod(header.shape), header.dtype)
            _fill(member, values)
            return values.reshape(header.shape, order="F" if header.column_order else "C")


def _check_memory(size: int) -> None:
    memory = psutil.virtual_memory().total
    if size > memory:
        raise ValueError(
            f"an array in it has {size / 1e9:.0f} GB, and this computer {memory / 1e9:.0f} GB of "
            "memory"
        )


def _fill(member: IO[bytes], values: NDArray) -> None:
    """Read all of a member, to the end, where its checksum is compared."""
    room = values.view(np.uint8).data if values.nbytes else memoryview(b"")
    position = 0
    while position < len(room):
        count = member.readinto(room[position : position + READ_AT_ONCE])  # type: ignore[attr-defined]
        if not count:
            raise ValueError("its values end early")
        position += count
    if member.read(1):
        raise ValueError("it has more values than it says")


def _rows(member: IO[bytes], reference: ArrayHeader) -> Any:
    """A reader: send it how many rows are wanted next; 0 at the end, for the check sum."""
    header = _read_header(member)
    if header != reference:
        raise ValueError("it has changed since it was opened")
    width, start, whole = math.prod(header.shape[1:]), 0, None
    if header.column_order:
        if header.size > MAX_COLUMN_ORDER:
            raise ValueError("an array is stored by columns and too large to be turned")
        whole = np.frombuffer(member.read(), header.dtype).reshape(header.shape, order="F")
        whole = whole.reshape(len(whole), -1)
    rows = None
    while True:
        n = yield rows
        if whole is not None:
            rows = whole[start : start + n]
        else:
            size = n * width * header.dtype.itemsize
            data = member.read(size) if n else member.read(1)
            if len(data) != size:
                raise ValueError("its values end early")
            rows = np.frombuffer(data, header.dtype).reshape(n, width)
        start += n


def _join(parts: Sequence[NDArray], widths: Sequence[int], out: Float32) -> None:
    start = 0
    with np.errstate(over="ignore"):  # a float64 may be beyond float32: infinity, reported later
        for part, width in zip(parts, widths, strict=True):
            out[:, start : start + width] = part
            start += width


def _check_member(path: Path, info: zipfile.ZipInfo) -> None:
    if (
        not info.filename.endswith(".npy")
        or info.flag_bits & 1
        or info.compress_type not in METHODS
    ):
        raise DataError(
            f"{path} holds {info.filename!r}, which is no array as numpy writes it. Make the file "
            "again."
        )
    if info.file_size > MAX_RATIO * info.compress_size + 65536:
        raise DataError(
            f"{path} is damaged or made to fill the memory: {info.filename!r} claims "
            f"{info.file_size} bytes in {info.compress_size}. Restore the file."
        )


def _member(archive: zipfile.ZipFile, name: str) -> str:
    return f"{name}.npy" if f"{name}.npy" in archive.NameToInfo else name


def _read_header(member: IO[bytes]) -> ArrayHeader:
    shape, fortran, dtype = read_array_header(member)
    return ArrayHeader(shape, dtype, fortran and len(shape) > 1)


@contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    """Whatever a damaged archive raises, as a `DataError` that names it."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # zip, zlib, header and value errors of many kinds
        instead = mistaken_file(path)
        if instead:
            raise DataError(f"{path} holds no arrays: it is {instead}.") from error
        raise DataError(
            f"{path} is not a readable archive of arrays ({brief(error)}). Put back "
            "a copy that works."
        ) from error
