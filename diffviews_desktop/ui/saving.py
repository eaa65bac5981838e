"""Pictures and drawings written off the window's thread, with the record of how they were made."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QIODevice, QObject, QRunnable, QSaveFile, QThreadPool, Signal
from PySide6.QtGui import QImage

log = logging.getLogger(__name__)

KEY = "diffviews"
"""Keyword of the PNG's text, from which ``generate --replay`` makes the picture again."""
BESIDE = ".diffviews.json"


class PictureSaver(QObject):
    """Writes PNGs and SVGs, each whole or not at all. Signal: ``saved(file, done)``."""

    saved = Signal(str, bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)

    def save(
        self, make: Callable[[], QImage | bytes], file: str, record: Mapping[str, Any] | None
    ) -> None:
        """Write what ``make`` gives, which is called in another thread: a picture as PNG, bytes as
        they are; and the record, inside the PNG and as ``<name>.diffviews.json`` beside it."""
        self._pool.start(_Save(self, make, file, record))

    def wait(self) -> None:
        """Let what is being written come to its end."""
        self._pool.waitForDone()


class _Save(QRunnable):
    def __init__(
        self,
        saver: PictureSaver,
        make: Callable[[], QImage | bytes],
        file: str,
        record: Mapping[str, Any] | None,
    ) -> None:
        super().__init__()
        self._saver, self._make, self._file, self._record = saver, make, file, record

    def run(self) -> None:
        self._saver.saved.emit(self._file, self._write())

    def _write(self) -> bool:
        try:
            picture = self._make()
        except Exception:  # whatever it is, the person is told
            log.exception("a picture could not be made")
            return False
        if self._record is None:
            return _write_whole(self._file, picture)
        if isinstance(picture, QImage):
            picture.setText(KEY, json.dumps(dict(self._record), sort_keys=True))
        text = json.dumps(dict(self._record), indent=2).encode()
        beside = str(Path(self._file).with_suffix(BESIDE))
        return _write_whole(self._file, picture) and _write_whole(beside, text)


def _write_whole(file: str, content: QImage | bytes) -> bool:
    """Write a file, whole or not at all; whether it worked."""
    saved = QSaveFile(file)
    if not saved.open(QIODevice.OpenModeFlag.WriteOnly):
        return False
    if isinstance(content, QImage):
        done = content.save(saved, "PNG")  # type: ignore[call-overload]
    else:
        done = saved.write(content) == len(content)
    if not done:
        saved.cancelWriting()
    return saved.commit() and bool(done)
