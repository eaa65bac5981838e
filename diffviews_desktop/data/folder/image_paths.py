"""The pictures that a list of samples names: which of them are there, and under which name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from diffviews_desktop.files.reading import can_be_a_path
from diffviews_desktop.pictures.matching import loosely, match_paths
from diffviews_desktop.pictures.survey import survey
from diffviews_desktop.text.plain import visible
from diffviews_desktop.text.wording import format_count
from diffviews_desktop.values.samples import SampleTable, path_inside

MOST_ALIKE = 64
"""Folders that differ in their spelling alone; beyond, none is meant."""
_LONGEST = 80
_ENTRIES_AT_ONCE = 1000


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
            f"{len(self.missing):,} of {format_count(self.named, 'picture')} "
            f"{'is' if one else 'are'} missing ({first}{'' if one else '…'}): put "
            f"{'it' if one else 'them'} back in {root}, or correct image_path."
        ]


def with_images(
    table: SampleTable,
    brightness: tuple[float, float] | None = None,
    check: Callable[[], None] = lambda: None,
) -> Pictured:
    """Look for the pictures of samples, and how those of numbers are read.

    Args:
        table: the samples, with the paths of their pictures as they were written.
        brightness: black and white, where the folder says them.
        check: called now and then; may raise to stop.
    """
    images = find_images(table.root, table.image_path, check)
    tiffs = (path_inside(table.root, path) for path in sorted(set(images.paths)) if _is_tiff(path))
    findings = survey((path for path in tiffs if path is not None), brightness, check)
    return Pictured(
        replace(table, image_path=images.paths, brightness=findings.brightness),
        (*images.notes(table.root), *findings.sentences()),
    )


def _is_tiff(path: str) -> bool:
    return path.lower().endswith((".tif", ".tiff"))


def find_images(
    root: Path, references: Sequence[str], check: Callable[[], None] = lambda: None
) -> FoundImages:
    """Look for the pictures that samples name in the model's folder.

    Args:
        root: the model's folder.
        references: the path of each sample's picture; empty where it has none.
        check: called at every folder, and more often in large ones; may raise to stop.
    """
    targets = set(references) - {""}
    folders = _Folders(root, check)
    candidates: set[str] = set()
    files: dict[str, set[str]] = {}
    for path in targets:
        folder, _, name = path.rpartition("/")
        if folder not in files:
            check()
            files[folder] = folders.contents(folders.real(folder)).files
        if name in files[folder]:
            candidates.add(path)
    missing = targets - candidates
    if not missing:
        return FoundImages(tuple(references), len(targets), ())
    for folder, names in _by_folder(map(loosely, missing)).items():
        check()
        for alike, real in folders.like(folder):
            variants, prefix = folders.contents(real).files_alike, f"{alike}/" if alike else ""
            candidates |= {prefix + file for name in names for file in variants.get(name, ())}
    matches = match_paths(targets, candidates)
    paths = tuple(matches.get(path, path) for path in references)
    return FoundImages(paths, len(targets), tuple(sorted(targets - matches.keys())))


def _by_folder(paths: Iterable[str]) -> dict[str, set[str]]:
    """The names of files in each folder that paths name."""
    groups: dict[str, set[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        groups.setdefault(folder, set()).add(name)
    return groups


class _Listed:
    """What a folder holds.

    Attributes:
        files: names.
        folders: names, and where each is with links followed; links after the others.
    """

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.folders: list[tuple[str, str]] = []

    @cached_property
    def files_alike(self) -> dict[str, list[str]]:
        """The files by what all spellings of a name have in common."""
        groups: dict[str, list[str]] = {}
        for name in self.files:
            groups.setdefault(loosely(name), []).append(name)
        return groups

    @cached_property
    def folders_alike(self) -> dict[str, list[tuple[str, str]]]:
        """The same of folders."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for name, real in self.folders:
            groups.setdefault(loosely(name), []).append((name, real))
        return groups


class _Folders:
    """Folders below a model's, each listed once, whatever links lead there; none outside of it."""

    def __init__(self, root: Path, check: Callable[[], None]) -> None:
        self._root, self._base = root, os.path.realpath(root)
        self._check = check
        self._known: dict[str, _Listed] = {}

    def real(self, folder: str) -> str | None:
        """Where a folder is, with links followed; None where that is outside."""
        if not can_be_a_path(folder):
            return None
        real = os.path.realpath(os.path.join(self._base, folder))
        return real if Path(real).is_relative_to(self._base) else None

    def contents(self, real: str | None) -> _Listed:
        """What is in a folder, given as `real` says it; nothing where it cannot be read."""
        if real is None:
            return _Listed()
        if real not in self._known:
            self._known[real] = self._list(real)
        return self._known[real]

    def like(self, folder: str) -> list[tuple[str, str]]:
        """Folders that are written like this one, whatever their case, and where they are.

        Of links that lead to the same one is taken. None are where more than `MOST_ALIKE` fit.
        """
        if not can_be_a_path(folder):
            return []
        matches = {self._base: ""}
        for part in folder.split("/") if folder else ():
            self._check()
            below: dict[str, str] = {}
            for real, above in matches.items():
                for name, inside in self.contents(real).folders_alike.get(part, ()):
                    below.setdefault(inside, f"{above}/{name}" if above else name)
            if len(below) > MOST_ALIKE:
                return []
            matches = below
        return [(path, real) for real, path in matches.items()]

    def _list(self, folder: str) -> _Listed:
        contents = _Listed()
        links = []
        with suppress(OSError), os.scandir(folder) as entries:
            for number, entry in enumerate(entries):
                if number % _ENTRIES_AT_ONCE == 0:
                    self._check()
                if entry.is_file(follow_symlinks=False):
                    contents.files.add(entry.name)
                elif entry.is_symlink() or (os.name == "nt" and entry.is_dir()):  # or a junction
                    links.append(entry.name)
                elif entry.is_dir():
                    contents.folders.append((entry.name, os.path.join(folder, entry.name)))
        for number, name in enumerate(sorted(links)):
            if number % _ENTRIES_AT_ONCE == 0:
                self._check()
            real = self.real(os.path.join(folder, name))
            if real is not None and os.path.isdir(real):
                contents.folders.append((name, real))
            elif real is not None and os.path.isfile(real):
                contents.files.add(name)
        return contents
