"""The dock of runs in the window: menus, and what they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_runs import run_of
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QPlainTextEdit
from pytestqt.qtbot import QtBot

from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.state.runs import Run
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.images import pixels_of
from diffviews_desktop.ui.panels.runs.picture_window import PictureWindow
from diffviews_desktop.ui.shell.text_window import TextWindow
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.runs import RunStep


@pytest.fixture
def runs(make_job: Callable[..., Generate], make_step: Callable[..., RunStep]) -> tuple[Run, ...]:
    steps = tuple(make_step(i) for i in range(2))
    return tuple(
        run_of(make_job(number, num_steps=2), f"Run {number}", steps, done=True, seed=7,
               record={"kind": "generate", "seed": 7})
        for number in (1, 2)
    )  # fmt: skip


@pytest.fixture
def shown(window: MainWindow, state: State, runs: tuple[Run, ...]) -> MainWindow:
    window.session.update(replace(state, runs=replace(state.runs, all=runs, shown=1, step=1)))
    return window


def test_the_menu_of_a_picture_does_what_it_says(
    qtbot: QtBot, shown: MainWindow, runs: tuple[Run, ...]
) -> None:
    menu = shown.runs_dock.menu_of(2, 0)
    actions = {action.text(): action for action in menu.actions() if not action.isSeparator()}
    assert len(actions) == 13
    actions["&Copy the picture"].trigger()
    copied = pixels_of(QApplication.clipboard().image())
    np.testing.assert_array_equal(copied[..., :1], runs[1].steps[0].image)
    actions["Copy the s&eed"].trigger()
    assert QApplication.clipboard().text() == "7"
    actions["&Pin it to the top"].trigger()
    assert shown.session.state.runs.all[1].pinned
    actions["&Hide its path"].trigger()
    assert not shown.session.state.runs.all[1].visible
    actions["Show pictures at &1:1"].trigger()
    assert shown.runs_panel.pictures.own.actual
    actions["&Open in a window"].trigger()
    (picture,) = shown.findChildren(PictureWindow)
    assert picture.windowTitle() == "Run 2"
    picture.close()
    actions["Show the &recipe…"].trigger()
    (recipe,) = shown.findChildren(TextWindow)
    assert '"kind": "generate"' in recipe.findChild(QPlainTextEdit).toPlainText()
    recipe.close()
    actions["&Use its settings"].trigger()
    assert shown.session.state.runs.settings.seed == 7
    assert shown.generate_panel.seed.text() == "7"
    actions["&Delete it"].trigger()
    assert [run.id for run in shown.session.state.runs.all] == [1]
    shown.session.undo()
    assert [run.id for run in shown.session.state.runs.all] == [1, 2]
    menu.deleteLater()


def test_a_difference_is_copied_and_saved(
    qtbot: QtBot, shown: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.full((4, 4, 1), 9, np.uint8)
    shown.runs_dock.show_difference_menu(pixels, 2, shown.mapToGlobal(QPoint(50, 50)))
    menu = QApplication.activePopupWidget()
    assert menu is not None
    copy, save = menu.actions()
    copy.trigger()
    assert (pixels_of(QApplication.clipboard().image()) == 9).all()
    monkeypatch.setattr(shown, "ask_file", lambda *_: tmp_path / "d.png")
    save.trigger()
    shown.saves.wait()
    assert (tmp_path / "d.png").is_file()
    menu.close()


def test_the_daily_loop_needs_no_scrolling_at_1280x720(
    qtbot: QtBot, shown: MainWindow, state: State
) -> None:
    shown.resize(1280, 690)  # a title bar needs room, too
    qtbot.wait(50)
    area = shown.generate_panel.pages.currentWidget()
    qtbot.waitUntil(lambda: not area.verticalScrollBar().isVisible())
    page = shown.generate_panel.sampling
    for field in (page.churn, page.noise, shown.generate_panel.generate):
        place = field.mapTo(shown, field.rect().bottomRight())
        assert shown.rect().contains(place)
    noise = page.noise
    assert noise.fontMetrics().horizontalAdvance("stochastic") <= noise.width() - 26


def test_class_and_seed_follow_the_settings_in_a_high_window(
    qtbot: QtBot, shown: MainWindow
) -> None:
    shown.resize(1600, 1150)
    qtbot.wait(50)
    panel = shown.generate_panel
    bottom = panel.sampling.churn.mapTo(panel, panel.sampling.churn.rect().bottomLeft()).y()
    seed = panel.seed.mapTo(panel, QPoint()).y()
    longer = panel.stack.sizeHint().height() + panel.masking.sizeHint().height()
    assert seed - bottom < max(120, longer)
    assert panel.height() - panel.generate.geometry().bottom() > 40


def test_a_dock_that_shares_its_place_is_not_shrunk(
    qtbot: QtBot, window: MainWindow, state: State
) -> None:
    window.resize(1280, 900)
    window.session.update(state)
    runs, samples = window.layout_of_docks.docks[4:]
    assert window.runs_panel.maximumHeight() < 40
    samples.show()
    samples.raise_()
    qtbot.waitUntil(lambda: window.runs_panel.maximumHeight() > 1000)
    samples.hide()
    qtbot.waitUntil(lambda: window.runs_panel.maximumHeight() < 40)
    assert runs.isVisible()
