"""Opening data folders, loading and converting models, importing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from acted import (
    DMD2,
    EDM,
    FOLDER,
    N,
    Recorder,
    add_job,
    change,
    click,
    data_opened,
    finish,
    generate,
    layer_map,
    running,
    said,
    samples,
    step,
)
from made_context import context_of
from made_runs import told

from diffviews_desktop.actions import (
    answers,
    asking,
    folders,
    runs,
    showing,
)
from diffviews_desktop.engine.jobs.drawing import (
    RunResult,
)
from diffviews_desktop.engine.jobs.importing import DataImported, ImportData
from diffviews_desktop.engine.jobs.mapping import LayersExtracted, MapLayer
from diffviews_desktop.engine.jobs.opening import (
    CheckpointConverted,
    ConvertCheckpoint,
    LoadModel,
    OpenData,
)
from diffviews_desktop.engine.protocol import Progress
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.state import State
from diffviews_desktop.values.columns import MOST_CATEGORIES, Column
from diffviews_desktop.values.conditions import (
    choice_of,
    from_choice,
)
from diffviews_desktop.values.folders import FolderRef, LayerInfo, ModelLoaded
from diffviews_desktop.values.sampling import SamplingSettings

# --- opening --------------------------------------------------------------------------------------


def test_opening_leaves_the_window_until_the_data_are_there(
    session: Session, worker: Recorder
) -> None:
    before = session.state
    source = FolderRef(Path("elsewhere"), max_classes=3)
    folders.open_data(context_of(session, worker), folder=source, model="a")
    job = worker.only(OpenData)
    assert (job.folder, job.model) == (source, "a")
    assert running(session, job).title == "Opening data"
    for name in ("opened", "runs", "picks", "view"):
        assert getattr(session.state, name) is getattr(before, name), name
    folders.open_data(context_of(session, worker), folder=FolderRef())
    assert session.state.jobs.running[-1].title == "Opening the demo"


def test_opened_data_load_their_model(session: Session, worker: Recorder) -> None:
    session.update(State())
    folders.open_data(context_of(session, worker), folder=FOLDER)
    opening = worker.only(OpenData)
    finish(session, worker, opening.job_id, data_opened())
    state = session.state
    assert (state.opened.model, state.opened.path, state.engine.memory) == (
        "edm",
        Path("data"),
        1000,
    )
    assert state.runs.settings == EDM
    assert state.opened.layer_map is not None
    job = worker.only(LoadModel)
    assert (job.model, job.folder) == ("edm", FOLDER)
    assert [r.job for r in state.jobs.running] == [job]
    assert state.notice is None


def test_switching_the_model_takes_its_defaults_and_keeps_runs(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    run = generate(session, worker, choice=2, steps=3)
    finish(session, worker, run.job_id, RunResult(run, told(2), 1, (step(0), step(1)), "cpu"))
    mine = SamplingSettings(num_steps=99)
    runs.change_settings(context_of(session, worker), settings=mine, condition=from_choice(2))
    loaded = ModelLoaded(model="edm", device="cpu", num_classes=4, resolution=16, layers=())
    session.update(replace(session.state, opened=replace(session.state.opened, loaded=loaded)))
    folders.switch_model(context_of(session, worker), model="edm")
    assert len(worker.submitted) == 1  # it is open
    folders.switch_model(context_of(session, worker), model="dmd2")
    job = worker.only(OpenData)
    assert (job.model, job.folder) == ("dmd2", FOLDER)
    assert session.state.runs.settings == mine
    finish(session, worker, job.job_id, data_opened("dmd2"))
    state = session.state
    assert state.runs.settings == DMD2
    assert state.runs.condition is None  # what was chosen for one model is not for another
    assert state.picks.selection == Selection()
    assert session.state.picks.undo == "switch to dmd2"
    kept = state.runs.run(run.job_id)
    assert kept is not None
    assert not state.on_this_map(kept)  # kept, and hidden
    assert worker.only(LoadModel).model == "dmd2"


@pytest.mark.parametrize(
    ("asked", "classes", "columns", "shown"),
    [
        ("class", False, {"label": 2}, "column:label"),
        ("class", True, {"label": 2}, "class"),
        ("class", False, {"other": 2}, "class"),
        ("class", False, {"label": 1}, "class"),  # all the same
        ("class", False, {"label": MOST_CATEGORIES + 1}, "class"),  # more than colours tell
        ("sigma", False, {"label": 2}, "sigma"),
    ],
)
def test_samples_without_classes_are_coloured_by_their_labels(
    session: Session,
    worker: Recorder,
    asked: str,
    classes: bool,
    columns: dict[str, int],
    shown: str,
) -> None:
    """``columns`` has the number of different texts of each."""
    view = replace(session.state.view, color_by=asked)
    session.update(replace(session.state, view=view))
    labels = np.full(N, -1, np.int32)
    labels[0] = 3 if classes else -1
    texts = {
        name: Column(np.arange(N, dtype=np.int32) % count, [f"label {i}" for i in range(count)])
        for name, count in columns.items()
    }
    table = replace(samples(), class_label=labels, columns=texts)
    folders.open_data(context_of(session, worker), FolderRef(path=Path("other")))
    job = worker.only(OpenData)
    finish(session, worker, job.job_id, data_opened(path="other", samples=table))
    assert session.state.colored_by == shown
    assert session.state.view.color_by == shown


def test_opening_the_same_model_again_keeps_settings(session: Session, worker: Recorder) -> None:
    mine = SamplingSettings(num_steps=99)
    runs.change_settings(context_of(session, worker), settings=mine, condition=from_choice(2))
    folders.open_data(context_of(session, worker), folder=FOLDER, model="edm")
    finish(session, worker, 1, data_opened())
    assert session.state.runs.settings == mine
    assert choice_of(session.state.runs.condition) == 2


def test_another_folder_starts_afresh(session: Session, worker: Recorder) -> None:
    click(session, 1)
    generate(session, worker, steps=1)
    showing.highlight_class(context_of(session, worker), number=3)
    session.update(
        replace(session.state, opened=replace(session.state.opened, model_problem="no checkpoint"))
    )
    folders.open_data(context_of(session, worker), folder=FolderRef(Path("b")))
    finish(session, worker, worker.last_id, data_opened(path="b"))
    state = session.state
    assert state.runs.all == ()
    assert (state.runs.shown, state.view.highlighted_class, state.opened.model_problem) == (
        None,
        None,
        None,
    )
    assert state.opened.loaded is None


def test_problems_of_a_folder_are_said_at_once(session: Session, worker: Recorder) -> None:
    folders.open_data(context_of(session, worker), folder=FOLDER)
    finish(session, worker, 1, data_opened(problems=("bad cannot be opened: x.", "another.")))
    assert said(session) == "bad cannot be opened: x. another."
    assert session.state.notice is not None
    assert session.state.notice.details == "bad cannot be opened: x.\nanother."
    assert session.state.opened.problems == ("bad cannot be opened: x.", "another.")
    # what the model says when it is loaded comes beside it, and so does what importing has said
    loaded = ModelLoaded("edm", "cpu", 3, 8, (), notes=("It guesses", "That is all."))
    finish(session, worker, worker.last_id, loaded)
    assert said(session) == "bad cannot be opened: x. another. It guesses. (1 more)"
    assert session.state.notice.details.endswith("It guesses.\nThat is all.")
    other = data_opened(path="elsewhere", problems=("Something else.",))
    folders.open_data(context_of(session, worker), folder=FolderRef(Path("elsewhere")))
    finish(session, worker, worker.last_id, other)
    assert said(session) == "Something else."


def test_a_folder_without_a_map_is_mapped_once_the_model_is_loaded(
    session: Session, worker: Recorder
) -> None:
    folders.open_data(context_of(session, worker), folder=FOLDER)
    finish(session, worker, 1, data_opened(layer_map=None, default_layers=()))
    loading = worker.only(LoadModel)
    loaded = ModelLoaded("edm", "cpu", 4, 8, (LayerInfo("midblock", (2, 2, 2), False),))
    finish(session, worker, loading.job_id, loaded)
    assert session.state.opened.loaded is loaded
    job = worker.only(MapLayer)
    assert job.spec.layers == ()
    assert running(session, job).title == "Mapping the default layer"
    finish(session, worker, job.job_id, layer_map())
    assert session.state.opened.layer_map is not None
    assert session.state.opened.loaded is not None
    assert session.state.opened.loaded.layers[0].cached


# --- the loaded model -----------------------------------------------------------------------------


BY_THE_ADAPTER = SamplingSettings(num_steps=40, sigma_max=50.0, rho=5.0)


def loads(session: Session, worker: Recorder, **facts: Any) -> ModelLoaded:
    """Its model is loaded, as the engine says it."""
    folders.open_data(context_of(session, worker), folder=FOLDER)
    finish(session, worker, worker.last_id, data_opened())
    loaded = ModelLoaded("edm", "cpu", 3, 8, (), **{"settings": BY_THE_ADAPTER, **facts})
    finish(session, worker, worker.last_id, loaded)
    return loaded


def test_settings_of_the_loaded_model_are_taken_over(session: Session, worker: Recorder) -> None:
    loads(session, worker)
    assert session.state.runs.settings == BY_THE_ADAPTER
    # they are this model's from now on, and no other's
    summaries = {model.name: model.settings for model in session.state.opened.models}
    assert summaries == {"dmd2": DMD2, "edm": BY_THE_ADAPTER}


def test_a_setting_typed_before_the_model_is_loaded_stays_and_the_others_are_the_models(
    session: Session, worker: Recorder
) -> None:
    folders.open_data(context_of(session, worker), folder=FOLDER)
    finish(session, worker, worker.last_id, data_opened())
    mine = replace(session.state.runs.settings, num_steps=7)
    runs.change_settings(context_of(session, worker), settings=mine, condition=from_choice("zero"))
    of_the_model = replace(BY_THE_ADAPTER, sampler="heun")
    loaded = ModelLoaded("edm", "cpu", 3, 8, (), settings=of_the_model)
    finish(session, worker, worker.last_id, loaded)
    assert session.state.runs.settings == replace(of_the_model, num_steps=7)
    assert choice_of(session.state.runs.condition) == "zero"
    assert session.state.opened.loaded is loaded


def test_another_model_brings_its_own_settings(session: Session, worker: Recorder) -> None:
    loads(session, worker)
    folders.switch_model(context_of(session, worker), model="dmd2")
    finish(session, worker, worker.last_id, data_opened("dmd2"))
    assert session.state.runs.settings == DMD2
    few = replace(DMD2, sigma_min=0.25)
    loaded = ModelLoaded("dmd2", "cpu", 3, 8, (), settings=few)
    finish(session, worker, worker.last_id, loaded)
    assert session.state.runs.settings == few


def test_what_had_to_be_assumed_is_said(session: Session, worker: Recorder) -> None:
    loads(session, worker, notes=("One thing was assumed.", "And another."))
    assert said(session) == "One thing was assumed. And another."
    assert session.state.notice.offer is None


def test_a_conversion_is_offered_done_and_not_offered_again(
    session: Session, worker: Recorder
) -> None:
    loads(session, worker, notes=("One thing was assumed.",), convertible=True)
    assert said(session).startswith("One thing was assumed. This checkpoint can be converted")
    assert session.state.notice.offer == "convert"
    folders.convert_checkpoint(context_of(session, worker))
    job = worker.only(ConvertCheckpoint)
    assert (job.model, job.folder) == ("edm", FOLDER)
    assert running(session, job).title == "Converting the checkpoint"
    finish(session, worker, job.job_id, CheckpointConverted("edm", Path("edm.safetensors")))
    assert "edm.safetensors is used from now on" in said(session)
    assert session.state.notice.offer is None
    assert session.state.notice.level == "info"
    assert not session.state.opened.loaded.convertible
    folders.convert_checkpoint(context_of(session, worker))
    assert worker.only(ConvertCheckpoint) is job
    assert "needs no conversion" in said(session)


def test_a_conversion_that_fails_can_be_tried_again(session: Session, worker: Recorder) -> None:
    loads(session, worker, convertible=True)
    folders.convert_checkpoint(context_of(session, worker))
    job = worker.only(ConvertCheckpoint)
    answers.on_failed(
        context_of(session, worker), job_id=job.job_id, message="Disk full.", details="…"
    )
    assert said(session) == "Disk full."
    assert session.state.opened.loaded.convertible
    assert session.state.opened.model_problem is None


def test_a_conversion_that_ends_after_a_switch_changes_the_other_model_in_nothing(
    session: Session, worker: Recorder
) -> None:
    loads(session, worker, convertible=True)
    folders.convert_checkpoint(context_of(session, worker))
    job = worker.only(ConvertCheckpoint)
    folders.switch_model(context_of(session, worker), model="dmd2")
    finish(session, worker, worker.last_id, data_opened("dmd2"))
    other = ModelLoaded("dmd2", "cpu", 3, 8, (), convertible=True)
    finish(session, worker, worker.last_id, other)
    finish(session, worker, job.job_id, CheckpointConverted("edm", Path("edm.safetensors")))
    assert session.state.opened.loaded.convertible
    assert "edm.safetensors is used from now on" in said(session)


def test_notes_of_a_run_are_said(session: Session, worker: Recorder) -> None:
    click(session, 1)
    job = generate(session, worker)
    steps = (step(0),)
    result = RunResult(job, told(1), 5, steps, "cuda", notes=("cuda ran out of memory.",))
    finish(session, worker, job.job_id, result)
    assert said(session) == "cuda ran out of memory."
    assert session.state.runs.run(job.job_id).done


def test_a_loaded_model_that_is_no_longer_open_is_ignored(
    session: Session, worker: Recorder
) -> None:
    job = LoadModel(job_id=50, folder=FOLDER, model="dmd2")
    add_job(session, RunningJob(job, "Loading dmd2"))
    finish(session, worker, 50, ModelLoaded("dmd2", "cpu", 4, 8, ()))
    assert session.state.opened.loaded is None
    assert session.state.jobs.running == ()


def test_progress_says_more_of_a_stage(session: Session, worker: Recorder) -> None:
    job = change(session, worker, "encoder_block_0")
    event = Progress(job.job_id, "extracting", 0.5, "96 of 2000, 41/s")
    answers.on_event(context_of(session, worker), event=event)
    assert running(session, job).detail == "96 of 2000, 41/s"
    answers.on_event(context_of(session, worker), event=Progress(job.job_id, "layout"))
    assert running(session, job).detail == ""
    answers.on_event(context_of(session, worker), event=event)
    asking.cancel_job(context_of(session, worker), job_id=job.job_id)
    assert running(session, job).detail == ""


# --- importing ------------------------------------------------------------------------------------


def import_pictures(session: Session, worker: Recorder) -> ImportData:
    folders.import_data(
        context_of(session, worker),
        checkpoint=Path("net.pkl"),
        out=Path("made"),
        name="cats",
        images=Path("pictures"),
        sigmas=(0.5, 2.0),
        layers=("midblock",),
    )
    return worker.only(ImportData)


def test_what_was_imported_is_opened(session: Session, worker: Recorder) -> None:
    job = import_pictures(session, worker)
    assert (job.checkpoint, job.out, job.name) == (Path("net.pkl"), Path("made"), "cats")
    assert (job.images, job.generate, job.adapter) == (Path("pictures"), 0, None)
    assert (job.sigmas, job.layers) == ((0.5, 2.0), ("midblock",))
    assert running(session, job).title == "Importing cats"
    done = DataImported(Path("made"), "cats", 1200, 2400, ("1 picture is broken.", "Another."))
    finish(session, worker, job.job_id, done)
    assert said(session) == (
        "Imported 1,200 pictures as 2,400 samples of cats in made. 1 picture is broken. Another."
    )
    opening = worker.only(OpenData)
    assert (opening.folder, opening.model) == (FolderRef(Path("made")), "cats")
    assert session.state.opened.path == Path("data")  # until it is there


def test_an_import_that_fails_leaves_what_is_open(session: Session, worker: Recorder) -> None:
    before = session.state
    job = import_pictures(session, worker)
    answers.on_failed(
        context_of(session, worker), job_id=job.job_id, message="No room.", details=""
    )
    assert said(session) == "No room."
    assert session.state.opened.layer_map is before.opened.layer_map
    assert session.state.jobs.running == ()


def test_extracted_layers_are_said(session: Session, worker: Recorder) -> None:
    job = change(session, worker, "encoder_block_0")
    done = LayersExtracted(
        "edm", (("a",), ("b", "c")), (Path("out/a.npy"),), 40, 40, 2_500_000, 33.0
    )
    finish(session, worker, job.job_id, done)
    assert said(session) == "Extracted a, b+c of 40 samples to out: 2 MB."
    assert session.state.opened.rate == 33.0
