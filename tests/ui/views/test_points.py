"""Points as they are drawn: as a picture and by OpenGL, and what is found where they are drawn."""

import gc
from collections.abc import Callable, Iterator

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from diffviews_desktop.ui.views.flat import points_gl, renderer
from diffviews_desktop.ui.views.flat.picking import PointIndex
from diffviews_desktop.ui.views.flat.points import Points
from diffviews_desktop.ui.views.flat.points_raster import AT_ONCE, Picture, Sprites, render
from diffviews_desktop.ui.views.flat.renderer import GLViewport, choose_renderer, wanted_renderer
from diffviews_desktop.ui.views.flat.scene import SIZES, PixelView, draw_order, look, make_scene
from diffviews_desktop.ui.views.flat.view import MapView
from diffviews_desktop.values.samples import SampleTable

RED, BLUE = QColor("#e03030"), QColor("#3060e0")


def pixels(image: QImage) -> np.ndarray:
    """``(H, W, 4)`` red, green, blue, alpha."""
    image = image.convertToFormat(QImage.Format.Format_RGBA8888)
    flat = np.frombuffer(image.constBits(), np.uint8)
    rows = flat.reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 4].reshape(image.height(), image.width(), 4).astype(int)


class Plot:
    """A plot of points in a window."""

    def __init__(self, qtbot: QtBot, opengl: bool) -> None:
        self.widget = pg.PlotWidget(background="#101018")
        qtbot.addWidget(self.widget)
        if opengl:
            self.widget.setViewport(GLViewport(self.widget))
        self.widget.resize(500, 400)
        self.points = Points()
        self.widget.addItem(self.points)
        self.widget.hideAxis("left")
        self.widget.hideAxis("bottom")
        self.box = self.points.getViewBox()
        self.widget.show()
        qtbot.waitExposed(self.widget)
        self.qtbot = qtbot

    def picture(self) -> np.ndarray:
        """What is on the screen, all points drawn."""
        self.widget.viewport().update()
        self.qtbot.wait(200)  # on no display is there an event when something is on the screen
        self.qtbot.waitUntil(lambda: not self.points.raster.busy)
        self.qtbot.wait(200)
        return pixels(self.widget.screen().grabWindow(self.widget.winId()).toImage())


@pytest.fixture
def plot(qtbot: QtBot) -> Iterator[Callable[[bool], Plot]]:
    made: list[Plot] = []

    def make(opengl: bool = False) -> Plot:
        if opengl and choose_renderer("opengl").name != "opengl":
            pytest.skip("this display has no OpenGL")
        made.append(Plot(qtbot, opengl))
        return made[-1]

    yield make
    for one in made:
        one.points.close()


def cloud(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, count)
    return rng.normal(size=(count, 2)) + group[:, None], group, rng.uniform(0.4, 1, count)


# --- the picture ---------------------------------------------------------------------------------


def test_points_are_blended_one_over_the_other() -> None:
    """Against compositing by hand, in the order of drawing."""
    xy = np.array([[10.0, 10], [10, 10], [30, 30]], np.float32)
    alpha = np.array([0.5, 0.75, 1.0])
    scene = make_scene(xy, draw_order(xy), np.array([0, 1, 0]), alpha, [RED, BLUE])
    sprites = Sprites(scene.palette, 8.0, 1.0)
    drawn = pixels(render(scene, PixelView(1, 1, 0, 0, 40, 40), sprites))
    expected = np.zeros(4)
    for row in scene.rows[np.isin(scene.rows, (0, 1))].tolist():
        color = RED if row == 0 else BLUE
        value = np.array([color.red(), color.green(), color.blue(), 255])
        expected = value * alpha[row] + expected * (1 - alpha[row])
    straight = np.append(expected[:3] / expected[3] * 255, expected[3])
    assert np.abs(drawn[10, 10] - straight).max() <= 12  # opacities are drawn in 16 steps
    assert drawn[30, 30].tolist() == [RED.red(), RED.green(), RED.blue(), 255]
    assert drawn[20, 20].tolist() == [0, 0, 0, 0]


def test_many_colours_are_rounded_a_little() -> None:
    colors = [QColor.fromHsvF(i / 1000, 0.8, 0.9) for i in range(1000)]
    palette = np.array([(c.red(), c.green(), c.blue()) for c in colors], np.uint8)
    xy = np.column_stack([np.arange(1000) * 4 + 2, np.full(1000, 2)]).astype(np.float32)
    scene = make_scene(xy, draw_order(xy), np.arange(1000), np.ones(1000), colors)
    image = render(scene, PixelView(1, 1, 0, 0, 4000, 5), Sprites(scene.palette, 3.0, 1.0))
    drawn = pixels(image)[2, 2::4, :3]
    assert np.abs(drawn - palette).max() <= 32
    assert np.abs(drawn - palette).mean() <= 12


