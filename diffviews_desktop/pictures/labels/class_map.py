"""Which class number each label stands for, as the user says it: ``cat=3, dog=5``, or a file."""

from __future__ import annotations

import csv
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from diffviews_desktop.errors import DataError, UsageError, brief
from diffviews_desktop.files.csv_text import csv_table, not_unicode, open_text
from diffviews_desktop.files.reading import MOST_JSON, check_regular, parse_json
from diffviews_desktop.pictures.labels.columns import find_column
from diffviews_desktop.pictures.labels.values import class_number, label_of
from diffviews_desktop.text.plain import visible
from diffviews_desktop.text.translation import group_digits, tr

ClassPairs = tuple[tuple[str, int], ...]
"""Labels and the class of each; -1 for no class."""
MOST_PAIRS = 200_000
EXAMPLE = "cat=3, dog=5"
_LABELS = ("label", "name", "class_name", "label_name", "folder", "text", "wordnet_id", "wnid")
_NUMBERS = ("class", "class_number", "number", "class_id", "class_index", "index", "class_label")


class ClassMapError(ValueError):
    """A map of classes says something else; its text is a phrase."""


def class_map_of(text: str) -> ClassPairs | Path:
    """What was entered: pairs such as ``cat=3, dog=5``, or the path of a file.

    Raises:
        UsageError: it is neither.
    """
    text = text.strip()
    if not text:
        return ()
    try:
        path = Path(text).expanduser().absolute()
    except RuntimeError:  # no such user
        path = Path(text).absolute()
    if "=" not in text or os.path.isfile(path):
        return path
    parts = [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]
    try:
        return _check(map(_typed_pair, parts))
    except ClassMapError as error:
        raise UsageError(
            tr(
                "The class map cannot be used: {reason}. Write labels and class numbers such as "
                "{example}, or choose a file.",
                reason=error,
                example=EXAMPLE,
            )
        ) from error


def read_class_map(path: Path) -> ClassPairs:
    """The pairs in a file.

    It is a table of two columns, labels and class numbers; or a JSON object, of numbers by label or
    of names by number, as ``class_labels.json`` is.

    Raises:
        DataError: it cannot be read, or says something else.
    """
    try:
        with open_text(path) as file:
            is_json = file.read(4096).lstrip()[:1] in ("{", "[")
        return _check(_json_pairs(path) if is_json else _table_pairs(path))
    except UnicodeDecodeError as error:
        raise DataError(f"The class map {path} {not_unicode(error)}") from error
    except (OSError, ValueError, csv.Error) as error:
        reason = str(error) if isinstance(error, ClassMapError) else brief(error)
        raise DataError(
            f"The class map {path} cannot be read ({reason}). Make it a table of two "
            'columns, label and class, or a JSON object such as {"cat": 3}.'
        ) from error


def _typed_pair(part: str) -> tuple[str, str]:
    label, _, number = part.rpartition("=")
    if not label.strip() or not number.strip():
        raise ClassMapError(tr("{part} gives no label a class number", part=_quote(part)))
    return label.strip(), number


def _check(pairs: Iterable[tuple[str, Any]]) -> ClassPairs:
    """Pairs with numbers, each label once.

    Raises:
        ClassMapError: something is missing, no number, or contradicts something else.
    """
    classes: dict[str, int] = {}
    numbers: dict[str, int] = {}  # whatever the spelling of a label that is a number
    for label, value in pairs:
        text = label_of(value)
        number = class_number(text) if text else -1
        if not label:
            raise ClassMapError(tr("the class {number} has no label", number=_quote(str(value))))
        if number is None or number < -1:
            raise ClassMapError(
                tr(
                    "{number}, which it gives {label}, is no class",
                    number=_quote(str(value)),
                    label=_quote(label),
                )
            )
        if numbers.setdefault(label_of(label) or label, number) != number:
            raise ClassMapError(tr("it gives {label} two classes", label=_quote(label)))
        classes[label] = number
        if len(classes) > MOST_PAIRS:
            raise ClassMapError(tr("it has more than {most} labels", most=group_digits(MOST_PAIRS)))
    return tuple(classes.items())


# ---- files --------------------------------------------------------------------------------------


def _json_pairs(path: Path) -> Iterator[tuple[str, Any]]:
    check_regular(path, MOST_JSON)
    with open_text(path) as file:
        content = parse_json(file.read(), path)
    if not isinstance(content, dict):
        raise ClassMapError("it holds no JSON object")
    classes = defaultdict[str, set[str]](set)
    for key, value in content.items():
        names = value if isinstance(value, list) else [value]
        is_number = value is None or class_number(label_of(value)) is not None
        if is_number or class_number(label_of(key)) is None:
            yield key.strip(), value
        elif all(isinstance(name, str) for name in names):  # class_labels.json
            for name in names:
                classes[name.strip()].add(key)
        else:
            raise ClassMapError(f"what it gives {_quote(key)} is no name")
    # ImageNet has two classes called crane: that name alone says nothing
    for name, numbers in classes.items():
        if name and len(numbers) == 1:
            yield name, numbers.pop()


def _table_pairs(path: Path) -> Iterator[tuple[str, Any]]:
    table = csv_table(path, lambda header: len(header) == 2 or None not in _columns(header))
    header = table.header
    label, number = _columns(header)
    rows = list(islice(table.rows, MOST_PAIRS + 1))
    if label is None or number is None:
        if len(header) != 2:
            raise ClassMapError(
                f"it has {len(header)} columns, and its first line does not name two of them label "
                "and class"
            )
        label, number = 0, 1
        if any(class_number(label_of(cell)) is not None for cell in header):
            rows.insert(0, list(header))  # it has no header
    rows = [row for row in rows if len(row) > max(label, number)]
    if _all_numbers(rows, label) and not _all_numbers(rows, number):
        label, number = number, label  # numbers first, then names
    return ((row[label].strip(), row[number]) for row in rows)


def _columns(header: Sequence[str]) -> tuple[int | None, int | None]:
    """Where a header has labels and class numbers."""
    return find_column(header, _LABELS), find_column(header, _NUMBERS)


def _all_numbers(rows: Sequence[Sequence[str]], column: int) -> bool:
    return all(class_number(label_of(row[column])) is not None for row in rows)


def _quote(text: str) -> str:
    return repr(visible(text, 60))
