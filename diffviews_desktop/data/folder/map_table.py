"""The table of a map in CSV, as this program, spreadsheets and other tools write it."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from diffviews_desktop.data.folder.further_columns import (
    KNOWN_COLUMNS,
    MAP_COLUMNS,
    is_index,
    more_columns,
)
from diffviews_desktop.data.folder.numerals import (
    Mark,
    is_number,
    marks_of,
    plain,
)
from diffviews_desktop.data.folder.sample_columns import Columns, join
from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.files.csv_text import (
    SEPARATORS,
    CsvTable,
    csv_table,
    not_unicode,
    with_row_names,
)
from diffviews_desktop.files.reading import MOST_TABLE_MEMORY, too_many_values
from diffviews_desktop.text.plain import MOST_OF_NAME, from_csv_column, visible

MOST_NAMES = 200
"""So many further columns are looked at."""
PIECE = 250  # rows read at a time
MOST_SAID = 8  # names of a header in an error

_JUDGED = ("trust", "neighbors_kept")
_NUMBERS = ("umap_x", "umap_y", "umap_z", *_JUDGED, "class_label", "conditioning_sigma")
_LOOSE = ("umap_z", "class_label", "class_name", "conditioning_sigma", "image_path")
"""Columns, beside those of every map, that may be spelled otherwise: not those of the program's own
that nobody else writes, so that a column Trust is the user's."""
_AXES = ("umap_x", "umap_y", "umap_z")
_COUNTED = (("umap0", "umap1", "umap2"), ("umap1", "umap2", "umap3"), ("x", "y", "z"))
"""What other tools call the axes: counted from 0, from 1, or plainly."""


class _Header(NamedTuple):
    """A header as the program understands it.

    Attributes:
        names: of all columns, those that it knows under its own names.
        separator: between them.
    """

    names: list[str]
    separator: str


def read_csv(
    path: Path, exclude: Sequence[str] = (), check: Callable[[], None] = lambda: None
) -> Columns:
    """The columns of a map's table, as text: those that the program knows, and the first others.

    The apostrophes of `csv_cell` are taken away. Separators, names and decimal commas of other
    programs are understood where they mean one thing; known columns have decimal points.

    Args:
        path: the table.
        exclude: columns to leave out.
        check: called now and then; may raise to stop.

    Raises:
        DataError: it cannot be read, would take too much memory, lacks a column that every map has,
            has one twice, or has more values in a row than names in its header.
    """
    try:
        table = csv_table(path, lambda names: not _lacking(_standardize(names)))
        header, rows = _interpret(path, table)
        indices, left_out = _select(path, header.names, exclude)
        columns = _values(path, rows, len(header.names), indices, check)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} {not_unicode(error)}") from error
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(
            f"{path} cannot be read as CSV ({brief(error)}). Correct it, or remove it to have the "
            "map made again."
        ) from error
    by_name = {
        header.names[i]: from_csv_column(column)
        for i, column in zip(indices, columns, strict=True)
        if header.names[i] or not is_index(column)
    }
    mark = _mark(by_name)
    return Columns(_with_points(by_name, mark), left_out, mark)


# ---- the header ---------------------------------------------------------------------------------


def _interpret(path: Path, table: CsvTable) -> tuple[_Header, Iterator[list[str]]]:
    """The header and the rows below it."""
    table = with_row_names(table)
    header = [name.removeprefix("#").strip() for name in from_csv_column(table.header)]
    names = _standardize(header)
    lacking = _lacking(names)
    if lacking:
        raise DataError(_why_not(path, header, lacking, table.separator))
    return _Header(names, table.separator), table.rows


def _standardize(header: Sequence[str]) -> list[str]:
    """A header with the program's own names for those that mean the same.

    What other columns than those of every map are called is only changed where one alone means it.
    """
    keys = [re.sub(r"[\s_.\-]+", "", name).removeprefix("#").casefold() for name in header]
    synonyms = {name.replace("_", ""): name for name in MAP_COLUMNS}
    loose = {name.replace("_", ""): name for name in _LOOSE}
    synonyms |= {key: name for key, name in loose.items() if keys.count(key) == 1}
    if "sampleid" not in keys and keys.count("id") == 1:
        synonyms["id"] = "sample_id"
    if not {"umapx", "umapy"} & set(keys):
        for axes in _COUNTED:
            if set(axes[:2]) <= set(keys):
                synonyms |= dict(zip(axes, _AXES, strict=True))
                break
    return [synonyms.get(key, name) for key, name in zip(keys, header, strict=True)]


def _lacking(names: Sequence[str]) -> list[str]:
    return [name for name in MAP_COLUMNS if name not in names]


