"""Nearest neighbours against scikit-learn and against all distances written out."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from diffviews_desktop.processing import neighbors
from diffviews_desktop.processing.neighbors import (
    NeighborIndex,
    distances_from,
    nearest,
    neighbor_graph,
    neighbors_of,
    to_euclidean,
)
from diffviews_desktop.values.metrics import METRICS


def points(n: int, d: int, *, offset: float = 0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, d)) + offset).astype(np.float32)


def all_distances(queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Every distance in float64; infinity to what is not finite."""
    with np.errstate(invalid="ignore"):
        difference = queries.astype(np.float64)[:, None] - rows.astype(np.float64)[None]
    distance = np.sqrt((difference**2).sum(axis=2))
    return np.where(np.isfinite(distance), distance, np.inf)


@pytest.mark.parametrize("offset", [0, 1000])
@pytest.mark.parametrize("dimensions", [2, 50])
def test_the_same_as_scikit_learn(dimensions: int, offset: float) -> None:
    rows, queries = points(300, dimensions, offset=offset), points(40, dimensions, offset=offset)
    reference = NearestNeighbors(n_neighbors=7, algorithm="brute").fit(rows.astype(np.float64))
    distance, index = reference.kneighbors(queries.astype(np.float64))
    found = nearest(rows, queries, 7)
    assert found.index.dtype == np.int64
    assert found.distance.dtype == np.float32
    assert np.array_equal(found.index, index)
    np.testing.assert_allclose(found.distance, distance, rtol=1e-5, atol=1e-3)


def test_graph_is_the_same_as_scikit_learn_without_the_point_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = points(250, 5)
    distance, index = NearestNeighbors(n_neighbors=6).fit(rows).kneighbors()
    whole = neighbor_graph(rows, 6)
    assert np.array_equal(whole.index, index)
    np.testing.assert_allclose(whole.distance, distance, rtol=1e-5)
    fractions: list[float] = []
    monkeypatch.setattr(neighbors, "_BLOCK_VALUES", 250 * 37)  # blocks of 37 rows
    blocks = neighbor_graph(rows, 6, fractions.append)
    assert np.array_equal(blocks.index, whole.index)
    assert np.array_equal(blocks.distance, whole.distance)
    assert len(fractions) == 7
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


