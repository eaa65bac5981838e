"""In the place of any file there may be something else: it is never waited for, nor read without
end."""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import psutil
import pytest

from diffviews_desktop.errors import DiffViewsError

sys.path.append(str(Path(__file__).parents[1] / "benchmarks" / "attacks"))

from fuzz import READERS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/zero and limits")

NAMES = sorted(READERS.keys() - {"cache-entry"})  # of which the reader is given the bytes
SECONDS, MEMORY, HUGE = 60, 1_500_000_000, 30_000_000_000


class Hung(BaseException):
    """It took too long."""


def listen(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:  # which stays in the folder
        here = os.getcwd()
        os.chdir(path.parent)  # such a path must be short
        try:
            server.bind(path.name)
        finally:
            os.chdir(here)


def be_huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(HUGE)


UNFIT: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "socket": listen,
    "folder": lambda path: path.mkdir(),
    "link that leads nowhere": lambda path: path.symlink_to(path.with_name("nowhere")),
    "huge": be_huge,
}


@contextmanager
def bounded() -> Iterator[None]:
    """At most so many seconds, and so much more memory."""

    def hang(number: int, frame: FrameType | None) -> None:
        raise Hung

    before = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGALRM, hang)
    most = psutil.Process().memory_info().vms + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.signal(signal.SIGALRM, handler)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_file_or_endless_is_refused(name: str, tmp_path: Path) -> None:
    reader = READERS[name](tmp_path)
    for kind, put in UNFIT.items():
        with suppress(FileNotFoundError):
            reader.file.rmdir() if reader.file.is_dir() else reader.file.unlink()
        put(reader.file)
        with bounded(), suppress(DiffViewsError, OSError):
            reader.read()
        assert os.path.lexists(reader.file) or name == "settings", kind
