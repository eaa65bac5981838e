"""Every verb, on the real session; the worker only notes what it is asked."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from made_context import context_of
from made_runs import told
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import (
    answers,
    asking,
    experiments,
    exports,
    folders,
    maps,
    picks,
    runs,
    selection,
    showing,
)
from diffviews_desktop.actions.registry import ACTIONS
from diffviews_desktop.engine.jobs.drawing import (
    Generate,
    GenerateGrid,
    PictureGrid,
    PicturePlaced,
    PlacePicture,
    RunResult,
)
from diffviews_desktop.engine.jobs.importing import DataImported, ImportData
from diffviews_desktop.engine.jobs.mapping import LayersExtracted, MapLayer
from diffviews_desktop.engine.jobs.opening import (
    CheckpointConverted,
    ConvertCheckpoint,
    DataOpened,
    LoadModel,
    OpenData,
)
from diffviews_desktop.engine.jobs.samples import (
    AveragePictures,
    ExportSamples,
    PictureMean,
    SamplesExported,
)
from diffviews_desktop.engine.protocol import CellDone, Job, Progress, RunStarted, StepDone
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.opened import Opened
from diffviews_desktop.state.picks import MAX_NEIGHBORS, Selection
from diffviews_desktop.state.runs import Runs
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.state import State
from diffviews_desktop.values.conditions import (
    ClassLabel,
    RandomClass,
    ZeroLabel,
    choice_of,
    described,
    from_choice,
)
from diffviews_desktop.values.folders import LayerInfo, ModelLoaded, ModelSummary, Source
from diffviews_desktop.values.maps import LayerMap, MapParameters
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.runs import GridCell, RunStep
from diffviews_desktop.values.samples import Column, SampleTable
from diffviews_desktop.values.sampling import GenerateSettings

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
        opened=Opened(
            source=SOURCE,
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
        source=Source(path=Path(path)),
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


def finish(session: Session, worker: Recorder, job_id: int, result: Any) -> None:
    answers.on_finished(context_of(session, worker), job_id=job_id, result=result, memory=1000)


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


# --- picking -------------------------------------------------------------------------------------


def test_first_click_is_the_anchor_others_toggle(session: Session) -> None:
    click(session, 3)
    assert session.state.picks.selection == Selection(3)
    click(session, 3)
    assert session.state.picks.selection == Selection(3)
    assert session.undo_stack.count() == 1
    click(session, 7, 0, 9)
    assert session.state.picks.selection == Selection(3, (7, 0, 9))
    click(session, 0)
    assert session.state.picks.selection == Selection(3, (7, 9))


def test_row_0_is_a_row_like_any_other(session: Session) -> None:
    click(session, 0, 0, 4)
    assert session.state.picks.selection == Selection(0, (4,))


def test_every_pick_can_be_undone(session: Session, worker: Recorder) -> None:
    seen = [session.state.picks.selection]

    def now() -> None:
        seen.append(session.state.picks.selection)

    for row in (3, 7, 8, 7):
        click(session, row)
        now()
    picks.suggest_neighbors(context_of(session, worker), count=4)
    now()
    picks.remove_neighbor(
        context_of(session, worker), row=session.state.picks.selection.suggested[0][0]
    )
    now()
    picks.clear_neighbors(context_of(session, worker))
    now()
    assert session.state.picks.selection == Selection(3)
    picks.new_anchor(context_of(session, worker), row=9)
    now()
    assert session.state.picks.selection == Selection(9)
    picks.clear_selection(context_of(session, worker))
    now()
    assert session.state.picks.selection == Selection()
    assert len(set(seen)) > 6
    for expected in seen[-2::-1]:
        session.undo_stack.undo()
        assert session.state.picks.selection == expected
    for expected in seen[1:]:
        session.undo_stack.redo()
        assert session.state.picks.selection == expected


def test_undo_is_named_after_what_was_done(session: Session) -> None:
    names = []
    for row in (3, 7, 7):
        click(session, row)
        names.append(session.undo_stack.undoText())
    assert names == ["set anchor", "add neighbour", "remove neighbour"]


def test_twenty_neighbours_at_most_and_said_when_it_bites(session: Session) -> None:
    click(session, 0, *range(1, 21))
    assert session.state.notice is None
    assert len(session.state.picks.selection.neighbors) == MAX_NEIGHBORS == 20
    click(session, 25)
    assert len(session.state.picks.selection.neighbors) == 20
    assert "at most 20 neighbours" in said(session)
    click(session, 20, 25)  # one out, one in
    assert session.state.picks.selection.neighbors[-1] == 25
    assert len(session.state.picks.selection.rows) == 21


def test_suggested_are_the_nearest_in_activation_space(session: Session, worker: Recorder) -> None:
    click(session, 10)
    picks.suggest_neighbors(context_of(session, worker), count=3)
    suggested = session.state.picks.selection.suggested
    values = 0.9 ** np.arange(N)
    order = [i for i in np.argsort(np.abs(values - values[10]), kind="stable") if i != 10]
    assert [row for row, _ in suggested] == order[:3] == [11, 9, 12]
    np.testing.assert_allclose(
        [d for _, d in suggested], np.abs(values[order[:3]] - values[10]), rtol=1e-3
    )
    assert session.state.picks.suggest_count == 3
    assert not session.state.picks.suggest_on_map
    assert worker.submitted == []


def test_suggested_on_the_map_by_choice(session: Session, worker: Recorder) -> None:
    click(session, 10)
    picks.suggest_neighbors(context_of(session, worker), count=3, on_map=True)
    assert [row for row, _ in session.state.picks.selection.suggested] == [9, 11, 8]
    assert session.state.picks.suggest_on_map


def test_suggestions_replace_suggestions_and_leave_those_by_hand(
    session: Session, worker: Recorder
) -> None:
    click(session, 10, 11, 30)
    for count in (5, 2):
        picks.suggest_neighbors(context_of(session, worker), count=count)
        selection = session.state.picks.selection
        assert selection.manual == (11, 30)
        assert len(selection.suggested) == count
        assert [row for row, _ in selection.suggested][:2] == [9, 12]
    click(session, 9)
    assert session.state.picks.selection.neighbors == (11, 30, 12)


def test_suggestions_fill_up_to_twenty(session: Session, worker: Recorder) -> None:
    click(session, 10, *range(20, 38))
    picks.suggest_neighbors(context_of(session, worker), count=2)
    assert session.state.notice is None
    assert len(session.state.picks.selection.neighbors) == 20
    picks.suggest_neighbors(context_of(session, worker), count=5)
    assert len(session.state.picks.selection.neighbors) == 20
    assert "at most 20" in said(session)
    click(session, 39)
    assert 39 not in session.state.picks.selection.neighbors


def test_suggest_needs_an_anchor(session: Session, worker: Recorder) -> None:
    picks.suggest_neighbors(context_of(session, worker), count=3)
    assert said(session).startswith("Click a point on the map first")
    session.update(State())
    picks.suggest_neighbors(context_of(session, worker), count=3)
    assert said(session).startswith("Click a point on the map first")
    assert worker.submitted == []


def test_a_map_without_activations_gets_them_first_then_suggests_what_was_asked(
    session: Session, worker: Recorder
) -> None:
    session.update(
        replace(
            session.state, opened=replace(session.state.opened, layer_map=layer_map(reduced=None))
        )
    )
    click(session, 10)
    picks.suggest_neighbors(context_of(session, worker), count=2, on_map=True)
    assert [row for row, _ in session.state.picks.selection.suggested] == [9, 11]
    assert worker.submitted == []
    picks.suggest_neighbors(context_of(session, worker), count=9)
    job = worker.only(MapLayer)
    assert job.layers == ("midblock",)
    finish(session, worker, job.job_id, layer_map())
    assert len(session.state.picks.selection.suggested) == 9
    assert [row for row, _ in session.state.picks.selection.suggested][:2] == [11, 9]
    assert len(worker.submitted) == 1


def chosen(session: Session) -> list[int]:
    return list(session.state.picks.selection.chosen)


def test_samples_are_selected_added_taken_away_and_toggled(session: Session) -> None:
    click(session, 3, 4)
    for rows, how, left in (
        ([5, 1], "replace", [1, 5]),
        ([5, 7], "add", [1, 5, 7]),
        ([5], "remove", [1, 7]),
        ([7, 9], "toggle", [1, 9]),
    ):
        selection.choose_rows(context_of(session), rows=RowSet(rows), how=how)
        assert chosen(session) == left
    assert session.state.picks.selection.rows == (3, 4)  # the picks are another thing
    session.undo_stack.undo()
    assert chosen(session) == [1, 7]
    picks.clear_neighbors(context_of(session))
    picks.new_anchor(context_of(session), row=8)
    assert chosen(session) == [1, 7]
    picks.clear_selection(context_of(session))
    assert chosen(session) == []


def test_classes_everything_and_the_rest_are_selected(session: Session) -> None:
    samples, shown = session.state.opened.samples, session.state.opened.layer_map
    label = int(samples.class_label[0])
    selection.choose_class(context_of(session), number=label)
    assert chosen(session) == np.flatnonzero(samples.class_label == label).tolist()
    selection.invert_chosen(context_of(session))
    assert chosen(session) == np.flatnonzero(samples.class_label != label).tolist()
    selection.choose_class(context_of(session), number=label, how="add")
    assert chosen(session) == list(range(N))
    unplaced = shown.xy.copy()
    unplaced[[2, 6]] = np.nan
    session.update(
        replace(
            session.state,
            opened=replace(session.state.opened, layer_map=replace(shown, xy=unplaced)),
        )
    )
    selection.choose_all(context_of(session))
    assert chosen(session) == [row for row in range(N) if row not in (2, 6)]
    selection.invert_chosen(context_of(session))
    assert chosen(session) == []


def test_the_selection_becomes_the_neighbours_as_many_as_a_mask_takes(session: Session) -> None:
    selection.use_chosen_as_neighbors(context_of(session))
    assert "Select samples first" in said(session)
    selection.choose_rows(context_of(session), rows=RowSet([4, 8, 12]))
    selection.use_chosen_as_neighbors(context_of(session))
    assert sorted(session.state.picks.selection.rows) == [4, 8, 12]
    picks.new_anchor(context_of(session), row=12)
    selection.use_chosen_as_neighbors(context_of(session))
    assert session.state.picks.selection.anchor == 12  # it was in the set, so it stays
    assert sorted(session.state.picks.selection.neighbors) == [4, 8]
    selection.choose_all(context_of(session))
    selection.use_chosen_as_neighbors(context_of(session))
    picked = session.state.picks.selection
    assert len(picked.neighbors) == MAX_NEIGHBORS
    assert f"of {N} selected samples" in said(session)
    xy = session.state.opened.layer_map.xy.astype(np.float64)
    away = np.linalg.norm(xy - np.median(xy, axis=0), axis=1)
    left_out = [row for row in range(N) if row not in picked.rows]
    assert away[list(picked.neighbors)].max() <= away[left_out].min() + 1e-9


def test_a_neighbour_is_added_once_and_the_first_is_the_anchor(session: Session) -> None:
    for row in (3, 3, 5, 5, 3):
        picks.add_neighbor(context_of(session), row=row)
    assert session.state.picks.selection == Selection(anchor=3, manual=(5,))


def test_the_mean_picture_of_the_selection_is_asked_for_and_kept(
    session: Session, worker: Recorder
) -> None:
    selection.average_chosen(context_of(session, worker))
    assert worker.submitted == []
    assert "Select samples first" in said(session)
    selection.choose_rows(context_of(session, worker), rows=RowSet([1, 2]))
    selection.average_chosen(context_of(session, worker))
    selection.average_chosen(context_of(session, worker))
    first, job = worker.submitted
    assert worker.cancelled == [first.job_id]  # nobody would see it
    assert isinstance(job, AveragePictures)
    assert job.rows.tolist() == [1, 2]
    grey = np.zeros((4, 4, 3), np.float32)
    mean = PictureMean("edm", ("a", "b"), grey, grey)
    finish(session, worker, job.job_id, mean)
    assert session.state.picks.mean is mean


def test_the_selection_is_exported_with_its_places_on_the_map(
    session: Session, worker: Recorder, tmp_path: Path
) -> None:
    exports.export_chosen(context_of(session, worker), file=tmp_path / "a.csv")
    assert worker.submitted == []
    selection.choose_rows(context_of(session, worker), rows=RowSet([2, 5]))
    exports.export_chosen(context_of(session, worker), file=tmp_path / "a.csv")
    job = worker.submitted[-1]
    assert isinstance(job, ExportSamples)
    assert job.columns["umap_x"].tolist() == session.state.opened.layer_map.xy[[2, 5], 0].tolist()
    finish(session, worker, job.job_id, SamplesExported(2, job.file))
    assert said(session) == f"Wrote 2 samples to {tmp_path / 'a.csv'}"


def test_a_class_is_highlighted_and_class_0_too(session: Session) -> None:
    for number in (3, 0, None):
        showing.highlight_class(context_of(session), number=number)
        assert session.state.view.highlighted_class == number


# --- opening -------------------------------------------------------------------------------------


def test_opening_leaves_the_window_until_the_data_are_there(
    session: Session, worker: Recorder
) -> None:
    before = session.state
    source = Source(path=Path("elsewhere"), max_classes=3)
    folders.open_data(context_of(session, worker), source=source, model="a")
    job = worker.only(OpenData)
    assert (job.source, job.model) == (source, "a")
    assert running(session, job).title == "Opening data"
    for name in ("opened", "runs", "picks", "view"):
        assert getattr(session.state, name) is getattr(before, name), name
    folders.open_data(context_of(session, worker), source=Source())
    assert session.state.jobs.running[-1].title == "Opening the demo"


def test_opened_data_load_their_model(session: Session, worker: Recorder) -> None:
    session.update(State())
    folders.open_data(context_of(session, worker), source=SOURCE)
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
    assert (job.model, job.source) == ("edm", SOURCE)
    assert [r.job for r in state.jobs.running] == [job]
    assert state.notice is None


def test_switching_the_model_takes_its_defaults_and_keeps_runs(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    run = generate(session, worker, choice=2, steps=3)
    finish(session, worker, run.job_id, RunResult(run, told(2), 1, (step(0), step(1)), "cpu"))
    mine = GenerateSettings(num_steps=99)
    runs.change_settings(context_of(session, worker), settings=mine, condition=from_choice(2))
    loaded = ModelLoaded(model="edm", device="cpu", num_classes=4, resolution=16, layers=())
    session.update(replace(session.state, opened=replace(session.state.opened, loaded=loaded)))
    folders.switch_model(context_of(session, worker), model="edm")
    assert len(worker.submitted) == 1  # it is open
    folders.switch_model(context_of(session, worker), model="dmd2")
    job = worker.only(OpenData)
    assert (job.model, job.source) == ("dmd2", SOURCE)
    assert session.state.runs.settings == mine
    finish(session, worker, job.job_id, data_opened("dmd2"))
    state = session.state
    assert state.runs.settings == DMD2
    assert choice_of(state.runs.condition) == "anchor"
    assert state.picks.selection == Selection()
    assert not session.undo_stack.canUndo()
    kept = state.runs.run(run.job_id)
    assert kept is not None
    assert not state.on_this_map(kept)  # kept, and hidden
    assert worker.only(LoadModel).model == "dmd2"


@pytest.mark.parametrize(
    ("asked", "classes", "columns", "shown"),
    [
        ("class", False, ("label",), "column:label"),
        ("class", True, ("label",), "class"),
        ("class", False, ("other",), "class"),
        ("sigma", False, ("label",), "sigma"),
    ],
)
def test_samples_without_classes_are_coloured_by_their_labels(
    session: Session,
    worker: Recorder,
    asked: str,
    classes: bool,
    columns: tuple[str, ...],
    shown: str,
) -> None:
    view = replace(session.state.view, color_by=asked)
    session.update(replace(session.state, view=view))
    column = Column(np.arange(N, dtype=np.float32) % 2, ("cat", "dog"))
    labels = np.full(N, -1, np.int32)
    labels[0] = 3 if classes else -1
    table = replace(samples(), class_label=labels, columns=dict.fromkeys(columns, column))
    folders.open_data(context_of(session, worker), Source(path=Path("other")))
    job = worker.only(OpenData)
    finish(session, worker, job.job_id, data_opened(path="other", samples=table))
    assert session.state.colored_by == shown


def test_opening_the_same_model_again_keeps_settings(session: Session, worker: Recorder) -> None:
    mine = GenerateSettings(num_steps=99)
    runs.change_settings(context_of(session, worker), settings=mine, condition=from_choice(2))
    folders.open_data(context_of(session, worker), source=SOURCE, model="edm")
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
    folders.open_data(context_of(session, worker), source=Source(path=Path("b")))
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
    folders.open_data(context_of(session, worker), source=SOURCE)
    finish(session, worker, 1, data_opened(problems=("bad cannot be opened: x.", "another.")))
    assert said(session) == "bad cannot be opened: x. (2 problems)"
    assert session.state.notice is not None
    assert session.state.notice.details == "bad cannot be opened: x.\nanother."
    assert session.state.opened.problems == ("bad cannot be opened: x.", "another.")


def test_a_folder_without_a_map_is_mapped_once_the_model_is_loaded(
    session: Session, worker: Recorder
) -> None:
    folders.open_data(context_of(session, worker), source=SOURCE)
    finish(session, worker, 1, data_opened(layer_map=None, default_layers=()))
    loading = worker.only(LoadModel)
    loaded = ModelLoaded("edm", "cpu", 4, 8, (LayerInfo("midblock", (2, 2, 2), False),))
    finish(session, worker, loading.job_id, loaded)
    assert session.state.opened.loaded is loaded
    job = worker.only(MapLayer)
    assert job.layers == ()
    assert running(session, job).title == "Mapping the default layer"
    finish(session, worker, job.job_id, layer_map())
    assert session.state.opened.layer_map is not None
    assert session.state.opened.loaded is not None
    assert session.state.opened.loaded.layers[0].cached


# --- the loaded model ----------------------------------------------------------------------------

BY_THE_ADAPTER = GenerateSettings(num_steps=40, mask_steps=40, sigma_max=50.0, rho=5.0)


def loads(session: Session, worker: Recorder, **facts: Any) -> ModelLoaded:
    """Its model is loaded, as the engine says it."""
    folders.open_data(context_of(session, worker), source=SOURCE)
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
    folders.open_data(context_of(session, worker), source=SOURCE)
    finish(session, worker, worker.last_id, data_opened())
    mine = replace(session.state.runs.settings, num_steps=7, mask_steps=7)
    runs.change_settings(context_of(session, worker), settings=mine, condition=from_choice("zero"))
    of_the_model = replace(BY_THE_ADAPTER, sampler="heun")
    loaded = ModelLoaded("edm", "cpu", 3, 8, (), settings=of_the_model)
    finish(session, worker, worker.last_id, loaded)
    assert session.state.runs.settings == replace(of_the_model, num_steps=7, mask_steps=7)
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
    assert (job.model, job.source) == ("edm", SOURCE)
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
    job = LoadModel(job_id=50, source=SOURCE, model="dmd2")
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


# --- layers --------------------------------------------------------------------------------------


def change(session: Session, worker: Recorder, *layers: str) -> MapLayer:
    maps.change_layer(context_of(session, worker), layers=layers)
    job = worker.submitted[-1]
    assert isinstance(job, MapLayer)
    return job


def test_the_old_map_stays_until_the_new_one_is_there(session: Session, worker: Recorder) -> None:
    old = session.state.opened.layer_map
    click(session, 10, 30)
    picks.suggest_neighbors(context_of(session, worker), count=3)
    run = generate(session, worker, steps=2)
    job = change(session, worker, "decoder_block_1")
    assert (job.model, job.source, job.layers) == ("edm", SOURCE, ("decoder_block_1",))
    assert session.state.opened.layer_map is old
    new = layer_map(("decoder_block_1",), notes=("2 pictures are missing.",))
    finish(session, worker, job.job_id, new)
    assert session.state.opened.layer_map is new
    assert said(session) == "2 pictures are missing."
    # what the user picked stays; what was suggested by another layer goes
    assert session.state.picks.selection == Selection(10, (30,))
    kept = session.state.runs.run(run.job_id)
    assert kept is not None
    assert len(kept.steps) == 2
    assert not session.state.on_this_map(kept)
    finish(session, worker, change(session, worker, "midblock").job_id, layer_map())
    assert session.state.on_this_map(kept)  # and back again


def test_the_same_layer_again_is_no_work(session: Session, worker: Recorder) -> None:
    maps.change_layer(context_of(session, worker), layers=("midblock",))
    assert worker.submitted == []
    session.update(State())
    maps.change_layer(context_of(session, worker), layers=("midblock",))
    assert worker.submitted == []


def test_only_the_last_choice_counts(session: Session, worker: Recorder) -> None:
    first = change(session, worker, "encoder_block_0")
    second = change(session, worker, "encoder_block_1")
    assert worker.cancelled == [first.job_id]
    finish(session, worker, first.job_id, layer_map(("encoder_block_0",)))  # it was done already
    assert session.state.opened.layer_map is not None
    assert session.state.opened.layer_map.layers == ("midblock",)
    finish(session, worker, second.job_id, layer_map(("encoder_block_1",)))
    assert session.state.opened.layer_map.layers == ("encoder_block_1",)
    assert session.state.jobs.running == ()


def test_going_back_to_the_map_on_screen_cancels_the_new_one(
    session: Session, worker: Recorder
) -> None:
    job = change(session, worker, "encoder_block_0")
    maps.change_layer(context_of(session, worker), layers=("midblock",))
    assert worker.cancelled == [job.job_id]
    assert worker.submitted == [job]
    assert running(session, job).stage == "cancelling"
    finish(session, worker, job.job_id, layer_map(("encoder_block_0",)))
    assert session.state.opened.layer_map is not None
    assert session.state.opened.layer_map.layers == ("midblock",)


def test_a_map_of_a_model_that_is_no_longer_open_is_ignored(
    session: Session, worker: Recorder
) -> None:
    job = change(session, worker, "encoder_block_0")
    session.update(replace(session.state, opened=replace(session.state.opened, model="dmd2")))
    old = session.state.opened.layer_map
    finish(session, worker, job.job_id, layer_map(("encoder_block_0",)))
    assert session.state.opened.layer_map is old
    job = change(session, worker, "encoder_block_1")
    session.update(
        replace(session.state, opened=replace(session.state.opened, source=Source(path=Path("b"))))
    )
    finish(session, worker, job.job_id, layer_map(("encoder_block_1",), model="dmd2"))
    assert session.state.opened.layer_map is old


def test_a_failed_or_cancelled_layer_leaves_everything(session: Session, worker: Recorder) -> None:
    click(session, 10, 30)
    before = session.state
    job = change(session, worker, "encoder_block_0")
    answers.on_failed(
        context_of(session, worker), job_id=job.job_id, message="No room.", details="trace"
    )
    assert said(session) == "No room."
    assert session.state.notice is not None
    assert (session.state.notice.level, session.state.notice.details) == ("error", "trace")
    job = change(session, worker, "encoder_block_0")
    answers.on_cancelled(context_of(session, worker), job_id=job.job_id)
    assert said(session) == "Cancelled: mapping encoder_block_0."
    assert session.state.opened.layer_map is before.opened.layer_map
    assert session.state.picks.selection == before.picks.selection
    assert session.state.jobs.running == ()


# --- parameters of the map -----------------------------------------------------------------------

COSINE = MapParameters(metric="cosine", n_neighbors=40)


def change_parameters(
    session: Session, worker: Recorder, parameters: MapParameters | None = COSINE
) -> MapLayer:
    maps.change_map_parameters(context_of(session, worker), parameters=parameters)
    job = worker.submitted[-1]
    assert isinstance(job, MapLayer)
    return job


def test_other_parameters_make_another_map_and_the_old_one_stays_until_then(
    session: Session, worker: Recorder
) -> None:
    before = session.state
    click(session, 10, 30)
    picks.suggest_neighbors(context_of(session, worker), count=3)
    run = generate(session, worker, steps=2)
    undo = session.undo_stack.count()
    job = change_parameters(session, worker)
    assert job.source == replace(SOURCE, parameters=COSINE)
    assert (job.model, job.layers) == ("edm", ("midblock",))
    assert session.state.opened.source is before.opened.source
    assert session.state.opened.layer_map is before.opened.layer_map
    assert session.state.picks.selection.suggested
    new = layer_map()
    finish(session, worker, job.job_id, new)
    state = session.state
    assert (state.opened.layer_map, state.opened.source) == (new, job.source)
    assert state.picks.selection == Selection(10, (30,))  # what another map suggested is gone
    kept = state.runs.run(run.job_id)
    assert kept is not None
    assert not state.on_this_map(kept)
    assert session.undo_stack.count() == undo
    session.undo_stack.undo()  # the suggestion is undone, and made again by another map
    session.undo_stack.redo()
    assert session.state.picks.selection == Selection(10, (30,))
    finish(session, worker, change_parameters(session, worker, None).job_id, layer_map())
    assert session.state.opened.source == SOURCE
    assert session.state.on_this_map(kept)


@pytest.mark.parametrize("end", ["fails", "is cancelled", "comes too late"])
def test_a_map_that_does_not_come_leaves_map_and_source(
    session: Session, worker: Recorder, end: str
) -> None:
    before = session.state
    job = change_parameters(session, worker)
    if end == "fails":
        answers.on_failed(context_of(session, worker), job_id=job.job_id, message="No.", details="")
    else:
        asking.cancel_job(context_of(session, worker), job_id=job.job_id)
        if end == "is cancelled":
            answers.on_cancelled(context_of(session, worker), job_id=job.job_id)
        else:
            finish(session, worker, job.job_id, layer_map())
    assert session.state.opened.source is before.opened.source
    assert session.state.opened.layer_map is before.opened.layer_map
    assert session.state.jobs.running == ()
    # and the next layer is mapped as before
    assert change(session, worker, "encoder_block_0").source == SOURCE


def test_the_same_parameters_again_are_no_work(session: Session, worker: Recorder) -> None:
    maps.change_map_parameters(context_of(session, worker), parameters=None)
    assert worker.submitted == []
    job = change_parameters(session, worker)
    maps.change_map_parameters(context_of(session, worker), parameters=COSINE)
    assert worker.submitted == [job]
    assert worker.cancelled == []
    maps.change_map_parameters(context_of(session, worker), parameters=None)
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
    assert session.state.opened.source.parameters == COSINE


def test_layers_are_mapped_for_some_parameters(session: Session, worker: Recorder) -> None:
    layers = tuple(LayerInfo(n, (1,), n != "b") for n in ("midblock", "a", "b"))
    folders.open_data(context_of(session, worker), source=SOURCE)
    finish(session, worker, worker.last_id, data_opened())
    finish(session, worker, worker.last_id, ModelLoaded("edm", "cpu", 3, 8, layers))

    def mapped() -> list[str]:
        assert session.state.opened.loaded is not None
        return [info.name for info in session.state.opened.loaded.layers if info.cached]

    assert mapped() == ["midblock", "a"]
    finish(session, worker, change_parameters(session, worker).job_id, layer_map())
    assert mapped() == ["midblock"]
    finish(session, worker, change(session, worker, "b").job_id, layer_map(("b",)))
    assert mapped() == ["midblock", "b"]
    finish(session, worker, change_parameters(session, worker, None).job_id, layer_map(("b",)))
    assert mapped() == ["midblock", "a", "b"]


def test_suggesting_waits_for_the_map_in_work(session: Session, worker: Recorder) -> None:
    session.update(
        replace(
            session.state, opened=replace(session.state.opened, layer_map=layer_map(reduced=None))
        )
    )
    click(session, 10)
    job = change_parameters(session, worker)
    picks.suggest_neighbors(context_of(session, worker), count=4)
    assert worker.submitted == [job]
    assert "once the new map is there" in said(session)
    finish(session, worker, job.job_id, layer_map())
    picks.suggest_neighbors(context_of(session, worker), count=4)
    assert len(session.state.picks.selection.suggested) == 4


def test_a_run_is_known_by_what_it_was_drawn_by_whatever_model_is_open(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    context = context_of(session, worker)
    runs.generate_from_neighbors(context, EDM, ClassLabel(3, "three"))
    job = worker.only(Generate)
    answers.on_event(context, RunStarted(job.job_id, 7, ClassLabel(3, "three"), 35))
    other = ModelLoaded("dmd2", "cpu", 0, 8, (), class_names=((3, "tiger shark"),))
    opened = replace(session.state.opened, model="dmd2", loaded=other)
    session.update(replace(session.state, opened=opened))
    (run,) = session.state.runs.all
    assert described(run.condition) == "3 three"
    assert run.evaluations == 35


def test_the_measured_rate_is_kept_for_this_model(session: Session, worker: Recorder) -> None:
    job = change(session, worker, "encoder_block_0")
    finish(session, worker, job.job_id, layer_map(("encoder_block_0",), rate=41.0))
    assert session.state.opened.rate == 41.0
    finish(session, worker, change(session, worker, "midblock").job_id, layer_map())
    assert session.state.opened.rate == 41.0  # nothing was extracted: nothing is known again
    folders.switch_model(context_of(session, worker), model="dmd2")
    finish(session, worker, worker.last_id, data_opened("dmd2"))
    assert session.state.opened.rate is None


def test_the_colours_tell_what_was_asked_where_it_is_known(
    session: Session, worker: Recorder
) -> None:
    showing.change_color(context_of(session, worker), by="trust")
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
        "Imported 1,200 pictures as 2,400 samples of cats in made. 1 picture is broken."
    )
    assert session.state.notice is not None
    assert session.state.notice.details == "1 picture is broken.\nAnother."
    opening = worker.only(OpenData)
    assert (opening.source, opening.model) == (Source(path=Path("made")), "cats")
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


# --- generating ----------------------------------------------------------------------------------


def test_a_run_carries_every_input(session: Session, worker: Recorder) -> None:
    click(session, 6, 11, 2)
    settings = GenerateSettings(num_steps=3, mask_steps=1, seed=9)
    runs.generate_from_neighbors(context_of(session, worker), settings, from_choice(3))
    assert worker.only(Generate) == Generate(
        job_id=1,
        source=SOURCE,
        model="edm",
        layers=("midblock",),
        rows=(6, 11, 2),
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


# --- following a run -----------------------------------------------------------------------------


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


# --- runs --------------------------------------------------------------------------------


def done(session: Session, worker: Recorder, steps: int) -> Generate:
    job = generate(session, worker, steps=steps)
    result = RunResult(job, told(0), 1, tuple(step(i) for i in range(steps)), "cpu")
    finish(session, worker, job.job_id, result)
    return job


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


# --- comparing -----------------------------------------------------------------------------------


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


def test_a_run_is_compared_with_the_same_one_without_its_mask(
    session: Session, worker: Recorder
) -> None:
    click(session, 1, 2)
    masking = GenerateSettings(
        num_steps=6, mask_steps=4, mask_from=2, strength=0.5, weighting="distance",
        mask_unconditional=False, mask_layers=("decoder_block_1",), sampler="heun", s_churn=3.0,
        guidance_scale=2.0, rho=5.0,
    )  # fmt: skip
    runs.generate_from_neighbors(context_of(session, worker), masking, from_choice("zero"))
    job = worker.only(Generate)
    answers.on_event(context_of(session, worker), event=RunStarted(job.job_id, 7, told(-2), 5))
    do_steps(session, job, 1)
    compare(session, worker)
    assert worker.submitted[-1] == Generate(
        job_id=2, source=SOURCE, model="edm", layers=("midblock",), rows=(),
        condition=from_choice("zero"),
        settings=GenerateSettings(
            num_steps=6, mask_steps=6, sampler="heun", s_churn=3.0, guidance_scale=2.0, rho=5.0,
            seed=7,
        ),
    )  # fmt: skip
    assert session.state.jobs.running[-1].title == "Generating run 1 without the mask"
    assert session.state.runs.comparing


def test_the_unmasked_run_grows_beside_and_is_not_a_run(session: Session, worker: Recorder) -> None:
    click(session, 1)
    run = masked(session, worker)
    compare(session, worker)
    plain = worker.submitted[-1]
    before = session.state
    assert before.runs.baseline() is not None
    assert before.runs.baseline().steps == ()
    answers.on_event(context_of(session, worker), event=RunStarted(plain.job_id, 7, told(3), 5))
    answers.on_event(context_of(session, worker), event=StepDone(plain.job_id, step(0)))
    assert [s.index for s in session.state.runs.baseline().steps] == [0]
    result = drawn(session, worker, plain, 7)
    record = session.state.runs.baseline()
    assert record.done
    assert record.steps == result.steps
    assert record.record == {"of": plain.job_id}
    for name in ("all", "shown", "step"):  # the user's own are as they were
        assert getattr(session.state.runs, name) == getattr(before.runs, name), name
    assert session.state.runs.run().job.job_id == run.job_id
    assert session.state.jobs.running == ()
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
        assert session.state.runs.comparing is comparing
    assert len(worker.submitted) == 2
    drawn(session, worker, plain, 7)
    compare(session, worker, False)
    compare(session, worker)
    assert len(worker.submitted) == 2
    # another mask with the same seed has the same unmasked run, another seed has not
    click(session, 2)
    second = masked(session, worker)
    assert session.state.runs.baseline().job.job_id == plain.job_id
    third = masked(session, worker, seed=8)
    assert [type(job) for job in worker.submitted[1:]] == [Generate] * 4
    assert worker.submitted[-1].settings.seed == 8
    drawn(session, worker, worker.submitted[-1], 8)
    for job in (first, second, third, first):
        runs.show_run(context_of(session, worker), run_id=job.job_id)
    assert len(worker.submitted) == 5
    assert [r.done for r in session.state.runs.unmasked] == [True, True]


def test_an_unmasked_run_goes_with_the_last_run_that_it_is_compared_with(
    session: Session, worker: Recorder
) -> None:
    context = context_of(session, worker)
    click(session, 1)
    compare(session, worker)
    masked(session, worker)
    drawn(session, worker, worker.submitted[-1], 7)
    click(session, 2)
    masked(session, worker)
    first, second = session.state.runs.all
    assert len(session.state.runs.unmasked) == 1
    runs.delete_run(context, first.id)
    assert len(session.state.runs.unmasked) == 1
    runs.delete_run(context, second.id)
    assert session.state.runs.unmasked == ()


def test_comparing_waits_until_the_seed_is_known(session: Session, worker: Recorder) -> None:
    compare(session, worker)  # there is nothing yet
    assert worker.submitted == []
    assert session.state.runs.comparing
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
    kept = session.state.runs.all
    compare(session, worker)
    plain = worker.submitted[-1]
    answers.on_event(context_of(session, worker), event=StepDone(plain.job_id, step(0)))
    if ended == "cancelled":
        answers.on_cancelled(context_of(session, worker), job_id=plain.job_id)
        assert said(session) == "Cancelled: generating run 1 without the mask."
    else:
        answers.on_failed(
            context_of(session, worker), job_id=plain.job_id, message="Bad.", details=""
        )
        assert said(session) == "Bad."
    assert session.state.runs.unmasked == ()
    assert session.state.runs.all == kept
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
    runs.delete_run(context_of(session, worker), run_id=second.job_id)
    assert worker.submitted[-1].settings.seed == 7
    assert session.state.runs.baseline() is not None


def test_a_run_that_ended_before_it_heard_of_cancel_is_whole(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    job = generate(session, worker)
    asking.cancel_job(context_of(session, worker), job_id=job.job_id)
    answers.on_event(context_of(session, worker), event=RunStarted(job.job_id, 7, told(3), 5))
    result = drawn(session, worker, job, 7)
    record = session.state.runs.run(job.job_id)
    assert (record.seed, record.condition, record.done) == (7, told(3), True)
    assert record.steps == result.steps


# --- landing -------------------------------------------------------------------------------------


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
    assert (job.source, job.model, job.layers) == (SOURCE, "edm", ("midblock",))
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


# --- grids ---------------------------------------------------------------------------------------


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
        GridCell(index, settings, told(2), np.full((2, 2, 3), index, np.uint8))
        for index, settings in enumerate(chosen[:cells])
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
        job_id=1, source=SOURCE, model="edm", layers=("midblock",), rows=(6, 11, 2),
        condition=from_choice(2), settings=EDM, **axes,
    )  # fmt: skip
    assert running(session, job).title == "Generating a grid"
    assert session.state.runs.grid.job is job
    assert session.state.runs.grid.cells == ()
    assert session.state.runs.all == ()


def test_a_grid_without_a_pick_has_no_mask_and_nothing_of_a_mask_varies(
    session: Session, worker: Recorder
) -> None:
    free = generate_grid(session, worker, "anchor", samples=9)
    assert (free.rows, free.samples, free.condition) == ((), 9, RandomClass())
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
    whole = (*cells, GridCell(2, chosen.cells()[2], told(2), np.zeros((2, 2, 3), np.uint8)))
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
        job_id=2, source=SOURCE, model="edm", layers=("midblock",), rows=(6, 11),
        condition=from_choice(2),
        settings=replace(EDM, seed=50, strength=1.0),
    )  # fmt: skip
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
    other_map = replace(SOURCE, parameters=MapParameters(n_neighbors=5))
    for change in ({"model": "dmd2"}, {"source": other_map}):
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
    folders.open_data(context_of(session, worker), source=Source(path=Path("b")))
    finish(session, worker, worker.last_id, data_opened(path="b"))
    assert session.state.runs.grid is None
    assert session.state.runs.unmasked == ()


# --- jobs ----------------------------------------------------------------------------------------


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
    job = LoadModel(job_id=50, source=SOURCE, model="edm")
    other = LoadModel(job_id=51, source=SOURCE, model="dmd2")
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
    job = LoadModel(job_id=50, source=SOURCE, model="edm")
    add_job(session, RunningJob(job, "Loading edm"))
    answers.on_engine_changed(context_of(session, worker), status="stopped")
    answers.on_failed(
        context_of(session, worker), job_id=50, message="The engine stopped.", details=""
    )
    assert session.state.opened.model_problem is None
    again = worker.only(LoadModel)
    assert (again.source, again.model) == (SOURCE, "edm")
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
    job = LoadModel(job_id=50, source=SOURCE, model="dmd2")
    add_job(session, RunningJob(job, "Loading dmd2"))
    answers.on_cancelled(context_of(session, worker), job_id=50)
    assert session.state.opened.model_problem is None
    assert session.state.notice is not None
    assert session.state.notice.offer is None


def test_what_the_engine_does_is_known(session: Session) -> None:
    answers.on_engine_changed(context_of(session), status="working")
    assert session.state.engine.status == "working"


def test_settings_are_remembered(session: Session) -> None:
    mine = GenerateSettings(num_steps=7)
    runs.change_settings(context_of(session), settings=mine, condition=from_choice("zero"))
    assert (session.state.runs.settings, session.state.runs.condition) == (mine, ZeroLabel())
