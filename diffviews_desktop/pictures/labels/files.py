"""Files that say which class each picture has: tables, JSON lines, and JSON such as EDM's
``dataset.json``. Read row by row where the format allows it."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from diffviews_desktop.files.csv_text import (
    LONGEST_ROW,
    SEPARATORS,
    csv_table,
    open_text,
    with_row_names,
)
from diffviews_desktop.files.reading import (
    MOST_LISTED_JSON,
    MOST_MEMORY,
    UnfitFileError,
    check_regular,
    memory_of_json,
    parse_json,
    too_many_values,
)
from diffviews_desktop.pictures.labels.columns import (
    LabelColumns,
    LabelFormatError,
    label_columns,
    number_columns,
)
from diffviews_desktop.pictures.labels.values import label_of
from diffviews_desktop.text.plain import visible

OWN_LABELS = "dataset.json"
"""What EDM's dataset tool writes beside the pictures."""
LINES = (".jsonl", ".ndjson")
_HEAD = 65536  # letters that tell the format
_LONGEST_SAID = 120


class LabelRow(NamedTuple):
    """What a file of labels says of one picture.

    Attributes:
        file: the picture, as it is written there.
        label: its class as a cell of a table, or as JSON has it; None where there is none. Of a
            number and a text, it is the number.
        name: of that class; empty where it is not given.
    """

    file: str
    label: Any
    name: str = ""


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
        content = _read_json(path)
    except (OSError, ValueError):
        return True
    if not isinstance(content, dict) or "labels" not in content:
        return False
    labels = content["labels"]
    return not labels or (isinstance(labels, list) and isinstance(labels[0], list))


# ---- tables -------------------------------------------------------------------------------------


def _of_table(path: Path) -> Iterator[LabelRow]:
    def fits(header: Sequence[str]) -> bool:
        return not label_columns(header).missing

    table = with_row_names(csv_table(path, fits))
    header = tuple(table.header)
    columns = label_columns(header)
    if not any(header):
        raise LabelFormatError("it is empty")
    if columns.missing:
        names = visible(", ".join(header), _LONGEST_SAID)
        between = SEPARATORS.get(table.separator, table.separator)
        suffix = f", separated by {between}" if len(header) > 1 else ""
        raise LabelFormatError(
            f"it lacks the column{'s' * (len(columns.missing) > 1)} "
            f"{' and '.join(columns.missing)}: its first line names {names}{suffix}"
        )
    second = with_row_names(csv_table(path, fits))
    columns = label_columns(header, number_columns((header, row) for row in second.rows))
    for row in table.rows:
        yield _row(columns, [*row, *[""] * (len(header) - len(row))])


def _row(columns: LabelColumns, values: Sequence[Any]) -> LabelRow:
    """What values say, those of a table or those of a record."""
    file, label, name, text = (None if i is None else values[i] for i in columns)
    if text is not None and not label_of(label):  # no number, but something
        label, name = text, ""
    return _label_row(str(file) if type(file) is int else file, label, name)


def _label_row(file: Any, label: Any, name: Any = "") -> LabelRow:
    if not isinstance(file, str):
        raise LabelFormatError(f"it has {_quote(file)} where the name of a picture should be")
    label = label.strip() if isinstance(label, str) else label
    return LabelRow(file.strip(), label, name.strip() if isinstance(name, str) else "")


# ---- JSON lines ---------------------------------------------------------------------------------


def _is_record(head: str) -> bool:
    """Whether a text begins with a line that is an object about one picture."""
    try:
        first = json.loads(head.split("\n", 1)[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and label_columns(tuple(first)).file is not None and _flat(first)


def _flat(record: Mapping[str, Any]) -> bool:
    """Whether it is no object of columns, which has a list or an object for the files."""
    return not isinstance(
        list(record.values())[label_columns(tuple(record)).file or 0], list | dict
    )


def _of_lines(path: Path) -> Iterator[LabelRow]:
    def lines() -> Iterator[Any]:
        with open_text(path) as file:
            while line := file.readline(LONGEST_ROW + 1):
                if len(line) > LONGEST_ROW:
                    reason = "it has a line of more than a million characters"
                    raise UnfitFileError(errno.EFBIG, reason, str(path))
                if line.strip():
                    yield parse_json(line, path)

    yield from _of_records(lines)


def _of_records(records: Callable[[], Iterable[Any]]) -> Iterator[LabelRow]:
    """Rows of objects, or of pairs of a file and its class.

    Args:
        records: gives them all, whenever it is called.
    """
    columns_of = lru_cache(maxsize=64)(label_columns)
    numbers = number_columns(
        (tuple(record), list(record.values())) for record in records() if isinstance(record, dict)
    )
    has_labels, keys = False, ""
    for record in records():
        if isinstance(record, list) and len(record) == 2:
            yield _label_row(*record)
            has_labels = True
            continue
        if not isinstance(record, dict):
            raise LabelFormatError(
                f"it has {_quote(record)} where a picture's file and class should be"
            )
        columns = columns_of(tuple(record), numbers)
        if columns.file is None:
            raise LabelFormatError(
                f"it has {_quote(record)} where a picture's file and class should be"
            )
        keys = keys or ", ".join(record)
        has_labels |= columns.label is not None
        yield _row(columns, list(record.values()))
    if keys and not has_labels:
        names = visible(keys, _LONGEST_SAID)
        raise LabelFormatError(f"its records have no class or label, but {names}")


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
        return _of_records(lambda: value)
    columns = label_columns(tuple(value))
    if "labels" in value and (columns.file is None or _flat(value)):
        labels = value["labels"]
        if labels is None or labels == []:
            return None
        if isinstance(labels, list):
            return _of_records(lambda: labels)
        if isinstance(labels, dict):
            return _by_file(labels)
        raise LabelFormatError(f"its 'labels' are {_quote(labels)} instead of a list")
    if not columns.missing and not _flat(value):
        return _of_columns(value)
    return _by_file(value)


def _by_file(labels: Mapping[str, Any]) -> Iterator[LabelRow]:
    if any(map(_holds_no_label, labels.values())):
        keys = visible(", ".join(labels), _LONGEST_SAID)
        raise LabelFormatError(f"JSON of this form is not read: it is an object of {keys}")
    return (_label_row(file, label) for file, label in labels.items())


def _holds_no_label(value: Any) -> bool:
    """Whether it is an object, or a list of anything but numbers."""
    if isinstance(value, list):
        return not value or not all(isinstance(one, int | float) for one in value)
    return isinstance(value, dict)


def _of_columns(value: Mapping[str, Any]) -> Iterator[LabelRow]:
    """Columns as lists, or as objects of the same keys (pandas)."""
    keys = tuple(value)
    parts = [value[keys[place]] for place in label_columns(keys) if place is not None]
    files = parts[0]

    def fits(cells: Any) -> bool:
        return type(cells) is type(files) and len(cells) == len(files)

    if not all(map(fits, parts)):
        raise LabelFormatError("its columns are not equally long")
    table = {name: cells for name, cells in value.items() if fits(cells)}
    lists = [
        [cells.get(key) for key in files] if isinstance(cells, dict) else cells
        for cells in table.values()
    ]
    rows = [list(cells) for cells in zip(*lists, strict=True)]
    header = tuple(table)
    columns = label_columns(header, number_columns((header, row) for row in rows))
    return (_row(columns, row) for row in rows)


def _quote(value: Any) -> str:
    return visible(json.dumps(value, ensure_ascii=False), 60)
