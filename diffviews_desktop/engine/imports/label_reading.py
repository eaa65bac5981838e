"""Files of labels, and which of the pictures that are imported each of their rows means."""

from __future__ import annotations

import csv
import os
import posixpath
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from diffviews_desktop.engine.imports.label_notes import choose_folder
from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.files.csv_text import not_unicode
from diffviews_desktop.files.reading import MOST_TABLE_MEMORY, too_many_values
from diffviews_desktop.pictures.labels.columns import LabelFormatError
from diffviews_desktop.pictures.labels.files import LabelRow, label_rows
from diffviews_desktop.pictures.labels.values import label_of
from diffviews_desktop.pictures.matching import loosely
from diffviews_desktop.text.plain import from_csv_cell, from_csv_column, visible

CHECKED_ROWS = 10_000


@dataclass(frozen=True)
class ReadLabels:
    """What a file of labels says.

    Attributes:
        labels: by picture.
        names: of labels, where they have others.
        own_names: by picture, where the names of one label differ, so that they are not its names.
        unknown: files that it names and that are no pictures of the import.
    """

    labels: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    own_names: dict[str, str] = field(default_factory=dict)
    unknown: Sequence[str] = ()


def read_labels(
    path: Path, pictures: PictureNames, check: Callable[[], None] = lambda: None
) -> ReadLabels:
    """Read a file of labels: see `label_rows`. Rows without a label say nothing.

    Args:
        path: the file.
        pictures: finds the picture that a row means.
        check: called now and then; may raise to stop.

    Raises:
        DataError: it cannot be read, has no label, gives a picture two, or has labels of other
            pictures only.
    """
    rows = _labelled_rows(path, check)
    if rows is None:
        return ReadLabels()
    if not rows:
        raise DataError(f"{path} gives no picture a class. Choose another file of labels.")
    names = from_csv_column([row.name for row in rows])
    read, unknown, differ = ReadLabels(), list[str](), False
    for row, label, name in zip(rows, _labels_of(rows), names, strict=True):
        file = pictures.find(row.file)
        if file is None:
            unknown.append(row.file)
            continue
        if read.labels.setdefault(file, label) != label:
            raise DataError(f"{path} gives {visible(file, 200)} two classes. Keep one.")
        if name:
            read.own_names[file] = name
            differ |= read.names.setdefault(label, name) != name
    if not read.labels:
        none = "The picture" if len(unknown) == 1 else f"None of the {len(unknown):,} pictures"
        raise DataError(
            f"{none} that {path} names is {'not ' * (len(unknown) == 1)}in {pictures.images}: it "
            f"has {visible(unknown[0], 200)}, and the pictures are called {pictures.example}. "
            f"To use these labels, {choose_folder(pictures.images)} that the names in it start "
            "from."
        )
    return ReadLabels(
        labels=read.labels,
        names={} if differ else read.names,
        own_names=read.own_names if differ else {},
        unknown=sorted(set(unknown)),
    )


def _labelled_rows(path: Path, check: Callable[[], None]) -> list[LabelRow] | None:
    """Rows with a file and a label; None where the file says that there are none."""
    rows: list[LabelRow] = []
    memory = 0
    try:
        all_rows = label_rows(path)
        if all_rows is None:
            return None
        for number, row in enumerate(all_rows):
            if number % CHECKED_ROWS == 0:
                check()
            if not row.file or not label_of(row.label):
                continue
            rows.append(row)
            memory += 600 + len(row.file)  # of the texts and of what holds them
            if memory > MOST_TABLE_MEMORY:
                raise too_many_values(path, MOST_TABLE_MEMORY)
    except LabelFormatError as error:
        raise DataError(
            f"{path} cannot be used as labels: {error}. Give a table with the columns file and "
            "class, JSON lines, or a dataset.json as EDM writes it."
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} {not_unicode(error)}") from error
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(
            f"{path} cannot be read as labels ({brief(error)}). Save it again as CSV in UTF-8."
        ) from error
    return rows


def _labels_of(rows: Sequence[LabelRow]) -> Iterator[str]:
    """Labels as texts, without the apostrophes of `csv_cell`."""
    texts = [row.label if isinstance(row.label, str) else label_of(row.label) for row in rows]
    return map(label_of, from_csv_column(texts))


class PictureNames:
    """The pictures of an import, found by the names that files of labels have for them.

    Args:
        files: paths with ``/``, relative to ``images``.
        images: the folder of pictures, as the user knows it.
        beside: the folder of the file of labels, which its names may start from.
    """

    def __init__(self, files: Sequence[str], images: Path, beside: Path) -> None:
        self.images = images
        self.example = visible(files[0], 200) if files else "none"
        self._files = frozenset(files)
        self._root = os.path.abspath(images)
        self._beside = os.path.abspath(beside)
        below = Path(self._beside).is_relative_to(self._root)
        self._below = below and self._beside != self._root

    def find(self, cell: str) -> str | None:
        """The picture that a name means: its path from the folder of pictures, from that folder's
        own folder, from the folder of the labels, or on the disk, with slashes of either kind. Else
        the only one that fits loosely (see `diffviews_desktop.pictures.matching`); else the only
        one that is called so before its suffix."""
        if cell in self._files and not self._below:
            return cell
        names = list(dict.fromkeys(map(posixpath.normpath, _spellings(cell))))
        for name in names:
            for path in self._paths(name):
                if path in self._files:
                    return path
        for name in names:
            alike = self._alike.get(loosely(name), ())
            if len(alike) == 1:
                return alike[0]
        for path in (path for name in names for path in self._paths(name)):
            namesakes = self._by_stem.get(loosely(path), ())
            if len(namesakes) == 1:
                return namesakes[0]
        return None

    def _paths(self, name: str) -> Iterator[str]:
        from_labels = self._relative(os.path.join(self._beside, name))
        if self._below:
            yield from_labels
        yield name
        yield from_labels
        yield self._relative(os.path.join(os.path.dirname(self._root), name))

    def _relative(self, path: str) -> str:
        """A path on the disk, from the folder of pictures; with ``..`` where it lies outside."""
        start = self._root.rstrip(os.sep) + os.sep
        path = os.path.normpath(path)
        return path[len(start) :].replace(os.sep, "/") if path.startswith(start) else ".."

    @cached_property
    def _alike(self) -> Mapping[str, Sequence[str]]:
        groups = defaultdict[str, list[str]](list)
        for file in self._files:
            groups[loosely(file)].append(file)
        return groups

    @cached_property
    def _by_stem(self) -> Mapping[str, Sequence[str]]:
        groups = defaultdict[str, list[str]](list)
        for file in self._files:
            groups[loosely(posixpath.splitext(file)[0])].append(file)
        return groups


def _spellings(cell: str) -> tuple[str, ...]:
    """A cell as it is, with slashes, and without the apostrophe of `csv_cell`."""
    bare = from_csv_cell(cell)
    return cell, cell.replace("\\", "/"), bare, bare.replace("\\", "/")
