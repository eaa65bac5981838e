"""The first start as its user sees it: the greeting, the tour, and a layer that speaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from patience import until
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import runs, tour
from diffviews_desktop.app import App, Options
from diffviews_desktop.experiments.judges import ReaderJudge, bundled_judge
from diffviews_desktop.values.conditions import ZeroLabel

SEED = 1


@pytest.fixture
def app(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The program of somebody who has never used it."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    made = App(Options(device="cpu"))
    yield made
    made.worker.stop()
    made.window.deleteLater()


def press(qtbot: QtBot, button: QWidget) -> None:
    """Click where a button is in the window, through whatever lies over it."""
    window = button.window()
    place = button.mapTo(window, button.rect().center())
    assert window.childAt(place) is button
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def read(image: np.ndarray) -> int:
    """The digit that the bundled judge reads."""
    return int(ReaderJudge(bundled_judge(), 32, 1).read(image[None])[0].argmax())


def test_the_tour_ends_with_a_layer_that_spoke(qtbot: QtBot, app: App) -> None:
    window, session = app.window, app.session

    # the greeting: three sentences over the demo, which opens on a layer that says something
    app.start()
    until(qtbot, lambda: session.state.tour == 0)
    assert session.state.opened.layer_map.layers == ("decoder_block_8",)
    assert window.pages.guide is not None
    card, light = window.pages.guide.card, window.pages.guide.light
    assert card.isVisible()
    until(qtbot, lambda: session.state.opened.loaded and not session.state.jobs.running)
    press(qtbot, card.primary)

    # look, then pick where the map is lit
    assert session.state.tour == 1
    assert light.isVisible()
    press(qtbot, card.primary)
    row = tour.clear_sample(session.state)
    assert row is not None
    assert window.map is not None
    place = window.map.position_of(row).toPoint()
    qtbot.mouseMove(window.map.viewport, place)
    qtbot.wait(50)
    qtbot.mouseClick(window.map.viewport, Qt.MouseButton.LeftButton, pos=place)
    until(qtbot, lambda: session.state.tour == 3)
    anchor = session.state.picks.selection.anchor
    digit = session.state.opened.samples.class_label[anchor]

    # the real buttons
    press(qtbot, window.gallery.suggest)
    until(qtbot, lambda: session.state.tour == 4)
    runs.change_settings(
        window.context,
        replace(session.state.runs.settings, seed=SEED),
        session.state.runs.condition,
    )
    press(qtbot, window.generate_panel.generate)
    until(qtbot, lambda: session.state.tour == 5)
    run = session.state.runs.run()
    assert run is not None
    assert run.condition == ZeroLabel()
    window.runs_panel.steps.slider.setValue(3)
    assert session.state.tour == 5  # scrubbing does not end what is there to be looked at
    press(qtbot, card.primary)

    # comparing shows what the layer said
    assert session.state.tour == 6
    press(qtbot, window.runs_panel.steps.compare)
    until(qtbot, lambda: "What differs" in card.text.text())
    baseline = session.state.runs.baseline()
    assert baseline is not None
    assert read(run.steps[-1].image) == digit
    assert read(baseline.steps[-1].image) != digit
    assert card.primary.text() == "Finish"
    assert card.skip.isHidden()
    press(qtbot, card.primary)
    assert session.state.tour is None
    assert light.isHidden()

    # it is in the Help menu for another time, and does not come by itself again
    kept = Path(app._settings._file)
    assert '"welcomed": "true"' in kept.read_text(encoding="utf-8")
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.menu_actions["tour.start"].trigger()
    assert session.state.tour == 1
    assert session.state.picks.selection.anchor is None
    qtbot.keyClick(card.primary, Qt.Key.Key_Escape)
    assert session.state.tour is None
    assert window.childAt(QPoint(300, 300)) is not light
