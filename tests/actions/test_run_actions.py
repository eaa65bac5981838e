"""Runs: drawing, following, keeping, and where their pictures land."""

from dataclasses import replace
from typing import Any

import pytest
from acted import (
    EDM,
    FOLDER,
    SPEC,
    Recorder,
    click,
    do_steps,
    done,
    finish,
    generate,
    masked,
    running,
    said,
    step,
)
from made_context import context_of
from made_runs import told

from diffviews_desktop.actions import (
    answers,
    picks,
    runs,
    showing,
)
from diffviews_desktop.engine.jobs.drawing import (
    Generate,
    PicturePlaced,
    PlacePicture,
    RunResult,
)
from diffviews_desktop.engine.protocol import Progress, RunStarted
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.state import State
from diffviews_desktop.values.conditions import (
    ClassLabel,
    RandomClass,
    UniformLabel,
    choice_of,
    from_choice,
)
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.told import NOTHING, OWN_CONDITION, Told

# --- generating -----------------------------------------------------------------------------------


def test_a_run_carries_every_input(session: Session, worker: Recorder) -> None:
    click(session, 6, 11, 2)
    settings = SamplingSettings(num_steps=3, seed=9)
    runs.generate_from_neighbors(context_of(session, worker), settings, from_choice(3))
    assert worker.only(Generate) == Generate(
        job_id=1,
        folder=FOLDER,
        spec=SPEC,
        interventions=mean_of_samples((6, 11, 2)),
        condition=from_choice(3),
        settings=settings,
    )
    assert session.state.runs.settings == settings
    assert choice_of(session.state.runs.condition) == 3
    assert session.state.jobs.running[0].title == "Generating run 1"
    assert [r.name for r in session.state.runs.all] == ["Run 1"]


@pytest.mark.parametrize(
    ("anchor", "choice", "expected"),
    [
        (6, "anchor", 2),
        (4, "anchor", 0),
        (5, "anchor", "random"),
        (6, 0, 0),
        (6, "zero", "zero"),
        (6, "uniform", "uniform"),
    ],
    ids=["anchor", "class 0", "unknown", "0", "zero", "uniform"],
)
def test_the_class_of_a_run(
    session: Session, worker: Recorder, anchor: int, choice: Any, expected: Any
) -> None:
    click(session, anchor)
    job = generate(session, worker, choice)
    assert choice_of(job.condition) == expected
    assert type(choice_of(job.condition)) is type(expected)


@pytest.mark.parametrize(
    ("told_all", "expected"),
    [
        (NOTHING, "zero"),
        (OWN_CONDITION, 2),
        (UniformLabel(), "uniform"),
        (ClassLabel(3), 3),
        (None, 2),
    ],
)
def test_where_nobody_chose_a_run_is_told_what_the_samples_were(
    session: Session, worker: Recorder, told_all: Told | None, expected: Any
) -> None:
    opened = session.state.opened
    shown = replace(opened.layer_map, told=told_all)
    session.update(replace(session.state, opened=replace(opened, layer_map=shown)))
    click(session, 6)
    context = context_of(session, worker)
    runs.generate_from_neighbors(context, SamplingSettings(), None)
    assert choice_of(worker.submitted[-1].condition) == expected
    assert session.state.runs.condition is None
    runs.generate_from_neighbors(context, SamplingSettings(), from_choice("random"))
    assert choice_of(worker.submitted[-1].condition) == "random"
    assert session.state.condition == session.state.runs.condition == RandomClass()


def test_without_a_pick_nothing_runs_and_the_reason_is_said(
    session: Session, worker: Recorder
) -> None:
    context = context_of(session, worker)
    runs.generate_from_neighbors(context, EDM, "anchor")
    assert "a mask needs at least one sample" in said(session)
    session.update(State())
    runs.generate_from_neighbors(context, EDM, "anchor")
    assert said(session) == "Open a data folder first."
    assert worker.submitted == []
    assert session.state.runs.all == ()


