"""The pictures that a list of samples names: which of them are there, and under which name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from diffviews_desktop.files.reading import can_be_a_path
from diffviews_desktop.pictures.matching import loosely, match_paths
from diffviews_desktop.pictures.survey import survey
from diffviews_desktop.text.plain import visible
from diffviews_desktop.text.wording import counted
from diffviews_desktop.values.samples import SampleTable, path_inside

_LONGEST = 80


class Pictured(NamedTuple):
    """Samples whose pictures were looked for, and what the user should know of that."""

    table: SampleTable
    notes: tuple[str, ...]


class FoundImages(NamedTuple):
    """What became of the pictures that samples name.

    Attributes:
        paths: of each sample: as it is on the disk where it is there, else as it was written.
        named: how many different pictures are named.
        missing: those of them that are not there, sorted.
    """

    paths: tuple[str, ...]
    named: int
    missing: tuple[str, ...]

    def notes(self, root: Path) -> list[str]:
        """What the user should know."""
        if not self.missing:
            return []
        first, one = visible(self.missing[0], _LONGEST), len(self.missing) == 1
        return [
            f"{len(self.missing):,} of {counted(self.named, 'picture')} "
            f"{'is' if one else 'are'} missing ({first}{'' if one else '…'}): put "
            f"{'it' if one else 'them'} back in {root}, or correct image_path."
        ]


def with_images(
    table: SampleTable,
    given: tuple[float, float] | None = None,
    check: Callable[[], None] = lambda: None,
) -> Pictured:
    """Look for the pictures of samples, and how those of numbers are read.

    Args:
        table: the samples, with the paths of their pictures as they were written.
        given: black and white, where the folder says them.
        check: called now and then; may raise to stop.
    """
    found = find_images(table.root, table.image_path, check)
    tiffs = (path_inside(table.root, path) for path in sorted(set(found.paths)) if _is_tiff(path))
    surveyed = survey((path for path in tiffs if path is not None), given, check)
    return Pictured(
        replace(table, image_path=found.paths, brightness=surveyed.brightness),
        (*found.notes(table.root), *surveyed.sentences()),
    )


def _is_tiff(path: str) -> bool:
    return path.lower().endswith((".tif", ".tiff"))


def find_images(
    root: Path, written: Sequence[str], check: Callable[[], None] = lambda: None
) -> FoundImages:
    """Look for the pictures that samples name in the model's folder.

    Args:
        root: the model's folder.
        written: the path of each sample's picture; empty where it has none.
        check: called at every folder; may raise to stop.
    """
    named = set(written) - {""}
    folders = _Folders(root)
    there: set[str] = set()
    for folder in {path.rpartition("/")[0] for path in named}:
        check()
        there |= folders.files(folder)
    unmatched = named - there
    if not unmatched:
        return FoundImages(tuple(written), len(named), ())
    for folder in {loosely(path).rpartition("/")[0] for path in unmatched}:
        check()
        for alike in folders.like(folder):
            there |= folders.files(alike)
    meant = match_paths(named, there)
    paths = tuple(meant.get(path, path) for path in written)
    return FoundImages(paths, len(named), tuple(sorted(named - meant.keys())))


class _Folders:
    """Folders below a model's, listed once; none outside of it."""

    def __init__(self, root: Path) -> None:
        self._root, self._base = root, os.path.realpath(root)
        self._files: dict[str, set[str]] = {}

    def files(self, folder: str) -> set[str]:
        """Relative paths of the files of a folder, as ``folder`` is written."""
        if folder not in self._files:
            self._files[folder] = set(self._list(folder))
        return self._files[folder]

    def like(self, folder: str) -> list[str]:
        """Folders that are written like this one, whatever their case."""
        found = [""]
        for part in folder.split("/") if folder else ():
            found = [
                f"{above}/{name}" if above else name
                for above in found
                for name in self._below(above)
                if loosely(name) == part
            ]
        return found

    def _real(self, folder: str) -> str | None:
        if not can_be_a_path(folder):
            return None
        real = os.path.realpath(os.path.join(self._base, folder))
        return real if Path(real).is_relative_to(self._base) else None

    def _list(self, folder: str) -> Iterable[str]:
        real = self._real(folder)
        if real is None:
            return
        before = f"{folder}/" if folder else ""
        with suppress(OSError), os.scandir(real) as entries:
            for entry in entries:
                path = before + entry.name
                if entry.is_file(follow_symlinks=False) or (
                    entry.is_symlink() and path_inside(self._root, path) is not None
                ):
                    yield path

    def _below(self, folder: str) -> list[str]:
        real = self._real(folder)
        if real is not None:
            with suppress(OSError), os.scandir(real) as entries:
                return [entry.name for entry in entries if entry.is_dir()]
        return []
