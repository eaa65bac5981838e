"""Contours and class names against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from diffviews_desktop.ui.views.flat.density import SHARES, contours, density, iso_lines
from diffviews_desktop.values.map_names import labels_of


def test_density_holds_every_point_once() -> None:
    xy = np.random.default_rng(0).normal(size=(500, 2)) * (3, 1)
    xy[3] = np.nan
    grid, (x0, y0, x1, y1) = density(xy)
    assert grid.sum() == pytest.approx(499, rel=1e-6)
    columns = x0 + (np.arange(grid.shape[1]) + 0.5) * (x1 - x0) / grid.shape[1]
    rows = y0 + (np.arange(grid.shape[0]) + 0.5) * (y1 - y0) / grid.shape[0]
    cell = (x1 - x0) / grid.shape[1]
    middle = [(grid.sum(0) * columns).sum() / 499, (grid.sum(1) * rows).sum() / 499]
    assert np.allclose(middle, np.nanmean(xy, axis=0), atol=cell)


def test_a_circle_is_found_as_a_circle() -> None:
    y, x = np.mgrid[0:60, 0:80]
    distance = np.hypot(x - 37.3, y - 28.6)
    pairs = iso_lines(-distance, -15.0)
    ends = pairs.reshape(-1, 2)
    assert np.abs(np.hypot(ends[:, 0] - 37.3, ends[:, 1] - 28.6) - 15).max() < 0.02
    length = np.linalg.norm(pairs[:, 1] - pairs[:, 0], axis=1).sum()
    assert length == pytest.approx(2 * np.pi * 15, rel=0.01)
    # each end is that of two lines: they close
    _, counts = np.unique(ends.round(6), axis=0, return_counts=True)
    assert set(counts.tolist()) == {2}


def test_a_saddle_and_flat_ground_are_no_trouble() -> None:
    assert len(iso_lines(np.array([[1.0, 0.0], [0.0, 1.0]]), 0.5)) == 2
    assert len(iso_lines(np.zeros((5, 5)), 0.0)) == 0
    assert contours(np.empty((0, 2))) == []
    assert contours(np.full((4, 2), np.nan)) == []
    assert len(contours(np.zeros((3, 2)))) == len(SHARES)  # all at one place


def test_contours_of_a_normal_distribution_hold_their_shares() -> None:
    xy = np.random.default_rng(1).normal(size=(200_000, 2))
    for share, pairs in zip(SHARES, contours(xy), strict=True):
        radius = np.linalg.norm(pairs.reshape(-1, 2), axis=1)
        assert np.median(radius) == pytest.approx(np.sqrt(-2 * np.log(1 - share)), rel=0.06)


def test_names_stand_where_their_class_prevails_and_more_as_one_zooms() -> None:
    rng = np.random.default_rng(2)
    middles = np.array([[0, 0], [10, 0], [0, 10], [10.0, 10.6], [10.0, 9.4]])
    classes = np.repeat(np.array([3, 5, 7, 8, 9], np.int32), 200)
    xy = np.repeat(middles, 200, axis=0) + rng.normal(size=(1000, 2)) * 0.1
    rows = np.arange(1000)
    far = labels_of(xy, classes, rows, (-5, -5, 20, 20), 500, 500)
    assert {label.number for label in far} >= {3, 5, 7}
    for label in far:
        near = np.abs(np.array([label.x, label.y]) - middles).max(axis=1)
        assert near.min() < 1.0
    part = (9.0, 9.0, 2.0, 2.0)
    inside = rows[600:]
    close = labels_of(xy, classes, inside, part, 500, 500)
    found = {label.number: (label.x, label.y) for label in close}
    assert set(found) == {8, 9}
    assert np.allclose(found[8], middles[3], atol=0.05)
    unknown = np.full(1000, -1, np.int32)
    assert labels_of(xy, unknown, rows, (-5, -5, 20, 20), 500, 500) == []


def test_of_groups_of_a_class_close_to_each_other_the_largest_is_named() -> None:
    rng = np.random.default_rng(3)
    middles = np.array([[1.0, 1.0], [2.9, 1.2], [1.1, 2.9], [7.0, 7.0]])
    counts = [300, 200, 100, 150]
    xy = np.repeat(middles, counts, axis=0) + rng.normal(size=(750, 2)) * 0.05
    classes = np.full(750, 4, np.int32)
    # cells of 28 pixels, 0.67 units; the last group is far from the others
    near, far = labels_of(xy, classes, np.arange(750), (0, 0, 8, 8), 336, 336)
    assert (near.x, near.y) == pytest.approx((1.0, 1.0), abs=0.05)
    assert (far.x, far.y) == pytest.approx((7.0, 7.0), abs=0.05)


def test_a_name_stands_on_points_where_a_group_is_bent() -> None:
    angle = np.linspace(0, 1.5 * np.pi, 900)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    (found,) = labels_of(ring, np.zeros(900, np.int32), np.arange(900), (-4, -4, 8, 8), 400, 400)
    assert np.hypot(found.x, found.y) > 0.6  # the median of all is near the middle of the ring
    assert found.points == 900
