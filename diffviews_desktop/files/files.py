"""Files of other people: read only where they are files, within bounds, and written beside them.

Every file that a data folder, a checkpoint or the user names goes through this module. Nothing here
waits for the other end of a pipe, reads a device, follows a planted link when it writes, or takes
more memory than its caller allows.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, BinaryIO, TypeVar

from diffviews_desktop.files.interrupts import uninterrupted
from diffviews_desktop.files.leftovers import PART, held, sweep

T = TypeVar("T")

MOST_JSON = 16_000_000
"""Bytes of a JSON file that describes one thing: a configuration, a record, names of classes.

Whatever it holds, that takes 0.7 GB of memory at most."""
MOST_LISTED_JSON = 128_000_000
"""Bytes of a JSON file that may list all samples, such as a side-car."""
MOST_TABLE = 512_000_000
"""Bytes of a table of samples, in JSON or CSV: about two million of them.

It is read piece by piece, and refused where it would take more than `MOST_TABLE_MEMORY`."""
MOST_MEMORY = 1_000_000_000
"""Bytes of memory that the values of one JSON file may take, as `memory_of_json` estimates it."""
MOST_TABLE_MEMORY = 2_000_000_000
"""The same of a table of samples."""

_OPEN = sum(
    getattr(os, name, 0) for name in ("O_RDONLY", "O_NONBLOCK", "O_NOCTTY", "O_BINARY", "O_CLOEXEC")
)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_CREATE |= sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_BINARY", "O_CLOEXEC"))
_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
}


class UnfitFileError(OSError):
    """A path names no regular file, or one larger than what is read of its kind.

    Its ``strerror`` is a phrase that fits into a sentence: ``it is a named pipe, not a file``.
    """


def is_regular(path: Path | str) -> bool:
    """Whether a path names a regular file, links followed; never waits."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):  # the second: a NUL in the name
        return False


def can_be_a_path(text: str) -> bool:
    """Whether a file system can have a file of this name: no NUL, no half of a surrogate pair."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def meant_as_file(path: Path) -> bool:
    """Whether something that is no folder is there under a name that a file would have.

    What it is only shows when it is read: a pipe or a link that leads nowhere must be refused, not
    passed over as if there were nothing.
    """
    with contextlib.suppress(ValueError):  # a zero byte in the name
        return os.path.lexists(path) and not os.path.isdir(path)
    return False


def check_regular(path: Path, most: int | None = None) -> os.stat_result:
    """What the system says of a file that is about to be opened by a library, by its path.

    Raises:
        UnfitFileError: it is no regular file, or has more than ``most`` bytes.
        OSError: there is none.
    """
    try:
        status = os.stat(path)
    except ValueError as error:  # a zero byte in the name, or half a pair of surrogates
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from error
    return _fit(status, path, most)


def open_regular(path: Path, most: int | None = None) -> BinaryIO:
    """Open a regular file to read; a pipe, a device or a socket is never opened.

    Args:
        path: links are followed.
        most: bytes that it may have.

    Raises:
        UnfitFileError: it is no regular file, or larger.
        OSError: it cannot be opened.
    """
    check_regular(path, most)
    descriptor = os.open(path, _OPEN)
    try:
        _fit(os.fstat(descriptor), path, most)  # it may have been replaced in between
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_bytes(path: Path, most: int) -> bytes:
    """All of a regular file of at most ``most`` bytes; raises as `open_regular` does."""
    with open_regular(path, most) as file:
        # what the system makes up, as in /proc, has no size and may have no end
        return file.read(os.fstat(file.fileno()).st_size)


def read_text(path: Path, most: int, encoding: str = "utf-8-sig") -> str:
    """The text of a regular file of at most ``most`` bytes.

    Raises:
        UnfitFileError, OSError: see `open_regular`.
        UnicodeDecodeError: it is not in this encoding.
    """
    return read_bytes(path, most).decode(encoding)


def read_json_value(
    path: Path,
    most: int = MOST_JSON,
    pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
) -> Any:
    """What a JSON file holds.

    Args:
        path: the file.
        most: bytes that it may have.
        pairs_hook: makes an object of its keys and values; by default, a dictionary.

    Raises:
        UnfitFileError, OSError: see `open_regular`; or its values would take too much memory, or
            are nested too deeply.
        ValueError: it is not JSON in UTF-8.
    """
    data = read_bytes(path, most)
    if len(data) > MOST_JSON and memory_of_json(data) > MOST_MEMORY:
        raise too_many_values(path, MOST_MEMORY)
    return parse_json(data.decode("utf-8-sig"), path, pairs_hook)


def parse_json(
    text: str,
    path: Path,
    pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
) -> Any:
    """What a JSON text says; ``path`` is where it was found.

    Raises:
        UnfitFileError: it is nested too deeply.
        ValueError: it is not JSON.
    """
    try:
        return json.loads(text, object_pairs_hook=pairs_hook)
    except RecursionError:
        raise UnfitFileError(errno.EINVAL, "it is nested too deeply", str(path)) from None


def memory_of_json(data: bytes) -> int:
    """Bytes of memory that reading a JSON text takes at most, its values included (in CPython, an
    empty object takes 64, an object with one key 184, and a string 49 and its letters)."""
    # the bytes, the text and one long string in it; one emoji, and each letter takes four
    letters = len(data) * (3 if data.isascii() else 9)
    separators = data.count(b",") + data.count(b":")
    return letters + 200 * data.count(b"{") + 72 * data.count(b"[") + 75 * separators


def too_many_values(path: Path, most: int) -> UnfitFileError:
    """The error of a file whose values would take too much memory."""
    text = f"it holds so many values that they would take more than {_megabytes(most)} of memory"
    return UnfitFileError(errno.EFBIG, text, str(path))


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that takes the place of ``path`` when the block ends well, and else goes.

    It is written under a name that nobody can guess, in the same folder; a link at ``path`` is
    replaced, not followed.

    Raises:
        OSError: it cannot be written.
    """
    with replacing_all(path) as (file,):
        yield file


