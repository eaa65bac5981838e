"""What becomes of jobs that end, fail or are cancelled."""

from dataclasses import replace

from acted import (
    EDM,
    FOLDER,
    Recorder,
    add_job,
    click,
    data_opened,
    done,
    finish,
    generate,
    layer_map,
    running,
    said,
    step,
)
from made_context import context_of
from made_runs import told

from diffviews_desktop.actions import (
    answers,
    asking,
    folders,
    runs,
)
from diffviews_desktop.actions.registry import ACTIONS
from diffviews_desktop.engine.jobs.opening import (
    LoadModel,
)
from diffviews_desktop.engine.protocol import CellDone, Progress, RunStarted, StepDone
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.state import State
from diffviews_desktop.values.conditions import (
    ZeroLabel,
    from_choice,
)
from diffviews_desktop.values.folders import ModelLoaded
from diffviews_desktop.values.runs import GridCell
from diffviews_desktop.values.sampling import SamplingSettings


def test_what_is_said_of_unknown_jobs_is_dropped(session: Session, worker: Recorder) -> None:
    click(session, 1)
    done(session, worker, 2)
    before = session.state
    for job_id in (1, 77):  # one that ended and one that never was
        answers.on_started(context_of(session, worker), job_id=job_id)
        answers.on_event(context_of(session, worker), event=Progress(job_id, "x", 0.1))
        answers.on_event(context_of(session, worker), event=RunStarted(job_id, 5, told(3), 5))
        answers.on_event(context_of(session, worker), event=StepDone(job_id, step(9)))
        cell = GridCell(0, EDM, told(0), step(9).image)
        answers.on_event(context_of(session, worker), event=CellDone(job_id, cell))
        answers.on_failed(context_of(session, worker), job_id=job_id, message="x", details="")
        answers.on_cancelled(context_of(session, worker), job_id=job_id)
        asking.cancel_job(context_of(session, worker), job_id=job_id)
        finish(session, worker, job_id, layer_map(("other",)))
        finish(session, worker, job_id, data_opened("dmd2"))
    assert session.state is before
    assert worker.cancelled == []


def test_cancel_takes_the_running_job_else_the_last_that_waits(
    session: Session, worker: Recorder
) -> None:
    asking.cancel_current(context_of(session, worker))
    assert worker.cancelled == []
    click(session, 1)
    first, second, third = (generate(session, worker) for _ in range(3))
    asking.cancel_current(context_of(session, worker))
    assert worker.cancelled == [third.job_id]
    answers.on_cancelled(context_of(session, worker), job_id=third.job_id)
    answers.on_started(context_of(session, worker), job_id=first.job_id)
    asking.cancel_current(context_of(session, worker))
    assert worker.cancelled == [third.job_id, first.job_id]
    assert session.state.jobs.job(second.job_id) is not None


