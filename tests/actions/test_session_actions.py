"""Saving sessions, opening them, and asking before runs are lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from acted import (
    FOLDER,
    Recorder,
    data_opened,
    finish,
    generate,
    layer_map,
    opened_state,
    said,
)
from made_context import NoSessions, NoWindow, context_of
from made_sessions import ARRANGEMENT, kept_run, kept_state

from diffviews_desktop.actions import answers, folders, keeping, maps, sessions
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.preferences import prefer
from diffviews_desktop.engine.jobs.importing import DataImported
from diffviews_desktop.engine.jobs.mapping import LinkMaps, MapLayer
from diffviews_desktop.engine.jobs.opening import LoadModel, OpenData
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.kept import all_held
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.session_file.saved import SavedSession, session_of
from diffviews_desktop.values.arrangement import Arrangement
from diffviews_desktop.values.folders import FolderRef, ModelLoaded
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.packed_strings import Texts
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.stores import BucketSettings

FILE = Path("work.diffviews")


@pytest.fixture
def window() -> NoWindow:
    return NoWindow(sessions=NoSessions(file=FILE))


@pytest.fixture
def context(session: Session, worker: Recorder, window: NoWindow) -> Context:
    return context_of(session, worker, window)


def with_runs(session: Session, count: int = 2) -> None:
    runs = tuple(kept_run(number) for number in range(1, count + 1))
    session.update(replace(session.state, runs=replace(session.state.runs, all=runs)))


# ---- saving -------------------------------------------------------------------------------------


def test_the_first_save_asks_for_a_file(
    session: Session, context: Context, window: NoWindow
) -> None:
    with_runs(session)
    keeping.save(context)
    assert window.sessions.asked == [("save", "edm.diffviews"), ("write", FILE)]
    kept = session.state.kept
    assert (kept.file, kept.unheld(session.state.runs.all)) == (FILE, ())
    assert said(session) == f"Saved the session in {FILE}"
    window.sessions.asked.clear()
    keeping.save(context)
    assert window.sessions.asked == [("write", FILE)]
    window.sessions.file = Path("other.diffviews")
    keeping.save_as(context)
    assert session.state.kept.file == Path("other.diffviews")


def test_what_is_not_written_is_not_held(
    session: Session, context: Context, window: NoWindow
) -> None:
    with_runs(session)
    window.sessions.fails = True
    keeping.save(context)
    assert session.state.kept.file is None
    assert len(session.state.kept.unheld(session.state.runs.all)) == 2
    window.sessions.file = None
    keeping.save_as(context)
    assert session.state.kept.file is None


def test_a_run_that_went_on_after_saving_is_not_held(session: Session, context: Context) -> None:
    with_runs(session)
    keeping.save(context)
    runs = session.state.runs
    grown = replace(runs.all[0], steps=(*runs.all[0].steps, runs.all[0].steps[0]))
    kept = session.state.kept
    assert [run.id for run in kept.unheld((grown, runs.all[1], kept_run(7)))] == [1, 7]
    assert kept.unheld((replace(kept_run(9), steps=()),)) == ()  # nothing was drawn


# ---- asking before runs are lost ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "opens", "writes"),
    [("stay", False, False), ("discard", True, False), ("save", True, True)],
)
def test_another_folder_asks_what_becomes_of_the_runs(
    answer: str, opens: bool, writes: bool, context: Context, session: Session, worker: Recorder
) -> None:
    with_runs(session)
    window = context.window
    assert isinstance(window, NoWindow)
    window.sessions.answer, window.folder = answer, Path("other")  # type: ignore[assignment]
    folders.choose_folder(context)
    asked = window.sessions.asked
    assert asked[0] == (
        "keep",
        "2 runs are not saved in a session. Opening another data folder drops them.",
    )
    assert [job.folder.path for job in worker.submitted] == ([Path("other")] if opens else [])
    assert (("write", FILE) in asked) == writes
    assert len(session.state.runs.all) == 2  # until the folder is there


def test_without_a_file_to_save_them_in_the_runs_stay(
    context: Context, session: Session, worker: Recorder, window: NoWindow
) -> None:
    with_runs(session)
    window.sessions.answer, window.sessions.file = "save", None
    folders.open_other(context, FolderRef(Path("other")))
    window.sessions.file, window.sessions.fails = FILE, True
    folders.open_other(context, FolderRef(Path("other")))
    assert worker.submitted == []


def test_nothing_is_asked_where_nothing_is_lost(
    context: Context, session: Session, worker: Recorder, window: NoWindow
) -> None:
    folders.open_other(context, FolderRef(Path("other")))  # no runs
    with_runs(session)
    folders.open_other(context, FOLDER)  # the same folder
    folders.switch_model(context, "dmd2")
    keeping.save(context)
    folders.open_other(context, FolderRef(Path("third")))  # all of them are saved
    assert not [one for one in window.sessions.asked if one[0] == "keep"]
    assert len(worker.submitted) == 4


def test_an_import_asks_before_it_opens(
    context: Context, session: Session, worker: Recorder, window: NoWindow
) -> None:
    with_runs(session)
    job = OpenData(job_id=90, folder=FOLDER)
    for answer, opened in (("stay", 0), ("discard", 1)):
        window.sessions.answer = answer  # type: ignore[assignment]
        session.update(
            replace(session.state, jobs=session.state.jobs.with_job(RunningJob(job, "Importing")))
        )
        result = DataImported(Path("new"), "mine", 3, 3, ())
        answers.on_finished(context, job_id=90, result=result, memory=1)
        assert len(worker.submitted) == opened
    assert "drops them" in str(window.sessions.asked[0][1])


def test_another_folder_is_another_session(session: Session, context: Context) -> None:
    with_runs(session)
    keeping.save(context)
    folders.open_other(context, FolderRef(Path("other")))
    finish(session, context.worker, 1, data_opened(path="other"))  # type: ignore[arg-type]
    assert (session.state.kept.file, session.state.runs.all) == (None, ())
    with_runs(session)
    assert len(session.state.kept.unheld(session.state.runs.all)) == 2


# ---- opening ------------------------------------------------------------------------------------


def read(**change: object) -> SavedSession:
    """A session as it is read of a file, of the folder that exists."""
    made = session_of(kept_state(), ARRANGEMENT)
    return replace(made, folder=FolderRef(Path.cwd()), **change)  # type: ignore[arg-type]


def test_a_session_opens_its_folder_and_then_what_it_holds(
    session: Session, context: Context, worker: Recorder, window: NoWindow
) -> None:
    session.update(opened_state())
    window.sessions.found = read()
    sessions.choose_session(context)
    assert window.sessions.asked == [("open",), ("read", FILE)]
    job = worker.only(OpenData)
    assert (job.folder.path, job.model) == (Path.cwd(), "edm")
    assert session.state.runs.all == ()  # what is open stays until then

    opened = data_opened(path=str(Path.cwd()), folder=job.folder, fingerprint="f" * 64)
    answers.on_finished(context, job_id=job.job_id, result=opened, memory=1)
    state, kept = session.state, kept_state()
    assert [run.name for run in state.runs.all] == ["Run 1", "Run 2"]
    assert state.runs.settings == kept.runs.settings
    assert (state.runs.shown, state.runs.step) == (1, 1)
    assert state.picks.selection == kept.picks.selection
    assert state.view.rectangle == kept.view.rectangle
    assert (state.kept.file, state.kept.opening) == (FILE, None)
    assert state.kept.unheld(state.runs.all) == ()
    assert ("arrange", ARRANGEMENT) in window.sessions.asked
    assert [type(one) for one in worker.submitted] == [OpenData, LoadModel]
    assert state.notice is None


class Refusing(NoSessions):
    """Windows that cannot be arranged."""

    def arrange(self, arrangement: Arrangement) -> None:
        raise OverflowError("too far")


NO_TEXT = Texts(np.frombuffer(b"\xff\xfe\xfd", np.uint8), np.array([1, 2, 3]))


@pytest.mark.parametrize("at", ["samples", "windows"])
def test_whatever_fails_no_session_stays_half_open(
    at: str, session: Session, worker: Recorder
) -> None:
    window = NoWindow(sessions=Refusing(file=FILE) if at == "windows" else NoSessions(file=FILE))
    window.sessions.found = read(chosen_ids=NO_TEXT) if at == "samples" else read()
    sessions.open_session(context_of(session, worker, window), FILE)
    job = worker.only(OpenData)
    opened = data_opened(path=str(Path.cwd()), folder=job.folder, fingerprint="another")
    with pytest.raises((OverflowError, UnicodeDecodeError)):
        finish(session, worker, job.job_id, opened, window)
    assert session.state.kept.opening is None
    assert worker.only(LoadModel).model == "edm"  # the folder is open, with all that follows
    assert [run.name for run in session.state.runs.all] == (
        ["Run 1", "Run 2"] if at == "windows" else []
    )


def test_another_layer_is_mapped_before_its_view_is_shown(
    session: Session, context: Context, worker: Recorder, window: NoWindow
) -> None:
    spec = MapSpec("edm", LayerSet(["encoder"]))
    second = MapSpec("edm", LayerSet(["midblock"]))
    picked = replace(kept_state().picks.selection, suggested_by=spec)
    window.sessions.found = read(spec=spec, selection=picked, second=second)
    bucket = BucketSettings(bucket="ours")
    prefer(context, replace(session.state.preferences, bucket=bucket))
    sessions.open_session(context, FILE)
    job = worker.only(OpenData)
    finish(session, worker, job.job_id, data_opened(folder=job.folder))
    assert session.state.view.rectangle is None
    assert session.state.picks.selection.suggested == ()
    asked = worker.only(MapLayer)
    assert (asked.spec, asked.bucket) == (spec, bucket)
    finish(session, worker, asked.job_id, layer_map(("encoder",)))
    state = session.state
    assert state.view.rectangle == (0.0, 1.0, 2.0, 3.5)
    assert state.picks.selection.suggested == ((7, 0.5), (8, 0.75))
    assert state.kept.opening is None
    assert worker.only(LinkMaps).other == second
    assert state.view.beside


def test_a_layer_that_was_chosen_meanwhile_stays(
    session: Session, context: Context, worker: Recorder, window: NoWindow
) -> None:
    window.sessions.found = read(spec=MapSpec("edm", LayerSet(["encoder"])))
    sessions.open_session(context, FILE)
    job = worker.only(OpenData)
    finish(session, worker, job.job_id, data_opened(folder=job.folder))
    maps.change_layer(context, ["decoder"])
    finish(session, worker, worker.submitted[-1].job_id, layer_map(("decoder",)))
    assert session.state.view.rectangle is None
    assert session.state.kept.opening is None


def test_a_folder_that_has_moved_is_looked_for(
    session: Session, context: Context, worker: Recorder, window: NoWindow, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    gone = FolderRef(Path("/not/here/data"), max_classes=3)
    window.sessions.found = replace(read(), folder=gone, beside="../data")
    sessions.open_session(context, tmp_path / "sub" / "a.diffviews")
    assert worker.submitted[-1].folder == FolderRef(tmp_path / "data", max_classes=3)
    assert window.asked == []

    sessions.open_session(context, tmp_path / "deeper" / "sub" / "a.diffviews")
    assert window.asked == [("folder", "Where is the data folder data of this session now?")]
    assert "its data folder /not/here/data is not there" in said(session)
    assert len(worker.submitted) == 1
    window.folder = tmp_path / "data"
    sessions.open_session(context, tmp_path / "deeper" / "sub" / "a.diffviews")
    assert worker.submitted[-1].folder.path == tmp_path / "data"


def test_a_folder_that_cannot_be_opened_leaves_all_as_it_was(
    session: Session, context: Context, worker: Recorder, window: NoWindow
) -> None:
    window.sessions.found = read()
    for end in (
        lambda number: answers.on_failed(context, number, "It is broken.", ""),
        lambda number: answers.on_cancelled(context, number),
    ):
        sessions.open_session(context, FILE)
        job = worker.submitted[-1]
        end(job.job_id)
        assert session.state.kept.opening is None
        assert session.state.opened.folder == FOLDER


def test_what_changed_in_the_folder_is_said(
    session: Session, context: Context, worker: Recorder, window: NoWindow
) -> None:
    window.sessions.found = read(ids=("s3", "s14", "gone", "s7", "s8"))
    sessions.open_session(context, FILE)
    job = worker.only(OpenData)
    finish(session, worker, job.job_id, data_opened(folder=job.folder, fingerprint="other"))
    assert said(session) == (
        "The samples of the data folder have changed since the session was saved: 1 sample that "
        "you had picked is not there any more."
    )
    assert session.state.picks.selection.manual == (14,)


def test_a_session_asks_before_it_drops_runs(
    session: Session, context: Context, window: NoWindow, worker: Recorder
) -> None:
    with_runs(session)
    window.sessions.found = read()
    sessions.open_session(context, FILE)
    assert [one[0] for one in window.sessions.asked] == ["keep"]
    assert worker.submitted == []


def test_new_runs_are_counted_on_from_the_session(
    session: Session, context: Context, worker: Recorder, window: NoWindow
) -> None:
    window.sessions.found = read()
    sessions.open_session(context, FILE)
    job = worker.only(OpenData)
    finish(session, worker, job.job_id, data_opened(folder=job.folder))
    before = session.state.kept
    made = generate(session, worker)
    runs = session.state.runs
    assert [run.id for run in runs.all] == [1, 2, 10]
    assert runs.of_job(made.job_id) is runs.all[-1]
    assert runs.all[-1].sample_ids == ("s1", "s2", "s3")  # of the session's interventions
    assert before.held == all_held(runs.all[:2])


def test_settings_of_a_session_stay_when_the_model_is_loaded(
    session: Session, context: Context, worker: Recorder, window: NoWindow
) -> None:
    window.sessions.found = read()
    sessions.open_session(context, FILE)
    job = worker.only(OpenData)
    finish(session, worker, job.job_id, data_opened(folder=job.folder))
    settings = session.state.runs.settings
    loaded = ModelLoaded("edm", "cpu", 3, 8, (), settings=SamplingSettings(sampler="heun"))
    finish(session, worker, worker.only(LoadModel).job_id, loaded)
    assert session.state.runs.settings == settings
