"""The worker: a queue, a thread and an engine process that the window's side talks to."""

from __future__ import annotations

import errno
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from PySide6.QtCore import QObject, QThread, Signal
from pytestqt.qtbot import QtBot

from diffviews_desktop.engine import pump as worker_module
from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.engine.jobs.opening import LoadModel, OpenData
from diffviews_desktop.engine.protocol import Event, Progress, RunStarted, StepDone
from diffviews_desktop.engine.pump import Worker
from diffviews_desktop.values.folders import Source
from diffviews_desktop.values.sampling import GenerateSettings

QUICK = GenerateSettings(num_steps=2, mask_steps=2, noise_mode="fixed", seed=1)
ENDLESS = replace(QUICK, num_steps=100_000)
WAIT = 60_000


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


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker("cpu")
    yield worker
    worker.stop()


@pytest.fixture
def record(worker: Worker) -> Record:
    return Record(worker)


@pytest.fixture
def source(tiny_data: Callable[..., Path]) -> Source:
    return Source(tiny_data(samples=8))


def generate(
    worker: Worker, source: Source, settings: GenerateSettings = QUICK, model: str = "tiny"
) -> Generate:
    return Generate(
        job_id=worker.next_id(),
        source=source,
        model=model,
        layers=("midblock",),
        rows=(1,),
        class_choice=0,
        settings=settings,
    )


