"""What is seen of the map, and how it is looked at, is part of the state, in both directions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import QPointF
from pytestqt.qtbot import QtBot

from diffviews_desktop.state.state import State
from diffviews_desktop.state.view import View
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.camera import Camera


@pytest.fixture
def window(open_window: Callable[..., MainWindow], state: State) -> MainWindow:
    return open_window(state)


def look(window: MainWindow, **changes: object) -> None:
    """As a session that is opened again does."""
    state = window.session.state
    window.session.update(replace(state, view=replace(state.view, **changes)))  # type: ignore[arg-type]


def seen(window: MainWindow) -> View:
    return window.session.state.view


def test_a_map_is_seen_whole_at_first_and_what_is_seen_is_kept(
    qtbot: QtBot, window: MainWindow
) -> None:
    box = window.map.box
    whole = window.map.points.bounds
    assert box.viewRect().contains(whole)
    qtbot.waitUntil(lambda: seen(window).rectangle is not None)
    box.scaleBy((0.5, 0.5), center=QPointF(whole.center()))
    part = box.viewRect()
    corners = part.left(), part.top(), part.right(), part.bottom()
    qtbot.waitUntil(lambda: seen(window).rectangle == pytest.approx(corners))
    assert box.viewRect() == part  # being kept moves nothing


def test_the_state_says_which_part_is_seen(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.waitUntil(lambda: seen(window).rectangle is not None)
    whole = window.map.points.bounds
    middle, side = whole.center(), whole.width() / 4
    wanted = (middle.x() - side, middle.y() - side, middle.x() + side, middle.y() + side)
    look(window, rectangle=wanted)
    part = window.map.box.viewRect()
    assert part.left() <= wanted[0] + 1e-6
    assert part.right() >= wanted[2] - 1e-6
    assert part.width() < whole.width() * 1.5
    assert part.center().x() == pytest.approx(middle.x())


def test_another_map_is_seen_whole_again(qtbot: QtBot, window: MainWindow) -> None:
    window.map.box.scaleBy((0.2, 0.2))
    qtbot.waitUntil(lambda: seen(window).rectangle is not None)
    state = window.session.state
    moved = replace(state.opened.layer_map, xy=state.opened.layer_map.xy * 3 + 100)
    window.session.update(
        replace(
            state,
            opened=replace(state.opened, layer_map=moved),
            view=replace(state.view, rectangle=None),
        )
    )
    qtbot.waitUntil(
        lambda: window.map.box.viewRect().contains(window.map.points.bounds), timeout=5000
    )


def test_the_tool_and_the_decorations_are_those_of_the_state(window: MainWindow) -> None:
    look(window, tool="lasso", contours=True, names=False)
    assert window.map.box.tool == "lasso"
    assert window.menu_actions["view.lasso"].isChecked()
    assert not window.menu_actions["view.pan"].isChecked()
    made = window.map.decorations
    assert (made.want_pictures, made.want_names, made.want_contours) == (
        seen(window).pictures,
        False,
        True,
    )


def test_a_second_map_is_made_room_for_and_taken_back(qtbot: QtBot, window: MainWindow) -> None:
    look(window, beside=True)
    assert window.linked_panel is not None
    assert window.linked_panel.isVisible()
    assert window.menu_actions["maps.second"].isChecked()
    window.linked_panel.close_button.click()
    assert not seen(window).beside
    assert not window.linked_panel.isVisible()


def test_the_camera_and_the_third_axis_are_those_of_the_state(
    qtbot: QtBot, window: MainWindow
) -> None:
    if seen(window).not_solid:
        pytest.skip("this display has no OpenGL")
    look(window, solid=True)
    solid = window.map_area.switch.view
    assert solid is not None
    qtbot.waitUntil(lambda: not solid.busy)
    camera = Camera(azimuth=0.5, elevation=0.3, distance=4.0)
    look(window, camera=camera)
    assert solid.canvas.viewpoint.camera == camera
    solid.canvas.viewpoint.orbit(0.25, 0.0)
    qtbot.waitUntil(lambda: seen(window).camera == solid.canvas.viewpoint.camera)
    assert seen(window).camera != camera
    look(window, solid=False)
    assert window.map_area.currentWidget() is window.map
