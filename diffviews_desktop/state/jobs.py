"""What the engine works on, and how what it did before has ended."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal

from diffviews_desktop.engine.protocol import Job, Progress
from diffviews_desktop.state.progress import WholeProgress, whole_after

Outcome = Literal["finished", "failed", "cancelled"]
MOST_ENDED = 100
"""How many ended jobs are kept."""
LARGEST_KEPT = 1_000_000
"""Bytes of arrays with which an ended job is kept, to be run again."""


@dataclass(frozen=True)
class RunningJob:
    """A job that was submitted and has not ended.

    ``fraction`` is that of the stage, None while it waits in the queue or cannot tell; ``detail``
    says more of the stage; ``since`` is when it left the queue (monotonic seconds), or None;
    ``seconds_left`` is None where that must be told from how far it is; ``whole`` is how far it is
    with all of its stages, None until it tells of one.
    """

    job: Job[object]
    title: str
    stage: str = "waiting"
    fraction: float | None = None
    detail: str = ""
    since: float | None = None
    seconds_left: float | None = None
    whole: WholeProgress | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether it is still in the queue, and wanted."""
        return self.since is None and self.stage != "cancelling"

    def told(self, event: Progress, clock: float) -> RunningJob:
        """After it told how far it is; ``clock`` in monotonic seconds."""
        stages = (self.stage, event.stage)
        return replace(
            self,
            stage=event.stage,
            fraction=event.fraction,
            detail=event.detail,
            seconds_left=event.seconds_left,
            whole=whole_after(type(self.job), self.whole, stages, event.fraction, clock),
        )


@dataclass(frozen=True)
class EndedJob:
    """How a job has ended.

    Attributes:
        job_id: its id.
        title: what it was, for the user.
        outcome: how it ended.
        message: why it failed; empty otherwise.
        seconds: how long it ran; None where it never left the queue.
        details: of an error, to be copied.
        when: it ended, in seconds since 1970.
        job: what was asked for, to be run again; None where it is too large to be kept.
    """

    job_id: int
    title: str
    outcome: Outcome
    message: str = ""
    seconds: float | None = None
    details: str = ""
    when: float = 0.0
    job: Job[object] | None = None


@dataclass(frozen=True)
class Jobs:
    """Jobs that run or wait, in the order in which they were submitted, and the last ended ones,
    the newest last. Those ``aside`` are done by engines of their own; those ``unlisted`` are not
    among what the user sees."""

    running: tuple[RunningJob, ...] = ()
    ended: tuple[EndedJob, ...] = ()
    aside: tuple[RunningJob, ...] = ()
    unlisted: tuple[RunningJob, ...] = ()

    def job(self, job_id: int) -> RunningJob | None:
        """A submitted job that has not ended."""
        every = (*self.running, *self.aside, *self.unlisted)
        return next((one for one in every if one.job.job_id == job_id), None)

    def any(self, kind: type[Job[object]]) -> bool:
        """Whether a job of a kind runs or waits."""
        return any(isinstance(one.job, kind) for one in self.running)

    def current(self) -> RunningJob | None:
        """The job that runs, else the last one that waits."""
        active = (one for one in self.running if one.since is not None)
        return next(active, self.running[-1] if self.running else None)

    def status_job(self) -> RunningJob | None:
        """The job that the status bar shows: one that is done aside where there is no other."""
        active = [one for one in self.running if one.since is not None]
        return next(iter((*active, *self.running, *self.aside)), None)

    def with_job(self, running: RunningJob) -> Jobs:
        """With a job added, or replaced where it is known."""
        job_id = running.job.job_id
        job = running.job
        old = self.unlisted if job.unlisted else self.aside if job.aside else self.running
        jobs = tuple(running if one.job.job_id == job_id else one for one in old)
        if self.job(job_id) is None:
            jobs = (*jobs, running)
        if job.unlisted:
            return replace(self, unlisted=jobs)
        return replace(self, aside=jobs) if job.aside else replace(self, running=jobs)

    def ended_job(self, job_id: int) -> EndedJob | None:
        """A job that has ended, as long as it is kept."""
        return next((one for one in self.ended if one.job_id == job_id), None)

    def waiting(self) -> tuple[RunningJob, ...]:
        """The jobs in the queue, in their order."""
        return tuple(one for one in self.running if one.is_waiting)

    def move(self, job_id: int, by: int) -> Jobs:
        """With a waiting job further on in the queue, or further back; as it was, where it is at
        that end, or waits no more."""
        places = [at for at, one in enumerate(self.running) if one.is_waiting]
        mine = [n for n, at in enumerate(places) if self.running[at].job.job_id == job_id]
        if not mine or not 0 <= mine[0] + by < len(places):
            return self
        order = [self.running[at] for at in places]
        order.insert(mine[0] + by, order.pop(mine[0]))
        running = list(self.running)
        for at, one in zip(places, order, strict=True):
            running[at] = one
        return replace(self, running=tuple(running))

    def without_job(
        self, job_id: int, outcome: Outcome, clock: float, message: str = "", details: str = ""
    ) -> Jobs:
        """With a job among the ended ones; ``clock`` in monotonic seconds."""
        running = self.job(job_id)
        if running is None:
            return self
        if running.job.unlisted:
            return replace(self, unlisted=tuple(o for o in self.unlisted if o is not running))
        seconds = None if running.since is None else clock - running.since
        job = running.job if size_of(running.job) <= LARGEST_KEPT else None
        ended = EndedJob(
            job_id, running.title, outcome, message, seconds, details, time.time(), job
        )
        others = tuple(one for one in self.running if one is not running)
        side_jobs = tuple(one for one in self.aside if one is not running)
        ended_jobs = (*self.ended, ended)[-MOST_ENDED:]
        return replace(self, running=others, ended=ended_jobs, aside=side_jobs)


def size_of(job: Job[object]) -> int:
    """Bytes of a job's arrays."""
    total = 0
    for one in fields(job):
        value = getattr(job, one.name)
        values = value.values() if isinstance(value, Mapping) else (value,)
        total += sum(getattr(part, "nbytes", 0) for part in values)
    return total
