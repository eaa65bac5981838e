"""The map in three dimensions as its user sees it: drawn by OpenGL on a real display."""

from __future__ import annotations

import gc
import math
import os
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_runs import run_of
from patience import SLOWLY
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

import diffviews_desktop
from diffviews_desktop.actions.preferences import choose_drawing
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.settings import Settings
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common import colors, motion, theme
from diffviews_desktop.ui.common.colors import class_colors
from diffviews_desktop.ui.common.run_styles import STYLES
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.ui.views.flat.renderer import choose_renderer
from diffviews_desktop.ui.views.flat.view import MapView
from diffviews_desktop.ui.views.solid import cloud_gl
from diffviews_desktop.ui.views.solid.canvas import Canvas
from diffviews_desktop.ui.views.solid.depth_sort import AT_ONCE
from diffviews_desktop.ui.views.solid.view import ON_THE_FLOOR, SolidView
from diffviews_desktop.values.row_set import RowSet

ROOT = Path(diffviews_desktop.__file__).parents[1]
BOTH = pytest.mark.parametrize(
    "view", [True, False], ids=["as by a graphics card", "as in software"], indirect=True
)
SIDES = ((-1.1, 0.4), (0.5, 0.25), (2.4, 1.0), (-2.6, -0.5))


@pytest.fixture(autouse=True)
def opengl(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    if choose_renderer("opengl").name != "opengl":
        pytest.skip("this display has no OpenGL")
    monkeypatch.setenv("DIFFVIEWS_RENDERER", "opengl")


@pytest.fixture
def flat(qtbot: QtBot, state: State) -> Iterator[MapView]:
    """The flat map, which says how points are coloured."""
    made = MapView()
    qtbot.addWidget(made)
    made.set_map(state.opened.samples, state.opened.layer_map.xy)
    yield made
    made.close_points()


@pytest.fixture
def view(
    qtbot: QtBot, flat: MapView, state: State, request: pytest.FixtureRequest
) -> Iterator[SolidView]:
    made = SolidView(graphics_card=getattr(request, "param", False))
    qtbot.addWidget(made)
    made.resize(800, 640)
    with qtbot.waitExposed(made):
        made.show()
    made.show_state(state, flat.points.scene_drawn, None)
    qtbot.waitUntil(lambda: not made.busy)
    yield made
    made.close_threads()


def picture(view: SolidView) -> QImage:
    return view.canvas.grabFramebuffer()


def turn(canvas: Canvas, azimuth: float, elevation: float) -> None:
    """Look from a side, in radians, with everything in view as before."""
    viewpoint = canvas.viewpoint
    viewpoint.flight.stop()
    viewpoint.camera = replace(viewpoint.camera, azimuth=azimuth, elevation=elevation)
    viewpoint.refresh()


def seen_at(image: QImage, place: QPointF) -> np.ndarray:
    ratio = image.devicePixelRatio()
    color = image.pixelColor(math.floor(place.x() * ratio), math.floor(place.y() * ratio))
    return np.array([color.red(), color.green(), color.blue()])


def rgb(color: QColor | str) -> np.ndarray:
    color = QColor(color)
    return np.array([color.red(), color.green(), color.blue()])


def mixed(color: QColor, opacity: float) -> np.ndarray:
    """A colour over the map's background."""
    return opacity * rgb(color) + (1 - opacity) * rgb(theme.colors().map)


def in_front(canvas: Canvas) -> list[int]:
    """The rows of which nothing covers the middle, by the distances between all of them."""
    cloud, projection = canvas.cloud, canvas.viewpoint.projection()
    places = projection.pixels(np.stack([cloud.place_of(row) for row in range(len(cloud))]))
    reach = canvas.look().diameter * 2.2
    far = np.hypot(*(places[:, None, :2] - places[None, :, :2]).transpose(2, 0, 1))
    nearer = places[None, :, 2] < places[:, None, 2]
    return [row for row in range(len(cloud)) if not (nearer[row] & (far[row] < reach)).any()]


def click(qtbot: QtBot, view: SolidView, place: QPointF) -> None:
    qtbot.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=place.toPoint())


