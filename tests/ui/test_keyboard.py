"""The keyboard alone: Tab reaches all that can be used, and one sees where the keyboard is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from planted_texts import planted
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QScrollArea,
    QTabBar,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.widgets import IconButton
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.preferences import Appearance

MOST_STOPS = 150


@pytest.fixture
def window(
    qtbot: QtBot, open_window: Callable[..., MainWindow], state: State, make_job, make_step
) -> MainWindow:
    """With a run and picks, large enough for all."""
    steps = tuple(make_step(i) for i in range(3))
    made = open_window(planted(state, lambda name: name, make_job(), steps))
    made.resize(1600, 1000)
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    return made


def stops_of(window: MainWindow, key: Qt.Key = Qt.Key.Key_Tab) -> list[QWidget]:
    """What has the keyboard, one after the other, from the map round to the map."""
    assert window.map is not None
    window.map.setFocus(Qt.FocusReason.TabFocusReason)
    first = QApplication.focusWidget()
    found: list[QWidget] = []
    while len(found) < MOST_STOPS:
        now = QApplication.focusWidget()
        assert now is not None
        if found and now is first:
            return found
        found.append(now)
        QTest.keyClick(now, key)
    raise AssertionError(f"Tab does not come back: {found}")


def name_of(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return widget.accessibleName() or text


def is_seen(widget: QWidget) -> bool:
    """Whether a part of it is within all that it lies in."""
    seen = widget.rect()
    inner = widget
    while (outer := inner.parentWidget()) is not None and not inner.isWindow():
        seen = seen.translated(inner.pos()) & outer.rect()
        inner = outer
    return not seen.isEmpty()


def look(widget: QWidget) -> QImage:
    QApplication.processEvents()
    return widget.grab().toImage()


def test_tab_goes_through_the_window_without_invisible_stops(window: MainWindow) -> None:
    stops = stops_of(window)
    assert len(set(map(id, stops))) == len(stops)  # none twice
    for stop in stops:
        assert stop.isVisible(), stop
        assert is_seen(stop), stop
        assert not isinstance(stop, QScrollArea), stop
        assert name_of(stop) or isinstance(stop, QTabBar), stop
    for wanted in (
        window.layer_panel.models,
        window.layer_panel.layers,
        window.settings_button,
        window.classes.list,
        window.gallery.count,
        window.gallery.suggest,
        window.gallery.list,
        window.generate_panel.generate,
    ):
        assert wanted in stops, name_of(wanted)


def test_shift_tab_goes_the_same_way_back(window: MainWindow) -> None:
    there = stops_of(window)
    back = stops_of(window, Qt.Key.Key_Backtab)
    assert [there[0], *reversed(there[1:])] == back


@pytest.mark.parametrize("look_of", ["light", "dark"])
def test_one_sees_what_has_the_keyboard(
    qtbot: QtBot, window: MainWindow, look_of: Appearance
) -> None:
    window.apply_theme(look_of)
    qtbot.waitUntil(lambda: not theme.changing())
    for stop in stops_of(window):
        stop.setFocus(Qt.FocusReason.TabFocusReason)
        focused = look(stop)
        stop.clearFocus()
        if stop.inherits("QGraphicsView"):
            continue  # a map shows the sample that the arrow keys went to
        assert look(stop) != focused, name_of(stop) or stop


def test_focused_and_checked_look_different(window: MainWindow) -> None:
    buttons = window.map_area.strip.findChildren(QToolButton)
    button = next(one for one in buttons if one.isCheckable() and not one.isChecked())
    plain = look(button)
    button.setFocus(Qt.FocusReason.TabFocusReason)
    focused = look(button)
    button.clearFocus()
    button.setChecked(True)
    checked = look(button)
    button.setFocus(Qt.FocusReason.TabFocusReason)
    both = look(button)
    for one, other in ((plain, focused), (plain, checked), (focused, checked), (checked, both)):
        assert one != other


def test_a_button_keeps_its_size_when_it_gets_the_keyboard(window: MainWindow) -> None:
    for button in (window.gallery.suggest, *window.runs_panel.findChildren(IconButton)):
        before = button.sizeHint()
        button.setFocus(Qt.FocusReason.TabFocusReason)
        assert button.sizeHint() == before, name_of(button)


def test_without_a_run_the_way_is_shorter(window: MainWindow) -> None:
    long = len(stops_of(window))
    state = window.session.state
    window.session.update(replace(state, runs=replace(state.runs, all=(), shown=None)))
    assert len(stops_of(window)) < long
