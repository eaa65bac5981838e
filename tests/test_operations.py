"""Every verb, on the real session; the worker only notes what it is asked."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from diffviews_desktop import operations
from diffviews_desktop.processing.parameters import MapParameters
from diffviews_desktop.row_set import RowSet
from diffviews_desktop.samples import SampleTable
from diffviews_desktop.session import Session
from diffviews_desktop.state import MAX_NEIGHBORS, RunningJob, Selection, State
from diffviews_desktop.worker.jobs import (
    AveragePictures,
    CellDone,
    CheckpointConverted,
    ClassChoice,
    ConvertCheckpoint,
    DataImported,
    DataOpened,
    ExportSamples,
    Generate,
    GenerateGrid,
    GenerateSettings,
    GridCell,
    ImportData,
    Job,
    LayerInfo,
    LayerMap,
    LayersExtracted,
    LoadModel,
    MapLayer,
    ModelLoaded,
    ModelSummary,
    OpenData,
    PictureGrid,
    PictureMean,
    PicturePlaced,
    PlacePicture,
    Progress,
    RunStarted,
    SamplesExported,
    Source,
    StepDone,
    Trajectory,
    TrajectoryStep,
)

N = 40
SOURCE = Source(path=Path("data"))
EDM, DMD2 = GenerateSettings(num_steps=18, mask_steps=18, sigma_min=0.002), GenerateSettings()
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

    def only(self, kind: type[AnyJob]) -> AnyJob:
        """The one job of a kind that was submitted."""
        found = [job for job in self.submitted if isinstance(job, kind)]
        assert len(found) == 1
        return found[0]


@pytest.fixture
def worker() -> Recorder:
    return Recorder()


@pytest.fixture
def session(qtbot: QtBot) -> Session:
    return Session(opened_state())


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
        source=SOURCE,
        path=Path("data"),
        models=models,
        model="edm",
        samples=samples(),
        default_layers=("midblock",),
        layer_map=layer_map(),
        settings=EDM,
    )


def data_opened(model: str = "edm", path: str = "data", **change: Any) -> DataOpened:
    values = dict(
        source=Source(path=Path(path)),
        path=Path(path),
        is_demo=False,
        models=opened_state().models,
        problems=(),
        model=model,
        samples=samples(),
        layer_map=layer_map(model=model),
        default_layers=("midblock",),
    )
    return DataOpened(**{**values, **change})


def step(index: int) -> TrajectoryStep:
    image = np.full((2, 2, 3), index, np.uint8)
    return TrajectoryStep(index, 80.0 / (index + 1), image, image, (0.0, float(index)), 0.1, None)


def finish(session: Session, worker: Recorder, job_id: int, result: Any) -> None:
    operations.on_finished(
        session=session, worker=worker, job_id=job_id, result=result, memory=1000
    )


def click(session: Session, *rows: int) -> None:
    for row in rows:
        operations.click_point(session=session, row=row)


def generate(
    session: Session, worker: Recorder, choice: ClassChoice | Any = "anchor", steps: int = 0
) -> Generate:
    """Start a run from whatever is picked, and let it do some steps."""
    operations.generate_from_neighbors(
        session=session, worker=worker, settings=EDM, class_choice=choice
    )
    job = worker.submitted[-1]
    assert isinstance(job, Generate)
    do_steps(session, job, steps)
    return job


def do_steps(session: Session, job: Job, count: int) -> None:
    record = session.state.trajectory(job.job_id)
    assert record is not None
    for index in range(len(record.steps), len(record.steps) + count):
        operations.on_event(session=session, event=StepDone(job.job_id, step(index)))


def said(session: Session) -> str:
    assert session.state.notice is not None
    return session.state.notice.text


def running(session: Session, job: Job) -> RunningJob:
    found = session.state.job(job.job_id)
    assert found is not None
    return found


# --- picking -------------------------------------------------------------------------------------


def test_38_first_click_is_the_anchor_others_toggle(session: Session) -> None:
    click(session, 3)
    assert session.state.selection == Selection(3)
    click(session, 3)
    assert session.state.selection == Selection(3)
    assert session.undo_stack.count() == 1
    click(session, 7, 0, 9)
    assert session.state.selection == Selection(3, (7, 0, 9))
    click(session, 0)
    assert session.state.selection == Selection(3, (7, 9))


def test_row_0_is_a_row_like_any_other(session: Session) -> None:
    click(session, 0, 0, 4)
    assert session.state.selection == Selection(0, (4,))


def test_every_pick_can_be_undone(session: Session, worker: Recorder) -> None:
    seen = [session.state.selection]

    def now() -> None:
        seen.append(session.state.selection)

    for row in (3, 7, 8, 7):
        click(session, row)
        now()
    operations.suggest_neighbors(session=session, worker=worker, count=4)
    now()
    operations.remove_neighbor(session=session, row=session.state.selection.suggested[0][0])
    now()
    operations.clear_neighbors(session=session)
    now()
    assert session.state.selection == Selection(3)
    operations.new_anchor(session=session, row=9)
    now()
    assert session.state.selection == Selection(9)
    operations.clear_selection(session=session)
    now()
    assert session.state.selection == Selection()
    assert len(set(seen)) > 6
    for expected in seen[-2::-1]:
        session.undo_stack.undo()
        assert session.state.selection == expected
    for expected in seen[1:]:
        session.undo_stack.redo()
        assert session.state.selection == expected


def test_undo_is_named_after_what_was_done(session: Session) -> None:
    names = []
    for row in (3, 7, 7):
        click(session, row)
        names.append(session.undo_stack.undoText())
    assert names == ["set anchor", "add neighbour", "remove neighbour"]


def test_37_twenty_neighbours_at_most_and_said_when_it_bites(session: Session) -> None:
    click(session, 0, *range(1, 21))
    assert session.state.notice is None
    assert len(session.state.selection.neighbors) == MAX_NEIGHBORS == 20
    click(session, 25)
    assert len(session.state.selection.neighbors) == 20
    assert "at most 20 neighbours" in said(session)
    click(session, 20, 25)  # one out, one in
    assert session.state.selection.neighbors[-1] == 25
    assert len(session.state.selection.rows) == 21


def test_36_suggested_are_the_nearest_in_activation_space(
    session: Session, worker: Recorder
) -> None:
    click(session, 10)
    operations.suggest_neighbors(session=session, worker=worker, count=3)
    suggested = session.state.selection.suggested
    values = 0.9 ** np.arange(N)
    order = [i for i in np.argsort(np.abs(values - values[10]), kind="stable") if i != 10]
    assert [row for row, _ in suggested] == order[:3] == [11, 9, 12]
    np.testing.assert_allclose(
        [d for _, d in suggested], np.abs(values[order[:3]] - values[10]), rtol=1e-3
    )
    assert session.state.suggest_count == 3
    assert not session.state.suggest_on_map
    assert worker.submitted == []


def test_suggested_on_the_map_by_choice(session: Session, worker: Recorder) -> None:
    click(session, 10)
    operations.suggest_neighbors(session=session, worker=worker, count=3, on_map=True)
    assert [row for row, _ in session.state.selection.suggested] == [9, 11, 8]
    assert session.state.suggest_on_map


def test_suggestions_replace_suggestions_and_leave_those_by_hand(
    session: Session, worker: Recorder
) -> None:
    click(session, 10, 11, 30)
    for count in (5, 2):
        operations.suggest_neighbors(session=session, worker=worker, count=count)
        selection = session.state.selection
        assert selection.manual == (11, 30)
        assert len(selection.suggested) == count
        assert [row for row, _ in selection.suggested][:2] == [9, 12]
    click(session, 9)
    assert session.state.selection.neighbors == (11, 30, 12)


def test_37_suggestions_fill_up_to_twenty(session: Session, worker: Recorder) -> None:
    click(session, 10, *range(20, 38))
    operations.suggest_neighbors(session=session, worker=worker, count=2)
    assert session.state.notice is None
    assert len(session.state.selection.neighbors) == 20
    operations.suggest_neighbors(session=session, worker=worker, count=5)
    assert len(session.state.selection.neighbors) == 20
    assert "at most 20" in said(session)
    click(session, 39)
    assert 39 not in session.state.selection.neighbors


def test_suggest_needs_an_anchor(session: Session, worker: Recorder) -> None:
    operations.suggest_neighbors(session=session, worker=worker, count=3)
    assert said(session).startswith("Click a point on the map first")
    session.update(State())
    operations.suggest_neighbors(session=session, worker=worker, count=3)
    assert said(session).startswith("Click a point on the map first")
    assert worker.submitted == []


def test_a_map_without_activations_gets_them_first_then_suggests_what_was_asked(
    session: Session, worker: Recorder
) -> None:
    session.update(replace(session.state, layer_map=layer_map(reduced=None)))
    click(session, 10)
    operations.suggest_neighbors(session=session, worker=worker, count=2, on_map=True)
    assert [row for row, _ in session.state.selection.suggested] == [9, 11]
    assert worker.submitted == []
    operations.suggest_neighbors(session=session, worker=worker, count=9)
    job = worker.only(MapLayer)
    assert job.layers == ("midblock",)
    finish(session, worker, job.job_id, layer_map())
    assert len(session.state.selection.suggested) == 9
    assert [row for row, _ in session.state.selection.suggested][:2] == [11, 9]
    assert len(worker.submitted) == 1


def chosen(session: Session) -> list[int]:
    return list(session.state.selection.chosen)


def test_samples_are_selected_added_taken_away_and_toggled(session: Session) -> None:
    click(session, 3, 4)
    for rows, how, left in (
        ([5, 1], "replace", [1, 5]),
        ([5, 7], "add", [1, 5, 7]),
        ([5], "remove", [1, 7]),
        ([7, 9], "toggle", [1, 9]),
    ):
        operations.choose_rows(session=session, rows=RowSet(rows), how=how)
        assert chosen(session) == left
    assert session.state.selection.rows == (3, 4)  # the picks are another thing
    session.undo_stack.undo()
    assert chosen(session) == [1, 7]
    operations.clear_neighbors(session=session)
    operations.new_anchor(session=session, row=8)
    assert chosen(session) == [1, 7]
    operations.clear_selection(session=session)
    assert chosen(session) == []


def test_classes_everything_and_the_rest_are_selected(session: Session) -> None:
    samples, shown = session.state.samples, session.state.layer_map
    label = int(samples.class_label[0])
    operations.choose_class(session=session, number=label)
    assert chosen(session) == np.flatnonzero(samples.class_label == label).tolist()
    operations.invert_chosen(session=session)
    assert chosen(session) == np.flatnonzero(samples.class_label != label).tolist()
    operations.choose_class(session=session, number=label, how="add")
    assert chosen(session) == list(range(N))
    unplaced = shown.xy.copy()
    unplaced[[2, 6]] = np.nan
    session.update(replace(session.state, layer_map=replace(shown, xy=unplaced)))
    operations.choose_all(session=session)
    assert chosen(session) == [row for row in range(N) if row not in (2, 6)]
    operations.invert_chosen(session=session)
    assert chosen(session) == []


def test_the_selection_becomes_the_neighbours_as_many_as_a_mask_takes(session: Session) -> None:
    operations.use_chosen_as_neighbors(session=session)
    assert "Select samples first" in said(session)
    operations.choose_rows(session=session, rows=RowSet([4, 8, 12]))
    operations.use_chosen_as_neighbors(session=session)
    assert sorted(session.state.selection.rows) == [4, 8, 12]
    operations.new_anchor(session=session, row=12)
    operations.use_chosen_as_neighbors(session=session)
    assert session.state.selection.anchor == 12  # it was in the set, so it stays
    assert sorted(session.state.selection.neighbors) == [4, 8]
    operations.choose_all(session=session)
    operations.use_chosen_as_neighbors(session=session)
    picked = session.state.selection
    assert len(picked.neighbors) == MAX_NEIGHBORS
    assert f"of {N} selected samples" in said(session)
    xy = session.state.layer_map.xy.astype(np.float64)
    away = np.linalg.norm(xy - np.median(xy, axis=0), axis=1)
    left_out = [row for row in range(N) if row not in picked.rows]
    assert away[list(picked.neighbors)].max() <= away[left_out].min() + 1e-9


def test_a_neighbour_is_added_once_and_the_first_is_the_anchor(session: Session) -> None:
    for row in (3, 3, 5, 5, 3):
        operations.add_neighbor(session=session, row=row)
    assert session.state.selection == Selection(anchor=3, manual=(5,))


def test_the_mean_picture_of_the_selection_is_asked_for_and_kept(
    session: Session, worker: Recorder
) -> None:
    operations.average_chosen(session=session, worker=worker)
    assert worker.submitted == []
    assert "Select samples first" in said(session)
    operations.choose_rows(session=session, rows=RowSet([1, 2]))
    operations.average_chosen(session=session, worker=worker)
    operations.average_chosen(session=session, worker=worker)
    first, job = worker.submitted
    assert worker.cancelled == [first.job_id]  # nobody would see it
    assert isinstance(job, AveragePictures)
    assert job.rows.tolist() == [1, 2]
    grey = np.zeros((4, 4, 3), np.float32)
    mean = PictureMean("edm", ("a", "b"), grey, grey)
    finish(session, worker, job.job_id, mean)
    assert session.state.mean is mean


def test_the_selection_is_exported_with_its_places_on_the_map(
    session: Session, worker: Recorder, tmp_path: Path
) -> None:
    operations.export_chosen(session=session, worker=worker, file=tmp_path / "a.csv")
    assert worker.submitted == []
    operations.choose_rows(session=session, rows=RowSet([2, 5]))
    operations.export_chosen(session=session, worker=worker, file=tmp_path / "a.csv")
    job = worker.submitted[-1]
    assert isinstance(job, ExportSamples)
    assert job.columns["umap_x"].tolist() == session.state.layer_map.xy[[2, 5], 0].tolist()
    finish(session, worker, job.job_id, SamplesExported(2, job.file))
    assert said(session) == f"Wrote 2 samples to {tmp_path / 'a.csv'}"


def test_a_class_is_highlighted_and_class_0_too(session: Session) -> None:
    for number in (3, 0, None):
        operations.highlight_class(session=session, number=number)
        assert session.state.highlighted_class == number


# --- opening -------------------------------------------------------------------------------------


def test_opening_leaves_the_window_until_the_data_are_there(
    session: Session, worker: Recorder
) -> None:
    before = session.state
    source = Source(path=Path("elsewhere"), max_classes=3)
    operations.open_data(session=session, worker=worker, source=source, model="a")
    job = worker.only(OpenData)
    assert (job.source, job.model) == (source, "a")
    assert running(session, job).title == "Opening data"
    for name in ("source", "path", "model", "samples", "layer_map", "settings", "selection"):
        assert getattr(session.state, name) is getattr(before, name), name
    operations.open_data(session=session, worker=worker, source=Source())
    assert session.state.jobs[-1].title == "Opening the demo"


def test_opened_data_load_their_model(session: Session, worker: Recorder) -> None:
    session.update(State())
    operations.open_data(session=session, worker=worker, source=SOURCE)
    opening = worker.only(OpenData)
    finish(session, worker, opening.job_id, data_opened())
    state = session.state
    assert (state.model, state.path, state.memory) == ("edm", Path("data"), 1000)
    assert state.settings == EDM
    assert state.layer_map is not None
    job = worker.only(LoadModel)
    assert (job.model, job.source) == ("edm", SOURCE)
    assert [r.job for r in state.jobs] == [job]
    assert state.notice is None


def test_switching_the_model_takes_its_defaults_and_keeps_trajectories(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    run = generate(session, worker, choice=2, steps=3)
    finish(session, worker, run.job_id, Trajectory(run, 2, 1, (step(0), step(1)), "cpu"))
    mine = GenerateSettings(num_steps=99)
    operations.change_settings(session=session, settings=mine, class_choice=2)
    loaded = ModelLoaded(model="edm", device="cpu", num_classes=4, resolution=16, layers=())
    session.update(replace(session.state, loaded=loaded))
    operations.switch_model(session=session, worker=worker, model="edm")
    assert len(worker.submitted) == 1  # it is open
    operations.switch_model(session=session, worker=worker, model="dmd2")
    job = worker.only(OpenData)
    assert (job.model, job.source) == ("dmd2", SOURCE)
    assert session.state.settings == mine
    finish(session, worker, job.job_id, data_opened("dmd2"))
    state = session.state
    assert state.settings == DMD2
    assert state.class_choice == "anchor"
    assert state.selection == Selection()
    assert not session.undo_stack.canUndo()
    kept = state.trajectory(run.job_id)
    assert kept is not None
    assert not state.on_this_map(kept)  # kept, and hidden
    assert worker.only(LoadModel).model == "dmd2"


def test_opening_the_same_model_again_keeps_settings(session: Session, worker: Recorder) -> None:
    mine = GenerateSettings(num_steps=99)
    operations.change_settings(session=session, settings=mine, class_choice=2)
    operations.open_data(session=session, worker=worker, source=SOURCE, model="edm")
    finish(session, worker, 1, data_opened())
    assert session.state.settings == mine
    assert session.state.class_choice == 2


def test_another_folder_starts_afresh(session: Session, worker: Recorder) -> None:
    click(session, 1)
    generate(session, worker, steps=1)
    operations.highlight_class(session=session, number=3)
    session.update(replace(session.state, model_problem="no checkpoint"))
    operations.open_data(session=session, worker=worker, source=Source(path=Path("b")))
    finish(session, worker, worker.last_id, data_opened(path="b"))
    state = session.state
    assert state.trajectories == ()
    assert (state.shown, state.highlighted_class, state.model_problem) == (None, None, None)
    assert state.loaded is None


def test_problems_of_a_folder_are_said_at_once(session: Session, worker: Recorder) -> None:
    operations.open_data(session=session, worker=worker, source=SOURCE)
    finish(session, worker, 1, data_opened(problems=("bad cannot be opened: x.", "another.")))
    assert said(session) == "bad cannot be opened: x. (2 problems)"
    assert session.state.notice is not None
    assert session.state.notice.details == "bad cannot be opened: x.\nanother."
    assert session.state.problems == ("bad cannot be opened: x.", "another.")


def test_a_folder_without_a_map_is_mapped_once_the_model_is_loaded(
    session: Session, worker: Recorder
) -> None:
    operations.open_data(session=session, worker=worker, source=SOURCE)
    finish(session, worker, 1, data_opened(layer_map=None, default_layers=()))
    loading = worker.only(LoadModel)
    loaded = ModelLoaded("edm", "cpu", 4, 8, (LayerInfo("midblock", (2, 2, 2), False),))
    finish(session, worker, loading.job_id, loaded)
    assert session.state.loaded is loaded
    job = worker.only(MapLayer)
    assert job.layers == ()
    assert running(session, job).title == "Mapping the default layer"
    finish(session, worker, job.job_id, layer_map())
    assert session.state.layer_map is not None
    assert session.state.loaded is not None
    assert session.state.loaded.layers[0].cached


# --- the loaded model ----------------------------------------------------------------------------

BY_THE_ADAPTER = GenerateSettings(num_steps=40, mask_steps=40, sigma_max=50.0, rho=5.0)


def loads(session: Session, worker: Recorder, **facts: Any) -> ModelLoaded:
    """Its model is loaded, as the engine says it."""
    operations.open_data(session=session, worker=worker, source=SOURCE)
    finish(session, worker, worker.last_id, data_opened())
    loaded = ModelLoaded("edm", "cpu", 3, 8, (), **{"settings": BY_THE_ADAPTER, **facts})
    finish(session, worker, worker.last_id, loaded)
    return loaded


def test_settings_of_the_loaded_model_are_taken_over(session: Session, worker: Recorder) -> None:
    loads(session, worker)
    assert session.state.settings == BY_THE_ADAPTER
    # they are this model's from now on, and no other's
    summaries = {model.name: model.settings for model in session.state.models}
    assert summaries == {"dmd2": DMD2, "edm": BY_THE_ADAPTER}


def test_settings_that_a_person_edited_before_stay(session: Session, worker: Recorder) -> None:
    operations.open_data(session=session, worker=worker, source=SOURCE)
    finish(session, worker, worker.last_id, data_opened())
    mine = replace(session.state.settings, num_steps=7)
    operations.change_settings(session=session, settings=mine, class_choice="zero")
    loaded = ModelLoaded("edm", "cpu", 3, 8, (), settings=BY_THE_ADAPTER)
    finish(session, worker, worker.last_id, loaded)
    assert session.state.settings == mine
    assert session.state.loaded is loaded


def test_another_model_brings_its_own_settings(session: Session, worker: Recorder) -> None:
    loads(session, worker)
    operations.switch_model(session=session, worker=worker, model="dmd2")
    finish(session, worker, worker.last_id, data_opened("dmd2"))
    assert session.state.settings == DMD2
    few = replace(DMD2, sigma_min=0.25)
    loaded = ModelLoaded("dmd2", "cpu", 3, 8, (), settings=few)
    finish(session, worker, worker.last_id, loaded)
    assert session.state.settings == few


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
    operations.convert_checkpoint(session=session, worker=worker)
    job = worker.only(ConvertCheckpoint)
    assert (job.model, job.source) == ("edm", SOURCE)
    assert running(session, job).title == "Converting the checkpoint"
    finish(session, worker, job.job_id, CheckpointConverted("edm", Path("edm.safetensors")))
    assert "edm.safetensors is used from now on" in said(session)
    assert session.state.notice.offer is None
    assert session.state.notice.level == "info"
    assert not session.state.loaded.convertible
    operations.convert_checkpoint(session=session, worker=worker)
    assert worker.only(ConvertCheckpoint) is job
    assert "needs no conversion" in said(session)


def test_a_conversion_that_fails_can_be_tried_again(session: Session, worker: Recorder) -> None:
    loads(session, worker, convertible=True)
    operations.convert_checkpoint(session=session, worker=worker)
    job = worker.only(ConvertCheckpoint)
    operations.on_failed(
        session=session, worker=worker, job_id=job.job_id, message="Disk full.", details="…"
    )
    assert said(session) == "Disk full."
    assert session.state.loaded.convertible
    assert session.state.model_problem is None


def test_a_conversion_that_ends_after_a_switch_changes_the_other_model_in_nothing(
    session: Session, worker: Recorder
) -> None:
    loads(session, worker, convertible=True)
    operations.convert_checkpoint(session=session, worker=worker)
    job = worker.only(ConvertCheckpoint)
    operations.switch_model(session=session, worker=worker, model="dmd2")
    finish(session, worker, worker.last_id, data_opened("dmd2"))
    other = ModelLoaded("dmd2", "cpu", 3, 8, (), convertible=True)
    finish(session, worker, worker.last_id, other)
    finish(session, worker, job.job_id, CheckpointConverted("edm", Path("edm.safetensors")))
    assert session.state.loaded.convertible
    assert "edm.safetensors is used from now on" in said(session)


def test_notes_of_a_run_are_said(session: Session, worker: Recorder) -> None:
    click(session, 1)
    job = generate(session, worker)
    steps = (step(0),)
    result = Trajectory(job, 1, 5, steps, "cuda", notes=("cuda ran out of memory.",))
    finish(session, worker, job.job_id, result)
    assert said(session) == "cuda ran out of memory."
    assert session.state.trajectory(job.job_id).done


def test_a_loaded_model_that_is_no_longer_open_is_ignored(
    session: Session, worker: Recorder
) -> None:
    job = LoadModel(job_id=50, source=SOURCE, model="dmd2")
    session.update(session.state.with_job(RunningJob(job, "Loading dmd2")))
    finish(session, worker, 50, ModelLoaded("dmd2", "cpu", 4, 8, ()))
    assert session.state.loaded is None
    assert session.state.jobs == ()


def test_progress_says_more_of_a_stage(session: Session, worker: Recorder) -> None:
    job = change(session, worker, "encoder_block_0")
    event = Progress(job.job_id, "extracting", 0.5, "96 of 2000, 41/s")
    operations.on_event(session=session, event=event)
    assert running(session, job).detail == "96 of 2000, 41/s"
    operations.on_event(session=session, event=Progress(job.job_id, "layout"))
    assert running(session, job).detail == ""
    operations.on_event(session=session, event=event)
    operations.cancel_job(session=session, worker=worker, job_id=job.job_id)
    assert running(session, job).detail == ""


# --- layers --------------------------------------------------------------------------------------


def change(session: Session, worker: Recorder, *layers: str) -> MapLayer:
    operations.change_layer(session=session, worker=worker, layers=layers)
    job = worker.submitted[-1]
    assert isinstance(job, MapLayer)
    return job


def test_the_old_map_stays_until_the_new_one_is_there(session: Session, worker: Recorder) -> None:
    old = session.state.layer_map
    click(session, 10, 30)
    operations.suggest_neighbors(session=session, worker=worker, count=3)
    run = generate(session, worker, steps=2)
    job = change(session, worker, "decoder_block_1")
    assert (job.model, job.source, job.layers) == ("edm", SOURCE, ("decoder_block_1",))
    assert session.state.layer_map is old
    new = layer_map(("decoder_block_1",), notes=("2 pictures are missing.",))
    finish(session, worker, job.job_id, new)
    assert session.state.layer_map is new
    assert said(session) == "2 pictures are missing."
    # what the person picked stays; what was suggested by another layer goes
    assert session.state.selection == Selection(10, (30,))
    kept = session.state.trajectory(run.job_id)
    assert kept is not None
    assert len(kept.steps) == 2
    assert not session.state.on_this_map(kept)
    finish(session, worker, change(session, worker, "midblock").job_id, layer_map())
    assert session.state.on_this_map(kept)  # and back again


def test_the_same_layer_again_is_no_work(session: Session, worker: Recorder) -> None:
    operations.change_layer(session=session, worker=worker, layers=("midblock",))
    assert worker.submitted == []
    session.update(State())
    operations.change_layer(session=session, worker=worker, layers=("midblock",))
    assert worker.submitted == []


def test_only_the_last_choice_counts(session: Session, worker: Recorder) -> None:
    first = change(session, worker, "encoder_block_0")
    second = change(session, worker, "encoder_block_1")
    assert worker.cancelled == [first.job_id]
    finish(session, worker, first.job_id, layer_map(("encoder_block_0",)))  # it was done already
    assert session.state.layer_map is not None
    assert session.state.layer_map.layers == ("midblock",)
    finish(session, worker, second.job_id, layer_map(("encoder_block_1",)))
    assert session.state.layer_map.layers == ("encoder_block_1",)
    assert session.state.jobs == ()


def test_going_back_to_the_map_on_screen_cancels_the_new_one(
    session: Session, worker: Recorder
) -> None:
    job = change(session, worker, "encoder_block_0")
    operations.change_layer(session=session, worker=worker, layers=("midblock",))
    assert worker.cancelled == [job.job_id]
    assert worker.submitted == [job]
    assert running(session, job).stage == "cancelling"
    finish(session, worker, job.job_id, layer_map(("encoder_block_0",)))
    assert session.state.layer_map is not None
    assert session.state.layer_map.layers == ("midblock",)


def test_a_map_of_a_model_that_is_no_longer_open_is_ignored(
    session: Session, worker: Recorder
) -> None:
    job = change(session, worker, "encoder_block_0")
    session.update(replace(session.state, model="dmd2"))
    old = session.state.layer_map
    finish(session, worker, job.job_id, layer_map(("encoder_block_0",)))
    assert session.state.layer_map is old
    job = change(session, worker, "encoder_block_1")
    session.update(replace(session.state, source=Source(path=Path("b"))))
    finish(session, worker, job.job_id, layer_map(("encoder_block_1",), model="dmd2"))
    assert session.state.layer_map is old


def test_a_failed_or_cancelled_layer_leaves_everything(session: Session, worker: Recorder) -> None:
    click(session, 10, 30)
    before = session.state
    job = change(session, worker, "encoder_block_0")
    operations.on_failed(
        session=session, worker=worker, job_id=job.job_id, message="No room.", details="trace"
    )
    assert said(session) == "No room."
    assert session.state.notice is not None
    assert (session.state.notice.level, session.state.notice.details) == ("error", "trace")
    job = change(session, worker, "encoder_block_0")
    operations.on_cancelled(session=session, job_id=job.job_id)
    assert said(session) == "Cancelled: mapping encoder_block_0."
    assert session.state.layer_map is before.layer_map
    assert session.state.selection == before.selection
    assert session.state.jobs == ()


# --- parameters of the map -----------------------------------------------------------------------

COSINE = MapParameters(metric="cosine", n_neighbors=40)


def change_parameters(
    session: Session, worker: Recorder, parameters: MapParameters | None = COSINE
) -> MapLayer:
    operations.change_map_parameters(session=session, worker=worker, parameters=parameters)
    job = worker.submitted[-1]
    assert isinstance(job, MapLayer)
    return job


def test_other_parameters_make_another_map_and_the_old_one_stays_until_then(
    session: Session, worker: Recorder
) -> None:
    before = session.state
    click(session, 10, 30)
    operations.suggest_neighbors(session=session, worker=worker, count=3)
    run = generate(session, worker, steps=2)
    undo = session.undo_stack.count()
    job = change_parameters(session, worker)
    assert job.source == replace(SOURCE, parameters=COSINE)
    assert (job.model, job.layers) == ("edm", ("midblock",))
    assert session.state.source is before.source
    assert session.state.layer_map is before.layer_map
    assert session.state.selection.suggested
    new = layer_map()
    finish(session, worker, job.job_id, new)
    state = session.state
    assert (state.layer_map, state.source) == (new, job.source)
    assert state.selection == Selection(10, (30,))  # what another map suggested is gone
    kept = state.trajectory(run.job_id)
    assert kept is not None
    assert not state.on_this_map(kept)
    assert session.undo_stack.count() == undo
    session.undo_stack.undo()  # the suggestion is undone, and made again by another map
    session.undo_stack.redo()
    assert session.state.selection == Selection(10, (30,))
    finish(session, worker, change_parameters(session, worker, None).job_id, layer_map())
    assert session.state.source == SOURCE
    assert session.state.on_this_map(kept)


@pytest.mark.parametrize("end", ["fails", "is cancelled", "comes too late"])
def test_a_map_that_does_not_come_leaves_map_and_source(
    session: Session, worker: Recorder, end: str
) -> None:
    before = session.state
    job = change_parameters(session, worker)
    if end == "fails":
        operations.on_failed(
            session=session, worker=worker, job_id=job.job_id, message="No.", details=""
        )
    else:
        operations.cancel_job(session=session, worker=worker, job_id=job.job_id)
        if end == "is cancelled":
            operations.on_cancelled(session=session, job_id=job.job_id)
        else:
            finish(session, worker, job.job_id, layer_map())
    assert session.state.source is before.source
    assert session.state.layer_map is before.layer_map
    assert session.state.jobs == ()
    # and the next layer is mapped as before
    assert change(session, worker, "encoder_block_0").source == SOURCE


def test_the_same_parameters_again_are_no_work(session: Session, worker: Recorder) -> None:
    operations.change_map_parameters(session=session, worker=worker, parameters=None)
    assert worker.submitted == []
    job = change_parameters(session, worker)
    operations.change_map_parameters(session=session, worker=worker, parameters=COSINE)
    assert worker.submitted == [job]
    assert worker.cancelled == []
    operations.change_map_parameters(session=session, worker=worker, parameters=None)
    assert worker.cancelled == [job.job_id]  # back to the map on screen
    assert worker.submitted == [job]


def test_layer_and_parameters_that_were_asked_for_add_up(
    session: Session, worker: Recorder
) -> None:
    first = change(session, worker, "encoder_block_0")
    second = change_parameters(session, worker)
    assert second.layers == ("encoder_block_0",)
    third = change(session, worker, "encoder_block_1")
    assert (third.source.parameters, third.layers) == (COSINE, ("encoder_block_1",))
    assert worker.cancelled[0] == first.job_id
    assert second.job_id in worker.cancelled
    finish(session, worker, third.job_id, layer_map(("encoder_block_1",)))
    assert session.state.source.parameters == COSINE


def test_layers_are_mapped_for_some_parameters(session: Session, worker: Recorder) -> None:
    layers = tuple(LayerInfo(n, (1,), n != "b") for n in ("midblock", "a", "b"))
    operations.open_data(session=session, worker=worker, source=SOURCE)
    finish(session, worker, worker.last_id, data_opened())
    finish(session, worker, worker.last_id, ModelLoaded("edm", "cpu", 3, 8, layers))

    def mapped() -> list[str]:
        assert session.state.loaded is not None
        return [info.name for info in session.state.loaded.layers if info.cached]

    assert mapped() == ["midblock", "a"]
    finish(session, worker, change_parameters(session, worker).job_id, layer_map())
    assert mapped() == ["midblock"]
    finish(session, worker, change(session, worker, "b").job_id, layer_map(("b",)))
    assert mapped() == ["midblock", "b"]
    finish(session, worker, change_parameters(session, worker, None).job_id, layer_map(("b",)))
    assert mapped() == ["midblock", "a", "b"]


def test_suggesting_waits_for_the_map_in_work(session: Session, worker: Recorder) -> None:
    session.update(replace(session.state, layer_map=layer_map(reduced=None)))
    click(session, 10)
    job = change_parameters(session, worker)
    operations.suggest_neighbors(session=session, worker=worker, count=4)
    assert worker.submitted == [job]
    assert "once the new map is there" in said(session)
    finish(session, worker, job.job_id, layer_map())
    operations.suggest_neighbors(session=session, worker=worker, count=4)
    assert len(session.state.selection.suggested) == 4


def test_the_measured_rate_is_kept_for_this_model(session: Session, worker: Recorder) -> None:
    job = change(session, worker, "encoder_block_0")
    finish(session, worker, job.job_id, layer_map(("encoder_block_0",), rate=41.0))
    assert session.state.rate == 41.0
    finish(session, worker, change(session, worker, "midblock").job_id, layer_map())
    assert session.state.rate == 41.0  # nothing was extracted: nothing is known anew
    operations.switch_model(session=session, worker=worker, model="dmd2")
    finish(session, worker, worker.last_id, data_opened("dmd2"))
    assert session.state.rate is None


def test_the_colours_tell_what_was_asked_where_it_is_known(
    session: Session, worker: Recorder
) -> None:
    operations.change_color(session=session, by="trust")
    assert session.state.colored_by == "class"
    assert "not judged" in session.state.cannot_color("trust")
    job = change(session, worker, "encoder_block_0")
    judged = layer_map(("encoder_block_0",), trust=np.full(N, 0.9, np.float32))
    finish(session, worker, job.job_id, judged)
    assert session.state.colored_by == "trust"
    assert "flat" in session.state.cannot_color("z")
    assert "anchor" in session.state.cannot_color("distance")
    click(session, 3)
    assert session.state.cannot_color("distance") == ""
    assert State().cannot_color("sigma") == "The map is not there yet."


# --- importing -----------------------------------------------------------------------------------


def import_pictures(session: Session, worker: Recorder) -> ImportData:
    operations.import_data(
        session=session,
        worker=worker,
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
        "Imported 1,200 pictures as 2,400 samples of cats in made. 1 picture is broken."
    )
    assert session.state.notice is not None
    assert session.state.notice.details == "1 picture is broken.\nAnother."
    opening = worker.only(OpenData)
    assert (opening.source, opening.model) == (Source(path=Path("made")), "cats")
    assert session.state.path == Path("data")  # until it is there


def test_an_import_that_fails_leaves_what_is_open(session: Session, worker: Recorder) -> None:
    before = session.state
    job = import_pictures(session, worker)
    operations.on_failed(
        session=session, worker=worker, job_id=job.job_id, message="No room.", details=""
    )
    assert said(session) == "No room."
    assert session.state.layer_map is before.layer_map
    assert session.state.jobs == ()


def test_extracted_layers_are_said(session: Session, worker: Recorder) -> None:
    job = change(session, worker, "encoder_block_0")
    done = LayersExtracted(
        "edm", (("a",), ("b", "c")), (Path("out/a.npy"),), 40, 40, 2_500_000, 33.0
    )
    finish(session, worker, job.job_id, done)
    assert said(session) == "Extracted a, b+c of 40 samples to out: 2 MB."
    assert session.state.rate == 33.0


# --- generating ----------------------------------------------------------------------------------


def test_a_run_carries_every_input(session: Session, worker: Recorder) -> None:
    click(session, 6, 11, 2)
    settings = GenerateSettings(num_steps=3, mask_steps=1, seed=9)
    operations.generate_from_neighbors(
        session=session, worker=worker, settings=settings, class_choice=3
    )
    assert worker.only(Generate) == Generate(
        job_id=1,
        source=SOURCE,
        model="edm",
        layers=("midblock",),
        rows=(6, 11, 2),
        class_choice=3,
        settings=settings,
    )
    assert session.state.settings == settings
    assert session.state.class_choice == 3
    assert session.state.jobs[0].title == "Generating trajectory 1"
    assert [r.name for r in session.state.trajectories] == ["Trajectory 1"]


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
    assert job.class_choice == expected
    assert type(job.class_choice) is type(expected)


def test_11_without_a_pick_nothing_runs_and_the_reason_is_said(
    session: Session, worker: Recorder
) -> None:
    ask = dict(session=session, worker=worker, settings=EDM, class_choice="anchor")
    operations.generate_from_neighbors(**ask)  # type: ignore[arg-type]
    assert "a mask needs at least one sample" in said(session)
    session.update(State())
    operations.generate_from_neighbors(**ask)  # type: ignore[arg-type]
    assert said(session) == "Open a data folder first."
    assert worker.submitted == []
    assert session.state.trajectories == ()


def test_runs_wait_in_a_queue_with_names_that_are_never_reused(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    jobs = [generate(session, worker) for _ in range(3)]
    assert worker.submitted == jobs
    assert [r.stage for r in session.state.jobs] == ["waiting"] * 3
    operations.on_cancelled(session=session, job_id=jobs[1].job_id)
    assert [r.name for r in session.state.trajectories] == ["Trajectory 1", "Trajectory 3"]
    generate(session, worker)
    assert session.state.trajectories[-1].name == "Trajectory 4"


def test_a_run_grows_from_start_to_end(session: Session, worker: Recorder) -> None:
    click(session, 1)
    job = generate(session, worker)
    operations.on_started(session=session, job_id=job.job_id)
    assert running(session, job).since is not None
    operations.on_event(session=session, event=RunStarted(job.job_id, seed=77, class_label=0))
    operations.on_event(session=session, event=Progress(job.job_id, "generating", 0.5))
    assert (running(session, job).stage, running(session, job).fraction) == ("generating", 0.5)
    do_steps(session, job, 2)
    record = session.state.trajectory(job.job_id)
    assert record is not None
    assert (record.seed, record.class_label, record.done) == (77, 0, False)
    assert [s.index for s in record.steps] == [0, 1]
    steps = (step(0), step(1), step(2))
    finish(session, worker, job.job_id, Trajectory(job, 0, 77, steps, "cpu"))
    record = session.state.trajectory(job.job_id)
    assert record is not None
    assert record.done
    assert record.steps == steps
    assert session.state.jobs == ()


# --- following a run -----------------------------------------------------------------------------


def test_the_window_follows_a_run(session: Session, worker: Recorder) -> None:
    click(session, 1)
    job = generate(session, worker)
    assert session.state.shown is None
    for index in range(3):
        do_steps(session, job, 1)
        assert (session.state.shown, session.state.step) == (job.job_id, index)


def test_who_looks_back_is_left_there_until_the_end_is_reached(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    job = generate(session, worker, steps=3)
    operations.scrub_to(session=session, step=1)
    do_steps(session, job, 2)
    assert session.state.step == 1
    operations.scrub_to(session=session, step=99)
    assert session.state.step == 4
    do_steps(session, job, 1)
    assert session.state.step == 5


def test_who_looks_at_another_run_is_left_there(session: Session, worker: Recorder) -> None:
    click(session, 1)
    first = generate(session, worker, steps=4)
    second = generate(session, worker, steps=1)
    assert session.state.shown == second.job_id  # what was asked for last is shown when it begins
    operations.show_trajectory(session=session, worker=worker, key=first.job_id)
    assert session.state.step == 3
    operations.scrub_to(session=session, step=2)
    do_steps(session, second, 3)
    assert (session.state.shown, session.state.step) == (first.job_id, 2)
    operations.show_trajectory(session=session, worker=worker, key=second.job_id)
    assert session.state.step == 3
    do_steps(session, second, 1)
    assert session.state.step == 4


def test_scrubbing_stays_inside_the_run(session: Session, worker: Recorder) -> None:
    operations.scrub_to(session=session, step=3)
    assert session.state.step == 0
    click(session, 1)
    generate(session, worker, steps=4)
    for wanted, got in ((-5, 0), (2, 2), (4, 3)):
        operations.scrub_to(session=session, step=wanted)
        assert session.state.step == got
    operations.show_trajectory(session=session, worker=worker, key=999)
    assert session.state.step == 3


# --- trajectories --------------------------------------------------------------------------------


def done(session: Session, worker: Recorder, steps: int) -> Generate:
    job = generate(session, worker, steps=steps)
    result = Trajectory(job, 0, 1, tuple(step(i) for i in range(steps)), "cpu")
    finish(session, worker, job.job_id, result)
    return job


def test_39_select_clear_and_highlight_keep_trajectories(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    done(session, worker, 3)
    kept = session.state.trajectories
    click(session, 2, 3)
    operations.clear_selection(session=session)
    operations.new_anchor(session=session, row=4)
    operations.highlight_class(session=session, number=2)
    session.undo_stack.undo()
    assert session.state.trajectories == kept


def test_a_path_is_hidden_and_shown(session: Session, worker: Recorder) -> None:
    click(session, 1)
    job = done(session, worker, 2)
    for visible in (False, True):
        operations.set_trajectory_visible(session=session, key=job.job_id, visible=visible)
        record = session.state.trajectory(job.job_id)
        assert record is not None
        assert record.visible is visible
    operations.set_trajectory_visible(session=session, key=999, visible=False)


def test_deleting_the_shown_one_shows_the_last_that_is_left(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    first, second, third = (done(session, worker, n) for n in (2, 3, 4))
    operations.show_trajectory(session=session, worker=worker, key=first.job_id)
    operations.delete_trajectory(session=session, worker=worker, key=first.job_id)
    assert (session.state.shown, session.state.step) == (third.job_id, 3)
    for job in (third, second):
        operations.delete_trajectory(session=session, worker=worker, key=job.job_id)
    assert (session.state.shown, session.state.step) == (None, 0)
    assert session.state.trajectories == ()
    assert worker.cancelled == []


def test_deleting_another_one_leaves_the_step_that_is_looked_at(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    first, second = done(session, worker, 4), done(session, worker, 5)
    operations.scrub_to(session=session, step=1)
    operations.delete_trajectory(session=session, worker=worker, key=first.job_id)
    assert (session.state.shown, session.state.step) == (second.job_id, 1)


def test_deleting_a_run_in_work_cancels_it(session: Session, worker: Recorder) -> None:
    click(session, 1)
    job = generate(session, worker)
    operations.delete_trajectory(session=session, worker=worker, key=job.job_id)
    assert worker.cancelled == [job.job_id]
    operations.on_cancelled(session=session, job_id=job.job_id)
    assert session.state.trajectories == ()


@pytest.mark.parametrize("ended", ["cancelled", "failed"])
def test_an_interrupted_run_stays_with_its_steps_and_goes_without(
    session: Session, worker: Recorder, ended: str
) -> None:
    click(session, 1)
    with_steps, without = generate(session, worker, steps=2), generate(session, worker)
    for job in (with_steps, without):
        if ended == "cancelled":
            operations.on_cancelled(session=session, job_id=job.job_id)
        else:
            operations.on_failed(
                session=session, worker=worker, job_id=job.job_id, message="Bad.", details=""
            )
    (record,) = session.state.trajectories
    assert record.key == with_steps.job_id
    assert record.done
    assert len(record.steps) == 2
    assert (session.state.shown, session.state.step) == (with_steps.job_id, 1)
    assert session.state.jobs == ()


# --- comparing -----------------------------------------------------------------------------------


def masked(
    session: Session, worker: Recorder, *, seed: int = 7, steps: int = 2, ends: bool = True
) -> Generate:
    """A run whose seed is chosen by the engine; the class is random, and turns out as 3."""
    job = generate(session, worker, "random")
    operations.on_event(session=session, event=RunStarted(job.job_id, seed, class_label=3))
    do_steps(session, job, steps)
    if ends:
        drawn(session, worker, job, seed)
    return job


def drawn(session: Session, worker: Recorder, job: Generate, seed: int) -> Trajectory:
    result = Trajectory(job, 3, seed, (step(0), step(1)), "cpu", record={"of": job.job_id})
    finish(session, worker, job.job_id, result)
    return result


def compare(session: Session, worker: Recorder, comparing: bool = True) -> None:
    operations.compare_with_unmasked(session=session, worker=worker, comparing=comparing)


def test_a_run_is_compared_with_the_same_one_without_its_mask(
    session: Session, worker: Recorder
) -> None:
    click(session, 1, 2)
    masking = GenerateSettings(
        num_steps=6, mask_steps=4, mask_from=2, strength=0.5, weighting="distance",
        mask_unconditional=False, mask_layers=("decoder_block_1",), sampler="heun", s_churn=3.0,
        guidance_scale=2.0, rho=5.0,
    )  # fmt: skip
    operations.generate_from_neighbors(
        session=session, worker=worker, settings=masking, class_choice="zero"
    )
    job = worker.only(Generate)
    operations.on_event(session=session, event=RunStarted(job.job_id, seed=7, class_label=-2))
    do_steps(session, job, 1)
    compare(session, worker)
    assert worker.submitted[-1] == Generate(
        job_id=2, source=SOURCE, model="edm", layers=("midblock",), rows=(), class_choice="zero",
        settings=GenerateSettings(
            num_steps=6, mask_steps=6, sampler="heun", s_churn=3.0, guidance_scale=2.0, rho=5.0,
            seed=7,
        ),
    )  # fmt: skip
    assert session.state.jobs[-1].title == "Generating trajectory 1 without the mask"
    assert session.state.comparing


def test_the_unmasked_run_grows_beside_and_is_not_a_trajectory(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    run = masked(session, worker)
    compare(session, worker)
    plain = worker.submitted[-1]
    before = session.state
    assert before.baseline() is not None
    assert before.baseline().steps == ()
    operations.on_event(session=session, event=RunStarted(plain.job_id, 7, class_label=3))
    operations.on_event(session=session, event=StepDone(plain.job_id, step(0)))
    assert [s.index for s in session.state.baseline().steps] == [0]
    result = drawn(session, worker, plain, 7)
    record = session.state.baseline()
    assert record.done
    assert record.steps == result.steps
    assert record.record == {"of": plain.job_id}
    for name in ("trajectories", "shown", "step"):  # the person's own are as they were
        assert getattr(session.state, name) == getattr(before, name), name
    assert session.state.shown == run.job_id
    assert session.state.jobs == ()
    assert len(worker.submitted) == 2


def test_an_unmasked_run_is_drawn_once_for_all_with_its_seed(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    first = masked(session, worker)
    compare(session, worker)
    plain = worker.submitted[-1]
    for comparing in (False, True, True):  # while it waits
        compare(session, worker, comparing)
        assert session.state.comparing is comparing
    assert len(worker.submitted) == 2
    drawn(session, worker, plain, 7)
    compare(session, worker, False)
    compare(session, worker)
    assert len(worker.submitted) == 2
    # another mask with the same seed has the same unmasked run, another seed has not
    click(session, 2)
    second = masked(session, worker)
    assert session.state.baseline().key == plain.job_id
    third = masked(session, worker, seed=8)
    assert [type(job) for job in worker.submitted[1:]] == [Generate] * 4
    assert worker.submitted[-1].settings.seed == 8
    drawn(session, worker, worker.submitted[-1], 8)
    for job in (first, second, third, first):
        operations.show_trajectory(session=session, worker=worker, key=job.job_id)
    assert len(worker.submitted) == 5
    assert [r.done for r in session.state.unmasked] == [True, True]


def test_an_unmasked_run_goes_with_the_last_run_that_it_is_compared_with(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    compare(session, worker)
    first, plain = masked(session, worker), worker.submitted[-1]
    drawn(session, worker, plain, 7)
    click(session, 2)
    second = masked(session, worker)
    assert len(session.state.unmasked) == 1
    operations.delete_trajectory(session=session, worker=worker, key=first.job_id)
    assert len(session.state.unmasked) == 1
    operations.delete_trajectory(session=session, worker=worker, key=second.job_id)
    assert session.state.unmasked == ()


def test_comparing_waits_until_the_seed_is_known(session: Session, worker: Recorder) -> None:
    compare(session, worker)  # there is nothing yet
    assert worker.submitted == []
    assert session.state.comparing
    click(session, 1)
    job = generate(session, worker, steps=1)
    compare(session, worker)
    assert worker.submitted == [job]
    drawn(session, worker, job, 9)
    assert worker.submitted[-1].settings.seed == 9
    assert worker.submitted[-1].rows == ()


def test_who_no_longer_compares_gets_no_more_unmasked_runs(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    masked(session, worker)
    compare(session, worker)
    compare(session, worker, False)
    masked(session, worker, seed=8)
    assert [job.rows for job in worker.submitted] == [(1,), (), (1,)]


@pytest.mark.parametrize("ended", ["cancelled", "failed"])
def test_half_an_unmasked_run_goes_and_is_drawn_when_it_is_asked_for_again(
    session: Session, worker: Recorder, ended: str
) -> None:
    click(session, 1)
    masked(session, worker)
    kept = session.state.trajectories
    compare(session, worker)
    plain = worker.submitted[-1]
    operations.on_event(session=session, event=StepDone(plain.job_id, step(0)))
    if ended == "cancelled":
        operations.on_cancelled(session=session, job_id=plain.job_id)
        assert said(session) == "Cancelled: generating trajectory 1 without the mask."
    else:
        operations.on_failed(
            session=session, worker=worker, job_id=plain.job_id, message="Bad.", details=""
        )
        assert said(session) == "Bad."
    assert session.state.unmasked == ()
    assert session.state.trajectories == kept
    assert len(worker.submitted) == 2
    compare(session, worker)
    again = worker.submitted[-1]
    assert again == replace(plain, job_id=again.job_id)
    assert again.job_id != plain.job_id


def test_the_one_that_is_shown_after_deleting_is_compared_too(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    masked(session, worker, seed=7)
    second = masked(session, worker, seed=8)
    compare(session, worker)
    drawn(session, worker, worker.submitted[-1], 8)
    operations.delete_trajectory(session=session, worker=worker, key=second.job_id)
    assert worker.submitted[-1].settings.seed == 7
    assert session.state.baseline() is not None


def test_a_run_that_ended_before_it_heard_of_cancel_is_whole(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    job = generate(session, worker)
    operations.cancel_job(session=session, worker=worker, job_id=job.job_id)
    operations.on_event(session=session, event=RunStarted(job.job_id, 7, class_label=3))
    result = drawn(session, worker, job, 7)
    record = session.state.trajectory(job.job_id)
    assert (record.seed, record.class_label, record.done) == (7, 3, True)
    assert record.steps == result.steps


# --- landing -------------------------------------------------------------------------------------


def find_landing(session: Session, worker: Recorder, sigma: float = 0.5) -> PlacePicture:
    operations.find_landing(session=session, worker=worker, sigma=sigma)
    job = worker.submitted[-1]
    assert isinstance(job, PlacePicture)
    return job


def test_the_finished_picture_of_the_shown_run_is_placed(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    masked(session, worker, seed=5)
    shown = masked(session, worker, seed=8)
    operations.scrub_to(session=session, step=0)
    job = find_landing(session, worker)
    record = session.state.trajectory(shown.job_id)
    assert (job.source, job.model, job.layers) == (SOURCE, "edm", ("midblock",))
    assert job.image is record.steps[-1].image  # the finished one, whichever is looked at
    assert (job.class_label, job.sigma, job.seed) == (3, 0.5, 8)
    assert running(session, job).title == "Placing trajectory 2"
    placed = PicturePlaced(job, (1.0, 2.0), 0.25, ((4, 0.25), (5, 0.5)))
    finish(session, worker, job.job_id, placed)
    assert session.state.trajectory(shown.job_id).landed is placed
    assert [r.landed for r in session.state.trajectories] == [None, placed]
    assert session.state.jobs == ()


def test_a_picture_is_placed_again_at_another_level(session: Session, worker: Recorder) -> None:
    click(session, 1)
    masked(session, worker)
    for sigma in (0.5, 2.0):
        job = find_landing(session, worker, sigma)
        placed = PicturePlaced(job, (sigma, 0.0), 0.25, ())
        finish(session, worker, job.job_id, placed)
        assert session.state.trajectory().landed is placed


@pytest.mark.parametrize("ended", ["cancelled", "failed"])
def test_a_picture_that_could_not_be_placed_keeps_its_run_and_its_last_place(
    session: Session, worker: Recorder, ended: str
) -> None:
    click(session, 1)
    masked(session, worker)
    first = find_landing(session, worker)
    finish(session, worker, first.job_id, PicturePlaced(first, (1.0, 2.0), 0.25, ()))
    kept = session.state.trajectories
    job = find_landing(session, worker, 2.0)
    if ended == "cancelled":
        operations.on_cancelled(session=session, job_id=job.job_id)
        assert said(session) == "Cancelled: placing trajectory 1."
    else:
        operations.on_failed(
            session=session, worker=worker, job_id=job.job_id, message="Bad.", details="d"
        )
        assert said(session) == "Bad."
    assert session.state.trajectories == kept
    assert session.state.jobs == ()


def test_a_place_that_comes_after_its_run_was_deleted_is_dropped(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    masked(session, worker)
    deleted = masked(session, worker)
    job = find_landing(session, worker)
    operations.delete_trajectory(session=session, worker=worker, key=deleted.job_id)
    finish(session, worker, job.job_id, PicturePlaced(job, (1.0, 2.0), 0.25, ()))
    assert [r.landed for r in session.state.trajectories] == [None]


def test_a_picture_that_is_not_finished_has_no_place(session: Session, worker: Recorder) -> None:
    operations.find_landing(session=session, worker=worker, sigma=0.5)
    assert said(session) == "The picture is not finished yet."
    click(session, 1)
    job = masked(session, worker, ends=False)
    before = session.state.notice.number
    operations.find_landing(session=session, worker=worker, sigma=0.5)
    assert said(session) == "The picture is not finished yet."
    assert session.state.notice.number > before
    assert worker.submitted == [job]


# --- grids ---------------------------------------------------------------------------------------


def generate_grid(
    session: Session, worker: Recorder, choice: ClassChoice | Any = "anchor", **axes: Any
) -> GenerateGrid:
    operations.generate_grid(
        session=session, worker=worker, settings=EDM, class_choice=choice, **axes
    )
    job = worker.submitted[-1]
    assert isinstance(job, GenerateGrid)
    return job


def begin_grid(session: Session, job: GenerateGrid, seed: int, cells: int) -> tuple[GridCell, ...]:
    """The engine chose a seed and drew some of the pictures."""
    operations.on_event(session=session, event=RunStarted(job.job_id, seed, class_label=2))
    chosen = replace(job, settings=replace(job.settings, seed=seed)).cells()
    made = tuple(
        GridCell(index, settings, 2, np.full((2, 2, 3), index, np.uint8))
        for index, settings in enumerate(chosen[:cells])
    )
    for cell in made:
        operations.on_event(session=session, event=CellDone(job.job_id, cell))
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
        job_id=1, source=SOURCE, model="edm", layers=("midblock",), rows=(6, 11, 2),
        class_choice=2, settings=EDM, **axes,
    )  # fmt: skip
    assert running(session, job).title == "Generating a grid"
    assert session.state.grid.job is job
    assert session.state.grid.cells == ()
    assert session.state.trajectories == ()


def test_a_grid_without_a_pick_has_no_mask_and_nothing_of_a_mask_varies(
    session: Session, worker: Recorder
) -> None:
    free = generate_grid(session, worker, "anchor", samples=9)
    assert (free.rows, free.samples, free.class_choice) == ((), 9, "random")
    grid = session.state.grid
    ask: dict[str, Any] = {"settings": EDM, "class_choice": 1}
    for axis in (
        {"strengths": (0.5,)}, {"windows": ((0, 1),)}, {"mask_layers": (("midblock",),)}
    ):  # fmt: skip
        operations.generate_grid(session=session, worker=worker, **ask, **axis)
        assert said(session).startswith("Click a point on the map first")
    assert session.state.grid is grid
    session.update(State())
    operations.generate_grid(session=session, worker=worker, **ask)
    assert said(session) == "Open a data folder first."
    assert worker.submitted == [free]
    assert worker.cancelled == []


def test_a_grid_fills_and_is_whole_at_its_end(session: Session, worker: Recorder) -> None:
    click(session, 1)
    job = generate_grid(session, worker, samples=3)
    cells = begin_grid(session, job, seed=50, cells=2)
    grid = session.state.grid
    assert grid.job == replace(job, settings=replace(EDM, seed=50))
    assert (grid.cells, grid.done) == (cells, False)
    assert [cell.settings.seed for cell in grid.cells] == [50, 51]
    # the result has all of them, however many were seen before; its id is that of the asking side
    chosen = replace(grid.job, batch=2, job_id=0)
    whole = (*cells, GridCell(2, chosen.cells()[2], 2, np.zeros((2, 2, 3), np.uint8)))
    result = PictureGrid(chosen, whole, "cuda", ("cuda ran out of memory.",), {"kind": "grid"})
    finish(session, worker, job.job_id, result)
    grid = session.state.grid
    assert grid.job == replace(chosen, job_id=job.job_id)
    assert (grid.cells, grid.done, grid.record) == (whole, True, {"kind": "grid"})
    assert said(session) == "cuda ran out of memory."
    assert session.state.jobs == ()


@pytest.mark.parametrize("ended", ["cancelled", "failed"])
def test_what_was_drawn_of_an_interrupted_grid_stays(
    session: Session, worker: Recorder, ended: str
) -> None:
    click(session, 1)
    other = masked(session, worker)
    job = generate_grid(session, worker, samples=5)
    cells = begin_grid(session, job, seed=50, cells=2)
    if ended == "cancelled":
        operations.cancel_job(session=session, worker=worker, job_id=job.job_id)
        assert worker.cancelled == [job.job_id]
        # nothing more of it shows, and nothing of it goes, until it ended
        late = GridCell(2, cells[0].settings, 2, cells[0].image)
        operations.on_event(session=session, event=CellDone(job.job_id, late))
        assert (session.state.grid.cells, session.state.grid.done) == (cells, False)
        operations.on_cancelled(session=session, job_id=job.job_id)
        assert said(session) == "Cancelled: generating a grid."
    else:
        operations.on_failed(
            session=session, worker=worker, job_id=job.job_id, message="Bad.", details=""
        )
        assert said(session) == "Bad."
    grid = session.state.grid
    assert (grid.cells, grid.done, grid.record) == (cells, True, None)
    assert session.state.trajectory(other.job_id) is not None
    operations.generate_cell(session=session, worker=worker, index=1)
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
    operations.on_event(
        session=session,
        event=CellDone(first.job_id, GridCell(2, EDM, 2, np.zeros((2, 2, 3), np.uint8))),
    )
    operations.on_cancelled(session=session, job_id=first.job_id)
    assert session.state.grid.job is second
    assert (session.state.grid.cells, session.state.grid.done) == ((), False)
    cells = begin_grid(session, second, seed=60, cells=2)
    assert session.state.grid.cells == cells


def test_a_grid_that_ended_before_it_heard_of_cancel_is_whole_unless_another_is_shown(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    first = generate_grid(session, worker, samples=2)
    cells = begin_grid(session, first, seed=50, cells=2)
    result = PictureGrid(session.state.grid.job, cells, "cpu")
    operations.cancel_job(session=session, worker=worker, job_id=first.job_id)
    finish(session, worker, first.job_id, result)
    assert session.state.grid.cells == cells
    assert session.state.grid.done
    second = generate_grid(session, worker, samples=2)
    third = generate_grid(session, worker, samples=2)
    finish(session, worker, second.job_id, result)
    assert session.state.grid.job is third
    assert session.state.grid.cells == ()


def test_a_picture_of_a_grid_is_drawn_again_as_a_trajectory(
    session: Session, worker: Recorder
) -> None:
    click(session, 6, 11)
    job = generate_grid(session, worker, samples=2, strengths=(0.25, 1.0))
    cells = begin_grid(session, job, seed=50, cells=3)
    click(session, 12)  # what is picked now is not what it was drawn with
    operations.change_settings(session=session, settings=DMD2, class_choice="zero")
    operations.generate_cell(session=session, worker=worker, index=2)
    again = worker.only(Generate)
    assert again == Generate(
        job_id=2, source=SOURCE, model="edm", layers=("midblock",), rows=(6, 11), class_choice=2,
        settings=replace(EDM, seed=50, strength=1.0),
    )  # fmt: skip
    assert again.settings == cells[2].settings
    assert [r.name for r in session.state.trajectories] == ["Trajectory 1"]
    assert session.state.settings == DMD2  # the panel is left alone
    operations.generate_cell(session=session, worker=worker, index=3)  # not drawn yet
    assert worker.only(Generate) is again


def test_a_picture_of_a_grid_is_not_drawn_by_another_model_or_without_a_grid(
    session: Session, worker: Recorder
) -> None:
    operations.generate_cell(session=session, worker=worker, index=0)
    assert session.state.notice is None
    click(session, 1)
    job = generate_grid(session, worker, samples=2)
    begin_grid(session, job, seed=50, cells=2)
    opened = session.state
    other_map = replace(SOURCE, parameters=MapParameters(n_neighbors=5))
    for change in ({"model": "dmd2"}, {"source": other_map}):
        session.update(replace(opened, **change))
        operations.generate_cell(session=session, worker=worker, index=0)
        assert said(session).startswith("This grid belongs to another model or map")
    assert worker.submitted == [job]
    assert session.state.trajectories == ()


def test_grid_and_unmasked_runs_stay_with_the_folder(session: Session, worker: Recorder) -> None:
    click(session, 1)
    masked(session, worker)
    compare(session, worker)
    drawn(session, worker, worker.submitted[-1], 7)
    job = generate_grid(session, worker, samples=1)
    begin_grid(session, job, seed=50, cells=1)
    grid, unmasked = session.state.grid, session.state.unmasked
    operations.switch_model(session=session, worker=worker, model="dmd2")
    finish(session, worker, worker.last_id, data_opened("dmd2"))
    assert session.state.grid is grid
    assert session.state.unmasked == unmasked
    operations.open_data(session=session, worker=worker, source=Source(path=Path("b")))
    finish(session, worker, worker.last_id, data_opened(path="b"))
    assert session.state.grid is None
    assert session.state.unmasked == ()


# --- jobs ----------------------------------------------------------------------------------------


def test_what_is_said_of_unknown_jobs_is_dropped(session: Session, worker: Recorder) -> None:
    click(session, 1)
    done(session, worker, 2)
    before = session.state
    for job_id in (1, 77):  # one that ended and one that never was
        operations.on_started(session=session, job_id=job_id)
        operations.on_event(session=session, event=Progress(job_id, "x", 0.1))
        operations.on_event(session=session, event=RunStarted(job_id, 5, 3))
        operations.on_event(session=session, event=StepDone(job_id, step(9)))
        cell = GridCell(0, EDM, 0, step(9).image)
        operations.on_event(session=session, event=CellDone(job_id, cell))
        operations.on_failed(session=session, worker=worker, job_id=job_id, message="x", details="")
        operations.on_cancelled(session=session, job_id=job_id)
        operations.cancel_job(session=session, worker=worker, job_id=job_id)
        finish(session, worker, job_id, layer_map(("other",)))
        finish(session, worker, job_id, data_opened("dmd2"))
    assert session.state is before
    assert worker.cancelled == []


def test_cancel_takes_the_running_job_else_the_last_that_waits(
    session: Session, worker: Recorder
) -> None:
    operations.cancel_current(session=session, worker=worker)
    assert worker.cancelled == []
    click(session, 1)
    first, second, third = (generate(session, worker) for _ in range(3))
    operations.cancel_current(session=session, worker=worker)
    assert worker.cancelled == [third.job_id]
    operations.on_cancelled(session=session, job_id=third.job_id)
    operations.on_started(session=session, job_id=first.job_id)
    operations.cancel_current(session=session, worker=worker)
    assert worker.cancelled == [third.job_id, first.job_id]
    assert session.state.job(second.job_id) is not None


def test_cancel_takes_the_job_that_is_named_and_leaves_the_others(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    first, second = generate(session, worker), generate(session, worker)
    operations.on_started(session=session, job_id=first.job_id)
    operations.on_event(session=session, event=Progress(first.job_id, "generating", 0.5, "half"))
    operations.cancel_job(session=session, worker=worker, job_id=second.job_id)
    assert worker.cancelled == [second.job_id]
    assert running(session, second).stage == "cancelling"
    assert (running(session, first).stage, running(session, first).fraction) == ("generating", 0.5)
    operations.cancel_job(session=session, worker=worker, job_id=first.job_id)
    left = running(session, first)
    assert (left.stage, left.fraction, left.detail) == ("cancelling", None, "")
    assert left.since is not None
    assert len(session.state.trajectories) == 2  # until the engine says that they ended
    for job in (second, first):
        operations.on_cancelled(session=session, job_id=job.job_id)
    assert session.state.jobs == ()
    assert session.state.trajectories == ()


def test_a_cancelled_job_is_said_to_end_and_nothing_more_of_it_shows(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    job = generate(session, worker)
    operations.cancel_job(session=session, worker=worker, job_id=job.job_id)
    assert running(session, job).stage == "cancelling"
    operations.on_started(session=session, job_id=job.job_id)  # it left the queue just before
    operations.on_event(session=session, event=Progress(job.job_id, "generating", 0.5))
    operations.on_event(session=session, event=StepDone(job.job_id, step(0)))
    assert running(session, job).stage == "cancelling"
    assert session.state.trajectories[0].steps == ()
    operations.on_cancelled(session=session, job_id=job.job_id)
    assert said(session) == "Cancelled: generating trajectory 1."


def test_a_model_that_cannot_be_loaded_says_why_and_the_map_stays(
    session: Session, worker: Recorder
) -> None:
    job = LoadModel(job_id=50, source=SOURCE, model="edm")
    other = LoadModel(job_id=51, source=SOURCE, model="dmd2")
    state = session.state.with_job(RunningJob(job, "Loading edm"))
    session.update(state.with_job(RunningJob(other, "Loading dmd2")))
    operations.on_failed(
        session=session, worker=worker, job_id=51, message="Of another.", details=""
    )
    assert session.state.model_problem is None
    operations.on_failed(
        session=session, worker=worker, job_id=50, message="Unknown adapter.", details="d"
    )
    assert session.state.model_problem == "Unknown adapter."
    assert session.state.layer_map is not None
    assert session.state.jobs == ()


def test_a_model_whose_engine_died_is_loaded_again_once(session: Session, worker: Recorder) -> None:
    job = LoadModel(job_id=50, source=SOURCE, model="edm")
    session.update(session.state.with_job(RunningJob(job, "Loading edm")))
    operations.on_engine_changed(session=session, status="stopped")
    operations.on_failed(
        session=session, worker=worker, job_id=50, message="The engine stopped.", details=""
    )
    assert session.state.model_problem is None
    again = worker.only(LoadModel)
    assert (again.source, again.model) == (SOURCE, "edm")
    assert [running.job for running in session.state.jobs] == [again]
    operations.on_failed(
        session=session, worker=worker, job_id=again.job_id, message="It died.", details=""
    )
    assert session.state.model_problem == "It died."
    assert worker.submitted == [again]


def test_a_model_that_is_not_loaded_is_loaded_when_it_is_chosen_again(
    session: Session, worker: Recorder
) -> None:
    loaded = ModelLoaded(model="edm", device="cpu", num_classes=4, resolution=16, layers=())
    session.update(replace(session.state, loaded=loaded))
    operations.switch_model(session=session, worker=worker, model="edm")
    assert worker.submitted == []
    session.update(replace(session.state, loaded=None, model_problem="No room."))
    operations.switch_model(session=session, worker=worker, model="edm")
    job = worker.only(LoadModel)
    assert session.state.model_problem is None
    operations.switch_model(session=session, worker=worker, model="edm")
    assert worker.submitted == [job]  # it is being loaded


def test_what_the_engine_does_is_known(session: Session) -> None:
    operations.on_engine_changed(session=session, status="working")
    assert session.state.engine == "working"


def test_settings_are_remembered(session: Session) -> None:
    mine = GenerateSettings(num_steps=7)
    operations.change_settings(session=session, settings=mine, class_choice="zero")
    assert (session.state.settings, session.state.class_choice) == (mine, "zero")
