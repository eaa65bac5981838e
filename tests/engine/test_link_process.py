"""The engine in a spawned child, driven by hand; mostly one without a model, which starts fast."""

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
from scripted_engine import ENGINE, Die, Hang, ListModules, Script, TellThreads, Until

from diffviews_desktop.engine.jobs.drawing import Generate, RunResult
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.jobs.opening import DataOpened, LoadModel, OpenData
from diffviews_desktop.engine.link_process import ProcessLink
from diffviews_desktop.engine.protocol import (
    Failed,
    Finished,
    Job,
    Message,
    Progress,
    Ready,
    RunStarted,
    StepDone,
)
from diffviews_desktop.engine.serving import THREADS
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.told import OWN_CONDITION

SETTINGS = SamplingSettings(num_steps=3, noise_mode="fixed", seed=1)
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")


ids = itertools.count(1)


def start(log_file: Path | None = None, **options: Any) -> ProcessLink:
    child = ProcessLink("cpu", log_file, **options)
    assert isinstance(child.next(), Ready)
    return child


@pytest.fixture
def child() -> Iterator[ProcessLink]:
    """A child without a model."""
    child = start(engine=ENGINE)
    yield child
    child.close()


@pytest.fixture
def source(tiny_data: Callable[..., Path]) -> FolderRef:
    """A tiny model whose default map needs no layout."""
    return FolderRef(tiny_data(samples=8))


def answer(child: ProcessLink, job: Job[Any]) -> tuple[Message | None, list[Message | None]]:
    """Have a job done; its last message and the events before it."""
    child.submit(job)
    messages: list[Message | None] = []
    while not messages or isinstance(messages[-1], Progress | StepDone | RunStarted):
        messages.append(child.next())
    return messages[-1], messages[:-1]


def begin(child: ProcessLink, job: Script) -> None:
    """Have a job begun."""
    child.submit(job)
    assert child.next() == Progress(job.job_id, "began")


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_for_beat(child: ProcessLink) -> None:
    """Wait until the child's heart has beaten once more."""
    before = child._beat.value
    while child._beat.value == before:
        time.sleep(0.01)


# ---- the child --------------------------------------------------------------------------------


def test_neither_side_imports_what_only_an_engine_with_a_model_needs(child: ProcessLink) -> None:
    last, _ = answer(child, ListModules(job_id=1))
    assert isinstance(last, Finished)
    there = {name.partition(".")[0] for name in last.result}
    assert "diffviews_desktop" in there
    assert not {"torch", "umap", "numba", "sklearn", "scipy", "pandas"} & there
    assert "diffviews_desktop.engine.engine" not in last.result


def test_the_memory_told_is_that_of_the_child(child: ProcessLink) -> None:
    last, _ = answer(child, Script(job_id=1))
    assert isinstance(last, Finished)
    resident = psutil.Process(child.pid).memory_info().rss
    assert 0.5 * resident < last.memory < 2 * resident
    assert child.pid != os.getpid()


@posix
def test_ctrl_c_is_not_for_the_child(child: ProcessLink) -> None:
    os.kill(child.pid, signal.SIGINT)
    last, _ = answer(child, Script(job_id=1))
    assert isinstance(last, Finished)


@pytest.mark.parametrize("busy", [False, True])
def test_the_child_beats_while_it_is_idle_and_while_it_works(
    child: ProcessLink, busy: bool
) -> None:
    if busy:
        begin(child, Hang(job_id=1))
    before = time.monotonic()
    for _ in range(2):  # the first may have been on its way
        wait_for_beat(child)
    silent = child.silent_for()
    assert silent < time.monotonic() - before


@posix
def test_a_killed_child_is_noticed(child: ProcessLink) -> None:
    begin(child, Until(job_id=1))
    os.kill(child.pid, signal.SIGKILL)
    while child.alive:
        assert child.next() is None
    assert child.exit_code == -signal.SIGKILL
    assert child.next() is None
    with pytest.raises(BrokenPipeError):
        child.submit(Script(job_id=2))


def test_a_child_that_ends_in_a_job_is_noticed(child: ProcessLink) -> None:
    child.submit(Die(job_id=1))
    while child.alive:
        assert child.next() is None
    assert child.exit_code == 3


