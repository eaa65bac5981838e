"""The window's side of the engine: a QObject in a QThread that owns the link to it.

Jobs go in through `Worker.submit` and `Worker.cancel`, which any thread may call; everything comes
back as signals. The thread waits on the link and never touches numbers, so the window stays free.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QThread, Signal

from diffviews_desktop.engine.protocol import (
    EngineLink,
    Event,
    Failed,
    Finished,
    Job,
    Message,
    Ready,
    WasCancelled,
)

log = logging.getLogger(__name__)

CANCEL_GRACE_SECONDS = 2.0
SILENCE_SECONDS = 120.0


class Worker(QObject):
    """Runs jobs one after the other in an engine that it keeps warm.

    Args:
        connect: starts an engine and gives the link to it; called in the thread, and again after
            the engine died. Raises OSError or MemoryError where none can be started.

    Signals:
        engine_changed: "starting", "ready", "working" or "stopped".
        started: a job's id; it has left the queue.
        progressed: an event of the running job (see `diffviews_desktop.engine.jobs`).
        finished: a job's id, its result, and the engine's memory in bytes.
        failed: a job's id, one sentence, and details.
        cancelled: a job's id.
    """

    engine_changed = Signal(str)
    started = Signal(int)
    progressed = Signal(object)
    finished = Signal(int, object, object)
    failed = Signal(int, str, str)
    cancelled = Signal(int)

    def __init__(self, connect: Callable[[], EngineLink]) -> None:
        super().__init__()
        self._connect = connect
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._queue: deque[Job[object]] = deque()
        self._roused = threading.Event()
        self._stopping = False
        self._current: Job[object] | None = None
        self._cancel_since: float | None = None
        self._link: EngineLink | None = None
        self._engine_ready = False
        self._given_up = False  # until the next request
        self._thread = QThread()
        self._thread.setObjectName("engine worker")
        self.moveToThread(self._thread)
        self._thread.started.connect(self._pump)

    # ---- from any thread ------------------------------------------------------------------------

    def next_id(self) -> int:
        """A job id that was not used before."""
        return next(self._ids)

    def start(self) -> None:
        """Start the thread and the engine."""
        self._thread.start()

    def submit(self, job: Job[object]) -> None:
        """Queue a job."""
        with self._lock:
            self._queue.append(job)
        self._rouse()

    def cancel(self, job_id: int) -> None:
        """Cancel a job, waiting or running; it ends with `cancelled`."""
        with self._lock:
            waiting = [job for job in self._queue if job.job_id == job_id]
            for job in waiting:
                self._queue.remove(job)
            running = self._current is not None and self._current.job_id == job_id
            if running and self._cancel_since is None:
                self._cancel_since = time.monotonic()
                if self._link is not None:
                    self._link.cancel(job_id)
        for job in waiting:
            self.cancelled.emit(job.job_id)
        self._rouse()

    def reorder(self, job_ids: Sequence[int]) -> None:
        """Put waiting jobs into an order; those that have left the queue stay out of it, and those
        that are not named come after the others."""
        place = {job_id: at for at, job_id in enumerate(job_ids)}
        with self._lock:
            order = sorted(self._queue, key=lambda job: place.get(job.job_id, len(place)))
            self._queue = deque(order)

    def stop(self) -> None:
        """End the engine and the thread; returns when both are gone."""
        self._stopping = True
        self._rouse()
        self._thread.quit()
        self._thread.wait()

    @property
    def engine_pid(self) -> int | None:
        """Process id of the engine; None while there is none."""
        link = self._link
        return link.pid if link is not None and link.alive else None

    def _rouse(self) -> None:
        """Have the thread look at what changed, whatever it waits for."""
        self._roused.set()
        link = self._link
        if link is not None:
            link.wake()

    # ---- in the thread --------------------------------------------------------------------------

    def _pump(self) -> None:
        """The thread's loop: hand out jobs, pass messages on, watch the engine."""
        while not self._stopping:
            if self._link is None:
                self._seek_engine()
                continue
            self._roused.clear()
            self._hand_out()
            message = self._link.next(self._timeout())
            if message is not None:
                self._pass_on(message)
            elif not self._link.alive:
                self._engine_died()
            else:
                self._lose_patience()
        if self._link is not None:
            # a job in progress would not hear a polite request
            self._link.close(grace=0.0 if self._current is not None else 1.0)
            self._link = None

    def _seek_engine(self) -> None:
        """Start an engine; after a failed start, wait for the next request first."""
        if self._given_up:
            self._roused.wait()
            self._given_up = False
            return
        self._roused.clear()
        self.engine_changed.emit("starting")
        self._engine_ready = False
        try:
            self._link = self._connect()
        except (OSError, MemoryError) as error:
            log.exception("the engine cannot be started")
            self._give_up(str(error))

    def _give_up(self, reason: str) -> None:
        """Fail all that waits, because there is no engine; the next job tries again."""
        self._given_up = True
        self.engine_changed.emit("stopped")
        with self._lock:
            jobs = list(self._queue)
            self._queue.clear()
        for job in jobs:
            self.failed.emit(
                job.job_id,
                f"The engine cannot be started ({reason}). Close other programs, and try again; "
                "the log, in the Help menu, may tell more.",
                f"The engine process could not be started for {job}.",
            )

    def _hand_out(self) -> None:
        assert self._link is not None
        if not self._engine_ready:
            return
        with self._lock:
            if self._current is not None or not self._queue:
                return
            job = self._current = self._queue.popleft()
            self._cancel_since = None
        self.engine_changed.emit("working")
        self.started.emit(job.job_id)
        try:
            self._link.submit(job)
        except OSError:
            log.warning("the engine was gone before the job reached it")

    def _timeout(self) -> float | None:
        if self._cancel_since is not None:
            return 0.1
        return 5.0

    def _pass_on(self, message: Message) -> None:
        if isinstance(message, Ready):
            self._engine_ready = True
            self.engine_changed.emit("ready")
        elif isinstance(message, Finished):
            if self._end_current(message.job_id):
                self.finished.emit(message.job_id, message.result, message.memory)
        elif isinstance(message, Failed):
            if self._end_current(message.job_id):
                self.failed.emit(message.job_id, message.message, message.details)
        elif isinstance(message, WasCancelled):
            if self._end_current(message.job_id):
                self.cancelled.emit(message.job_id)
        else:
            self._pass_event(message)

    def _pass_event(self, event: Event) -> None:
        if self._current is not None and event.job_id == self._current.job_id:
            self.progressed.emit(event)

    def _end_current(self, job_id: int) -> bool:
        with self._lock:
            if self._current is None or self._current.job_id != job_id:
                return False
            self._current = None
            self._cancel_since = None
        self.engine_changed.emit("ready")
        return True

    def _engine_died(self) -> None:
        """Fail the job in progress and have the engine started again, once it had started."""
        assert self._link is not None
        code = self._link.exit_code
        self._link.close(grace=0.0)
        self._link = None
        log.error("the engine ended unexpectedly (exit code %s)", code)
        self.engine_changed.emit("stopped")
        with self._lock:
            job, self._current = self._current, None
            was_cancelled, self._cancel_since = self._cancel_since is not None, None
        if job is not None and was_cancelled:
            self.cancelled.emit(job.job_id)
        elif job is not None:
            self.failed.emit(
                job.job_id,
                "The engine stopped unexpectedly and is being started again. Nothing you picked is "
                "lost. Try again; if it happens again, choose a smaller layer.",
                f"The engine process ended with code {code} during {job}.",
            )
        if not self._engine_ready:
            ended = "does not answer" if code is None else f"ended, with code {code},"
            self._give_up(f"it {ended} while it starts")

    def _lose_patience(self) -> None:
        """End an engine that does not hear a cancel, or has been silent for very long."""
        assert self._link is not None
        since = self._cancel_since
        deaf = since is not None and time.monotonic() - since > CANCEL_GRACE_SECONDS
        silent = self._link.silent_for() > SILENCE_SECONDS
        if deaf or silent:
            log.warning("ending an engine that %s", "does not hear" if deaf else "is silent")
            self._engine_died()