# ---- drawing and picking ------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("side", SIDES)
def test_the_point_that_is_drawn_is_the_point_that_is_picked(
    qtbot: QtBot, view: SolidView, state: State, side: tuple[float, float]
) -> None:
    canvas = view.canvas
    turn(canvas, *side)
    image = picture(view)
    palette = class_colors([0, 1, 2], dark=False)
    tried = 0
    for row in in_front(canvas):
        place = canvas.position_of(row)
        opaque = row % 2 == 1  # the lower noise level
        if opaque:  # what is behind does not shine through
            wanted = rgb(palette[int(state.opened.samples.class_label[row])])
            assert np.abs(seen_at(image, place) - wanted).max() <= 12, row
        with qtbot.waitSignal(view.clicked) as caught:
            click(qtbot, view, place)
        assert caught.args == [row]
        tried += 1
    assert tried >= 12


def test_noisy_samples_are_fainter(qtbot: QtBot, view: SolidView, state: State) -> None:
    canvas = view.canvas
    turn(canvas, -0.9, 1.2)
    image, palette = picture(view), class_colors([0, 1, 2], dark=False)
    alone = [row for row in in_front(canvas) if row % 2 == 0]
    close = [
        np.abs(
            seen_at(image, canvas.position_of(row))
            - mixed(palette[int(state.opened.samples.class_label[row])], 0.4)
        ).max()
        for row in alone
    ]
    assert np.median(close) <= 12


def test_samples_lie_at_their_noise_level(view: SolidView, state: State) -> None:
    for row in (0, 1, 17):
        x, y, height = view.canvas.cloud.place_of(row)
        assert (x, y) == pytest.approx(state.opened.layer_map.xy[row])
        assert height == pytest.approx(math.log10(state.opened.samples.sigma[row]))
    # up on the screen is up in noise
    low, high = view.canvas.position_of(1), view.canvas.position_of(0)
    assert high.y() < low.y()
    texts = [
        text for _, text in view.canvas.axis.ticks(view.canvas.box.low[2], view.canvas.box.high[2])
    ]
    assert "1" in texts


def test_of_two_on_one_line_of_sight_the_nearer_is_drawn_and_picked(
    qtbot: QtBot, view: SolidView, flat: MapView, state: State
) -> None:
    """Seen from straight above: the higher noise level; from below, the lower one."""
    sigma = np.where(np.arange(30) == 2, 8.0, 0.5).astype(np.float32)
    xy = state.opened.layer_map.xy.copy()
    xy[2] = xy[1]
    stacked = replace(
        state,
        opened=replace(
            state.opened,
            samples=replace(state.opened.samples, sigma=sigma),
            layer_map=replace(state.opened.layer_map, xy=xy),
        ),
    )
    flat.set_map(stacked.opened.samples, xy)
    flat.points.set_emphasis(np.isin(np.arange(30), (1, 2)))  # both 85 % strong at least
    view.show_state(stacked, flat.points.scene_drawn, None)
    palette, centre = class_colors([0, 1, 2], dark=False), view.canvas
    centre.center_on(2)
    for elevation, row in ((math.pi / 2, 2), (-math.pi / 2, 1)):
        turn(centre, 0.0, elevation)
        middle = QPointF(centre.width() / 2, centre.height() / 2)
        assert centre.row_at(middle) == row
        wanted = rgb(palette[row])
        other = rgb(palette[3 - row])
        seen = seen_at(picture(view), middle)
        assert np.abs(seen - wanted).max() < np.abs(seen - other).max()
        with qtbot.waitSignal(view.clicked) as caught:
            click(qtbot, view, middle)
        assert caught.args == [row]


def test_dimmed_points_are_faint_and_hidden_ones_are_not_there(
    view: SolidView, flat: MapView, state: State
) -> None:
    flat.set_highlighted_class(0)
    view.show_state(state, flat.points.scene_drawn, None)
    turn(view.canvas, *SIDES[0])
    image, background = picture(view), rgb(theme.colors().map)
    strength = {
        row: np.abs(seen_at(image, view.canvas.position_of(row)) - background).max()
        for row in in_front(view.canvas)
    }
    strong = [value for row, value in strength.items() if row % 3 == 0]
    dimmed = [value for row, value in strength.items() if row % 3 != 0]
    assert min(strong) > 3 * np.median(dimmed)
    flat.set_highlighted_class(None)
    flat.points.set_hidden(np.arange(30) == 7)
    places = [view.canvas.position_of(7)]
    view.show_state(state, flat.points.scene_drawn, None)
    assert view.canvas.position_of(7) is None
    assert len(view.canvas.cloud) == 29
    assert view.canvas.row_at(places[0]) != 7


