"""What the user presses in the program, until it is done."""

from __future__ import annotations

from patience import until
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from diffviews_desktop.app import App
from diffviews_desktop.state.runs import Run


def generate(qtbot: QtBot, app: App) -> Run:
    """Press the button and wait for the picture."""
    before = len(app.session.state.runs.all)
    qtbot.mouseClick(app.window.generate_panel.generate, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: len(app.session.state.runs.all) == before + 1)
    until(qtbot, lambda: app.session.state.runs.all[-1].done)
    return app.session.state.runs.all[-1]
