"""Undoing beyond picks: filters, deletions, other layers and other models."""

from __future__ import annotations

from dataclasses import replace

import pytest
from acted import (
    Recorder,
    change,
    click,
    data_opened,
    finish,
    layer_map,
)
from made_context import context_of
from made_sessions import kept_run

from diffviews_desktop.actions import answers, folders, picks, runs, showing
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.places import go_to
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.jobs.opening import LoadModel, OpenData
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.view import Filter
from diffviews_desktop.values.folders import ModelLoaded
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.sampling import SamplingSettings


@pytest.fixture
def context(session: Session, worker: Recorder) -> Context:
    made = context_of(session, worker)
    session.place_wanted.connect(lambda place: go_to(made, place))
    return made


# ---- filters ------------------------------------------------------------------------------------


def test_filters_are_steps_among_the_picks(session: Session, context: Context) -> None:
    click(session, 3)
    showing.filter_values(context, "sigma", 0.5, None)
    showing.filter_values(context, "sigma", 0.5, None)  # nothing new
    showing.only_category(context, "class", 1, 4)
    showing.highlight_class(context, 2)
    showing.show_all(context)
    seen = []
    for _ in range(4):
        session.undo()
        view = session.state.view
        seen.append((view.filters, view.highlighted_class))
    only, least = Filter("class", hidden=frozenset((-1, 0, 2, 3))), Filter("sigma", 0.5)
    assert seen == [((least, only), 2), ((least, only), None), ((least,), None), ((), None)]
    assert session.state.picks.undo == "set anchor"
    for _ in range(4):
        session.redo()
    assert session.state.view.filters == ()
    assert session.state.picks.selection.anchor == 3
    assert session.state.picks.redo == ""


# ---- deletions ----------------------------------------------------------------------------------


def test_a_deleted_run_comes_back_where_it_was(session: Session, context: Context) -> None:
    made = tuple(kept_run(number) for number in (1, 2, 3))
    unmasked = replace(kept_run(9), job=made[1].unmasked)  # type: ignore[arg-type]
    before = replace(
        session.state.runs, all=made, unmasked=(unmasked,), shown=2, step=1, comparing=False
    )
    session.update(replace(session.state, runs=before))
    runs.delete_run(context, 2)
    assert [run.id for run in session.state.runs.all] == [1, 3]
    assert session.state.runs.unmasked == ()
    assert session.state.picks.undo == "delete Run 2"
    runs.delete_run(context, 3)
    runs.show_run(context, 1)
    session.undo()
    session.undo()
    now = session.state.runs
    assert now.all == made
    assert now.unmasked == (unmasked,)
    assert (now.shown, now.step) == (2, 1)
    session.redo()
    assert [run.id for run in session.state.runs.all] == [1, 3]


def test_runs_drawn_meanwhile_stay(session: Session, context: Context) -> None:
    session.update(
        replace(session.state, runs=replace(session.state.runs, all=(kept_run(1), kept_run(2))))
    )
    runs.delete_run(context, 1)
    state = session.state
    session.update(
        replace(state, runs=replace(state.runs, all=(*state.runs.all, kept_run(5)), shown=5))
    )
    session.undo()
    assert [run.id for run in session.state.runs.all] == [1, 2, 5]
    assert session.state.runs.shown == 5


# ---- layers -------------------------------------------------------------------------------------