def test_many_points_are_sorted_in_another_thread(
    qtbot: QtBot, view: SolidView, flat: MapView, state: State
) -> None:
    count = AT_ONCE + 5000
    rng = np.random.default_rng(0)
    xy = rng.normal(size=(count, 2)).astype(np.float32)
    many = replace(
        state.opened.samples,
        sample_id=tuple(map(str, range(count))),
        class_label=np.zeros(count, np.int32),
        class_name=("zero",) * count,
        image_path=("",) * count,
        sigma=np.geomspace(0.1, 80, count).astype(np.float32),
    )
    xy[-1] = 9, 9
    shown = replace(
        state,
        opened=replace(
            state.opened, samples=many, layer_map=replace(state.opened.layer_map, xy=xy)
        ),
        picks=replace(state.picks, selection=Selection(anchor=count - 1)),
    )
    flat.set_map(many, xy)
    view.show_state(shown, flat.points.scene_drawn, None)
    assert len(view.canvas.cloud) == 30  # the old ones stay until the new ones are there
    qtbot.waitUntil(lambda: len(view.canvas.cloud) == count)
    with qtbot.waitSignal(view.clicked) as caught:  # asked before all are sorted
        click(qtbot, view, view.canvas.position_of(count - 1))
    assert caught.args == [count - 1]
    qtbot.waitUntil(lambda: not view.busy)
    before = picture(view)
    turn(view.canvas, 0.3, 0.3)
    moving = picture(view)
    qtbot.waitUntil(lambda: not view.busy)
    assert view.canvas.row_at(view.canvas.position_of(count - 1)) == count - 1
    assert moving != before


# ---- what lies on top ---------------------------------------------------------------------------


def changed(before: QImage, after: QImage) -> np.ndarray:
    """``(M, 2)`` x, y of the pixels that differ, in logical pixels."""
    one, two = (
        np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), -1)
        for image in (before, after)
    )
    return np.argwhere(one != two)[:, ::-1] / after.devicePixelRatio()


@BOTH
def test_rings_differ_by_role_in_size_and_width(view: SolidView, state: State) -> None:
    before, found = picture(view), {}
    for role, selection in (
        ("anchor", Selection(anchor=9)),
        ("manual", Selection(anchor=20, manual=(9,))),
        ("suggested", Selection(anchor=20, suggested=((9, 1.0),))),
    ):
        view.set_picks(replace(state, picks=replace(state.picks, selection=selection)))
        pixels = changed(before, picture(view))
        place = view.canvas.position_of(9)
        away = np.hypot(*(pixels - [place.x(), place.y()]).T)
        away = away[away < 40]
        assert away.max() < 15
        found[role] = (away.max(), len(away))
    assert found["anchor"][0] > found["manual"][0] + 2
    assert found["anchor"][1] > found["suggested"][1]
    assert found["manual"] != found["suggested"]
    view.set_picks(state)
    assert len(changed(before, picture(view))) == 0


@BOTH
@pytest.mark.parametrize("dark", [False, True])
def test_runs_descend_from_noise_to_the_picture(
    view: SolidView, flat: MapView, state: State, make_job, make_step, dark: bool
) -> None:
    theme.apply("dark" if dark else "light")
    view.apply_theme()
    steps = tuple(make_step(i, imposed=i == 1) for i in range(4))
    record = run_of(make_job(), "Run 1", steps=steps, done=True)
    shown = replace(state, runs=replace(state.runs, all=(record,), shown=record.id, step=2))
    view.set_picks(shown)
    box = view.canvas.box
    assert box.high[2] > 1.0  # the frame holds the first step, at σ 10
    turn(view.canvas, -1.4, 0.2)
    image = picture(view)
    projection = view.canvas.viewpoint.projection()
    for i, step in enumerate(steps):
        place = np.array([*step.xy, math.log10(step.sigma)])
        x, y, _ = projection.pixels(place)[0].tolist()
        wanted = rgb(colors.blend(colors.PATH_START, colors.PATH_END, i / 3))
        assert np.abs(seen_at(image, QPointF(x, y)) - wanted).max() <= 16, i
    view.set_picks(
        replace(shown, runs=replace(shown.runs, step=0))
    )  # the mark goes along with the scrubber
    for pixel in (2, 0):
        x, y, _ = projection.pixels(np.array([*steps[pixel].xy, math.log10(steps[pixel].sigma)]))[0]
        rim = QPointF(x, y - 12)
        accent = np.abs(seen_at(picture(view), rim) - rgb(theme.colors().accent)).max() < 90
        assert accent == (pixel == 0)
    assert "Drag orbits" in view.note.accessibleName()
    away = picture(view)
    view.set_picks(replace(shown, runs=replace(shown.runs, all=(replace(record, visible=False),))))
    assert len(changed(away, picture(view))) > 100


