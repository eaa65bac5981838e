"""Looks into a folder of pictures and a table of labels, on a thread of its own."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from diffviews_desktop.files.csv_text import csv_rows
from diffviews_desktop.pictures.listing import Listing, walk_pictures
from diffviews_desktop.ui.common.latest import Latest
from diffviews_desktop.values.import_rules import label_columns

MOST_COUNTED = 100_000
LONGEST_LOOK = 10.0  # seconds
LOOK_AFTER = 250  # milliseconds without a key


@dataclass(frozen=True)
class Findings:
    """What a look into a folder and a table has found.

    Attributes:
        pictures: how many there are.
        more: whether there may be more.
        labels_problem: what is wrong with the labels.
        left_out: sentences on what is no picture.
        numbers: sentences on what is black and white in pictures of numbers; none where there are
            no such pictures.
    """

    pictures: int = 0
    more: bool = False
    labels_problem: str = ""
    left_out: str = ""
    numbers: str = ""


class FolderScan(QObject):
    """Looks once at a time, a moment after it was last asked to.

    Signal: ``found(findings)``, a `Findings`.
    """

    found = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._looking = Latest[Findings](self.found.emit, self, name="folder scan")
        self._wanted: tuple[Path | None, Path | None] = (None, None)
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(LOOK_AFTER)
        self._delay.timeout.connect(self._look)

    def look_soon(self, folder: Path | None, labels: Path | None) -> None:
        """Look at a folder and a file; an earlier look is dropped."""
        self.cancel()
        self._wanted = folder, labels
        self._delay.start()

    def cancel(self) -> None:
        """Drop the look."""
        self._delay.stop()
        self._looking.drop()

    def wait(self) -> None:
        """Drop it and wait until it has ended."""
        self._delay.stop()
        self._looking.wait()

    def _look(self) -> None:
        folder, labels = self._wanted

        def look() -> Findings:
            found = look_into(folder, lambda: not self._looking.wants(look))
            return replace(found, labels_problem=labels_problem(labels))

        self._looking.ask(look)


def look_into(folder: Path | None, stopped: Callable[[], bool]) -> Findings:
    """What pictures a folder and its subfolders hold, as far as a look of some seconds finds."""
    until = time.monotonic() + LONGEST_LOOK

    def ended() -> bool:
        return time.monotonic() > until or stopped()

    listing, more = Listing(), False
    with suppress(OSError):
        for found in walk_pictures(folder) if folder is not None else ():
            listing.add(found)
            if len(listing.pictures) > MOST_COUNTED or ended():
                more = True
                break
    count, notes = min(len(listing.pictures), MOST_COUNTED), listing.notes()
    numbers = "" if folder is None else _numbers_in(folder, listing.pictures[:count], ended)
    return Findings(count, more, left_out=" ".join(f"{note}." for note in notes), numbers=numbers)


def _numbers_in(folder: Path, pictures: Sequence[str], ended: Callable[[], bool]) -> str:
    """What is black and white in pictures of numbers."""
    from diffviews_desktop.pictures.survey import survey  # which imports Pillow

    paths = (folder / picture for picture in pictures)
    return " ".join(survey(takewhile(lambda _: not ended(), paths)).sentences())


def labels_problem(file: Path | None) -> str:
    """What is wrong with a table's first line; empty where it can be used or is not there."""
    try:
        if file is None or not file.is_file():
            return ""
        missing = label_columns(next(csv_rows(file), [])).missing
    except (OSError, ValueError, csv.Error):
        return "It cannot be read as a CSV file."
    return f"Its first line names no column {' and no '.join(missing)}." if missing else ""
