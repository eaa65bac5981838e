"""What the whole program shows where the loading of a model was cancelled, and the way on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from diffviews_desktop.app import App, Options
from diffviews_desktop.engine.jobs.opening import LoadModel
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.folders import FolderRef


@pytest.fixture
def app(tiny_data: Callable[..., Path]) -> Iterator[App]:
    app = App(Options(folder=FolderRef(tiny_data(samples=8)), device="cpu"))
    yield app
    app.worker.stop()
    app.window.deleteLater()


def choose_again(qtbot: QtBot, window: MainWindow) -> None:
    models = window.layer_panel.models
    models.setFocus()
    qtbot.keyClick(models, Qt.Key.Key_Space)  # opens the list
    qtbot.keyClick(models.view(), Qt.Key.Key_Return)


def take_offer(qtbot: QtBot, window: MainWindow) -> None:
    assert window.notice.offer.text() == "Load the model"
    qtbot.mouseClick(window.notice.offer, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize("load", [choose_again, take_offer])
def test_a_model_whose_loading_was_cancelled_says_so_and_can_be_loaded(
    qtbot: QtBot, app: App, load: Callable[[QtBot, MainWindow], None]
) -> None:
    def until(ready: Callable[[], object]) -> None:
        qtbot.waitUntil(lambda: bool(ready()), timeout=120_000)

    window, session = app.window, app.session
    app.start()
    until(lambda: any(isinstance(running.job, LoadModel) for running in session.state.jobs.running))
    qtbot.mouseClick(window.status.cancel, Qt.MouseButton.LeftButton)
    until(lambda: not session.state.jobs.running)
    state, panel = session.state, window.layer_panel
    assert state.opened.loaded is None
    assert state.opened.layer_map is not None
    assert panel.detail.text() == "model not loaded"
    assert "You cancelled" in panel.layers.toolTip()
    assert not window.generate_panel.generate.isEnabled()
    assert "You cancelled" in window.generate_panel.hint.text()
    assert window.notice.isVisible()

    load(qtbot, window)
    until(lambda: session.state.opened.loaded)
    state = session.state
    assert state.opened.model_problem is None
    assert state.opened.loaded is not None
    assert panel.layers.count() == 1 + len(state.opened.loaded.layers) > 2
    assert panel.detail.text() == "told their class"
    assert state.runs.settings == state.opened.loaded.settings
