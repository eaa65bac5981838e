"""Files that say which class each picture has: tables, JSON lines, and JSON such as EDM's
``dataset.json``. Read row by row where the format allows it."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from diffviews_desktop.files.csv_text import LONGEST_ROW, SEPARATORS, csv_table, open_text
from diffviews_desktop.files.reading import (
    MOST_LISTED_JSON,
    MOST_MEMORY,
    UnfitFileError,
    check_regular,
    memory_of_json,
    parse_json,
    too_many_values,
)
from diffviews_desktop.text.plain import visible

FILE_COLUMNS = (
    *("file", "filename", "file_name", "image", "path", "filepath", "file_path", "image_path"),
    *("image_file", "image_name", "image_filename", "img", "img_path", "picture", "filenames"),
)
CLASS_COLUMNS = (
    *("class", "label", "class_label", "class_id", "class_number", "class_index", "label_id"),
    *("labels", "classes", "category", "category_id", "target"),
)
NAME_COLUMNS = ("name", "class_name", "label_name", "category_name", "label_text")
OWN_LABELS = "dataset.json"
"""What EDM's dataset tool writes beside the pictures."""
LINES = (".jsonl", ".ndjson")
_HEAD = 65536  # letters that tell the format
_LONGEST_SAID = 120


class LabelFormatError(ValueError):
    """A file of labels has another form than those that are read; its text is a phrase that fits
    into a sentence: ``its first line names no column class``."""


class LabelRow(NamedTuple):
    """What a file of labels says of one picture.

    Attributes:
        file: the picture, as it is written there.
        label: its class as a cell of a table, or as JSON has it; None where there is none.
        name: of that class; empty where it is not given.
    """

    file: str
    label: Any
    name: str = ""


class LabelColumns(NamedTuple):
    """Where a table of labels has a picture's file, its class, and the name of that class; None for
    a column that is not there. Where there are only names, they are the classes."""

    file: int | None
    label: int | None
    name: int | None

    @property
    def missing(self) -> tuple[str, ...]:
        """Columns without which it cannot be used."""
        there = {"file": self.file, "class": self.label}
        return tuple(name for name, column in there.items() if column is None)


def label_columns(header: Sequence[str]) -> LabelColumns:
    """Find the columns by the names that they may have."""
    label, name = find_column(header, CLASS_COLUMNS), find_column(header, NAME_COLUMNS)
    if label is None:
        label, name = name, None
    return LabelColumns(find_column(header, FILE_COLUMNS), label, name)


def find_column(header: Sequence[str], names: Sequence[str]) -> int | None:
    """The place of the first of some names in a header, in any case; spaces and dashes in the
    header count as underlines."""
    there = ["_".join(name.lower().replace("-", " ").split()) for name in header]
    return next((there.index(name) for name in names if name in there), None)


def label_rows(path: Path) -> Iterator[LabelRow] | None:
    """What a file says of pictures, one after another; None where it says that they have no classes
    (EDM's ``{"labels": null}``).

    The form is told by the content: JSON lines, JSON, else a table with a header, separated by
    commas, semicolons, tabs or bars. Text is in UTF-8, or in UTF-16 or UTF-32 with a mark.

    Raises:
        LabelFormatError: it has another form.
        UnfitFileError, OSError: see `diffviews_desktop.files.reading.open_regular`; or its values
            would take too much memory.
        ValueError, csv.Error: it cannot be read. The rows raise all of these, too.
    """
    with open_text(path) as file:
        head = file.read(_HEAD).lstrip()
    if path.suffix.lower() in LINES or _is_record(head):
        return _of_lines(path)
    if head[:1] in ("{", "["):
        return _of_json(_read_json(path))
    return _of_table(path)


def is_of_edm(path: Path) -> bool:
    """Whether a ``dataset.json`` is what EDM's dataset tool writes; also where it cannot be read,
    because then nobody knows."""
    try:
        said = _read_json(path)
    except (OSError, ValueError):
        return True
    if not isinstance(said, dict) or "labels" not in said:
        return False
    labels = said["labels"]
    return not labels or (isinstance(labels, list) and isinstance(labels[0], list))


# ---- tables -------------------------------------------------------------------------------------


def _of_table(path: Path) -> Iterator[LabelRow]:
    table = csv_table(path, lambda header: not label_columns(header).missing)
    columns = label_columns(table.header)
    if columns.missing:
        names = visible(", ".join(table.header), _LONGEST_SAID) or "nothing"
        between = SEPARATORS.get(table.separator, table.separator)
        separated = f", separated by {between}" if len(table.header) > 1 else ""
        raise LabelFormatError(
            f"its first line names no column {' and no '.join(columns.missing)}, but {names}"
            f"{separated}"
        )
    for row in table.rows:
        file, label, name = (
            row[i].strip() if i is not None and i < len(row) else "" for i in columns
        )
        yield LabelRow(file, label, name)


