"""The map: what is drawn is what is picked."""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from made_runs import run_of
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.colors import class_colors
from diffviews_desktop.ui.views.flat.coloring import LEVELS, coloring
from diffviews_desktop.ui.views.flat.view import MapView
from diffviews_desktop.values.noise_levels import opacities
from diffviews_desktop.values.samples import SampleTable


@pytest.fixture
def view(qtbot: QtBot, state: State) -> MapView:
    made = MapView()
    qtbot.addWidget(made)
    made.resize(700, 500)
    with qtbot.waitExposed(made):
        made.show()
    with qtbot.waitSignal(made.painted):
        made.set_map(state.opened.samples, state.opened.layer_map.xy)
    # away from the samples: Qt tells of no move to where the test before has left the mouse
    qtbot.mouseMove(made.viewport, QPoint(3, 3))
    return made


def click(qtbot: QtBot, view: MapView, row: int) -> None:
    place = view.position_of(row).toPoint()
    qtbot.mouseMove(view.viewport, place)
    qtbot.mouseClick(view.viewport, Qt.MouseButton.LeftButton, pos=place)


def test_opacity_goes_from_1_to_04_by_log_sigma() -> None:
    # log-spaced levels are evenly spaced in opacity
    assert opacities(np.array([0.1, 1.0, 10.0])) == pytest.approx([1.0, 0.7, 0.4])
    assert opacities(np.array([3.0, 3.0])) == pytest.approx([0.7, 0.7])
    assert len(opacities(np.array([]))) == 0


def test_a_click_on_each_point_gives_its_row(qtbot: QtBot, view: MapView) -> None:
    for row in (0, 7, 29):
        with qtbot.waitSignal(view.clicked) as caught:
            click(qtbot, view, row)
        assert caught.args == [row]
        qtbot.wait(50)


def test_a_click_on_empty_ground_gives_nothing(qtbot: QtBot, view: MapView) -> None:
    heard: list[int] = []
    view.clicked.connect(heard.append)
    between = (view.position_of(0) + view.position_of(7)) / 2
    qtbot.mouseClick(view.viewport, Qt.MouseButton.LeftButton, pos=between.toPoint())
    qtbot.wait(50)
    assert heard == []


def test_picking_follows_zoom_and_pan(qtbot: QtBot, view: MapView) -> None:
    view.center_on(14)
    qtbot.wait(20)
    with qtbot.waitSignal(view.clicked) as caught:
        click(qtbot, view, 14)
    assert caught.args == [14]


def test_points_are_drawn_where_they_are_picked_in_their_class_colour(
    qtbot: QtBot, view: MapView, state: State
) -> None:
    image = view.viewport.grab().toImage()
    ratio = image.devicePixelRatio()
    palette = class_colors([0, 1, 2], dark=False)
    background = QColor(theme.colors().map)
    for row in (1, 3, 5, 21):  # odd rows: the lowest noise, full opacity
        place = view.position_of(row) * ratio
        seen = image.pixelColor(round(place.x()), round(place.y()))
        wanted = palette[int(state.opened.samples.class_label[row])]
        assert abs(seen.red() - wanted.red()) + abs(seen.blue() - wanted.blue()) < 12
    # noisy samples are fainter: 40 % colour over the background
    place = view.position_of(2) * ratio
    seen = image.pixelColor(round(place.x()), round(place.y()))
    wanted = palette[2]
    for channel in ("red", "green", "blue"):
        full, under = getattr(wanted, channel)(), getattr(background, channel)()
        assert getattr(seen, channel)() == pytest.approx(0.4 * full + 0.6 * under, abs=12)


def test_hover_says_which_sample_and_when_it_ends(qtbot: QtBot, view: MapView) -> None:
    with qtbot.waitSignal(view.hovered) as caught:
        qtbot.mouseMove(view.viewport, view.position_of(9).toPoint())
    assert caught.args == [9]
    with qtbot.waitSignal(view.hovered) as caught:
        qtbot.mouseMove(view.viewport, QPoint(3, 3))
    assert caught.args == [None]


