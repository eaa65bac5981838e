"""Letters that Alt takes to: none is for two things that are there together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import pytest
from all_windows import open_all
from letters import mnemonic
from patience import until
from planted_texts import planted
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QGroupBox,
    QLabel,
    QMenu,
    QMenuBar,
    QTabBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions.registry import MENUS
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.shell.window import MainWindow


def texts_of(widget: QWidget) -> list[str]:
    """What of a widget's texts Alt and a letter lead to."""
    if isinstance(widget, QMenuBar):
        return [action.text() for action in widget.actions()]
    if isinstance(widget, QTabBar):
        return [widget.tabText(at) for at in range(widget.count())]
    if isinstance(widget, QLabel):
        return [QLabel.text(widget)] if widget.buddy() is not None else []
    if isinstance(widget, QAbstractButton):
        return [widget.text()]
    return [widget.title()] if isinstance(widget, QGroupBox) else []


def letters_of(window: QWidget) -> dict[str, list[str]]:
    """By letter, the texts of a window that can be seen."""
    found: dict[str, list[str]] = defaultdict(list)
    if isinstance(window, QMenu):
        for action in window.actions():
            found[mnemonic(action.text())].append(action.text())
    else:
        for widget in window.findChildren(QWidget):
            if widget.isVisible() and widget.window() is window:
                for text in texts_of(widget):
                    found[mnemonic(text)].append(text)
    found.pop("", None)
    return found


def ambiguous(windows: list[QWidget]) -> list[list[str]]:
    return [texts for window in windows for texts in letters_of(window).values() if len(texts) > 1]


@pytest.fixture
def window(open_window: Callable[..., MainWindow], state: State, make_job, make_step) -> MainWindow:
    """With everything in it that comes and goes."""
    steps = tuple(make_step(i) for i in range(3))
    return open_window(planted(state, lambda name: name, make_job(), steps))


def test_no_letter_of_a_window_or_a_menu_is_for_two_things(window: MainWindow) -> None:
    windows = open_all(window)
    seen = set()
    for page in range(window.generate_panel.pages.count()):
        window.generate_panel.pages.setCurrentIndex(page)
        assert not (twice := ambiguous(windows)), repr(twice)
        seen |= set(letters_of(window))
    assert len(seen) > 15
    window.menu_actions["view.solid"].trigger()
    assert ambiguous([window]) == []
    for menu in window.menuBar().findChildren(QMenu):
        assert ambiguous([menu]) == [], menu.title()


@pytest.mark.parametrize("title", MENUS.values())
def test_alt_and_its_letter_open_a_menu(qtbot: QtBot, window: MainWindow, title: str) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    for page in range(window.generate_panel.pages.count()):
        window.generate_panel.pages.setCurrentIndex(page)
        QTest.keyClick(window.windowHandle(), mnemonic(title), Qt.KeyboardModifier.AltModifier)
        until(qtbot, lambda: QApplication.activePopupWidget() is not None)
        shown = QApplication.activePopupWidget()
        assert isinstance(shown, QMenu)
        assert shown.title() == title
        shown.close()
        menu: QAction | None = window.menuBar().activeAction()
        if menu is not None:  # the menu bar keeps the keyboard until it is left, too
            window.menuBar().setActiveAction(None)
        window.menuBar().clearFocus()


def test_no_letter_of_a_samples_menu_is_for_two_things(window: MainWindow) -> None:
    """Whether the sample is the anchor, a neighbour, selected, or nothing of it."""
    area = window.map_area
    seen: set[str] = set()
    for action in ("selection.clear", "selection.all"):
        window.menu_actions[action].trigger()
        for row in range(len(window.session.state.opened.samples)):
            area._show_menu(row, QPoint())
            assert area.menu is not None
            assert ambiguous([area.menu]) == []
            seen |= set(letters_of(area.menu))
    area._close_menu()
    assert len(seen) > 15
