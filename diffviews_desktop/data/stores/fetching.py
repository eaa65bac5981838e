"""What each connection of a download does."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from diffviews_desktop.data.cache.disk import is_full
from diffviews_desktop.data.stores.hashing import Checksum, Digest
from diffviews_desktop.data.stores.journal import Journal, part_of
from diffviews_desktop.data.stores.part_file import PartFile, damage_error, take_place
from diffviews_desktop.data.stores.store import Patience, Store
from diffviews_desktop.errors import (
    NoRoomError,
    StoreAccessError,
    StoreChangedError,
    StoreDamagedError,
    StoreError,
    StoreUnreachableError,
)
from diffviews_desktop.files.writing import close_synced, create
from diffviews_desktop.values.transfers import RemoteFile

PIECE = 8 << 20
"""Bytes that are asked for at a time; a file that is not longer is fetched in one go."""
MOST_PIECE = 64 << 20
MOST_PIECES = 256  # of a file, as long as they are not longer than MOST_PIECE
NOTED = 1 << 20
"""Bytes after which it is noted that they are there: those that a killed program fetches twice."""

_LONGEST_PAUSE = 8.0


@dataclass
class Outcome:
    """What has become of the files of a download so far.

    Attributes:
        files: keys of those that are there, in the order they were whole.
        bytes: how many have come.
        failed: what happened to those that will not come.
        name: the key of the one that began last.
    """

    files: list[str] = field(default_factory=list)
    bytes: int = 0
    failed: dict[str, Exception] = field(default_factory=dict)
    name: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def receive(self, size: int) -> None:
        with self.lock:
            self.bytes += size

    def complete(self, key: str) -> None:
        with self.lock:
            self.files.append(key)

    def fail(self, key: str, error: Exception) -> None:
        with self.lock:
            self.failed[key] = error


class _Piece(NamedTuple):
    """Bytes to fetch of a file; without a part, it is all of a small one."""

    file: RemoteFile
    start: int
    stop: int
    part: PartFile | None


class _Stopped(Exception):
    """The download has ended, or the file was given up."""


class Fetching:
    """Files that several threads fetch together; each runs `work`.

    Attributes:
        error: what ended all of it; None where nothing did.
        again: keys of files to fetch again, each with what happened to it.
        ended: set when `error` is, or when it was stopped.
    """

    def __init__(
        self,
        store: Store,
        folder: Path,
        files: Sequence[RemoteFile],
        journal: Journal,
        outcome: Outcome,
        patience: Patience,
    ) -> None:
        self.error: BaseException | None = None
        self.again: dict[str, Exception] = {}
        self.ended = threading.Event()
        self._store, self._folder, self._journal = store, folder, journal
        self._outcome, self._patience = outcome, patience
        self._lock = threading.Lock()
        self._pieces = self._all_pieces(files)

    def stop(self) -> None:
        """Let no thread write any more."""
        self.ended.set()

    def work(self) -> None:
        """Fetch one piece after the other until there are none."""
        try:
            while not self.ended.is_set():
                with self._lock:
                    piece = next(self._pieces, None)
                if piece is None:
                    return
                self._do(piece)
        except BaseException as error:
            with self._lock:
                self.error = self.error or error
            self.ended.set()

    # ---- what there is to fetch ------------------------------------------------------------------

    def _all_pieces(self, files: Sequence[RemoteFile]) -> Iterator[_Piece]:
        for file in files:
            self._outcome.name = file.key
            if file.size <= PIECE:
                yield _Piece(file, 0, file.size, None)
                continue
            with self._failing(file):
                part = self._begin(file)
                longest = max(PIECE, min(MOST_PIECE, -(-file.size // MOST_PIECES)))
                gaps = part.gaps(longest if file.ranges else file.size)
                part.left = len(gaps) or 1
                for start, stop in gaps or [(file.size, file.size)]:  # or it has only to be named
                    yield _Piece(file, start, stop, part)

    def _begin(self, file: RemoteFile) -> PartFile:
        path = self._folder / file.key
        path.parent.mkdir(parents=True, exist_ok=True)
        return PartFile(path, file, self._checksum(file), self._journal)

    def _checksum(self, file: RemoteFile) -> Checksum | None:
        """What the store says of the content, asked until it answers."""
        retries = _Retries(self._patience, self.ended)
        while True:
            try:
                return self._store.checksum(file)
            except StoreUnreachableError as error:
                retries.pause_after(error)

    # ---- fetching it -----------------------------------------------------------------------------

    def _do(self, piece: _Piece) -> None:
        with self._failing(piece.file, piece.part):
            if piece.part is None:
                self._fetch_small(piece.file)
                return
            if not piece.part.broken:
                self._fetch_piece(piece, piece.part)
            if piece.part.is_last() and not piece.part.broken:
                piece.part.finish()
                self._outcome.complete(piece.file.key)

    def _fetch_small(self, file: RemoteFile) -> None:
        """Fetch a file through memory."""
        data = bytearray()

        def take(at: int, chunk: bytes) -> None:
            data[at:] = chunk

        self._receive(file, 0, file.size, take)
        checksum = self._checksum(file)
        if checksum is not None:
            digest = Digest(checksum)
            digest.update(data)
            if not digest.matches():
                raise damage_error(file)
        if self.ended.is_set():
            raise _Stopped
        path = self._folder / file.key
        path.parent.mkdir(parents=True, exist_ok=True)
        part = part_of(path)
        part.unlink(missing_ok=True)
        with create(part) as output:
            output.write(data)
            close_synced(output)
        take_place(part, path, file, self._journal)
        self._outcome.complete(file.key)

    def _fetch_piece(self, piece: _Piece, part: PartFile) -> None:
        """Fetch a range of a file onto the disk."""
        mark = piece.start
        with part.writing() as output:

            def take(at: int, chunk: bytes) -> None:
                nonlocal mark
                if part.broken:
                    raise _Stopped
                output.write_at(at, chunk)
                end = at + len(chunk)
                if piece.file.ranges and end - mark >= NOTED:
                    part.note(output, mark, end)
                    mark = end

            self._receive(piece.file, piece.start, piece.stop, take)
            part.note(output, mark, piece.stop)

    def _receive(
        self, file: RemoteFile, start: int, stop: int, take: Callable[[int, bytes], None]
    ) -> None:
        """Give bytes ``start`` to ``stop`` of a file, in order, to ``take``, each with where it is.

        A connection that breaks is made again, for what has not come; for a server that has no
        ranges, from the beginning.
        """
        at, retries = start, _Retries(self._patience, self.ended)
        while at < stop:
            try:
                for chunk in self._store.read(file, at, stop):
                    if self.ended.is_set():
                        raise _Stopped
                    if at + len(chunk) > stop:
                        raise damage_error(file)
                    take(at, chunk)
                    at += len(chunk)
                    self._outcome.receive(len(chunk))
                    retries.reset()
                if at < stop:
                    raise StoreUnreachableError(f"{self._store.describe()} ended in the middle.")
            except StoreUnreachableError as error:
                retries.pause_after(error)
                at = at if file.ranges else start

    @contextlib.contextmanager
    def _failing(self, file: RemoteFile, part: PartFile | None = None) -> Iterator[None]:
        """Let a file fail alone, unless what happened would happen to all of them.

        Raises:
            StoreError, OSError: it would.
        """
        try:
            yield
        except _Stopped:
            return
        except Exception as error:
            if part is not None:
                part.broken = True
            if isinstance(error, OSError) and is_full(error):
                raise NoRoomError(
                    f"The disk got full: there is no more room in {self._folder}. What has come "
                    "stays. Make room, then start the download again."
                ) from error
            if _ends_all(error):
                raise
            if isinstance(error, StoreChangedError | StoreDamagedError):
                self.again[file.key] = error
            else:
                self._outcome.fail(file.key, error)


def _ends_all(error: Exception) -> bool:
    """Whether what happened to a file would happen to all others, too."""
    if isinstance(error, StoreAccessError):
        return error.whole
    return isinstance(error, StoreUnreachableError) or not isinstance(error, StoreError | OSError)


class _Retries:
    """How long something has been tried in vain."""

    def __init__(self, patience: Patience, ended: threading.Event) -> None:
        self._patience, self._ended = patience, ended
        self.reset()

    def reset(self) -> None:
        """Something has come."""
        self._since, self._pause = time.monotonic(), self._patience.pause

    def pause_after(self, error: StoreUnreachableError) -> None:
        """Wait a while, longer each time.

        Raises:
            StoreUnreachableError: there has been nothing for too long.
        """
        if time.monotonic() - self._since > self._patience.give_up:
            raise StoreUnreachableError(
                f"{error} The download gave up after {self._patience.give_up:.0f} seconds without "
                "a byte. What has come stays; start it again to go on."
            ) from error
        if self._ended.wait(self._pause * random.uniform(0.5, 1.0)):
            raise _Stopped from error
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
