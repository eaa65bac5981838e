"""Interventions of the Generate panel: sets A and B, what is added, directions that are saved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from acted import FOLDER, Recorder, click, context_of, data_opened, finish, running, said
from made_context import NoWindow

from diffviews_desktop.actions import folders, interventions, picks, runs, selection
from diffviews_desktop.actions.action import perform
from diffviews_desktop.actions.registry import ACTIONS, CHOICES
from diffviews_desktop.engine.jobs.directions import DirectionSaved, SaveDirection
from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.state.session import Session
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.directions import DirectionInfo
from diffviews_desktop.values.interventions import (
    MOST_INTERVENTIONS,
    PICKED,
    Component,
    Difference,
    Intervention,
    SavedVector,
    mean_of_samples,
)
from diffviews_desktop.values.layers import LayerSet, LayerShape
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.sampling import SamplingSettings

THREE = DirectionInfo(
    "three", "difference", "edm", LayerSet(["midblock"]), {"midblock": LayerShape((3, 2, 2))},
    Path("/data/edm/directions/three.safetensors"),
)  # fmt: skip


def take_sets(session: Session, worker: Recorder) -> None:
    """Set A is a selection, set B what is picked."""
    context = context_of(session, worker)
    selection.choose_rows(context, RowSet([1, 2, 3]))
    perform(context, ACTIONS["interventions.set-a"])
    selection.clear_chosen(context)
    click(session, 6, 11)
    perform(context, ACTIONS["interventions.set-b"])


def test_a_direction_of_two_selections_acts_in_the_next_run(
    session: Session, worker: Recorder
) -> None:
    context = context_of(session, worker)
    perform(context, ACTIONS["interventions.add"])
    assert said(session) == "Take a selection as set A first."
    take_sets(session, worker)
    assert ACTIONS["interventions.set-a"].detail(session.state) == "(3 now)"
    perform(context, ACTIONS["interventions.add"])
    direction = Intervention("add", Difference((1, 2, 3), (6, 11)))
    assert session.state.runs.interventions == (PICKED, direction)
    runs.generate_from_neighbors(context, SamplingSettings(), from_choice(1))
    job = worker.only(Generate)
    assert job.interventions == (*mean_of_samples((6, 11)), direction)
    # without picks the direction acts alone
    runs.change_settings(context, SamplingSettings(), from_choice(1), (PICKED, direction))
    picks.clear_selection(context)
    assert runs.cannot_generate(session.state) == ""
    runs.generate_from_neighbors(context, SamplingSettings(), from_choice(1))
    assert worker.submitted[-1].interventions == (direction,)


def test_what_else_can_be_added_names_what_is_saved(session: Session, worker: Recorder) -> None:
    context = context_of(session, worker)
    opened = replace(session.state.opened, directions=(THREE,))
    session.update(replace(session.state, opened=opened))
    options = {one.title: one for one in CHOICES["interventions.other"].options(context)}
    assert options["Patch from the shown run"].why_not == "There is no run yet."
    CHOICES["interventions.other"].choose(context, options["three"].value)
    component = options["Add component 2 of the map"].value
    CHOICES["interventions.other"].choose(context, component)
    assert session.state.runs.interventions == (
        PICKED, Intervention("add", SavedVector("three")), Intervention("add", Component(1)),
    )  # fmt: skip


def test_no_more_interventions_are_added_than_a_picture_is_drawn_with(
    session: Session, worker: Recorder
) -> None:
    take_sets(session, worker)
    context, choice = context_of(session, worker), CHOICES["interventions.other"]
    assert "Scale" in [one.title for one in choice.options(context) if not one.why_not]
    for _ in range(MOST_INTERVENTIONS):
        interventions.add(context, Intervention("add", Component(0)))
    assert said(session).startswith("There are 100 interventions, as many as there can be.")
    assert len(session.state.runs.interventions) == MOST_INTERVENTIONS
    assert all("Remove one first" in one.why_not for one in choice.options(context))
    for name in ("interventions.add", "interventions.steer"):
        assert "Remove one first" in ACTIONS[name].why_not(session.state)
    runs.generate_from_neighbors(context, SamplingSettings(), from_choice(1))
    assert len(worker.only(Generate).interventions) == MOST_INTERVENTIONS


def test_a_direction_is_saved_under_the_name_that_is_typed(
    session: Session, worker: Recorder
) -> None:
    take_sets(session, worker)
    window = NoWindow(text=" three ")
    context = context_of(session, worker, window)
    perform(context, ACTIONS["interventions.save"])
    job = worker.only(SaveDirection)
    assert (job.name, job.source) == ("three", Difference((1, 2, 3), (6, 11)))
    assert running(session, job).title == "Saving three"
    info = replace(THREE, model=session.state.opened.model or "")
    finish(session, worker, job.job_id, DirectionSaved(info, {"midblock": 1.0}))
    assert [one.name for one in session.state.opened.directions] == ["three"]
    assert said(session).startswith("Saved the direction three in ")


@pytest.mark.parametrize("text", [None, "../x", "a/b"])
def test_no_name_or_one_that_cannot_be_saves_nothing(
    session: Session, worker: Recorder, text: str | None
) -> None:
    take_sets(session, worker)
    perform(context_of(session, worker, NoWindow(text=text)), ACTIONS["interventions.save"])
    assert worker.submitted == []
    assert text is None or "cannot be the name of a direction" in said(session)


def test_another_model_begins_with_the_mask_alone(session: Session, worker: Recorder) -> None:
    take_sets(session, worker)
    interventions.add(context_of(session, worker), Intervention("add", Component(0)))
    folders.open_data(context_of(session, worker), folder=FOLDER)
    finish(session, worker, worker.last_id, replace(data_opened(), model="dmd2"))
    made = session.state.runs
    assert (made.interventions, made.set_a, made.set_b) == ((PICKED,), (), ())
