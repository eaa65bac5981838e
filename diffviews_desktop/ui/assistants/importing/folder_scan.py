"""Looks into a folder of pictures and a table of labels, on a thread of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from diffviews_desktop.files.reading import is_regular
from diffviews_desktop.ui.assistants.importing.label_scan import (
    count_in_archive,
    labels_problem,
    names_among_labels,
)
from diffviews_desktop.ui.common.latest import Latest
from diffviews_desktop.values.import_rules import is_archive, is_hidden, is_picture

MOST_COUNTED = 100_000
LONGEST_LOOK = 10.0  # seconds
LOOK_AFTER = 250  # milliseconds without a key


@dataclass(frozen=True)
class Findings:
    """How many pictures there are, whether there may be more, what is wrong with the labels, and
    which labels are names."""

    pictures: int = 0
    more: bool = False
    labels_problem: str = ""
    names: tuple[str, ...] = ()


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
            def stopped() -> bool:
                return not self._looking.wants(look)

            pictures, more = count_pictures(folder, stopped)
            problem = labels_problem(labels)
            names = () if problem else names_among_labels(folder, labels, stopped)
            return Findings(pictures, more, problem, names)

        self._looking.ask(look)


def count_pictures(folder: Path | None, stopped: Callable[[], bool]) -> tuple[int, bool]:
    """How many pictures a folder and its subfolders hold, and whether there may be more."""
    if folder is not None and is_archive(folder.name) and is_regular(folder):
        return count_in_archive(folder), False
    count, until = 0, time.monotonic() + LONGEST_LOOK
    for _, below, names in os.walk(folder) if folder is not None else ():
        below[:] = [name for name in below if not is_hidden(name)]
        count += sum(map(is_picture, names))
        if count > MOST_COUNTED or time.monotonic() > until or stopped():
            return min(count, MOST_COUNTED), True
    return count, False
