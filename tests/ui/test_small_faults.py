"""Small faults that a walk through the window once found, each of which must not come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from patience import until
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QProgressBar, QSpinBox
from pytestqt.qtbot import QtBot

from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.widgets import Decimal, WholeNumber
from diffviews_desktop.ui.panels.gallery import GalleryPanel
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.quantities import quantity


def test_the_card_of_the_arrow_keys_goes_with_the_keyboard(
    qtbot: QtBot, window: MainWindow
) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    assert window.map is not None
    window.map.setFocus()
    focused = window.focusWidget()
    QTest.keyClick(focused, Qt.Key.Key_Right)
    assert window.map.hovered_row is not None
    assert window.map_area.cards.card.isVisible()
    QTest.keyClick(focused, Qt.Key.Key_Tab)
    assert window.map.hovered_row is None
    assert window.map_area.cards.card.isHidden()


def test_a_menu_keeps_the_sample_that_it_is_for(qtbot: QtBot, window: MainWindow) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    assert window.map is not None
    window.map.setFocus()
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_Right)
    row = window.map.hovered_row
    menu = window.menuBar().findChildren(QMenu)[3]
    menu.popup(window.mapToGlobal(window.rect().center()))
    until(qtbot, menu.isVisible)
    assert window.map.hovered_row == row
    menu.close()


def test_the_end_of_a_job_leaves_the_keyboard_where_it_is(
    qtbot: QtBot, window: MainWindow, make_job: Callable[..., Generate]
) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.gallery.count.setFocus()
    state = window.session.state
    working = replace(state, jobs=state.jobs.with_job(RunningJob(make_job(), "Drawing")))
    window.session.update(working)
    window.session.update(state)
    assert QApplication.focusWidget() is window.gallery.count


def test_an_error_is_not_shown_any_more_once_what_failed_has_worked(window: MainWindow) -> None:
    window.session.update(window.session.state.with_notice("There is nothing.", error=True))
    assert window.notice.isVisible()
    window.session.update(window.session.state.with_error_over())
    assert window.notice.isHidden()
    (kept,) = window.session.state.notices
    assert kept.text == "There is nothing."
    window.session.update(window.session.state.with_notice("It is open."))
    window.session.update(window.session.state.with_error_over())
    assert window.notice.isVisible()  # that was no error


def test_of_sizes_of_points_one_is_chosen(window: MainWindow) -> None:
    menu = window.findChild(QMenu, "view.size")
    assert isinstance(menu, QMenu)
    menu.aboutToShow.emit()
    options = [action for action in menu.actions() if action.isCheckable()]
    groups = {id(action.actionGroup()) for action in options}
    assert len(options) > 1
    assert len(groups) == 1
    group = options[0].actionGroup()
    assert group.isExclusive()
    assert [isinstance(one, QAction) and one.isChecked() for one in options].count(True) == 1


@pytest.mark.parametrize("kind", [Decimal, WholeNumber])
def test_numbers_begin_where_other_texts_do(qtbot: QtBot, kind: type[Decimal]) -> None:
    field = kind()
    qtbot.addWidget(field)
    assert field.lineEdit().textMargins().left() > 0
    assert not isinstance(field, QSpinBox)


def test_what_is_high_where_nothing_moved_is_not_called_what_moved() -> None:
    told = quantity("overlap")
    assert told.title == "neighbours in common"
    assert told.meaning.startswith("Share of")


def test_one_neighbour_is_not_several(window: MainWindow, state: State, tmp_path: Path) -> None:
    gallery = window.gallery
    assert isinstance(gallery, GalleryPanel)
    sigma = state.opened.samples.sigma
    same = 1 + int(np.flatnonzero(sigma[1:] == sigma[0])[0])  # a mean of other levels is warned of
    picked = replace(state.picks.selection, anchor=0, manual=(same,))
    limited = replace(state.preferences, most_neighbors=1)
    now = replace(state, picks=replace(state.picks, selection=picked), preferences=limited)
    gallery.set_state(now)
    assert gallery.hint.text() == "1 neighbour: that is as many as a mask averages."
    gallery.set_state(replace(now, preferences=state.preferences))
    assert gallery.hint.text() == "1 neighbour and the anchor feed the mask."


def test_a_bar_that_cannot_tell_shows_one_piece(
    qtbot: QtBot, open_window: Callable[..., MainWindow], state: State
) -> None:
    window = open_window(state)
    bar = QProgressBar(window.status)
    bar.setTextVisible(False)
    bar.setRange(0, 0)
    bar.resize(200, 12)
    bar.show()
    seen: set[int] = set()
    for _ in range(12):
        qtbot.wait(25)
        seen.add(_pieces(bar.grab().toImage()))
    assert seen <= {0, 1}
    assert 1 in seen


def _pieces(image: QImage) -> int:
    """How many runs of saturated pixels there are in the middle row."""
    row = image.height() // 2
    blue = [image.pixelColor(x, row).saturation() > 120 for x in range(image.width())]
    return sum(now and not before for before, now in zip([False, *blue], blue, strict=False))