@given(
    st.integers(1, 30), st.integers(1, 3), st.integers(1, 40), st.integers(0, 5), st.integers(0, 99)
)
@settings(max_examples=80, deadline=None)
def test_of_equally_near_ones_the_lower_index_comes_first(
    n: int, d: int, k: int, broken: int, seed: int
) -> None:
    """Points on a small grid, so that most distances are ties; some points are not finite."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 3, (n, d)).astype(np.float32)
    rows[rng.integers(0, n, broken), 0] = rng.choice([np.nan, np.inf, -np.inf], broken)
    distance = all_distances(rows, rows)
    np.fill_diagonal(distance, -1)
    expected = np.argsort(distance, axis=1, kind="stable")[:, 1 : k + 1]
    graph = neighbor_graph(rows, k)
    assert graph.index.shape == (n, min(k, n - 1))
    for row in np.flatnonzero(np.isfinite(rows).all(axis=1)):
        assert graph.index[row].tolist() == expected[row].tolist()
        usable = [i for i in expected[row].tolist() if np.isfinite(distance[row, i])]
        assert [i for i, _ in neighbors_of(rows, int(row), k)] == usable
    for row in range(n):
        assert row not in graph.index[row]


def test_many_identical_points_are_taken_in_order() -> None:
    rows = points(400, 30, offset=3)
    rows[50:350] = rows[0]  # far more ties than spare candidates
    found = nearest(rows, rows[:1], 5)
    assert found.index.tolist() == [[0, 50, 51, 52, 53]]
    assert neighbor_graph(rows, 4).index[[0, 60, 349]].tolist() == [
        [50, 51, 52, 53],
        [0, 50, 51, 52],
        [0, 50, 51, 52],
    ]


def test_the_answer_does_not_depend_on_the_other_queries() -> None:
    rows, queries = points(500, 50), points(64, 50, seed=1)
    rows[100:200] = rows[0]
    together = nearest(rows, queries, 15)
    for i in range(len(queries)):
        alone = nearest(rows, queries[i : i + 1], 15)
        assert np.array_equal(alone.index[0], together.index[i])
        assert np.array_equal(alone.distance[0], together.distance[i])


def test_neighbours_of_a_point_ascend_and_leave_it_out() -> None:
    rows = np.array([[0, 0], [3, 4], [0, 1], [0, -2], [6, 8]], np.float32)
    assert neighbors_of(rows, 0, 3) == [(2, 1.0), (3, 2.0), (1, 5.0)]
    assert neighbors_of(rows, 4, 1) == [(1, 5.0)]


@pytest.mark.parametrize("index", [-1, 5, 10**9])
def test_an_index_that_does_not_exist_has_none(index: int) -> None:
    assert neighbors_of(points(5, 2), index, 3) == []


@pytest.mark.parametrize("k", [0, -1])
def test_no_neighbours_asked_for(k: int) -> None:
    assert neighbors_of(points(5, 2), 0, k) == []


def test_more_than_there_are() -> None:
    rows = points(5, 3)
    assert len(neighbors_of(rows, 2, 99)) == 4
    assert nearest(rows, rows, 99).index.shape == (5, 5)
    assert neighbor_graph(rows, 99).index.shape == (5, 4)


def test_none_or_one_point() -> None:
    assert nearest(points(0, 3), points(2, 3), 4).index.shape == (2, 0)
    assert nearest(points(1, 3), points(2, 3), 4).index.tolist() == [[0], [0]]
    assert neighbor_graph(points(0, 3), 4).index.shape == (0, 0)
    assert neighbor_graph(points(1, 3), 4).index.shape == (1, 0)
    assert neighbors_of(points(1, 3), 0, 4) == []
    assert nearest(points(4, 3), points(0, 3), 2).index.shape == (0, 2)


def test_what_is_not_finite_is_nobodys_neighbour() -> None:
    rows = points(6, 3)
    rows[2] = np.nan
    rows[4, 1] = np.inf
    for i in (0, 1, 3, 5):
        assert {row for row, _ in neighbors_of(rows, i, 5)} == {0, 1, 3, 5} - {i}
    assert neighbors_of(rows, 2, 5) == []
    assert neighbors_of(rows, 4, 5) == []
    assert neighbors_of(np.full((3, 2), np.nan, np.float32), 0, 2) == []


def test_progress_that_raises_stops_the_search() -> None:
    def stop(fraction: float) -> None:
        raise KeyError(fraction)

    with pytest.raises(KeyError):
        neighbor_graph(points(20, 2), 3, stop)


def test_an_index_answers_as_the_functions_do() -> None:
    rows, queries = points(90, 6), points(9, 6, seed=1)
    index = NeighborIndex(rows)
    for _ in range(2):
        assert np.array_equal(index.nearest(queries, 4).index, nearest(rows, queries, 4).index)
        assert np.array_equal(index.graph(4).index, neighbor_graph(rows, 4).index)


def test_wide_points_take_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = points(900, 4096)
    rows[100:600] = rows[0]  # more ties than candidates, so that all are looked at
    whole = neighbor_graph(rows[:300], 5)
    monkeypatch.setattr(neighbors, "_EXACT_VALUES", 3 * 4096)
    small = neighbor_graph(rows[:300], 5)
    assert np.array_equal(whole.index, small.index)
    monkeypatch.undo()
    tracemalloc.start()
    try:
        neighbor_graph(rows, 15)
        # beside the points about their centre, 15 MB, and in float64 on the way there
        assert tracemalloc.get_traced_memory()[1] < 110e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("metric", METRICS)
def test_euclidean_distances_order_like_the_metric(metric: str) -> None:
    rows, queries = points(200, 12, offset=0.3), points(30, 12, offset=0.3, seed=1)
    reference = NearestNeighbors(n_neighbors=9, metric=metric, algorithm="brute")
    reference.fit(rows.astype(np.float64))
    distance, index = reference.kneighbors(queries.astype(np.float64))
    found = nearest(to_euclidean(rows, metric), to_euclidean(queries, metric), 9)
    assert np.array_equal(found.index, index)
    got = found.distance if metric == "euclidean" else found.distance**2 / 2
    np.testing.assert_allclose(got, distance, atol=1e-5)


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
def test_rows_without_a_direction_lie_at_the_origin(metric: str) -> None:
    rows = points(6, 4)
    rows[1] = 0
    rows[3] = 0.1 if metric == "correlation" else 0
    turned = to_euclidean(rows, metric)
    assert turned.dtype == np.float32
    assert (turned[[1, 3]] == 0).all()
    np.testing.assert_allclose(np.linalg.norm(turned[[0, 2, 4, 5]], axis=1), 1, rtol=1e-6)
    rows[0, 0], rows[2, 1] = np.nan, np.inf
    turned = to_euclidean(rows, metric)
    assert np.isfinite(turned).all(axis=1).tolist() == [False, True, False, True, True, True]
    assert to_euclidean(rows[:0], metric).shape == (0, 4)
    assert np.isfinite(to_euclidean(np.full((2, 3), 1e30, np.float32), metric)).all()


@pytest.mark.parametrize("offset", [0, 1e4])
def test_distances_from_one_point(offset: float) -> None:
    rows = points(3000, 7, offset=offset)
    rows[5, 2] = np.nan
    found = distances_from(rows, 9)
    exact = np.linalg.norm(rows.astype(np.float64) - rows[9].astype(np.float64), axis=1)
    np.testing.assert_allclose(found, exact, rtol=1e-12)
    assert not np.isfinite(found[5])
