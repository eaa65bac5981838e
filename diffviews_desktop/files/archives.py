"""Zip archives of other people: opened only where they are files, and not where a directory of
millions of members would fill the memory, or where members lie within each other."""

from __future__ import annotations

import errno
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from diffviews_desktop.files.reading import UnfitFileError, open_regular

MAX_DIRECTORY = 2**22
"""Bytes of an archive's directory: some ten thousand members."""
_HEADER = 30
"""Bytes before each member, its name not counted."""


@contextmanager
def open_archive(
    path: Path, most: int = MAX_DIRECTORY, check: Callable[[], None] = lambda: None
) -> Iterator[zipfile.ZipFile]:
    """A zip archive to read from.

    Args:
        path: the archive.
        most: bytes that its directory may have.
        check: called at every member of the directory; may raise to stop.

    Raises:
        UnfitFileError, OSError: see `diffviews_desktop.files.reading.open_regular`; or its
            directory is too large.
        zipfile.BadZipFile: it is none, or damaged; damage shows itself in other errors, too.
    """
    with open_regular(path) as file:
        stream = _BoundedReads(file, path, most)
        with _Archive(stream, check) as archive:
            stream.most = None
            _check_places(archive)
            yield archive


def _check_places(archive: zipfile.ZipFile) -> None:
    """Refuse an archive of which bytes belong to several members: these may hold far more together
    than the file has bytes."""
    end = archive.start_dir
    for member in sorted(archive.filelist, key=lambda one: one.header_offset, reverse=True):
        if member.header_offset + _HEADER + member.compress_size > end:
            raise zipfile.BadZipFile("its members overlap")
        end = member.header_offset


class _Archive(zipfile.ZipFile):
    """An archive whose directory is not read to its end where the user stops it."""

    def __init__(self, file: _BoundedReads, check: Callable[[], None]) -> None:
        self._members = _Members(check)
        super().__init__(file)

    @property
    def filelist(self) -> list[zipfile.ZipInfo]:
        """The members, to which `zipfile` adds one at a time."""
        return self._members

    @filelist.setter
    def filelist(self, value: list[zipfile.ZipInfo]) -> None:
        self._members[:] = value


class _Members(list[zipfile.ZipInfo]):
    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        super().__init__()

    def append(self, member: zipfile.ZipInfo) -> None:
        self._check()
        super().append(member)


class _BoundedReads:
    """A file as `zipfile` sees it, which reads its directory at once.

    Attributes:
        most: bytes that one call may read; None for any number.
    """

    def __init__(self, file: BinaryIO, path: Path, most: int) -> None:
        self.most: int | None = most
        self._file, self._path = file, path
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if self.most is not None and size > self.most:
            raise UnfitFileError(errno.EFBIG, "its directory is too large", str(self._path))
        return self._file.read(size)
