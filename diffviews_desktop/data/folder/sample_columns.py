"""Columns of a table of samples, from CSV or JSON, checked value by value."""

from __future__ import annotations

import contextlib
import csv
import math
import reprlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.data.folder.captions import captions_of
from diffviews_desktop.data.folder.sample_noise import with_sigmas
from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.files.csv_text import csv_rows
from diffviews_desktop.files.reading import MOST_TABLE_MEMORY, too_many_values
from diffviews_desktop.text.plain import UNENCODABLE, from_csv_column
from diffviews_desktop.values.samples import Column, SampleTable

MAP_COLUMNS = ("sample_id", "umap_x", "umap_y")
KNOWN_COLUMNS = frozenset(
    (
        *MAP_COLUMNS,
        "umap_z",
        "trust",
        "class_label",
        "class_name",
        "conditioning_sigma",
        "image_path",
        "activation_path",
        "batch_index",
    )
)
MOST_COLUMNS = 32
MOST_NAMES = 200
"""So many further columns are looked at."""
PIECE = 250  # rows read at a time
MOST_CATEGORIES = 200
FEW_NUMBERS = 20  # whole numbers of so few values stand for categories
LONGEST_NAME = 80

Columns = Mapping[str, Sequence[Any]]  # equally long; None or "" where nothing is given


def read_csv(
    path: Path, unwanted: Sequence[str] = (), check: Callable[[], None] = lambda: None
) -> Columns:
    """The columns of a map's table, as text: those that the program knows, and the first others.

    The apostrophes of `csv_cell` are taken away.

    Args:
        path: the table.
        unwanted: columns to leave out.
        check: called now and then; may raise to stop.

    Raises:
        DataError: it cannot be read, would take too much memory, or lacks a column that every map
            has.
    """
    try:
        rows = csv_rows(path)
        names = list(from_csv_column(next(rows, [])))
        missing = [name for name in MAP_COLUMNS if name not in names]
        if missing:
            raise DataError(
                f"{path} lacks the column {missing[0]}: restore it, or remove it to have the "
                "map made again."
            )
        kept = _kept(names, unwanted)
        parts: list[list[tuple[str, ...]]] = [[] for _ in kept]
        pick, width, needed = itemgetter(*kept), max(kept) + 1, 0  # kept are three at least
        while piece := list(islice(rows, PIECE)):
            check()
            picked = [
                pick(row) if len(row) >= width else pick(row + [""] * (width - len(row)))
                for row in piece
            ]
            for column, values in zip(parts, zip(*picked, strict=True), strict=True):
                column.append(values)
                needed += 57 * len(values) + sum(map(len, values))
            if needed > MOST_TABLE_MEMORY:
                raise too_many_values(path, MOST_TABLE_MEMORY)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV ({brief(error)}). Restore it.") from error
    return {
        names[i]: from_csv_column(joined(column)) for i, column in zip(kept, parts, strict=True)
    }


