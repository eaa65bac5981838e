"""What the palette finds by its name, and what comes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from acted import Recorder, click, generate, layer_map, opened_state, samples
from made_context import NoWindow, context_of

from diffviews_desktop.actions import palette
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.palette import Entry
from diffviews_desktop.actions.registry import ACTIONS
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.state import State
from diffviews_desktop.values.folders import LayerInfo, ModelLoaded
from diffviews_desktop.values.packed_strings import Texts


@pytest.fixture
def window() -> NoWindow:
    return NoWindow()


@pytest.fixture
def context(session: Session, worker: Recorder, window: NoWindow) -> Context:
    state = opened_state()
    layers = (
        LayerInfo("midblock", (4, 8, 8), True), LayerInfo("encoder_block_1", (4, 8, 8), False),
    )  # fmt: skip
    loaded = ModelLoaded("edm", "cpu", 4, 8, layers)  # type: ignore[arg-type]
    session.update(replace(state, opened=replace(state.opened, loaded=loaded)))
    return context_of(session, worker, window)


def first(context: Context, text: str) -> Entry:
    found = palette.find(context, text)
    assert found, text
    return found[0]


def test_every_action_is_found_by_its_name(context: Context) -> None:
    hidden = {"window.palette", "work.leave"}
    for action in ACTIONS.values():
        titles = [entry.title for entry in palette.find(context, action.name)]
        found = any(title.startswith(action.name) for title in titles)
        assert found == (action.id not in hidden), action.id


def test_what_is_not_possible_says_why_and_does_nothing(
    context: Context, session: Session, worker: Recorder
) -> None:
    session.update(State())
    entry = first(context, "assess")
    assert entry.why_not == "The map is not there yet."
    palette.do(context, entry)
    assert worker.submitted == []
    assert session.state.notice is not None
    assert session.state.notice.text == entry.why_not


def test_choices_are_found_with_their_options(context: Context, session: Session) -> None:
    palette.do(context, first(context, "appearance dark"))
    assert session.state.preferences.appearance == "dark"


def test_models_and_layers_are_gone_to(context: Context, worker: Recorder) -> None:
    assert first(context, "model edm").why_not == "This model is open."
    palette.do(context, first(context, "dmd2"))
    assert worker.only(OpenData).model == "dmd2"
    assert first(context, "midbl").why_not == "Its map is shown."
    palette.do(context, first(context, "encoder_bl"))
    assert tuple(worker.only(MapLayer).spec.layers) == ("encoder_block_1",)


def test_runs_and_classes_are_gone_to(context: Context, session: Session, worker: Recorder) -> None:
    click(session, 3)
    generate(session, worker, 2)
    generate(session, worker, "zero")
    assert session.state.runs.shown is None
    palette.do(context, first(context, "run 2"))
    assert session.state.runs.shown == 2
    palette.do(context, first(context, "class 3"))
    assert list(session.state.picks.selection.chosen) == list(range(3, 40, 4))


@pytest.mark.parametrize("packed", [False, True])
def test_samples_are_found_by_number_and_id(
    context: Context, session: Session, window: NoWindow, packed: bool
) -> None:
    table = samples()
    if packed:
        table = replace(table, sample_id=Texts.of(table.sample_id))
    opened = replace(session.state.opened, samples=table, layer_map=layer_map())
    session.update(replace(session.state, opened=opened))
    for text in ("#31", "31", "s31", "S31"):
        entry = first(context, text)
        assert entry.title.startswith("#31 s31 · 3 class 3"), text
        palette.do(context, entry)
    assert window.asked == [("sample", 31)] * 4
    assert len(palette.find(context, "s1")) >= 11  # s1, s10 … s19
    assert [entry for entry in palette.find(context, "#40") if entry.kind == "Sample"] == []


def test_what_begins_with_the_text_comes_before_what_holds_it(context: Context) -> None:
    titles = [entry.title for entry in palette.find(context, "gen")]
    assert titles[0] == "Generate"
    assert palette.find(context, "xyzzy") == []
    assert len(palette.find(context, "")) == palette.MOST_FOUND


def test_every_word_must_be_there(context: Context) -> None:
    found = palette.find(context, "map export")
    assert [entry.title for entry in found][:1] == ["Export the map…"]
    assert palette.find(context, "map export xyzzy") == []
