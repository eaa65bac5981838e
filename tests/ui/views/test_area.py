"""What floats over the map stays in its place, and what the engine sends is painted in turns."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QRectF
from pytestqt.qtbot import QtBot

from diffviews_desktop.state.state import State
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.ui.views.area import MARGIN


def test_the_map_is_painted_after_the_panels(
    qtbot: QtBot, window: MainWindow, state: State
) -> None:
    area, session = window.map_area, window.session
    turned = replace(
        state.opened.layer_map, xy=state.opened.layer_map.xy[:, ::-1].copy(), layers=("other",)
    )
    with area.painted_apart(), session.together():
        session.update(
            replace(session.state, opened=replace(session.state.opened, layer_map=turned))
        )
        session.update(session.state.with_notice("done"))
    assert window.notice.isVisible()  # the panels are painted now
    assert not area.updatesEnabled()
    with qtbot.waitSignal(area.painted):
        qtbot.waitUntil(area.updatesEnabled)
    assert session.state.opened.layer_map is turned


def test_what_does_not_concern_the_map_leaves_it_alone(window: MainWindow, state: State) -> None:
    area, session = window.map_area, window.session
    with area.painted_apart():
        session.update(session.state.with_notice("done"))
    assert area.updatesEnabled()
    session.update(
        replace(
            session.state,
            opened=replace(session.state.opened, layer_map=replace(state.opened.layer_map)),
        )
    )  # not the engine
    assert area.updatesEnabled()


def test_what_is_held_back_can_be_had_at_once(window: MainWindow, state: State) -> None:
    area = window.map_area
    with area.painted_apart():
        window.session.update(
            replace(
                window.session.state,
                opened=replace(
                    window.session.state.opened, layer_map=replace(state.opened.layer_map)
                ),
            )
        )
    blank = area.grab().toImage()
    area.release()
    assert area.updatesEnabled()
    assert area.grab().toImage() != blank


def test_the_tools_stay_beside_the_axis(qtbot: QtBot, window: MainWindow) -> None:
    area = window.map_area
    assert area.map is not None
    before = area.map.plot_area.left()
    area.map.box.show_part(QRectF(0, 123456.0001, 0.001, 0.0005))  # whose numbers are long
    qtbot.waitUntil(lambda: area.map.plot_area.left() > before + 10)
    assert area.strip.x() == area.map.plot_area.left() + MARGIN
    wide = area.map.plot_area.left()
    area.map.fit()
    qtbot.wait(50)
    assert area.map.plot_area.left() == wide  # the map does not jump back
