"""Work in another thread of which only the newest matters."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, SignalInstance

from diffviews_desktop.state.background import background_thread

T = TypeVar("T")


class Latest(QObject, Generic[T]):
    """One slot for work: the newest wins, and its result arrives in the owner's thread.

    One piece of work runs at a time. Of those asked for meanwhile the last one runs next and the
    others never do. An exception in the work is raised in the owner's thread.

    Args:
        take: gets each result.
        owner: the work is dropped when this object goes.
        threads: where the work runs; without it in a thread of its own, ``name``.
        name: of that thread.
        every: also deliver what has run when something newer was asked for meanwhile. Where work is
            asked for all the time, nothing would ever arrive otherwise.
    """

    _ended = Signal(object)

    def __init__(
        self,
        take: Callable[[T], None],
        owner: QObject,
        *,
        threads: ThreadPoolExecutor | None = None,
        name: str = "latest",
        every: bool = False,
    ) -> None:
        super().__init__(owner)
        self._take, self._every = take, every
        self._shared = threads is not None
        self._threads = threads or background_thread(name)
        self._future: Future[T] | None = None
        self._running: Callable[[], T] | None = None
        self._waiting: Callable[[], T] | None = None
        self._wanted: Callable[[], T] | None = None
        self._closed = False
        self._ended.connect(self._on_ended, Qt.ConnectionType.QueuedConnection)
        door = self._door = _Door()
        self.destroyed.connect(lambda: door.close())

    def ask(self, work: Callable[[], T]) -> None:
        """Do this next; what waited is forgotten."""
        if self._closed:
            return
        if not self._every:
            self._wanted = None
        if self._running is None:
            self._start(work)
        else:
            self._waiting = work

    def do_now(self, work: Callable[[], T]) -> None:
        """Do this at once in the owner's thread; what was asked for before never arrives."""
        if not self._closed:
            self.drop()
            self._take(work())

    def drop(self) -> None:
        """Let nothing arrive of what was asked for."""
        self._waiting = self._wanted = None

    def wants(self, work: Callable[[], T]) -> bool:
        """Whether what this work finds can still arrive: long work asks, in its own thread."""
        return self._wanted is work

    @property
    def busy(self) -> bool:
        """Whether something runs or waits."""
        return self._running is not None

    @property
    def awaited(self) -> bool:
        """Whether a result will arrive."""
        return self._wanted is not None or self._waiting is not None

    def wait(self) -> None:
        """Drop everything and wait for the end of what runs."""
        self.drop()
        if self._future is not None:
            futures.wait([self._future])

    def close(self) -> None:
        """Drop everything, take no more work, and wait for the end of what runs."""
        self._closed = True
        self.wait()
        if not self._shared:
            self._threads.shutdown()

    def _start(self, work: Callable[[], T]) -> None:
        self._running = self._wanted = work
        self._future = self._threads.submit(work)
        self._future.add_done_callback(lambda ended: self._door.pass_through(self._ended, ended))

    def _on_ended(self, future: Future[T]) -> None:
        arrives = self._running is not None and self.wants(self._running)
        self._running = self._wanted = self._future = None
        work, self._waiting = self._waiting, None
        if work is not None:
            self._start(work)
        if self._closed or future.cancelled():
            return
        result = future.result()
        if arrives:
            self._take(result)


class _Door:
    """Lets signals of an object through until it goes, which may be while another thread works."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = True

    def close(self) -> None:
        with self._lock:
            self._open = False

    def pass_through(self, signal: SignalInstance, value: object) -> None:
        with self._lock:
            if self._open:
                signal.emit(value)