def test_another_layer_is_gone_back_from(
    session: Session, worker: Recorder, context: Context
) -> None:
    click(session, 3)
    picks.suggest_neighbors(context, 2)
    before = session.state.picks.selection
    assert len(before.suggested) == 2
    session.update(
        replace(session.state, view=replace(session.state.view, rectangle=(0.0, 0.0, 1.0, 1.0)))
    )
    first = session.state.opened.spec
    job = change(session, worker, "decoder")
    finish(session, worker, job.job_id, layer_map(("decoder",)))
    assert session.state.picks.selection == before
    assert session.state.picks.undo == "show decoder"
    click(session, 7)

    session.undo()  # the neighbour
    session.undo()  # the layer
    assert session.state.opened.spec != first  # until the map is there
    assert picks.UNDO.why_not(session.state) != ""
    asked = worker.submitted[-1]
    assert isinstance(asked, MapLayer)
    assert asked.spec == first
    finish(session, worker, asked.job_id, layer_map())
    state = session.state
    assert state.opened.spec == first
    assert state.picks.selection == before
    assert state.view.rectangle == (0.0, 0.0, 1.0, 1.0)
    assert state.picks.undo == "suggest neighbours"
    assert state.picks.redo == "show decoder"

    session.redo()
    finish(session, worker, worker.submitted[-1].job_id, layer_map(("decoder",)))
    assert session.state.opened.layer_map is not None
    assert session.state.opened.layer_map.layers == ("decoder",)
    session.redo()
    assert session.state.picks.selection.manual == (7,)


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_a_way_back_that_ends_early_changes_nothing(
    end: str, session: Session, worker: Recorder, context: Context
) -> None:
    job = change(session, worker, "decoder")
    finish(session, worker, job.job_id, layer_map(("decoder",)))
    session.undo()
    number = worker.submitted[-1].job_id
    if end == "failed":
        answers.on_failed(context, number, "It is broken.", "")
    else:
        answers.on_cancelled(context, number)
    assert session.state.picks.returning is None
    session.redo()  # there already
    assert worker.submitted[-1].job_id == number
    assert session.state.picks.undo == "show decoder"


# ---- models -------------------------------------------------------------------------------------


def test_another_model_is_gone_back_from(
    session: Session, worker: Recorder, context: Context
) -> None:
    mine = SamplingSettings(num_steps=77)
    click(session, 3, 7)
    showing.filter_values(context, "sigma", 0.5, None)
    runs.change_settings(context, mine, session.state.runs.condition)
    before = session.state
    folders.switch_model(context, "dmd2")
    finish(session, worker, worker.only(OpenData).job_id, data_opened("dmd2"))
    assert session.state.picks.selection == Selection()
    assert session.state.picks.undo == "switch to dmd2"
    click(session, 12)

    session.undo()
    session.undo()
    asked = [job for job in worker.submitted if isinstance(job, OpenData)][-1]
    assert asked.model == "edm"
    finish(session, worker, asked.job_id, data_opened("edm"))
    state = session.state
    assert state.opened.model == "edm"
    assert state.picks.selection == before.picks.selection
    assert state.view.filters == before.view.filters
    assert state.runs.settings == mine
    assert state.picks.returning is None
    loading = [job for job in worker.submitted if isinstance(job, LoadModel)][-1]
    finish(session, worker, loading.job_id, ModelLoaded("edm", "cpu", 3, 8, ()))
    assert session.state.runs.settings == mine
    session.undo()
    assert session.state.view.filters == ()

    session.redo()
    session.redo()
    finish(session, worker, worker.submitted[-1].job_id, data_opened("dmd2"))
    session.redo()
    assert session.state.picks.selection.anchor == 12


def test_the_map_of_the_other_model_is_gone_back_to(
    session: Session, worker: Recorder, context: Context
) -> None:
    job = change(session, worker, "decoder")
    finish(session, worker, job.job_id, layer_map(("decoder",)))
    click(session, 3)
    folders.switch_model(context, "dmd2")
    finish(session, worker, worker.submitted[-1].job_id, data_opened("dmd2"))
    session.undo()
    finish(session, worker, worker.submitted[-1].job_id, data_opened("edm"))
    asked = worker.submitted[-1]
    assert isinstance(asked, MapLayer)
    assert asked.spec == MapSpec("edm", LayerSet(["decoder"]))
    assert session.state.picks.selection.anchor == 3
    finish(session, worker, asked.job_id, layer_map(("decoder",)))
    assert session.state.picks.returning is None
    assert session.state.picks.selection.anchor == 3


def test_steps_of_another_model_do_nothing(session: Session, context: Context) -> None:
    """The model could not be opened again, and the user goes on undoing."""
    click(session, 3)
    showing.filter_values(context, "sigma", 0.5, None)
    opened = replace(session.state.opened, model="dmd2")
    session.update(replace(session.state, opened=opened))
    before = session.state
    session.undo()
    session.undo()
    assert session.state.view.filters == before.view.filters
    assert session.state.picks.selection == before.picks.selection


def test_another_folder_ends_the_history(
    session: Session, worker: Recorder, context: Context
) -> None:
    click(session, 3)
    folders.open_other(context, replace(session.state.opened.folder, max_classes=2))
    finish(session, worker, worker.submitted[-1].job_id, data_opened(path="elsewhere"))
    assert session.state.picks.undo == ""
