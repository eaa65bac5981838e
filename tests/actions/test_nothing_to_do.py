"""Actions with nothing to do are not possible, and say why."""

from __future__ import annotations

import pytest
from acted import click
from made_context import context_of

from diffviews_desktop.actions import picks, selection
from diffviews_desktop.actions.registry import ACTIONS
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.state import State
from diffviews_desktop.values.row_set import RowSet

OF_PICKS = (
    "runs.generate",
    "view.centre",
    "view.fit-selection",
    "picks.clear",
    "picks.clear-neighbours",
    "picks.suggest",
    "selection.clear",
    "selection.use",
    "selection.mean",
    "exports.selection",
)


@pytest.mark.parametrize(
    "name", [*OF_PICKS, "selection.all", "selection.invert", "exports.map", "exports.picture"]
)
def test_without_data(name: str) -> None:
    assert ACTIONS[name].why_not(State()).endswith((".", "Generate."))


@pytest.mark.parametrize("name", OF_PICKS)
def test_without_picks_and_with_them(session: Session, name: str) -> None:
    assert ACTIONS[name].why_not(session.state)
    click(session, 3, 7)
    selection.choose_rows(context_of(session), RowSet([1, 2]))
    assert ACTIONS[name].why_not(session.state) == ""
    picks.clear_selection(context_of(session))
    assert ACTIONS[name].why_not(session.state)