def test_many_runs_differ_as_on_the_flat_map(
    view: SolidView, state: State, make_job, make_step
) -> None:
    steps = tuple(make_step(i) for i in range(3))
    seen: set[tuple[int, ...]] = set()
    for number, (_, end, _) in enumerate(STYLES, 1):
        record = run_of(make_job(number), f"Run {number}", steps=steps)
        view.set_picks(
            replace(state, runs=replace(state.runs, all=(record,), shown=number, step=0))
        )
        place = view.canvas.position_of_step(number, 2)
        found = seen_at(picture(view), place)
        assert np.abs(found - rgb(end)).max() <= 16
        seen.add(tuple(found.tolist()))
    assert len(seen) == len(STYLES)


def test_a_step_is_told_of_and_gone_to_by_a_click(
    qtbot: QtBot, view: SolidView, state: State, make_job, make_step
) -> None:
    steps = tuple(replace(make_step(i), xy=(i - 3.0, 7.0)) for i in range(4))  # beside the samples
    record = run_of(make_job(7), "Run 1", steps=steps, done=True)
    view.set_picks(replace(state, runs=replace(state.runs, all=(record,), shown=7, step=0)))
    view.fit()
    picture(view)
    place = view.canvas.position_of_step(7, 2)
    with qtbot.waitSignal(view.step_hovered) as caught:
        qtbot.mouseMove(view.canvas, place.toPoint())
    assert caught.args == [(7, 2)]
    assert view.hovered_row is None
    with qtbot.waitSignal(view.step_clicked) as caught, qtbot.assertNotEmitted(view.clicked):
        click(qtbot, view, place)
    assert caught.args == [7, 2]
    with qtbot.waitSignal(view.step_hovered) as caught:
        qtbot.mouseMove(view.canvas, QPoint(3, 3))
    assert caught.args == [None]
    assert view.canvas.position_of_step(7, 9) is None
    assert view.canvas.position_of_step(8, 0) is None


def test_a_small_selection_set_is_ringed_and_shift_click_changes_it(
    qtbot: QtBot, view: SolidView, state: State
) -> None:
    row = in_front(view.canvas)[0]
    before = picture(view)
    view.set_picks(
        replace(state, picks=replace(state.picks, selection=Selection(chosen=RowSet([row]))))
    )
    pixels = changed(before, picture(view))
    place = view.canvas.position_of(row)
    away = np.hypot(*(pixels - [place.x(), place.y()]).T)
    assert 4 < away.max() < 9
    with qtbot.waitSignal(view.chosen) as caught, qtbot.assertNotEmitted(view.clicked):
        qtbot.mouseClick(
            view.canvas,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.ShiftModifier,
            place.toPoint(),
        )
    assert caught.args == [RowSet([row]), "toggle"]


def test_the_view_flies_where_motion_is_allowed(qtbot: QtBot, view: SolidView) -> None:
    canvas, seen = view.canvas, []
    fitted = canvas.camera
    canvas.center_on(3)  # at once: motion is reduced
    aside = canvas.camera
    assert aside != fitted
    motion.set_reduced(False)
    canvas.viewpoint.flight._animation.setDuration(SLOWLY)
    canvas.viewpoint.flight.moved.connect(lambda camera: seen.append(camera.distance))
    view.fit()
    assert canvas.camera == aside
    qtbot.waitUntil(lambda: not view.busy)
    assert canvas.camera == fitted
    assert len(seen) > 3
    assert seen == sorted(seen)
    canvas.reset_view()
    canvas.center_on(3)
    qtbot.keyClick(canvas, Qt.Key.Key_Plus)  # whoever takes the camera has it
    assert not canvas.viewpoint.flight.running


