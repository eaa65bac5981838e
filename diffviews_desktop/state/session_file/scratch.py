"""Folders in which windows keep what they show, so that nothing is lost where they are killed.

Each window has a folder of its own and holds a lock in it, which the system lifts when the program
ends, however it does. A window that is closed leaves its folder as ``last``; what else is there and
not locked was left by one that was not closed.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from pathlib import Path

from diffviews_desktop.state.session_file.members import HEAD, FolderStore
from diffviews_desktop.state.session_file.saved import SavedSession

LAST = "last"
MOST_LEFT = 5
"""Folders of windows that were not closed are kept at most; the oldest go."""
_NAME = re.compile(r"[0-9a-f]{16}")
_LOCK, _OLD = "lock", ".old"


class Scratch:
    """The folder of one window.

    Args:
        root: where such folders are.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)
        self._begin()

    def _begin(self) -> None:
        from filelock import FileLock  # not before the window is there

        self.folder = self._root / secrets.token_hex(8)
        self.folder.mkdir(0o700)
        self._lock = FileLock(self.folder / _LOCK, timeout=0, thread_local=False)
        self._lock.acquire()
        self._store = FolderStore(self.folder)

    def write(self, session: SavedSession) -> None:
        """Bring the folder up to date; for another session, whose runs have the same ids as those
        that are there, another folder is begun, and the old one stays until that is whole.

        Raises:
            OSError: it cannot be written.
        """
        from diffviews_desktop.state.session_file.writing import of_other_steps, write_folder

        if not of_other_steps(session, self._store):
            write_folder(session, self._store)
            return
        old = self.folder, self._lock, self._store
        self._begin()
        try:
            write_folder(session, self._store)
        except OSError:
            self.drop()
            self.folder, self._lock, self._store = old
            raise
        old[1].release()
        drop(old[0])

    def end(self, session: SavedSession) -> None:
        """Leave the folder as that of the last session; raises as `write`."""
        self.write(session)
        self._lock.release()
        last, old = self._root / LAST, self.folder.with_suffix(_OLD)
        with contextlib.suppress(FileNotFoundError):
            os.replace(last, old)
        os.replace(self.folder, last)
        drop(old)

    def drop(self) -> None:
        """Delete the folder: nothing of it is to be kept."""
        self._lock.release()
        drop(self.folder)


def find_unclosed(root: Path) -> list[Path]:
    """The folders of windows that were not closed, the newest first; those beyond `MOST_LEFT` and
    those without a session go."""
    folders: list[tuple[float, Path]] = []
    with contextlib.suppress(OSError):
        for name in os.listdir(root):
            folder = root / name
            if _NAME.fullmatch(name) and _is_free(folder):
                folders.append((_change_time(folder), folder))
            elif folder.suffix == _OLD:
                drop(folder)
    newest = [folder for _, folder in sorted(folders, reverse=True)]
    sessions = [folder for folder in newest if (folder / HEAD).is_file()][:MOST_LEFT]
    for folder in newest:
        if folder not in sessions:
            drop(folder)
    return sessions


def last(root: Path) -> Path | None:
    """The folder of the session that was closed last; None where there is none."""
    folder = root / LAST
    return folder if (folder / HEAD).is_file() else None


def put_aside(folder: Path) -> Path:
    """Move a folder that cannot be read to where it is neither offered nor replaced; where it is
    then: still in its place, where it cannot be moved."""
    place = folder.with_name(f"unreadable-{secrets.token_hex(4)}")
    with contextlib.suppress(OSError):
        return folder.rename(place)
    return folder


def drop(folder: Path) -> None:
    """Delete a folder."""
    shutil.rmtree(folder, ignore_errors=True)


def _change_time(folder: Path) -> float:
    with contextlib.suppress(OSError):
        return (folder / HEAD).stat().st_mtime
    return 0.0


def _is_free(folder: Path) -> bool:
    from filelock import FileLock, Timeout

    lock = FileLock(folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except (Timeout, OSError):
        return False
    lock.release()
    return True
