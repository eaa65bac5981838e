"""Buttons of the window: they say what the menus say, and are made of the same declarations."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from made_runs import run_of
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from diffviews_desktop import ui
from diffviews_desktop.actions.registry import ACTIONS
from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.runs import RunStep

UI = Path(ui.__file__).parent
OWN_TEXTS = "Jobs", "Notices", "Generate", "Open data folder…"
"""Of buttons that count something, or are shorter in the tool bar."""


def buttons_of(window: MainWindow) -> dict[str, QAbstractButton]:
    """The buttons of the window that do actions."""
    drawing, steps, samples = window.generate_panel, window.runs_panel.steps, window.samples.panel
    bar = window.map_area.bar
    return {
        "experiments.grid": drawing.grid,
        "exports.selection": bar.export,
        "find.select": samples.bar.select,
        "folders.demo": window.waiting.demo_button,
        "folders.open": window.waiting.open_button,
        "groups.name": samples.groups.name,
        "jobs.cancel": drawing.cancel,
        "jobs.notices": window.status.notices,
        "jobs.show": window.status.jobs,
        "maps.settings": window.settings_button,
        "models.download": window.waiting.models_button,
        "picks.clear": window.gallery.clear_button,
        "picks.suggest": window.gallery.suggest,
        "runs.compare": steps.compare,
        "runs.generate": drawing.generate,
        "runs.next": steps.next,
        "runs.play": steps.play,
        "runs.previous": steps.previous,
        "selection.clear": bar.clear,
        "selection.invert": bar.invert,
        "selection.mean": bar.mean,
        "selection.use": bar.neighbors,
        "view.all": window.map_area.filter_bar.button,
        "views.keep": samples.filters.keep,
    }


@pytest.fixture
def states(
    state: State, make_job: Callable[..., Generate], make_step: Callable[..., RunStep]
) -> list[State]:
    """What can be done differs in each."""
    steps = tuple(make_step(i) for i in range(2))
    masked = run_of(make_job(1, num_steps=2), "Run 1", steps, done=True, seed=7)
    free = replace(masked, job=replace(masked.job, interventions=()))
    picked = replace(state.picks, selection=Selection(anchor=3))
    chosen = replace(state.picks, selection=Selection(chosen=RowSet([1, 2])))
    running = RunningJob(make_job(9), "Generating")
    return [
        replace(state, picks=picked),
        replace(state, picks=chosen),
        replace(state, opened=replace(state.opened, layer_map=None)),
        replace(state, opened=replace(state.opened, model_problem="No checkpoint.")),
        replace(state, picks=picked, jobs=replace(state.jobs, running=(running,))),
        replace(state, runs=replace(state.runs, all=(masked,), shown=1, comparing=True)),
        replace(state, runs=replace(state.runs, all=(free,), shown=1, comparing=True)),
        state,
    ]


def test_a_button_and_the_menu_agree_whatever_is_shown(
    window: MainWindow, states: list[State]
) -> None:
    for state in states:
        window.session.update(state)
        for action_id, button in buttons_of(window).items():
            entry, reason = window.menu_actions[action_id], ACTIONS[action_id].why_not(state)
            assert button.isEnabled() == entry.isEnabled() == (not reason), action_id
            assert button.toolTip() == entry.toolTip(), action_id
            assert button.isChecked() == entry.isChecked(), action_id


def test_a_button_is_named_by_its_action(window: MainWindow) -> None:
    for action_id, button in buttons_of(window).items():
        action = ACTIONS[action_id]
        assert button.accessibleName() == action.name
        text = button.text()
        if text and not text.startswith(OWN_TEXTS):
            assert text == (action.button or action.name)
        assert bool(text) == button.icon().isNull()


def test_every_short_title_is_that_of_a_button(window: MainWindow) -> None:
    shown = buttons_of(window)
    unused = [one.id for one in ACTIONS.values() if one.button and one.id not in shown]
    assert unused == []


def test_a_run_without_a_mask_is_not_marked_as_compared(
    window: MainWindow, states: list[State]
) -> None:
    masked, free = states[5:7]
    compare = window.runs_panel.steps.compare
    window.session.update(masked)
    assert compare.isEnabled()
    assert compare.isChecked()
    window.session.update(free)
    assert not compare.isEnabled()
    assert not compare.isChecked()
    assert compare.toolTip().startswith("This run has no mask.")


def test_the_window_of_grids_opens_without_a_map_and_says_so(
    qtbot: QtBot, window: MainWindow, state: State
) -> None:
    window.session.update(replace(state, opened=replace(state.opened, layer_map=None)))
    assert window.generate_panel.grid.isEnabled()
    window.generate_panel.grid.click()
    grid = window.pages.grid
    assert grid is not None
    qtbot.waitUntil(grid.isVisible)
    assert not grid.draw.isEnabled()
    assert grid.summary.text() == "The map is not there yet."
    grid.close()


# ---- the sources --------------------------------------------------------------------------------


def texts(tree: ast.AST) -> Iterator[str]:
    """The texts that a source has translated."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("tr", "trn", "tr_in"):
            for given in node.args:
                if isinstance(given, ast.Constant) and isinstance(given.value, str):
                    yield given.value


def test_no_text_of_the_window_names_a_key_that_an_action_declares() -> None:
    keys = {"Del", *(key for action in ACTIONS.values() for key in action.keys)}
    found = [
        text
        for file in sorted(UI.rglob("*.py"))
        for text in texts(ast.parse(file.read_text(encoding="utf-8")))
        if keys.intersection(re.findall(r"\(([^()]+)\)", text))
    ]
    assert found == []
