"""A right click on the map offers what can be done with the sample under it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from made_runs import run_of
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QContextMenuEvent, QDesktopServices, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import showing
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.maps import LinkedMap
from diffviews_desktop.values.row_set import RowSet


@pytest.fixture
def window(open_window: Callable[..., MainWindow], state: State) -> Iterator[MainWindow]:
    made = open_window(state)
    yield made
    if made.map_area.menu is not None:
        made.map_area.menu.close()


def actions(qtbot: QtBot, window: MainWindow, row: int | None) -> dict[str, QAction]:
    """What a right click there offers, by name."""
    view = window.map
    place = QPoint(30, 300) if row is None else view.position_of(row).toPoint()
    with qtbot.waitSignal(view.menu_wanted) as caught:
        QTest.mouseClick(view.viewport, Qt.MouseButton.RightButton, pos=place)
    assert caught.args[0] == row
    menu = window.map_area.menu
    found = {action.text().replace("&", ""): action for action in menu.actions() if action.text()}
    menu.hide()
    return found


def test_the_sample_can_be_picked_and_selected(qtbot: QtBot, window: MainWindow) -> None:
    session = window.session
    offered = actions(qtbot, window, 7)
    assert "#7   sample_7" in offered
    assert "Add as neighbour" not in offered  # to whom?
    offered["Make it the anchor"].trigger()
    assert session.state.picks.selection == Selection(anchor=7)
    actions(qtbot, window, 8)["Add as neighbour"].trigger()
    assert session.state.picks.selection.manual == (8,)
    assert "Make it the anchor" not in actions(qtbot, window, 7)
    actions(qtbot, window, 8)["Remove from the neighbours"].trigger()
    assert session.state.picks.selection.manual == ()
    actions(qtbot, window, 9)["Add to the selection"].trigger()
    assert session.state.picks.selection.chosen == RowSet([9])
    actions(qtbot, window, 9)["Take out of the selection"].trigger()
    assert len(session.state.picks.selection.chosen) == 0


def test_its_class_can_be_selected_and_highlighted(qtbot: QtBot, window: MainWindow) -> None:
    offered = actions(qtbot, window, 7)
    offered["Select class one"].trigger()
    assert window.session.state.picks.selection.chosen == RowSet(range(1, 30, 3))
    offered["Highlight class one"].trigger()
    assert window.session.state.view.highlighted_class == 1
    actions(qtbot, window, 7)["Highlight all classes"].trigger()
    assert window.session.state.view.highlighted_class is None


def test_its_id_and_picture_can_be_taken_along(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = actions(qtbot, window, 6)
    offered["Copy the id"].trigger()
    assert QGuiApplication.clipboard().text() == "sample_6"
    QGuiApplication.clipboard().clear()
    offered["Copy the picture"].trigger()
    qtbot.waitUntil(lambda: not QGuiApplication.clipboard().image().isNull())
    image = QGuiApplication.clipboard().image()
    assert (image.width(), image.pixelColor(0, 0).red()) == (8, 30)
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    offered["Show the picture in its folder"].trigger()
    assert opened == [str(window.session.state.opened.samples.root)]
    assert "Copy the picture" not in actions(qtbot, window, 4)  # it has none


def test_a_picture_that_cannot_be_copied_is_said(qtbot: QtBot, window: MainWindow) -> None:
    samples = window.session.state.opened.samples
    assert samples is not None
    path = samples.picture(6)
    assert path is not None
    path.write_bytes(b"no picture")
    QGuiApplication.clipboard().clear()
    actions(qtbot, window, 6)["Copy the picture"].trigger()
    qtbot.waitUntil(lambda: window.session.state.notice is not None)
    notice = window.session.state.notice
    assert notice is not None
    assert notice.text == "The picture is not a known kind of picture, so it is not copied."
    assert QGuiApplication.clipboard().image().isNull()


def test_beside_samples_there_is_what_concerns_all(qtbot: QtBot, window: MainWindow) -> None:
    offered = actions(qtbot, window, None)
    assert not any("sample_" in text for text in offered)
    assert {"Select all", "Fit all", "Export the map…"} <= set(offered)
    assert "Show all samples" not in offered
    offered["Select all"].trigger()
    showing.toggle_category(window.context, by="class", number=0)
    offered = actions(qtbot, window, None)
    offered["Invert the selection"].trigger()
    offered["Show all samples"].trigger()
    assert window.session.state.view.filters == ()


def test_the_menu_key_is_for_the_sample_that_the_arrows_went_to(
    qtbot: QtBot, window: MainWindow
) -> None:
    view = window.map
    window.session.update(
        replace(
            window.session.state,
            picks=replace(window.session.state.picks, selection=Selection(anchor=8)),
        )
    )
    QTest.keyClick(view.focusProxy(), Qt.Key.Key_Right)
    row = view.hovered_row
    assert row is not None
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(1, 1), QPoint(1, 1))
    with qtbot.waitSignal(view.menu_wanted) as caught:
        QApplication.sendEvent(view.focusProxy(), event)
    assert caught.args[0] == row
    assert window.map_area.menu.isVisible()


def test_it_closes_when_other_samples_come(qtbot: QtBot, window: MainWindow) -> None:
    view = window.map
    QTest.mouseClick(view.viewport, Qt.MouseButton.RightButton, pos=view.position_of(7).toPoint())
    assert window.map_area.menu.isVisible()
    state = window.session.state
    window.session.update(
        replace(
            state,
            opened=replace(
                state.opened,
                samples=replace(state.opened.samples, sigma=state.opened.samples.sigma),
            ),
        )
    )
    assert window.map_area.menu is None


def test_names_are_shown_as_they_are(qtbot: QtBot, window: MainWindow) -> None:
    state = window.session.state
    names = ("black&white", *state.opened.samples.class_name[1:])
    window.session.update(
        replace(
            state,
            opened=replace(state.opened, samples=replace(state.opened.samples, class_name=names)),
        )
    )
    view = window.map
    QTest.mouseClick(view.viewport, Qt.MouseButton.RightButton, pos=view.position_of(0).toPoint())
    texts = [action.text() for action in window.map_area.menu.actions()]
    assert "Select &class black&&white" in texts


def test_on_the_second_map_it_moves_that_one(qtbot: QtBot, window: MainWindow) -> None:
    state = window.session.state
    window.menu_actions["maps.second"].trigger()
    linked = LinkedMap(state.opened.layer_map, ("midblock",), None)
    window.session.update(replace(state, opened=replace(state.opened, linked=linked)))
    second = window.map_area.linked
    second.box.scaleBy((0.3, 0.3))
    first = window.map.box.viewRect()
    with qtbot.waitSignal(second.menu_wanted):
        QTest.mouseClick(second.viewport, Qt.MouseButton.RightButton, pos=QPoint(40, 200))
    found = {a.text().replace("&", ""): a for a in window.map_area.menu.actions()}
    assert "Export the map…" not in found
    near = second.box.viewRect().width()
    found["Fit all"].trigger()
    assert second.box.viewRect().width() > 2 * near
    assert window.map.box.viewRect() == first


def test_a_step_of_a_run_has_a_menu_of_its_own(
    qtbot: QtBot,
    open_window: Callable[..., MainWindow],
    state: State,
    make_job: Callable,
    make_step: Callable,
) -> None:
    run = run_of(make_job(), "Run 1", tuple(map(make_step, range(3))), seed=11, done=True)
    shown = replace(state, runs=replace(state.runs, all=(run,), shown=run.id, step=2))
    window = open_window(shown)
    window.map._hovered_step = (run.id, 1)
    offered = actions(qtbot, window, None)
    assert "Run 1, step 2" in offered
    assert "Make it the anchor" not in offered
    offered["Show this step"].trigger()
    assert window.session.state.runs.step == 1
    offered["Copy the seed"].trigger()
    assert QGuiApplication.clipboard().text() == "11"
    offered["Export it as a film…"].trigger()
    assert window.pages.export is not None
    assert window.pages.export.export_kind == "film"
    offered["Hide its path"].trigger()
    assert not window.session.state.runs.all[0].visible
