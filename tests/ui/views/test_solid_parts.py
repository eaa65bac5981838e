"""Camera, third axis, order and picking of the view in three dimensions, without a display's help:
against Qt's own matrices, closed forms and brute force."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QColor, QMatrix4x4, QVector3D

from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.views.flat.renderer import Renderer
from diffviews_desktop.ui.views.flat.scene import PointScene, draw_order, make_scene
from diffviews_desktop.ui.views.solid.cloud import AROUND, Cloud, box_around, make_cloud
from diffviews_desktop.ui.views.solid.frame import back_faces
from diffviews_desktop.ui.views.solid.picking import REACH, ScreenPoints
from diffviews_desktop.ui.views.solid.switch import not_solid
from diffviews_desktop.ui.views.solid.third_axis import (
    ThirdAxis,
    axis_of_choice,
    round_values,
    third_axis,
)
from diffviews_desktop.values.camera import FARTHEST, FIELD_OF_VIEW, Camera, Projection

RED, BLUE = QColor("#e03030"), QColor("#3060e0")

angles = st.tuples(st.floats(-3.1, 3.1), st.floats(-1.5, 1.5))


def camera_at(azimuth: float, elevation: float, distance: float = 4.0) -> Camera:
    return Camera(azimuth, elevation, distance, (0.2, -0.1, 0.3))


def some_cloud(seed: int, count: int, emphasis: np.ndarray | None = None) -> Cloud:
    rng = np.random.default_rng(seed)
    xy = rng.uniform(-1, 1, (count, 2)).astype(np.float32)
    heights = rng.uniform(-1, 1, count)
    group, alpha = np.zeros(count, int), np.ones(count)
    return make_cloud(make_scene(xy, draw_order(xy), group, alpha, [RED, BLUE], emphasis), heights)


# ---- camera -------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(angles=angles, place=st.tuples(*[st.floats(-1, 1)] * 3))
def test_it_projects_as_qts_own_matrices_do(
    angles: tuple[float, float], place: tuple[float, float, float]
) -> None:
    camera = camera_at(*angles)
    toward = np.array(
        [
            math.cos(angles[1]) * math.cos(angles[0]),
            math.cos(angles[1]) * math.sin(angles[0]),
            math.sin(angles[1]),
        ]
    )
    target = np.array(camera.target)
    reference = QMatrix4x4()
    reference.perspective(math.degrees(FIELD_OF_VIEW), 1.5, 0.02, FARTHEST + 10)
    reference.lookAt(
        QVector3D(*(target + 4.0 * toward).tolist()),
        QVector3D(*target.tolist()),
        QVector3D(0, 0, 1),
    )
    expected = reference.map(QVector3D(*place))
    x, y, _ = Projection(camera.matrix(1.5), 600, 400, 4.0).pixels(np.array(place))[0]
    assert x == pytest.approx((expected.x() + 1) * 300, abs=0.05)
    assert y == pytest.approx((1 - expected.y()) * 200, abs=0.05)


@settings(max_examples=40, deadline=None)
@given(angles=angles, aspect=st.floats(0.4, 3), height=st.floats(0.05, 1))
def test_everything_fits_and_fills_the_view(
    angles: tuple[float, float], aspect: float, height: float
) -> None:
    box = np.array([1.0, 0.7, height])
    camera = camera_at(*angles).fit(box, aspect)
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * box
    seen = Projection(camera.matrix(aspect), 2 * aspect, 2, 1).pixels(corners)
    far = np.abs(seen[:, :2] - [aspect, 1]) / [aspect, 1]
    assert far.max() < 1
    assert far.max() > 0.75


def test_a_pan_takes_the_target_along_with_the_mouse() -> None:
    camera = camera_at(0.7, 0.4)
    moved = camera.pan(30, 12, 400)
    seen = Projection(moved.matrix(1.5), 600, 400, 4.0).pixels(np.array(camera.target))[0]
    assert seen[:2] == pytest.approx([330, 188])


def test_one_cannot_turn_over_the_pole_nor_lose_the_map() -> None:
    camera = camera_at(0, 0).orbit(20.0, 9.0)
    assert camera.elevation == pytest.approx(math.pi / 2)
    assert abs(camera.azimuth) <= math.pi
    assert camera.zoom(1e9).distance > 0
    assert camera.zoom(1e-9).distance <= FARTHEST


def test_what_is_behind_the_camera_has_no_place_on_the_screen() -> None:
    camera = Camera(0, 0, 4.0)
    behind = np.array([[10.0, 0, 0]])
    projection = Projection(camera.matrix(1), 100, 100, 4)
    assert np.isnan(projection.pixels(behind)[0, :2]).all()
    assert np.isnan(projection.pixels_of_many(behind.astype(np.float32))[0, :2]).all()


# ---- the third axis -----------------------------------------------------------------------------


def test_noise_levels_lie_at_their_logarithms(state: State) -> None:
    axis = third_axis(state, "sigma")
    assert axis.logarithmic
    assert axis.heights == pytest.approx(np.log10(state.opened.samples.sigma))
    assert axis.height_of_step(10.0) == pytest.approx(1.0)
    assert axis.text(1.0) == "10"
    assert axis.note == ""


def chosen(state: State, axis: str | None) -> str:
    return axis_of_choice(replace(state, view=replace(state.view, third_axis=axis)))


def test_a_single_noise_level_gives_way_to_the_maps_own_third_dimension(state: State) -> None:
    same = replace(
        state,
        opened=replace(
            state.opened, samples=replace(state.opened.samples, sigma=np.full(30, 2, np.float32))
        ),
    )
    assert chosen(state, None) == "sigma"
    assert chosen(same, None) == "sigma"
    assert third_axis(same, "sigma").note == "Flat: all samples have the noise level 2."
    deep = replace(
        same,
        opened=replace(
            same.opened, layer_map=replace(same.opened.layer_map, z=np.arange(30, dtype=np.float32))
        ),
    )
    assert chosen(deep, None) == "z"
    assert chosen(deep, "sigma") == "sigma"
    assert third_axis(deep, "z").heights.tolist() == list(range(30))
    assert third_axis(deep, "z").height_of_step(3.0) is None
    # what this map has not is not forgotten, but not shown either
    assert chosen(state, "z") == "sigma"


def test_the_levels_of_aligned_maps_are_stacked_or_that_they_are_not_is_said(state: State) -> None:
    layer_map = state.opened.layer_map
    assert layer_map is not None
    aligned = replace(layer_map, parameters={"aligned": True}, outside=np.full(30, 0.25))
    shown = replace(state, opened=replace(state.opened, layer_map=aligned))
    assert chosen(shown, None) == "sigma"
    axis = third_axis(shown, "sigma")
    assert axis.heights == pytest.approx(np.log10(state.opened.samples.sigma))
    assert (
        axis.note == "Each noise level has a map of its own; a picture lies at like places on all."
    )
    other = third_axis(shown, "outside")
    assert other.heights.tolist() == [25.0] * 30
    assert other.note.endswith("choose the noise level to stack them.")


def test_trust_and_distance_can_be_the_third_axis(state: State) -> None:
    trust = np.linspace(0, 1, 30, dtype=np.float32)
    trust[3] = np.nan
    full = replace(
        state,
        opened=replace(state.opened, layer_map=replace(state.opened.layer_map, trust=trust)),
        picks=replace(state.picks, selection=Selection(anchor=0)),
    )
    axis = third_axis(full, "trust")
    assert axis.heights == pytest.approx(trust, nan_ok=True)
    assert axis.note == "1 sample without a value is not drawn."
    away = third_axis(full, "distance").heights
    assert away == pytest.approx([math.hypot(i % 6, i // 6) for i in range(30)])
    assert chosen(full, "distance") == "distance"
    assert chosen(state, "distance") == "sigma"  # there is no anchor


@settings(max_examples=60, deadline=None)
@given(low=st.floats(-6, 4), span=st.floats(0.01, 8), logarithmic=st.booleans())
def test_ticks_are_few_true_and_in_the_range(low: float, span: float, logarithmic: bool) -> None:
    axis = ThirdAxis("sigma", "", np.empty(0), logarithmic=logarithmic)
    ticks = axis.ticks(low, low + span)
    assert 2 <= len(ticks) <= 7
    for at, text in ticks:
        assert low - 1e-6 <= at <= low + span + 1e-6
        value = math.log10(float(text)) if logarithmic else float(text)
        assert value == pytest.approx(at, abs=0.01 + 0.01 * abs(at))
    heights = [at for at, _ in ticks]
    assert heights == sorted(heights)


def test_round_values() -> None:
    assert round_values(-3.2, 7.9) == [-2.5, 0.0, 2.5, 5.0, 7.5]
    assert round_values(0.0, 1.0) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert round_values(4.0, 4.0) == [4.0]


@given(start=angles, end=angles, part=st.floats(0, 1))
def test_a_flight_turns_the_shorter_way_and_ends_where_it_shall(
    start: tuple[float, float], end: tuple[float, float], part: float
) -> None:
    one, other = camera_at(*start, 2.0), Camera(*end, 8.0, (1.0, 2.0, 3.0))
    assert one.between(other, 1.0) == other
    assert one.between(other, 0.0) == one
    now = one.between(other, part)
    turned = math.remainder(now.azimuth - one.azimuth, 2 * math.pi)
    whole = math.remainder(other.azimuth - one.azimuth, 2 * math.pi)
    assert abs(whole) <= math.pi + 1e-9
    if part < 1:
        assert math.isclose(now.azimuth - one.azimuth, whole * part, abs_tol=1e-9)
        assert abs(turned) <= abs(whole) + 1e-9
    assert now.distance == pytest.approx(2.0 * 4.0**part)
    assert now.target[1] == pytest.approx(-0.1 + 2.1 * part)


# ---- points -------------------------------------------------------------------------------------


def test_points_keep_place_and_colour() -> None:
    xy = np.array([[1000.0, 5], [1001, 6], [1002, 7], [1003, np.nan]], np.float32)
    scene = make_scene(xy, draw_order(xy), np.array([0, 1, 0, 1]), np.ones(4), [RED, BLUE])
    cloud = make_cloud(scene, np.array([0.5, 2.0, np.nan, 1.0]))
    assert sorted(cloud.rows.tolist()) == [0, 1]  # no place on the map, no value: not drawn
    assert cloud.place_of(1) == pytest.approx([1001, 6, 2.0])
    assert cloud.place_of(2) is None
    assert cloud.place_of(-1) is None
    assert cloud.vertices["color"][cloud.index[1]].tolist() == [0x30, 0x60, 0xE0, 255]
    assert (cloud.low.tolist(), cloud.high.tolist()) == ([1000, 5, 0.5], [1001, 6, 2.0])


def test_without_values_there_is_nothing_to_draw() -> None:
    xy = np.zeros((3, 2), np.float32)
    scene = make_scene(xy, draw_order(xy), np.zeros(3), np.ones(3), [RED])
    assert len(make_cloud(scene, np.full(3, np.nan))) == 0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), angles=angles, emphasised=st.booleans())
def test_points_are_drawn_from_back_to_front_dimmed_ones_first(
    seed: int, angles: tuple[float, float], emphasised: bool
) -> None:
    emphasis = np.arange(60) % 3 == 0 if emphasised else None
    cloud = some_cloud(seed, 60, emphasis)
    camera = camera_at(*angles)
    order = cloud.back_to_front(camera.matrix(1)[3], 60)
    assert sorted(order.tolist()) == list(range(60))
    places = cloud.vertices["place"][order].astype(float)
    away = -(places @ camera.axes()[2])  # how far along the line of sight
    rows = cloud.rows[order]
    parts = [np.ones(60, bool)] if emphasis is None else [~emphasis[rows], emphasis[rows]]
    for part in parts:
        assert (np.diff(away[part]) <= 1e-3).all()
    if emphasis is not None:
        assert emphasis[rows].tolist() == sorted(emphasis[rows].tolist())


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), angles=angles, emphasised=st.booleans())
def test_the_point_in_front_else_the_nearest_is_found(
    seed: int, angles: tuple[float, float], emphasised: bool
) -> None:
    emphasis = np.arange(200) % 2 == 0 if emphasised else None
    cloud = some_cloud(seed, 200, emphasis)
    camera = camera_at(*angles)
    projection = Projection(camera.matrix(1.25), 250, 200, camera.distance)
    points = ScreenPoints(cloud, projection, 4.0)
    places = projection.pixels(cloud.vertices["place"])
    radii = 4.0 * np.clip(camera.distance / places[:, 2], 0.5, 2.0)
    on_screen = ((places[:, :2] >= 0) & (places[:, :2] < [250, 200])).all(axis=1)
    assert len(points) == on_screen.sum()
    for x, y in np.random.default_rng(seed + 1).uniform((0, 0), (250, 200), (20, 2)):
        away = np.hypot(places[:, 0] - x, places[:, 1] - y)
        away[~on_screen] = np.inf
        covering = np.flatnonzero(away <= radii)
        found = points.at(x, y)
        if len(covering):
            if emphasis is not None and emphasis[cloud.rows[covering]].any():
                covering = covering[emphasis[cloud.rows[covering]]]
            expected = covering[np.argmin(places[covering, 2])]
            assert found == cloud.rows[expected]
        elif away.min() <= REACH:
            assert found == cloud.rows[np.argmin(away)]
        else:
            assert found is None
        assert points.count(x, y, 9.0) == (away <= 9.0).sum()


def test_the_frame_holds_points_and_steps() -> None:
    cloud = some_cloud(0, 50)
    box = box_around(cloud, [3.0])
    assert box.high[2] == pytest.approx(3.0 + AROUND * (3.0 - cloud.low[2]))
    assert (box.low < cloud.low).all()
    assert box.scale[0] == box.scale[1]  # x and y keep their scale to each other
    assert box.half[:2].max() == pytest.approx(1.0)
    flat = box_around(replace(cloud, low=cloud.low * (1, 1, 0), high=cloud.high * (1, 1, 0)), [])
    assert flat.high[2] - flat.low[2] == pytest.approx(1.0)


def test_the_sides_behind_the_points_are_drawn() -> None:
    box = box_around(some_cloud(0, 50), [])
    # from above, far along x, in the middle of y: both sides of y are seen from inside
    faces = back_faces(box, np.array([10.0, 0.0, 10.0]))
    assert set(faces) == {(0, 0), (1, 0), (1, 1), (2, 0)}


# ---- whether it is offered ----------------------------------------------------------------------


@pytest.mark.parametrize("emphasised", [False, True])
def test_the_last_points_of_many_are_a_fair_sample(emphasised: bool) -> None:
    rng = np.random.default_rng(0)
    count, last = 130_000, 60_000
    xy = rng.uniform(size=(count, 2))
    emphasis = rng.random(count) < 0.01 if emphasised else None
    group = rng.integers(0, 2, count)
    scene = make_scene(xy, draw_order(xy), group, np.ones(count), [RED, BLUE], emphasis)
    cloud = make_cloud(scene, rng.uniform(size=count))
    assert sorted(cloud.rows.tolist()) == list(range(count))
    assert cloud.index[cloud.rows].tolist() == list(range(count))
    shown = cloud.rows[-last:]
    for axis in (0, 1):  # all parts of the map alike
        per_part = np.bincount((xy[shown, axis] * 20).astype(int), minlength=20)
        assert np.abs(per_part - last / 20).max() < 6 * np.sqrt(last / 20)
    if emphasis is not None:
        assert np.isin(np.flatnonzero(emphasis), shown).all()
    place, color = cloud.vertices["place"][-1], cloud.vertices["color"][-1]
    assert place[:2] + cloud.centre[:2] == pytest.approx(xy[shown[-1]], abs=1e-6)
    assert color[:3].tolist() == list([RED, BLUE][group[shown[-1]]].getRgb()[:3])


def test_why_there_is_no_view() -> None:
    assert not_solid(Renderer("opengl", "NVIDIA", "NVIDIA is a graphics card")) == ""
    software = not_solid(
        Renderer("raster", "llvmpipe", "llvmpipe draws in software, which is slower")
    )
    assert "llvmpipe draws in software" in software
    assert "OpenGL uses it all the same" in software
    said = "the preferences asked for raster drawing"
    asked = not_solid(Renderer("raster", "", said, "preferences"))
    assert "Choose View ▸ Drawing of the map ▸ Automatic or OpenGL" in asked
    said = "the variable DIFFVIEWS_RENDERER asked for raster drawing"
    variable = not_solid(Renderer("raster", "", said, "variable"))
    assert "without it, or with DIFFVIEWS_RENDERER=opengl" in variable
    assert "offscreen" in not_solid(Renderer("raster", "", "the platform offscreen has no OpenGL"))


def test_a_scene_can_be_empty() -> None:
    nothing = PointScene(
        np.empty(0, np.int32),
        np.empty((0, 2), np.float32),
        (0.0, 0.0),
        np.empty(0, np.uint16),
        np.empty(0, np.uint8),
        np.zeros((1, 3), np.uint8),
    )
    assert len(make_cloud(nothing, np.empty(0))) == 0
