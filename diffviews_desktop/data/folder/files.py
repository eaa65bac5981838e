"""Finding and reading the small files of a data folder, without leaving it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.files import writing
from diffviews_desktop.files.reading import (
    MOST_JSON,
    can_be_a_path,
    check_regular,
    meant_as_file,
    read_json_value,
)
from diffviews_desktop.values.samples import path_inside


def read_json(path: Path, most: int = MOST_JSON) -> dict[str, Any]:
    """A JSON object of a file of at most ``most`` bytes.

    Raises:
        DataError: it cannot be read, is not JSON in UTF-8, or holds something else.
    """
    try:
        value = read_json_value(path, most)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as JSON ({brief(error)}). Correct it, or put back "
            "a copy that works."
        ) from error
    if not isinstance(value, dict):
        raise DataError(f"{path} must hold a JSON object: correct or restore it.")
    return value


def names_in(folder: Path) -> list[str]:
    """What a folder holds, sorted; nothing where there is no such folder.

    Raises:
        DataError: it is there but cannot be read: what is in it must not pass for missing.
    """
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DataError(
            f"The folder {folder} cannot be read ({brief(error)}). Change its rights."
        ) from error


def files_in(folder: Path, suffix: str) -> list[Path]:
    """Files of a folder whose names end with ``suffix``, sorted by name; none that are hidden.

    A pipe of such a name counts (see `diffviews_desktop.files.reading.meant_as_file`).

    Raises:
        DataError: the folder is there but cannot be read.
    """
    paths = [folder / name for name in names_in(folder) if not name.startswith(".")]
    return [path for path in paths if path.name.endswith(suffix) and meant_as_file(path)]


def in_number_order(paths: list[Path]) -> list[Path]:
    """Paths sorted by name, with numbers in them by value: ``batch_2`` before ``batch_10``."""

    def parts(path: Path) -> list[tuple[int, str]]:
        pieces = re.findall(r"[0-9]+|[^0-9]+", path.name)
        return [(int(piece), "") if piece.isdecimal() else (0, piece) for piece in pieces]

    return sorted(paths, key=parts)


def stays_inside(root: Path, relative: str) -> bool:
    """Whether ``root / relative`` lies in ``root``, links followed, be it there or not."""
    if not can_be_a_path(relative):
        return False
    base = os.path.realpath(root)
    return Path(os.path.realpath(os.path.join(base, relative))).is_relative_to(base)


def check_stays_inside(root: Path, folder: Path) -> None:
    """See that what is written to a folder, be it there or not, lies in ``root``.

    Raises:
        DataError: a link leads out of it.
    """
    if not stays_inside(root, os.path.relpath(folder, root)):
        raise DataError(
            f"{folder} is a link that leads out of {root}, so nothing is written there. Put the "
            "folder itself there."
        )


def inside(root: Path, path: Path) -> Path:
    """The path of an existing file, if it lies in ``root`` with links followed.

    Raises:
        DataError: it does not, or is no regular file.
    """
    try:
        check_regular(path)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({brief(error)}). Put back a copy that works."
        ) from error
    if path_inside(root, os.path.relpath(path, root)) is None:
        raise DataError(
            f"{path} is a link that leads out of {root}, so it is not read. Put the file itself "
            "there."
        )
    return path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """`writing.replacing` with an error for the user.

    Raises:
        DataError: it cannot be written.
    """
    with writing_to(path), writing.replacing(path) as file:
        yield file


@contextlib.contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Tell the user where a file cannot be written.

    Raises:
        DataError: it cannot.
    """
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{path} cannot be written ({reason(error)}). Check the disk and the folder's rights."
        ) from error


def reason(error: OSError) -> str:
    """Why the system refused, without the name that it was refused under, which may be hidden."""
    return error.strerror or brief(error)
