"""A session that was saved in a German window opens in an English one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from patience import until
from pytestqt.qtbot import QtBot
from test_journey_session import is_open, start

from diffviews_desktop.actions import runs
from diffviews_desktop.app import App, Options
from diffviews_desktop.values.conditions import from_choice

__all__ = ["start"]  # a fixture
TESTS = Path(__file__).resolve().parent


def test_a_german_session_opens_in_english(
    qtbot: QtBot, tmp_path: Path, demo: Path, start: Callable[..., App]
) -> None:
    file = tmp_path / "work.diffviews"
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "german_texts"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", TESTS / "work_in_german.py"],
        env={**os.environ, "PYTHONPATH": str(TESTS), "SAVED_SESSION": str(file)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    app = start(Options(session=file, device="cpu"))
    until(qtbot, lambda: is_open(app) and app.session.state.runs.all)
    state = app.session.state
    assert state.runs.all[0].name == "Lauf 1"  # as it was named
    assert state.runs.all[0].done
    assert state.picks.selection.anchor == 3
    assert [one.by for one in state.view.filters] == ["class"]
    assert app.window.runs_panel.steps.strip.count() == len(state.runs.all[0].steps)
    runs.generate_from_neighbors(app.context, state.runs.settings, from_choice("anchor"))
    until(qtbot, lambda: len(app.session.state.runs.all) > 1 and app.session.state.runs.run().done)
    assert [run.name for run in app.session.state.runs.all] == ["Lauf 1", "Run 2"]
