"""A worker without an engine."""

from __future__ import annotations

from collections.abc import Sequence

from diffviews_desktop.engine.protocol import Job


class Recorder:
    """A worker that notes what it is asked."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.cancelled: list[int] = []

    def next_id(self) -> int:
        return len(self.jobs) + 1

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def cancel(self, job_id: int) -> None:
        self.cancelled.append(job_id)

    def reorder(self, job_ids: Sequence[int]) -> None:
        self.order = list(job_ids)
