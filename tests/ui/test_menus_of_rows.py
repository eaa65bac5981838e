"""Every list and every picture has a menu, for the mouse and for the keyboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from all_windows import open_all
from planted_texts import planted
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QHeaderView,
    QListWidget,
    QMenu,
    QTableWidgetItem,
    QWidget,
)
from pytestqt.qtbot import QtBot

from diffviews_desktop.engine.jobs.samples import PictureMean
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.tables import ReadTable
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.row_set import RowSet


def close_popups() -> None:
    while (popup := QApplication.activePopupWidget()) is not None:
        popup.close()


def menu_at(widget: QWidget, at: QPoint, reason: QContextMenuEvent.Reason) -> list[str]:
    """What a menu offers; nothing where none opens."""
    event = QContextMenuEvent(reason, at, widget.mapToGlobal(at))
    QApplication.sendEvent(widget, event)
    popup = QApplication.activePopupWidget()
    if not isinstance(popup, QMenu):
        return []
    offered = [one.text() for one in popup.actions() if not one.isSeparator()]
    close_popups()
    return offered


def by_mouse(view: QAbstractItemView, index: QModelIndex) -> list[str]:
    at = view.visualRect(index).center()
    return menu_at(view.viewport(), at, QContextMenuEvent.Reason.Mouse)


def by_keyboard(view: QAbstractItemView) -> list[str]:
    """As Qt sends it: the middle of the widget is the place."""
    return menu_at(view, view.rect().center(), QContextMenuEvent.Reason.Keyboard)


@pytest.fixture
def window(
    qtbot: QtBot, open_window: Callable[..., MainWindow], state: State, make_job, make_step
) -> MainWindow:
    steps = tuple(make_step(i) for i in range(3))
    made = open_window(planted(state, lambda name: name, make_job(), steps))
    made.resize(1600, 1000)
    return made


def is_chooser(view: QAbstractItemView) -> bool:
    """Whether it is there to choose from, and its rows stand for nothing else."""
    popup = isinstance(view.parent(), QMenu) or isinstance(view.parentWidget(), QComboBox)
    inside = any(isinstance(one, QComboBox) for one in parents(view))
    palette = view.accessibleName() == "What was found"
    checks = isinstance(view, QListWidget) and view.accessibleName().startswith("Layers")
    return popup or inside or palette or checks or isinstance(view, QHeaderView)


def parents(widget: QWidget) -> list[QWidget]:
    found = []
    parent = widget.parentWidget()
    while parent is not None:
        found.append(parent)
        parent = parent.parentWidget()
    return found


def first_row(view: QAbstractItemView) -> QModelIndex:
    """The first row that stands for something."""
    model = view.model()
    at = model.index(0, 0)
    if model.rowCount(at):  # below a heading
        at = model.index(0, 0, at)
    return at


def test_every_list_has_a_menu(window: MainWindow) -> None:
    found: dict[str, list[str]] = {}
    silent: list[str] = []
    window.generate_panel.pages.setCurrentIndex(1)
    for each in open_all(window):
        close_popups()
        for view in each.findChildren(QAbstractItemView):
            if not view.isVisible() or is_chooser(view) or not view.model().rowCount():
                continue
            index = first_row(view)
            view.setCurrentIndex(index)
            name = view.accessibleName() or type(view).__name__
            mouse, keys = by_mouse(view, index), by_keyboard(view)
            found[name] = mouse
            if not mouse or mouse != keys:
                silent.append(f"{name}: {mouse} by mouse, {keys} by keyboard")
    assert not silent
    assert {"Classes", "Runs", "Neighbours", "Filmstrip", "Notices"} <= set(found)
    assert "Remove it" in found["Interventions, in the order in which they act"]
    assert found["Notices"] == ["Cop&y"]


def test_the_menu_key_is_for_the_current_row(window: MainWindow) -> None:
    classes = window.classes.list
    wanted: list[int] = []
    window.classes.selection_wanted.connect(lambda number, how: wanted.append(number))
    for row in (0, 2, 1):
        classes.setCurrentRow(row)
        middle = classes.rect().center()
        event = QContextMenuEvent(
            QContextMenuEvent.Reason.Keyboard, middle, classes.mapToGlobal(middle)
        )
        QApplication.sendEvent(classes, event)
        popup = QApplication.activePopupWidget()
        assert isinstance(popup, QMenu)
        next(one for one in popup.actions() if "Select its" in one.text()).trigger()
        close_popups()
        assert classes.currentRow() == row
    assert wanted == [0, 2, 1]


def test_runs_that_are_not_side_by_side_are_chosen_by_the_keyboard(
    qtbot: QtBot, window: MainWindow
) -> None:
    state = window.session.state
    run = state.runs.all[0]
    three = tuple(replace(run, id=number, name=f"Run {number}") for number in (1, 2, 3))
    window.session.update(replace(state, runs=replace(state.runs, all=three, shown=3)))
    view = window.runs_panel.list.view
    view.setFocus()
    control = Qt.KeyboardModifier.ControlModifier
    for _ in range(2):
        qtbot.keyClick(view, Qt.Key.Key_Down, control)
    qtbot.keyClick(view, Qt.Key.Key_Space, control)
    runs = window.session.state.runs
    assert (runs.shown, runs.beside) == (3, (1,))
    assert all(one.visible for one in runs.all)
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert [one.visible for one in window.session.state.runs.all] == [False, True, True]


def test_a_row_of_a_table_is_copied(qtbot: QtBot) -> None:
    table = ReadTable("Table")
    qtbot.addWidget(table)
    table.setRowCount(2)
    table.setColumnCount(3)
    table.setItem(1, 0, QTableWidgetItem("a"))
    table.setItem(1, 2, QTableWidgetItem("0.5"))
    (copy,) = table.menu_of(1).actions()
    copy.trigger()
    assert QGuiApplication.clipboard().text() == "a\t\t0.5"


def test_the_mean_and_its_deviation_are_copied(window: MainWindow) -> None:
    shape = (8, 8, 1)
    mean = PictureMean(
        "m", ("a", "b"), np.full(shape, 90.0, np.float32), np.full(shape, 7.0, np.float32)
    )
    state = window.session.state
    window.session.update(replace(state, picks=replace(state.picks, mean=mean)))
    window.show_page("mean")
    shown = window.pages.mean
    assert shown is not None
    for label, value in ((shown.mean, 90), (shown.deviation, 14)):
        event = QContextMenuEvent(
            QContextMenuEvent.Reason.Mouse, QPoint(9, 9), label.mapToGlobal(QPoint(9, 9))
        )
        QApplication.sendEvent(label, event)
        popup = QApplication.activePopupWidget()
        assert isinstance(popup, QMenu)
        popup.actions()[0].trigger()
        close_popups()
        assert QGuiApplication.clipboard().image().pixelColor(3, 3).red() == value


def test_a_sample_that_was_found_is_ringed_until_another_is(
    qtbot: QtBot, window: MainWindow
) -> None:
    view = window.map
    assert view is not None

    def ringed() -> list[tuple[float, float]]:
        x, y = view._rings._hover.getData()
        return list(zip(x.tolist(), y.tolist(), strict=True))

    for row in (8, 21):
        window.show_sample(row)
        assert ringed() == [(row % 6, row // 6)]
    opened = window.session.state.opened
    assert opened.layer_map is not None
    moved = replace(opened.layer_map, xy=opened.layer_map.xy[:, ::-1].copy())
    window.session.update(replace(window.session.state, opened=replace(opened, layer_map=moved)))
    qtbot.waitUntil(lambda: not view.busy)
    assert ringed() == [(21 // 6, 21 % 6)]  # the same sample, where it is on this map
    window.session.update(window.session.state.with_selection(Selection(chosen=RowSet([1]))))
    assert ringed()
