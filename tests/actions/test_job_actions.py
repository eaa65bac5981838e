"""Jobs that wait are moved, and those that have ended are run again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from acted import Recorder, click, data_opened, finish, generate
from made_context import context_of

from diffviews_desktop.actions import answers, experiments, jobs, maps, selection
from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.jobs.samples import AveragePictures, ExportSamples
from diffviews_desktop.engine.protocol import Progress
from diffviews_desktop.state.jobs import LARGEST_KEPT
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.session import Session
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.row_set import RowSet


@pytest.fixture
def three(session: Session, worker: Recorder) -> list[int]:
    """Ids of three runs, the first of which has begun."""
    click(session, 3)
    ids = [generate(session, worker).job_id for _ in range(3)]
    answers.on_started(context_of(session, worker), ids[0])
    return ids


def order(session: Session) -> list[int]:
    return [running.job.job_id for running in session.state.jobs.running]


def test_a_waiting_job_is_moved_and_the_engine_is_told(
    session: Session, worker: Recorder, three: list[int]
) -> None:
    context = context_of(session, worker)
    first, second, third = three
    jobs.move_job(context, third, -1)
    assert order(session) == [first, third, second]
    assert worker.order == [third, second]
    worker.order = []
    jobs.move_job(context, third, -1)  # before the one that runs there is no place
    jobs.move_job(context, second, 1)
    jobs.move_job(context, first, 1)
    assert order(session) == [first, third, second]
    assert worker.order == []


def test_how_a_job_ended_is_kept_with_what_it_takes_to_run_it_again(
    session: Session, worker: Recorder, three: list[int]
) -> None:
    context = context_of(session, worker)
    answers.on_failed(context, three[0], "No memory.", "a long trace")
    ended = session.state.jobs.ended_job(three[0])
    assert ended is not None
    assert (ended.outcome, ended.message, ended.details) == ("failed", "No memory.", "a long trace")
    assert ended.seconds is not None
    answers.on_cancelled(context, three[1])
    waited = session.state.jobs.ended_job(three[1])
    assert waited is not None
    assert (waited.outcome, waited.seconds) == ("cancelled", None)
    jobs.run_again(context, three[0])
    again = worker.submitted[-1]
    assert isinstance(again, Generate)
    assert again.job_id not in three
    assert replace(again, job_id=three[0]) == ended.job
    run = session.state.runs.of_job(again.job_id)
    assert run is not None
    assert run.name == "Run 4"


def test_a_grid_that_is_run_again_is_the_one_that_is_shown(
    session: Session, worker: Recorder
) -> None:
    context = context_of(session, worker)
    click(session, 3)
    experiments.generate_grid(
        context, session.state.runs.settings, from_choice("zero"), strengths=(0.5, 1.0)
    )
    job = worker.only(GenerateGrid)
    answers.on_cancelled(context, job.job_id)
    jobs.run_again(context, job.job_id)
    shown = session.state.runs.grid
    assert shown is not None
    assert shown.job is worker.submitted[-1]
    assert shown.job.strengths == (0.5, 1.0)


def test_what_belongs_to_another_model_says_so(session: Session, worker: Recorder) -> None:
    context = context_of(session, worker)
    maps.change_layer(context, ("other",))
    job = worker.only(MapLayer)
    answers.on_cancelled(context, job.job_id)
    ended = session.state.jobs.ended_job(job.job_id)
    assert ended is not None
    assert jobs.why_not_again(session.state, ended) == ""
    other = replace(session.state.opened, model="dmd2")
    session.update(replace(session.state, opened=other))
    jobs.run_again(context, job.job_id)
    assert len(worker.submitted) == 1
    assert session.state.notice is not None
    assert session.state.notice.text == "It is of another folder or model. Open that first."


def test_a_job_of_very_many_samples_is_not_kept(session: Session, worker: Recorder) -> None:
    context = context_of(session, worker)
    few, many = RowSet([1, 2]), RowSet(range(LARGEST_KEPT // 8 + 1))
    for rows in (few, many):
        session.update(session.state.with_selection(Selection(chosen=rows)))
        selection.average_chosen(context)
        answers.on_cancelled(context, worker.submitted[-1].job_id)
    kept, dropped = session.state.jobs.ended
    assert isinstance(kept.job, AveragePictures)
    assert dropped.job is None
    assert "too many samples" in jobs.why_not_again(session.state, dropped)
    columns = {"x": many.rows}
    export = ExportSamples(
        job_id=9,
        folder=session.state.opened.folder,
        model="edm",
        rows=few.rows,
        columns=columns,
        file=session.state.opened.path,
    )
    from diffviews_desktop.actions.asking import submit

    submit(context, export, "Exporting")
    answers.on_cancelled(context, 9)
    assert session.state.jobs.ended[-1].job is None


def test_progress_is_that_of_the_whole_job(session: Session, worker: Recorder) -> None:
    context = context_of(session, worker)
    maps.change_layer(context, ("other",))
    job = worker.only(MapLayer)
    answers.on_started(context, job.job_id)
    stages = [
        ("loading the model", None), ("extracting", 0.5), ("extracting", 1.0), ("reducing", 0.3),
        ("finding neighbours", 1.0), ("preparing UMAP", 0.0), ("UMAP", 0.1), ("UMAP", 0.9),
        ("finding neighbours", 0.2), ("judging the map", 0.5), ("saving", 0.0),
    ]  # fmt: skip
    seen = []
    for stage, fraction in stages:
        answers.on_event(context, Progress(job.job_id, stage, fraction))
        running = session.state.jobs.job(job.job_id)
        assert running is not None
        assert running.whole is not None
        seen.append(running.whole.at(running.whole.since))
    assert seen == sorted(seen)
    assert seen[0] == 0.0
    assert 0.2 < seen[1] < seen[2] < 0.7
    assert 0.9 < seen[-1] < 1.0
    finish(session, worker, job.job_id, data_opened().layer_map)
