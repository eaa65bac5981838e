"""The queue and the thread that the window's side talks to; mostly with an engine that has no
model."""

from __future__ import annotations

import errno
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from PySide6.QtCore import QObject, QThread, Signal
from pytestqt.qtbot import QtBot
from scripted_engine import ENGINE, STILLBORN, Die, Hang, Refuse, Script, Until

from diffviews_desktop.engine import pump
from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.engine.jobs.opening import LoadModel, OpenData
from diffviews_desktop.engine.link_inline import InlineLink
from diffviews_desktop.engine.link_process import ProcessLink
from diffviews_desktop.engine.protocol import EngineLink, Event, Progress, RunStarted, StepDone
from diffviews_desktop.engine.pump import Worker
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.sampling import SamplingSettings

WAIT = 120_000
scripted = partial(ProcessLink, "cpu", engine=ENGINE)


class Record(QObject):
    """Everything a worker says, in order. Lives in the test's thread, as the window does in its."""

    finished = Signal(int)
    failed = Signal(int, str, str)
    cancelled = Signal(int)

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self.said: list[tuple[Any, ...]] = []
        worker.engine_changed.connect(self.on_engine)
        worker.started.connect(self.on_started)
        worker.progressed.connect(self.on_event)
        worker.finished.connect(self.on_finished)
        worker.failed.connect(self.on_failed)
        worker.cancelled.connect(self.on_cancelled)

    def on_engine(self, status: str) -> None:
        self.add("engine", status)

    def on_started(self, job_id: int) -> None:
        self.add("started", job_id)

    def on_event(self, event: object) -> None:
        self.add("event", event)

    def on_finished(self, job_id: int, result: object, memory: object) -> None:
        self.add("finished", job_id, result, memory)
        self.finished.emit(job_id)

    def on_failed(self, job_id: int, sentence: str, details: str) -> None:
        self.add("failed", job_id, sentence, details)
        self.failed.emit(job_id, sentence, details)

    def on_cancelled(self, job_id: int) -> None:
        self.add("cancelled", job_id)
        self.cancelled.emit(job_id)

    def add(self, *what: Any) -> None:
        assert QThread.currentThread() is self.thread()
        self.said.append(what)

    def kinds(self, *kinds: str) -> list[tuple[Any, ...]]:
        return [entry[:2] for entry in self.said if entry[0] in kinds]

    def ends(self) -> list[tuple[Any, ...]]:
        return self.kinds("finished", "failed", "cancelled")

    def events(self, kind: type[Event]) -> list[Any]:
        return [entry[1] for entry in self.said if entry[0] == "event" and type(entry[1]) is kind]


class Starts:
    """Starts engines as a worker wants them, one factory after the other, the last for ever."""

    def __init__(self, *factories: Callable[[], EngineLink]) -> None:
        self.factories = list(factories)

    def __call__(self) -> EngineLink:
        return (self.factories.pop(0) if len(self.factories) > 1 else self.factories[0])()


def refused() -> EngineLink:
    """What happens where the system has no room for another process."""
    raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")


@pytest.fixture
def make_worker() -> Iterator[Callable[[Callable[[], EngineLink]], Worker]]:
    """Makes workers that are not started yet."""
    made: list[Worker] = []

    def make(connect: Callable[[], EngineLink]) -> Worker:
        made.append(Worker(connect))
        return made[-1]

    yield make
    for worker in made:
        worker.stop()


@pytest.fixture
def worker(make_worker: Callable[..., Worker]) -> Worker:
    return make_worker(scripted)


@pytest.fixture
def record(worker: Worker) -> Record:
    return Record(worker)


