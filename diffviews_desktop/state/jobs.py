"""What the engine works on, and how what it did before has ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from diffviews_desktop.engine.protocol import Job

Outcome = Literal["finished", "failed", "cancelled"]
MOST_ENDED = 100
"""How many ended jobs are kept."""


@dataclass(frozen=True)
class RunningJob:
    """A job that was submitted and has not ended.

    ``fraction`` is None while it waits in the queue or cannot tell; ``detail`` says more of the
    stage; ``since`` is when it left the queue (monotonic seconds), or None; ``seconds_left`` is
    None where that must be told from ``fraction``.
    """

    job: Job[object]
    title: str
    stage: str = "waiting"
    fraction: float | None = None
    detail: str = ""
    since: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True)
class EndedJob:
    """How a job has ended.

    Attributes:
        job_id: its id.
        title: what it was, for the user.
        outcome: how it ended.
        message: why it failed; empty otherwise.
        seconds: how long it ran; None where it never left the queue.
    """

    job_id: int
    title: str
    outcome: Outcome
    message: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Jobs:
    """Jobs that run or wait, in the order in which they were submitted, and the last ended ones,
    the newest last. Those ``aside`` are done by an engine of their own."""

    running: tuple[RunningJob, ...] = ()
    ended: tuple[EndedJob, ...] = ()
    aside: tuple[RunningJob, ...] = ()

    def job(self, job_id: int) -> RunningJob | None:
        """A submitted job that has not ended."""
        every = (*self.running, *self.aside)
        return next((one for one in every if one.job.job_id == job_id), None)

    def any(self, kind: type[Job[object]]) -> bool:
        """Whether a job of a kind runs or waits."""
        return any(isinstance(one.job, kind) for one in self.running)

    def current(self) -> RunningJob | None:
        """The job that runs, else the last one that waits."""
        started = (one for one in self.running if one.since is not None)
        return next(started, self.running[-1] if self.running else None)

    def shown(self) -> RunningJob | None:
        """The job that the status bar shows: one that is done aside where there is no other."""
        started = [one for one in self.running if one.since is not None]
        return next(iter((*started, *self.running, *self.aside)), None)

    def with_job(self, running: RunningJob) -> Jobs:
        """With a job added, or replaced where it is known."""
        job_id = running.job.job_id
        before = self.aside if running.job.aside else self.running
        jobs = tuple(running if one.job.job_id == job_id else one for one in before)
        if self.job(job_id) is None:
            jobs = (*jobs, running)
        return replace(self, aside=jobs) if running.job.aside else replace(self, running=jobs)

    def without_job(self, job_id: int, outcome: Outcome, now: float, message: str = "") -> Jobs:
        """With a job among the ended ones; ``now`` in monotonic seconds."""
        running = self.job(job_id)
        if running is None:
            return self
        seconds = None if running.since is None else now - running.since
        ended = EndedJob(job_id, running.title, outcome, message, seconds)
        left = tuple(one for one in self.running if one is not running)
        aside = tuple(one for one in self.aside if one is not running)
        return Jobs(left, (*self.ended, ended)[-MOST_ENDED:], aside)
