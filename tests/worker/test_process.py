"""The engine in a spawned child, driven by hand."""

from __future__ import annotations

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

from diffviews_desktop.worker.jobs import (
    DataOpened,
    Generate,
    GenerateSettings,
    LoadModel,
    MapLayer,
    OpenData,
    Progress,
    RunStarted,
    Source,
    StepDone,
)
from diffviews_desktop.worker.process import (
    EngineProcess,
    Failed,
    Finished,
    Message,
    Ready,
    WasCancelled,
)

SETTINGS = GenerateSettings(num_steps=3, mask_steps=3, noise_mode="fixed", seed=1)
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@pytest.fixture
def child(tmp_path: Path) -> Iterator[EngineProcess]:
    child = EngineProcess("cpu", tmp_path / "log" / "engine.log")
    assert isinstance(receive(child), Ready)
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


def long_run(source: Source, job_id: int) -> Generate:
    """A job that would take minutes."""
    return Generate(
        job_id=job_id,
        source=source,
        model="tiny",
        layers=("midblock",),
        rows=(1, 2),
        class_choice=0,
        settings=replace(SETTINGS, num_steps=100_000, mask_steps=2),
    )


def test_jobs_events_results_and_failures(
    child: EngineProcess, source: Source, tmp_path: Path
) -> None:
    last, _ = answer(child, OpenData(job_id=1, source=source))
    assert isinstance(last, Finished)
    assert last.job_id == 1
    assert isinstance(last.result, DataOpened)
    assert last.result.layer_map is not None
    assert last.result.layer_map.xy.shape == (8, 2)
    resident = psutil.Process(child.pid).memory_info().rss
    assert 0.5 * resident < last.memory < 2 * resident

    job = replace(long_run(source, 2), settings=SETTINGS)
    last, events = answer(child, job)
    assert isinstance(last, Finished)
    assert {event.job_id for event in events} == {2}
    steps = [event.step for event in events if isinstance(event, StepDone)]
    assert [step.index for step in steps] == [0, 1, 2]
    for sent, kept in zip(steps, last.result.steps, strict=True):
        np.testing.assert_array_equal(sent.image, kept.image)
        assert (sent.xy, sent.imposed_xy) == (kept.xy, kept.imposed_xy)
    assert last.result.job == job
    stages = [event.stage for event in events if isinstance(event, Progress)]
    assert stages[0] == "loading the model"
    assert stages[-1] == "generating"

    last, _ = answer(child, LoadModel(job_id=3, source=source, model="nobody"))
    assert isinstance(last, Failed)
    assert last.job_id == 3
    assert last.message.endswith("Models there: tiny.")
    assert "Traceback" in last.details
    assert "DataError" in last.details

    last, _ = answer(child, replace(job, job_id=4, settings=None))  # nobody foresees that
    assert isinstance(last, Failed)
    assert last.message.startswith("Something unexpected happened (")
    assert "Traceback" in last.details
    log = (tmp_path / "log" / "engine.log").read_text()
    assert "nobody" in log
    assert "unexpected error" in log
    assert "diffviews-engine" in log
    # and it goes on
    last, _ = answer(child, replace(job, job_id=5))
    assert isinstance(last, Finished)


def test_a_cancel_ends_the_job_it_names_and_no_other(child: EngineProcess, source: Source) -> None:
    child.submit(long_run(source, 1))
    while not isinstance(receive(child), StepDone):
        pass
    child.cancel(1)
    message = receive(child)
    while isinstance(message, Progress | StepDone):
        message = receive(child)
    assert message == WasCancelled(1)
    # the flag still names job 1
    last, _ = answer(child, replace(long_run(source, 2), settings=SETTINGS))
    assert isinstance(last, Finished)
    # a cancel of a job to come is heard when it comes
    child.cancel(3)
    last, events = answer(child, OpenData(job_id=3, source=source))
    assert (last, events) == (WasCancelled(3), [])


@posix
def test_a_killed_child_is_noticed(child: EngineProcess, source: Source) -> None:
    child.submit(long_run(source, 1))
    while not isinstance(receive(child), StepDone):
        pass
    os.kill(child.pid, signal.SIGKILL)
    message: Message | None = Ready()
    while message is not None:
        message = receive(child)
    child._process.join(5)
    assert not child.alive
    assert child.exit_code == -signal.SIGKILL
    assert child.receive() is None
    with pytest.raises(BrokenPipeError):
        for _ in range(3):
            child.submit(OpenData(job_id=2, source=source))


@posix
def test_ctrl_c_is_not_for_the_child(child: EngineProcess, source: Source) -> None:
    os.kill(child.pid, signal.SIGINT)
    last, _ = answer(child, OpenData(job_id=1, source=source))
    assert isinstance(last, Finished)


def test_the_child_beats_while_it_is_idle_and_while_it_works(
    child: EngineProcess, source: Source
) -> None:
    time.sleep(1.2)
    assert child.silent_for() < 1.1
    child.submit(long_run(source, 1))
    while not isinstance(receive(child), StepDone):
        pass
    time.sleep(1.2)
    assert child.silent_for() < 1.1


@pytest.mark.parametrize("busy", [False, True])
def test_stop_leaves_no_process(tmp_path: Path, source: Source, busy: bool) -> None:
    child = EngineProcess("cpu")
    pid = child.pid
    assert isinstance(receive(child), Ready)
    if busy:
        child.submit(long_run(source, 1))
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
    child = EngineProcess("cpu")
    assert isinstance(receive(child), Ready)
    cache = start_extracting(child, tiny_data(samples=400))
    child.stop(grace=0.0)
    assert list(cache.iterdir()) == []


PARENT = """
import sys, time
from pathlib import Path
from diffviews_desktop.worker.jobs import *
from diffviews_desktop.worker.process import EngineProcess, Ready
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