def engines() -> list[psutil.Process]:
    """Child processes, but for the one that `multiprocessing` keeps for itself."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "resource_tracker" not in " ".join(child.cmdline())]


def test_jobs_run_one_after_the_other_and_tell_of_themselves(
    worker: Worker, record: Record, source: Source, qtbot: QtBot
) -> None:
    open_job = OpenData(job_id=worker.next_id(), source=source)
    load_job = LoadModel(job_id=worker.next_id(), source=source, model="tiny")
    draw_job = generate(worker, source)
    bad_job = LoadModel(job_id=worker.next_id(), source=source, model="nobody")
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


def test_cancel_of_a_waiting_and_of_a_running_job(
    worker: Worker, record: Record, source: Source, qtbot: QtBot
) -> None:
    worker.start()
    running = generate(worker, source, ENDLESS)
    waiting = generate(worker, source)
    last = generate(worker, source)
    for job in (running, waiting, last):
        worker.submit(job)
    qtbot.waitUntil(lambda: bool(record.events(StepDone)), timeout=WAIT)
    pid = worker.engine_pid
    worker.cancel(waiting.job_id)
    qtbot.waitUntil(lambda: len(record.ends()) == 1, timeout=WAIT)
    with qtbot.waitSignal(record.finished, timeout=WAIT):
        worker.cancel(running.job_id)
        worker.cancel(running.job_id)  # impatience does no harm
    assert record.ends() == [("cancelled", 2), ("cancelled", 1), ("finished", 3)]
    assert record.kinds("started") == [("started", 1), ("started", 3)]
    assert worker.engine_pid == pid  # it heard: no need to end it
    worker.cancel(last.job_id)  # too late
    worker.cancel(1000)  # never there
    with qtbot.waitSignal(record.finished, timeout=WAIT):
        worker.submit(generate(worker, source))
    assert len(record.ends()) == 4
    # nothing of a cancelled run is told after its end
    position = record.said.index(("cancelled", 1))
    late = [entry[1].job_id for entry in record.said[position:] if entry[0] == "event"]
    assert 1 not in late


def test_an_engine_that_dies_in_a_job_is_started_again(
    worker: Worker, record: Record, source: Source, qtbot: QtBot
) -> None:
    worker.start()
    worker.submit(generate(worker, source, ENDLESS))
    worker.submit(OpenData(job_id=worker.next_id(), source=source))
    qtbot.waitUntil(lambda: bool(record.events(StepDone)), timeout=WAIT)
    first = worker.engine_pid
    assert first is not None
    with qtbot.waitSignal(record.finished, timeout=WAIT):
        psutil.Process(first).kill()
    assert record.ends() == [("failed", 1), ("finished", 2)]
    sentence = next(entry[2] for entry in record.said if entry[0] == "failed")
    assert sentence.startswith("The engine stopped unexpectedly; it is started again.")
    assert ("engine", "stopped") in record.said
    assert worker.engine_pid not in (None, first)
    assert [child.pid for child in engines()] == [worker.engine_pid]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP")
def test_an_engine_that_does_not_hear_a_cancel_is_ended(
    worker: Worker,
    record: Record,
    source: Source,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_module, "CANCEL_GRACE_SECONDS", 0.3)
    worker.start()
    qtbot.waitUntil(lambda: ("engine", "ready") in record.said, timeout=WAIT)
    first = worker.engine_pid
    assert first is not None
    job = OpenData(job_id=worker.next_id(), source=source)
    psutil.Process(first).suspend()  # as deaf as in a call that never returns
    worker.submit(job)
    qtbot.waitUntil(lambda: ("started", job.job_id) in record.said, timeout=WAIT)
    with qtbot.waitSignal(record.cancelled, timeout=WAIT):
        worker.cancel(job.job_id)
    with qtbot.waitSignal(record.finished, timeout=WAIT):
        worker.submit(OpenData(job_id=worker.next_id(), source=source))
    assert record.ends() == [("cancelled", 1), ("finished", 2)]
    assert not psutil.pid_exists(first)


def test_an_idle_engine_that_dies_is_started_again(
    worker: Worker, record: Record, source: Source, qtbot: QtBot
) -> None:
    worker.start()
    qtbot.waitUntil(lambda: ("engine", "ready") in record.said, timeout=WAIT)
    assert worker.engine_pid is not None
    psutil.Process(worker.engine_pid).kill()
    qtbot.waitUntil(lambda: record.said.count(("engine", "ready")) == 2, timeout=WAIT)
    assert record.ends() == []  # nothing was lost, so nothing failed


def test_where_no_engine_can_be_started_jobs_fail_and_the_next_tries_again(
    worker: Worker, record: Record, source: Source, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, refused = worker_module.EngineProcess, threading.Event()
    refused.set()

    def start(*arguments: Any) -> Any:
        if refused.is_set():
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        return real(*arguments)

    monkeypatch.setattr(worker_module, "EngineProcess", start)
    worker.submit(OpenData(job_id=1, source=source))
    with qtbot.waitSignal(record.failed, timeout=WAIT) as caught:
        worker.start()
    assert caught.args[0] == 1
    assert "Resource temporarily unavailable" in caught.args[1]
    assert "Close other programs" in caught.args[1]
    assert worker.engine_pid is None
    with qtbot.waitSignal(record.failed, timeout=WAIT) as caught:
        worker.submit(OpenData(job_id=2, source=source))
    assert caught.args[0] == 2
    refused.clear()
    with qtbot.waitSignal(record.finished, timeout=WAIT) as caught:
        worker.submit(OpenData(job_id=3, source=source))
    assert caught.args[0] == 3


def test_an_engine_that_dies_while_it_starts_fails_what_waits_and_is_not_started_for_nothing(
    worker: Worker, record: Record, source: Source, qtbot: QtBot
) -> None:
    worker.submit(OpenData(job_id=1, source=source))
    with qtbot.waitSignal(record.failed, timeout=WAIT) as caught:
        worker.start()
        qtbot.waitUntil(lambda: worker.engine_pid is not None, timeout=WAIT)
        psutil.Process(worker.engine_pid).kill()
    assert caught.args[0] == 1
    assert "it ended, with code -9, while it starts" in caught.args[1]
    starts = record.said.count(("engine", "starting"))
    qtbot.wait(1000)
    assert record.said.count(("engine", "starting")) == starts
    with qtbot.waitSignal(record.finished, timeout=WAIT):
        worker.submit(OpenData(job_id=2, source=source))
    assert record.ends() == [("failed", 1), ("finished", 2)]


def test_where_a_dead_engine_cannot_be_started_again_the_last_word_is_true(
    worker: Worker, record: Record, source: Source, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.start()
    worker.submit(generate(worker, source, ENDLESS))
    worker.submit(OpenData(job_id=worker.next_id(), source=source))
    qtbot.waitUntil(lambda: bool(record.events(StepDone)), timeout=WAIT)

    def refuse(*_: Any) -> Any:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(worker_module, "EngineProcess", refuse)
    assert worker.engine_pid is not None
    psutil.Process(worker.engine_pid).kill()
    qtbot.waitUntil(lambda: len(record.ends()) == 2, timeout=WAIT)
    assert record.ends() == [("failed", 1), ("failed", 2)]
    assert "cannot be started" in record.said[-1][2]


def test_stopping_while_busy_leaves_no_thread_and_no_process(source: Source, qtbot: QtBot) -> None:
    threads = threading.active_count()
    worker = Worker("cpu")
    record = Record(worker)
    worker.start()
    worker.submit(generate(worker, source, ENDLESS))
    worker.submit(generate(worker, source))
    qtbot.waitUntil(lambda: bool(record.events(StepDone)), timeout=WAIT)
    began = time.monotonic()
    worker.stop()
    assert time.monotonic() - began < 4
    assert worker.engine_pid is None
    assert not worker._thread.isRunning()
    assert engines() == []
    assert threading.active_count() == threads
    worker.stop()  # again: nothing happens
    worker.cancel(1)
    qtbot.wait(50)
    assert record.ends() == []


def test_stopping_at_once_or_without_a_start(qtbot: QtBot) -> None:
    never_started = Worker("cpu")
    never_started.stop()
    worker = Worker("cpu")
    worker.start()
    worker.stop()
    assert engines() == []


def test_jobs_may_be_submitted_and_cancelled_from_any_thread(
    worker: Worker, record: Record, source: Source, qtbot: QtBot
) -> None:
    def submit() -> None:
        for _ in range(10):
            job = OpenData(job_id=worker.next_id(), source=source)
            worker.submit(job)
            if job.job_id % 3 == 0:
                worker.cancel(job.job_id)

    worker.start()
    threads = [threading.Thread(target=submit) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    qtbot.waitUntil(lambda: len(record.ends()) == 30, timeout=WAIT)
    assert sorted(job for _, job in record.ends()) == list(range(1, 31))
    started = [job for _, job in record.kinds("started")]
    finished = [job for kind, job in record.ends() if kind == "finished"]
    assert [job for job in started if job in finished] == finished
    assert {job for job in range(1, 31) if job % 3} <= set(finished)
