"""Neighbours in the whole layer against scikit-learn's brute force."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.errors import Cancelled
from diffviews_desktop.processing import full_space as module
from diffviews_desktop.processing.full_space import FullSpace, nearest_in, nearest_of_some
from diffviews_desktop.processing.reduction import fit_reduction

N, D, K = 300, 70, 9


def layer(seed: int = 0) -> np.ndarray:
    """Activations whose columns differ in mean and spread."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((N, D)) * rng.uniform(0.1, 30, D) + rng.uniform(-50, 50, D)
    return rows.astype(np.float32)


def space_of(rows: np.ndarray, metric: str = "euclidean", keep: np.ndarray | None = None):
    reduction, _ = fit_reduction(rows, 5, keep=keep)
    return FullSpace(rows, np.arange(len(rows)) if keep is None else keep, reduction, metric)


def reference(rows: np.ndarray, metric: str = "euclidean") -> tuple[np.ndarray, np.ndarray]:
    """Distances and neighbours of all standardised rows, by brute force in float64."""
    standard = (rows - rows.mean(axis=0, dtype=np.float64)) / rows.std(axis=0, dtype=np.float64)
    search = NearestNeighbors(n_neighbors=K, metric=metric, algorithm="brute").fit(standard)
    return search.kneighbors()


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "correlation"])
@pytest.mark.parametrize("block", [1 << 11, 1 << 20])
def test_the_same_as_brute_force(metric: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_BYTES", block)
    rows = layer()
    distance, index = reference(rows, metric)
    space = space_of(rows, metric)
    some = np.array([0, 7, 8, 150, N - 1])
    fractions: list[float] = []
    np.testing.assert_array_equal(nearest_of_some(space, some, K, fractions.append), index[some])
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    for row in some.tolist():
        found = nearest_in(space, row, K, lambda part: None)
        np.testing.assert_array_equal(found.index[0], index[row])
        if metric == "euclidean":
            np.testing.assert_allclose(found.distance[0], distance[row], rtol=1e-4)


def test_rows_of_a_file_without_those_that_are_not_finite(tmp_path: Path) -> None:
    rows = layer()
    keep = np.setdiff1d(np.arange(N), [0, 50, 51])
    _, index = reference(rows[keep])
    rows[[0, 50, 51]] = np.nan
    np.save(tmp_path / "layer.npy", rows)
    space = space_of(MatrixFile.open(tmp_path / "layer.npy"), keep=keep)
    some = np.array([0, 60, 290])
    np.testing.assert_array_equal(nearest_of_some(space, some, K, lambda part: None), index[some])
    np.testing.assert_array_equal(nearest_in(space, 60, K, lambda part: None).index[0], index[60])


def test_equally_near_ones_come_in_order_and_never_itself() -> None:
    rows = np.repeat(layer()[:10], 4, axis=0)
    space = space_of(rows)
    found = nearest_in(space, 9, 3, lambda part: None)
    assert found.index[0].tolist() == [8, 10, 11]
    assert found.distance[0].tolist() == [0, 0, 0]
    every = nearest_in(space, 9, 1000, lambda part: None).index[0]
    assert sorted(every.tolist()) == [i for i in range(40) if i != 9]
    near = nearest_of_some(space, np.arange(40), 3, lambda part: None)
    assert (near // 4 == np.arange(40)[:, None] // 4).all()
    assert (near != np.arange(40)[:, None]).all()


def test_little_memory_is_held_and_it_can_be_stopped(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((2000, 4000)).astype(np.float32)
    np.save(tmp_path / "layer.npy", rows)
    reduction, _ = fit_reduction(rows[:100], 5)
    space = FullSpace(MatrixFile.open(tmp_path / "layer.npy"), np.arange(2000), reduction)
    del rows
    tracemalloc.start()
    try:
        nearest_in(space, 5, 20, lambda part: None)
        nearest_of_some(space, np.arange(64), 15, lambda part: None)
        assert tracemalloc.get_traced_memory()[1] < 16e6  # the matrix has 32 MB
    finally:
        tracemalloc.stop()

    def stop(part: float) -> None:
        raise Cancelled

    for search in (
        lambda: nearest_in(space, 5, 20, stop),
        lambda: nearest_of_some(space, np.arange(4), 15, stop),
    ):
        with pytest.raises(Cancelled):
            search()
