"""What floats over the map stays in its place, and what the engine sends is painted in turns."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QRectF
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import selection
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.ui.views.area import MARGIN
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.told import NOTHING, OWN_CONDITION


def test_the_map_is_painted_after_the_panels(
    qtbot: QtBot, window: MainWindow, state: State
) -> None:
    area, session = window.map_area, window.session
    turned = replace(
        state.opened.layer_map, xy=state.opened.layer_map.xy[:, ::-1].copy(), layers=("other",)
    )
    with area.painted_apart(), session.batch():
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


def test_what_to_keep_in_mind_of_a_map_stands_at_its_foot(window: MainWindow, state: State) -> None:
    area, session = window.map_area, window.session
    assert not area.note.isVisible()

    def show(note: str) -> None:
        shown = replace(
            state.opened.layer_map, told=OWN_CONDITION if note else NOTHING, told_note=note
        )
        opened = replace(session.state.opened, layer_map=shown)
        session.update(replace(session.state, opened=opened))
        area.release()

    show("Each sample was told its own class, so they may lie together because of that. " * 3)
    note, plot = area.note, area.map.plot_area
    assert note.isVisible()
    assert note.whole.startswith("Each sample was told its own class")
    assert note.whole in note.toolTip().replace("&nbsp;", " ")
    assert plot.contains(note.geometry())
    assert plot.bottom() - note.geometry().bottom() <= MARGIN + 1
    selection.choose_rows(window.context, RowSet([1, 2, 3]))
    assert area.bar.isVisible()
    assert not area.bar.geometry().intersects(note.geometry())
    session.update(replace(session.state, opened=replace(session.state.opened, layer_map=None)))
    assert not note.isVisible()
    show("")
    assert not note.isVisible()
    show("Every sample was told class 3.")
    assert note.isVisible()
    assert note.text() == "Every sample was told class 3."
