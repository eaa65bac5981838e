"""Asking the engine for something, and taking it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeVar

from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.state.state import (
    RunningJob,
    Selection,
    State,
)

Found = TypeVar("Found")


class SessionLike(Protocol):
    """What operations need of the session."""

    @property
    def state(self) -> State: ...
    def update(self, state: State) -> None: ...
    def aside(
        self, count: int, work: Callable[[], Found], then: Callable[[Found], None]
    ) -> None: ...
    def select(self, selection: Selection, text: str) -> None: ...
    def forget_picks(self) -> None: ...


class WorkerLike(Protocol):
    """What operations need of the worker."""

    def next_id(self) -> int: ...
    def submit(self, job: Job[object]) -> None: ...
    def cancel(self, job_id: int) -> None: ...


def cancel_current(*, session: SessionLike, worker: WorkerLike) -> None:
    """Cancel the job that runs, else the last one that waits."""
    jobs = session.state.jobs
    if jobs:
        running = next((r for r in jobs if r.since is not None), jobs[-1])
        cancel_job(session=session, worker=worker, job_id=running.job.job_id)


def cancel_job(*, session: SessionLike, worker: WorkerLike, job_id: int) -> None:
    """Cancel one job; the window stays as it is until the engine says that it ended."""
    running = session.state.job(job_id)
    if running is not None:
        cancelling = replace(running, stage="cancelling", fraction=None, detail="")
        session.update(session.state.with_job(cancelling))
        worker.cancel(job_id)


def cancel_all(*, session: SessionLike, worker: WorkerLike, kind: type[Job[object]]) -> None:
    """Cancel all jobs of a class, waiting or running."""
    for running in session.state.jobs:
        if type(running.job) is kind:
            cancel_job(session=session, worker=worker, job_id=running.job.job_id)


def submit(session: SessionLike, worker: WorkerLike, job: Job[object], title: str) -> None:
    """Ask for a job; those before of its class are cancelled where only the newest counts."""
    if job.supersedes:
        cancel_all(session=session, worker=worker, kind=type(job))
    session.update(session.state.with_job(RunningJob(job, title)))
    worker.submit(job)
