"""What may be in the place of a file, and must not be read."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)


def folder(path: Path) -> None:
    path.mkdir()


def huge(path: Path) -> None:
    """A file of 30 GB that takes no place on the disk."""
    path.touch()
    os.truncate(path, 30 * 10**9)


def unreadable(path: Path) -> None:
    path.write_bytes(b"{}")
    path.chmod(0)


UNFIT: dict[str, Callable[[Path], None]] = {
    "a named pipe": pipe,
    "a device": device,
    "a socket": socket,
    "a folder": folder,
    "30,000 MB": huge,
}
"""By what the error says."""
if os.geteuid() != 0:  # an administrator may read everything
    UNFIT["Permission"] = unreadable


def put(unfit: Callable[[Path], None], path: Path) -> None:
    """Have something unfit in a file's place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfit(path)


@contextlib.contextmanager
def memory_bounded(more: int = 2**30) -> Iterator[None]:
    """Let this process take only so much more memory."""
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
