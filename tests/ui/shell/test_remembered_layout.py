"""Where docks are, from one start to the next."""

from __future__ import annotations

from base64 import b64decode, b64encode
from pathlib import Path

from pytestqt.qtbot import QtBot
from recorder import Recorder

from diffviews_desktop.state.session import Session
from diffviews_desktop.state.settings import Settings
from diffviews_desktop.ui.panels.samples import SamplesPanel
from diffviews_desktop.ui.shell.samples import LOW
from diffviews_desktop.ui.shell.window import MainWindow


def test_a_layout_that_was_damaged_is_forgotten(
    qtbot: QtBot, tmp_path: Path, worker: Recorder
) -> None:
    settings = Settings(tmp_path / "settings.json")
    window = MainWindow(Session(), worker, settings)
    qtbot.addWidget(window)
    first = window.saveState()
    window.layout_of_docks.docks[1].hide()
    window.close()
    checksum, _, code = settings.text("layout").partition(":")
    layout = bytearray(b64decode(code))
    assert layout != first
    layout[13] ^= 2
    damaged = b64encode(layout).decode("ascii")
    settings.change({"layout": f"{checksum}:{damaged}"})
    again = MainWindow(Session(), worker, settings)  # given these bytes, Qt crashes
    qtbot.addWidget(again)
    assert again.saveState() == first


def test_the_dock_of_samples_is_filled_when_it_is_shown_and_comes_to_the_front(
    qtbot: QtBot, tmp_path: Path, worker: Recorder
) -> None:
    settings = Settings(tmp_path / "settings.json")
    window = MainWindow(Session(), worker, settings)
    qtbot.addWidget(window)
    window.show()
    dock = window.layout_of_docks.docks[5]
    assert dock.widget() is None
    dock.toggleViewAction().trigger()
    qtbot.waitUntil(lambda: isinstance(dock.widget(), SamplesPanel))
    qtbot.waitUntil(lambda: not dock.visibleRegion().isEmpty() and dock.height() >= LOW)
    runs = window.layout_of_docks.docks[4]
    for _ in range(2):  # hidden, shown
        runs.toggleViewAction().trigger()
    qtbot.waitUntil(lambda: dock.visibleRegion().isEmpty())
    dock.raise_()
    window.close()
    again = MainWindow(Session(), worker, settings)
    qtbot.addWidget(again)
    again.show()
    assert isinstance(again.layout_of_docks.docks[5].widget(), SamplesPanel)
