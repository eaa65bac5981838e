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
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO

MOST_JSON = 16_000_000
"""Bytes of a JSON file that describes one thing: a configuration, a side-car, a record."""
MOST_TABLE = 512_000_000
"""Bytes of a table of samples: about two million of them."""

PART = ".part"
"""How the names of files end that are being written."""

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


def check_regular(path: Path, most: int | None = None) -> os.stat_result:
    """What the system says of a file that is about to be opened by a library, by its path.

    Raises:
        UnfitFileError: it is no regular file, or has more than ``most`` bytes.
        OSError: there is none.
    """
    return _fit(os.stat(path), path, most)


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


def read_json_value(path: Path, most: int = MOST_JSON) -> Any:
    """What a JSON file holds.

    Raises:
        UnfitFileError, OSError: see `open_regular`.
        ValueError: it is not JSON in UTF-8, or nested too deeply.
    """
    try:
        return json.loads(read_text(path, most))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that takes the place of ``path`` when the block ends well, and else goes.

    It is written under a name that nobody can guess, in the same folder; a link at ``path`` is
    replaced, not followed.

    Raises:
        OSError: it cannot be written.
    """
    temporary, file = create_beside(path)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def create_beside(path: Path) -> tuple[Path, IO[bytes]]:
    """A new file to write in the folder of ``path``, under a hidden name made at random.

    What exists is never opened, a link never followed.

    Raises:
        OSError: it cannot be created.
    """
    while True:
        temporary = path.with_name(f".{secrets.token_hex(8)}{PART}")
        with contextlib.suppress(FileExistsError):  # one of 2 ** 64 names
            return temporary, os.fdopen(os.open(temporary, _CREATE, 0o666), "wb")


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
