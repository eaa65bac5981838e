"""One log file for the window and its engine."""

from __future__ import annotations

import contextlib
import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path

_FORMAT = "%(asctime)s %(processName)s %(levelname)s %(name)s: %(message)s"


def configure_logging(log_file: Path | None, level: int = logging.INFO) -> None:
    """Log to ``log_file`` (kept under 2 MB); None, or a file that cannot be written: nowhere.

    Asked for the same file again, it does nothing.
    """
    root = logging.getLogger()
    root.setLevel(level)
    files = {getattr(handler, "baseFilename", None) for handler in root.handlers}
    if log_file is not None and os.path.abspath(log_file) in files:
        return
    if log_file is None:
        root.addHandler(logging.NullHandler())
        return
    with contextlib.suppress(OSError):
        log_file.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            log_file,
            maxBytes=1_000_000,
            backupCount=1,
            encoding="utf-8",
            delay=True,
            errors="backslashreplace",
        )
        handler.setFormatter(logging.Formatter(_FORMAT))
        root.addHandler(handler)
