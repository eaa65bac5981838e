"""How alike maps are: against scipy's Procrustes analysis and rank correlation, and plain sets."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import procrustes
from scipy.stats import spearmanr
from sklearn.neighbors import NearestNeighbors

from diffviews_desktop.processing.stability import compare_maps, disparity, order_of_islands
from diffviews_desktop.values.sample_groups import LevelStack

N, K = 200, 9


def maps(dimensions: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two maps of the same islands, in other places, and the class of each sample."""
    rng = np.random.default_rng(0)
    classes = np.arange(N) % 6
    inside = rng.normal(size=(N, dimensions))
    one, other = (
        (
            rng.uniform(-9, 9, (6, dimensions))[classes]
            + inside
            + 0.1 * rng.normal(size=inside.shape)
        )
        for _ in range(2)
    )
    return one.astype(np.float32), other.astype(np.float32), classes


@pytest.mark.parametrize("dimensions", [2, 3])
def test_figures_are_those_of_scipy_and_of_plain_sets(dimensions: int) -> None:
    one, other, classes = maps(dimensions)
    found = compare_maps(one, other, classes, K)
    assert found.disparity == pytest.approx(procrustes(one, other)[2], abs=1e-9)
    centres = [[m[classes == c].mean(axis=0) for c in range(6)] for m in (one, other)]
    away = [
        [np.linalg.norm(c[a] - c[b]) for a in range(6) for b in range(a + 1, 6)] for c in centres
    ]
    assert found.order == pytest.approx(spearmanr(*away).statistic, abs=1e-9)
    near = [
        NearestNeighbors(n_neighbors=K).fit(m).kneighbors(return_distance=False)
        for m in (one, other)
    ]
    shares = [len(set(a) & set(b)) / K for a, b in zip(*near, strict=True)]
    assert found.kept == pytest.approx(np.mean(shares), abs=1e-6)


def test_aligned_maps_are_compared_level_by_level() -> None:
    one, other, classes = maps()
    level = np.arange(N) // (N // 2)
    stack = LevelStack(level, np.arange(N), (1.0, 2.0))
    found = compare_maps(one, other, classes, K, stack=stack)
    halves = [level == 0, level == 1]
    apart = [compare_maps(one[half], other[half], classes[half], K).kept for half in halves]
    assert found.kept == pytest.approx(np.mean(apart), abs=1e-6)
    together = compare_maps(one, other, classes, K)
    assert (found.disparity, found.order) == (together.disparity, together.order)


def test_a_turned_mirrored_and_scaled_map_is_the_same_map() -> None:
    one, _, classes = maps()
    turned = 3 * one @ np.array([[0, 1], [1, 0]], np.float32) + 5
    found = compare_maps(one, turned, classes, K)
    assert found.disparity == pytest.approx(0, abs=1e-9)
    assert found.order == pytest.approx(1)
    assert found.kept == pytest.approx(1, abs=1e-3)


def test_equal_distances_have_equal_ranks() -> None:
    square = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    kite = np.array([[0, 0], [0, 2], [1, 0], [3, 3]], np.float32)
    away = [
        [np.linalg.norm(m[a] - m[b]) for a in range(4) for b in range(a + 1, 4)]
        for m in (square, kite)
    ]
    expected = spearmanr(*away).statistic
    assert order_of_islands(square, kite, np.arange(4)) == pytest.approx(expected)


def test_what_has_no_order_has_none() -> None:
    one, other, classes = maps()
    assert order_of_islands(one, other, classes % 2) is None
    assert order_of_islands(one, other, np.full(N, -1)) is None
    assert order_of_islands(np.zeros_like(one), other, classes) is None
    unknown = np.where(classes == 5, -1, classes)
    assert order_of_islands(one, other, unknown) == order_of_islands(
        one[classes < 5], other[classes < 5], classes[classes < 5]
    )
    assert disparity(np.zeros((5, 2)), np.ones((5, 2))) == 0
    assert disparity(np.zeros((5, 2)), one[:5]) == 1
