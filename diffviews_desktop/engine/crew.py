"""Two engines: one holds the model and does its jobs, the other does what takes long beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from diffviews_desktop.engine.protocol import Job


class WorkerLike(Protocol):
    """What a crew needs of a `Worker`."""

    def next_id(self) -> int: ...
    def start(self) -> None: ...
    def submit(self, job: Job[object]) -> None: ...
    def cancel(self, job_id: int) -> None: ...
    def reorder(self, job_ids: Sequence[int]) -> None: ...
    def stop(self) -> None: ...


class Crew:
    """Gives each job to the engine that is for it; the second is started with its first job.

    Args:
        main: for all jobs but those that are done aside.
        aside: for these.
    """

    def __init__(self, main: WorkerLike, aside: WorkerLike) -> None:
        self._main, self._aside = main, aside
        self._started = False

    def next_id(self) -> int:
        """A job id that neither has seen."""
        return self._main.next_id()

    def submit(self, job: Job[object]) -> None:
        """Queue a job."""
        if not job.aside:
            self._main.submit(job)
            return
        if not self._started:
            self._started = True
            self._aside.start()
        self._aside.submit(job)

    def cancel(self, job_id: int) -> None:
        """Cancel a job, waiting or running."""
        self._main.cancel(job_id)
        self._aside.cancel(job_id)

    def reorder(self, job_ids: Sequence[int]) -> None:
        """Put jobs that wait for the model into an order."""
        self._main.reorder(job_ids)

    def stop(self) -> None:
        """End both engines."""
        self._main.stop()
        self._aside.stop()