def test_sizes_are_factors_of_the_diameter() -> None:
    """The area of each disc, of several colours, against the closed form."""
    count, diameter = len(SIZES), 9.0
    xy = np.column_stack([np.arange(count) * 40 + 20, np.full(count, 20)]).astype(np.float32)
    size = np.arange(count)[::-1]
    group = np.arange(count) % 2
    scene = make_scene(xy, draw_order(xy), group, np.ones(count), [RED, BLUE], size=size)
    sprites = Sprites(scene.palette, diameter, 1.0, sized=True)
    drawn = pixels(render(scene, PixelView(1, 1, 0, 0, count * 40, 40), sprites))
    for row in range(count):
        part = drawn[:, row * 40 : row * 40 + 40]
        area = part[..., 3].sum() / 255
        wanted = np.pi / 4 * (diameter * SIZES[size[row]]) ** 2
        assert area == pytest.approx(wanted, rel=0.1)
        color = (RED, BLUE)[group[row]]
        assert part[20, 20, :3].tolist() == [color.red(), color.green(), color.blue()]


def test_those_that_are_emphasised_lie_on_top_and_hidden_ones_are_not_there() -> None:
    xy = np.zeros((50, 2), np.float32) + 10
    group = (np.arange(50) == 7).astype(int)
    for seed in range(3):
        scene = make_scene(
            np.roll(xy, seed, 0), draw_order(xy), group, np.full(50, 0.4), [RED, BLUE], group == 1
        )
        drawn = pixels(render(scene, PixelView(1, 1, 0, 0, 20, 20), Sprites(scene.palette, 6, 1)))
        assert drawn[10, 10, 2] > drawn[10, 10, 0]
    scene = make_scene(
        xy, draw_order(xy), group, np.ones(50), [RED, BLUE], hidden=np.ones(50, bool)
    )
    assert len(scene) == 0


def test_points_without_a_place_are_left_out_and_the_order_is_always_the_same() -> None:
    xy, group, alpha = cloud(100)
    xy[::7] = np.nan
    order = draw_order(xy)
    assert sorted(order.tolist()) == np.flatnonzero(np.isfinite(xy).all(axis=1)).tolist()
    assert order.tolist() == draw_order(xy).tolist()
    assert order.tolist() != sorted(order.tolist())
    part = make_scene(xy, order, group, alpha, [RED, BLUE]).part(10)
    assert 5 <= len(part) <= 10


