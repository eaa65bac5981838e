"""Classes of pictures that are imported: from a CSV, or from the names of their folders."""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from diffviews_desktop.data.class_labels import load_class_labels_map
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.engine.opened_model import some
from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.files.csv_text import csv_rows
from diffviews_desktop.files.reading import MOST_TABLE_MEMORY, too_many_values
from diffviews_desktop.text.plain import from_csv_cell, from_csv_column
from diffviews_desktop.values.import_rules import label_columns
from diffviews_desktop.values.models import ModelFacts

IMAGENET_CLASSES = 1000
CHECKED_ROWS = 10_000


@dataclass(frozen=True)
class Labels:
    """Class numbers by file, and names by number."""

    of_file: Mapping[str, int]
    names: Mapping[int, str]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class _Said:
    """What a file of labels says: class by file, and name by class, as text."""

    classes: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


def find_labels(
    job: ImportData,
    files: Sequence[str],
    facts: ModelFacts,
    check: Callable[[], None] = lambda: None,
) -> Labels:
    """The class of every file that has one: by the labels, else by its subfolder. ``check`` is
    called now and then, and may raise to stop."""
    notes = []
    if job.labels is not None:
        said = _read_labels(job.labels, set(files), check)
        missing = sorted(said.classes.keys() - set(files))
        if missing:
            notes.append(
                f"{job.labels.name} names {len(missing)} files that are not in {job.images}: "
                f"{some(missing)}"
            )
        without = [file for file in files if file not in said.classes]
        if without:
            notes.append(f"{len(without)} pictures have no class: {some(without)}")
    else:
        said = _Said({file: file.split("/")[0] for file in files if "/" in file})
    there = {file: said.classes[file] for file in files if file in said.classes}
    numbers, names = _class_numbers(set(there.values()), facts)
    own = {numbers[text]: name for text, name in said.names.items() if text in numbers}
    return Labels({file: numbers[text] for file, text in there.items()}, {**names, **own}, notes)


def _class_numbers(
    texts: Iterable[str], facts: ModelFacts
) -> tuple[dict[str, int], dict[int, str]]:
    """Classes as numbers, and the names that are known by that.

    Whole numbers of up to nine digits are themselves. WordNet ids are ImageNet's classes in the
    standard order, where the model has so many. Names that the model's adapter knows are its
    classes; other names are numbered in their order.
    """
    texts = sorted(texts)
    if all(re.fullmatch(r"-1|[0-9]{1,9}", text) for text in texts):
        return {text: int(text) for text in texts}, {}
    if facts.num_classes == IMAGENET_CLASSES:
        imagenet = load_class_labels_map()
        ids = {wordnet_id: number for number, (wordnet_id, _) in imagenet.items()}
        if all(text in ids for text in texts):
            names = {number: name for number, (_, name) in imagenet.items()}
            return {text: ids[text] for text in texts}, names
    known = dict(facts.class_names)
    numbers = {name: number for number, name in known.items()}
    if all(text in numbers for text in texts):
        return {text: numbers[text] for text in texts}, known
    return (
        {text: number for number, text in enumerate(texts)},
        dict(enumerate(texts)),
    )


def _read_labels(path: Path, there: Container[str], check: Callable[[], None]) -> _Said:
    """A file of labels: the columns ``file``, ``class`` and, if wanted, ``name``.

    Args:
        path: of the CSV. An apostrophe before what begins like a formula counts only where the
            files that are ``there`` have it, too.
        there: names of files.

    Raises:
        DataError: it cannot be read, lacks a column, or gives a file two classes.
    """
    rows: list[list[str]] = []
    needed = 0
    try:
        for number, row in enumerate(_label_rows(path)):
            if number % CHECKED_ROWS == 0:
                check()
            if not row[0] or not row[1]:
                continue
            rows.append(row)
            needed += 500 + len(row[0])  # of the texts and of what holds them
            if needed > MOST_TABLE_MEMORY:
                raise too_many_values(path, MOST_TABLE_MEMORY)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV ({brief(error)}). Correct it.") from error
    labels = from_csv_column([row[1] for row in rows])
    names = from_csv_column([row[2] for row in rows])
    said = _Said()
    for row, label, name in zip(rows, labels, names, strict=True):
        file = _file_named(row[0])
        if file not in there and _file_named(from_csv_cell(row[0])) in there:
            file = _file_named(from_csv_cell(row[0]))
        if said.classes.setdefault(file, label) != label:
            raise DataError(f"{path} gives {file} two classes. Keep one.")
        if name:
            said.names.setdefault(label, name)
    return said


def _label_rows(path: Path) -> Iterator[list[str]]:
    """File, class and name of each row; empty where there is none."""
    rows = csv_rows(path)
    columns = label_columns(next(rows, []))
    if columns.missing:
        raise DataError(
            f"{path} must have the columns file and class. Add the one that is missing."
        )
    for row in rows:
        yield [row[i].strip() if i is not None and i < len(row) else "" for i in columns]


def _file_named(cell: str) -> str:
    return posixpath.normpath(cell.replace("\\", "/"))
