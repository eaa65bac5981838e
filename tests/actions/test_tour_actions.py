"""The tour's cards: when they come, what they do for the user, and what they cannot get wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from acted import Recorder, click, generate, layer_map, samples
from made_context import NoWindow, context_of

from diffviews_desktop.actions import tour
from diffviews_desktop.actions.action import perform
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.registry import ACTIONS
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.state.session import Session
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.layers import LayerSet


@pytest.fixture
def context(session: Session, worker: Recorder) -> Context:
    """On the demo, with its own map."""
    opened = replace(
        session.state.opened,
        is_demo=True,
        model=tour.MODEL,
        default_layers=LayerSet(["midblock"]),
        layer_map=layer_map(model=tour.MODEL),
    )
    session.update(replace(session.state, opened=opened))
    return context_of(session, worker)


def test_the_greeting_comes_once_and_only_on_the_demo(context: Context, session: Session) -> None:
    tour.greet(context)
    assert session.state.tour == 0
    assert session.state.preferences.welcomed
    perform(context, ACTIONS["work.leave"])
    assert session.state.tour is None
    tour.greet(context)
    assert session.state.tour is None

    opened = replace(session.state.opened, is_demo=False)
    preferences = replace(session.state.preferences, welcomed=False)
    session.update(replace(session.state, opened=opened, preferences=preferences))
    tour.greet(context)
    assert session.state.tour is None
    assert not session.state.preferences.welcomed


def test_it_begins_with_no_picks_on_the_demos_own_map(
    context: Context, session: Session, worker: Recorder
) -> None:
    tour.do_for_user(context)  # no card, nothing to do
    assert session.state.picks.selection.anchor is None
    opened = replace(session.state.opened, layer_map=layer_map(("other",), model=tour.MODEL))
    session.update(replace(session.state, opened=opened))
    tour._pick(context)
    perform(context, ACTIONS["tour.start"])
    assert session.state.tour == 1
    assert session.state.picks.selection.rows == ()
    assert worker.only(MapLayer).spec.layers == ("midblock",)


def test_elsewhere_it_opens_the_demo_and_asks_before_runs_are_dropped(
    session: Session, worker: Recorder
) -> None:
    window = NoWindow()
    context = context_of(session, worker, window)
    click(session, 3)
    generate(session, worker, steps=2)
    worker.submitted.clear()
    perform(context, ACTIONS["tour.start"])  # the answer is to stay
    assert len(window.sessions.asked) == 1
    assert session.state.tour is None
    assert worker.submitted == []
    window.sessions.answer = "discard"
    perform(context, ACTIONS["tour.start"])
    assert worker.only(OpenData).folder == FolderRef()
    assert session.state.tour == 1


def test_cards_follow_each_other_and_end(context: Context, session: Session) -> None:
    tour.start(context)
    for number in range(2, tour.COUNT + 1):
        tour.go_on(context)
        assert session.state.tour == number
    tour.go_back(context)
    assert session.state.tour == tour.COUNT - 1
    tour.go_on(context)
    tour.go_on(context)
    assert session.state.tour is None
    tour.go_on(context)
    tour.go_back(context)
    assert session.state.tour is None


def test_what_it_picks_is_clear_and_among_its_like(context: Context, session: Session) -> None:
    opened = replace(session.state.opened, layer_map=None)
    assert tour.clear_sample(replace(session.state, opened=opened)) is None
    # two groups of a class each, apart; one sample of another class among the first
    labels = np.array([0] * 10 + [1] * 10, dtype=np.int32)
    labels[9] = 1
    xy = np.stack([np.r_[np.arange(10), np.arange(100, 110)], np.zeros(20)], axis=1)
    table = replace(
        samples(),
        root=Path("data"),
        sample_id=tuple(f"s{i}" for i in range(20)),
        class_label=labels,
        class_name=("",) * 20,
        image_path=("",) * 20,
        sigma=np.array([80.0, 2.0] * 10, np.float32),
    )
    shown = layer_map(xy=xy.astype(np.float32), reduced=None)
    opened = replace(session.state.opened, samples=table, layer_map=shown)
    row = tour.clear_sample(replace(session.state, opened=opened))
    assert row == 1
    labels[0] = 1  # which is among the nearest of 1 and 3
    opened = replace(opened, samples=replace(table, class_label=labels))
    row = tour.clear_sample(replace(session.state, opened=opened))
    assert row is not None
    assert table.sigma[row] == 2.0
    near = np.argsort(np.abs(xy[:, 0] - xy[row, 0]), kind="stable")[1:6]
    assert (labels[near] == labels[row]).all()


def test_texts_name_the_layer_of_the_map(context: Context, session: Session) -> None:
    texts = [tour.text_of(stop, session.state) for stop in tour.STOPS]
    assert not any("{" in text for text in texts)
    assert sum("midblock" in text for text in texts) >= 2
    assert tour.STOPS[0].text.count(". ") == 2  # three sentences
