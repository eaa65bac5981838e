"""Samples with the same activations lie at one place of the map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.processing.alike import first_alike, with_alike_rows_equal
from diffviews_desktop.processing.reduction import fit_reduction, look_at_rows
from diffviews_desktop.processing.umap import fit_map, refit_map
from diffviews_desktop.values.maps import MapParameters

SHAPES = [(300, 120), (120, 300), (1100, 700)]  # reduced by columns, by rows and by iteration


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from([-1.0, -0.0, 0.0, 2.0]), min_size=2, max_size=2)))
def test_the_first_of_the_same_rows(rows: list[list[float]]) -> None:
    values = np.array(rows, np.float32).reshape(-1, 2)
    assert first_alike(values).tolist() == [rows.index(row) for row in rows]


def with_copies(shape: tuple[int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of which some are there several times, anywhere, and which they are."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal(shape).astype(np.float32)
    which = np.arange(len(rows))
    copies = rng.permutation(len(rows))[: len(rows) // 3]
    which[copies] = copies[0 : len(copies) // 2].repeat(2)[: len(copies)]
    return rows[which], which


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("in_a_file", [False, True])
def test_the_same_activations_are_reduced_to_the_same_bits(
    tmp_path: Path, shape: tuple[int, int], in_a_file: bool
) -> None:
    rows, which = with_copies(shape)
    np.save(tmp_path / "a.npy", rows)
    matrix = MatrixFile.open(tmp_path / "a.npy") if in_a_file else rows
    finite, sums = look_at_rows(matrix)
    assert finite.all()
    _, reduced = fit_reduction(matrix, 10)
    found = with_alike_rows_equal(matrix, np.arange(len(rows)), sums, reduced)
    np.testing.assert_allclose(found, reduced, atol=1e-4)
    expected = {row: np.flatnonzero(which == which[row]).min() for row in range(len(rows))}
    assert first_alike(found).tolist() == list(expected.values())


def test_rows_of_the_same_sum_are_told_apart() -> None:
    rows = np.random.default_rng(0).permuted(np.tile(np.arange(40.0), (90, 1)), axis=1)
    rows = rows.astype(np.float32)
    sums = look_at_rows(rows).sums
    assert len(np.unique(sums)) == 1
    _, reduced = fit_reduction(rows, 5)
    assert with_alike_rows_equal(rows, np.arange(90), sums, reduced) is reduced


PARAMETERS = MapParameters(n_neighbors=6, pca_components=8)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("n", [2, 3, 40])
@pytest.mark.parametrize("n_components", [2, 3])
def test_all_that_is_the_same_lies_at_one_place(n: int, dtype: type, n_components: int) -> None:
    rows = np.tile(np.random.default_rng(0).standard_normal(30), (n, 1)).astype(dtype)
    made = fit_map(rows, MapParameters(n_neighbors=6, n_components=n_components))
    assert (made.places == 0).all()
    assert made.trust is None
    assert made.trustworthiness is None
    again = refit_map(made, MapParameters(n_neighbors=3, metric="cosine"))
    assert (again.xy == 0).all()
    placed = made.transform(rows[:1])
    assert placed.xy.tolist() == [[0, 0]]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("distinct", [2, 4, 30])
def test_each_of_a_few_has_one_place(distinct: int, metric: str) -> None:
    """Also where more are alike than UMAP looks at neighbours."""
    which = np.random.default_rng(1).integers(0, distinct, 120)
    rows = np.random.default_rng(0).standard_normal((distinct, 50)).astype(np.float32)[which]
    parameters = MapParameters(n_neighbors=6, pca_components=8, metric=metric)
    made = fit_map(rows, parameters)
    places = {tuple(place) for place in made.xy.tolist()}
    assert len(places) == distinct
    for number in range(distinct):
        assert len({tuple(place) for place in made.xy[which == number].tolist()}) == 1
    again = refit_map(made, parameters)
    np.testing.assert_array_equal(again.xy, made.xy)
    np.testing.assert_allclose(made.transform(rows[:7]).xy, made.xy[:7], atol=1e-4)
    assert made.trust is not None


def test_a_copy_changes_nothing_for_the_others() -> None:
    rows = np.random.default_rng(0).standard_normal((80, 30)).astype(np.float32)
    reduced = fit_reduction(rows, 8)[1]
    from diffviews_desktop.processing.layout import layout

    alone = layout(reduced, PARAMETERS, lambda stage: None)
    copied = layout(np.vstack([reduced, reduced[[7, 7]]]), PARAMETERS, lambda stage: None)
    np.testing.assert_array_equal(copied[:80], alone)
    np.testing.assert_array_equal(copied[80:], alone[[7, 7]])
