"""What killed programs left half-written: under names that only this program makes.

Whoever writes under such a name holds a lock on what is written, which the system lifts when the
program ends, however it does. Where there are no such locks, what is a day old counts as left.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PART = ".part"
"""How the hidden names end under which files, and folders of files, are written."""
OLD_SECONDS = 24 * 3600
NEW_SECONDS = 10  # from when something is made until it is locked, with much to spare

_NAME = re.compile(rf"\.[0-9a-f]{{16}}{re.escape(PART)}")
_OPEN = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC")
)


@contextlib.contextmanager
def hold(target: int | Path) -> Iterator[None]:
    """Let other programs know that this one writes to a file, open under this number, or in a
    folder, while the block lasts."""
    if fcntl is None:
        yield
        return
    descriptor = os.dup(target) if isinstance(target, int) else os.open(target, _OPEN)
    try:
        with contextlib.suppress(OSError):  # not every file system can
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


@lru_cache(maxsize=1024)
def sweep(folder: Path) -> None:
    """Delete what killed programs left in a folder; each process looks into it once.

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
    if stat.S_ISREG(status.st_mode):
        if _is_left(path, [status]):
            os.unlink(path)
    elif stat.S_ISDIR(status.st_mode):
        inside = [os.lstat(path / name) for name in os.listdir(path)]
        if all(stat.S_ISREG(one.st_mode) for one in inside) and _is_left(path, [status, *inside]):
            shutil.rmtree(path)


def _is_left(path: Path, parts: list[os.stat_result]) -> bool:
    ours = not hasattr(os, "geteuid") or all(part.st_uid == os.geteuid() for part in parts)
    age = time.time() - max(part.st_mtime for part in parts)
    if not ours or age < NEW_SECONDS:
        return False
    locked = _is_locked(path)
    return age > OLD_SECONDS if locked is None else not locked


def _is_locked(path: Path) -> bool | None:
    """Whether a program holds it; None where that cannot be told."""
    if fcntl is None:
        return None
    descriptor = os.open(path, _OPEN)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return True if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else None
    finally:
        os.close(descriptor)
    return False
