"""What the user did, in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.state.jobs import LARGEST_KEPT, size_of
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.sampling import SamplingSettings

MOST_LINES, MOST_ROWS = 2000, 2_000_000
"""How many lines are kept, and how many samples they name together."""


@dataclass(frozen=True, eq=False)
class HistoryLine:
    """Something that the user did.

    Attributes:
        number: counts all lines of this session, from 1.
        verb: ``topic.function`` of `diffviews_desktop.actions`.
        arguments: that it was called with, by name.
        when: in seconds since 1970.
        jobs: ids of the jobs that it asked for.
        asked: these jobs, without those that are too large to be kept.
    """

    number: int
    verb: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    when: float = 0.0
    jobs: tuple[int, ...] = ()
    asked: tuple[Job[object], ...] = ()

    @property
    def rows(self) -> int:
        """How many samples it names as a set."""
        return sum(len(one) for one in self.arguments.values() if isinstance(one, RowSet))


@dataclass(frozen=True, eq=False)
class History:
    """What the user did, the newest last.

    Attributes:
        lines: those that are kept.
        done: counts what is no longer kept, too.
        rows: how many samples the lines name as sets.
    """

    lines: tuple[HistoryLine, ...] = ()
    done: int = 0
    rows: int = 0

    def with_line(
        self, verb: str, arguments: Mapping[str, Any], timestamp: float, merges: bool
    ) -> History:
        """With one more line; where it ``merges``, it takes the place of a last line of the same
        verb that asked for no job."""
        last = self.lines[-1] if self.lines else None
        replaces = merges and last is not None and last.verb == verb and not last.jobs
        lines = list(self.lines[:-1] if replaces else self.lines)
        line = HistoryLine(self.done + 1, verb, arguments, timestamp)
        lines.append(line)
        rows = self.rows + line.rows
        while len(lines) > MOST_LINES or (rows > MOST_ROWS and len(lines) > 1):
            rows -= lines.pop(0).rows
        return History(tuple(lines), self.done + 1, rows)

    def with_job(self, number: int, job: Job[object]) -> History:
        """With a job that a line asked for."""
        small = size_of(job) <= LARGEST_KEPT

        def asking(line: HistoryLine) -> HistoryLine:
            requests = (*line.asked, job) if small else line.asked
            return replace(line, jobs=(*line.jobs, job.job_id), asked=requests)

        return self._apply(lambda line: asking(line) if line.number == number else line)

    def with_seed(self, job_id: int, seed: int) -> History:
        """With the seed that the engine chose for a run or a grid: the same line draws the same
        again, and a random class is drawn from that seed as well."""

        def renew(line: HistoryLine) -> HistoryLine:
            settings = line.arguments.get("settings")
            if job_id not in line.jobs or not isinstance(settings, SamplingSettings):
                return line
            arguments = {**line.arguments, "settings": replace(settings, seed=seed)}
            requests = tuple(
                _with_seed(job, seed) if job.job_id == job_id else job for job in line.asked
            )
            return replace(line, arguments=arguments, asked=requests)

        return self._apply(renew)

    def _apply(self, change: Callable[[HistoryLine], HistoryLine]) -> History:
        return replace(self, lines=tuple(map(change, self.lines)))


def _with_seed(job: Job[object], seed: int) -> Job[object]:
    settings = getattr(job, "settings", None)
    if not isinstance(settings, SamplingSettings):
        return job
    changed: dict[str, Any] = {"settings": replace(settings, seed=seed)}
    return replace(job, **changed)
