"""The folder of the layer cache: what lies in it, who works on it, and what nobody needs."""

from __future__ import annotations

import logging
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from diffviews_desktop.data.cache.disk import (
    disk_full,
    explain_full_disk,
    folder_size,
    idle_seconds,
    is_full,
    remove,
    sync_folder,
)
from diffviews_desktop.data.cache.entry import (
    ENTRY,
    is_entry,
    mark_used,
)
from diffviews_desktop.errors import CacheError

log = logging.getLogger(__name__)

_DAY = 24 * 3600
_PARTIAL_SECONDS = 7 * _DAY
_CLOCK_SECONDS = 3600  # a time of use that lies further ahead was written by a wrong clock
_LOCK_SECONDS = 5.0  # how long to wait for the lock of a new name, which nobody else has
_MOVE_SECONDS = 2.0  # how long to try to replace an entry that another program has open (Windows)

KEY = re.compile(r"[0-9a-z]{1,64}")
GUARDED = re.compile(r"(\.new-[0-9a-z]{1,64}-[0-9a-f]{8}|\.partial-[0-9a-z]{1,64})(\.lock)?")
_DROPPED = re.compile(r"\.old-[0-9a-z]{1,64}-[0-9a-f]{8}")
_FORMER = re.compile(r"\.[0-9a-f]{32}\.[0-9a-z_]{8}")  # left by format 1, which had no locks


class CacheFolder:
    """Lists, locks, moves in and deletes what a cache's folder holds."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _scan(self) -> list[tuple[float, str, int]]:
        """When each entry was used, its key and its size; least recently used first."""
        entries, ahead = [], time.time() + _CLOCK_SECONDS
        for path in self._listing():
            if KEY.fullmatch(path.name) is None or not is_entry(path):
                continue
            with suppress(OSError):  # dropped by another program
                stamp = (path / ENTRY).stat().st_mtime_ns / 1e9
                entries.append((stamp if stamp < ahead else 0.0, path.name, folder_size(path)))
        return sorted(entries)

    def _listing(self) -> list[Path]:
        try:
            return sorted(self.root.iterdir())
        except OSError:
            return []

    def unfinished_bytes(self) -> int:
        """The size of all that is no entry: partial matrices and what is being written."""
        return sum(
            folder_size(path)
            for path in self._listing()
            if GUARDED.fullmatch(path.name) or _DROPPED.fullmatch(path.name)
        )

    def _must_be_key(self, key: str) -> None:
        if KEY.fullmatch(key) is None:
            raise CacheError(f"{key!r} is not the name of a cache entry.")

    def _move_in(self, folder: Path, key: str) -> None:
        deadline = time.monotonic() + _MOVE_SECONDS
        mark_used(folder)
        while True:
            self._drop(key)
            try:
                os.rename(folder, self.root / key)
            except OSError as error:  # another program wrote the same entry, or has it open
                if is_full(error):
                    raise
                if time.monotonic() > deadline:
                    if not (self.root / key).exists():
                        raise CacheError(f"{self.root / key} cannot be made ({error}).") from error
                    log.warning("%s is in use and stays as it was: %s", self.root / key, error)
                    return
                time.sleep(0.001)
            else:
                sync_folder(self.root)
                return

    def _drop(self, key: str) -> bool:
        """Delete an entry; whether it is gone by that."""
        folder, trash = self.root / key, self.root / f".old-{key}-{secrets.token_hex(4)}"
        try:
            os.rename(folder, trash)
        except FileNotFoundError:  # another program was faster
            return False
        except OSError as error:  # not where a file is open (Windows), nor in a read-only folder
            log.info("%s cannot be deleted now: %s", folder, error)
            return False
        remove(trash)
        return True

    def _drop_partial(self, key: str) -> None:
        name = f".partial-{key}"
        if (self.root / name).exists():
            with suppress(OSError, CacheError), self._lock(name) as free:
                if free:
                    remove(self.root / name)

    def _sweep(self, partial: Callable[[Path], bool] | None = None) -> int:
        """Delete what nobody works on: the bytes that frees. Of the partial matrices go those that
        were not touched for a week, and those that ``partial`` tells."""
        total = 0
        for path in self._listing():
            match = GUARDED.fullmatch(path.name)
            if match is not None:
                total += self._sweep_guarded(path, match[1], match[2] is not None, partial)
            elif _DROPPED.fullmatch(path.name) or (
                _FORMER.fullmatch(path.name) and idle_seconds(path) > _DAY
            ):
                total += folder_size(path)
                remove(path)
        return total

    def _sweep_guarded(
        self, path: Path, name: str, is_lock: bool, partial: Callable[[Path], bool] | None
    ) -> int:
        folder, total = self.root / name, 0
        if is_lock and (folder.exists() or not path.exists()):
            return 0
        if name.startswith(".partial-") and not is_lock:
            old = idle_seconds(folder) > _PARTIAL_SECONDS
            if not (old or (partial is not None and partial(folder))):
                return 0
        with suppress(OSError, CacheError), self._lock(name) as free:
            if free and not is_lock:
                log.info("Dropping the unfinished %s", folder)
                total = folder_size(folder)
                remove(folder)
        return total

    @contextmanager
    def scratch(self, key: str = "scratch") -> Iterator[Path]:
        """A folder for what is needed for a while; it goes when the block ends, or is swept where
        the program is killed.

        Args:
            key: a part of its name, as `KEY` has it.

        Raises:
            CacheError: it cannot be made, or the disk is full.
        """
        name = f".new-{key}-{secrets.token_hex(4)}"
        folder = self.root / name
        with self._lock(name, _LOCK_SECONDS) as free:
            if not free:
                raise CacheError(f"{self.root} cannot be written: it is locked. Try again.")
            self._sweep()
            try:
                with explain_full_disk(self.root):
                    folder.mkdir()
                    yield folder
            finally:
                remove(folder)

    @contextmanager
    def _lock(self, name: str, timeout: float = 0.0) -> Iterator[bool]:
        """Hold the lock file of a folder, whether or not that exists; False: another program does.

        Raises:
            CacheError: the cache's folder cannot be written, or the disk is full.
        """
        from filelock import FileLock, Timeout

        path = self.root / f"{name}.lock"
        lock = FileLock(path, timeout=timeout, thread_local=False)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock.acquire(poll_interval=0.01)
        except Timeout:
            yield False
            return
        except OSError as error:
            if is_full(error):
                raise disk_full(self.root, None) from error
            raise CacheError(f"{self.root} cannot be written ({error}).") from error
        try:
            yield True
        finally:
            # while it is held: who waits for it sees that the file is gone, and makes a new one
            with suppress(OSError):
                path.unlink()
            lock.release()  # on Windows the file goes by this
