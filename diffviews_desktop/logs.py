"""One log file for the window and its engine."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from copy import copy
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from diffviews_desktop.text.plain import MOST_SHOWN, visible

MOST_OF_DETAILS = 20_000  # letters of a traceback
_FORMAT = "%(asctime)s %(processName)s %(levelname)s %(name)s: %(message)s"
_INDENT = "    "


def configure_logging(log_file: Path | None) -> None:
    """Log to ``log_file`` (kept under 2 MB); None, or a file that cannot be written: nowhere.

    What libraries warn of is logged, too, and not printed. Asked for the same file again, it does
    nothing.
    """
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    files = {getattr(handler, "baseFilename", None) for handler in root.handlers}
    if log_file is not None and os.path.abspath(log_file) in files:
        return
    if log_file is None:
        root.addHandler(logging.NullHandler())
        return
    with contextlib.suppress(OSError):
        log_file.parent.mkdir(parents=True, exist_ok=True)
        handler = _Handler(
            log_file,
            maxBytes=1_000_000,
            backupCount=1,
            encoding="utf-8",
            delay=True,
            errors="backslashreplace",
        )
        handler.setFormatter(_Formatter(_FORMAT))
        root.addHandler(handler)


class _Handler(RotatingFileHandler):
    """Loses entries that cannot be written: a full disk must not fill the terminal with reports."""

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class _Formatter(logging.Formatter):
    """Begins lines with the time where an entry begins, and nowhere else: texts of files that the
    messages quote make none of their own."""

    def format(self, record: logging.LogRecord) -> str:
        duplicate = copy(record)
        duplicate.exc_text = None  # which another handler may have written in its way
        return super().format(duplicate)

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = visible(record.message, MOST_SHOWN)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:
        details = visible(super().formatException(ei), MOST_OF_DETAILS, lines=True)
        return _INDENT + details.replace("\n", f"\n{_INDENT}")

    def formatStack(self, stack_info: str) -> str:
        details = visible(stack_info, MOST_OF_DETAILS, lines=True)
        return _INDENT + details.replace("\n", f"\n{_INDENT}")
