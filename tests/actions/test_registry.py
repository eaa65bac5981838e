"""What is declared once of every action: ids, keys, mnemonics, menus, reasons."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from letters import mnemonic
from made_context import NoWindow, context_of
from pytestqt.qtbot import QtBot

from diffviews_desktop import paths
from diffviews_desktop.actions.action import Action, perform
from diffviews_desktop.actions.registry import (
    ACTIONS,
    CHOICES,
    MENUS,
    SAMPLE_ACTIONS,
    in_menu,
)
from diffviews_desktop.state.opened import Opened
from diffviews_desktop.state.picks import Picks, Selection
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.state import State
from diffviews_desktop.values.maps import LayerMap
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.samples import SampleTable

ON_PANELS_AND_MAP = {"Left", "Right", ",", "."}
"""Keys that are others' where the map or a list has the keyboard."""


def twice(names: list[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def test_ids_are_unique_and_name_their_topic() -> None:
    declared = [*ACTIONS.values(), *CHOICES.values(), *SAMPLE_ACTIONS]
    assert twice([one.id for one in declared]) == []
    assert all(one.id.count(".") == 1 for one in declared)


def test_no_key_does_two_things() -> None:
    keys = [key for action in ACTIONS.values() for key in action.keys]
    assert twice(keys) == []
    assert len(keys) > 30
    assert set(keys) >= ON_PANELS_AND_MAP


@pytest.mark.parametrize("menu", MENUS)
def test_no_letter_of_a_menu_is_for_two_entries(menu: str) -> None:
    titles = [one.title for group in in_menu(menu) for one in group]  # type: ignore[arg-type]
    assert titles
    assert twice([letter for letter in map(mnemonic, titles) if letter]) == []


def test_no_letter_of_the_menu_bar_is_for_two_menus() -> None:
    assert twice([mnemonic(title) for title in MENUS.values()]) == []


def test_no_letter_of_a_samples_menu_is_for_two_entries(state: State) -> None:
    for row in range(3):
        offered = [one.title(state, row).text for one in SAMPLE_ACTIONS if one.offered(state, row)]
        assert twice([mnemonic(title) for title in offered]) == []


def test_every_action_in_a_group_of_a_menu_is_shown_once() -> None:
    shown = [one.id for menu in MENUS for group in in_menu(menu) for one in group]
    assert twice(shown) == []
    in_menus = {one.id for one in (*ACTIONS.values(), *CHOICES.values()) if one.menu is not None}
    assert set(shown) == in_menus


def test_every_icon_is_there() -> None:
    icons = {action.icon for action in ACTIONS.values() if action.icon}
    assert icons
    for icon in icons:
        assert (paths.resources() / "icons" / f"{icon}.svg").is_file()


def test_reasons_are_sentences_whatever_is_open(state: State) -> None:
    for now in (State(), state):
        for action in ACTIONS.values():
            reason = action.why_not(now)
            assert reason == "" or (reason[0].isupper() and reason[-1] == "."), action.id
            assert action.checked is None or isinstance(action.checked(now), bool)


def test_an_action_that_is_not_possible_says_why_and_does_nothing(qtbot: QtBot) -> None:
    session, window = Session(), NoWindow()
    context = context_of(session, window=window)
    perform(context, ACTIONS["exports.map"])
    assert session.state.notice is not None
    assert session.state.notice.text == "The map is not there yet."
    assert window.asked == []


def test_what_is_possible_is_done(qtbot: QtBot, state: State, tmp_path: Path) -> None:
    session, window = Session(state), NoWindow(file=tmp_path / "map.svg")
    context = context_of(session, window=window)
    for action in ("exports.map", "view.fit", "window.keys", "view.lasso", "view.contours"):
        perform(context, ACTIONS[action])
    assert window.asked == [
        ("export", "figure"),
        ("go", "fit"),
        ("page", "keys"),
    ]
    assert session.state.view.tool == "lasso"
    assert session.state.view.contours
    assert ACTIONS["view.lasso"].checked(session.state)  # type: ignore[misc]
    assert not ACTIONS["view.pan"].checked(session.state)  # type: ignore[misc]


def test_undo_says_what_it_takes_back(qtbot: QtBot, state: State) -> None:
    session = Session(state)
    context = context_of(session)
    undo, redo = ACTIONS["picks.undo"], ACTIONS["picks.redo"]
    assert undo.why_not(session.state)
    session.select(Selection(anchor=1), "set anchor")
    assert (undo.why_not(session.state), undo.detail(session.state)) == ("", "set anchor")
    undo.run(context)
    assert session.state.picks.selection == state.picks.selection
    assert redo.detail(session.state) == "set anchor"
    redo.run(context)
    assert session.state.picks.selection == Selection(anchor=1)


@pytest.fixture
def state(tmp_path: Path) -> State:
    count = 6
    samples = SampleTable(
        root=tmp_path,
        sample_id=tuple(f"s{row}" for row in range(count)),
        class_label=np.arange(count, dtype=np.int32) % 2,
        class_name=tuple(f"class {row % 2}" for row in range(count)),
        image_path=("picture.png",) * count,
        sigma=np.ones(count, np.float32),
    )
    xy = np.zeros((count, 2), np.float32)
    layer_map = LayerMap(
        model="m", layers=("a",), xy=xy, reduced=xy, from_cache=True, parameters={}, path=tmp_path
    )  # type: ignore[arg-type]
    picked = Selection(anchor=0, manual=(1,), chosen=RowSet([2]))
    return State(
        opened=Opened(model="m", samples=samples, layer_map=layer_map), picks=Picks(picked)
    )


def test_an_action_is_a_value() -> None:
    assert isinstance(ACTIONS["runs.generate"], Action)
    assert ACTIONS["runs.generate"].name == "Generate"
