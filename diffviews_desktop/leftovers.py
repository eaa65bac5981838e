"""What killed programs left half-written: under names that only this program makes."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import time
from functools import lru_cache
from pathlib import Path

PART = ".part"
"""How the hidden names end under which files, and folders of files, are written."""
OLD_SECONDS = 24 * 3600

_NAME = re.compile(rf"\.[0-9a-f]{{16}}{re.escape(PART)}")


@lru_cache(maxsize=1024)
def sweep(folder: Path) -> None:
    """Delete what was left in a folder more than a day ago; each process looks into it once.

    That is: regular files of this user's with names such as ``.0123456789abcdef.part``, and
    folders of such a name that hold nothing but regular files. All else stays.
    """
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if _NAME.fullmatch(name):
                with contextlib.suppress(OSError):
                    _delete(folder / name)


def _delete(path: Path) -> None:
    status = os.lstat(path)
    if stat.S_ISREG(status.st_mode) and _is_old(status):
        os.unlink(path)
    elif stat.S_ISDIR(status.st_mode) and _is_old(status):
        inside = [os.lstat(path / name) for name in os.listdir(path)]
        if all(stat.S_ISREG(one.st_mode) and _is_old(one) for one in inside):
            shutil.rmtree(path)


def _is_old(status: os.stat_result) -> bool:
    ours = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
    return ours and time.time() - status.st_mtime > OLD_SECONDS