@pytest.mark.parametrize("job", [None, Until, Hang])
def test_closing_leaves_no_process(child: ProcessLink, job: type[Script] | None) -> None:
    if job is not None:
        begin(child, job(job_id=1))
    child.close(grace=60 if job is None else 0.0)
    assert not psutil.pid_exists(child.pid)
    child.close()  # again: nothing happens


PARENT = """
import sys, time
sys.path.append(sys.argv[1])
from scripted_engine import ENGINE, Hang
from diffviews_desktop.engine.link_process import ProcessLink
if __name__ == "__main__":
    child = ProcessLink("cpu", engine=ENGINE)
    child.next()
    if sys.argv[2] == "busy":
        child.submit(Hang(job_id=1))
        child.next()
    print(child.pid, flush=True)
    time.sleep(1000)
"""


@pytest.mark.parametrize(("asked", "used"), [(0, THREADS), (3, 3)])
def test_the_engine_uses_the_threads_that_were_asked_for(asked: int, used: int) -> None:
    child = start(engine=ENGINE, threads=asked)
    message, _ = answer(child, TellThreads(job_id=1))
    assert isinstance(message, Finished)
    assert message.result == str(used)
    child.close()


@posix
@pytest.mark.parametrize("state", ["idle", "busy"])
def test_the_child_ends_when_its_parent_is_killed(tmp_path: Path, state: str) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    here = str(Path(__file__).parent)
    parent = subprocess.Popen(
        [sys.executable, str(script), here, state], stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not is_gone(pid)
        parent.kill()
        # the child writes to the same pipe, which ends with the last who could
        assert parent.stdout.read() == ""
    while not is_gone(pid):
        time.sleep(0.01)


# ---- with a model -----------------------------------------------------------------------------


def test_jobs_events_results_and_failures_of_a_model(source: FolderRef, tmp_path: Path) -> None:
    log_file = tmp_path / "new folder" / "engine.log"
    child = start(log_file)
    opening = OpenData(job_id=next(ids), folder=source)
    last, _ = answer(child, opening)
    assert isinstance(last, Finished)
    assert last.job_id == opening.job_id
    assert isinstance(last.result, DataOpened)
    assert last.result.layer_map is not None
    assert last.result.layer_map.xy.shape == (8, 2)

    job = Generate(
        job_id=next(ids),
        folder=source,
        spec=MapSpec("tiny", ("midblock",)),
        interventions=mean_of_samples((1, 2)),
        condition=from_choice(0),
        settings=SETTINGS,
    )
    last, events = answer(child, job)
    assert isinstance(last, Finished)
    assert isinstance(last.result, RunResult)
    assert {event.job_id for event in events} == {job.job_id}
    steps = [event.step for event in events if isinstance(event, StepDone)]
    assert [step.index for step in steps] == [0, 1, 2]
    for sent, kept in zip(steps, last.result.steps, strict=True):
        np.testing.assert_array_equal(sent.image, kept.image)
        assert (sent.xy, sent.imposed_xy) == (kept.xy, kept.imposed_xy)
    assert last.result.job == replace(job, spec=replace(job.spec, told=OWN_CONDITION))
    stages = [event.stage for event in events if isinstance(event, Progress)]
    assert stages[0] == "loading the model"
    assert stages[-1] == "generating"

    wrong = LoadModel(job_id=next(ids), folder=source, model="nobody")
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
    child.close()


@posix
def test_stopping_in_the_middle_of_a_map_leaves_nothing_half_written(
    tiny_data: Callable[..., Path],
) -> None:
    child, data = start(), tiny_data(samples=400)
    child.submit(
        MapLayer(job_id=1, folder=FolderRef(data), spec=MapSpec("tiny", ("decoder_block_6",)))
    )
    message = child.next()
    while not (isinstance(message, Progress) and message.stage == "extracting"):
        message = child.next()
    cache = data / "tiny/embeddings/layer_cache"
    assert list(cache.glob(".*")), "nothing is being written"
    child.close(grace=0.0)
    assert list(cache.iterdir()) == []
