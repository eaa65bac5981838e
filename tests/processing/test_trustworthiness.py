"""The figures of a map against scikit-learn and against all ranks written out."""

import tracemalloc

import numpy as np
import pytest
from sklearn.manifold import trustworthiness as reference
from sklearn.neighbors import NearestNeighbors

from diffviews_desktop.errors import UsageError
from diffviews_desktop.processing import trustworthiness as module
from diffviews_desktop.processing.trustworthiness import neighborhood_overlap, trustworthiness


def points(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


@pytest.mark.parametrize("k", [1, 5, 15])
@pytest.mark.parametrize(("n", "d"), [(33, 3), (400, 50), (150, 700)])
@pytest.mark.parametrize("offset", [0, 100])
@pytest.mark.parametrize("related", [True, False])
def test_the_same_as_scikit_learn(n: int, d: int, k: int, offset: float, related: bool) -> None:
    rows = points(n, d) + np.float32(offset)
    places = rows[:, :2].copy() if related else points(n, 2, seed=1)
    expected = reference(rows.astype(np.float64), places.astype(np.float64), n_neighbors=k)
    found = trustworthiness(rows, places, k)
    assert found.figure == pytest.approx(expected, abs=1e-6)
    assert found.points.dtype == np.float32
    assert found.points.shape == (n,)
    assert found.points.mean(dtype=np.float64) == pytest.approx(found.figure, abs=1e-7)
    assert (found.points >= 0).all()
    assert (found.points <= 1).all()


def test_every_point_has_its_own_part() -> None:
    n, k = 120, 6
    rows, places = points(n, 8).astype(np.float64), points(n, 3, seed=1).astype(np.float64)
    there = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    here = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(there, -1)
    np.fill_diagonal(here, -1)
    rank = there.argsort(axis=1).argsort(axis=1)
    near = here.argsort(axis=1)[:, 1 : k + 1]
    lost = np.maximum(0, np.take_along_axis(rank, near, axis=1) - k).sum(axis=1)
    expected = 1 - lost * 2 / (k * (2 * n - 3 * k - 1))
    np.testing.assert_allclose(trustworthiness(rows, places, k).points, expected, atol=1e-6)


def test_tiles_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, places = points(300, 20), points(300, 2, seed=1)
    whole = trustworthiness(rows, places, 7)
    monkeypatch.setattr(module, "_TILE_VALUES", 2000)
    fractions: list[float] = []
    tiles = trustworthiness(rows, places, 7, fractions.append)
    assert np.array_equal(whole.points, tiles.points)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert len(fractions) > 10


def test_the_map_that_is_the_space_can_be_trusted_wholly() -> None:
    rows = points(200, 2)
    assert trustworthiness(rows, rows, 10).figure == 1
    assert (neighborhood_overlap(rows, rows, 10) == 1).all()


def test_equal_points_are_equally_near() -> None:
    rows = np.repeat(points(40, 6), 5, axis=0)
    places = np.repeat(points(40, 2, seed=1), 5, axis=0)
    assert trustworthiness(rows, places, 4).figure == 1  # the four copies
    same = np.ones((50, 6), np.float32)
    assert trustworthiness(same, points(50, 2), 10).figure == 1
    found = trustworthiness(points(50, 6), np.zeros((50, 2)), 10)
    assert 0 <= found.figure <= 1


def test_overlap_is_the_share_of_neighbours_kept() -> None:
    rows, places, k = points(200, 30), points(200, 30)[:, :3], 12
    there, here = (
        NearestNeighbors(n_neighbors=k).fit(p).kneighbors(return_distance=False)
        for p in (rows, places)
    )
    expected = [len(set(a) & set(b)) / k for a, b in zip(there, here, strict=True)]
    found = neighborhood_overlap(rows, places, k)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(("n", "k"), [(33, 5), (400, 15)])
def test_neighbours_kept_are_counted_along_with_the_figure(n: int, k: int) -> None:
    rows, places = points(n, 30), points(n, 30)[:, :2].copy()
    found = trustworthiness(rows, places, k)
    assert found.kept.dtype == np.float32
    np.testing.assert_allclose(found.kept, neighborhood_overlap(rows, places, k), atol=1e-6)
    there, here = (
        NearestNeighbors(n_neighbors=k).fit(p).kneighbors(return_distance=False)
        for p in (rows, places)
    )
    expected = [len(set(a) & set(b)) / k for a, b in zip(there, here, strict=True)]
    np.testing.assert_allclose(found.kept, expected, atol=1e-6)
    alike = np.repeat(points(20, 6), 10, axis=0)  # which of the copies are near is nobody's merit
    assert (trustworthiness(alike, alike[:, :2].copy(), 4).kept == 1).all()


def test_some_points_are_judged_among_all() -> None:
    rows, places = points(300, 20), points(300, 2, seed=1)
    whole = trustworthiness(rows, places, 7)
    some = np.array([3, 4, 100, 299])
    found = trustworthiness(rows, places, 7, rows=some)
    np.testing.assert_array_equal(found.points, whole.points[some])
    np.testing.assert_array_equal(found.kept, whole.kept[some])
    assert found.figure == pytest.approx(whole.points[some].mean(dtype=np.float64), abs=1e-7)


def test_little_memory_is_held() -> None:
    rows, places = points(3000, 50), points(3000, 2, seed=1)
    trustworthiness(rows[:100], places[:100], 5)  # imports what it needs
    tracemalloc.start()
    try:
        trustworthiness(rows, places, 15)
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()


def test_a_callback_that_raises_stops_it() -> None:
    def stop(fraction: float) -> None:
        raise KeyError(fraction)

    with pytest.raises(KeyError):
        trustworthiness(points(50, 3), points(50, 2), 5, stop)
    with pytest.raises(KeyError):
        neighborhood_overlap(points(50, 3), points(50, 2), 5, stop)


def test_what_cannot_be_judged_is_refused() -> None:
    rows, places = points(20, 3), points(20, 2)
    for k in (0, 10):
        with pytest.raises(UsageError, match="from 1 to less than half of 20"):
            trustworthiness(rows, places, k)
    for k in (0, 20):
        with pytest.raises(UsageError, match="from 1 to 19"):
            neighborhood_overlap(rows, places, k)
    with pytest.raises(UsageError, match="20 activations and 19 places"):
        trustworthiness(rows, places[:19], 3)
    rows[3, 1] = np.nan
    with pytest.raises(UsageError, match="finite"):
        trustworthiness(rows, places, 3)
