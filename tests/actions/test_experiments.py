"""Grids of pictures."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from acted import (
    DMD2,
    EDM,
    FOLDER,
    SPEC,
    Recorder,
    click,
    compare,
    data_opened,
    drawn,
    finish,
    generate,
    masked,
    running,
    said,
)
from made_context import context_of
from made_runs import told

from diffviews_desktop.actions import (
    answers,
    asking,
    experiments,
    folders,
    runs,
)
from diffviews_desktop.engine.jobs.drawing import (
    Generate,
    GenerateGrid,
    PictureGrid,
)
from diffviews_desktop.engine.jobs.experiments import RunExperiment
from diffviews_desktop.engine.protocol import CellDone, RunStarted
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.state import State
from diffviews_desktop.values.conditions import (
    RandomClass,
    from_choice,
)
from diffviews_desktop.values.experiments import USUAL_JUDGE
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.runs import GridCell
from diffviews_desktop.values.told import NOTHING


def generate_grid(
    session: Session, worker: Recorder, choice: Any = "anchor", **axes: Any
) -> GenerateGrid:
    experiments.generate_grid(
        context_of(session, worker), settings=EDM, condition=from_choice(choice), **axes
    )
    job = worker.submitted[-1]
    assert isinstance(job, GenerateGrid)
    return job


def begin_grid(session: Session, job: GenerateGrid, seed: int, cells: int) -> tuple[GridCell, ...]:
    """The engine chose a seed and drew some of the pictures."""
    answers.on_event(context_of(session), event=RunStarted(job.job_id, seed, told(2), 5))
    chosen = replace(job, settings=replace(job.settings, seed=seed)).cells()
    made = tuple(
        GridCell(
            index, cell.settings, told(2), np.full((2, 2, 3), index, np.uint8), cell.interventions
        )
        for index, cell in enumerate(chosen[:cells])
    )
    for cell in made:
        answers.on_event(context_of(session), event=CellDone(job.job_id, cell))
    return made


def test_a_grid_carries_every_input(session: Session, worker: Recorder) -> None:
    click(session, 6, 11, 2)
    axes: dict[str, Any] = {
        "samples": 3,
        "strengths": (0.0, 0.5),
        "windows": ((0, 2), (2, 18)),
        "mask_layers": (("midblock",), ("decoder_block_1",)),
    }
    job = generate_grid(session, worker, **axes)
    assert job == GenerateGrid(
        job_id=1,
        folder=FOLDER,
        spec=SPEC,
        interventions=mean_of_samples((6, 11, 2)),
        condition=from_choice(2),
        settings=EDM,
        **axes,
    )
    assert running(session, job).title == "Generating a grid"
    assert session.state.runs.grid.job is job
    assert session.state.runs.grid.cells == ()
    assert session.state.runs.all == ()


def test_a_grid_without_a_pick_has_no_mask_and_nothing_of_a_mask_varies(
    session: Session, worker: Recorder
) -> None:
    free = generate_grid(session, worker, "anchor", samples=9)
    assert (free.interventions, free.samples, free.condition) == ((), 9, RandomClass())
    grid = session.state.runs.grid
    ask: dict[str, Any] = {"settings": EDM, "condition": from_choice(1)}
    for axis in (
        {"strengths": (0.5,)}, {"windows": ((0, 1),)}, {"mask_layers": (("midblock",),)}
    ):  # fmt: skip
        experiments.generate_grid(context_of(session, worker), **ask, **axis)
        assert said(session).startswith("Click a point on the map first")
    assert session.state.runs.grid is grid
    session.update(State())
    experiments.generate_grid(context_of(session, worker), **ask)
    assert said(session) == "Open a data folder first."
    assert worker.submitted == [free]
    assert worker.cancelled == []


def test_a_grid_fills_and_is_whole_at_its_end(session: Session, worker: Recorder) -> None:
    click(session, 1)
    job = generate_grid(session, worker, samples=3)
    cells = begin_grid(session, job, seed=50, cells=2)
    grid = session.state.runs.grid
    assert grid.job == replace(job, settings=replace(EDM, seed=50))
    assert (grid.cells, grid.done) == (cells, False)
    assert [cell.settings.seed for cell in grid.cells] == [50, 51]
    # the result has all of them, however many were seen before; its id is that of the asking side
    chosen = replace(grid.job, batch=2, job_id=0)
    whole = (
        *cells,
        GridCell(2, chosen.cells()[2].settings, told(2), np.zeros((2, 2, 3), np.uint8)),
    )
    result = PictureGrid(chosen, whole, "cuda", ("cuda ran out of memory.",), {"kind": "grid"})
    finish(session, worker, job.job_id, result)
    grid = session.state.runs.grid
    assert grid.job == replace(chosen, job_id=job.job_id)
    assert (grid.cells, grid.done, grid.record) == (whole, True, {"kind": "grid"})
    assert said(session) == "cuda ran out of memory."
    assert session.state.jobs.running == ()


@pytest.mark.parametrize("ended", ["cancelled", "failed"])
def test_what_was_drawn_of_an_interrupted_grid_stays(
    session: Session, worker: Recorder, ended: str
) -> None:
    click(session, 1)
    other = masked(session, worker)
    job = generate_grid(session, worker, samples=5)
    cells = begin_grid(session, job, seed=50, cells=2)
    if ended == "cancelled":
        asking.cancel_job(context_of(session, worker), job_id=job.job_id)
        assert worker.cancelled == [job.job_id]
        # nothing more of it shows, and nothing of it goes, until it ended
        late = GridCell(2, cells[0].settings, told(2), cells[0].image)
        answers.on_event(context_of(session, worker), event=CellDone(job.job_id, late))
        assert (session.state.runs.grid.cells, session.state.runs.grid.done) == (cells, False)
        answers.on_cancelled(context_of(session, worker), job_id=job.job_id)
        assert said(session) == "Cancelled: generating a grid."
    else:
        answers.on_failed(
            context_of(session, worker), job_id=job.job_id, message="Bad.", details=""
        )
        assert said(session) == "Bad."
    grid = session.state.runs.grid
    assert (grid.cells, grid.done, grid.record) == (cells, True, None)
    assert session.state.runs.run(other.job_id) is not None
    experiments.generate_cell(context_of(session, worker), index=1)
    assert worker.submitted[-1].settings == cells[1].settings


def test_a_new_grid_cancels_the_one_in_work_and_nothing_else(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    run = generate(session, worker)
    first = generate_grid(session, worker, samples=5)
    begin_grid(session, first, seed=50, cells=2)
    second = generate_grid(session, worker, samples=2)
    assert worker.cancelled == [first.job_id]
    assert running(session, run).stage == "waiting"
    answers.on_event(
        context_of(session, worker),
        event=CellDone(first.job_id, GridCell(2, EDM, told(2), np.zeros((2, 2, 3), np.uint8))),
    )
    answers.on_cancelled(context_of(session, worker), job_id=first.job_id)
    assert session.state.runs.grid.job is second
    assert (session.state.runs.grid.cells, session.state.runs.grid.done) == ((), False)
    cells = begin_grid(session, second, seed=60, cells=2)
    assert session.state.runs.grid.cells == cells


def test_a_grid_that_ended_before_it_heard_of_cancel_is_whole_unless_another_is_shown(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    first = generate_grid(session, worker, samples=2)
    cells = begin_grid(session, first, seed=50, cells=2)
    result = PictureGrid(session.state.runs.grid.job, cells, "cpu")
    asking.cancel_job(context_of(session, worker), job_id=first.job_id)
    finish(session, worker, first.job_id, result)
    assert session.state.runs.grid.cells == cells
    assert session.state.runs.grid.done
    second = generate_grid(session, worker, samples=2)
    third = generate_grid(session, worker, samples=2)
    finish(session, worker, second.job_id, result)
    assert session.state.runs.grid.job is third
    assert session.state.runs.grid.cells == ()


def test_a_picture_of_a_grid_is_drawn_again_as_a_run(session: Session, worker: Recorder) -> None:
    click(session, 6, 11)
    job = generate_grid(session, worker, samples=2, strengths=(0.25, 1.0))
    cells = begin_grid(session, job, seed=50, cells=3)
    click(session, 12)  # what is picked now is not what it was drawn with
    runs.change_settings(context_of(session, worker), settings=DMD2, condition=from_choice("zero"))
    experiments.generate_cell(context_of(session, worker), index=2)
    again = worker.only(Generate)
    assert again == Generate(
        job_id=2,
        folder=FOLDER,
        spec=SPEC,
        interventions=mean_of_samples((6, 11)),
        condition=from_choice(2),
        settings=replace(EDM, seed=50),
    )
    assert again.settings == cells[2].settings
    assert [r.name for r in session.state.runs.all] == ["Run 1"]
    assert session.state.runs.settings == DMD2  # the panel is left alone
    experiments.generate_cell(context_of(session, worker), index=3)  # not drawn yet
    assert worker.only(Generate) is again


def test_a_picture_of_a_grid_is_not_drawn_by_another_model_or_without_a_grid(
    session: Session, worker: Recorder
) -> None:
    experiments.generate_cell(context_of(session, worker), index=0)
    assert session.state.notice is None
    click(session, 1)
    job = generate_grid(session, worker, samples=2)
    begin_grid(session, job, seed=50, cells=2)
    opened = session.state
    other_map = MapParameters(n_neighbors=5)
    for change in ({"model": "dmd2"}, {"parameters": other_map}):
        session.update(replace(opened, opened=replace(opened.opened, **change)))
        experiments.generate_cell(context_of(session, worker), index=0)
        assert said(session).startswith("This grid belongs to another model or map")
    assert worker.submitted == [job]
    assert session.state.runs.all == ()


def test_grid_and_unmasked_runs_stay_with_the_folder(session: Session, worker: Recorder) -> None:
    click(session, 1)
    masked(session, worker)
    compare(session, worker)
    drawn(session, worker, worker.submitted[-1], 7)
    job = generate_grid(session, worker, samples=1)
    begin_grid(session, job, seed=50, cells=1)
    grid, unmasked = session.state.runs.grid, session.state.runs.unmasked
    folders.switch_model(context_of(session, worker), model="dmd2")
    finish(session, worker, worker.last_id, data_opened("dmd2"))
    assert session.state.runs.grid is grid
    assert session.state.runs.unmasked == unmasked
    folders.open_data(context_of(session, worker), folder=FolderRef(Path("b")))
    finish(session, worker, worker.last_id, data_opened(path="b"))
    assert session.state.runs.grid is None
    assert session.state.runs.unmasked == ()


def test_an_experiment_is_of_the_samples_on_screen_and_asks_the_judge_that_was_chosen(
    session: Session, worker: Recorder
) -> None:
    opened = session.state.opened
    shown = replace(opened.layer_map, told=NOTHING)
    session.update(replace(session.state, opened=replace(opened, layer_map=shown)))
    context = context_of(session, worker)
    common: dict[str, Any] = {"anchors": 4, "neighbors": 2, "seeds": 3, "controls": ("none",)}
    experiments.run_experiment(
        context, of_picks=False, judge="/a/judge.onnx", features="midblock", **common
    )
    job = worker.submitted[-1]
    assert isinstance(job, RunExperiment)
    assert job.experiment.judge == "/a/judge.onnx"
    assert job.experiment.features == "midblock"
    assert job.experiment.told == NOTHING
    assert job.choice is not None
    assert (job.choice.anchors, job.choice.told) == (4, NOTHING)
    assert not job.trust_judge  # a function is never run from here
    experiments.run_experiment(context, of_picks=False, **common)
    assert worker.submitted[-1].experiment.judge == USUAL_JUDGE
    assert worker.submitted[-1].experiment.features == ""


def test_drawing_does_not_wait_until_its_masks_are_compared(
    session: Session, worker: Recorder
) -> None:
    context = context_of(session, worker)
    asked = experiments.ExperimentWanted(
        of_picks=False, anchors=4, neighbors=2, seeds=3, controls=("none",)
    )
    wanted = experiments.masks_to_judge(session.state, asked)
    assert wanted is not None
    experiments.judge_masks(context, wanted)
    judging = worker.submitted[-1]
    assert replace(judging, job_id=0) == wanted
    experiments.run_experiment(
        context, of_picks=False, anchors=4, neighbors=2, seeds=3, controls=("none",)
    )
    drawn = worker.submitted[-1]
    assert worker.cancelled == [judging.job_id]
    assert isinstance(drawn, RunExperiment)
    assert (drawn.experiment.groups, drawn.choice) == ((), replace(wanted.choice, job_id=0))