def test_hover_follows_a_map_that_moves_under_the_mouse(qtbot: QtBot, view: MapView) -> None:
    place = view.position_of(9).toPoint()
    qtbot.mouseMove(view.viewport, place)
    qtbot.waitUntil(lambda: view.hovered_row == 9)
    x, y = view.box.viewPixelSize()
    apart = view.position_of(10) - view.position_of(9)
    view.box.translateBy(x=apart.x() * x, y=-apart.y() * y)
    qtbot.waitUntil(lambda: view.hovered_row == 10)
    with qtbot.waitSignal(view.hovered) as caught:  # nothing under the mouse for certain
        view.resize(view.width(), view.height() - 90)
    assert caught.args == [None]
    # by keys somebody goes elsewhere, and the mouse has no say then
    qtbot.wait(300)
    qtbot.keyClick(view._plot_widget, Qt.Key.Key_Right)
    row = view.hovered_row
    assert row is not None
    view.box.translateBy(x=3 * x)
    qtbot.wait(300)
    assert view.hovered_row == row


def test_a_double_click_asks_for_a_new_anchor(qtbot: QtBot, view: MapView) -> None:
    place = view.position_of(12).toPoint()
    with qtbot.waitSignal(view.double_clicked) as caught:
        qtbot.mouseClick(view.viewport, Qt.MouseButton.LeftButton, pos=place)
        qtbot.mouseDClick(view.viewport, Qt.MouseButton.LeftButton, pos=place)
        qtbot.mouseRelease(view.viewport, Qt.MouseButton.LeftButton, pos=place)
    assert caught.args == [12]


def test_rings_and_paths_take_no_clicks(qtbot: QtBot, view: MapView, make_job, make_step) -> None:
    view.set_selection(Selection(anchor=8, manual=(9,), suggested=((10, 1.0),)))
    steps = tuple(make_step(i, imposed=i == 0) for i in range(4))
    record = run_of(make_job(), "Run 1", steps=steps, done=True)
    view.set_paths([record], record.id, 2)
    qtbot.wait(30)
    for row in (8, 9, 10, 7):  # row 7 lies under a step of the path: (1, 1)
        with qtbot.waitSignal(view.clicked) as caught:
            click(qtbot, view, row)
        assert caught.args == [row]
        qtbot.wait(30)


@pytest.mark.parametrize(
    ("other", "meant"),
    [(None, "sample"), ((2, 0), "step"), ((4.5, 4.5), "sample")],  # the last beside the marker
)
def test_a_sample_alone_under_a_step_is_picked_of_several_none(
    qtbot: QtBot, view: MapView, state: State, make_job, make_step, other: tuple | None, meant: str
) -> None:
    pixel = view.box.viewPixelSize()[0]
    xy = state.opened.layer_map.xy.copy()
    x, y = xy[7].tolist()
    if other is not None:
        xy[9] = x + other[0] * pixel, y + other[1] * pixel
    view.set_map(state.opened.samples, xy)
    # the step is nearer than the sample, but by no more than a hand can aim
    step = replace(make_step(1), xy=(x + 0.4 * pixel, y + 0.4 * pixel))
    record = run_of(make_job(), "Run 1", steps=(make_step(0), step), done=True)
    view.set_paths([record], record.id, 0)
    heard: list[tuple] = []
    view.clicked.connect(lambda row: heard.append(("sample", row)))
    view.step_clicked.connect(lambda *step: heard.append(("step", *step)))
    qtbot.mouseClick(
        view.viewport,
        Qt.MouseButton.LeftButton,
        pos=view.position_of_step(record.id, 1).toPoint(),
    )
    qtbot.waitUntil(lambda: bool(heard))
    assert heard == [("sample", 7) if meant == "sample" else ("step", record.id, 1)]


def test_rings_are_drawn_around_their_points(qtbot: QtBot, view: MapView) -> None:
    before = view.viewport.grab().toImage()
    view.set_selection(Selection(anchor=8))
    qtbot.wait(30)
    after = view.viewport.grab().toImage()
    changed = [
        (x, y)
        for x in range(0, after.width(), 2)
        for y in range(0, after.height(), 2)
        if after.pixel(x, y) != before.pixel(x, y)
    ]
    assert changed
    place = view.position_of(8) * after.devicePixelRatio()
    reach = 16 * after.devicePixelRatio()
    assert all(abs(x - place.x()) < reach and abs(y - place.y()) < reach for x, y in changed)


