"""Asking the engine: which jobs wait for each other, and which take the place of earlier ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from made_context import context_of
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import asking
from diffviews_desktop.engine.jobs.drawing import GenerateGrid
from diffviews_desktop.engine.jobs.mapping import LinkMaps, MapLayer
from diffviews_desktop.engine.jobs.samples import AveragePictures
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.state import State
from diffviews_desktop.values.folders import FolderRef


@dataclass(frozen=True, kw_only=True)
class Every(Job[None]):
    """Each of these counts."""


@dataclass(frozen=True, kw_only=True)
class Newest(Job[None]):
    """Only the newest of these counts."""

    supersedes: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class Other(Newest):
    """The same, among its own kind."""


@dataclass
class Recorder:
    """A worker that notes what it is asked, in order."""

    asked: list[tuple[str, int]] = field(default_factory=list)

    def next_id(self) -> int:
        return 1 + sum(what == "submit" for what, _ in self.asked)

    def submit(self, job: Job[object]) -> None:
        self.asked.append(("submit", job.job_id))

    def cancel(self, job_id: int) -> None:
        self.asked.append(("cancel", job_id))


@pytest.fixture
def session(qtbot: QtBot) -> Session:
    return Session(State())


def submit(session: Session, worker: Recorder, *kinds: type[Job[None]]) -> None:
    for kind in kinds:
        job = kind(job_id=worker.next_id(), folder=FolderRef())
        asking.submit(context_of(session, worker), job, kind.__name__)


def test_jobs_of_which_each_counts_wait_for_each_other(session: Session) -> None:
    worker = Recorder()
    submit(session, worker, Every, Every)
    assert worker.asked == [("submit", 1), ("submit", 2)]
    assert [running.stage for running in session.state.jobs.running] == ["waiting", "waiting"]


def test_the_newest_cancels_those_before_of_its_class_and_no_other(session: Session) -> None:
    worker = Recorder()
    submit(session, worker, Newest, Every, Other, Newest)
    assert worker.asked[-2:] == [("cancel", 1), ("submit", 4)]
    assert len(worker.asked) == 5
    stages = {running.job.job_id: running.stage for running in session.state.jobs.running}
    assert stages == {1: "cancelling", 2: "waiting", 3: "waiting", 4: "waiting"}


def test_all_jobs_of_a_class_can_be_cancelled(session: Session) -> None:
    worker = Recorder()
    submit(session, worker, Every, Newest, Every)
    asking.cancel_all(context_of(session, worker), kind=Every)
    assert worker.asked[3:] == [("cancel", 1), ("cancel", 3)]


@pytest.mark.parametrize("kind", [MapLayer, LinkMaps, AveragePictures, GenerateGrid])
def test_of_maps_means_and_grids_only_the_newest_counts(kind: type[Job[object]]) -> None:
    assert kind.supersedes