def test_runs_wait_in_a_queue_with_names_that_are_never_reused(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    jobs = [generate(session, worker) for _ in range(3)]
    assert worker.submitted == jobs
    assert [r.stage for r in session.state.jobs.running] == ["waiting"] * 3
    answers.on_cancelled(context_of(session, worker), job_id=jobs[1].job_id)
    assert [r.name for r in session.state.runs.all] == ["Run 1", "Run 3"]
    generate(session, worker)
    assert session.state.runs.all[-1].name == "Run 4"


def test_a_run_grows_from_start_to_end(session: Session, worker: Recorder) -> None:
    click(session, 1)
    job = generate(session, worker)
    answers.on_started(context_of(session, worker), job_id=job.job_id)
    assert running(session, job).since is not None
    answers.on_event(context_of(session, worker), event=RunStarted(job.job_id, 77, told(0), 5))
    answers.on_event(context_of(session, worker), event=Progress(job.job_id, "generating", 0.5))
    assert (running(session, job).stage, running(session, job).fraction) == ("generating", 0.5)
    do_steps(session, job, 2)
    record = session.state.runs.run(job.job_id)
    assert record is not None
    assert (record.seed, record.condition, record.done) == (77, told(0), False)
    assert [s.index for s in record.steps] == [0, 1]
    steps = (step(0), step(1), step(2))
    finish(session, worker, job.job_id, RunResult(job, told(0), 77, steps, "cpu"))
    record = session.state.runs.run(job.job_id)
    assert record is not None
    assert record.done
    assert record.steps == steps
    assert session.state.jobs.running == ()


# --- following a run ------------------------------------------------------------------------------


def test_the_window_follows_a_run(session: Session, worker: Recorder) -> None:
    click(session, 1)
    job = generate(session, worker)
    assert session.state.runs.shown is None
    for index in range(3):
        do_steps(session, job, 1)
        assert (session.state.runs.shown, session.state.runs.step) == (job.job_id, index)


def test_who_looks_back_is_left_there_until_the_end_is_reached(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    job = generate(session, worker, steps=3)
    runs.scrub_to(context_of(session, worker), step=1)
    do_steps(session, job, 2)
    assert session.state.runs.step == 1
    runs.scrub_to(context_of(session, worker), step=99)
    assert session.state.runs.step == 4
    do_steps(session, job, 1)
    assert session.state.runs.step == 5


def test_who_looks_at_another_run_is_left_there(session: Session, worker: Recorder) -> None:
    click(session, 1)
    first = generate(session, worker, steps=4)
    second = generate(session, worker, steps=1)
    assert (
        session.state.runs.shown == second.job_id
    )  # what was asked for last is shown when it begins
    runs.show_run(context_of(session, worker), run_id=first.job_id)
    assert session.state.runs.step == 3
    runs.scrub_to(context_of(session, worker), step=2)
    do_steps(session, second, 3)
    assert (session.state.runs.shown, session.state.runs.step) == (first.job_id, 2)
    runs.show_run(context_of(session, worker), run_id=second.job_id)
    assert session.state.runs.step == 3
    do_steps(session, second, 1)
    assert session.state.runs.step == 4


def test_scrubbing_stays_inside_the_run(session: Session, worker: Recorder) -> None:
    runs.scrub_to(context_of(session, worker), step=3)
    assert session.state.runs.step == 0
    click(session, 1)
    generate(session, worker, steps=4)
    for wanted, got in ((-5, 0), (2, 2), (4, 3)):
        runs.scrub_to(context_of(session, worker), step=wanted)
        assert session.state.runs.step == got
    runs.show_run(context_of(session, worker), run_id=999)
    assert session.state.runs.step == 3


# --- runs -----------------------------------------------------------------------------------------


def test_select_clear_and_highlight_keep_runs(session: Session, worker: Recorder) -> None:
    click(session, 1)
    done(session, worker, 3)
    kept = session.state.runs.all
    click(session, 2, 3)
    picks.clear_selection(context_of(session, worker))
    picks.new_anchor(context_of(session, worker), row=4)
    showing.highlight_class(context_of(session, worker), number=2)
    session.undo_stack.undo()
    assert session.state.runs.all == kept


def test_a_path_is_hidden_and_shown(session: Session, worker: Recorder) -> None:
    click(session, 1)
    job = done(session, worker, 2)
    for visible in (False, True):
        runs.set_run_visible(context_of(session, worker), run_id=job.job_id, visible=visible)
        record = session.state.runs.run(job.job_id)
        assert record is not None
        assert record.visible is visible
    runs.set_run_visible(context_of(session, worker), run_id=999, visible=False)


def test_deleting_the_shown_one_shows_the_last_that_is_left(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    first, second, third = (done(session, worker, n) for n in (2, 3, 4))
    runs.show_run(context_of(session, worker), run_id=first.job_id)
    runs.delete_run(context_of(session, worker), run_id=first.job_id)
    assert (session.state.runs.shown, session.state.runs.step) == (third.job_id, 3)
    for job in (third, second):
        runs.delete_run(context_of(session, worker), run_id=job.job_id)
    assert (session.state.runs.shown, session.state.runs.step) == (None, 0)
    assert session.state.runs.all == ()
    assert worker.cancelled == []


def test_deleting_another_one_leaves_the_step_that_is_looked_at(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    first, second = done(session, worker, 4), done(session, worker, 5)
    runs.scrub_to(context_of(session, worker), step=1)
    runs.delete_run(context_of(session, worker), run_id=first.job_id)
    assert (session.state.runs.shown, session.state.runs.step) == (second.job_id, 1)


def test_deleting_a_run_in_work_cancels_it(session: Session, worker: Recorder) -> None:
    click(session, 1)
    job = generate(session, worker)
    runs.delete_run(context_of(session, worker), run_id=job.job_id)
    assert worker.cancelled == [job.job_id]
    (running,) = session.state.jobs.running
    assert running.stage == "cancelling"
    answers.on_cancelled(context_of(session, worker), job_id=job.job_id)
    assert session.state.runs.all == ()


@pytest.mark.parametrize("ended", ["cancelled", "failed"])
def test_an_interrupted_run_stays_with_its_steps_and_goes_without(
    session: Session, worker: Recorder, ended: str
) -> None:
    click(session, 1)
    with_steps, without = generate(session, worker, steps=2), generate(session, worker)
    for job in (with_steps, without):
        if ended == "cancelled":
            answers.on_cancelled(context_of(session, worker), job_id=job.job_id)
        else:
            answers.on_failed(
                context_of(session, worker), job_id=job.job_id, message="Bad.", details=""
            )
    (record,) = session.state.runs.all
    assert record.job.job_id == with_steps.job_id
    assert record.done
    assert len(record.steps) == 2
    assert (session.state.runs.shown, session.state.runs.step) == (with_steps.job_id, 1)
    assert session.state.jobs.running == ()


# --- landing --------------------------------------------------------------------------------------


def find_landing(session: Session, worker: Recorder, sigma: float = 0.5) -> PlacePicture:
    runs.find_landing(context_of(session, worker), sigma=sigma)
    job = worker.submitted[-1]
    assert isinstance(job, PlacePicture)
    return job


def test_the_finished_picture_of_the_shown_run_is_placed(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    masked(session, worker, seed=5)
    shown = masked(session, worker, seed=8)
    runs.scrub_to(context_of(session, worker), step=0)
    job = find_landing(session, worker)
    record = session.state.runs.run(shown.job_id)
    assert (job.folder, job.spec) == (FOLDER, SPEC)
    assert job.image is record.steps[-1].image  # the finished one, whichever is looked at
    assert (job.condition, job.sigma, job.seed) == (told(3), 0.5, 8)
    assert running(session, job).title == "Placing run 2"
    placed = PicturePlaced(job, (1.0, 2.0), 0.25, ((4, 0.25), (5, 0.5)))
    finish(session, worker, job.job_id, placed)
    assert session.state.runs.run(shown.job_id).landed is placed
    assert [r.landed for r in session.state.runs.all] == [None, placed]
    assert session.state.jobs.running == ()


def test_a_picture_is_placed_again_at_another_level(session: Session, worker: Recorder) -> None:
    click(session, 1)
    masked(session, worker)
    for sigma in (0.5, 2.0):
        job = find_landing(session, worker, sigma)
        placed = PicturePlaced(job, (sigma, 0.0), 0.25, ())
        finish(session, worker, job.job_id, placed)
        assert session.state.runs.run().landed is placed


@pytest.mark.parametrize("ended", ["cancelled", "failed"])
def test_a_picture_that_could_not_be_placed_keeps_its_run_and_its_last_place(
    session: Session, worker: Recorder, ended: str
) -> None:
    click(session, 1)
    masked(session, worker)
    first = find_landing(session, worker)
    finish(session, worker, first.job_id, PicturePlaced(first, (1.0, 2.0), 0.25, ()))
    kept = session.state.runs.all
    job = find_landing(session, worker, 2.0)
    if ended == "cancelled":
        answers.on_cancelled(context_of(session, worker), job_id=job.job_id)
        assert said(session) == "Cancelled: placing run 1."
    else:
        answers.on_failed(
            context_of(session, worker), job_id=job.job_id, message="Bad.", details="d"
        )
        assert said(session) == "Bad."
    assert session.state.runs.all == kept
    assert session.state.jobs.running == ()


def test_a_place_that_comes_after_its_run_was_deleted_is_dropped(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    masked(session, worker)
    deleted = masked(session, worker)
    job = find_landing(session, worker)
    runs.delete_run(context_of(session, worker), run_id=deleted.job_id)
    finish(session, worker, job.job_id, PicturePlaced(job, (1.0, 2.0), 0.25, ()))
    assert [r.landed for r in session.state.runs.all] == [None]


def test_a_picture_that_is_not_finished_has_no_place(session: Session, worker: Recorder) -> None:
    runs.find_landing(context_of(session, worker), sigma=0.5)
    assert said(session) == "The picture is not finished yet."
    click(session, 1)
    job = masked(session, worker, ends=False)
    before = session.state.notice.number
    runs.find_landing(context_of(session, worker), sigma=0.5)
    assert said(session) == "The picture is not finished yet."
    assert session.state.notice.number > before
    assert worker.submitted == [job]
