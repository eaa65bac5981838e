"""Which files of a folder and its subfolders, or of a zip archive, are pictures, for the engine and
the window.

Links to folders are followed, after all that lies in the folder itself: each folder is read once,
under its own name where it has one. Whatever else might be a picture is listed with the reason why
it is none.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from diffviews_desktop.files.reading import open_regular
from diffviews_desktop.pictures.formats import HEAD, format_of
from diffviews_desktop.text.faults import Fault, left_out
from diffviews_desktop.values.import_rules import (
    ARCHIVE_SUFFIX,
    OTHER_ARCHIVE_SUFFIXES,
    OTHER_PICTURE_SUFFIXES,
    PICTURE_SUFFIXES,
    is_hidden,
    is_picture,
)

_CERTAIN = ("PNG", "JPEG", "WEBP", "GIF")
"""Formats whose first bytes hardly anything else has, and which are in no other format."""
LARGEST_DIRECTORY = 2**25
"""Bytes of an archive's directory: half a million pictures."""
READ_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How a member may be packed: what other methods unpack has no bound."""


@dataclass
class Listing:
    """What was found; paths are relative, with ``/``.

    Attributes:
        pictures: files to read as pictures.
        left_out: files that might be pictures, and why they are not read.
        folders: the same of folders, and of archives.
        others: how many other files there are.
    """

    pictures: list[str] = field(default_factory=list)
    left_out: dict[str, Fault] = field(default_factory=dict)
    folders: dict[str, Fault] = field(default_factory=dict)
    others: int = 0

    def add(self, other: Listing) -> None:
        """Take in what was found elsewhere."""
        self.pictures += other.pictures
        self.left_out |= other.left_out
        self.folders |= other.folders
        self.others += other.others

    def below(self, folder: str) -> Listing:
        """The same with paths from a folder, given with its ``/``, in which everything lies that is
        a picture."""
        return Listing(
            [path.removeprefix(folder) for path in self.pictures],
            {path.removeprefix(folder): fault for path, fault in self.left_out.items()},
            {path.removeprefix(folder): fault for path, fault in self.folders.items()},
            self.others,
        )

    def notes(self) -> list[str]:
        """How much was left out, and why."""
        archives = {name: fault for name, fault in self.folders.items() if fault is Fault.PACKED}
        folders = {name: fault for name, fault in self.folders.items() if name not in archives}
        kinds = (self.left_out, "picture"), (folders, "folder"), (archives, "archive")
        return [left_out(dict(sorted(faults.items())), noun) for faults, noun in kinds if faults]

    def record(self) -> dict[str, Any]:
        """The same by name, for the record of an import."""
        faults = sorted({**self.left_out, **self.folders}.items())
        return {
            "left_out": {name: fault.of_one for name, fault in faults},
            "other_files": self.others,
        }


def list_pictures(
    root: Path, skip: Path | None = None, check: Callable[[], None] = lambda: None
) -> Listing:
    """All that `walk_pictures` finds, sorted; ``check`` is called at every folder, and may raise to
    stop.

    Raises:
        OSError: the folder itself cannot be read.
    """
    listing = Listing()
    for part in walk_pictures(root, skip):
        check()
        listing.add(part)
    listing.pictures.sort()
    return listing


def walk_pictures(root: Path, skip: Path | None = None) -> Iterator[Listing]:
    """What there is in a folder, and in each below it.

    Args:
        root: the folder.
        skip: a folder to leave out.

    Raises:
        OSError: the folder itself cannot be read.
    """
    walk = _Walk(os.fspath(root), None if skip is None else os.path.realpath(skip))
    yield walk.read("", walk.base)
    while step := walk.next_folder():
        relative, real = step
        try:
            yield walk.read(relative, real)
        except OSError:
            yield Listing(folders={relative: Fault.CLOSED})
    yield Listing(folders=walk.refused)


class _Walk:
    """Folders that are still to be read, and those that were.

    Attributes:
        base: the folder that is looked through, with links followed.
        refused: folders that are not read.
    """

    def __init__(self, root: str, skip: str | None) -> None:
        self.base = os.path.realpath(root)
        self.refused: dict[str, Fault] = {}
        self._root, self._made = root, skip
        self._below: list[tuple[str, str]] = []  # relative, and with links followed
        self._links: dict[str, str] = {}  # relative, and the folder that each lies in
        self._read: set[str] = set()

    def next_folder(self) -> tuple[str, str] | None:
        """The next folder: its relative path, and its path with links followed."""
        while self._below or self._links:
            if self._below:
                relative, real = self._below.pop()
                if real not in self._read:
                    return relative, real
                self.refused[relative] = Fault.REPEATED
                continue
            relative = min(self._links)
            inside, real = self._links.pop(relative), os.path.realpath(self._at(relative))
            if real == self._made:
                continue
            above = any(Path(folder).is_relative_to(real) for folder in (self.base, inside))
            if above or real in self._read:
                self.refused[relative] = Fault.REPEATED
            else:
                return relative, real
        return None

    def read(self, relative: str, real: str) -> Listing:
        """What lies in a folder; folders below it wait for their turn."""
        self._read.add(real)
        listing = Listing()
        with os.scandir(self._at(relative)) as entries:
            for entry in entries:
                path = f"{relative}/{entry.name}" if relative else entry.name
                if _is_folder(entry):
                    self._note_folder(entry, path, real)
                else:
                    _note_file(entry, path, listing)
        return listing

    def _note_folder(self, entry: os.DirEntry[str], path: str, inside: str) -> None:
        real = os.path.join(inside, entry.name)
        if is_hidden(entry.name) or real == self._made:
            return
        if entry.is_symlink():
            self._links[path] = inside
        else:
            self._below.append((path, real))

    def _at(self, relative: str) -> str:
        return os.path.join(self._root, relative) if relative else self._root


def _is_folder(entry: os.DirEntry[str]) -> bool:
    with suppress(OSError):  # a link to itself
        return entry.is_dir()
    return False


def _note_file(entry: os.DirEntry[str], path: str, listing: Listing) -> None:
    """Count a file as what it is."""
    if _note_name(entry.name, path, listing):
        return
    if _leads_nowhere(entry):
        listing.folders[path] = Fault.MISSING
    else:
        _note_content(path, listing, _has_a_picture(entry.path))


def _note_name(name: str, path: str, listing: Listing) -> bool:
    """Count a file as what its name says; False where only the content tells."""
    if is_picture(name):
        listing.pictures.append(path)
    elif name.lower().endswith(PICTURE_SUFFIXES):
        if not name.startswith("._"):  # where macOS keeps what belongs to another file
            listing.left_out[path] = Fault.HIDDEN
    elif is_hidden(name):
        return True
    elif name.lower().endswith(OTHER_PICTURE_SUFFIXES):
        listing.left_out[path] = Fault.NO_PICTURE
    elif name.lower().endswith((ARCHIVE_SUFFIX, *OTHER_ARCHIVE_SUFFIXES)):
        listing.folders[path] = Fault.PACKED
    else:
        return False
    return True


def _note_content(path: str, listing: Listing, has_picture: bool) -> None:
    """Count a file whose name does not say that it is a picture."""
    if not has_picture:
        listing.others += 1
    elif "." in path.rpartition("/")[2]:
        listing.left_out[path] = Fault.NO_SUFFIX
    else:
        listing.pictures.append(path)


def _leads_nowhere(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() and not os.path.exists(entry.path)


def _has_a_picture(path: str) -> bool:
    with suppress(OSError, ValueError), open_regular(Path(path)) as file:
        return format_of(file.read(HEAD)) in _CERTAIN
    return False


# ---- archives -----------------------------------------------------------------------------------


def list_members(
    archive: zipfile.ZipFile,
    check: Callable[[], None] = lambda: None,
    listing: Listing | None = None,
) -> Listing:
    """What `walk_pictures` says of a folder, of a zip archive, sorted; paths are those of
    `member_path`.

    Args:
        archive: open.
        check: called at every member; may raise to stop.
        listing: where what is found is added; it stays there if something stops it.
    """
    listing = Listing() if listing is None else listing
    for info in archive.infolist():
        check()
        *folders, name = (path := member_path(info)).split("/")
        if info.is_dir() or any(is_hidden(part) for part in folders if part != ".."):
            continue
        if not _note_name(name, path, listing):
            _note_content(path, listing, _packs_a_picture(archive, info))
    listing.pictures.sort()
    return listing


def member_path(info: zipfile.ZipInfo) -> str:
    """The path of a member with ``/``, whichever program wrote it."""
    return str(PurePosixPath(info.filename.replace("\\", "/")))


def _packs_a_picture(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    if info.compress_type not in READ_METHODS:
        return False
    with suppress(Exception), archive.open(info) as file:  # a damaged one raises many kinds
        return format_of(file.read(HEAD)) in _CERTAIN
    return False
