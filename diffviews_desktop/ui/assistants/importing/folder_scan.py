"""Looks into a folder of pictures and a table of labels, on a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from diffviews_desktop.files.archives import open_archive
from diffviews_desktop.files.reading import is_regular
from diffviews_desktop.pictures.listing import (
    LARGEST_DIRECTORY,
    Listing,
    list_members,
    walk_pictures,
)
from diffviews_desktop.ui.assistants.importing.label_scan import labels_problem, names_among_labels
from diffviews_desktop.ui.common.latest import Latest
from diffviews_desktop.values.import_rules import is_archive

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
        names: labels that are no class numbers.
        left_out: sentences on what is no picture.
        numbers: sentences on what is black and white in pictures of numbers; none where there are
            no such pictures.
        packed: whether they are in an archive, of which only names are looked at.
    """

    pictures: int = 0
    more: bool = False
    labels_problem: str = ""
    names: tuple[str, ...] = ()
    left_out: str = ""
    numbers: str = ""
    packed: bool = False


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
            return look_into(folder, labels, lambda: not self._looking.wants(look))

        self._looking.ask(look)


def look_into(folder: Path | None, labels: Path | None, stopped: Callable[[], bool]) -> Findings:
    """What a folder and its subfolders, or an archive, hold, as far as a look of some seconds
    finds, and what labels say."""
    until = time.monotonic() + LONGEST_LOOK

    def is_over() -> bool:
        return time.monotonic() > until or stopped()

    packed = folder is not None and _is_packed(folder)
    listing, more = (_list_archive if packed else _list_folder)(folder, is_over)
    pictures = listing.pictures[:MOST_COUNTED]
    outside = [] if packed else pictures
    problem = labels_problem(labels)
    return Findings(
        pictures=len(pictures),
        more=more,
        labels_problem=problem,
        names=() if problem else names_among_labels(folder, labels, outside),
        left_out=" ".join(f"{note}." for note in listing.notes()),
        numbers=_numbers_in(folder, outside, is_over),
        packed=packed,
    )


def _is_packed(path: Path) -> bool:
    return is_archive(path.name) and is_regular(path)


def _list_folder(folder: Path | None, is_over: Callable[[], bool]) -> tuple[Listing, bool]:
    """What was found, and whether there may be more."""
    listing = Listing()
    with suppress(OSError):
        for part in walk_pictures(folder) if folder is not None else ():
            listing.add(part)
            if len(listing.pictures) > MOST_COUNTED or is_over():
                return listing, True
    return listing, False


class _Ended(Exception):
    """The look takes too long, or nobody wants to know any more."""


def _list_archive(path: Path | None, is_over: Callable[[], bool]) -> tuple[Listing, bool]:
    """The same of an archive; nothing where it cannot be read."""
    listing = Listing()

    def check() -> None:
        if is_over():
            raise _Ended

    try:
        assert path is not None
        with open_archive(path, LARGEST_DIRECTORY, check) as archive:
            list_members(archive, check, listing)
    except _Ended:
        return listing, True
    except Exception:  # of many kinds
        return Listing(), False
    return listing, len(listing.pictures) > MOST_COUNTED


def _numbers_in(folder: Path | None, pictures: Sequence[str], is_over: Callable[[], bool]) -> str:
    """What is black and white in pictures of numbers."""
    from diffviews_desktop.pictures.survey import survey  # which imports Pillow

    paths = (folder / picture for picture in pictures) if folder is not None else ()
    return " ".join(survey(takewhile(lambda _: not is_over(), paths)).sentences())
