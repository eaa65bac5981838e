"""Pictures of an experiment as they are drawn: whatever ends the program, none is drawn twice.

A journal is one file that only grows::

    line of JSON     the experiment's key, the shape of its pictures, the classes of its judge
    number, picture, probabilities, checksum      one record after the other, all of one length

A batch is written at once and brought to the disk. Of a batch that was being written when the
program was killed, what is not whole is cut off when the journal is opened again.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.data.cache.experiment_folders import LOCK
from diffviews_desktop.errors import DataError
from diffviews_desktop.files.reading import check_regular
from diffviews_desktop.files.writing import create, reopen

JOURNAL = "pictures.journal"
_MOST_HEADER = 10_000


class Journal:
    """The records of one experiment; made by `open_journal`.

    Attributes:
        drawn: numbers of the pictures that are there.
    """

    def __init__(self, path: Path, file: IO[bytes], shape: Sequence[int], classes: int) -> None:
        self._path, self._file = path, file
        self._shape = tuple(shape)
        self._record = np.dtype(
            [
                ("number", "<u4"),
                ("picture", "u1", self._shape),
                ("probabilities", "<f4", (classes,)),
                ("checksum", "<u4"),
            ]
        )
        self._start = file.tell()
        self.drawn: dict[int, int] = {}
        self._read()

    def append(
        self, numbers: Sequence[int], pictures: NDArray[np.uint8], probabilities: Float32 | None
    ) -> None:
        """Add pictures ``(B, H, W, C)`` and what a judge says of them ``(B, K)``; they are on the
        disk when this returns.

        Raises:
            DataError: another program has shortened the journal.
            OSError: they cannot be written.
        """
        records = np.zeros(len(numbers), self._record)
        records["number"], records["picture"] = numbers, pictures
        if probabilities is not None:
            records["probabilities"] = probabilities
        records["checksum"] = [_checksum(record) for record in records]
        end = self._start + len(self.drawn) * self._record.itemsize
        if os.fstat(self._file.fileno()).st_size < end:
            raise self._change_error()
        self._file.seek(end)
        try:
            self._file.write(records.tobytes())
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(end)
            raise
        for number in numbers:
            self.drawn[int(number)] = len(self.drawn)

    def pictures(self, numbers: Sequence[int]) -> NDArray[np.uint8]:
        """Some pictures ``(n, H, W, C)``.

        Raises:
            DataError: another program has shortened or changed the journal.
        """
        return np.stack([self._at(number)["picture"] for number in numbers])

    def probabilities(self, numbers: Sequence[int]) -> Float32:
        """What the judge said of some pictures ``(n, K)``; raises as `pictures` does."""
        return np.stack([self._at(number)["probabilities"] for number in numbers])

    def _at(self, number: int) -> Any:
        self._file.seek(self._start + self.drawn[number] * self._record.itemsize)
        data = self._file.read(self._record.itemsize)
        if len(data) < self._record.itemsize:
            raise self._change_error()
        record = np.frombuffer(data, self._record)[0]
        if record["number"] != number or record["checksum"] != _checksum(record):
            raise self._change_error()
        return record

    def _change_error(self) -> DataError:
        return DataError(
            f"{self._path} was changed by another program while it was in use. Start the "
            "experiment again: pictures that are still whole in it are not drawn again."
        )

    def _read(self) -> None:
        """Look through what is there, and cut off what is not whole."""
        self._file.seek(self._start)
        while len(data := self._file.read(self._record.itemsize)) == self._record.itemsize:
            record = np.frombuffer(data, self._record)[0]
            number = int(record["number"])
            if _checksum(record) != record["checksum"] or number in self.drawn:
                break
            self.drawn[number] = len(self.drawn)
        self._file.truncate(self._start + len(self.drawn) * self._record.itemsize)


def _checksum(record: Any) -> int:
    return zlib.crc32(record.tobytes()[:-4])


@contextmanager
def open_journal(folder: Path, facts: Mapping[str, Any]) -> Iterator[Journal]:
    """The journal of an experiment in a folder, which is made where it is not there.

    Args:
        folder: its own.
        facts: ``key``, ``shape`` of the pictures, number of ``classes`` of the judge.

    Raises:
        DataError: another experiment is in the folder, another program draws it now, or the journal
            is a link.
        OSError: it cannot be written.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise DataError(
            f"Another program draws the experiment in {folder}. Wait for it, or choose another "
            "folder."
        ) from error
    try:
        with _open(folder / JOURNAL, facts) as file:
            yield Journal(folder / JOURNAL, file, facts["shape"], facts["classes"])
    finally:
        lock.release()


@contextmanager
def _open(path: Path, facts: Mapping[str, Any]) -> Iterator[IO[bytes]]:
    header = json.dumps(dict(facts), sort_keys=True).encode() + b"\n"
    if not os.path.lexists(path):
        with create(path) as stream:
            stream.write(header)
            stream.flush()
            os.fsync(stream.fileno())
    if path.is_symlink():
        raise DataError(
            f"{path} is a link, so nothing is written there. Put the file itself there, or choose "
            "another folder."
        )
    check_regular(path)
    with reopen(path) as file:
        line = file.readline(_MOST_HEADER)
        if not line.endswith(b"\n") and header.startswith(line):  # it was killed right there
            file.seek(0)
            file.write(header)
            file.truncate()
        elif line != header:
            raise DataError(
                f"{path.parent} holds another experiment, or one of another model, judge or "
                "version. Choose another folder, or move it away."
            )
        file.seek(len(header))
        yield file
