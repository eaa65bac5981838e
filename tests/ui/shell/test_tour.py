"""The tour over the window: where its light falls, where its card lies, and how it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from patience import until
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import picks, tour
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.shell.tour import Card, Guide, Light
from diffviews_desktop.ui.shell.window import MainWindow


@pytest.fixture
def window(open_window: Callable[..., MainWindow], state: State) -> MainWindow:
    opened = replace(state.opened, is_demo=True, model=tour.MODEL)
    made = open_window(replace(state, opened=opened))
    made.resize(1280, 720)
    return made


def guide_of(window: MainWindow) -> Guide:
    guide = window.pages.guide
    assert guide is not None
    return guide


def at(window: MainWindow, number: int | None) -> State:
    state = replace(window.session.state, tour=number)
    window.session.update(state)
    return state


def around(window: MainWindow, part: object) -> QRect:
    return QRect(part.mapTo(window, QPoint()), part.size())  # type: ignore[attr-defined]


def press(card: Card, word: str) -> None:
    (button,) = (b for b in (card.skip, card.back, card.primary) if b.text() == word)
    assert button.isVisible()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_greeting_darkens_nothing_and_can_be_declined(window: MainWindow) -> None:
    tour.greet(window.context)
    guide = guide_of(window)
    assert guide.card.isVisible()
    assert guide.light.isHidden()
    assert guide.card.title.text() == "Welcome to DiffViews"
    press(guide.card, "Not now")
    assert window.session.state.tour is None
    assert guide.card.isHidden()


@pytest.mark.parametrize("first", ["notice", "card"])
def test_a_notice_is_not_hidden_by_the_card(window: MainWindow, first: str) -> None:
    if first == "notice":
        window.context.say("A message. " * 8)
    tour.greet(window.context)
    window.context.say("A message. " * 8)
    notice, card = window.notice, guide_of(window).card
    assert not around(window, notice).intersects(around(window, card))
    assert around(window, window.map_area).contains(around(window, notice))
    height = around(window, notice).bottom()
    tour.end(window.context)
    assert around(window, notice).bottom() > height  # there is room again


def test_return_presses_the_button_that_has_the_keyboard(window: MainWindow) -> None:
    tour.greet(window.context)
    card = guide_of(window).card
    QTest.keyClick(card.primary, Qt.Key.Key_Return)
    assert window.session.state.tour == 1
    QTest.keyClick(card.skip, Qt.Key.Key_Return)
    assert window.session.state.tour is None


def test_the_greeting_goes_when_the_user_begins_without_it(window: MainWindow) -> None:
    tour.greet(window.context)
    picks.click_point(window.context, 3)
    assert window.session.state.tour is None
    assert guide_of(window).card.isHidden()


@pytest.mark.parametrize("size", [(1280, 720), (1440, 900)])
def test_each_card_lies_beside_what_it_is_about(
    qtbot: QtBot, window: MainWindow, size: tuple[int, int]
) -> None:
    window.resize(*size)
    parts = {
        "map": window.map_area,
        "suggest": window.gallery.suggest,
        "generate": window.generate_panel.generate,
        "runs": window.runs_panel,
        "compare": window.runs_panel.steps.compare,
    }
    at(window, 1)
    guide = guide_of(window)
    for number, stop in enumerate(tour.STOPS[1:], 1):
        at(window, number)
        part = parts[stop.place]
        if part.isVisible():
            until(qtbot, lambda p=part: guide.light.lit == around(window, p))
        card = guide.card.geometry()
        assert window.rect().contains(card), stop.title
        assert guide.card.text.heightForWidth(guide.card.text.width()) <= guide.card.text.height()
        if part is not window.map_area and part.isVisible():
            assert not card.intersects(guide.light.lit), stop.title


def test_a_card_of_a_closed_dock_opens_it(window: MainWindow) -> None:
    dock = window.layout_of_docks.docks[3]
    dock.close()
    at(window, 4)
    assert dock.isVisible()


def test_the_light_lets_clicks_through_and_follows(qtbot: QtBot, window: MainWindow) -> None:
    at(window, 3)
    light = guide_of(window).light
    assert isinstance(light, Light)
    middle = window.gallery.suggest.mapTo(window, window.gallery.suggest.rect().center())
    assert window.childAt(middle) is window.gallery.suggest
    window.resize(1500, 800)
    until(qtbot, lambda: light.lit == around(window, window.gallery.suggest))
    assert light.size() == window.size()
    colour = window.grab().toImage()
    dark, bright = colour.pixelColor(3, window.height() // 2), colour.pixelColor(middle)
    assert dark.lightness() < bright.lightness()


def test_what_is_done_takes_the_tour_on(window: MainWindow) -> None:
    tour.start(window.context)
    card = guide_of(window).card
    assert card.count.text() == f"1 of {tour.COUNT}"
    press(card, "Next")
    assert card.back.isVisible()
    picks.click_point(window.context, 3)
    assert window.session.state.tour == 3
    press(card, "Do it for me")
    assert window.session.state.tour == 4
    assert len(window.session.state.picks.selection.suggested) == tour.SUGGESTED
    press(card, "Back")  # there it stays, although all is done
    assert window.session.state.tour == 3
    assert card.primary.text() == "Next"
    press(card, "Skip the tour")
    assert window.session.state.tour is None


def test_a_card_waits_for_what_it_needs(window: MainWindow) -> None:
    state = at(window, 2)
    card = guide_of(window).card
    assert card.primary.isEnabled()
    window.session.update(replace(state, opened=replace(state.opened, layer_map=None)))
    assert not card.primary.isEnabled()
    assert card.primary.toolTip() == tour.WAIT


def test_the_keyboard_comes_back_to_a_card_that_has_waited(
    qtbot: QtBot, window: MainWindow
) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    state = at(window, 2)
    card = guide_of(window).card
    assert QApplication.focusWidget() is card.primary
    window.session.update(replace(state, opened=replace(state.opened, layer_map=None)))
    assert QApplication.focusWidget() is card
    window.session.update(state)
    assert QApplication.focusWidget() is card.primary


def test_keys_reach_the_card_and_escape_ends_the_tour(qtbot: QtBot, window: MainWindow) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    tour.start(window.context)
    card = guide_of(window).card
    assert QApplication.focusWidget() is card.primary
    QTest.keyClick(card.primary, Qt.Key.Key_Space)
    assert window.session.state.tour == 2
    QTest.keyClick(card.primary, Qt.Key.Key_Escape)
    assert window.session.state.tour is None
    assert card.isHidden()
    assert window.map is not None
    assert window.map.isAncestorOf(QApplication.focusWidget())


def test_the_card_is_no_wider_than_it_says(window: MainWindow) -> None:
    at(window, 1)
    assert guide_of(window).card.size().width() == 340
    assert guide_of(window).card.minimumSizeHint().width() <= QSize(340, 0).width()