def test_highlighting_a_class_dims_the_others(qtbot: QtBot, view: MapView) -> None:
    view.set_highlighted_class(0)
    qtbot.wait(30)
    image = view.viewport.grab().toImage()
    background = QColor(theme.colors().map)

    def strength(row: int) -> float:
        place = view.position_of(row) * image.devicePixelRatio()
        seen = image.pixelColor(round(place.x()), round(place.y()))
        return abs(seen.red() - background.red()) + abs(seen.green() - background.green())

    assert strength(3) > 4 * strength(1)  # class 0 against class 1, same noise level
    view.set_highlighted_class(None)
    qtbot.wait(30)
    image = view.viewport.grab().toImage()
    assert strength(1) > 100


def valued(state: State, by: str) -> State:
    """The grid with a trust that grows with the row, and none at row 1."""
    assert state.opened.layer_map is not None
    trust = np.linspace(0.5, 1.0, 30, dtype=np.float32)
    trust[1] = np.nan
    full = replace(state.opened.layer_map, trust=trust, z=-trust)
    return replace(
        state,
        opened=replace(state.opened, layer_map=full),
        picks=replace(state.picks, selection=Selection(anchor=0)),
        view=replace(state.view, color_by=by),
    )


def test_values_have_their_place_on_the_ramp(state: State) -> None:
    assert coloring(State()) is None
    assert coloring(state) is None  # by class
    sigma = coloring(valued(state, "sigma"))
    assert sigma is not None
    assert (sigma.low, sigma.high) == ("0.5", "8")
    assert set(sigma.place.tolist()) == {0.0, 1.0}
    trust = coloring(valued(state, "trust"))
    assert trust is not None
    assert trust.incomplete
    assert trust.low.startswith("≤ 0.5")
    assert trust.high == "1"
    assert trust.groups()[[1, 29]].tolist() == [LEVELS, LEVELS - 1]
    assert (np.diff(np.delete(trust.place, 1)) >= 0).all()
    depth = coloring(valued(state, "z"))
    assert depth is not None
    assert depth.place[0] == 1.0
    distance = coloring(valued(state, "distance"))
    assert distance is not None
    assert distance.place[0] == 0.0
    # sample 1 is one away, sample 29 is (5, 4) away
    assert distance.place[1] == pytest.approx(1 / np.hypot(5, 4), rel=0.05)


def test_values_that_are_all_the_same_or_all_missing_are_drawn(state: State) -> None:
    shown = valued(state, "trust")
    for value in (0.9, np.nan):
        trust = np.full(30, value, np.float32)
        known = replace(
            shown,
            opened=replace(shown.opened, layer_map=replace(shown.opened.layer_map, trust=trust)),
        )
        colors = coloring(known)
        assert (colors is None) == np.isnan(value)  # a map without any trust was not judged


@pytest.mark.parametrize("dark", [False, True])
def test_points_take_the_colours_of_their_values_with_a_legend(
    qtbot: QtBot, view: MapView, state: State, dark: bool
) -> None:
    theme.apply("dark" if dark else "light")
    view.apply_theme()
    assert not view.legend.isVisible()
    shown = valued(state, "trust")
    view.set_coloring(coloring(shown))
    assert view.legend.isVisible()
    assert view.rect().contains(view.legend.geometry())
    assert "trust from ≤ 0.5" in view.legend.accessibleName()
    assert "grey: no value" in view.legend.accessibleName()
    view.legend.hide()  # what is under it
    qtbot.wait(30)
    image = view.viewport.grab().toImage()
    colors, groups = coloring(shown).palette(dark=dark), coloring(shown).groups()
    for row in (1, 3, 15, 29):  # odd rows: full opacity
        place = view.position_of(row) * image.devicePixelRatio()
        seen, wanted = image.pixelColor(round(place.x()), round(place.y())), colors[groups[row]]
        for channel in ("red", "green", "blue"):
            assert getattr(seen, channel)() == pytest.approx(getattr(wanted, channel)(), abs=12)
    view.set_coloring(None)
    assert not view.legend.isVisible()


