"""What breaks around the monkey's window, and what its window must not do meanwhile."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import signal
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

KNOWN_MESSAGES = ("propagateSizeHints", "This plugin does not support")
"""Beginnings of what Qt says on displays without a window manager."""


class Surprises:
    """What went wrong outside the error path."""

    def __init__(self) -> None:
        self.found: list[str] = []

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Hear of every exception that nobody handles, and of what Qt complains about."""
        from PySide6.QtCore import QtMsgType, qInstallMessageHandler

        def heard(kind: QtMsgType, place: object, text: str) -> None:
            if kind is not QtMsgType.QtDebugMsg and not text.startswith(KNOWN_MESSAGES):
                self.add(f"Qt: {text}\n{''.join(traceback.format_stack(limit=8)[:-1])}")

        hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
        sys.excepthook = self._add_error
        threading.excepthook = lambda args: self._add_error(
            args.exc_type, args.exc_value, args.exc_traceback
        )
        sys.unraisablehook = lambda args: self._add_error(
            args.exc_type, args.exc_value, args.exc_traceback
        )
        handler = qInstallMessageHandler(heard)
        try:
            yield
        finally:
            sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
            qInstallMessageHandler(handler)

    def _add_error(
        self,
        kind: type[BaseException],
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.add("".join(traceback.format_exception(kind, error, trace)))

    def add(self, text: str) -> None:
        """Keep what was found; it is said at once where it was not found before, as the window may
        not live until the end."""
        if text not in self.found:
            with contextlib.suppress(OSError):  # the disk may be full
                print(f"a surprise: {text}", file=sys.stderr, flush=True)
        self.found.append(text)


class Faults:
    """What breaks around the window, and what mends it.

    Args:
        data: the data folder.
        pids: asks for the processes whose disk is full.
        engine: asks for the engine's process.
        dice: decides.
    """

    def __init__(
        self,
        data: Path,
        pids: Callable[[], list[int]],
        engine: Callable[[], int | None],
        dice: random.Random,
    ) -> None:
        self._data, self._away = data, data.with_name("away")
        self._pids, self._engine, self._dice = pids, engine, dice
        self._spoilt: dict[Path, bytes] = {}
        self._next: list[Callable[[], None]] = []
        self.count: Counter[str] = Counter()

    def break_something(self) -> None:
        """Break one thing, or mend what is broken: all in turn, each time in another order."""
        if not self._next:
            self._next = [
                self.kill_engine,
                self.fill_disk,
                self.take_folder,
                self.spoil_picture,
                self.mend,
            ]
            self._dice.shuffle(self._next)
        self._next.pop()()

    def kill_engine(self) -> None:
        engine = self._engine()
        if engine is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(engine, signal.SIGKILL)
                self.count["engine killed"] += 1

    def fill_disk(self) -> None:
        """No file may grow, in the window and in its engines."""
        self._limit_files(self._dice.choice([0, 4096]))
        self.count["disk full"] += 1

    def take_folder(self) -> None:
        if self._data.is_dir() and not self._away.is_dir():  # engines may have made it again
            self._data.rename(self._away)
            self.count["folder gone"] += 1

    def spoil_picture(self) -> None:
        pictures = sorted(self._data.rglob("*.png"))
        if not pictures:
            return
        picture = self._dice.choice(pictures)
        whole = picture.read_bytes()
        self._spoilt.setdefault(picture, whole)
        spoilt = self._dice.choice([b"", whole[: len(whole) // 2], None])
        if spoilt is None:
            picture.unlink()
        else:
            os.truncate(picture, len(spoilt))  # which a full disk does not keep from
        self.count["picture spoilt"] += 1

    def mend(self) -> None:
        """Everything is as it was."""
        self._limit_files(resource.RLIM_INFINITY)
        if self._away.is_dir():
            shutil.rmtree(self._data, ignore_errors=True)  # what was written there meanwhile
            self._away.rename(self._data)
        for picture, whole in self._spoilt.items():
            picture.write_bytes(whole)
        self._spoilt.clear()

    def _limit_files(self, size: int) -> None:
        for pid in self._pids():
            with contextlib.suppress(ProcessLookupError):
                _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