def engines() -> list[psutil.Process]:
    """Child processes that are engines."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def begin(qtbot: QtBot, worker: Worker, record: Record, job: Script) -> None:
    """Have a job begun."""
    worker.submit(job)
    begun = Progress(job.job_id, "began")
    qtbot.waitUntil(lambda: ("event", begun) in record.said, timeout=WAIT)


def until_ended(qtbot: QtBot, record: Record, count: int) -> None:
    qtbot.waitUntil(lambda: len(record.ends()) == count, timeout=WAIT)


@pytest.mark.parametrize("link", [ProcessLink, InlineLink])
def test_jobs_run_one_after_the_other(
    make_worker: Callable[..., Worker], qtbot: QtBot, link: type[ProcessLink | InlineLink]
) -> None:
    worker = make_worker(partial(link, "cpu", engine=ENGINE))
    record = Record(worker)
    for job in (
        Script(job_id=1, stages=("a", "b")),
        Refuse(job_id=2, text="No."),
        Script(job_id=3),
    ):
        worker.submit(job)  # before there is an engine
    worker.start()
    until_ended(qtbot, record, 3)
    told = [entry for entry in record.said if entry[0] not in ("finished", "failed")]
    assert told == [
        ("engine", "starting"),
        ("engine", "ready"),
        ("engine", "working"),
        ("started", 1),
        ("event", Progress(1, "a")),
        ("event", Progress(1, "b")),
        ("engine", "ready"),
        ("engine", "working"),
        ("started", 2),
        ("engine", "ready"),
        ("engine", "working"),
        ("started", 3),
        ("engine", "ready"),
    ]
    assert record.ends() == [("finished", 1), ("failed", 2), ("finished", 3)]


@pytest.mark.parametrize("link", [ProcessLink, InlineLink])
def test_cancel_of_a_waiting_and_of_a_running_job(
    make_worker: Callable[..., Worker], qtbot: QtBot, link: type[ProcessLink | InlineLink]
) -> None:
    worker = make_worker(partial(link, "cpu", engine=ENGINE))
    record = Record(worker)
    worker.start()
    for job in (Until(job_id=1), Script(job_id=2), Script(job_id=3)):
        worker.submit(job)
    qtbot.waitUntil(lambda: ("started", 1) in record.said, timeout=WAIT)
    pid = worker.engine_pid
    worker.cancel(2)
    assert record.ends() == [("cancelled", 2)]  # at once
    worker.cancel(1)
    worker.cancel(1)  # impatience does no harm
    until_ended(qtbot, record, 3)
    assert record.ends() == [("cancelled", 2), ("cancelled", 1), ("finished", 3)]
    assert record.kinds("started") == [("started", 1), ("started", 3)]
    assert worker.engine_pid == pid  # it heard: no need to end it
    worker.cancel(3)  # too late
    worker.cancel(1000)  # never there
    worker.submit(Script(job_id=4))
    until_ended(qtbot, record, 4)
    assert record.ends()[-1] == ("finished", 4)


def test_nothing_of_a_cancelled_job_is_told_after_its_end(
    worker: Worker, record: Record, qtbot: QtBot
) -> None:
    worker.start()
    begin(qtbot, worker, record, Until(job_id=1, stages=("a", "b", "c")))
    worker.cancel(1)
    worker.submit(Script(job_id=2, stages=("d",)))
    until_ended(qtbot, record, 2)
    late = record.said[record.said.index(("cancelled", 1)) :]
    assert [entry[1].job_id for entry in late if entry[0] == "event"] == [2]


def test_an_engine_that_dies_in_a_job_is_started_again(
    worker: Worker, record: Record, qtbot: QtBot
) -> None:
    worker.start()
    begin(qtbot, worker, record, Until(job_id=1))
    first = worker.engine_pid
    assert first is not None
    worker.submit(Script(job_id=2))
    psutil.Process(first).kill()
    until_ended(qtbot, record, 2)
    assert record.ends() == [("failed", 1), ("finished", 2)]
    sentence, details = next(entry[2:] for entry in record.said if entry[0] == "failed")
    assert sentence.startswith("The engine stopped unexpectedly and is being started again.")
    assert "Until(" in details
    assert ("engine", "stopped") in record.said
    assert worker.engine_pid not in (None, first)
    assert [child.pid for child in engines()] == [worker.engine_pid]


def test_an_engine_that_dies_of_a_job_that_is_being_cancelled_counts_as_cancelled(
    worker: Worker, record: Record, qtbot: QtBot
) -> None:
    worker.start()
    begin(qtbot, worker, record, Hang(job_id=1))
    first = worker.engine_pid
    assert first is not None
    worker.cancel(1)
    psutil.Process(first).kill()
    worker.submit(Script(job_id=2))
    until_ended(qtbot, record, 2)
    assert record.ends() == [("cancelled", 1), ("finished", 2)]


def test_an_engine_that_does_not_hear_a_cancel_is_ended(
    worker: Worker, record: Record, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pump, "CANCEL_GRACE_SECONDS", 0.1)
    worker.start()
    begin(qtbot, worker, record, Hang(job_id=1))
    first = worker.engine_pid
    worker.cancel(1)
    until_ended(qtbot, record, 1)
    worker.submit(Script(job_id=2))
    until_ended(qtbot, record, 2)
    assert record.ends() == [("cancelled", 1), ("finished", 2)]
    assert worker.engine_pid != first
    assert [child.pid for child in engines()] == [worker.engine_pid]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP")
def test_an_engine_that_is_silent_for_very_long_is_ended(
    worker: Worker, record: Record, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.start()
    begin(qtbot, worker, record, Until(job_id=1))
    assert worker.engine_pid is not None
    psutil.Process(worker.engine_pid).suspend()  # its heart does not beat any more
    monkeypatch.setattr(pump, "SILENCE_SECONDS", 0.1)

    def ended() -> bool:
        worker.cancel(1000)  # the thread looks up
        return bool(record.ends())

    qtbot.waitUntil(ended, timeout=WAIT)
    assert record.ends() == [("failed", 1)]


def test_an_idle_engine_that_dies_is_started_again(
    worker: Worker, record: Record, qtbot: QtBot
) -> None:
    worker.start()
    qtbot.waitUntil(lambda: ("engine", "ready") in record.said, timeout=WAIT)
    assert worker.engine_pid is not None
    psutil.Process(worker.engine_pid).kill()
    qtbot.waitUntil(lambda: record.said.count(("engine", "ready")) == 2, timeout=WAIT)
    assert record.ends() == []  # nothing was lost, so nothing failed


def test_where_no_engine_can_be_started_jobs_fail_and_the_next_tries_again(
    make_worker: Callable[..., Worker], qtbot: QtBot
) -> None:
    worker = make_worker(Starts(refused, refused, scripted))
    record = Record(worker)
    worker.submit(Script(job_id=1))
    with qtbot.waitSignal(record.failed, timeout=WAIT) as caught:
        worker.start()
    assert caught.args[0] == 1
    assert "Resource temporarily unavailable" in caught.args[1]
    assert "Close other programs" in caught.args[1]
    assert worker.engine_pid is None
    worker.submit(Script(job_id=2))
    until_ended(qtbot, record, 2)
    worker.submit(Script(job_id=3))
    until_ended(qtbot, record, 3)
    assert record.ends() == [("failed", 1), ("failed", 2), ("finished", 3)]


def test_an_engine_that_dies_while_it_starts_fails_what_waits_and_is_not_started_for_nothing(
    make_worker: Callable[..., Worker], qtbot: QtBot
) -> None:
    stillborn = partial(ProcessLink, "cpu", engine=STILLBORN)
    worker = make_worker(Starts(stillborn, stillborn, scripted))
    record = Record(worker)
    worker.submit(Script(job_id=1))
    with qtbot.waitSignal(record.failed, timeout=WAIT) as caught:
        worker.start()
    assert caught.args[0] == 1
    assert "it ended, with code 7, while it starts" in caught.args[1]
    worker.submit(Script(job_id=2))  # the second stillborn is for this one
    until_ended(qtbot, record, 2)
    worker.submit(Script(job_id=3))
    until_ended(qtbot, record, 3)
    assert record.ends() == [("failed", 1), ("failed", 2), ("finished", 3)]
    assert record.said.count(("engine", "starting")) == 3


def test_where_a_dead_engine_cannot_be_started_again_the_last_word_is_true(
    make_worker: Callable[..., Worker], qtbot: QtBot
) -> None:
    worker = make_worker(Starts(scripted, refused))
    record = Record(worker)
    worker.start()
    worker.submit(Die(job_id=1))
    worker.submit(Script(job_id=2))
    until_ended(qtbot, record, 2)
    assert record.ends() == [("failed", 1), ("failed", 2)]
    assert "ended with code 3 during" in next(e[3] for e in record.said if e[0] == "failed")
    assert "cannot be started" in record.said[-1][2]


@pytest.mark.parametrize("job", [Until, Hang])
def test_stopping_while_busy_leaves_no_thread_and_no_process(
    qtbot: QtBot, job: type[Script]
) -> None:
    threads = threading.active_count()
    worker = Worker(scripted)
    record = Record(worker)
    worker.start()
    begin(qtbot, worker, record, job(job_id=1))
    worker.submit(Script(job_id=2))
    worker.stop()
    assert worker.engine_pid is None
    assert not worker._thread.isRunning()
    assert engines() == []
    assert threading.active_count() == threads
    worker.stop()  # again: nothing happens
    worker.cancel(1)
    qtbot.wait(50)
    assert record.ends() == []


@pytest.mark.parametrize("connect", [scripted, refused])
def test_stopping_at_once_or_without_a_start(connect: Callable[[], EngineLink]) -> None:
    never_started = Worker(connect)
    never_started.stop()
    worker = Worker(connect)
    worker.start()
    worker.stop()
    assert engines() == []


def test_jobs_may_be_submitted_and_cancelled_from_any_thread(
    worker: Worker, record: Record, qtbot: QtBot
) -> None:
    def submit() -> None:
        for _ in range(10):
            job = Script(job_id=worker.next_id())
            worker.submit(job)
            if job.job_id % 3 == 0:
                worker.cancel(job.job_id)

    worker.start()
    threads = [threading.Thread(target=submit) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until_ended(qtbot, record, 30)
    assert sorted(job for _, job in record.ends()) == list(range(1, 31))
    started = [job for _, job in record.kinds("started")]
    finished = [job for kind, job in record.ends() if kind == "finished"]
    assert [job for job in started if job in finished] == finished
    assert {job for job in range(1, 31) if job % 3} <= set(finished)


# ---- with a model -----------------------------------------------------------------------------


@pytest.fixture
def source(tiny_data: Callable[..., Path]) -> FolderRef:
    return FolderRef(tiny_data(samples=8))


def test_jobs_of_a_model_tell_of_themselves(
    make_worker: Callable[..., Worker], source: FolderRef, qtbot: QtBot
) -> None:
    worker = make_worker(partial(ProcessLink, "cpu"))
    record = Record(worker)
    open_job = OpenData(job_id=worker.next_id(), folder=source)
    load_job = LoadModel(job_id=worker.next_id(), folder=source, model="tiny")
    draw_job = Generate(
        job_id=worker.next_id(),
        folder=source,
        spec=MapSpec("tiny", ("midblock",)),
        interventions=mean_of_samples((1,)),
        condition=from_choice(0),
        settings=SamplingSettings(num_steps=2, noise_mode="fixed", seed=1),
    )
    bad_job = LoadModel(job_id=worker.next_id(), folder=source, model="nobody")
    for job in (open_job, load_job, draw_job, bad_job):  # before there is an engine
        worker.submit(job)
    with qtbot.waitSignal(record.failed, timeout=WAIT) as failed:
        worker.start()
    ids = [job.job_id for job in (open_job, load_job, draw_job, bad_job)]
    assert ids == [1, 2, 3, 4]
    assert record.kinds("started", "finished", "failed") == [
        ("started", 1),
        ("finished", 1),
        ("started", 2),
        ("finished", 2),
        ("started", 3),
        ("finished", 3),
        ("started", 4),
        ("failed", 4),
    ]
    _, sentence, details = failed.args
    assert sentence.endswith("Models there: tiny.")
    assert "Traceback" in details
    assert record.kinds("engine") == [
        ("engine", "starting"),
        ("engine", "ready"),
        *[("engine", "working"), ("engine", "ready")] * 4,
    ]
    # a run tells of its beginning, its steps and its end, in this order
    told = [type(entry[1]).__name__ if entry[0] == "event" else entry[0] for entry in record.said]
    run = told[told.index("RunStarted") : told.index("failed")]
    assert [kind for kind in run if kind not in ("Progress", "engine")] == [
        "RunStarted",
        "StepDone",
        "StepDone",
        "finished",
        "started",
    ]
    assert [event.job_id for event in record.events(RunStarted)] == [3]
    assert {event.job_id for event in record.events(Progress)} <= {1, 2, 3, 4}
    results = {entry[1]: entry[2] for entry in record.said if entry[0] == "finished"}
    steps = [event.step for event in record.events(StepDone)]
    assert [step.xy for step in steps] == [step.xy for step in results[3].steps]


def test_waiting_jobs_are_put_into_another_order(
    worker: Worker, record: Record, qtbot: QtBot
) -> None:
    for job_id in (1, 2, 3, 4):
        worker.submit(Script(job_id=job_id))
    worker.reorder([4, 1000, 2])  # what is not named comes after, in its order
    worker.start()
    until_ended(qtbot, record, 4)
    assert [job_id for _, job_id in record.kinds("started")] == [4, 2, 1, 3]
    worker.reorder([1, 2])  # too late
    worker.submit(Script(job_id=5))
    until_ended(qtbot, record, 5)
