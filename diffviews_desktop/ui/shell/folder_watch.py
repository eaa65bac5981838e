"""Notices that the open data folder has changed on the disk, and offers to read it again."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer

from diffviews_desktop.actions.context import Context
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.shell.sessions import Sessions

SETTLED_MILLISECONDS = 1500
"""After the last change: whoever writes a folder writes several files."""
MOST_NAMES = 10_000
"""Names in a folder that are looked at."""
Signature = tuple[tuple[str, ...], tuple[tuple[str, int, int], ...]]
"""The models of a folder, and path, size and time of what its samples were read from."""


class FolderWatch(QObject):
    """Watches what the samples on screen were read from. Folders that the program itself writes
    into, such as caches, do not count.

    Args:
        context: whose folder is watched, and where it is said.
        sessions: whose thread looks at the disk: it may be slow.
        parent: of the watch.
    """

    def __init__(self, context: Context, sessions: Sessions, parent: QObject) -> None:
        super().__init__(parent)
        self._context, self._sessions = context, sessions
        self._opened: tuple[Path | None, tuple[Path, ...]] = (None, ())
        self._before: Signature | None = None
        self._watcher = QFileSystemWatcher(self)
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(SETTLED_MILLISECONDS)
        self._wait.timeout.connect(self._look)
        self._watcher.fileChanged.connect(lambda _: self._wait.start())
        self._watcher.directoryChanged.connect(lambda _: self._wait.start())

    def show_changes(self, old: State, new: State) -> None:
        """Watch another folder where another one was opened, or the same was read again."""
        if old.opened.samples is new.opened.samples:
            return
        opened = new.opened
        self._wait.stop()
        self._before = None
        paths = self._watcher.files() + self._watcher.directories()
        if paths:
            self._watcher.removePaths(paths)
        self._opened = (None if opened.is_demo else opened.path, opened.read_from)
        if self._opened[0] is not None:
            self._sign(self._on_signed)

    def _sign(self, callback: Callable[[Signature], None]) -> None:
        """Look at the disk, and go on unless another folder was opened meanwhile."""
        opened = self._opened
        folder, files = opened
        assert folder is not None

        def pass_on(new_signature: Signature) -> None:
            if self._opened is opened:
                callback(new_signature)

        self._sessions.submit(partial(signature, folder, files), pass_on)

    def _on_signed(self, new_signature: Signature) -> None:
        """It was just read: from here on changes count."""
        self._before = new_signature
        self._watch()

    def _watch(self) -> None:
        folder, files = self._opened
        paths = [str(folder), *dict.fromkeys(str(file.parent) for file in files), *map(str, files)]
        targets = [path for path in paths if os.path.exists(path)]
        if targets:
            self._watcher.addPaths(targets)

    def _look(self) -> None:
        if self._before is not None and self._opened[0] is not None:
            self._sign(self._compare)

    def _compare(self, new_signature: Signature) -> None:
        if new_signature == self._before:
            return
        self._before = new_signature
        self._watch()  # a file that was replaced is watched no longer
        self._context.say(tr("The data folder has changed on the disk."), offer="reload")


def signature(folder: Path, files: Sequence[Path]) -> Signature:
    """What tells whether a folder has changed; what is not there has neither size nor time."""
    models: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for number, entry in enumerate(entries):
                if number >= MOST_NAMES:
                    break
                if not entry.name.startswith(".") and entry.is_dir():
                    models.append(entry.name)
    except OSError:
        models = []
    return tuple(sorted(models)), tuple(map(_status, files))


def _status(file: Path) -> tuple[str, int, int]:
    try:
        status = os.stat(file)
    except OSError:
        return str(file), -1, -1
    return str(file), status.st_size, status.st_mtime_ns
