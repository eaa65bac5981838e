"""Which columns of a table of labels, or keys of a record, have a picture and its class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any, NamedTuple

from diffviews_desktop.pictures.labels.values import class_number, label_of

FILE_COLUMNS = (
    *("file", "filename", "file_name", "image", "path", "filepath", "file_path", "image_path"),
    *("image_file", "image_name", "image_filename", "img", "img_path", "picture", "filenames"),
    *("image_id", "id"),
)
CLASS_COLUMNS = (
    *("class", "label", "class_label", "class_id", "class_number", "class_index", "label_id"),
    *("labels", "classes", "category", "category_id", "target"),
)
NAME_COLUMNS = ("name", "class_name", "label_name", "category_name", "label_text")


class LabelFormatError(ValueError):
    """A file of labels has another form than those that are read; its text is a phrase that fits
    into a sentence: ``it lacks the column class``."""


class LabelColumns(NamedTuple):
    """Where a table of labels has what it says of a picture; None for a column that is not there.

    Attributes:
        file: the picture.
        label: its class. Where there are only names, they are the classes.
        name: what that class is called.
        text: the class as a text, where another column has its number: its name, too, if no other
            column has that.
    """

    file: int | None
    label: int | None
    name: int | None
    text: int | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Columns without which it cannot be used."""
        columns = {"file": self.file, "class": self.label}
        return tuple(name for name, column in columns.items() if column is None)


def label_columns(header: Sequence[str], numbers: frozenset[str] = frozenset()) -> LabelColumns:
    """Find the columns by the names that they may have.

    Args:
        header: names of all columns.
        numbers: those of `CLASS_COLUMNS` that have nothing but class numbers: see `number_columns`.

    Raises:
        LabelFormatError: one of them is there twice.
    """
    keys = list(map(_key, header))
    classes = [name for name in CLASS_COLUMNS if name in keys]
    label, text = next((name for name in classes if name in numbers), None), None
    if label is not None:
        text = next((name for name in classes if name not in numbers), None)
    label = label or next(iter(classes), None)
    name = next((name for name in NAME_COLUMNS if name in keys), None)
    if label is None:
        label, name = name, None
    file = next((name for name in FILE_COLUMNS if name in keys), None)
    twice = next((key for key in (file, *classes, name) if key and keys.count(key) > 1), None)
    if twice is not None:
        raise LabelFormatError(f"it has the column {header[keys.index(twice)]} twice")
    places = (None if key is None else keys.index(key) for key in (file, label, name or text, text))
    return LabelColumns(*places)


def find_column(header: Sequence[str], names: Sequence[str]) -> int | None:
    """The place of the first of some names in a header, in any case; spaces and dashes in the
    header count as underlines."""
    keys = list(map(_key, header))
    return next((keys.index(name) for name in names if name in keys), None)


def number_columns(rows: Iterable[tuple[Sequence[str], Sequence[Any]]]) -> frozenset[str]:
    """Which of several columns of classes have nothing but class numbers.

    Args:
        rows: the header and the values of each; where the first has one column of classes or none,
            the others are not read.

    Raises:
        LabelFormatError: two such columns have different numbers, so nobody knows which counts.
    """
    numbers, texts = set[str](), set[str]()
    differ: Counter[tuple[str, str]] = Counter()
    for number, (header, values) in enumerate(rows):
        columns = _class_columns(tuple(header))
        if number == 0 and len(columns) < 2:
            break
        cells = dict(_numbers_in(columns, values))
        numbers |= {name for name, value in cells.items() if value is not None}
        texts |= {name for name, value in cells.items() if value is None}
        differ.update(
            (one, other) for one, other in combinations(cells, 2) if cells[one] != cells[other]
        )
    numbers -= texts
    for one, other in differ:
        if {one, other} <= numbers:
            raise LabelFormatError(
                f"its columns {one} and {other} have different class numbers: keep one of them"
            )
    return frozenset(numbers)


def _numbers_in(
    columns: Collection[tuple[str, int]], values: Sequence[Any]
) -> Iterator[tuple[str, int | None]]:
    """The number in each column that has something; None where that is none."""
    for name, place in columns:
        label = label_of(values[place]) if place < len(values) else ""
        if label:
            yield name, class_number(label)


@lru_cache(maxsize=64)
def _class_columns(header: tuple[str, ...]) -> list[tuple[str, int]]:
    keys = list(map(_key, header))
    return [(name, keys.index(name)) for name in CLASS_COLUMNS if name in keys]


def _key(name: str) -> str:
    return "_".join(name.lower().replace("-", " ").split())
