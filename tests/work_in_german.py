"""What `test_journey_german` runs in a process of its own, whose texts are German throughout."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from patience import until
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot
from test_journey_session import draw, is_open, start

from diffviews_desktop.actions.registry import ACTIONS, MENUS
from diffviews_desktop.app import App
from diffviews_desktop.text import translation

__all__ = ["start"]  # a fixture


def test_the_demo_is_worked_on_and_saved(
    qtbot: QtBot, demo: Path, start: Callable[..., App]
) -> None:
    assert translation.language() == "de"
    app = start()
    until(qtbot, lambda: is_open(app))
    assert "&Datei" in [menu.title() for menu in app.window.menuBar().findChildren(QMenu)]
    assert set(MENUS.values()).isdisjoint({"&File", "&Edit", "&View", "&Map", "&Generate"})
    assert ACTIONS["runs.generate"].title == "Er&zeugen"
    draw(qtbot, app)
    assert app.session.state.runs.all[0].name == "Lauf 1"
    assert app.session.state.picks.undo
    saved: list[bool] = []
    app.window.sessions.write(Path(os.environ["SAVED_SESSION"]), lambda: saved.append(True))
    until(qtbot, lambda: saved)
