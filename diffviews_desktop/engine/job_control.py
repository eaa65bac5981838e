"""What a running job tells of itself, and whether it is to end."""

from __future__ import annotations

from collections.abc import Callable

from diffviews_desktop.engine.protocol import Event, Progress
from diffviews_desktop.errors import Cancelled
from diffviews_desktop.files.interrupts import raise_again


class JobControl:
    """The job in progress, as those who work on it see it.

    Args:
        emit: receives its events.
        cancelled: asked often with the job's id; True ends it.
    """

    def __init__(self, emit: Callable[[Event], None], cancelled: Callable[[int], bool]) -> None:
        self._emit = emit
        self._cancelled = cancelled
        self._job_id = 0

    def begin(self, job_id: int) -> None:
        """From now on it is about this job; raises `Cancelled` where it is to end at once."""
        self._job_id = job_id
        self.check()

    def emit(self, event: Event) -> None:
        """Tell something of the running job."""
        self._emit(event)

    def check(self) -> None:
        """Raise `Cancelled` where the job is to end."""
        if self._cancelled(self._job_id):
            raise Cancelled("Cancelled.")

    def progress(
        self,
        stage: str,
        fraction: float | None = None,
        detail: str = "",
        seconds_left: float | None = None,
    ) -> None:
        """Tell how far the job is; raises `Cancelled` where it is to end."""
        self.check()
        raise_again()
        self._emit(Progress(self._job_id, stage, fraction, detail, seconds_left))
