"""Downloading published models: jobs beside all others, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from acted import Recorder, change, click, done, finish, running, said
from made_context import NoWindow, context_of

from diffviews_desktop.actions import answers, asking, downloads
from diffviews_desktop.actions.context import Context
from diffviews_desktop.engine.jobs.downloading import Download, Downloaded, ListModels, ModelList
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.engine.jobs.storage import ChooseLimit, ClearKept, MeasureDisk
from diffviews_desktop.engine.protocol import Progress
from diffviews_desktop.state.session import Session
from diffviews_desktop.ui.panels.models.rows import rows_of
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.locations import Location
from diffviews_desktop.values.sources import (
    ListedModel,
    Origin,
    PublishedCheckpoint,
    PublishedFolder,
    PublishedModel,
)
from diffviews_desktop.values.storage import DiskUse, KeptFiles
from diffviews_desktop.values.stores import BucketSettings

OUT = Path("/downloads")
ORIGIN = (Origin("hf", Location.parse("hf://group/tiny")),)
MODEL = PublishedModel(
    "tiny", "Tiny", "MIT", "", PublishedFolder(ORIGIN), PublishedCheckpoint("a.pkl", ORIGIN)
)


@pytest.fixture
def window() -> NoWindow:
    return NoWindow()


@pytest.fixture
def context(session: Session, worker: Recorder, window: NoWindow) -> Context:
    state = session.state
    session.update(replace(state, downloads=replace(state.downloads, out=OUT)))
    return context_of(session, worker, window)


def listed(**changes: object) -> ModelList:
    values = dict(out=OUT, models=(ListedModel(MODEL, "none", "none"),), free=1)
    return ModelList(**{**values, **changes})  # type: ignore[arg-type]


def test_the_catalogue_is_listed_each_time_it_is_brought_up(
    context: Context, session: Session, worker: Recorder, window: NoWindow
) -> None:
    downloads.show_models(context)
    assert window.asked == [("page", "models")]
    job = worker.only(ListModels)
    assert job.out == OUT
    finish(session, worker, job.job_id, listed())
    assert session.state.downloads.listed == listed()


def test_a_list_of_a_folder_that_is_no_longer_chosen_is_dropped(
    context: Context, session: Session, worker: Recorder
) -> None:
    downloads.list_models(context)
    downloads.change_folder(context, Path("/elsewhere"))
    first, second = worker.submitted
    finish(session, worker, first.job_id, listed())
    assert session.state.downloads.listed is None
    finish(session, worker, second.job_id, listed(out=Path("/elsewhere")))
    assert session.state.downloads.listed is not None


def test_a_download_runs_beside_all_other_jobs(
    context: Context, session: Session, worker: Recorder
) -> None:
    state = session.state
    bucket = BucketSettings(endpoint="https://host")
    session.update(replace(state, preferences=replace(state.preferences, bucket=bucket)))
    downloads.download(context, "tiny")
    downloads.download(context, "tiny")  # once is enough
    job = worker.only(Download)
    assert (job.what, job.out, job.endpoint) == ("tiny", OUT, "https://host")
    assert session.state.jobs.running == ()
    assert session.state.jobs.current() is None
    shown = session.state.jobs.status_job()
    assert shown is not None
    assert shown.job is job
    answers.on_started(context, job.job_id)
    answers.on_event(context, Progress(job.job_id, "downloading", 0.5, "1 of 2 files", 30.0))
    assert running(session, job).seconds_left == 30.0
    asking.cancel_current(context)  # Esc is for what the user waits for
    assert worker.cancelled == []
    other = change(session, worker, "bottleneck")
    shown = session.state.jobs.status_job()
    assert shown is not None
    assert shown.job is other
    asking.cancel_shown(context)
    assert worker.cancelled == [other.job_id]


def test_the_memory_of_the_other_engine_is_not_that_of_the_model(
    context: Context, session: Session, worker: Recorder
) -> None:
    session.update(
        replace(session.state, engine=replace(session.state.engine, memory=5_000_000_000))
    )
    downloads.list_models(context)
    finish(session, worker, worker.only(ListModels).job_id, listed())
    assert session.state.engine.memory == 5_000_000_000


def test_what_was_downloaded_opens_by_itself(
    context: Context, session: Session, worker: Recorder
) -> None:
    downloads.download(context, "tiny")
    job = worker.only(Download)
    result = Downloaded("tiny", OUT, models=("tiny",), files=3, bytes=1200)
    finish(session, worker, job.job_id, result)
    opening = worker.only(OpenData)
    assert (opening.folder, opening.model) == (FolderRef(OUT), "tiny")
    assert said(session) == "Downloaded tiny: 3 files, 1.2 kB."
    assert worker.only(ListModels).out == OUT


def test_runs_are_not_lost_by_it(
    context: Context, session: Session, worker: Recorder, window: NoWindow
) -> None:
    click(session, 3)
    done(session, worker, steps=2)
    downloads.download(context, "tiny")
    result = Downloaded("tiny", OUT, models=("tiny",), files=3, bytes=1200)
    finish(session, worker, worker.only(Download).job_id, result)
    assert not [job for job in worker.submitted if isinstance(job, OpenData)]
    assert session.state.notice is not None
    assert session.state.notice.offer == "open"
    for answer, opened in (("stay", 0), ("discard", 1)):
        window.sessions.answer = answer  # type: ignore[assignment]
        downloads.open_done(context)
        assert len([job for job in worker.submitted if isinstance(job, OpenData)]) == opened
    assert worker.only(OpenData).folder == FolderRef(OUT)


def test_a_checkpoint_alone_offers_to_import_pictures(
    context: Context, session: Session, worker: Recorder, window: NoWindow
) -> None:
    downloads.download(context, "hf://group/weights")
    file = OUT / "checkpoints" / "a.pkl"
    result = Downloaded("hf://group/weights", OUT, checkpoints=(file,), files=1, bytes=10)
    finish(session, worker, worker.only(Download).job_id, result)
    assert session.state.notice is not None
    assert session.state.notice.offer == "import"
    assert window.asked == []
    downloads.open_done(context)
    assert window.asked == [("import", file)]


def test_files_that_stayed_away_are_counted_and_can_be_copied(
    context: Context, session: Session, worker: Recorder
) -> None:
    downloads.download(context, "tiny")
    failed = (("a.png", "it was refused."), ("b.png", "it was refused."))
    result = Downloaded("tiny", OUT, models=("tiny",), files=1, bytes=9, failed=failed)
    finish(session, worker, worker.only(Download).job_id, result)
    notice = session.state.notice
    assert notice is not None
    assert notice.text.endswith("2 files are missing.")
    assert "b.png: it was refused." in notice.details


def test_a_failure_is_told_quietly_and_forgotten_at_the_next_try(
    context: Context, session: Session, worker: Recorder
) -> None:
    downloads.download(context, "tiny")
    answers.on_failed(context, worker.only(Download).job_id, "There is no connection.", "details")
    notice = session.state.notice
    assert notice is not None
    assert (notice.level, notice.text) == ("info", "There is no connection.")
    assert session.state.downloads.problems == {"tiny": "There is no connection."}
    assert [one.outcome for one in session.state.jobs.ended] == ["failed"]
    downloads.download(context, "tiny")
    assert session.state.downloads.problems == {}


def test_a_signature_in_an_address_is_not_shown(
    context: Context, session: Session, worker: Recorder
) -> None:
    address = "https://host/file.pkl?X-Amz-Signature=Planted"
    downloads.download(context, address)
    job = worker.only(Download)
    assert job.what == address
    (row,) = rows_of(session.state)
    assert (row.what, row.title) == (address, "https://host/file.pkl")
    downloads.pause(context, address)
    answers.on_cancelled(context, job.job_id)
    assert said(session) == "Paused: downloading https://host/file.pkl. What has arrived stays."
    jobs = session.state.jobs
    assert "Planted" not in repr([jobs.ended, jobs.aside, session.state.notices])


def test_pausing_leaves_what_has_arrived(
    context: Context, session: Session, worker: Recorder
) -> None:
    downloads.pause(context, "tiny")
    downloads.download(context, "tiny")
    job = worker.only(Download)
    downloads.pause(context, "tiny")
    assert worker.cancelled == [job.job_id]
    answers.on_cancelled(context, job.job_id)
    assert said(session) == "Paused: downloading tiny. What has arrived stays."
    assert session.state.jobs.aside[0].job == worker.only(ListModels)
    assert session.state.downloads.paused == ("tiny",)
    downloads.download(context, "tiny")
    assert session.state.downloads.paused == ()


def test_a_model_that_is_here_opens_or_asks_for_pictures(
    context: Context, worker: Recorder, window: NoWindow
) -> None:
    downloads.open_model(context, ListedModel(MODEL, "all", "all", OUT / "a.pkl"))
    assert worker.only(OpenData).model == "tiny"
    downloads.open_model(context, ListedModel(replace(MODEL, data=None), "all", "all", OUT / "a"))
    assert window.asked == [("import", OUT / "a")]


def test_the_disk_is_measured_and_cleared(
    context: Context, session: Session, worker: Recorder
) -> None:
    downloads.measure_disk(context)
    kept = KeptFiles("maps", Path("/cache"), 12)
    finish(session, worker, worker.only(MeasureDisk).job_id, DiskUse((kept,)))
    assert session.state.downloads.disk == DiskUse((kept,))
    downloads.clear_kept(context, kept.kind, kept.path)
    job = worker.only(ClearKept)
    assert (job.kind, job.path, job.downloads) == ("maps", Path("/cache"), OUT)
    finish(session, worker, job.job_id, DiskUse(()))
    downloads.choose_limit(context, "maps", 5)
    limit = worker.only(ChooseLimit)
    assert (limit.kind, limit.bytes, limit.downloads) == ("maps", 5, OUT)