def test_of_many_points_each_round_goes_once_over_the_map_and_is_a_fair_sample() -> None:
    rng = np.random.default_rng(3)
    xy = rng.uniform(0, 64, (230_001, 2))
    xy[:, 1] *= 10  # parts have the map's own shape
    xy[3], xy[4], xy[5], xy[9] = 0, (64, 640), np.nan, np.inf
    order = draw_order(xy)
    assert sorted(order.tolist()) == [row for row in range(len(xy)) if row not in (5, 9)]
    assert order.tolist() == draw_order(xy).tolist()
    line = np.minimum(xy[order, 1] // 10, 63).astype(int)
    for start, end in ((29_999, 129_999), (129_999, 229_999)):  # counted from the end
        assert (np.diff(line[start:end]) >= 0).all()
        # as in the whole map, a sixty-fourth of it in each line; and random within a line
        counts = np.bincount(line[start:end], minlength=64)
        assert np.abs(counts - 100_000 / 64).max() < 6 * np.sqrt(100_000 / 64)
    inside = order[(xy[order] // [1, 10] == [7, 7]).all(axis=1)]
    assert inside.tolist() != sorted(inside.tolist())


def test_a_picture_keeps_its_memory_and_is_transparent_at_first() -> None:
    picture = Picture(300, 200)
    assert not pixels(picture).any()
    painter = QPainter(picture)
    painter.fillRect(3, 4, 5, 6, RED)
    painter.end()
    gc.collect()
    others = [Picture(300, 200) for _ in range(20)]
    assert pixels(picture)[4:10, 3:8].reshape(-1, 4).tolist() == [[224, 48, 48, 255]] * 30
    assert not any(pixels(other).any() for other in others)


def test_a_map_far_from_the_origin_keeps_its_detail() -> None:
    near = np.array([[0, 0], [1, 0], [0, 1]], np.float64)
    scene = make_scene(near + 1e6, draw_order(near), np.zeros(3), np.ones(3), [RED])
    back = scene.xy.astype(np.float64) + scene.centre
    assert np.abs(back[np.argsort(scene.rows)] - (near + 1e6)).max() < 0.1


def test_many_points_shrink_then_fade_and_return_as_one_zooms_in() -> None:
    area = 700.0 * 700
    counts = [100, 2_000, 20_000, 100_000, 1_000_000, 5_000_000]
    looks = [look(count, 1.0, area) for count in counts]
    sizes = [one.diameter for one in looks]
    assert sizes == sorted(sizes, reverse=True)
    assert (sizes[0], sizes[-1]) == (11.0, 1.5)
    opacities = [one.opacity for one in looks]
    assert opacities[0] == 1.0
    assert opacities == sorted(opacities, reverse=True)
    assert opacities[-1] < 0.2
    assert look(1_000_000, 100.0, area).opacity == 1.0
    assert look(1_000_000, 100.0, area).diameter > 1.5


# --- on the screen -------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [300, 2 * AT_ONCE])
def test_both_ways_draw_the_same(plot: Callable[[bool], Plot], count: int) -> None:
    """Mean difference at most 4 of 255 where there is something to see."""
    shown = []
    for opengl in (False, True):
        one = plot(opengl)
        one.points.set_points(*cloud(count), [RED, BLUE])
        one.box.setRange(xRange=(-3, 4), yRange=(-3, 4), padding=0)
        shown.append(one.picture()[..., :3])
    assert shown[0].std() > 10
    seen = (shown[0] != shown[0][0, 0]).any(axis=2) | (shown[1] != shown[1][0, 0]).any(axis=2)
    assert np.abs(shown[0] - shown[1])[seen].mean() <= 4


def test_both_ways_draw_the_same_sizes(plot: Callable[[bool], Plot]) -> None:
    shown = []
    size = (np.arange(200) % len(SIZES)).astype(np.uint8)
    for opengl in (False, True):
        one = plot(opengl)
        one.points.set_points(*cloud(200), [RED, BLUE])
        one.box.setRange(xRange=(-3, 4), yRange=(-3, 4), padding=0)
        plain = one.picture()
        one.points.set_sizes(size)
        shown.append(one.picture()[..., :3])
        one.points.set_sizes(None)
        assert np.abs(one.picture() - plain).max() == 0
        assert np.abs(shown[-1] - plain[..., :3]).mean() > 0.5
    seen = (shown[0] != shown[0][0, 0]).any(axis=2) | (shown[1] != shown[1][0, 0]).any(axis=2)
    assert np.abs(shown[0] - shown[1])[seen].mean() <= 4


@pytest.mark.parametrize("opengl", [False, True])
def test_panning_and_zooming_end_where_a_fresh_picture_is(
    plot: Callable[[bool], Plot], opengl: bool
) -> None:
    moved, fresh = plot(opengl), plot(opengl)
    for one in (moved, fresh):
        one.points.set_points(*cloud(AT_ONCE + 5000), [RED, BLUE])
    moved.box.setRange(xRange=(-3, 4), yRange=(-3, 4), padding=0)
    moved.picture()
    for _ in range(5):
        moved.box.translateBy(x=0.3, y=-0.1)
        moved.widget.grab()
        moved.box.scaleBy((0.8, 0.9))
        moved.widget.grab()
    (x0, x1), (y0, y1) = moved.box.viewRange()
    fresh.box.setRange(xRange=(x0, x1), yRange=(y0, y1), padding=0)
    moved.picture()
    assert np.abs(moved.picture() - fresh.picture()).mean() <= 0.5


@pytest.mark.parametrize("opengl", [False, True])
@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_the_point_that_is_drawn_is_the_point_that_is_found(
    plot: Callable[[bool], Plot], opengl: bool, ratio: float
) -> None:
    """After a zoom, with axes of other scales, at 1x and 2x (an export at twice the size)."""
    one = plot(opengl)
    rng = np.random.default_rng(3)
    xy = rng.uniform(-1, 1, (25, 2)) * (100, 1)
    one.points.set_points(xy, np.zeros(25), np.ones(25), [RED])
    one.box.setRange(xRange=(-60, 90), yRange=(-0.8, 1.1), padding=0)
    one.picture()
    if ratio == 1:
        image = one.picture()
    else:
        big = QImage(1000, 800, QImage.Format.Format_RGB32)
        big.setDevicePixelRatio(ratio)
        painter = QPainter(big)
        one.widget.render(painter, QRectF(0, 0, 500, 400))
        painter.end()
        image = pixels(big)
    pixel_x, pixel_y = one.box.viewPixelSize()
    index, found = PointIndex(xy), 0
    for row, (x, y) in enumerate(xy.tolist()):
        place = one.widget.mapFromScene(one.box.mapViewToScene(QPointF(x, y)))
        column, line = round(place.x() * ratio), round(place.y() * ratio)
        if not (4 < column < image.shape[1] - 4 and 4 < line < image.shape[0] - 4):
            continue
        assert image[line, column, 0] > 180  # red is drawn there
        under = one.box.mapSceneToView(one.widget.mapToScene(place))
        assert index.nearest(under.x(), under.y(), 14 * pixel_x, 14 * pixel_y) == row
        found += 1
    assert found >= 10


def test_a_new_context_gets_everything_again(plot: Callable[[bool], Plot]) -> None:
    """As when a dock floats or a driver starts again."""
    one = plot(True)
    one.points.set_points(*cloud(500), [RED, BLUE])
    one.box.setRange(xRange=(-3, 4), yRange=(-3, 4), padding=0)
    before = one.picture()
    one.picture()
    assert one.points.gl.uploads == 1  # once, however often it is painted
    one.points.gl.forget()
    one.widget.setViewport(GLViewport(one.widget))
    assert np.abs(one.picture() - before).mean() <= 0.5
    assert one.points.gl.uploads == 2


@pytest.mark.qt_log_ignore("QOpenGLShader::compile", "Problematic Vertex shader")
def test_where_opengl_fails_a_picture_is_drawn(
    monkeypatch: pytest.MonkeyPatch, qtbot: QtBot, samples: SampleTable
) -> None:
    if choose_renderer("opengl").name != "opengl":
        pytest.skip("this display has no OpenGL")
    monkeypatch.setattr(points_gl, "VERTEX", "this is no shader")
    view = MapView()
    qtbot.addWidget(view)
    view.resize(500, 400)
    view.set_renderer("opengl")
    assert view.renderer.name == "opengl"
    with qtbot.captureExceptions() as errors:
        view.show()
        view.set_map(samples, np.random.default_rng(0).normal(size=(len(samples), 2)))
        qtbot.waitUntil(lambda: view.renderer.name == "raster")
    assert errors == []
    assert view.renderer.reason == "OpenGL failed"
    shown = pixels(view.viewport.grab().toImage())
    assert shown[..., :3].std() > 5
    view.close_points()


def test_where_opengl_has_nothing_to_draw_on_a_picture_is_drawn(
    qtbot: QtBot, samples: SampleTable
) -> None:
    if choose_renderer("opengl").name != "opengl":
        pytest.skip("this display has no OpenGL")
    view = MapView()
    qtbot.addWidget(view)
    view.resize(500, 400)
    view.set_renderer("opengl")
    view.set_map(samples, np.random.default_rng(0).normal(size=(len(samples), 2)))
    assert isinstance(view.viewport, GLViewport)
    assert not view.viewport.isValid()  # as long as it was never shown
    with qtbot.waitSignal(view.drawn_otherwise):
        QApplication.sendEvent(view.viewport, QPaintEvent(view.viewport.rect()))
    assert view.renderer.reason == "OpenGL failed"
    view.show()
    qtbot.waitExposed(view)
    assert pixels(view.viewport.grab().toImage())[..., :3].std() > 5
    view.close_points()


# --- the choice ----------------------------------------------------------------------------------


def test_a_software_renderer_is_not_used_unless_it_is_asked_for(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QGuiApplication, "platformName", staticmethod(lambda: "xcb"))
    for name, used in (
        ("llvmpipe (LLVM 15.0.6, 256 bits)", "raster"),
        ("Google SwiftShader", "raster"),
        ("NVIDIA H200/PCIe/SSE2", "opengl"),
        ("Apple M3", "opengl"),
        ("", "raster"),
    ):
        monkeypatch.setattr(renderer, "gl_renderer", lambda name=name: name)
        assert choose_renderer("auto").name == used
        assert choose_renderer("raster").name == "raster"
        assert choose_renderer("opengl").name == ("opengl" if name else "raster")
    monkeypatch.setattr(QGuiApplication, "platformName", staticmethod(lambda: "offscreen"))
    assert choose_renderer("opengl").name == "raster"


def test_the_environment_goes_before_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIFFVIEWS_RENDERER", raising=False)
    assert wanted_renderer() == "auto"
    assert wanted_renderer("opengl") == "opengl"
    assert wanted_renderer("nonsense") == "auto"
    monkeypatch.setenv("DIFFVIEWS_RENDERER", "Raster")
    assert wanted_renderer("opengl") == "raster"
    monkeypatch.setenv("DIFFVIEWS_RENDERER", "vulkan")
    assert wanted_renderer("opengl") == "opengl"
