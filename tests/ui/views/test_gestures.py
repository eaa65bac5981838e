"""Drags and keys on the real map: what is selected, and where the view goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot
from recorder import Recorder

from diffviews_desktop.actions import answers
from diffviews_desktop.engine.jobs.samples import AveragePictures, ExportSamples, PictureMean
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common import motion
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.ui.views.flat.gestures import SETTLED_MILLISECONDS
from diffviews_desktop.ui.views.flat.view import MapView
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.samples import SampleTable

Key, Held = Qt.Key, Qt.KeyboardModifier
Drag = Callable[..., None]


@pytest.fixture
def view(qtbot: QtBot, state: State) -> MapView:
    """A grid six wide and five high: sample ``6 * y + x`` lies at ``(x, y)``."""
    made = MapView()
    qtbot.addWidget(made)
    made.resize(700, 500)
    with qtbot.waitExposed(made):
        made.show()
    with qtbot.waitSignal(made.painted):
        made.set_map(state.opened.samples, state.opened.layer_map.xy)
    made.box.show_part(QRectF(-1, -1, 7, 6))
    return made


def at(view: MapView, x: float, y: float) -> QPoint:
    """Where a place of the map is on the viewport."""
    scene = view.box.mapViewToScene(QPointF(x, y))
    return view._plot_widget.mapFromScene(scene)


@pytest.mark.parametrize(
    ("keys", "how"),
    [
        (Held.NoModifier, "replace"),
        (Held.ShiftModifier, "add"),
        (Held.AltModifier, "remove"),
        (Held.ControlModifier, "remove"),
    ],
)
def test_a_rectangle_holds_the_samples_in_it(
    qtbot: QtBot, view: MapView, drag: Drag, keys: Held, how: str
) -> None:
    view.set_tool("rectangle")
    before = view.box.viewRect()
    with qtbot.waitSignal(view.chosen) as caught:
        drag(
            view.viewport,
            [at(view, 0.5, 0.5), at(view, 2.0, 1.0), at(view, 3.5, 2.5)],
            keys,
        )
    rows, said = caught.args
    assert list(rows) == [7, 8, 9, 13, 14, 15]
    assert said == how
    assert view.box.viewRect() == before  # nothing moved


def test_a_lasso_holds_the_samples_inside_its_outline(
    qtbot: QtBot, view: MapView, drag: Drag
) -> None:
    view.set_tool("lasso")
    # around the corner of the grid, without its middle: an L
    outline = [(-0.4, -0.4), (2.4, -0.4), (2.4, 0.4), (0.4, 0.4), (0.4, 2.4), (-0.4, 2.4)]
    points = [at(view, x, y) for x, y in outline]
    with qtbot.waitSignal(view.chosen) as caught:
        drag(view.viewport, points)
    assert list(caught.args[0]) == [0, 1, 2, 6, 12]


def test_shift_drag_adds_a_rectangle_while_the_tool_moves_the_map(
    qtbot: QtBot, view: MapView, drag: Drag
) -> None:
    with qtbot.waitSignal(view.chosen) as caught:
        drag(view.viewport, [at(view, -0.5, -0.5), at(view, 1.5, 0.5)], Held.ShiftModifier)
    assert (list(caught.args[0]), caught.args[1]) == ([0, 1], "add")


def test_dragging_moves_the_map_and_selects_nothing(
    qtbot: QtBot, view: MapView, drag: Drag
) -> None:
    before = view.box.viewRect()
    with qtbot.assertNotEmitted(view.chosen, wait=50):
        drag(view.viewport, [at(view, 1.5, 1.5), at(view, 2.0, 1.5), at(view, 2.5, 1.5)])
    assert view.box.viewRect().left() < before.left() - 0.5


def test_shift_click_and_space_toggle_one_sample(qtbot: QtBot, view: MapView) -> None:
    place = view.position_of(8).toPoint()
    qtbot.mouseMove(view.viewport, place)
    qtbot.waitUntil(lambda: view.hovered_row == 8)
    with qtbot.waitSignal(view.chosen) as caught, qtbot.assertNotEmitted(view.clicked):
        qtbot.mouseClick(view.viewport, Qt.MouseButton.LeftButton, Held.ShiftModifier, place)
    assert (list(caught.args[0]), caught.args[1]) == ([8], "toggle")
    with qtbot.waitSignal(view.chosen) as caught:
        qtbot.keyClick(view._plot_widget, Key.Key_Space)
    assert (list(caught.args[0]), caught.args[1]) == ([8], "toggle")


@pytest.mark.parametrize("tool", ["rectangle", "lasso", "zoom"])
def test_esc_ends_a_drag_without_effect(qtbot: QtBot, view: MapView, drag: Drag, tool: str) -> None:
    view.set_tool(tool)
    before = view.box.viewRect()
    points = [at(view, 0.5, 0.5), at(view, 2.0, 0.6), at(view, 2.5, 2.5), at(view, 1.0, 2.5)]
    with qtbot.assertNotEmitted(view.chosen, wait=100):
        drag(view.viewport, points, release=False)
        assert view.box.drawing
        qtbot.keyClick(view._plot_widget, Key.Key_Escape)
        assert not view.box.drawing
        drag(view.viewport, points)  # the release of this drag and another one, whole
    assert view.box.viewRect() == before or tool != "zoom"
    view.box.abort()


def test_a_slip_selects_and_zooms_nothing(qtbot: QtBot, view: MapView, drag: Drag) -> None:
    place = at(view, 1.5, 1.5)
    for tool in ("rectangle", "zoom"):
        view.set_tool(tool)
        before = view.box.viewRect()
        with qtbot.assertNotEmitted(view.chosen, wait=50):
            drag(view.viewport, [place, place + QPoint(8, 0), place + QPoint(1, 1)])
        assert view.box.viewRect() == before


def test_a_large_map_is_searched_in_another_thread(
    qtbot: QtBot, samples: SampleTable, drag: Drag
) -> None:
    count = 60_000
    rng = np.random.default_rng(1)
    xy = rng.normal(size=(count, 2)).astype(np.float32)
    many = replace(
        samples,
        sample_id=tuple(map(str, range(count))),
        class_label=np.zeros(count, np.int32),
        class_name=("zero",) * count,
        image_path=("",) * count,
        sigma=np.ones(count, np.float32),
    )
    view = MapView()
    qtbot.addWidget(view)
    view.resize(600, 500)
    with qtbot.waitExposed(view):
        view.show()
    view.set_map(many, xy)
    view.set_tool("rectangle")
    corners = at(view, -0.5, -0.25), at(view, 1.0, 0.75)
    with qtbot.waitSignal(view.chosen) as caught:
        drag(view.viewport, list(corners))
    ends = [view.box.mapSceneToView(QPointF(view._plot_widget.mapToScene(p))) for p in corners]
    (x0, x1), (y0, y1) = (
        sorted((a, b)) for a, b in ((ends[0].x(), ends[1].x()), (ends[0].y(), ends[1].y()))
    )
    inside = (xy[:, 0] >= x0) & (xy[:, 0] <= x1) & (xy[:, 1] >= y0) & (xy[:, 1] <= y1)
    assert caught.args[0].rows.tolist() == np.flatnonzero(inside).tolist()
    view.set_selection(Selection(chosen=caught.args[0]))
    qtbot.waitUntil(lambda: not view.points.busy)
    view.close_points()


def test_the_rest_is_dimmed_and_comes_back(view: MapView, state: State) -> None:
    view.set_highlighted_class(1)
    view.set_selection(Selection(chosen=RowSet([2, 3])))
    scene = view.points.scene_drawn
    strong = scene.rows[scene.alpha > 128]
    assert sorted(strong.tolist()) == [2, 3]  # the selection goes before the class
    x, y = view._rings._chosen.getData()
    assert (sorted(x.tolist()), y.tolist()) == ([2.0, 3.0], [0.0, 0.0])
    view.set_selection(Selection())
    scene = view.points.scene_drawn
    labels = state.opened.samples.class_label[scene.rows[scene.alpha > 128]]
    assert set(labels.tolist()) == {1}
    assert len(view._rings._chosen.getData()[0]) == 0


# ---- keys ---------------------------------------------------------------------------------------


def test_arrows_go_to_the_next_sample_and_enter_picks_it(qtbot: QtBot, view: MapView) -> None:
    view.set_selection(Selection(anchor=14))
    keyboard = view._plot_widget
    way = [
        (Key.Key_Right, 14),  # where one begins
        (Key.Key_Right, 15),
        (Key.Key_Up, 21),
        (Key.Key_Left, 20),
        (Key.Key_Down, 14),
        (Key.Key_Down, 8),
        (Key.Key_Down, 2),
        (Key.Key_Down, 2),  # there is none farther down
    ]
    for key, row in way:
        qtbot.keyClick(keyboard, key)
        assert view.hovered_row == row
    with qtbot.waitSignal(view.clicked) as caught:
        qtbot.keyClick(keyboard, Key.Key_Return)
    assert caught.args == [2]
    with qtbot.waitSignal(view.double_clicked) as caught:
        qtbot.keyClick(keyboard, Key.Key_Return, Held.ShiftModifier)
    assert caught.args == [2]


def test_the_view_follows_the_keyboard_out_of_it(qtbot: QtBot, view: MapView) -> None:
    view.box.show_part(QRectF(1.6, 1.6, 0.8, 0.8))
    qtbot.keyClick(view._plot_widget, Key.Key_Left)
    assert view.hovered_row == 14  # in the middle
    qtbot.keyClick(view._plot_widget, Key.Key_Left)
    assert view.hovered_row == 13
    assert view.box.viewRect().contains(QPointF(1.0, 2.0))


# ---- moving -------------------------------------------------------------------------------------


def test_a_rectangle_is_zoomed_to_and_back_goes_back(
    qtbot: QtBot, view: MapView, drag: Drag
) -> None:
    whole = view.box.viewRect()
    view.set_tool("zoom")
    drag(view.viewport, [at(view, 1.5, 1.5), at(view, 2.5, 2.0), at(view, 3.5, 2.5)])
    near = view.box.viewRect()
    assert near.contains(QRectF(1.55, 1.55, 1.9, 0.9))
    assert near.width() < whole.width() / 2
    view.fit_selection()  # nothing is selected: stays
    assert view.box.viewRect() == near
    view.set_selection(Selection(chosen=RowSet([0, 1])))
    view.fit_selection()
    pair = view.box.viewRect()
    assert pair.contains(QRectF(0, 0, 1, 0).adjusted(0, -0.01, 0, 0.01))
    assert not pair.contains(QPointF(2, 0))
    for expected in (near, whole):
        assert view.box.can_go_back
        view.box.go(-1)
        assert view.box.viewRect().center().x() == pytest.approx(expected.center().x(), abs=1e-6)
        assert view.box.viewRect().width() == pytest.approx(expected.width(), rel=1e-6)
    assert not view.box.can_go_back
    view.box.go(1)
    assert view.box.viewRect().width() == pytest.approx(near.width(), rel=1e-6)
    view.box.show_part(QRectF(2, 2, 1, 1))
    view.box.remember()
    assert not view.box.can_go_forward  # another way was taken


def test_a_view_is_gone_back_to_in_a_window_of_another_shape(qtbot: QtBot, view: MapView) -> None:
    view.box.remember()
    view.box.show_part(QRectF(1, 1, 2, 1))
    view.box.remember()
    for width, height in ((520, 560), (700, 300), (520, 560)):
        view.resize(width, height)
        qtbot.wait(20)
    qtbot.wait(SETTLED_MILLISECONDS + 50)
    assert not view.box.can_go_forward  # that the shape changed is nothing to go back to
    view.box.go(-1)
    assert not view.box.can_go_back
    assert view.box.viewRect().contains(QRectF(-0.99, -0.99, 6.98, 5.98))
    view.box.go(1)  # that the shape is another one is no other way taken
    assert view.box.viewRect().width() < 4
    assert not view.box.can_go_forward


@pytest.mark.parametrize("wheel", [True, False], ids=["by the wheel", "by rectangles"])
def test_no_zoom_is_so_close_that_nothing_is_left_to_see(view: MapView, wheel: bool) -> None:
    middle = QPointF(7.0, 9.0)
    for _ in range(60):
        if wheel:
            view.box.scaleBy((0.3, 0.3), center=middle)
        else:
            part = view.box.viewRect()
            view.box.show_part(QRectF(middle, part.size() * 0.3))
    seen = view.box.viewRect()
    assert 0 < seen.width() < 1e-3
    assert 0 < seen.height() < 1e-3
    view.fit()  # a flight from there, and back, has sizes to go by
    view.center_on(8)
    assert view.box.aim.width() > 0


@pytest.mark.parametrize("end", [(1.5, 4.5), (4.5, 1.5)], ids=["upright", "level"])
@pytest.mark.parametrize("moving", [True, False])
def test_a_straight_line_is_zoomed_to(
    qtbot: QtBot, view: MapView, drag: Drag, end: tuple[float, float], moving: bool
) -> None:
    motion.set_reduced(not moving)
    whole = view.box.viewRect()
    view.set_tool("zoom")
    drag(view.viewport, [at(view, 1.5, 1.5), at(view, *end)])
    qtbot.waitUntil(lambda: not view.box.flying)
    seen = view.box.viewRect()
    line = QRectF(QPointF(1.6, 1.6), QPointF(*end)).normalized()
    assert seen.adjusted(-0.2, -0.2, 0.2, 0.2).contains(line.center())
    assert 2.5 < max(seen.width(), seen.height()) < max(whole.width(), whole.height())
    motion.set_reduced(True)


def test_what_has_no_size_is_not_flown_to(view: MapView) -> None:
    before = view.box.viewRect()
    view.box.fly_to(QRectF(QPointF(1, 1), QPointF(1, 1)))
    assert view.box.viewRect() == before
    assert not view.box.flying


def test_the_view_flies_where_motion_is_allowed(qtbot: QtBot, view: MapView) -> None:
    motion.set_reduced(False)
    start = view.box.viewRect()
    seen: list[float] = []
    view.box.sigRangeChanged.connect(lambda *_: seen.append(view.box.viewRect().width()))
    view.center_on(8)
    assert view.box.flying
    qtbot.waitUntil(lambda: not view.box.flying)
    end = view.box.viewRect()
    assert len(seen) > 3
    assert all(0.97 * end.width() <= width <= 1.03 * start.width() for width in seen)
    assert end.center().x() == pytest.approx(2.0, abs=1e-6)
    view.fit()
    view.box.stop()  # as a wheel or a drag does
    assert not view.box.flying
    motion.set_reduced(True)
    view.fit()
    assert not view.box.flying
    assert view.box.viewRect().contains(QRectF(0, 0, 5, 4))


# ---- the window ---------------------------------------------------------------------------------


@pytest.fixture
def window(qtbot: QtBot, open_window: Callable[..., MainWindow], state: State) -> MainWindow:
    made = open_window(state)
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    return made


def chosen(window: MainWindow) -> list[int]:
    return list(window.session.state.picks.selection.chosen)


def test_a_selection_goes_from_the_lasso_to_the_mask(
    qtbot: QtBot, window: MainWindow, drag: Drag
) -> None:
    bar = window.map_area.bar
    assert not bar.isVisible()
    window.map.box.show_part(QRectF(-1, -1, 7, 6))
    qtbot.keyClick(window, Key.Key_R)
    assert window.map.box.tool == "rectangle"
    drag(window.map.viewport, [at(window.map, -0.5, -0.5), at(window.map, 2.5, 0.5)])
    qtbot.waitUntil(lambda: chosen(window) == [0, 1, 2])
    assert bar.isVisible()
    assert bar.count.text() == "3 selected"
    bar.neighbors.click()
    assert sorted(window.session.state.picks.selection.rows) == [0, 1, 2]
    window.session.undo_stack.undo()
    assert window.session.state.picks.selection.rows == ()
    bar.invert.click()
    assert chosen(window) == list(range(3, 30))
    bar.clear.click()
    assert chosen(window) == []
    assert not bar.isVisible()
    window.session.undo_stack.undo()
    assert bar.isVisible()


def test_n_adds_the_sample_under_the_mouse(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.keyClick(window, Key.Key_N)
    assert "Point at a sample" in window.session.state.notice.text
    for row in (7, 8, 8):
        qtbot.mouseMove(window.map.viewport, window.map.position_of(row).toPoint())
        qtbot.waitUntil(lambda row=row: window.map.hovered_row == row)
        qtbot.keyClick(window, Key.Key_N)
    assert window.session.state.picks.selection == Selection(anchor=7, manual=(8,))


def test_a_class_is_selected_from_its_menu(window: MainWindow) -> None:
    item = window.classes.list.item(1)
    menu = window.classes.menu_of(item)
    texts = {action.text(): action for action in menu.actions()}
    texts["&Select its samples"].trigger()
    assert chosen(window) == [row for row in range(30) if row % 3 == 1]
    texts["&Take them out of the selection"].trigger()
    assert chosen(window) == []


def test_the_selection_is_exported_where_one_says(
    window: MainWindow, worker: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(tmp_path / "mine.csv")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (file, ""))
    assert not window.menu_actions["exports.selection"].isEnabled()
    window.session.select(Selection(chosen=RowSet([1, 4])), "test")
    window.map_area.bar.export.click()
    assert worker.jobs == []
    assert window.pages.export is not None
    window.pages.export.save.click()
    job = worker.jobs[-1]
    assert isinstance(job, ExportSamples)
    assert job.file == Path(file)


def test_the_mean_picture_is_shown_and_saved(
    qtbot: QtBot,
    window: MainWindow,
    worker: Recorder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window.session.select(Selection(chosen=RowSet([1, 4])), "test")
    window.map_area.bar.mean.click()
    assert isinstance(worker.jobs[-1], AveragePictures)
    grey = np.full((8, 8, 3), 100.0, np.float32)
    mean = PictureMean(
        "m",
        ("sample_1",),
        grey,
        0 * grey,
        left_out="1 picture was left out: it is too large (sample_4)",
    )
    job_id = worker.jobs[-1].job_id
    answers.on_finished(window.context, job_id=job_id, result=mean, memory=None)
    shown = window.pages.mean
    assert shown.isVisible()
    assert shown.title.text() == "Mean of 1 picture"
    assert shown.note.text() == "of m. 1 picture was left out: it is too large (sample_4)."
    assert shown.mean.pixmap().toImage().pixelColor(100, 100).red() == 100
    file = tmp_path / "mean.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    shown.save.click()
    qtbot.waitUntil(file.exists)
    shown.close()


def test_what_floats_stays_inside_the_map(qtbot: QtBot, window: MainWindow) -> None:
    window.session.select(Selection(chosen=RowSet(range(30))), "test")
    for size in ((1280, 720), (1700, 1000)):
        window.resize(*size)
        qtbot.wait(60)
        area = window.map_area
        for floating in (area.strip, area.bar):
            assert area.rect().contains(floating.geometry())
        assert not area.strip.geometry().intersects(area.bar.geometry())