def _why_not(path: Path, header: Sequence[str], lacking: Sequence[str], separator: str) -> str:
    """Which columns a header lacks, what it has instead, and what to do."""
    if not any(header):
        return f"{path} is empty. Restore it, or remove it to have the map made again."
    listing = ", ".join(visible(name, MOST_OF_NAME) or "(no name)" for name in header[:MOST_SAID])
    more = ", …" if len(header) > MOST_SAID else ""
    between = SEPARATORS.get(separator, f"the separator {visible(separator)}")
    suffix = f", separated by {between}" if len(header) > 1 else ""
    column = "column" if len(lacking) == 1 else "columns"
    *others, last = lacking
    names = f"{', '.join(others)} and {last}" if others else last
    return (
        f"{path} lacks the {column} {names}: its first line names {listing}{more}{suffix}. Name "
        f"the columns {', '.join(MAP_COLUMNS)}, with commas, semicolons or tabs between them, or "
        "remove the file to have the map made again."
    )


def _select(
    path: Path, names: Sequence[str], exclude: Sequence[str]
) -> tuple[list[int], dict[str, str]]:
    """Which columns of a table are read, and why others are not."""
    twice = {name for name, count in Counter(names).items() if count > 1 and name}
    indices = [i for i, name in enumerate(names) if name not in exclude]
    for name in KNOWN_COLUMNS & twice - set(exclude):
        raise DataError(
            f"{path} has the column {name} twice. Remove one of them, or give it another name."
        )
    others = [i for i in indices if names[i] not in KNOWN_COLUMNS | twice]
    left_out = {
        visible(name, MOST_OF_NAME): "it is there twice: rename one of the two"
        for name in sorted(twice - KNOWN_COLUMNS - set(exclude))
    }
    beyond = others[MOST_NAMES:]
    if beyond:
        left_out[more_columns(len(beyond))] = f"only the first {MOST_NAMES} columns are read"
    core = [i for i in indices if names[i] in KNOWN_COLUMNS]
    return sorted([*core, *others[:MOST_NAMES]]), left_out


# ---- the rows -----------------------------------------------------------------------------------


def _values(
    path: Path,
    rows: Iterator[list[str]],
    width: int,
    indices: Sequence[int],
    check: Callable[[], None],
) -> list[tuple[str, ...]]:
    """Some columns of a table's rows; short rows are filled up."""
    parts: list[list[tuple[str, ...]]] = [[] for _ in indices]
    pick, most, memory, count = itemgetter(*indices), max(indices) + 1, 0, 1  # three at least
    while piece := list(islice(rows, PIECE)):
        check()
        for row in piece:
            count += 1
            if len(row) > width and any(row[width:]):
                raise DataError(_too_many(path, count, len(row), width))
        cells = [
            pick(row) if len(row) >= most else pick(row + [""] * (most - len(row))) for row in piece
        ]
        for column, values in zip(parts, zip(*cells, strict=True), strict=True):
            column.append(values)
            memory += 57 * len(values) + sum(map(len, values))
        if memory > MOST_TABLE_MEMORY:
            raise too_many_values(path, MOST_TABLE_MEMORY)
    return [join(column) for column in parts]


def _too_many(path: Path, row: int, count: int, width: int) -> str:
    return (
        f"{path}: row {row} has {count} values, but the first line names {width} columns. Put a "
        "text or a number that holds the separator, such as a decimal comma, into quotes."
    )


# ---- numbers ------------------------------------------------------------------------------------


def _mark(columns: Mapping[str, Sequence[str]]) -> Mark | None:
    """The decimal mark of a table: that of its places; None where they do not tell."""
    texts = {*columns["umap_x"], *columns["umap_y"]}
    if not any("," in text for text in texts):
        return "." if any("." in text for text in texts) else None
    marks = marks_of(_numerals(texts).values())
    if len(marks) == 1:
        return marks[0]
    return "," if marks else None  # places are small numbers: 1,234 is one and a bit


def _with_points(
    columns: Mapping[str, Sequence[str]], mark: Mark | None
) -> dict[str, Sequence[str]]:
    """The columns, known numbers with a decimal point where one mark makes all of them numbers."""
    result = dict(columns)
    for name in _NUMBERS:
        values = result.get(name, ())
        if not any(
            "," in text or not text.isascii() or (mark == "," and "." in text) for text in values
        ):
            continue
        numerals = _numerals(values)
        marks = marks_of(numerals.values())
        decimal_mark = mark if mark in marks else marks[0] if len(marks) == 1 else None
        if decimal_mark is not None:
            spellings = {text: plain(numeral, decimal_mark) for text, numeral in numerals.items()}
            result[name] = [spellings.get(text, text) for text in values]
    return result


def _numerals(values: Iterable[str]) -> dict[str, str]:
    """Those of some texts that are numbers, and the same without spaces around them."""
    numerals = {text: text.strip() for text in set(values)}
    return {text: numeral for text, numeral in numerals.items() if is_number(numeral)}
