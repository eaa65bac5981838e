"""The engine in a spawned child, driven by hand."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.jobs.opening import DataOpened, LoadModel, OpenData
from diffviews_desktop.engine.link_process import (
    EngineProcess,
    Failed,
    Finished,
    Message,
    Ready,
    WasCancelled,
)
from diffviews_desktop.engine.protocol import Progress, RunStarted, StepDone
from diffviews_desktop.values.folders import Source
from diffviews_desktop.values.sampling import GenerateSettings

SETTINGS = GenerateSettings(num_steps=3, mask_steps=3, noise_mode="fixed", seed=1)
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")


ids = itertools.count(1)


def start(log_file: Path | None = None) -> EngineProcess:
    child = EngineProcess("cpu", log_file)
    assert isinstance(receive(child), Ready)
    return child


@pytest.fixture(scope="module")
def log_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "new folder" / "engine.log"


@pytest.fixture(scope="module")
def child(log_file: Path) -> Iterator[EngineProcess]:
    """One child for the tests that leave it well."""
    child = start(log_file)
    yield child
    child.stop()


@pytest.fixture
def doomed() -> Iterator[EngineProcess]:
    """A child for a test that does it harm."""
    child = start()
    yield child
    child.stop()


@pytest.fixture
def source(tiny_data: Callable[..., Path]) -> Source:
    """A tiny model whose default map needs no layout."""
    return Source(tiny_data(samples=8))


def receive(child: EngineProcess, seconds: float = 60) -> Message | None:
    assert child.connection.poll(seconds), "the engine said nothing"
    return child.receive()


def answer(child: EngineProcess, job: Any) -> tuple[Message | None, list[Message | None]]:
    """Have a job done; its last message and the events before it."""
    child.submit(job)
    messages: list[Message | None] = []
    while not messages or isinstance(messages[-1], Progress | StepDone | RunStarted):
        messages.append(receive(child))
    return messages[-1], messages[:-1]


def wait_until_gone(pid: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.05)


def start_extracting(child: EngineProcess, data: Path) -> Path:
    """Begin the map of a large layer; the cache folder that it writes to."""
    job = MapLayer(job_id=1, source=Source(data), model="tiny", layers=("decoder_block_6",))
    child.submit(job)
    message = receive(child)
    while not (isinstance(message, Progress) and message.stage == "extracting"):
        message = receive(child)
    cache = data / "tiny/embeddings/layer_cache"
    assert list(cache.glob(".*")), "nothing is being written"
    return cache


def long_run(source: Source) -> Generate:
    """A job that would take minutes."""
    return Generate(
        job_id=next(ids),
        source=source,
        model="tiny",
        layers=("midblock",),
        rows=(1, 2),
        class_choice=0,
        settings=replace(SETTINGS, num_steps=100_000, mask_steps=2),
    )


def test_jobs_events_results_and_failures(
    child: EngineProcess, source: Source, log_file: Path
) -> None:
    opening = OpenData(job_id=next(ids), source=source)
    last, _ = answer(child, opening)
    assert isinstance(last, Finished)
    assert last.job_id == opening.job_id
    assert isinstance(last.result, DataOpened)
    assert last.result.layer_map is not None
    assert last.result.layer_map.xy.shape == (8, 2)
    resident = psutil.Process(child.pid).memory_info().rss
    assert 0.5 * resident < last.memory < 2 * resident

    job = replace(long_run(source), settings=SETTINGS)
    last, events = answer(child, job)
    assert isinstance(last, Finished)
    assert {event.job_id for event in events} == {job.job_id}
    steps = [event.step for event in events if isinstance(event, StepDone)]
    assert [step.index for step in steps] == [0, 1, 2]
    for sent, kept in zip(steps, last.result.steps, strict=True):
        np.testing.assert_array_equal(sent.image, kept.image)
        assert (sent.xy, sent.imposed_xy) == (kept.xy, kept.imposed_xy)
    assert last.result.job == job
    stages = [event.stage for event in events if isinstance(event, Progress)]
    assert stages[0] == "loading the model"
    assert stages[-1] == "generating"

    wrong = LoadModel(job_id=next(ids), source=source, model="nobody")
    last, _ = answer(child, wrong)
    assert isinstance(last, Failed)
    assert last.job_id == wrong.job_id
    assert last.message.endswith("Models there: tiny.")
    assert "Traceback" in last.details
    assert "DataError" in last.details

    odd: Any = replace(job, job_id=next(ids), settings=None)  # nobody foresees that
    last, _ = answer(child, odd)
    assert isinstance(last, Failed)
    assert last.message.startswith("Something unexpected happened (")
    assert "Traceback" in last.details
    log = log_file.read_text()
    assert "nobody" in log
    assert "unexpected error" in log
    assert "diffviews-engine" in log
    # and it goes on
    last, _ = answer(child, replace(job, job_id=next(ids)))
    assert isinstance(last, Finished)


def test_a_cancel_ends_the_job_it_names_and_no_other(child: EngineProcess, source: Source) -> None:
    job = long_run(source)
    child.submit(job)
    while not isinstance(receive(child), StepDone):
        pass
    child.cancel(job.job_id)
    message = receive(child)
    while isinstance(message, Progress | StepDone):
        message = receive(child)
    assert message == WasCancelled(job.job_id)
    # the flag still names that job
    last, _ = answer(child, replace(job, job_id=next(ids), settings=SETTINGS))
    assert isinstance(last, Finished)
    # a cancel of a job to come is heard when it comes
    coming = OpenData(job_id=next(ids), source=source)
    child.cancel(coming.job_id)
    assert answer(child, coming) == (WasCancelled(coming.job_id), [])


@posix
def test_ctrl_c_is_not_for_the_child(child: EngineProcess, source: Source) -> None:
    os.kill(child.pid, signal.SIGINT)
    last, _ = answer(child, OpenData(job_id=next(ids), source=source))
    assert isinstance(last, Finished)


def test_the_child_beats_while_it_is_idle_and_while_it_works(
    child: EngineProcess, source: Source
) -> None:
    time.sleep(0.7)
    assert child.silent_for() < 0.7 + 0.5
    job = long_run(source)
    child.submit(job)
    while not isinstance(receive(child), StepDone):
        pass
    began = time.monotonic()
    while child._beat.value < began + 1.0:
        assert receive(child) is not None
        assert time.monotonic() < began + 10
    child.cancel(job.job_id)
    while not isinstance(receive(child), WasCancelled):
        pass


@posix
def test_a_killed_child_is_noticed(doomed: EngineProcess, source: Source) -> None:
    doomed.submit(long_run(source))
    while not isinstance(receive(doomed), StepDone):
        pass
    os.kill(doomed.pid, signal.SIGKILL)
    message: Message | None = Ready()
    while message is not None:
        message = receive(doomed)
    doomed._process.join(5)
    assert not doomed.alive
    assert doomed.exit_code == -signal.SIGKILL
    assert doomed.receive() is None
    with pytest.raises(BrokenPipeError):
        doomed.submit(OpenData(job_id=next(ids), source=source))


@pytest.mark.parametrize("busy", [False, True])
def test_stop_leaves_no_process(source: Source, busy: bool) -> None:
    child = start()
    pid = child.pid
    if busy:
        child.submit(long_run(source))
        while not isinstance(receive(child), StepDone):
            pass
    began = time.monotonic()
    child.stop(grace=0.0 if busy else 5.0)
    assert time.monotonic() - began < 4
    assert not psutil.pid_exists(pid)


@posix
def test_stopping_in_the_middle_of_a_map_leaves_nothing_half_written(
    tiny_data: Callable[..., Path],
) -> None:
    child = start()
    cache = start_extracting(child, tiny_data(samples=400))
    child.stop(grace=0.0)
    assert list(cache.iterdir()) == []


PARENT = """
import sys, time
from pathlib import Path
from diffviews_desktop.engine.jobs import *
from diffviews_desktop.engine.link_process import EngineProcess, Ready
if __name__ == "__main__":
    child = EngineProcess("cpu")
    assert isinstance(child.receive(), Ready)
    if sys.argv[2:] == ["busy"]:
        child.submit(Generate(job_id=1, source=Source(Path(sys.argv[1])), model="tiny",
                     layers=("midblock",), rows=(1,), class_choice=0,
                     settings=GenerateSettings(num_steps=100_000)))
        while not isinstance(child.receive(), StepDone):
            pass
    print(child.pid, flush=True)
    time.sleep(100)
"""


@posix
@pytest.mark.parametrize("state", ["idle", "busy"])
def test_the_child_ends_when_its_parent_is_killed(
    tmp_path: Path, source: Source, state: str
) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(script), str(source.path), state], stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.kill()
    wait_until_gone(pid, 5)
