"""Files that are there in full after a crash or a power cut, and disks that get full."""

from __future__ import annotations

import errno
import math
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.errors import FULL_DISK, CacheError
from diffviews_desktop.files import writing
from diffviews_desktop.files.reading import UnfitFileError

MATRIX = "activations.npy"

CHUNK = 1 << 20
_UNSUPPORTED = {
    getattr(errno, name, None) for name in ("EOPNOTSUPP", "ENOTSUP", "EINVAL", "ENOSYS")
}


def create_matrix(folder: Path, shape: tuple[int, int], dtype: DTypeLike) -> MatrixFile:
    """Create ``folder/activations.npy``, to be written to, with all its space reserved.

    Raises:
        DataError: there is not enough space; nothing of it stays.
    """
    path = folder / MATRIX
    size = math.prod(shape) * np.dtype(dtype).itemsize
    matrix: MatrixFile | None = None
    try:
        matrix = MatrixFile.create(path, shape, dtype)
        _reserve(matrix.fileno(), matrix.start, matrix.start + matrix.nbytes)
        return matrix
    except OSError as error:
        free = free_bytes(folder)
        matrix = None  # an open file cannot be deleted everywhere
        with suppress(OSError):
            path.unlink()
        if is_full(error):
            raise disk_full(folder, size, free=free) from error
        raise


def _reserve(file: int, start: int, stop: int) -> None:
    """Make the disk keep bytes ``start`` to ``stop`` of a new file for it."""
    if hasattr(os, "posix_fallocate") and stop > start:
        try:
            os.posix_fallocate(file, 0, stop)
            return
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
    os.lseek(file, start, os.SEEK_SET)
    zeros = memoryview(bytes(CHUNK))
    while start < stop:
        start += os.write(file, zeros[: stop - start])


def write_synced(path: Path, data: bytes) -> None:
    """Write a new file, and bring it to the disk."""
    with writing.create(path) as file:
        file.write(data)
        writing.close_synced(file)


def link_or_copy(source: Path, target: Path) -> None:
    """Have a file under another name, too: the same where the file system can, else a copy.

    Raises:
        FileExistsError: there is something of that name.
        OSError: it can be neither; nothing of it stays.
    """
    try:
        os.link(source, target)
    except OSError:
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        with source.open("rb") as original, writing.replacing(target) as copy:
            shutil.copyfileobj(original, copy, CHUNK)


def sync_file(path: Path) -> None:
    with path.open("r+b" if os.name == "nt" else "rb") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    if os.name == "nt":
        return
    with suppress(OSError):
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def is_full(error: OSError) -> bool:
    """Whether the disk is full, or allows no more to be written."""
    if isinstance(error, UnfitFileError):  # a file that is too large to be read has that number
        return False
    # what numpy raises when it could write only a part has no number
    return error.errno in FULL_DISK or (error.errno is None and "requested and" in str(error))


def free_bytes(folder: Path) -> int:
    """Bytes that are free where a folder is, or will be."""
    existing = next((path for path in (folder, *folder.parents) if path.exists()), Path())
    return shutil.disk_usage(existing).free


def disk_full(
    folder: Path, size: int | None, subject: str = "This", *, free: int | None = None
) -> CacheError:
    space = _gigabytes(free_bytes(folder) if free is None else free)
    if size is None:
        text = f"The disk got full: {space} are free in {folder}."
    else:
        text = f"{subject} needs {_gigabytes(size)}, but only {space} are free in {folder}."
    return CacheError(f"{text} Make room, clear the layer cache, or choose a smaller layer.")


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e9:.2g} GB"


@contextmanager
def explain_full_disk(folder: Path) -> Iterator[None]:
    """Say in which folder the disk is full: that of the file that the system names, else this."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise disk_full(_full_folder(error, folder), None) from error
        raise


def _full_folder(error: OSError, usual: Path) -> Path:
    folder = Path(os.fsdecode(error.filename)).parent if error.filename else usual
    return usual if folder.is_relative_to(usual) else folder


def _files(folder: Path) -> list[os.stat_result]:
    """What is in a folder; nothing where it is a link, or gone."""
    if folder.is_symlink():
        return []
    try:
        with os.scandir(folder) as entries:
            return [os.lstat(entry.path) for entry in entries]
    except OSError:
        return []


def folder_size(path: Path) -> int:
    """The size of a folder's files in bytes."""
    return sum(status.st_size for status in _files(path) if stat.S_ISREG(status.st_mode))


def tree_size(path: Path) -> int:
    """The size of all files in a folder and below it in bytes; links are not followed."""
    size = folder_size(path)
    with suppress(OSError), os.scandir(path) as entries:
        folders = [Path(one.path) for one in entries if one.is_dir(follow_symlinks=False)]
        size += sum(map(tree_size, folders))
    return size


def idle_seconds(folder: Path) -> float:
    """Seconds since something in a folder was last written."""
    times = [status.st_mtime for status in _files(folder)]
    with suppress(OSError):
        times.append(folder.lstat().st_mtime)
    return time.time() - max(times) if times else 0.0


def remove(path: Path) -> None:
    """Delete a folder, or a link and not what it points to; what cannot be deleted stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
