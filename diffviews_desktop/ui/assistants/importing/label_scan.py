"""Which labels pictures have, and how many pictures an archive has: a look, not the whole truth."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from diffviews_desktop.files.archives import open_archive
from diffviews_desktop.pictures.labels.files import LabelFormatError, is_of_edm, label_rows
from diffviews_desktop.pictures.labels.folders import folder_labels
from diffviews_desktop.pictures.labels.values import class_number, label_of
from diffviews_desktop.values.import_rules import is_hidden, is_picture

OWN_LABELS = "dataset.json"
MOST_ROWS = 20_000
MOST_FOLDERS = 5_000


def labels_problem(file: Path | None) -> str:
    """What is wrong with a file of labels; empty where it can be used or is not there."""
    try:
        if file is None or not file.is_file():
            return ""
        next(label_rows(file) or iter(()), None)
    except LabelFormatError as error:
        text = str(error)
        return f"{text[:1].upper()}{text[1:]}."
    except (OSError, ValueError, csv.Error):
        return "It can be read neither as a table nor as JSON. Save it in UTF-8."
    return ""


def names_among_labels(
    folder: Path | None, file: Path | None, stopped: Callable[[], bool]
) -> tuple[str, ...]:
    """Labels that are no class numbers, each once, sorted: of the first rows of a file of labels,
    else of the first folders of pictures."""
    with suppress(OSError, ValueError, csv.Error):
        own = folder / OWN_LABELS if folder is not None else None
        if file is None and own is not None and own.is_file() and is_of_edm(own):
            file = own
        labels = _labels_in(file) if file is not None else _labels_of(folder, stopped)
        return tuple(sorted({label for label in labels if label and class_number(label) is None}))
    return ()


def _labels_in(file: Path) -> Iterable[str]:
    return [label_of(row.label) for row in islice(label_rows(file) or (), MOST_ROWS)]


def _labels_of(folder: Path | None, stopped: Callable[[], bool]) -> Iterable[str]:
    if folder is None or not folder.is_dir():
        return ()
    found = islice(_first_pictures(folder, stopped), MOST_FOLDERS)
    return folder_labels(list(found)).labels.values()


def _first_pictures(folder: Path, stopped: Callable[[], bool]) -> Iterator[str]:
    """Paths of some pictures, of every folder that has any."""
    for path, below, names in os.walk(folder):
        below[:] = sorted(name for name in below if not is_hidden(name))
        if stopped():
            return
        pictures = [name for name in names if is_picture(name)]
        for name in pictures[:2]:
            yield (Path(path).relative_to(folder) / name).as_posix()


def count_in_archive(path: Path) -> int:
    """How many pictures an archive holds; 0 where it cannot be read."""
    with suppress(Exception), open_archive(path) as archive:  # a damaged one raises many kinds
        names = [name.rpartition("/")[2] for name in archive.namelist()]
        return sum(map(is_picture, names))
    return 0
