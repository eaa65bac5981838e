"""Files that belong together, under the next free number of a folder: all of them, or none.

``0007.png``, ``0007_step_01.png`` … and ``0007.json``, which comes last and names the others. Until
then they are in a hidden folder, whose every state is one rename away from the one before::

    .0123456789abcdef.part/     they are being written
    .0000000000000007.part/     the number is claimed, by the one program that has this folder
    .0007.set/                  all is there and the number was free: they are moved out

Nothing has to be locked, so that it works wherever renaming does. Of what a killed program leaves,
the first two are swept after a day, and the third is moved out by whoever next writes there; where
its owner lives after all, they do it together.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from diffviews_desktop.data.cache.disk import sync_folder
from diffviews_desktop.data.folder.files import reason
from diffviews_desktop.errors import DataError
from diffviews_desktop.exports import registry
from diffviews_desktop.exports.contents import Description
from diffviews_desktop.files import writing
from diffviews_desktop.files.interrupts import defer_interrupts, unwinding
from diffviews_desktop.files.leftovers import PART

log = logging.getLogger(__name__)

RECORD = ".json"
_PATIENCE = 2.0  # seconds

_SET = re.compile(r"\.([0-9]{4,})\.set")
_ENDING = re.compile(rf"(_[0-9a-z_]+)?({'|'.join(map(re.escape, registry.suffixes()))})")


class NumberedFiles:
    """Files that are being written; made by `numbered_files`."""

    def __init__(self, folder: Path, drafts: Path) -> None:
        self._folder = folder
        self._written = drafts
        self._endings: list[str] = []

    @property
    def endings(self) -> tuple[str, ...]:
        """What follows the number in the names of the files, in the order they were written."""
        return tuple(self._endings)

    def write(self, content: object, ending: str) -> None:
        """Export a content as one more file, ``<number><ending>``, such as ``_step_01.png``."""
        with self.create(ending) as file:
            registry.write(content, ending, file)

    @contextmanager
    def create(self, ending: str) -> Iterator[IO[bytes]]:
        """One more file, to be written by the caller."""
        with writing.create(self._written / ending) as file:
            yield file
            writing.close_synced(file)
        self._endings.append(ending)

    def appear(self, describe: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
        """Let all files appear, under the lowest number that no file in the folder begins with.

        Args:
            describe: makes what the last, ``<number>.json``, says, of the common beginning of their
                paths: that of each is this and its ending.

        Returns:
            What it says.

        Raises:
            OSError: a file could not be written; none of them stays.
        """
        with defer_interrupts():
            finish_begun(self._folder)
            numbers, number = _numbers_in(self._folder), 0
            while True:
                number += 1
                stem = self._folder / f"{number:04d}"
                if stem.name in numbers:
                    continue
                record = describe(stem)
                if self._appear_as(stem, Description(record)):
                    return record

    def _appear_as(self, stem: Path, description: Description) -> bool:
        """Let the files appear under a number; False where that is taken."""
        claim = self._folder / f".{int(stem.name):016d}{PART}"
        complete = self._folder / f".{stem.name}.set"
        if not _try_rename(self._written, claim):
            return False
        stats: dict[str, os.stat_result] = {}
        success = False
        try:
            # in this order: a program that has no such folder any more has moved its files out
            if not (os.path.lexists(complete) or stem.name in _numbers_in(self._folder)):
                with writing.replacing(claim / RECORD) as file:
                    registry.write(description, RECORD, file)
                stats = {name: os.lstat(claim / name) for name in (*self._endings, RECORD)}
                sync_folder(claim)
                success = _try_rename(claim, complete)
        finally:
            if not success:
                _rename(claim, self._written)
        return success and self._move_out(complete, stem, stats)

    def _move_out(self, complete: Path, stem: Path, stats: Mapping[str, os.stat_result]) -> bool:
        """Move all files to their places, or none: False where another file has come there."""
        try:
            for ending in stats:
                _move(complete / ending, Path(f"{stem}{ending}"))
        except OSError as error:
            self._take_back(complete, stem, stats)
            if isinstance(error, FileExistsError):
                return False
            raise
        with suppress(OSError):  # it is gone where another program has helped
            os.rmdir(complete)
        sync_folder(self._folder)
        return True

    def _take_back(self, complete: Path, stem: Path, stats: Mapping[str, os.stat_result]) -> None:
        _rename(complete, self._written)  # no other program moves files out of it any more
        for ending, status in stats.items():
            with suppress(OSError):
                if os.path.samestat(os.lstat(f"{stem}{ending}"), status):
                    _rename(Path(f"{stem}{ending}"), self._written / ending)


@contextmanager
def numbered_files(folder: Path) -> Iterator[NumberedFiles]:
    """Files to write that are to appear together in a folder; else nothing of them stays.

    Raises:
        DataError: they cannot be written.
    """
    try:
        with unwinding():
            folder.mkdir(parents=True, exist_ok=True)
            with writing.private_folder(folder) as drafts:
                yield NumberedFiles(folder, drafts)
    except OSError as error:
        raise DataError(
            f"The files cannot be written to {folder} ({reason(error)}). Check the disk and the "
            "folder's rights."
        ) from error


def finish_begun(folder: Path) -> None:
    """Move out what another program has written to the end, but not yet moved out of its folder.

    What cannot be moved stays where it is.
    """
    for name in os.listdir(folder):
        match = _SET.fullmatch(name)
        if match is None:
            continue
        complete = folder / name
        try:
            if stat.S_ISDIR(os.lstat(complete).st_mode):
                _finish(complete, folder / match[1])
        except OSError as error:
            log.info("%s cannot be moved out: %s", complete, error)


def _finish(complete: Path, stem: Path) -> None:
    endings = [name for name in os.listdir(complete) if _ENDING.fullmatch(name)]
    for ending in sorted(endings, key=lambda ending: (ending == RECORD, ending)):
        with suppress(FileNotFoundError):  # its owner lives and has just moved it
            if stat.S_ISREG(os.lstat(complete / ending).st_mode):
                _move(complete / ending, Path(f"{stem}{ending}"))
    os.rmdir(complete)


def _move(source: Path, target: Path) -> None:
    """Move a file to where none is; it may be that another program has just done it.

    Raises:
        FileExistsError: another file is there.
        OSError: it cannot be moved.
    """
    if os.path.lexists(target):
        if os.path.lexists(source):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        return
    try:
        _rename(source, target)
    except FileNotFoundError:
        if not os.path.lexists(target):
            raise


def _try_rename(folder: Path, name: Path) -> bool:
    """Rename a folder that is not empty; False where there is something of that name."""
    try:
        _rename(folder, name)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            return False
        if os.path.lexists(name):  # a file, or a link
            return False
        raise
    return True


def _rename(source: Path, target: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            os.rename(source, target)
            return
        except PermissionError:  # Windows refuses while another program, a scanner, looks at it
            if os.name != "nt" or time.monotonic() > end:
                raise
            time.sleep(0.01)


def _numbers_in(folder: Path) -> set[str]:
    """The numbers that names in a folder begin with, also those of sets that are not moved out."""
    numbers: set[str] = set()
    for name in os.listdir(folder):
        match = _SET.fullmatch(name) or re.match(r"([0-9]{4,})", name)
        if match is not None:
            digits = match[1]
            numbers.update(digits[:length] for length in range(4, len(digits) + 1))
    return numbers
