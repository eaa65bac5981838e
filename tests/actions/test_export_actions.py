"""What is exported is what the state shows, and says where it is from; nothing without its id."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from acted import Recorder, finish, said
from made_context import NoWindow, context_of
from made_runs import run_of

from diffviews_desktop.actions import exports, figures, run_tables, selection
from diffviews_desktop.actions.reasons import no_anchor
from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.engine.jobs.exporting import (
    ContentPreview,
    ContentWritten,
    PreviewContent,
    WriteContent,
)
from diffviews_desktop.engine.jobs.samples import ExportSamples
from diffviews_desktop.exports.contents import Arrays, Figure, Film, Sheet, Table
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.view import Filter
from diffviews_desktop.values.conditions import ClassLabel, ZeroLabel
from diffviews_desktop.values.figures import FigureStyle, FilmStyle
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.runs import RunStep
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.told import NOTHING, OWN_CONDITION
from diffviews_desktop.values.typicality import Measured, Typicality


def step(index: int, level: int = 9) -> RunStep:
    return RunStep(
        index=index,
        sigma=8.0 / (index + 1),
        image=np.full((4, 4, 1), level * index, np.uint8),
        noised=np.zeros((4, 4, 1), np.uint8),
        xy=(float(index), 1.0),
        distance=0.5 * index,
        imposed_xy=(2.0, 2.0) if index == 1 else None,
        reduced=np.array([index, 0.0], np.float32),
    )


@pytest.fixture
def drawn(session: Session) -> Session:
    """A session with a run of four steps on the map, and one of another layer."""
    opened = session.state.opened
    assert opened.spec is not None
    job = Generate(
        job_id=1,
        folder=opened.folder,
        spec=opened.spec,
        condition=ZeroLabel(),
        settings=SamplingSettings(num_steps=4),
    )
    steps = tuple(map(step, range(4)))
    one = run_of(job, "Run 1", steps, seed=2**62, done=True, record={"seed": 2**62})
    other = replace(job, job_id=2, spec=MapSpec("edm", ("elsewhere",)))
    two = run_of(other, "my, run", steps[:2], seed=5)
    runs = replace(session.state.runs, all=(one, two), shown=1)
    session.update(replace(session.state, runs=runs))
    return session


def content_of(worker: Recorder) -> object:
    job = worker.submitted[-1]
    assert isinstance(job, WriteContent)
    return job.content


def test_a_figure_shows_what_the_map_shows(
    drawn: Session, worker: Recorder, tmp_path: Path
) -> None:
    state = drawn.state
    view = replace(
        state.view, filters=(Filter("class", hidden=frozenset({0})),), highlighted_class=2
    )
    picks = replace(state.picks, selection=Selection(anchor=3, manual=(4,), suggested=((6, 1.0),)))
    drawn.update(replace(state, view=view, picks=picks))
    exports.write_figure(context_of(drawn, worker), tmp_path / "a.pdf")
    figure = content_of(worker)
    assert isinstance(figure, Figure)
    shown, samples = figure.map, state.opened.samples
    assert samples is not None
    hidden = np.isnan(shown.xy[:, 0])
    first = samples.classes()[0][0]
    assert (samples.class_label[hidden] == first).all()
    assert hidden.sum() == (samples.class_label == first).sum()
    lit = samples.class_label == 2
    assert shown.opacity[lit].min() > shown.opacity[~lit].max()
    assert {ring.role for ring in shown.rings} == {"anchor", "manual", "suggested"}
    assert [path.name for path in shown.paths] == ["Run 1"]  # the other is of another layer
    assert shown.caption.startswith("Model edm, layer midblock")
    record = figure.record
    assert record is not None
    assert record["layers"] == ["midblock"]
    assert {"model", "folder", "parameters", "samples", "colored_by"} <= set(record)
    json.dumps(dict(record))


def test_parts_of_a_figure_can_be_left_out(drawn: Session) -> None:
    style = FigureStyle(runs=False, marks=False, whole=True)
    shown = figures.map_shown(drawn.state, style)
    assert (list(shown.paths), list(shown.rings), shown.part) == ([], [], None)


def test_a_preview_of_many_samples_is_of_a_fair_part(
    drawn: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = figures.figure_of(drawn.state, FigureStyle(names=True))
    monkeypatch.setattr(figures, "MOST_PREVIEWED", 10)
    fewer = figures.preview_of(figure).map
    assert len(fewer.xy) == len(fewer.opacity) == len(fewer.values.values) == 10
    assert fewer.classes is not None
    assert len(fewer.classes) == 10
    where = [np.flatnonzero((figure.map.xy == xy).all(axis=1))[0] for xy in fewer.xy]
    assert (figure.map.classes[where] == fewer.classes).all()  # type: ignore[index]


def test_a_film_is_of_the_run_that_is_meant(
    drawn: Session, worker: Recorder, tmp_path: Path
) -> None:
    context = context_of(drawn, worker)
    exports.write_film(context, tmp_path / "a.gif")
    film = content_of(worker)
    assert isinstance(film, Film)
    assert film.pictures.shape == (4, 4, 4, 1)
    assert film.titles[1] == "step 2 of 4, σ 4"
    assert film.map is not None
    assert [path.name for path in film.map.paths] == ["Run 1"]
    assert film.record is not None
    assert film.record["runs"][0]["record"] == {"seed": 2**62}
    exports.write_film(context, tmp_path / "a.gif", FilmStyle(rate=2.0), run=2)
    film = content_of(worker)
    assert isinstance(film, Film)
    assert film.map is None  # it is on no map that is there
    assert len(film.pictures) == 2


@pytest.mark.parametrize(
    ("most", "steps"),
    [(None, [1, 2, 3, 4]), (2, [1, 4]), (3, [1, 2, 4]), (1, [4]), (9, [1, 2, 3, 4])],
)
def test_a_filmstrip_has_the_last_step_whatever_is_left_out(
    drawn: Session, worker: Recorder, tmp_path: Path, most: int | None, steps: list[int]
) -> None:
    exports.write_strip(context_of(drawn, worker), tmp_path / "a.png", most)
    sheet = content_of(worker)
    assert isinstance(sheet, Sheet)
    assert sheet.record is not None
    assert sheet.record["steps"] in (steps, [1, 3, 4])  # half of three is either
    assert [name.split(" ")[0] for name in sheet.column_names] == [
        str(number) for number in sheet.record["steps"]
    ]
    assert len(sheet.pictures) == sheet.count == len(steps)


def test_steps_of_runs_have_ids_places_and_distances(drawn: Session) -> None:
    runs = drawn.state.runs.all
    table = run_tables.steps_table(drawn.state, runs, activations=True)
    columns = table.columns
    assert {len(values) for values in columns.values()} == {6}  # type: ignore[arg-type]
    assert list(columns["run"]) == [1, 1, 1, 1, 2, 2]  # type: ignore[call-overload]
    assert columns["run_name"][4] == "my, run"  # type: ignore[index]
    assert columns["seed"][0] == str(2**62)  # type: ignore[index]
    assert list(columns["step"])[:4] == [1, 2, 3, 4]  # type: ignore[call-overload]
    assert columns["layers"][5] == "elsewhere"  # type: ignore[index]
    assert np.isnan(columns["imposed_umap_x"]).tolist()[:2] == [True, False]  # type: ignore[arg-type]
    assert columns["distance_to_samples"].tolist()[:4] == [0, 0.5, 1, 1.5]  # type: ignore[union-attr]
    assert columns["activation_1"].tolist() == [0, 1, 2, 3, 0, 1]  # type: ignore[union-attr]
    assert table.record is not None
    assert [one["name"] for one in table.record["runs"]] == ["Run 1", "my, run"]


def test_steps_of_runs_say_how_usual_they_are_and_what_the_samples_were_told(
    drawn: Session,
) -> None:
    runs = drawn.state.runs
    far = Typicality(Measured(1.0, 40.0, 2.0), Measured(0.9, 100.0, 0.4), sigma=80.0)
    first, second = runs.all
    steps = (replace(first.steps[0], typicality=far), *first.steps[1:])
    spec = replace(second.job.spec, told=OWN_CONDITION)
    record = {"job": {"told": "none"}}
    first = replace(first, steps=steps, record=record)
    second = replace(second, job=replace(second.job, spec=spec))
    columns = run_tables.steps_table(drawn.state, (first, second)).columns
    figures = ("distance_percentile", "outside_components", "outside_percentile")
    assert [columns[name][0] for name in figures] == [40, 0.9, 100]  # type: ignore[index]
    assert np.isnan([columns[name][1] for name in figures]).all()  # type: ignore[index]
    assert list(columns["among_samples"])[:2] == ["beyond the samples' 95 %", ""]  # type: ignore[call-overload]
    assert list(columns["samples_told"])[3:5] == ["none", "own"]  # type: ignore[call-overload]


def test_distances_to_the_unmasked_run_are_there_where_it_was_drawn(drawn: Session) -> None:
    runs = drawn.state.runs
    run = runs.all[0]
    unmasked = run.unmasked
    assert unmasked is not None
    other = run_of(replace(unmasked, job_id=9), "unmasked", tuple(step(0) for _ in range(4)))
    drawn.update(replace(drawn.state, runs=replace(runs, unmasked=(other,))))
    table = run_tables.steps_table(drawn.state, runs.all)
    far = table.columns["distance_to_unmasked"]
    assert far.tolist()[:4] == [0, 1, 2, 3]  # type: ignore[union-attr]
    assert np.isnan(far[4:]).all()  # type: ignore[index]


def test_an_npz_of_runs_has_pictures_and_activations(
    drawn: Session, worker: Recorder, tmp_path: Path
) -> None:
    context = context_of(drawn, worker)
    exports.write_runs(context, tmp_path / "a.npz", (1,))
    content = content_of(worker)
    assert isinstance(content, Arrays)
    assert np.shape(content.arrays["run_1/pictures"]) == (4, 4, 4, 1)
    assert np.shape(content.arrays["run_1/reduced"]) == (4, 2)
    assert "run_2/pictures" not in content.arrays
    assert content.arrays["run_name"] == ["Run 1"] * 4
    arrays = [one for one in content.arrays.values() if isinstance(one, np.ndarray)]
    assert not [array for array in arrays if array.dtype == object]
    exports.write_runs(context, tmp_path / "a.parquet")
    assert isinstance(content_of(worker), Table)


def test_neighbours_are_exported_with_role_and_distances(
    drawn: Session, worker: Recorder, tmp_path: Path
) -> None:
    context = context_of(drawn, worker)
    exports.export_neighbors(context, tmp_path / "a.csv")
    assert worker.submitted == []
    spec = drawn.state.opened.spec
    picked = Selection(anchor=3, manual=(7,), suggested=((5, 2.5),), suggested_by=spec)
    drawn.select(picked, "test")
    exports.export_neighbors(context, tmp_path / "a.csv")
    job = worker.only(ExportSamples)
    assert job.rows.tolist() == [3, 7, 5]
    assert job.columns["role"].tolist() == ["anchor", "by hand", "suggested"]
    far = [abs(1.1**row - 1.1**3) for row in (3, 7, 5)]
    assert job.columns["distance_on_map"] == pytest.approx(far, rel=1e-5)
    assert job.columns["distance_in_activations"][0] == 0
    told = job.columns["suggested_distance"]
    assert told[2] == 2.5
    assert np.isnan(told[:2]).all()
    assert job.record is not None
    assert job.record["kind"] == "neighbours"


def test_a_table_of_samples_says_what_they_were_told(
    drawn: Session, worker: Recorder, tmp_path: Path
) -> None:
    context, opened = context_of(drawn, worker), drawn.state.opened
    selection.choose_rows(context, RowSet([4, 2]))
    for told, written in ((NOTHING, "none"), (ClassLabel(3), "3"), (None, None)):
        shown = replace(opened.layer_map, told=told)
        drawn.update(replace(drawn.state, opened=replace(opened, layer_map=shown)))
        exports.export_chosen(context, tmp_path / "a.csv")
        job = worker.submitted[-1]
        assert isinstance(job, ExportSamples)
        column = job.columns.get("told")
        assert (column is None) if written is None else (list(column) == [written] * 2)  # type: ignore[arg-type]


def test_what_was_written_is_said_and_previews_are_on_no_list(
    drawn: Session, worker: Recorder, tmp_path: Path
) -> None:
    window = NoWindow()
    context = context_of(drawn, worker, window)
    exports.preview_figure(context, FigureStyle(), 100)
    exports.preview_figure(context, FigureStyle(legend=False), 100)
    first, second = worker.submitted
    assert isinstance(second, PreviewContent)
    assert worker.cancelled == [first.job_id]  # only the newest counts
    jobs = drawn.state.jobs
    assert (jobs.running, jobs.aside, jobs.status_job()) == ((), (), None)
    pixels = np.zeros((5, 6, 3), np.uint8)
    finish(drawn, worker, second.job_id, ContentPreview(second.job_id, pixels), window=window)
    assert window.asked == [("preview", (5, 6, 3))]
    assert drawn.state.jobs.ended == ()
    exports.write_figure(context, tmp_path / "a.svg")
    job = worker.submitted[-1]
    finish(drawn, worker, job.job_id, ContentWritten((tmp_path / "a.svg",), 12_345))
    assert said(drawn) == f"Wrote {tmp_path / 'a.svg'} (12.3 kB)"


def test_what_is_not_there_is_not_offered(session: Session) -> None:
    assert exports.no_runs(session.state) == "There is no run yet: press Generate."
    assert exports.no_grid(session.state).startswith("There is no grid yet")
    assert no_anchor(session.state).startswith("Click a point")
    assert exports.nothing_to_export(session.state) == ""
