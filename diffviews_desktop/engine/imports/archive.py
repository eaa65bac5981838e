"""Pictures in a zip archive, as EDM's dataset tool writes them: unpacked to a private place."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from diffviews_desktop.data.cache.disk import disk_full, free_bytes, is_full, remove
from diffviews_desktop.engine.imports.pictures import check_pictures, find_pictures
from diffviews_desktop.errors import DataError, DiffViewsError, brief
from diffviews_desktop.files.archives import open_archive
from diffviews_desktop.files.reading import (
    MOST_LISTED_JSON,
    can_be_a_path,
    meant_as_file,
)
from diffviews_desktop.pictures.files import MOST_BYTES
from diffviews_desktop.pictures.labels.files import OWN_LABELS
from diffviews_desktop.pictures.labels.folders import is_part
from diffviews_desktop.pictures.listing import (
    LARGEST_DIRECTORY,
    READ_METHODS,
    Listing,
    list_members,
    member_path,
)
from diffviews_desktop.text.plain import visible
from diffviews_desktop.values.import_rules import is_archive

_PIECE = 2**20
_KEPT_FREE = 2**28
_YOURSELF = "Unpack the archive yourself, and choose the folder."


@contextmanager
def pictures_of(
    images: Path,
    out: Path,
    beside: Path,
    progress: Callable[[float], None],
    check: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Path, Listing]]:
    """The folder that pictures are in, and what it holds; those of an archive are unpacked until
    the block ends.

    Args:
        images: a folder, or a zip archive.
        out: where the import is made; what is in there is left out.
        beside: a private folder, in which an archive is unpacked.
        progress: called with the fraction that is unpacked, 0 … 1; may raise to stop.
        check: called at every subfolder, and at every member of an archive; may raise to stop.

    Raises:
        DataError: there are none; or the archive cannot be read, has a file of an unusable name or
            size, or does not fit the disk.
    """
    if not (is_archive(images.name) and meant_as_file(images)):
        yield images, find_pictures(images, out, check)
        return
    place = beside / "unpacked"
    try:
        place.mkdir()
        with _explain(images), open_archive(images, LARGEST_DIRECTORY, check) as archive:
            listing = list_members(archive, check)
            check_pictures(images, listing)
            _unpack(archive, set(listing.pictures), images, place, progress)
        top = _top(place, images, listing.pictures)
        yield (place / top, listing.below(f"{top}/")) if top else (place, listing)
    finally:
        remove(place)


def _unpack(
    archive: zipfile.ZipFile,
    pictures: Collection[str],
    path: Path,
    place: Path,
    progress: Callable[[float], None],
) -> None:
    """Unpack the pictures and what says their classes."""
    members = [
        info
        for info in archive.infolist()
        if member_path(info) in pictures or _name_of(info) == OWN_LABELS
    ]
    size = sum(info.file_size for info in members)
    for info in members:
        _check(info, path)
    if size + _KEPT_FREE > free_bytes(place):
        raise disk_full(place, size, f"Unpacking {path.name}")
    subtotal = 0
    for info in members:
        progress(subtotal / max(size, 1))
        try:
            _unpack_one(archive, info, place / member_path(info))
        except (FileExistsError, NotADirectoryError) as error:
            raise DataError(
                f"{visible(info.filename, 200)} is in {path} twice. {_YOURSELF}"
            ) from error
        subtotal += info.file_size


def _unpack_one(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # "x": of two members of one name, and of a name that leads elsewhere, nothing is written
    with archive.open(info) as source, target.open("xb") as file:
        shutil.copyfileobj(source, file, _PIECE)  # no more than its header says


def _name_of(info: zipfile.ZipInfo) -> str:
    return member_path(info).rpartition("/")[2]


def _check(info: zipfile.ZipInfo, path: Path) -> None:
    """
    Raises:
        DataError: a member must not be unpacked.
    """
    parts = PurePosixPath(member_path(info)).parts or ("",)
    most = MOST_LISTED_JSON if parts[-1] == OWN_LABELS else MOST_BYTES
    reason = ""
    if (
        parts[0].startswith("/")
        or any(":" in part for part in (parts if os.name == "nt" else parts[:1]))
        or ".." in parts
        or not can_be_a_path(info.filename)
    ):
        reason = "has a name that leads elsewhere"
    elif info.flag_bits & 1:
        reason = "is encrypted"
    elif info.compress_type not in READ_METHODS:
        reason = "is packed by a method that is not read"
    elif info.file_size > most:
        reason = f"has {info.file_size / 1e6:,.0f} MB"
    if reason:
        raise DataError(f"{visible(info.filename, 200)} in {path} {reason}. {_YOURSELF}")


def _top(place: Path, archive: Path, pictures: Sequence[str]) -> str:
    """The one folder that was packed, with all pictures in it; empty where it says something of
    them, as ``train`` does, and a folder that is the only class."""
    first, *more = {picture.partition("/")[0] for picture in pictures}
    if more or first in pictures or (place / OWN_LABELS).is_file():
        return ""
    if (place / first / OWN_LABELS).is_file():
        return first
    if any(picture.count("/") > 1 for picture in pictures):
        return "" if is_part(first) else first
    return first if first == archive.stem else ""


@contextmanager
def _explain(path: Path) -> Iterator[None]:
    """What a damaged archive raises, as an error that names it."""
    try:
        yield
    except DiffViewsError:
        raise
    except Exception as error:  # zip, zlib and value errors of many kinds
        if isinstance(error, OSError) and is_full(error):
            raise  # said by the import
        # an OSError would name a place that the user does not know
        reason = (isinstance(error, OSError) and error.strerror) or brief(error)
        raise DataError(f"{path} cannot be unpacked ({reason}). {_YOURSELF}") from error
