"""Which labels pictures have: a look, not the whole truth."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from diffviews_desktop.files.reading import UnfitFileError
from diffviews_desktop.pictures.labels.columns import LabelFormatError
from diffviews_desktop.pictures.labels.files import OWN_LABELS, is_of_edm, label_rows
from diffviews_desktop.pictures.labels.folders import folder_labels
from diffviews_desktop.pictures.labels.values import class_number, label_of
from diffviews_desktop.text.translation import tr
from diffviews_desktop.text.wording import as_sentence

MOST_ROWS = 20_000


def labels_problem(file: Path | None) -> str:
    """What is wrong with a file of labels; empty where it can be used or is not there."""
    try:
        if file is None or not file.is_file():
            return ""
        next(label_rows(file) or iter(()), None)
    except LabelFormatError as error:
        return as_sentence(str(error))
    except UnfitFileError as error:
        return as_sentence(str(error.strerror))
    except UnicodeDecodeError as error:
        return tr(
            "It is not in {encoding}: byte {byte:#x} stands for no letter. Save it as UTF-8, which "
            "spreadsheets call CSV UTF-8.",
            encoding=error.encoding.upper(),
            byte=error.object[error.start],
        )
    except (OSError, ValueError, csv.Error):
        return tr("It can be read neither as a table nor as JSON. Save it in UTF-8.")
    return ""


def names_among_labels(
    folder: Path | None, file: Path | None, pictures: Sequence[str]
) -> tuple[str, ...]:
    """Labels that are no class numbers, each once, sorted: of the first rows of a file of labels,
    else of the folders of pictures."""
    with suppress(OSError, ValueError, csv.Error):
        sidecar = folder / OWN_LABELS if folder is not None else None
        if file is None and sidecar is not None and sidecar.is_file() and is_of_edm(sidecar):
            file = sidecar
        labels = _labels_in(file) if file is not None else folder_labels(pictures).labels.values()
        return tuple(sorted({label for label in labels if label and class_number(label) is None}))
    return ()


def _labels_in(file: Path) -> Iterable[str]:
    return [label_of(row.label) for row in islice(label_rows(file) or (), MOST_ROWS)]