def test_recolouring_5000_points_is_quick(qtbot: QtBot, view: MapView, state: State) -> None:
    count = 5000
    rng = np.random.default_rng(0)
    assert state.opened.samples is not None
    samples = replace(
        state.opened.samples,
        sample_id=tuple(map(str, range(count))),
        class_label=(np.arange(count) % 10).astype(np.int32),
        sigma=np.geomspace(0.1, 80, count).astype(np.float32),
    )
    xy = rng.normal(size=(count, 2)).astype(np.float32)
    full = replace(
        state.opened.layer_map,
        xy=xy,
        z=xy[:, 0],
        trust=rng.uniform(size=count).astype(np.float32),
        reduced=rng.normal(size=(count, 50)).astype(np.float32),
    )
    shown = replace(
        state,
        opened=replace(state.opened, samples=samples, layer_map=full),
        picks=replace(state.picks, selection=Selection(anchor=0)),
    )
    view.set_map(samples, xy)
    view.viewport.repaint()
    for by in ("trust", "z", "distance", "sigma"):
        spent = []
        for _ in range(5):
            view.set_coloring(None)
            view.viewport.repaint()
            start = time.thread_time()  # that of the processor, however busy it is
            view.set_coloring(coloring(replace(shown, view=replace(shown.view, color_by=by))))
            view.viewport.repaint()
            spent.append(time.thread_time() - start)
        assert min(spent) < 0.05, (by, spent)


def test_samples_without_a_place_are_left_out(qtbot: QtBot, view: MapView, state: State) -> None:
    xy = state.opened.layer_map.xy.copy()
    xy[5] = np.nan
    with qtbot.waitSignal(view.painted):
        view.set_map(state.opened.samples, xy)
    view.set_selection(Selection(anchor=5, manual=(6,)))
    assert view.row_at(view.position_of(6)) == 6


def test_nothing_is_lost_in_a_thousand_pans(qtbot: QtBot, view: MapView) -> None:
    """PySide6 6.12.0 on Python 3.11 loses references to None until the program aborts."""
    before = sys.getrefcount(None)
    box = view._plot.getViewBox()
    for i in range(1000):
        box.translateBy(x=0.001 if i % 2 else -0.001, y=0)
        view.viewport.repaint()
    assert sys.getrefcount(None) > before - 500


def test_a_point_of_a_large_map_is_found_too(qtbot: QtBot, samples: SampleTable) -> None:
    """Where points are sorted in another thread."""
    count = 30_000
    view = MapView()
    qtbot.addWidget(view)
    many = replace(
        samples,
        sample_id=tuple(map(str, range(count))),
        class_label=np.zeros(count, np.int32),
        class_name=("zero",) * count,
        image_path=("",) * count,
        sigma=np.ones(count, np.float32),
    )
    xy = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    xy[7] = 10, 10
    view.show()
    view.set_map(many, xy)
    qtbot.waitUntil(lambda: view.row_at(view.box.mapViewToScene(QPointF(10, 10))) == 7)
    view.close_points()


def test_a_map_that_moves_to_another_window_is_drawn_again(
    qtbot: QtBot, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a window floats, or goes to a monitor of another graphics card."""
    monkeypatch.setenv("DIFFVIEWS_RENDERER", "opengl")
    view = MapView()
    qtbot.addWidget(view)
    view.set_renderer()
    if view.renderer.name != "opengl":
        pytest.skip("this display has no OpenGL")
    view.resize(500, 400)
    with qtbot.waitSignal(view.painted):
        view.show()
        view.set_map(state.opened.samples, state.opened.layer_map.xy)

    def picture() -> np.ndarray:
        image = view.viewport.grabFramebuffer().convertToFormat(QImage.Format.Format_RGB32)
        values = np.frombuffer(image.constBits(), np.uint8)
        return values.reshape(image.height(), image.width(), 4).astype(int)

    before = picture()
    assert before.std() > 5
    for window in (QMainWindow(), QMainWindow()):
        qtbot.addWidget(window)
        window.setCentralWidget(view)
        window.resize(500, 400)
        with qtbot.waitExposed(window):
            window.show()
        qtbot.wait(50)
        after = picture()
        assert after.shape == before.shape
        assert np.abs(after - before).mean() < 1
    view.setParent(None)
    view.close_points()
