"""Downloads of many files at once: continued where they ended, verified before they count."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from diffviews_desktop.data.cache.disk import free_bytes
from diffviews_desktop.data.stores.fetching import Fetching, Outcome
from diffviews_desktop.data.stores.journal import Journal, open_journal
from diffviews_desktop.data.stores.planning import partial_size, plan_download
from diffviews_desktop.data.stores.store import PATIENT, Patience, Store
from diffviews_desktop.errors import Cancelled, NoRoomError, StoreNotFoundError, explain
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.wording import size
from diffviews_desktop.values.transfers import (
    DownloadPlan,
    DownloadResult,
    NotFetched,
    RemoteFile,
    TransferProgress,
)

__all__ = ["WORKERS", "download", "plan_download"]

WORKERS = 8
SPARE = 16_000_000
"""Bytes of the disk that a download leaves free."""

_ROUNDS = 3  # of files that were changed, or arrived damaged, while they were fetched
_TICK = 0.1  # seconds between two looks at a download
_LEAVE = 1.0  # seconds that threads have to end; what still waits for a server writes no more
_WINDOW = 5.0  # seconds of which the speed is told


def download(
    store: Store,
    plan: DownloadPlan,
    *,
    progress: Callable[[TransferProgress], None] = lambda state: None,
    cancelled: Callable[[], bool] = lambda: False,
    workers: int = WORKERS,
    patience: Patience = PATIENT,
) -> DownloadResult:
    """Fetch what a plan says is missing.

    Args:
        store: where the files are.
        plan: of `plan_download`.
        progress: called in this thread several times a second; what it raises ends the download.
        cancelled: asked as often; True ends the download.
        workers: connections at a time.
        patience: how long a store is waited for.

    Raises:
        Cancelled: ``cancelled`` said so. As after every other error, what was fetched stays, and
            the next download goes on with it.
        StoreAccessError, StoreUnreachableError: the store as a whole cannot be used.
        NoRoomError: the disk has not enough room: before the first byte, or when it got full.
        StoreError: another program is downloading into the folder.
        OSError: the folder cannot be written to.
    """
    if not plan.missing:
        return DownloadResult()
    check_room(plan.folder, plan.bytes)
    with open_journal(plan.folder) as journal:
        return _Download(store, plan, journal, progress, cancelled, workers, patience).run()


def check_room(folder: Path, amount: int) -> None:
    """Whether so many bytes fit the disk of a folder, with some to spare.

    Raises:
        NoRoomError: they do not.
    """
    free = free_bytes(folder)
    if amount and amount + SPARE > free:
        raise NoRoomError(
            f"The download needs {size(amount)} and leaves {size(SPARE)} free, but the disk of "
            f"{folder} has only {size(free)} left. Make room, or choose a folder on another disk. "
            "What was downloaded before stays."
        )


class _Download:
    """One call of `download`."""

    def __init__(
        self,
        store: Store,
        plan: DownloadPlan,
        journal: Journal,
        progress: Callable[[TransferProgress], None],
        cancelled: Callable[[], bool],
        workers: int,
        patience: Patience,
    ) -> None:
        self._store, self._folder, self._journal = store, plan.folder, journal
        self._progress, self._cancelled = progress, cancelled
        self._workers, self._patience = workers, patience
        self._todo = list(plan.missing)
        self._outcome = Outcome()
        self._meter = _Meter(plan, journal)

    def run(self) -> DownloadResult:
        """All rounds: what was changed or damaged is fetched again in the next one."""
        files = self._todo
        for rounds_left in reversed(range(_ROUNDS)):
            retries = self._round(files)
            if not rounds_left:
                self._outcome.failed |= retries
                break
            files = [fresh for file in files if file.key in retries and (fresh := self._look(file))]
            if not files:
                break
        failed = tuple(
            NotFetched(key, explain(error)) for key, error in self._outcome.failed.items()
        )
        self._progress(self._meter.read(self._outcome))
        return DownloadResult(tuple(self._outcome.files), self._outcome.bytes, failed)

    def _look(self, file: RemoteFile) -> RemoteFile | None:
        """A file as it is in the store now; None where it is gone."""
        fresh = self._store.stat(file.key)
        if fresh is None:
            name = visible(file.key, MOST_OF_NAME)
            error = StoreNotFoundError(f"“{name}” was deleted while it was fetched.")
            self._outcome.fail(file.key, error)
            return None
        self._outcome.failed.pop(file.key, None)  # what another piece of it ran into
        return replace(fresh, sha256=file.sha256 or fresh.sha256)

    def _round(self, files: list[RemoteFile]) -> dict[str, Exception]:
        """Fetch files; those that have to be fetched again, each with what happened to it."""
        fetching = Fetching(
            self._store, self._folder, files, self._journal, self._outcome, self._patience
        )
        threads = [
            threading.Thread(target=fetching.work, name=f"download {number}", daemon=True)
            for number in range(self._workers)
        ]
        try:
            for thread in threads:
                thread.start()
            while not fetching.ended.is_set() and (busy := next(filter(_is_alive, threads), None)):
                busy.join(_TICK)
                if self._cancelled():
                    raise Cancelled("The download was stopped; it goes on where it is now.")
                self._progress(self._meter.read(self._outcome))
        finally:
            fetching.stop()
            until = time.monotonic() + _LEAVE
            for thread in threads:
                if thread.ident is not None:
                    thread.join(max(0.0, until - time.monotonic()))
        if fetching.error is not None:
            raise fetching.error
        return fetching.again


def _is_alive(thread: threading.Thread) -> bool:
    return thread.is_alive()


class _Meter:
    """Tells how far a download is, and how fast."""

    def __init__(self, plan: DownloadPlan, journal: Journal) -> None:
        self._files = len(plan.missing)
        self._bytes = sum(file.size for file in plan.missing)
        self._there = sum(partial_size(file, plan.folder, journal.notes) for file in plan.missing)
        self._seen: deque[tuple[float, int]] = deque()

    def read(self, outcome: Outcome) -> TransferProgress:
        moment, total = time.monotonic(), outcome.bytes
        self._seen.append((moment, total))
        while len(self._seen) > 2 and moment - self._seen[1][0] > _WINDOW:
            self._seen.popleft()
        start, base = self._seen[0]
        speed = (total - base) / (moment - start) if moment > start else 0.0
        position = min(self._bytes, self._there + total)
        return TransferProgress(
            files=len(outcome.files),
            all_files=self._files,
            bytes=position,
            all_bytes=self._bytes,
            bytes_per_second=speed,
            seconds_left=(self._bytes - position) / speed if speed > 0 else None,
            name=outcome.name,
        )
