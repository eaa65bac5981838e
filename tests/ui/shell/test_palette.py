"""The field over the window that finds everything by its name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import showing
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.shell.palette import CommandPalette
from diffviews_desktop.ui.shell.window import MainWindow

BOTH = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def window(qtbot: QtBot, open_window: Callable[..., MainWindow], state: State) -> MainWindow:
    made = open_window(state)
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    assert made.map is not None
    made.map.setFocus()
    return made


@pytest.fixture
def palette(qtbot: QtBot, window: MainWindow) -> CommandPalette:
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_P, BOTH)
    found = window.pages.palette
    assert found is not None
    qtbot.waitUntil(found.field.hasFocus)
    return found


def titles(palette: CommandPalette) -> list[str]:
    return [palette.list.item(row).text() for row in range(palette.list.count())]


def press(window: MainWindow, key: Qt.Key) -> None:
    QTest.keyClick(window.windowHandle(), key)


def test_an_action_is_found_and_done_by_the_keyboard(
    qtbot: QtBot, window: MainWindow, palette: CommandPalette
) -> None:
    qtbot.keyClicks(palette.field, "contours")
    assert titles(palette)[0] == "Contours of density"
    press(window, Qt.Key.Key_Return)
    assert window.session.state.view.contours
    assert palette.isHidden()
    qtbot.waitUntil(lambda: window.map.isAncestorOf(QApplication.focusWidget()))


def test_up_and_down_choose_and_esc_leaves_everything_as_it_was(
    qtbot: QtBot, window: MainWindow, palette: CommandPalette
) -> None:
    showing.choose_tool(window.context, "lasso")
    qtbot.keyClicks(palette.field, "select")
    assert len(titles(palette)) > 3
    press(window, Qt.Key.Key_Down)
    press(window, Qt.Key.Key_Down)
    press(window, Qt.Key.Key_Up)
    assert palette.list.currentRow() == 1
    press(window, Qt.Key.Key_Escape)
    assert palette.isHidden()
    assert window.session.state.view.tool == "lasso"  # this Esc was the palette's
    press(window, Qt.Key.Key_Escape)
    assert window.session.state.view.tool == "pan"


def test_what_is_not_possible_is_listed_with_the_reason(
    qtbot: QtBot, window: MainWindow, palette: CommandPalette
) -> None:
    qtbot.keyClicks(palette.field, "save picture")
    item = palette.list.item(0)
    assert item.text() == "Save picture…"
    assert "There is no picture yet: press Generate." in item.toolTip()
    press(window, Qt.Key.Key_Return)
    assert window.session.state.notice is not None
    assert window.session.state.notice.text == "There is no picture yet: press Generate."


def test_a_sample_is_found_and_shown(
    qtbot: QtBot, window: MainWindow, palette: CommandPalette
) -> None:
    qtbot.keyClicks(palette.field, "sample_17")
    assert titles(palette)[0].startswith("#17 sample_17")
    palette.list.itemClicked.emit(palette.list.item(0))
    assert "sample_17" in window.preview.facts.text()
    middle = window.map.box.aim.center()
    place = window.map._xy[17]
    assert (middle.x(), middle.y()) == pytest.approx(tuple(place), abs=1e-3)


def test_a_click_elsewhere_closes_it_and_keeps_the_keyboard_there(
    qtbot: QtBot, window: MainWindow, palette: CommandPalette
) -> None:
    window.generate_panel.seed.setFocus()
    assert palette.isHidden()
    assert window.generate_panel.seed.hasFocus()


def test_it_fits_a_small_window_and_says_where_nothing_is_found(
    qtbot: QtBot, window: MainWindow, palette: CommandPalette
) -> None:
    assert window.rect().contains(palette.geometry())
    qtbot.keyClicks(palette.field, "xyzzy")
    assert titles(palette) == []
    assert palette.nothing.isVisible()
    press(window, Qt.Key.Key_Return)
    assert palette.isVisible()
