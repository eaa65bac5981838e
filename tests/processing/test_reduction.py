"""Standardisation and principal components against scikit-learn."""

from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from diffviews_desktop.processing.reduction import CHUNK_ROWS, finite_rows, fit_reduction


def activations(n: int = 300, d: int = 120, seed: int = 0) -> np.ndarray:
    """Rows with a falling spectrum, columns of very different size and offset."""
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((n, 20)) * 0.8 ** np.arange(20)
    rows = factors @ rng.standard_normal((20, d)) + 0.05 * rng.standard_normal((n, d))
    scale, offset = 10.0 ** rng.uniform(-3, 3, d), rng.uniform(-5, 5, d)
    return (rows * scale + offset).astype(np.float32)


def test_the_same_subspace_and_variances_as_scikit_learn() -> None:
    rows = activations()
    assert len(rows) > CHUNK_ROWS  # more than one chunk
    scaler = StandardScaler().fit(rows.astype(np.float64))
    standard = scaler.transform(rows.astype(np.float64))
    pca = PCA(10, svd_solver="full").fit(standard)
    reduction, reduced = fit_reduction(rows, 10)
    np.testing.assert_allclose(reduction.mean, scaler.mean_, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(reduction.scale, scaler.scale_, rtol=1e-5)
    assert np.rad2deg(subspace_angles(reduction.components.T, pca.components_.T)).max() < 0.1
    np.testing.assert_allclose(reduced.var(axis=0, ddof=1), pca.explained_variance_, rtol=1e-3)
    expected = pca.transform(standard)
    signs = np.sign((expected * reduced).sum(axis=0))
    assert np.abs(reduced - expected * signs).max() < 1e-3 * np.abs(expected).max()


def test_components_are_orthonormal_with_a_fixed_sign() -> None:
    reduction, _ = fit_reduction(activations(), 12)
    products = reduction.components @ reduction.components.T
    np.testing.assert_allclose(products, np.eye(12), atol=1e-5)
    largest = np.abs(reduction.components).argmax(axis=1)
    assert (reduction.components[np.arange(12), largest] > 0).all()


@pytest.mark.parametrize(("n", "d"), [(40, 7), (7, 40), (12, 12)])
def test_a_small_matrix_keeps_all_its_distances(n: int, d: int) -> None:
    rows = np.random.default_rng(0).standard_normal((n, d)).astype(np.float32)
    reduction, reduced = fit_reduction(rows, 50)
    assert reduction.components.shape == (min(n, d), d)
    standard = StandardScaler().fit_transform(rows.astype(np.float64))
    np.testing.assert_allclose(reduced @ reduced.T, standard @ standard.T, atol=1e-4)


def test_a_memory_mapped_file_gives_the_same_and_is_not_changed(tmp_path: Path) -> None:
    rows = activations()
    np.save(tmp_path / "a.npy", rows)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    there, here = fit_reduction(mapped, 5), fit_reduction(rows, 5)
    assert np.array_equal(there[1], here[1])
    assert np.array_equal(there[0].components, here[0].components)
    assert np.array_equal(np.load(tmp_path / "a.npy"), rows)


def test_the_seed_decides_bit_for_bit() -> None:
    rows = np.random.default_rng(0).standard_normal((300, 200)).astype(np.float32)  # flat spectrum
    first, again, other = (fit_reduction(rows, 20, seed=seed)[1] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    state = np.random.get_state()[1].copy()
    fit_reduction(rows[:20], 3)
    assert np.array_equal(np.random.get_state()[1], state)  # no global seed is touched


def test_transform_puts_the_fitted_rows_where_they_were() -> None:
    rows = activations()
    reduction, reduced = fit_reduction(rows, 10)
    np.testing.assert_allclose(reduction.transform(rows), reduced, atol=2e-4)


def test_27_a_row_is_reduced_the_same_alone_or_in_a_batch() -> None:
    rows = activations()
    reduction, _ = fit_reduction(rows, 10)
    together = reduction.transform(rows)
    for i in (0, 1, 150, 299):
        assert np.array_equal(reduction.transform(rows[i : i + 1])[0], together[i])
        assert np.array_equal(reduction.transform(rows[i : i + 7])[0], together[i])


def test_constant_columns_count_for_nothing() -> None:
    rows = activations(60, 30)
    padded = np.hstack([np.full((60, 2), 12345.678, np.float32), rows, np.zeros((60, 3))])
    padded = padded.astype(np.float32)
    reduction, reduced = fit_reduction(padded, 5)
    _, expected = fit_reduction(rows, 5)
    assert reduction.scale[[0, 1, -1]].tolist() == [1, 1, 1]
    np.testing.assert_allclose(np.abs(reduced), np.abs(expected), atol=1e-3)
    assert np.abs(reduction.components[:, [0, 1, -1, -2, -3]]).max() < 1e-5


@pytest.mark.parametrize("rows", [np.zeros((8, 5)), np.ones((1, 5)), np.full((3, 1), 7.0)])
def test_no_variance_at_all(rows: np.ndarray) -> None:
    reduction, reduced = fit_reduction(rows.astype(np.float32), 4)
    assert reduced.shape == (len(rows), min(4, *rows.shape))
    assert np.abs(reduced).max() < 1e-6
    assert np.isfinite(reduction.components).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats(dtype: type) -> None:
    rows = np.random.default_rng(0).standard_normal((40, 6)).astype(dtype)
    _, reduced = fit_reduction(rows, 6)
    standard = StandardScaler().fit_transform(rows.astype(np.float64))
    np.testing.assert_allclose(reduced @ reduced.T, standard @ standard.T, atol=1e-3)


def test_progress_ends_at_one_and_may_stop_at_every_pass() -> None:
    fractions: list[float] = []
    fit_reduction(activations(), 3, progress=fractions.append)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    for limit in fractions:

        def stop(fraction: float, limit: float = limit) -> None:
            if fraction >= limit:
                raise KeyError(fraction)

        with pytest.raises(KeyError):
            fit_reduction(activations(), 3, progress=stop)


def test_finite_rows_are_found_in_every_chunk() -> None:
    rows = np.zeros((2 * CHUNK_ROWS + 3, 4), np.float32)
    bad = [0, CHUNK_ROWS - 1, CHUNK_ROWS, len(rows) - 1]
    rows[bad, [0, 1, 2, 3]] = [np.nan, np.inf, -np.inf, np.nan]
    assert np.flatnonzero(~finite_rows(rows)).tolist() == bad
