"""Which points lie where, against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPolygonF

from diffviews_desktop.ui.views.flat.picking import PointIndex


def some_points(seed: int, count: int) -> np.ndarray:
    """Two clusters of other widths, some points twice, some without a place."""
    rng = np.random.default_rng(seed)
    xy = rng.normal(size=(count, 2)) * np.where(rng.random((count, 1)) < 0.5, 0.1, 3.0)
    xy = np.round(xy, 2).astype(np.float32)  # ties
    xy[rng.random(count) < 0.05] = np.nan
    return xy


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 500), stretch=st.floats(0.1, 10))
def test_the_nearest_point_in_reach(seed: int, count: int, stretch: float) -> None:
    xy = some_points(seed, count)
    index = PointIndex(xy)
    hidden = np.random.default_rng(seed + 1).random(count) < 0.2
    for x, y in np.random.default_rng(seed + 2).normal(size=(5, 2)):
        rx, ry = 0.3, 0.3 * stretch
        for without in (None, hidden):
            squares = ((xy[:, 0] - x) / rx) ** 2 + ((xy[:, 1] - y) / ry) ** 2
            squares = np.where(np.isfinite(squares), squares, np.inf)
            if without is not None:
                squares[without] = np.inf
            found = index.nearest(x, y, rx, ry, without)
            if found is None:
                assert squares.min() > 1 - 1e-5
            else:
                assert squares[found] == pytest.approx(squares.min(), rel=1e-5, abs=1e-9)


def test_of_equally_near_points_the_first() -> None:
    xy = np.array([[1, 0], [0, 0], [0, 0], [-1, 0]], np.float32)
    index = PointIndex(xy)
    assert index.nearest(0.1, 0, 1, 1) == 1
    assert index.nearest(0.1, 0, 1, 1, np.array([False, True, False, False])) == 2


@pytest.mark.parametrize("xy", [np.empty((0, 2)), np.full((3, 2), np.nan)])
def test_without_places_nothing_is_found(xy: np.ndarray) -> None:
    index = PointIndex(xy)
    assert len(index) == 0
    assert index.nearest(0, 0, 10, 10) is None
    assert index.in_rectangle(-1, -1, 1, 1).tolist() == []
    assert index.in_polygon([(-1, -1), (1, -1), (0, 1)]).tolist() == []
    assert index.toward(0, 1, 0) is None


def test_a_single_point_and_points_on_a_line() -> None:
    assert PointIndex(np.array([[5.0, 5.0]])).nearest(5.5, 5, 1, 1) == 0
    line = np.column_stack([np.arange(50.0), np.zeros(50)])
    assert PointIndex(line).nearest(20.2, 0, 1, 1) == 20
    assert PointIndex(line).in_rectangle(3, -1, 6, 1).tolist() == [3, 4, 5, 6]


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 10_000), corners=st.lists(st.integers(-400, 400), min_size=4, max_size=4)
)
def test_a_rectangle(seed: int, corners: list[int]) -> None:
    xy = some_points(seed, 400)
    x0, y0, x1, y1 = (corner / 100 + 0.005 for corner in corners)  # on no point
    with np.errstate(invalid="ignore"):
        inside = (xy >= np.minimum((x0, y0), (x1, y1))) & (xy <= np.maximum((x0, y0), (x1, y1)))
    assert (
        PointIndex(xy).in_rectangle(x0, y0, x1, y1).tolist()
        == np.flatnonzero(inside.all(axis=1)).tolist()
    )


@pytest.mark.parametrize("count", [300, 30_000])
@pytest.mark.parametrize("corners", [3, 9, 200])
def test_a_lasso_finds_what_qt_finds_inside(count: int, corners: int) -> None:
    """30,000 points go by the painted picture, 300 by the edges alone."""
    rng = np.random.default_rng(corners)
    xy = rng.normal(size=(count, 2)).astype(np.float32)
    angle = np.sort(rng.random(corners)) * 2 * np.pi
    radius = 0.3 + rng.random(corners) * 1.5  # crosses nothing, but is far from convex
    outline = np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None]
    polygon = QPolygonF([QPointF(x, y) for x, y in outline.tolist()])
    expected = [
        row
        for row, (x, y) in enumerate(xy.astype(np.float64).tolist())
        if polygon.containsPoint(QPointF(x, y), Qt.FillRule.OddEvenFill)
    ]
    assert PointIndex(xy).in_polygon([tuple(p) for p in outline.tolist()]).tolist() == expected
    assert PointIndex(xy).in_polygon([(0, 0), (1, 1)]).tolist() == []


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), angle=st.floats(0, 6.28))
def test_the_next_point_that_way(seed: int, angle: float) -> None:
    xy = some_points(seed, 200)
    row = int(np.flatnonzero(np.isfinite(xy).all(axis=1))[0])
    dx, dy = np.cos(angle), np.sin(angle)
    away = xy.astype(np.float64) - xy[row]
    distance = np.hypot(away[:, 0], away[:, 1])
    with np.errstate(invalid="ignore", divide="ignore"):
        turn = np.degrees(np.arccos(np.clip((away @ (dx, dy)) / distance, -1, 1)))
    sure, possible = turn < 44.999, turn < 45.001
    found = PointIndex(xy).toward(row, dx, dy)
    if found is None:
        assert not sure.any()
    else:
        assert possible[found]
        assert not sure.any() or distance[found] <= distance[sure].min() + 1e-6