@contextlib.contextmanager
def replacing_all(*paths: Path) -> Iterator[list[IO[bytes]]]:
    """Files to write that belong together: as `replacing` does, all of them or none.

    Each is whole on the disk before the first takes its place, and they do so in this order.

    Raises:
        OSError: one cannot be written.
    """
    with contextlib.ExitStack() as stack:
        written = [stack.enter_context(_going(path)) for path in paths]
        yield [file for _, file in written]
        for _, file in written:
            close_synced(file)
        with uninterrupted():
            _take_places([temporary for temporary, _ in written], paths)


@contextlib.contextmanager
def private_folder(folder: Path) -> Iterator[Path]:
    """A new folder in a folder, hidden, made at random and its owner's alone; it goes in the end.

    Nobody can have put anything where it is written to: for libraries that take nothing but a path,
    and for files that appear together.

    Raises:
        OSError: it cannot be made.
    """
    temporary, _ = _made_in(folder, lambda path: os.mkdir(path, 0o700))
    try:
        with held(temporary):
            yield temporary
    finally:
        with uninterrupted():
            shutil.rmtree(temporary, ignore_errors=True)


def create_beside(path: Path) -> tuple[Path, IO[bytes]]:
    """A new file to write in the folder of ``path``, under a hidden name made at random.

    What exists is never opened, a link never followed.

    Raises:
        OSError: it cannot be created.
    """
    return _made_in(path.parent, create)


def create(path: Path) -> IO[bytes]:
    """A new file to write; what exists is never opened, a link never followed.

    Raises:
        OSError: it cannot be created, or is there.
    """
    return os.fdopen(os.open(path, _CREATE, 0o666), "wb")


def close_synced(file: IO[bytes]) -> None:
    """Close a file once all of it is on the disk."""
    file.flush()
    os.fsync(file.fileno())
    file.close()


def _made_in(folder: Path, make: Callable[[Path], T]) -> tuple[Path, T]:
    """What is made in a folder under a hidden name at random, and that name."""
    sweep(folder)
    while True:
        temporary = folder / f".{secrets.token_hex(8)}{PART}"
        try:
            return temporary, make(temporary)
        except FileExistsError:  # one of 2 ** 64 names
            continue
        except BaseException:  # Ctrl-C may come when it has just been made
            with contextlib.suppress(OSError):
                temporary.rmdir() if temporary.is_dir() else temporary.unlink()
            raise


@contextlib.contextmanager
def _going(path: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """`create_beside`, of which nothing stays under that name."""
    temporary, file = create_beside(path)
    try:
        with file, held(file.fileno()):
            yield temporary, file
    finally:
        _unlink(temporary)


def _take_places(temporaries: Sequence[Path], paths: Sequence[Path]) -> None:
    fresh = [path for path in paths if not os.path.lexists(path)]
    taken: list[Path] = []
    try:
        for temporary, path in zip(temporaries, paths, strict=True):
            os.replace(temporary, path)
            taken.append(path)
    except OSError:
        for path in set(fresh).intersection(taken):
            _unlink(path)
        raise


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _fit(status: os.stat_result, path: Path, most: int | None) -> os.stat_result:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise UnfitFileError(errno.EINVAL, f"it is {kind}, not a file", str(path))
    if most is not None and status.st_size > most:
        raise UnfitFileError(
            errno.EFBIG,
            f"it has {_megabytes(status.st_size)}; more than {_megabytes(most)} are not read",
            str(path),
        )
    return status


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 1e7 else f"{size / 1e6:,.1f} MB"
