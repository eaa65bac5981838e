"""Writing beside other people's files: whole or not at all, never through a planted link."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from diffviews_desktop.files.interrupts import defer_interrupts
from diffviews_desktop.files.leftovers import PART, hold, sweep
from diffviews_desktop.files.reading import T

_FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_BINARY", "O_CLOEXEC"))
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS
_REOPEN = os.O_RDWR | _FLAGS


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that takes the place of ``path`` when the block ends well, and else goes.

    It is written under a name that nobody can guess, in the same folder; a link at ``path`` is
    replaced, not followed.

    Raises:
        OSError: it cannot be written.
    """
    with replacing_all(path) as (file,):
        yield file


@contextlib.contextmanager
def replacing_all(*paths: Path) -> Iterator[list[IO[bytes]]]:
    """Files to write that belong together: as `replacing` does, all of them or none.

    Each is whole on the disk before the first takes its place, and they do so in this order.

    Raises:
        OSError: one cannot be written.
    """
    with contextlib.ExitStack() as stack:
        outputs = [stack.enter_context(_going(path)) for path in paths]
        yield [file for _, file in outputs]
        for _, file in outputs:
            close_synced(file)
        with defer_interrupts():
            _take_places([temporary for temporary, _ in outputs], paths)


@contextlib.contextmanager
def private_folder(folder: Path) -> Iterator[Path]:
    """A new folder in a folder, hidden, made at random and its owner's alone; it goes in the end.

    Nobody can have put anything where it is written to: for libraries that take nothing but a path,
    and for files that appear together.

    Raises:
        OSError: it cannot be made.
    """
    temporary, _ = _make_in(folder, lambda path: os.mkdir(path, 0o700))
    try:
        with hold(temporary):
            yield temporary
    finally:
        with defer_interrupts():
            shutil.rmtree(temporary, ignore_errors=True)


def create_beside(path: Path) -> tuple[Path, IO[bytes]]:
    """A new file to write in the folder of ``path``, under a hidden name made at random.

    What exists is never opened, a link never followed.

    Raises:
        OSError: it cannot be created.
    """
    return _make_in(path.parent, create)


def create(path: Path) -> IO[bytes]:
    """A new file to write; what exists is never opened, a link never followed.

    Raises:
        OSError: it cannot be created, or is there.
    """
    return os.fdopen(os.open(path, _CREATE, 0o666), "wb")


def reopen(path: Path) -> IO[bytes]:
    """A file that is there, to read and to write; a link is never followed.

    Raises:
        OSError: it cannot be opened, or is a link.
    """
    return os.fdopen(os.open(path, _REOPEN), "r+b")


def close_synced(file: IO[bytes]) -> None:
    """Close a file once all of it is on the disk."""
    file.flush()
    os.fsync(file.fileno())
    file.close()


def _make_in(folder: Path, make: Callable[[Path], T]) -> tuple[Path, T]:
    """What is made in a folder under a hidden name at random, and that name."""
    sweep(folder)
    while True:
        temporary = folder / f".{secrets.token_hex(8)}{PART}"
        try:
            return temporary, make(temporary)
        except FileExistsError:  # one of 2 ** 64 names
            continue
        except BaseException:  # Ctrl-C may come when it has just been made
            with contextlib.suppress(OSError):
                temporary.rmdir() if temporary.is_dir() else temporary.unlink()
            raise


@contextlib.contextmanager
def _going(path: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """`create_beside`, of which nothing stays under that name."""
    temporary, file = create_beside(path)
    try:
        with file, hold(file.fileno()):
            yield temporary, file
    finally:
        _unlink(temporary)


def _take_places(temporaries: Sequence[Path], paths: Sequence[Path]) -> None:
    fresh = [path for path in paths if not os.path.lexists(path)]
    targets: list[Path] = []
    try:
        for temporary, path in zip(temporaries, paths, strict=True):
            os.replace(temporary, path)
            targets.append(path)
    except OSError:
        for path in set(fresh).intersection(targets):
            _unlink(path)
        raise


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
