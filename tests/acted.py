"""A session on which the tests act, and steps that many of them take."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from made_context import NoWindow, context_of
from made_runs import told

from diffviews_desktop.actions import (
    answers,
    maps,
    picks,
    runs,
)
from diffviews_desktop.engine.jobs.drawing import (
    Generate,
    RunResult,
)
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.jobs.opening import (
    DataOpened,
)
from diffviews_desktop.engine.protocol import Job, RunStarted, StepDone
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.opened import Opened
from diffviews_desktop.state.runs import Runs
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.state import State
from diffviews_desktop.values.conditions import (
    from_choice,
)
from diffviews_desktop.values.folders import FolderRef, ModelSummary
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import LayerMap, MapSpec
from diffviews_desktop.values.runs import RunStep
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.sampling import SamplingSettings

N = 40


FOLDER = FolderRef(Path("data"))


SPEC = MapSpec("edm", LayerSet(["midblock"]))


EDM, DMD2 = SamplingSettings(num_steps=18, sigma_min=0.002), SamplingSettings()


AnyJob = TypeVar("AnyJob", bound=Job)


@dataclass
class Recorder:
    """A worker that notes what it is asked and does nothing."""

    submitted: list[Job] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    last_id: int = 0

    def next_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def submit(self, job: Job) -> None:
        self.submitted.append(job)

    def cancel(self, job_id: int) -> None:
        self.cancelled.append(job_id)

    def reorder(self, job_ids: Sequence[int]) -> None:
        self.order = list(job_ids)

    def only(self, kind: type[AnyJob]) -> AnyJob:
        """The one job of a kind that was submitted."""
        found = [job for job in self.submitted if isinstance(job, kind)]
        assert len(found) == 1
        return found[0]


def samples() -> SampleTable:
    labels = np.arange(N, dtype=np.int32) % 4
    labels[5] = -1
    return SampleTable(
        root=Path("data/edm"),
        sample_id=tuple(f"s{i}" for i in range(N)),
        class_label=labels,
        class_name=tuple(f"class {label}" for label in labels),
        image_path=("",) * N,
        sigma=np.ones(N, np.float32),
    )


def layer_map(layers: tuple[str, ...] = ("midblock",), *, model: str = "edm", **change: Any) -> Any:
    """On the map the samples lie on a line in order; in activation space in the opposite order,
    ever closer together, so that the two have other neighbours."""
    line = np.arange(N, dtype=np.float32)
    values = dict(
        model=model,
        layers=layers,
        xy=np.stack([1.1**line, np.zeros(N, np.float32)], axis=1),
        reduced=np.stack([0.9**line, np.zeros(N)], axis=1).astype(np.float32),
        from_cache=True,
        parameters={},
        path=Path("map"),
    )
    return LayerMap(**{**values, **change})


def opened_state() -> State:
    models = (ModelSummary("dmd2", "a", "", DMD2), ModelSummary("edm", "b", "", EDM))
    return State(
        opened=Opened(
            folder=FOLDER,
            path=Path("data"),
            models=models,
            model="edm",
            samples=samples(),
            default_layers=("midblock",),
            layer_map=layer_map(),
        ),
        runs=Runs(settings=EDM),
    )


def data_opened(model: str = "edm", path: str = "data", **change: Any) -> DataOpened:
    values = dict(
        folder=FolderRef(Path(path)),
        path=Path(path),
        is_demo=False,
        models=opened_state().opened.models,
        problems=(),
        model=model,
        samples=samples(),
        layer_map=layer_map(model=model),
        default_layers=("midblock",),
    )
    return DataOpened(**{**values, **change})


def step(index: int) -> RunStep:
    image = np.full((2, 2, 3), index, np.uint8)
    return RunStep(index, 80.0 / (index + 1), image, image, (0.0, float(index)), 0.1, None)


def finish(
    session: Session,
    worker: Recorder,
    job_id: int,
    result: Any,
    window: NoWindow | None = None,
) -> None:
    context = context_of(session, worker, window)
    answers.on_finished(context, job_id=job_id, result=result, memory=1000)


def add_job(session: Session, running: RunningJob) -> None:
    state = session.state
    session.update(replace(state, jobs=state.jobs.with_job(running)))


def click(session: Session, *rows: int) -> None:
    for row in rows:
        picks.click_point(context_of(session), row=row)


def generate(
    session: Session, worker: Recorder, choice: Any = "anchor", steps: int = 0
) -> Generate:
    """Start a run from whatever is picked, and let it do some steps."""
    condition = from_choice(choice)
    runs.generate_from_neighbors(context_of(session, worker), EDM, condition)
    job = worker.submitted[-1]
    assert isinstance(job, Generate)
    do_steps(session, job, steps)
    return job


def do_steps(session: Session, job: Job, count: int) -> None:
    record = session.state.runs.run(job.job_id)
    assert record is not None
    for index in range(len(record.steps), len(record.steps) + count):
        answers.on_event(context_of(session), event=StepDone(job.job_id, step(index)))


def said(session: Session) -> str:
    assert session.state.notice is not None
    return session.state.notice.text


def running(session: Session, job: Job) -> RunningJob:
    found = session.state.jobs.job(job.job_id)
    assert found is not None
    return found


def chosen(session: Session) -> list[int]:
    return list(session.state.picks.selection.chosen)


def change(session: Session, worker: Recorder, *layers: str) -> MapLayer:
    maps.change_layer(context_of(session, worker), layers=layers)
    job = worker.submitted[-1]
    assert isinstance(job, MapLayer)
    return job


def done(session: Session, worker: Recorder, steps: int) -> Generate:
    job = generate(session, worker, steps=steps)
    result = RunResult(job, told(0), 1, tuple(step(i) for i in range(steps)), "cpu")
    finish(session, worker, job.job_id, result)
    return job


def masked(
    session: Session, worker: Recorder, *, seed: int = 7, steps: int = 2, ends: bool = True
) -> Generate:
    """A run whose seed is chosen by the engine; the class is random, and turns out as 3."""
    job = generate(session, worker, "random")
    answers.on_event(context_of(session, worker), event=RunStarted(job.job_id, seed, told(3), 5))
    do_steps(session, job, steps)
    if ends:
        drawn(session, worker, job, seed)
    return job


def drawn(session: Session, worker: Recorder, job: Generate, seed: int) -> RunResult:
    result = RunResult(job, told(3), seed, (step(0), step(1)), "cpu", record={"of": job.job_id})
    finish(session, worker, job.job_id, result)
    return result


def compare(session: Session, worker: Recorder, comparing: bool = True) -> None:
    runs.compare_with_unmasked(context_of(session, worker), comparing=comparing)
