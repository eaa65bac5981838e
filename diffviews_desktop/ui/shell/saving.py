"""Pictures and drawings written off the window's thread, with the record of how they were made."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QWidget

from diffviews_desktop.exports import registry
from diffviews_desktop.exports.contents import Drawing, Picture, Record
from diffviews_desktop.exports.with_record import WithRecord, write_with_record
from diffviews_desktop.ui.common.images import pixels_of

log = logging.getLogger(__name__)


class PictureSaver(QObject):
    """Writes pictures and drawings with their records, both whole or neither.

    A link in their place is replaced, not followed. Signal: ``saved(file, done)``.
    """

    saved = Signal(str, bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)

    def save(self, make: Callable[[], WithRecord], file: str) -> None:
        """Write what ``make`` gives, which is called in another thread, in the format that the
        file's name ends in, else in the usual one; and its record as ``<name>.diffviews.json``
        beside it."""
        self._pool.start(_Save(self, make, file))

    def wait(self) -> None:
        """Let what is being written come to its end."""
        self._pool.waitForDone()


class _Save(QRunnable):
    def __init__(self, saver: PictureSaver, make: Callable[[], WithRecord], file: str) -> None:
        super().__init__()
        self._saver, self._make, self._file = saver, make, file

    def run(self) -> None:
        self._saver.saved.emit(self._file, self._write())

    def _write(self) -> bool:
        try:
            write_with_record(self._make(), Path(self._file))
        except OSError as error:
            log.warning("%s cannot be written: %s", self._file, error)
            return False
        except Exception:  # whatever it is, the user is told
            log.exception("a picture could not be made")
            return False
        return True


def ask_where(
    parent: QWidget, title: str, start: str | Path, contents: Callable[[], tuple[type, ...]]
) -> str:
    """Ask the user for the file to write; returns an empty text if they cancel.

    A name without a suffix gets that of the chosen format. If such a file exists already, the
    dialog opens again with this name, and asks whether to replace the file.

    Args:
        parent: of the dialog.
        title: of the dialog.
        start: the suggested file.
        contents: returns the classes of `exports.contents` that can be written; called before and
            after the dialog, because they may change meanwhile.
    """
    while True:
        kinds = registry.filters(*contents())
        path, name_filter = QFileDialog.getSaveFileName(parent, title, str(start), kinds)
        if not path:
            return ""
        file = registry.complete(path, name_filter, *contents())
        if file == path or not os.path.lexists(file):
            return file
        start = file


def picture_maker(make: Callable[[], QImage | bytes], record: Record) -> Callable[[], WithRecord]:
    """What makes a picture of what ``make`` gives, or a drawing where that is SVG."""
    return partial(_make_picture, make, record)


def _make_picture(make: Callable[[], QImage | bytes], record: Record) -> WithRecord:
    picture = make()
    if isinstance(picture, bytes):
        return Drawing(picture, record)
    return Picture(pixels_of(picture), record)
