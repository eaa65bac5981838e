"""Three engines: one holds the model and does its jobs, two do what takes long beside it."""

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
    """Gives each job to the engine that is for it; but for the first, each is started with its
    first job.

    Args:
        main: for all jobs but those that are done aside.
        helper: for these.
        drawing: for those of them that draw and write exports.
    """

    def __init__(self, main: WorkerLike, helper: WorkerLike, drawing: WorkerLike) -> None:
        self._main, self._aside, self._drawing = main, helper, drawing
        self._started: list[WorkerLike] = [main]

    def next_id(self) -> int:
        """A job id that neither has seen."""
        return self._main.next_id()

    def submit(self, job: Job[object]) -> None:
        """Queue a job."""
        worker = self._drawing if job.draws else self._aside if job.aside else self._main
        if worker not in self._started:
            self._started.append(worker)
            worker.start()
        worker.submit(job)

    def cancel(self, job_id: int) -> None:
        """Cancel a job, waiting or running."""
        for worker in (self._main, self._aside, self._drawing):
            worker.cancel(job_id)

    def reorder(self, job_ids: Sequence[int]) -> None:
        """Put jobs that wait for the model into an order."""
        self._main.reorder(job_ids)

    def stop(self) -> None:
        """End all engines."""
        for worker in (self._main, self._aside, self._drawing):
            worker.stop()