def test_steps_lie_on_the_floor_of_an_axis_that_they_have_no_value_on(
    view: SolidView, flat: MapView, state: State, make_job, make_step
) -> None:
    deep = replace(
        state,
        opened=replace(
            state.opened,
            layer_map=replace(state.opened.layer_map, z=np.arange(30, dtype=np.float32)),
        ),
    )
    record = run_of(make_job(), "T", steps=(make_step(0), make_step(1)), done=True)
    deep = replace(deep, runs=replace(deep.runs, all=(record,), shown=record.id))
    with_axis: list[str] = []
    view.axis_chosen.connect(with_axis.append)
    view.choice.setCurrentIndex(view.choice.findData("z"))
    view.choice.activated.emit(view.choice.currentIndex())
    assert with_axis == ["z"]
    deep = replace(deep, view=replace(deep.view, third_axis="z"))
    view.show_state(deep, flat.points.scene_drawn, None)
    assert view.canvas.cloud.place_of(29)[2] == pytest.approx(29)
    assert view.canvas.axis.name == "third dimension"
    assert view.note.accessibleName() == ON_THE_FLOOR


def test_what_cannot_be_the_third_axis_says_why(view: SolidView) -> None:
    for by in ("z", "trust"):
        row = view.choice.findData(by)
        assert not view.choice.model().item(row).isEnabled()
        assert "This map" in view.choice.itemData(row, Qt.ItemDataRole.ToolTipRole)
    row = view.choice.findData("distance")
    assert "anchor" in view.choice.itemData(row, Qt.ItemDataRole.ToolTipRole)
    assert view.axis == "sigma"


# ---- gestures -----------------------------------------------------------------------------------


def drag(
    qtbot: QtBot,
    canvas: Canvas,
    by: QPoint,
    button: Qt.MouseButton = Qt.MouseButton.LeftButton,
    keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    start = QPoint(60, 60)
    qtbot.mousePress(canvas, button, keys, start)
    for part in (0.5, 1.0):
        place = start + by * part
        event = mouse_move(canvas, place, button, keys)
        QApplication.sendEvent(canvas, event)
    qtbot.mouseRelease(canvas, button, keys, start + by)


def mouse_move(
    canvas: Canvas, place: QPoint, button: Qt.MouseButton, keys: Qt.KeyboardModifier
) -> QMouseEvent:
    return QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(place),
        QPointF(canvas.mapToGlobal(place)),
        Qt.MouseButton.NoButton,
        button,
        keys,
    )


def test_a_drag_orbits_and_is_no_click(qtbot: QtBot, view: SolidView) -> None:
    heard: list[int] = []
    view.clicked.connect(heard.append)
    canvas, before = view.canvas, view.canvas.camera
    drag(qtbot, canvas, QPoint(80, 40))
    assert canvas.camera.azimuth < before.azimuth
    assert canvas.camera.elevation > before.elevation
    assert canvas.camera.target == before.target
    assert heard == []


@pytest.mark.parametrize(
    ("button", "keys"),
    [
        (Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier),
        (Qt.MouseButton.MiddleButton, Qt.KeyboardModifier.NoModifier),
    ],
)
def test_shift_or_the_middle_button_pans(
    qtbot: QtBot, view: SolidView, button: Qt.MouseButton, keys: Qt.KeyboardModifier
) -> None:
    canvas = view.canvas
    before = canvas.position_of(14)
    drag(qtbot, canvas, QPoint(50, 30), button, keys)
    after = canvas.position_of(14)
    assert after.x() - before.x() == pytest.approx(50, rel=0.25)
    assert after.y() - before.y() == pytest.approx(30, rel=0.25)


