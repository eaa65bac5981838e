"""What a session lies in: a zip archive, or a folder whose files are written as they change."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from diffviews_desktop.files.archives import open_archive
from diffviews_desktop.files.reading import (
    MOST_JSON,
    MOST_MEMORY,
    MOST_TABLE,
    MOST_TABLE_MEMORY,
    memory_of_json,
    open_regular,
    read_bytes,
)
from diffviews_desktop.files.writing import replacing
from diffviews_desktop.state.session_file.arrays import PIECE
from diffviews_desktop.text.translation import tr

HEAD = "session.json"
Pieces = Iterable[bytes | memoryview]
_COMPRESS = 1  # 9 takes ten times as long for a tenth less


def run_json(number: int) -> str:
    """What of a run is JSON, by the run's id."""
    return f"run-{number}.json"


def run_array(number: int, part: str) -> str:
    """One of its arrays: ``images``, ``noised``, ``numbers`` or ``reduced``."""
    return f"run-{number}-{part}.npy"


def _join(pieces: Pieces) -> Iterator[bytes]:
    """Larger pieces: for each that is written, the thread may have to wait for the window's."""
    buffer: list[bytes | memoryview] = []
    size = 0
    for piece in pieces:
        buffer.append(piece)
        size += len(piece)
        if size >= PIECE:
            yield b"".join(buffer)
            buffer, size = [], 0
    if buffer:
        yield b"".join(buffer)


class Written(Protocol):
    """Where members are written to."""

    def write(self, name: str, pieces: Pieces, of: object) -> None:
        """Write a member; ``of`` is the value that it is made of, which never changes.

        Raises:
            OSError: it cannot be written.
        """


class Read(Protocol):
    """Where members are read from."""

    def json(self, name: str) -> bytes:
        """A member of JSON, of a size that may be read.

        Raises:
            OSError, ValueError, KeyError: it is not there, too large or damaged.
        """

    def array(self, name: str) -> contextlib.AbstractContextManager[tuple[BinaryIO, int]]:
        """A member that holds an array, and its size; raises as `json`."""


class Bounded:
    """Reads members that take no more memory together than a session may take.

    Args:
        members: to read from.
        check: called at every member and at every piece of an array; may raise to stop.
    """

    def __init__(self, members: Read, check: Callable[[], None] = lambda: None) -> None:
        self._members, self.check = members, check
        self._json, self._samples = MOST_MEMORY, MOST_TABLE_MEMORY
        self._arrays: int | None = None

    def json(self, name: str) -> bytes:
        """A member of JSON; raises as `Read` does."""
        self.check()
        data = self._members.json(name)
        self._json -= memory_of_json(data)
        if len(data) > MOST_JSON or self._json < 0:
            raise ValueError(tr("{name} in it holds too many values", name=name))
        return data

    @contextlib.contextmanager
    def array(self, name: str) -> Iterator[tuple[BinaryIO, int]]:
        """An array of pictures, and its size; raises as `json`."""
        if self._arrays is None:
            import psutil  # not before a session is read

            self._arrays = psutil.virtual_memory().total
        with self._members.array(name) as (file, size):
            self._arrays -= size
            if self._arrays < 0:
                raise ValueError(tr("it takes more memory than this computer has"))
            yield cast("BinaryIO", _Checked(file, self.check)), size

    @contextlib.contextmanager
    def samples(self, name: str) -> Iterator[tuple[BinaryIO, int]]:
        """An array of samples, none larger than a table of samples may be; raises as `json`."""
        with self._members.array(name) as (file, size):
            self._samples -= size
            if size > MOST_TABLE or self._samples < 0:
                raise ValueError(
                    tr("{name} in it is larger than what is read of its kind", name=name)
                )
            yield cast("BinaryIO", _Checked(file, self.check)), size


class _Checked:
    """A file that asks at every piece whether it is still to be read."""

    def __init__(self, file: BinaryIO, check: Callable[[], None]) -> None:
        self._file, self._check = file, check

    def read(self, size: int = -1) -> bytes:
        self._check()
        return self._file.read(size)


# ---- an archive ---------------------------------------------------------------------------------


class ZipWriter:
    """Writes into a zip archive; JSON is compressed, arrays are not."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def write(self, name: str, pieces: Pieces, of: object) -> None:
        # an array is stored as it is: by its name alone a member would be compressed
        info = name if name.endswith(".json") else zipfile.ZipInfo(name)
        with self._archive.open(info, "w", force_zip64=True) as member:
            for piece in _join(pieces):
                member.write(piece)


class ZipReader:
    """Reads a zip archive.

    An array must lie in it as it is: so all take no more memory than the archive has bytes, as its
    members do not overlap.
    """

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def json(self, name: str) -> bytes:
        info = self._archive.getinfo(name)
        if info.file_size > MOST_JSON:
            raise ValueError(tr("{name} in it is larger than what is read of its kind", name=name))
        with self._archive.open(info) as member:
            return member.read(MOST_JSON)

    @contextlib.contextmanager
    def array(self, name: str) -> Iterator[tuple[BinaryIO, int]]:
        info = self._archive.getinfo(name)
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise ValueError(tr("{name} in it is compressed", name=name))
        with self._archive.open(info) as member:
            yield cast("BinaryIO", member), info.file_size


@contextlib.contextmanager
def writing_archive(file: Path) -> Iterator[ZipWriter]:
    """Write an archive that takes the place of a file once it is whole.

    Raises:
        OSError: it cannot be written.
    """
    form = zipfile.ZIP_DEFLATED
    with (
        replacing(file) as stream,
        zipfile.ZipFile(stream, "w", form, compresslevel=_COMPRESS) as archive,
    ):
        yield ZipWriter(archive)


@contextlib.contextmanager
def reading_archive(file: Path, check: Callable[[], None]) -> Iterator[ZipReader]:
    """Read an archive.

    Args:
        file: the archive.
        check: called at every member of its directory; may raise to stop.

    Raises:
        OSError: it cannot be read.
        zipfile.BadZipFile: it is none.
    """
    with open_archive(file, check=check) as archive:
        yield ZipReader(archive)


# ---- a folder -----------------------------------------------------------------------------------


class FolderStore:
    """Files in a folder of its own, each replaced as a whole and only where its value has
    changed.

    `session.json` is written last and read first: what a killed program has left fits it, as the
    steps of a whole run never change (for runs of another session with the same ids, there is
    `Scratch`).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written: dict[str, object] = {}

    def write(self, name: str, pieces: Pieces, of: object) -> None:
        if self._written.get(name) is of:
            return
        with replacing(self.folder / name) as stream:
            for piece in _join(pieces):
                stream.write(piece)
        self._written[name] = of

    def differs(self, name: str, of: object) -> bool:
        """Whether a member is there that was made of another value."""
        return self._written.get(name, of) is not of

    def keep_only(self, names: set[str]) -> None:
        """Delete the files of values that are gone."""
        for name in self._written.keys() - names:
            with contextlib.suppress(OSError):
                (self.folder / name).unlink()
            del self._written[name]

    def json(self, name: str) -> bytes:
        return read_bytes(self.folder / name, MOST_JSON)

    @contextlib.contextmanager
    def array(self, name: str) -> Iterator[tuple[BinaryIO, int]]:
        with open_regular(self.folder / name) as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            yield file, size
