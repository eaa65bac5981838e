"""A link to an engine in this very process, which does its work where `next` is called.

Every job, event and result goes through the same serialisation as between processes, so its
users see what a remote engine would give them: values that share nothing with what was sent.
"""

from __future__ import annotations

import threading
from collections import deque

from diffviews_desktop.engine import pipe
from diffviews_desktop.engine.protocol import Job, Message, Ready
from diffviews_desktop.engine.serving import ENGINE, Server


class InlineLink:
    """An engine in the thread that calls `next`: see `EngineLink`.

    What a job tells while it runs is there once it has ended; only `cancel` reaches it meanwhile.

    Args:
        device: see `Engine`.
        engine: ``module:name`` of what makes the engine.
    """

    pid = None
    exit_code = None

    def __init__(self, device: str = "auto", *, engine: str = ENGINE) -> None:
        self._messages: deque[Message] = deque([Ready()])
        self._job: Job[object] | None = None
        self._cancelled: int | None = None
        self._woken = threading.Event()
        self._server = Server(
            engine,
            device,
            send=lambda message: self._messages.append(pipe.copy_message(message)),
            cancelled=lambda job_id: job_id == self._cancelled,
        )
        self.alive = True

    def submit(self, job: Job[object]) -> None:
        """Take a job; `next` does it."""
        if not self.alive:
            raise BrokenPipeError("The link is closed.")
        self._job = pipe.copy_message(job)

    def cancel(self, job_id: int) -> None:
        """Ask for a job to end."""
        self._cancelled = job_id

    def next(self, timeout: float | None = None) -> Message | None:
        """The next message; does the job that waits, if there is one, to its end."""
        if not self._messages and self._job is not None:
            job, self._job = self._job, None
            self._server.answer(job)
        if self._messages:
            return self._messages.popleft()
        if self.alive:
            self._woken.wait(timeout)
            self._woken.clear()
        return None

    def wake(self) -> None:
        """Have `next` look up from waiting."""
        self._woken.set()

    def silent_for(self) -> float:
        """Always 0: the caller itself does the work."""
        return 0.0

    def close(self, grace: float = 0.5) -> None:
        """Release the engine's model."""
        if self.alive:
            self.alive = False
            self._server.close()
