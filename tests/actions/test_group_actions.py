"""Selections with a name, clusters, views with a name, and finding samples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from acted import SPEC, Recorder, data_opened, finish, samples
from made_context import context_of

from diffviews_desktop.actions import (
    exports,
    finding,
    groups,
    keeping,
    palette,
    selection,
    showing,
    views,
)
from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.sample import SAMPLE_ACTIONS
from diffviews_desktop.engine.jobs.clustering import ClustersFound, FindClusters
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.engine.jobs.samples import ExportSamples
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.values import hidden_rows, values_of
from diffviews_desktop.state.view import Filter
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.sample_sets import SET_COLORS


@pytest.fixture
def context(session: Session, worker: Recorder) -> Context:
    return context_of(session, worker)


def name(context: Context, rows: tuple[int, ...], called: str) -> None:
    selection.choose_rows(context, RowSet(rows))
    groups.name_chosen(context, called)


def named(context: Context) -> dict[str, list[int]]:
    return {one.name: list(one.rows) for one in context.state.groups.sets_of("edm")}


# ---- selections with a name ---------------------------------------------------------------------


def test_a_selection_is_kept_under_a_name_and_chosen_again(context: Context) -> None:
    name(context, (1, 2, 9), "odd")
    name(context, (5,), "five")
    selection.clear_chosen(context)
    groups.choose_set(context, 1)
    groups.choose_set(context, 2, "add")
    assert list(context.state.picks.selection.chosen) == [1, 2, 5, 9]
    groups.choose_set(context, 1, "remove")
    assert list(context.state.picks.selection.chosen) == [5]


def test_naming_renaming_and_deleting_can_be_undone(context: Context) -> None:
    name(context, (1, 2), "a")
    name(context, (3,), "b")
    groups.rename_set(context, 1, "  first ")
    groups.color_set(context, 1, "#123456")
    groups.delete_set(context, 1)
    assert named(context) == {"b": [3]}
    context.session.undo()
    assert named(context) == {"first": [1, 2], "b": [3]}
    assert context.state.groups.set_numbered(1).color == "#123456"
    for _ in range(2):
        context.session.undo()
    assert named(context) == {"a": [1, 2], "b": [3]}
    assert context.state.groups.set_numbered(1).color == SET_COLORS[0]


def test_the_same_name_replaces_and_nothing_has_no_name(context: Context) -> None:
    name(context, (1,), "a")
    name(context, (2, 3), "a")
    assert named(context) == {"a": [2, 3]}
    context.session.undo()
    assert named(context) == {"a": [1]}
    groups.name_chosen(context, "   ")
    name(context, (), "nobody")
    assert named(context) == {"a": [1]}


def test_colours_and_filters_tell_named_selections(context: Context) -> None:
    name(context, (1, 2), "a")
    name(context, (2, 3), "b")
    found = values_of(context.state, "set")
    assert found.names == ("a", "b")
    assert found.colors == SET_COLORS[:2]
    assert [int(found.values[row]) for row in range(5)] == [-1, 0, 1, 1, -1]
    showing.only_category(context, "set", 1, 2)
    shown = np.flatnonzero(~hidden_rows(context.state))
    assert shown.tolist() == [2, 3]


def test_they_find_their_samples_where_the_table_has_them_now(
    context: Context, session: Session, worker: Recorder
) -> None:
    name(context, (1, 2, 9), "odd")
    groups.find_clusters(context)
    labels = np.array([0, 1, 0], np.int32)
    found = ClustersFound(SPEC, 3, np.array([2, 9, 30]), labels, ("x", "y"), 0)
    finish(session, worker, worker.only(FindClusters).job_id, found)
    table = samples()
    turned = replace(table, sample_id=("new", *table.sample_id[:8], *table.sample_id[9:][::-1]))
    assert len(turned) == len(table)
    job = OpenData(job_id=worker.next_id(), folder=context.state.opened.folder)
    submit(context, job, "opening")
    finish(session, worker, job.job_id, data_opened(samples=turned, fingerprint="other"))
    assert turned.sample_id.index("s9") == 39
    assert named(context) == {"odd": [2, 3, 39]}
    clusters = groups.shown_clusters(context.state)
    rows = [turned.sample_id.index(one) for one in ("s2", "s9", "s30")]
    assert sorted(clusters.samples.rows) == sorted(rows)
    each = clusters.of_each(len(turned))
    assert [int(each[row]) for row in rows] == [0, 1, 0]
    assert "s8" not in turned.sample_id


def test_another_folder_has_none_of_them(
    context: Context, session: Session, worker: Recorder
) -> None:
    name(context, (1,), "a")
    views.keep_view(context, "all")
    job = OpenData(job_id=worker.next_id(), folder=context.state.opened.folder)
    submit(context, job, "opening")
    finish(session, worker, job.job_id, data_opened(path="elsewhere"))
    assert context.state.groups.all_sets == ()
    assert context.state.groups.views == ()


def test_leaving_asks_for_named_selections_that_no_session_holds(
    context: Context, tmp_path: Path
) -> None:
    gone: list[bool] = []
    keeping.leave(context, "Quitting", lambda: gone.append(True))
    assert gone == [True]
    name(context, (1, 2), "a")
    keeping.leave(context, "Quitting", lambda: gone.append(True))
    assert gone == [True]
    question = "1 named selection is not saved in a session. Quitting drops it."
    assert context.window.sessions.asked[-1] == ("keep", question)
    context.window.sessions.file = tmp_path / "a.diffviews"
    keeping.save(context)
    keeping.leave(context, "Quitting", lambda: gone.append(True))
    assert gone == [True, True]
    groups.rename_set(context, 1, "b")
    assert len(keeping.held_alone(context.state).groups.all_sets) == 0
    keeping.leave(context, "Quitting", lambda: gone.append(True))
    assert gone == [True, True]


# ---- clusters -----------------------------------------------------------------------------------


def test_clusters_are_shown_renamed_and_chosen(
    context: Context, session: Session, worker: Recorder
) -> None:
    groups.find_clusters(context, 7)
    job = worker.only(FindClusters)
    assert (job.spec, job.smallest, job.places.shape) == (context.state.opened.spec, 7, (40, 2))
    labels = np.array([1, 0, 0], np.int32)
    found = ClustersFound(job.spec, 7, np.array([2, 4, 6]), labels, ("many", "few"), 37)
    finish(session, worker, job.job_id, found)
    state = context.state
    assert state.colored_by == "cluster"
    assert "2 clusters" in state.notice.text
    groups.rename_cluster(context, 0, "lots")
    assert values_of(context.state, "cluster").names == ("lots", "few")
    groups.choose_cluster(context, 0)
    assert list(context.state.picks.selection.chosen) == [4, 6]
    context.session.undo()
    context.session.undo()
    assert values_of(context.state, "cluster").names == ("many", "few")


def test_names_of_clusters_come_back_when_another_search_is_undone(
    context: Context, session: Session, worker: Recorder
) -> None:
    labels = np.zeros(2, np.int32)
    for called, size in (("birds", 7), ("cats", 5)):
        groups.find_clusters(context, size)
        job = worker.submitted[-1]
        assert isinstance(job, FindClusters)
        found = ClustersFound(job.spec, size, np.array([2, 4]), labels, (called,), 0)
        finish(session, worker, job.job_id, found)
        if called == "birds":
            assert context.state.notice is not None
            assert context.state.notice.text == "Found 1 cluster."
            groups.rename_cluster(context, 0, "owls")
    assert values_of(context.state, "cluster").names == ("cats",)
    context.session.undo()
    assert values_of(context.state, "cluster").names == ("owls",)
    context.session.redo()
    assert values_of(context.state, "cluster").names == ("cats",)


def test_no_cluster_says_what_to_do(context: Context, session: Session, worker: Recorder) -> None:
    groups.find_clusters(context)
    job = worker.only(FindClusters)
    nothing = np.empty(0, np.int64)
    found = ClustersFound(job.spec, 25, nothing, nothing.astype(np.int32), (), 40)
    finish(session, worker, job.job_id, found)
    assert "Try again with fewer" in context.state.notice.text
    assert context.state.colored_by == "class"


def test_both_are_columns_of_an_export(
    context: Context, session: Session, worker: Recorder, tmp_path: Path
) -> None:
    name(context, (1, 2), "a, b")
    groups.find_clusters(context)
    job = worker.only(FindClusters)
    found = ClustersFound(job.spec, 3, np.array([2]), np.zeros(1, np.int32), ("dogs",), 39)
    finish(session, worker, job.job_id, found)
    selection.choose_rows(context, RowSet((1, 2, 3)))
    exports.export_chosen(context, tmp_path / "a.csv")
    columns = worker.only(ExportSamples).columns
    assert columns["cluster"].texts() == ["", "dogs", ""]
    assert columns["selection: a, b"].tolist() == [1, 1, 0]


# ---- views --------------------------------------------------------------------------------------


def test_a_view_comes_back_with_its_filters_and_colours(context: Context) -> None:
    showing.filter_values(context, "sigma", 0.5, None)
    showing.toggle_category(context, "class", 1)
    showing.change_color(context, "sigma")
    views.keep_view(context, "noisy")
    kept = context.state.view
    showing.show_all(context)
    showing.change_color(context, "class")
    views.use_view(context, "noisy")
    assert context.state.view.filters == kept.filters
    assert context.state.view.color_by == "sigma"
    assert kept.filters == (Filter("sigma", 0.5), Filter("class", hidden=frozenset({1})))
    views.keep_view(context, "noisy")
    assert len(context.state.groups.views) == 1
    views.delete_view(context, "noisy")
    assert context.state.groups.views == ()
    assert context.state.view.filters == kept.filters


def test_keeping_and_deleting_a_view_can_be_undone(context: Context) -> None:
    def colors() -> list[tuple[str, str]]:
        return [(one.name, one.color_by) for one in context.state.groups.views]

    views.keep_view(context, "mine")
    showing.change_color(context, "sigma")
    views.keep_view(context, "mine")
    views.keep_view(context, "other")
    views.delete_view(context, "mine")
    wanted = [
        [("mine", "sigma"), ("other", "sigma")],
        [("mine", "sigma")],
        [("mine", "class")],
        [],
    ]
    for each in wanted:
        context.session.undo()
        assert colors() == each
    context.session.redo()
    assert colors() == [("mine", "class")]


def test_the_palette_finds_all_of_them(
    context: Context, session: Session, worker: Recorder
) -> None:
    name(context, (1, 2), "odd ones")
    views.keep_view(context, "odd view")
    groups.find_clusters(context)
    job = worker.only(FindClusters)
    found = ClustersFound(job.spec, 3, np.array([2]), np.zeros(1, np.int32), ("odd dogs",), 39)
    finish(session, worker, job.job_id, found)
    entries = {one.title: one for one in palette.find(context, "odd")}
    selection.clear_chosen(context)
    palette.do(context, entries["Select odd ones (2 samples)"])
    assert list(context.state.picks.selection.chosen) == [1, 2]
    palette.do(context, entries["Select cluster odd dogs (1 sample)"])
    assert list(context.state.picks.selection.chosen) == [2]
    palette.do(context, entries["View odd view"])
    assert context.state.view.color_by == "class"


# ---- finding ------------------------------------------------------------------------------------


def test_what_is_found_is_gone_through_and_selected(context: Context) -> None:
    finding.find_samples(context, "s3")
    found = context.state.find
    assert found.rows.tolist() == [3, *range(30, 40)]
    assert context.window.asked == [("sample", 3)]
    finding.go_through(context, 1)
    finding.go_through(context, -2)
    assert context.window.asked == [("sample", 3), ("sample", 30), ("sample", 39)]
    finding.choose_found(context)
    assert list(context.state.picks.selection.chosen) == [3, *range(30, 40)]
    finding.find_samples(context, "")
    assert context.state.find.rows is None
    assert finding.NEXT.why_not(context.state)


def test_the_picture_is_selected_at_all_noise_levels(context: Context) -> None:
    opened = context.state.opened
    paths = tuple(f"{row % 20}.png" for row in range(40))
    sigma = np.where(np.arange(40) < 20, 0.5, 8).astype(np.float32)
    table = replace(opened.samples, image_path=paths, sigma=sigma)
    context.update(replace(context.state, opened=replace(opened, samples=table)))
    action = next(one for one in SAMPLE_ACTIONS if one.id == "sample.same-picture")
    action.run(context, 27)
    assert list(context.state.picks.selection.chosen) == [7, 27]