def joined(parts: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    """A column of its parts. (Tuples, because the garbage collector looks at them once; at lists of
    millions of values it looks again and again while they grow.)"""
    return tuple(chain.from_iterable(parts))


def _kept(names: Sequence[str], unwanted: Sequence[str]) -> list[int]:
    """Which columns of a table are read; of two with one name, the second."""
    places = {name: i for i, name in enumerate(names) if name not in unwanted}
    others = [name for name in places if name not in KNOWN_COLUMNS]
    left_out = set(others[MOST_NAMES:])
    return sorted(i for name, i in places.items() if name not in left_out)


def sample_table(
    root: Path,
    columns: Columns,
    source: Path,
    own_names: Mapping[int, str],
    known_names: Mapping[int, str],
) -> SampleTable:
    """The columns as a table; see `samples_of`."""
    ids = sample_ids(columns["sample_id"], source)
    n = len(ids)
    columns = with_sigmas(columns, source)
    labels = _column(columns, "class_label", -1, _WHOLE, source)
    sigmas = _column(columns, "conditioning_sigma", 1.0, _REAL, source)
    names = columns.get("class_name") or [None] * n
    pictures = columns.get("image_path") or [None] * n
    try:
        class_label = np.array(labels, dtype=np.int32)
    except OverflowError as error:
        raise DataError(
            f"{source} has a class_label that is not usable: "
            f"{reprlib.repr(max(map(abs, labels)))} is too large. Correct it."
        ) from error
    sigma = as_float32(sigmas)
    wrong = ~(np.isfinite(sigma) & (sigma > 0))
    if wrong.any():
        raise DataError(
            f"{source}: every conditioning_sigma must be a positive number; that of "
            f"{ids[int(np.argmax(wrong))]} is not. Correct it."
        )
    return SampleTable(
        root=root,
        sample_id=ids,
        class_label=class_label,
        class_name=tuple(names)
        if not own_names and _all_said(names)
        else tuple(
            own_names.get(label) or str(_or(name, known_names.get(label, label)))
            for label, name in zip(labels, names, strict=True)
        ),
        image_path=texts(pictures),
        sigma=sigma,
        columns=further_columns(columns),
        captions=captions_of(columns),
    )


def further_columns(columns: Columns) -> dict[str, Column]:
    """What is given of samples besides what the program knows: numbers and categories.

    A column of numbers is one of numbers, unless they are a few whole ones, which stand for
    categories. One of texts is one of categories, unless there are so many that they are no
    categories but, say, file names. One that says the same of all is left out.
    """
    found: dict[str, Column] = {}
    for name, values in columns.items():
        if name in KNOWN_COLUMNS or len(name) > LONGEST_NAME or not name.isprintable():
            continue
        column = _further(values)
        if column is not None:
            found[name] = column
        if len(found) == MOST_COLUMNS:
            break
    return found


def _further(values: Sequence[Any]) -> Column | None:
    given = [value for value in values if value is not None and value != ""]
    if not given or not {type(value) for value in given} <= {str, int, float, bool}:
        return None
    distinct = set(given)
    if len(distinct) > MOST_CATEGORIES or bool not in {type(value) for value in distinct}:
        real = as_float32(numbers([None if value == "" else value for value in values]))
        real[~np.isfinite(real)] = math.nan
        if int(np.isfinite(real).sum()) == len(given):
            few = np.unique(real[np.isfinite(real)])
            if len(few) == 1:
                return None
            if len(few) > FEW_NUMBERS or (few != np.round(few)).any():
                return Column(real)
            position = np.searchsorted(few, np.nan_to_num(real)).astype(np.float32)
            named = tuple(f"{value:.0f}" for value in few.tolist())
            return Column(np.where(np.isnan(real), np.float32(-1), position), named)
    if not 1 < len(distinct) <= MOST_CATEGORIES:
        return None
    texts_of = {value: str(value)[:LONGEST_NAME] for value in distinct}
    names = tuple(sorted(set(texts_of.values())))
    place = {name: i for i, name in enumerate(names)}
    codes = [place[texts_of[v]] if v is not None and v != "" else -1 for v in values]
    return Column(np.array(codes, np.float32), names)


def sample_ids(values: Sequence[Any], source: Path) -> tuple[str, ...]:
    """Sample ids as text, each there once."""
    if not set(map(type, values)) <= {str, int} or "" in values:
        row = next(i for i, value in enumerate(values) if not _is_id(value))
        raise DataError(
            f"{source} has a sample without a usable sample_id: number {row + 1} has "
            f"{reprlib.repr(values[row])}. Correct it."
        )
    ids = tuple(map(str, values))
    if len(set(ids)) != len(ids):
        twice = Counter(ids).most_common(1)[0][0]
        raise DataError(f"{source} names the same sample_id twice: {twice}. Correct one.")
    return ids


def as_written(text: str) -> str:
    """A text as it is read back from a table that this program wrote."""
    text = text.replace("\0", "\\x00")  # as `csv_cell` does
    return text if text.isascii() else text.encode("utf-8", UNENCODABLE).decode()


def _is_id(value: Any) -> bool:
    return type(value) in (str, int) and value != ""


def texts(values: Sequence[Any]) -> tuple[str, ...]:
    """Values as text; empty where there is none."""
    if set(map(type, values)) == {str}:
        return tuple(values)
    return tuple(str(_or(value, "")) for value in values)


def _all_said(names: Sequence[Any]) -> bool:
    return set(map(type, names)) == {str} and "" not in names


def _column(
    columns: Columns,
    name: str,
    default: Any,
    kind: _Kind,
    source: Path,
) -> list[Any]:
    """A column as numbers.

    Raises:
        DataError: a value is none; the text names the sample.
    """
    values = columns.get(name) or [None] * len(columns["sample_id"])
    if set(map(type, values)) <= kind.usual:
        with contextlib.suppress(ValueError, OverflowError):  # found below, with the sample's name
            return list(map(kind.quick, values))
    found = []
    for row, value in enumerate(values):
        try:
            found.append(default if value is None or value == "" else kind.read(value))
        except (TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f"{source}: the {name} of {columns['sample_id'][row]} is not usable: "
                f"{reprlib.repr(value)} is not {kind.name}. Correct it."
            ) from error
    return found


def _whole(value: Any) -> int:
    """A whole number, written as 3, 3.0, "3" or "3.0".

    Raises:
        ValueError, TypeError, OverflowError: it is none.
    """
    if type(value) is int:
        return value
    try:
        return int(value) if isinstance(value, str) else _from_float(value)
    except ValueError:
        return _from_float(float(value))


def _from_float(value: Any) -> int:
    if int(value) != value:
        raise ValueError("not whole")
    return int(value)


class _Kind(NamedTuple):
    """A kind of number: its name, how a value is read, and the quick way for the usual types."""

    name: str
    read: Callable[[Any], Any]
    quick: Callable[[Any], Any]
    usual: frozenset[type]


_WHOLE = _Kind("a whole number", _whole, int, frozenset({int, str}))
_REAL = _Kind("a number", float, float, frozenset({int, float, str}))


def numbers(values: Sequence[Any]) -> list[float]:
    """Texts as numbers; NaN where one is none, or too large."""
    try:
        return list(map(float, values))
    except (TypeError, ValueError, OverflowError):
        return [_number(value) for value in values]


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def as_float32(values: Sequence[Any]) -> Float32:
    """Numbers as float32; infinity where they are too large for that."""
    with np.errstate(over="ignore"):
        return np.array(values, dtype=np.float32)


def _or(value: Any, default: Any) -> Any:
    return default if value is None or value == "" else value
