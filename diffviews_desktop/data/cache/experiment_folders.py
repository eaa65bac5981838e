"""Experiments that are kept in the user's cache directory, bounded in size.

A folder is one experiment, whose name is made of everything that its pictures depend on. Who draws
it holds a lock file in it; then it stays.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from diffviews_desktop import paths
from diffviews_desktop.data.cache.disk import folder_size, remove
from diffviews_desktop.data.cache.limits import limit_of

log = logging.getLogger(__name__)

LOCK = ".lock"
_NAME = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True)
class KeptExperiment:
    """An experiment that is kept.

    Attributes:
        path: its folder.
        bytes: its size.
        used: when something was last written in it, in seconds since 1970.
    """

    path: Path
    bytes: int
    used: float

    @property
    def key(self) -> str:
        """Its name."""
        return self.path.name


@dataclass(frozen=True)
class ExperimentFolders:
    """The folders of experiments under ``root``."""

    root: Path

    def of(self, key: str) -> Path:
        """The folder of an experiment."""
        return self.root / key

    def entries(self) -> list[KeptExperiment]:
        """All that are kept, least recently used first: the order in which they are dropped."""
        experiments = []
        with suppress(OSError):
            for path in self.root.iterdir():
                if _NAME.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
                    experiments.append(KeptExperiment(path, folder_size(path), _last_used(path)))
        return sorted(experiments, key=lambda one: (one.used, one.key))

    def clear(self, key: str | None = None) -> int:
        """Delete one experiment, or all, but for those that are drawn now; the bytes that frees."""
        experiments = [one for one in self.entries() if key in (None, one.key)]
        return sum(one.bytes for one in experiments if self._drop(one))

    def make_room(self, keep: Path) -> None:
        """Delete the least recently used until all fit the budget; ``keep`` stays.

        Raises:
            UsageError: the budget is not a number.
        """
        entries, budget = self.entries(), experiments_budget()
        total = sum(one.bytes for one in entries)
        for one in entries:
            if total <= budget:
                return
            if one.path != keep and self._drop(one):
                log.info("Dropped the experiment in %s to make room", one.path)
                total -= one.bytes

    def _drop(self, one: KeptExperiment) -> bool:
        """Delete an experiment; whether it is gone by that."""
        with _hold(one.path / LOCK) as free:
            if free:
                remove(one.path)
        if free:  # where an open file cannot be deleted, the lock file is left
            remove(one.path)
        return not one.path.exists()


def kept_experiments() -> ExperimentFolders:
    """Those of the user."""
    return ExperimentFolders(paths.cache_dir() / "experiments")


def experiments_budget() -> int:
    """Size that the kept experiments may have; raises as `limit_of` does."""
    return limit_of("experiments").bytes


def _last_used(path: Path) -> float:
    latest = 0.0
    with suppress(OSError):
        for file in path.iterdir():
            if file.name != LOCK:
                latest = max(latest, file.lstat().st_mtime)
    return latest


@contextmanager
def _hold(path: Path) -> Iterator[bool]:
    """Hold a lock file; False: another program does, or it cannot be made."""
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
