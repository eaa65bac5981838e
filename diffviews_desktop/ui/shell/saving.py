"""Pictures and drawings written off the window's thread, with the record of how they were made."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal
from PySide6.QtGui import QImage

from diffviews_desktop.files.writing import replacing_all
from diffviews_desktop.ui.common.images import encoded

log = logging.getLogger(__name__)

KEY = "diffviews"
"""Keyword of the PNG's text, from which ``generate --replay`` makes the picture again."""
BESIDE = ".diffviews.json"


class PictureSaver(QObject):
    """Writes PNGs and SVGs with their records, both whole or neither.

    A link in their place is replaced, not followed. Signal: ``saved(file, done)``.
    """

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
            picture, contents = self._make(), []
            if self._record is not None and isinstance(picture, QImage):
                picture.setText(KEY, json.dumps(dict(self._record), sort_keys=True))
            contents.append(encoded(picture) if isinstance(picture, QImage) else picture)
            paths = [Path(self._file)]
            if self._record is not None:
                contents.append(json.dumps(dict(self._record), indent=2).encode())
                paths.append(paths[0].with_suffix(BESIDE))
            with replacing_all(*paths) as files:
                for file, content in zip(files, contents, strict=True):
                    file.write(content)
        except OSError as error:
            log.warning("%s cannot be written: %s", self._file, error)
            return False
        except Exception:  # whatever it is, the person is told
            log.exception("a picture could not be made")
            return False
        return True