def test_the_wheel_zooms_about_the_mouse_and_f_fits(qtbot: QtBot, view: SolidView) -> None:
    canvas = view.canvas
    fitted = canvas.camera
    canvas.center_on(14)
    place = canvas.position_of(14)
    assert (place.x(), place.y()) == pytest.approx((canvas.width() / 2, canvas.height() / 2))
    canvas.viewpoint.camera = replace(canvas.camera.pan(80, 20, canvas.height()))
    place = canvas.position_of(14)
    near = canvas.camera.distance
    for _ in range(3):
        event = QWheelEvent(
            place,
            QPointF(canvas.mapToGlobal(place.toPoint())),
            QPoint(),
            QPoint(0, 120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(canvas, event)
    assert canvas.camera.distance == pytest.approx(near / 1.15**3)
    after = canvas.position_of(14)
    assert (after.x(), after.y()) == pytest.approx((place.x(), place.y()), abs=1)
    view.fit()
    assert canvas.camera == fitted


def test_the_keyboard_orbits_pans_zooms_and_resets(qtbot: QtBot, view: SolidView) -> None:
    canvas = view.canvas
    fitted = canvas.camera
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    qtbot.keyClick(canvas, Qt.Key.Key_Up)
    assert canvas.camera.azimuth == pytest.approx(fitted.azimuth + math.radians(5))
    assert canvas.camera.elevation == pytest.approx(fitted.elevation + math.radians(5))
    qtbot.keyClick(canvas, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert canvas.camera.target != fitted.target
    distance = canvas.camera.distance
    qtbot.keyClick(canvas, Qt.Key.Key_Plus)
    assert canvas.camera.distance < distance
    qtbot.keyClick(canvas, Qt.Key.Key_Home)
    assert canvas.camera == fitted


def test_a_double_click_asks_for_an_anchor_or_resets(qtbot: QtBot, view: SolidView) -> None:
    canvas = view.canvas
    fitted = canvas.camera
    row = in_front(canvas)[0]
    with qtbot.waitSignal(view.double_clicked) as caught:
        qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.position_of(row).toPoint())
    assert caught.args == [row]
    turn(canvas, 1.0, 0.1)
    canvas.center_on(3)
    assert canvas.camera != fitted
    empty = QPoint(5, 5)
    assert canvas.row_at(QPointF(empty)) is None
    qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=empty)
    assert canvas.camera == fitted


def test_hover_says_which_sample_and_when_it_ends(qtbot: QtBot, view: SolidView) -> None:
    canvas, row = view.canvas, in_front(view.canvas)[0]
    before = picture(view)
    with qtbot.waitSignal(view.hovered) as caught:
        qtbot.mouseMove(canvas, canvas.position_of(row).toPoint())
    assert caught.args == [row]
    place = canvas.position_of(row)
    pixels = changed(before, picture(view))
    assert np.hypot(*(pixels - [place.x(), place.y()]).T).min() < 10  # a ring
    with qtbot.waitSignal(view.hovered) as caught:
        qtbot.mouseMove(canvas, QPoint(3, 3))
    assert caught.args == [None]


# ---- contexts -----------------------------------------------------------------------------------


def test_another_window_and_another_context_show_the_same(qtbot: QtBot, view: SolidView) -> None:
    before = picture(view)
    uploads = view.canvas.gl.uploads
    other = QWidget()
    qtbot.addWidget(other)
    QVBoxLayout(other).addWidget(view)
    other.layout().setContentsMargins(0, 0, 0, 0)
    other.resize(800, 640)
    with qtbot.waitExposed(other):
        other.show()
    qtbot.waitUntil(lambda: not view.busy)
    after = picture(view)
    assert len(changed(before, after)) == 0
    assert view.canvas.gl.uploads >= uploads
    view.hide()
    view.show()
    qtbot.waitUntil(lambda: not view.busy)
    assert len(changed(before, picture(view))) == 0
    view.setParent(None)


def test_the_theme_changes_ground_and_frame(view: SolidView) -> None:
    for choice in ("dark", "light"):
        theme.apply(choice)
        view.apply_theme()
        assert seen_at(picture(view), QPointF(3, 300)).tolist() == rgb(theme.colors().map).tolist()


# ---- in the window ------------------------------------------------------------------------------


class Recorder:
    """A worker that only writes down what it is asked."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def next_id(self) -> int:
        return len(self.jobs) + 1

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def cancel(self, job_id: int) -> None:
        raise AssertionError


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path, state: State) -> Iterator[MainWindow]:
    settings = Settings(tmp_path / "settings.json")
    made = MainWindow(Session(), Recorder(), settings)
    qtbot.addWidget(made)
    with qtbot.waitSignal(made.first_painted):
        made.show()
    assert not made.menu_actions["view.solid"].isEnabled()
    assert made.menu_actions["view.solid"].toolTip() == "The map is not there yet."
    made.bring_map()
    made.session.update(state)
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    yield made
    made.close()


def test_it_is_a_key_away_and_takes_the_same_clicks(
    qtbot: QtBot, window: MainWindow, state: State
) -> None:
    switch, session = window.map_area.switch, window.session
    assert window.menu_actions["view.solid"].isEnabled()
    assert switch.view is None  # nothing is made before it is asked for
    qtbot.keyClick(window, Qt.Key.Key_3)
    assert window.menu_actions["view.solid"].isChecked()
    assert window.map_area.currentWidget() is switch.view
    canvas = switch.view.canvas
    with qtbot.waitExposed(canvas):
        pass
    first, second = in_front(canvas)[:2]
    click(qtbot, switch.view, canvas.position_of(first))
    click(qtbot, switch.view, canvas.position_of(second))
    assert session.state.picks.selection == Selection(anchor=first, manual=(second,))
    qtbot.mouseMove(canvas, canvas.position_of(second).toPoint())
    qtbot.waitUntil(lambda: f"#{second} " in window.preview.facts.text())
    session.undo_stack.undo()
    assert session.state.picks.selection == Selection(anchor=first)
    # what changes while it is shown is shown
    session.update(replace(session.state, view=replace(session.state.view, highlighted_class=1)))
    qtbot.waitUntil(lambda: canvas.cloud.dimmed is not None)
    # another map, and it is still in three dimensions
    other = replace(state.opened.layer_map, xy=state.opened.layer_map.xy[::-1].copy())
    session.update(replace(session.state, opened=replace(session.state.opened, layer_map=other)))
    qtbot.waitUntil(lambda: canvas.cloud.place_of(0)[0] == 5)
    assert window.map_area.currentWidget() is switch.view
    before = canvas.camera
    qtbot.keyClick(canvas, Qt.Key.Key_Right)  # not a step of a run
    assert canvas.camera != before
    qtbot.keyClick(window, Qt.Key.Key_3)
    assert window.map_area.currentWidget() is window.map


def test_the_distance_to_the_anchor_follows_it(qtbot: QtBot, window: MainWindow) -> None:
    session, switch = window.session, window.map_area.switch
    session.update(
        replace(session.state, picks=replace(session.state.picks, selection=Selection(anchor=0)))
    )
    window.menu_actions["view.solid"].trigger()
    view = switch.view
    view.choice.setCurrentIndex(view.choice.findData("distance"))
    view.choice.activated.emit(view.choice.currentIndex())
    qtbot.waitUntil(lambda: view.canvas.axis.by == "distance")
    assert view.canvas.cloud.place_of(29)[2] == pytest.approx(math.hypot(5, 4))
    session.update(
        replace(session.state, picks=replace(session.state.picks, selection=Selection(anchor=29)))
    )
    qtbot.waitUntil(lambda: abs(view.canvas.cloud.place_of(29)[2]) < 1e-6)
    session.update(
        replace(session.state, picks=replace(session.state.picks, selection=Selection()))
    )
    qtbot.waitUntil(lambda: view.canvas.axis.by == "sigma")
    assert view.axis == "sigma"


def test_no_data_no_view_and_it_comes_back_with_the_next(
    qtbot: QtBot, window: MainWindow, state: State
) -> None:
    window.menu_actions["view.solid"].trigger()
    solid = window.session.state
    window.session.update(replace(solid, opened=State().opened))
    assert window.map_area.currentWidget() is window.waiting
    window.session.update(replace(solid, opened=state.opened))
    assert window.map_area.currentWidget() is window.map_area.switch.view
    qtbot.waitUntil(lambda: len(window.map_area.switch.view.canvas.cloud) == 30)


def test_without_opengl_it_says_why_not(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.menu_actions["view.solid"].trigger()
    monkeypatch.delenv("DIFFVIEWS_RENDERER")
    choose_drawing(window.context, "raster")
    assert not window.menu_actions["view.solid"].isEnabled()
    assert not window.menu_actions["view.solid"].isChecked()
    assert window.map_area.currentWidget() is window.map
    assert "the preferences asked for raster drawing" in window.menu_actions["view.solid"].toolTip()
    choose_drawing(window.context, "opengl")
    assert window.menu_actions["view.solid"].isEnabled()


def in_a_process(code: str, **environment: str) -> str:
    """What a program prints that imports this package."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout


def test_offscreen_it_says_why_not(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from diffviews_desktop.app import create_application
from diffviews_desktop.state.session import Session
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.state.settings import Settings
app = create_application(["test"])
settings = Settings(Path({str(tmp_path / "settings.json")!r}))
window = MainWindow(Session(), None, settings)
window.bring_map()
print(window.menu_actions["view.solid"].isEnabled(), window.menu_actions["view.solid"].toolTip())
window.map.close_points()
"""
    said = in_a_process(code, QT_QPA_PLATFORM="offscreen")
    assert said.startswith("False ")
    assert "the platform offscreen has no OpenGL" in said


def test_a_context_that_cannot_be_made_is_told_of_once() -> None:
    code = """
from PySide6.QtCore import QTimer
from diffviews_desktop.app import create_application
app = create_application(["test"])
from diffviews_desktop.ui.views.solid.view import SolidView
view = SolidView()
view.failed.connect(print)
view.failed.connect(lambda _: QTimer.singleShot(100, app.quit))
view.show()
QTimer.singleShot(20_000, app.quit)
app.exec()
view.close_threads()
"""
    said = in_a_process(code, QT_QPA_PLATFORM="offscreen", DISPLAY="")
    assert said == "no OpenGL context could be made\n"


@pytest.mark.parametrize("factor", ["1.5", "2"])
def test_on_a_screen_of_more_pixels_the_drawn_point_is_picked_too(factor: str) -> None:
    """In a process of its own: the scale of a screen is read once."""
    code = f"""
import sys, pytest
some = "drawn_is_the or rings_differ"
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", {__file__!r}, "-k", some]))
"""
    assert "10 passed" in in_a_process(code, QT_SCALE_FACTOR=factor)


@pytest.mark.qt_log_level_fail("CRITICAL")  # Qt tells of the shader
def test_a_shader_that_fails_brings_the_flat_map_back_and_says_so_once(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, switch = window.session, window.map_area.switch
    session.update(
        replace(session.state, picks=replace(session.state.picks, selection=Selection(anchor=4)))
    )
    monkeypatch.setattr(cloud_gl, "FRAGMENT", "this is no shader")
    before = 0 if session.state.notice is None else session.state.notice.number
    with qtbot.captureExceptions() as errors:
        window.menu_actions["view.solid"].trigger()
        qtbot.waitUntil(lambda: not window.menu_actions["view.solid"].isChecked())
        qtbot.wait(50)
    assert errors == []
    assert window.map_area.currentWidget() is window.map
    notice = session.state.notice
    assert notice.number == before + 1
    assert notice.text.startswith("The 3-D view could not be drawn")
    assert notice.details
    assert session.state.picks.selection == Selection(anchor=4)
    monkeypatch.undo()
    monkeypatch.setenv("DIFFVIEWS_RENDERER", "opengl")
    window.menu_actions["view.solid"].trigger()  # with a driver that can, it works again
    qtbot.waitUntil(lambda: switch.view is not None and not switch.view.busy)
    assert window.menu_actions["view.solid"].isChecked()
    assert switch.view.canvas.gl.uploads == 1


def test_opening_and_closing_it_keeps_nothing(
    qtbot: QtBot, window: MainWindow, widgets: Callable[[], int]
) -> None:
    switch = window.map_area.switch
    window.menu_actions["view.solid"].trigger()
    qtbot.waitUntil(lambda: not switch.view.busy)
    view, uploads = switch.view, switch.view.canvas.gl.uploads
    before = widgets()
    for _ in range(50):
        window.menu_actions["view.solid"].trigger()
        QApplication.processEvents()
    assert switch.view is view
    assert view.canvas.gl.uploads <= uploads + 25  # at most one each time it is shown
    assert widgets() == before


@pytest.fixture
def widgets(window: MainWindow) -> Callable[[], int]:
    """How many widgets the window has."""

    def count() -> int:
        gc.collect()
        return len(window.findChildren(QWidget))

    return count


def test_views_that_are_gone_leave_nothing(qtbot: QtBot, flat: MapView, state: State) -> None:
    gone = []
    for _ in range(50):
        view = SolidView()
        view.show()
        view.show_state(state, flat.points.scene_drawn, None)
        picture(view)
        view.close_threads()
        gone.append(weakref.ref(view))
        view.close()
        view.deleteLater()
        del view
        QApplication.sendPostedEvents(None, 52)  # DeferredDelete
    gc.collect()
    assert [ref for ref in gone if ref() is not None] == []