def test_cancel_takes_the_job_that_is_named_and_leaves_the_others(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    first, second = generate(session, worker), generate(session, worker)
    answers.on_started(context_of(session, worker), job_id=first.job_id)
    answers.on_event(
        context_of(session, worker), event=Progress(first.job_id, "generating", 0.5, "half")
    )
    asking.cancel_job(context_of(session, worker), job_id=second.job_id)
    assert worker.cancelled == [second.job_id]
    assert running(session, second).stage == "cancelling"
    assert (running(session, first).stage, running(session, first).fraction) == ("generating", 0.5)
    asking.cancel_job(context_of(session, worker), job_id=first.job_id)
    left = running(session, first)
    assert (left.stage, left.fraction, left.detail) == ("cancelling", None, "")
    assert left.since is not None
    assert len(session.state.runs.all) == 2  # until the engine says that they ended
    for job in (second, first):
        answers.on_cancelled(context_of(session, worker), job_id=job.job_id)
    assert session.state.jobs.running == ()
    assert session.state.runs.all == ()


def test_a_cancelled_job_is_said_to_end_and_nothing_more_of_it_shows(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    job = generate(session, worker)
    asking.cancel_job(context_of(session, worker), job_id=job.job_id)
    assert running(session, job).stage == "cancelling"
    answers.on_started(
        context_of(session, worker), job_id=job.job_id
    )  # it left the queue just before
    answers.on_event(context_of(session, worker), event=Progress(job.job_id, "generating", 0.5))
    answers.on_event(context_of(session, worker), event=StepDone(job.job_id, step(0)))
    assert running(session, job).stage == "cancelling"
    assert session.state.runs.all[0].steps == ()
    answers.on_cancelled(context_of(session, worker), job_id=job.job_id)
    assert said(session) == "Cancelled: generating run 1."


def test_a_model_that_cannot_be_loaded_says_why_and_the_map_stays(
    session: Session, worker: Recorder
) -> None:
    job = LoadModel(job_id=50, folder=FOLDER, model="edm")
    other = LoadModel(job_id=51, folder=FOLDER, model="dmd2")
    add_job(session, RunningJob(job, "Loading edm"))
    add_job(session, RunningJob(other, "Loading dmd2"))
    answers.on_failed(context_of(session, worker), job_id=51, message="Of another.", details="")
    assert session.state.opened.model_problem is None
    answers.on_failed(
        context_of(session, worker), job_id=50, message="Unknown adapter.", details="d"
    )
    assert session.state.opened.model_problem == "Unknown adapter."
    assert session.state.opened.layer_map is not None
    assert session.state.jobs.running == ()


def test_a_model_whose_engine_died_is_loaded_again_once(session: Session, worker: Recorder) -> None:
    job = LoadModel(job_id=50, folder=FOLDER, model="edm")
    add_job(session, RunningJob(job, "Loading edm"))
    answers.on_engine_changed(context_of(session, worker), status="stopped")
    answers.on_failed(
        context_of(session, worker), job_id=50, message="The engine stopped.", details=""
    )
    assert session.state.opened.model_problem is None
    again = worker.only(LoadModel)
    assert (again.folder, again.model) == (FOLDER, "edm")
    assert [running.job for running in session.state.jobs.running] == [again]
    answers.on_failed(
        context_of(session, worker), job_id=again.job_id, message="It died.", details=""
    )
    assert session.state.opened.model_problem == "It died."
    assert worker.submitted == [again]


def test_a_model_that_is_not_loaded_is_loaded_when_it_is_chosen_again(
    session: Session, worker: Recorder
) -> None:
    loaded = ModelLoaded(model="edm", device="cpu", num_classes=4, resolution=16, layers=())
    session.update(replace(session.state, opened=replace(session.state.opened, loaded=loaded)))
    folders.switch_model(context_of(session, worker), model="edm")
    assert worker.submitted == []
    session.update(
        replace(
            session.state,
            opened=replace(session.state.opened, loaded=None, model_problem="No room."),
        )
    )
    folders.switch_model(context_of(session, worker), model="edm")
    job = worker.only(LoadModel)
    assert session.state.opened.model_problem is None
    folders.switch_model(context_of(session, worker), model="edm")
    assert worker.submitted == [job]  # it is being loaded


def test_a_model_whose_loading_was_cancelled_says_so_and_is_offered_again(
    session: Session, worker: Recorder
) -> None:
    folders.load_model(context_of(session, worker))
    (job,) = worker.submitted
    answers.on_cancelled(context_of(session, worker), job_id=job.job_id)
    assert (
        session.state.opened.model_problem
        == "You cancelled loading edm. Choose it again to load it, or press Ctrl+L."
    )
    assert session.state.notice is not None
    assert (said(session), session.state.notice.offer) == ("Cancelled: loading edm.", "load")
    folders.load_model(context_of(session, worker))
    assert session.state.opened.model_problem is None
    assert [type(job) for job in worker.submitted] == [LoadModel, LoadModel]


def test_the_menu_loads_a_model_only_where_it_is_not_loaded(
    session: Session, worker: Recorder
) -> None:
    load = ACTIONS["models.load"]
    assert load.why_not(State()) == "No model is open."
    assert load.why_not(session.state) == ""
    folders.load_model(context_of(session, worker))
    assert load.why_not(session.state) == "The model is being loaded."
    answers.on_cancelled(context_of(session, worker), worker.last_id)
    assert load.why_not(session.state) == ""
    load.run(context_of(session, worker))
    assert isinstance(worker.submitted[-1], LoadModel)
    assert load.why_not(session.state) == "The model is being loaded."
    finish(session, worker, worker.last_id, ModelLoaded("edm", "cpu", 3, 8, ()))
    assert load.why_not(session.state) == "The model is loaded."


def test_a_model_can_be_chosen_again_before_its_cancelled_loading_has_ended(
    session: Session, worker: Recorder
) -> None:
    folders.load_model(context_of(session, worker))
    asking.cancel_current(context_of(session, worker))
    folders.switch_model(context_of(session, worker), model="edm")
    first, second = worker.submitted
    answers.on_cancelled(context_of(session, worker), job_id=first.job_id)
    assert session.state.opened.model_problem is None  # it is being loaded
    assert [running.job for running in session.state.jobs.running] == [second]


def test_the_cancelled_loading_of_a_model_that_is_not_open_is_no_problem(
    session: Session, worker: Recorder
) -> None:
    job = LoadModel(job_id=50, folder=FOLDER, model="dmd2")
    add_job(session, RunningJob(job, "Loading dmd2"))
    answers.on_cancelled(context_of(session, worker), job_id=50)
    assert session.state.opened.model_problem is None
    assert session.state.notice is not None
    assert session.state.notice.offer is None


def test_what_the_engine_does_is_known(session: Session) -> None:
    answers.on_engine_changed(context_of(session), status="working")
    assert session.state.engine.status == "working"


def test_settings_are_remembered(session: Session) -> None:
    mine = SamplingSettings(num_steps=7)
    runs.change_settings(context_of(session), settings=mine, condition=from_choice("zero"))
    assert (session.state.runs.settings, session.state.runs.condition) == (mine, ZeroLabel())
