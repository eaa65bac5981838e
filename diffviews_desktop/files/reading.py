"""Files of other people: read only where they are files, within bounds.

Every file that a data folder, a checkpoint or the user names goes through this module. Nothing here
waits for the other end of a pipe, reads a device, or takes more memory than its caller allows.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

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

LONGEST_PATH = 32_768 if os.name == "nt" else 4096
"""Letters that the path of a file may have, with the one that ends it."""

_OPEN = sum(
    getattr(os, name, 0) for name in ("O_RDONLY", "O_NONBLOCK", "O_NOCTTY", "O_BINARY", "O_CLOEXEC")
)

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
    """Whether a file system can have a file of this name: no NUL, no half of a surrogate pair, and
    not longer than any system takes (to follow the links of one of megabytes takes hours)."""
    try:
        return len(text) < LONGEST_PATH and b"\0" not in os.fsencode(text)
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