# ---- JSON lines ---------------------------------------------------------------------------------


def _is_record(head: str) -> bool:
    """Whether a text begins with a line that is an object about one picture."""
    try:
        first = json.loads(head.split("\n", 1)[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and _columns_of(tuple(first)).file is not None and _flat(first)


def _flat(record: Mapping[str, Any]) -> bool:
    """Whether it is no object of columns, which has a list or an object for the files."""
    return not isinstance(list(record.values())[_columns_of(tuple(record)).file or 0], list | dict)


def _of_lines(path: Path) -> Iterator[LabelRow]:
    with open_text(path) as file:

        def lines() -> Iterator[Any]:
            while line := file.readline(LONGEST_ROW + 1):
                if len(line) > LONGEST_ROW:
                    reason = "it has a line of more than a million characters"
                    raise UnfitFileError(errno.EFBIG, reason, str(path))
                if line.strip():
                    yield parse_json(line, path)

        yield from _of_records(lines())


def _of_records(records: Iterable[Any]) -> Iterator[LabelRow]:
    """Rows of objects, or of pairs of a file and its class."""
    labelled, keys = False, ""
    for record in records:
        if isinstance(record, list) and len(record) == 2:
            yield _row(*record)
            labelled = True
            continue
        if not isinstance(record, dict) or (columns := _columns_of(tuple(record))).file is None:
            raise LabelFormatError(
                f"it has {_said(record)} where a picture's file and class should be"
            )
        values = list(record.values())
        keys = keys or ", ".join(record)
        labelled |= columns.label is not None
        yield _row(
            values[columns.file],
            None if columns.label is None else values[columns.label],
            "" if columns.name is None else values[columns.name],
        )
    if keys and not labelled:
        raise LabelFormatError(f"it has no key class or label, but {visible(keys, _LONGEST_SAID)}")


def _row(file: Any, label: Any, name: Any = "") -> LabelRow:
    if not isinstance(file, str):
        raise LabelFormatError(f"it has {_said(file)} where the name of a picture should be")
    return LabelRow(file.strip(), label, name.strip() if isinstance(name, str) else "")


@lru_cache(maxsize=64)
def _columns_of(keys: tuple[str, ...]) -> LabelColumns:
    return label_columns(keys)


# ---- JSON ---------------------------------------------------------------------------------------


def _read_json(path: Path) -> Any:
    size = check_regular(path, MOST_LISTED_JSON).st_size
    with open_text(path) as file:
        text = file.read(size + 1)
    if memory_of_json(text.encode("utf-8", "surrogatepass")) > MOST_MEMORY:
        raise too_many_values(path, MOST_MEMORY)
    return parse_json(text, path)


def _of_json(value: Any) -> Iterator[LabelRow] | None:
    """EDM's ``{"labels": [[file, class], …]}``, a list of objects or pairs, an object of columns,
    or one of classes by file."""
    if isinstance(value, list):
        return _of_records(value)
    if "labels" in value and _columns_of(tuple(value)).file is None:
        labels = value["labels"]
        if labels is None or labels == []:
            return None
        if isinstance(labels, list):
            return _of_records(labels)
        if isinstance(labels, dict):
            return _by_file(labels)
        raise LabelFormatError(f"its 'labels' are {_said(labels)} instead of a list")
    columns = _columns_of(tuple(value))
    if not columns.missing and not _flat(value):
        return _of_columns(list(value.values()), columns)
    return _by_file(value)


def _by_file(labels: Mapping[str, Any]) -> Iterator[LabelRow]:
    if any(isinstance(label, dict) for label in labels.values()):
        raise LabelFormatError("it is an object that gives no list of labels")
    return (_row(file, label) for file, label in labels.items())


def _of_columns(values: Sequence[Any], columns: LabelColumns) -> Iterator[LabelRow]:
    """Columns as lists, or as objects of the same keys (pandas)."""
    assert columns.file is not None
    files, rows = values[columns.file], []
    for column in columns:
        cells = files if column is None else values[column]
        if type(cells) is not type(files) or len(cells) != len(files):
            raise LabelFormatError("its columns are not equally long")
        if isinstance(cells, dict):
            cells = [cells.get(key) for key in files]
        rows.append(cells if column is not None else [""] * len(cells))
    return (_row(*cells) for cells in zip(*rows, strict=True))


def _said(value: Any) -> str:
    return visible(json.dumps(value, ensure_ascii=False), 60)
