"""Notices float over the map, go by themselves, and are in a list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from patience import until
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from diffviews_desktop.state.state import MOST_NOTICES, State
from diffviews_desktop.ui.shell import notice_bar
from diffviews_desktop.ui.shell.activity import ActivityWindow
from diffviews_desktop.ui.shell.window import MainWindow


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notice_bar, "INFO_MILLISECONDS", 60)
    monkeypatch.setattr(notice_bar, "LONG_MILLISECONDS", 60)


def test_a_notice_moves_nothing_and_lies_within_the_map(qtbot: QtBot, window: MainWindow) -> None:
    for size in ((1148, 689), (1440, 900)):
        window.resize(*size)
        qtbot.wait(20)
        before = window.map_area.geometry(), window.map.box.viewRect()
        for text in ("Saved.", "It failed: " + "a long story " * 30):
            window.context.say(text, error=True, details="more")
            qtbot.wait(20)
            assert window.notice.isVisible()
            assert (window.map_area.geometry(), window.map.box.viewRect()) == before
            ground = window.layout_of_docks.middle.rect()
            assert ground.contains(window.notice.geometry())
            assert window.notice.geometry().bottom() < ground.bottom() - 40
    assert window.notice.text.height() >= window.notice.text.heightForWidth(
        window.notice.text.width()
    )


@pytest.mark.parametrize("error", [False, True])
def test_it_goes_by_itself(qtbot: QtBot, window: MainWindow, at_once: None, error: bool) -> None:
    window.context.say("Saved.", error=error)
    assert window.notice.isVisible()
    until(qtbot, window.notice.isHidden)


def test_it_stays_under_the_mouse_and_under_the_keyboard(
    qtbot: QtBot, window: MainWindow, at_once: None
) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    bar = window.notice
    window.context.say("It failed.", error=True, details="more")
    bar.copy.setFocus()
    qtbot.wait(300)
    assert bar.isVisible()
    window.map.setFocus()
    until(qtbot, bar.isHidden)
    window.context.say("It failed.", error=True)
    place = QPointF(bar.rect().center())
    QApplication.sendEvent(bar, QEnterEvent(place, place, QPointF(bar.mapToGlobal(place))))
    bar.setAttribute(Qt.WidgetAttribute.WA_UnderMouse)
    qtbot.wait(300)
    assert bar.isVisible()
    bar.setAttribute(Qt.WidgetAttribute.WA_UnderMouse, False)
    QApplication.sendEvent(bar, QEvent(QEvent.Type.Leave))
    until(qtbot, bar.isHidden)


def test_all_notices_are_listed_and_can_be_copied(qtbot: QtBot, window: MainWindow) -> None:
    window.context.say("Saved a.png")
    window.context.say("It failed.", error=True, details="the long story")
    window.menu_actions["jobs.notices"].trigger()
    shown = window.findChild(ActivityWindow)
    assert shown is not None
    page = shown.notices
    assert page.isVisible()
    texts = [page.list.topLevelItem(at).text(1) for at in range(page.list.topLevelItemCount())]
    assert texts == ["It failed.", "Saved a.png"]
    assert not page.copy.isEnabled()
    page.list.choose(2)
    assert page.details.toPlainText() == "It failed.\n\nthe long story"
    qtbot.mouseClick(page.copy, Qt.MouseButton.LeftButton)
    assert QApplication.clipboard().text() == "It failed.\n\nthe long story"
    window.context.say("And another.")
    assert page.list.topLevelItem(0).text(1) == "And another."
    assert page.list.key() == 2  # what was chosen stays so


def test_a_fuller_notice_about_a_folder_takes_the_place_of_the_one_before(state: State) -> None:
    path = state.opened.samples.root
    once = state.with_notice_about((path, "m"), ["It guesses."])
    twice = once.with_notice_about((path, "m"), ["It is old."])
    assert [notice.text for notice in twice.notices] == ["It guesses. It is old."]
    many = state
    for number in range(MOST_NOTICES + 5):
        many = many.with_notice(f"{number}")
    assert len(many.notices) == MOST_NOTICES
    assert many.notices[-1] is many.notice
    assert replace(many, notice=None).notices == many.notices


def test_the_button_of_the_status_bar_opens_the_list(
    qtbot: QtBot, open_window: Callable[..., MainWindow], state: State
) -> None:
    window = open_window(state)
    qtbot.mouseClick(window.status.notices, Qt.MouseButton.LeftButton)
    assert window.pages.activity is not None
    assert window.pages.activity.notices.isVisible()
    qtbot.mouseClick(window.status.jobs, Qt.MouseButton.LeftButton)
    assert window.pages.activity.jobs.isVisible()
