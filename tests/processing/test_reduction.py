"""Standardisation and principal components against scikit-learn."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from diffviews_desktop.errors import DataError, UsageError
from diffviews_desktop.processing import reduction as module
from diffviews_desktop.processing.reduction import (
    CHUNK_ROWS,
    EXACT_SIZE,
    MAX_WIDTH_WITHOUT_PCA,
    fit_reduction,
    look_at_rows,
)

LARGE = (1100, 700)  # neither side is small: found by iteration
SHAPES = [(300, 120), (120, 300), LARGE, (700, 1100)]


def agreement(ours: np.ndarray, exact: np.ndarray) -> float:
    """Mean squared cosine of the principal angles between the rows' spans."""
    return float((np.cos(subspace_angles(ours.T.astype(np.float64), exact.T)) ** 2).mean())


def activations(n: int = 300, d: int = 120, seed: int = 0) -> np.ndarray:
    """Rows with a falling spectrum, columns of very different size and offset."""
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((n, 20)) * 0.8 ** np.arange(20)
    rows = factors @ rng.standard_normal((20, d)) + 0.05 * rng.standard_normal((n, d))
    scale, offset = 10.0 ** rng.uniform(-3, 3, d), rng.uniform(-5, 5, d)
    return (rows * scale + offset).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_subspace_and_variances_as_scikit_learn(shape: tuple[int, int]) -> None:
    rows = activations(*shape)
    scaler = StandardScaler().fit(rows.astype(np.float64))
    standard = scaler.transform(rows.astype(np.float64))
    pca = PCA(10, svd_solver="full").fit(standard)
    reduction, reduced = fit_reduction(rows, 10)
    size = scaler.scale_ + np.abs(scaler.mean_)
    assert (np.abs(reduction.mean - scaler.mean_) < 1e-6 * size).all()
    np.testing.assert_allclose(reduction.scale, scaler.scale_, rtol=1e-5)
    turned = np.rad2deg(subspace_angles(reduction.components.T, pca.components_.T)).max()
    assert turned < (0.1 if min(shape) <= EXACT_SIZE else 1)
    np.testing.assert_allclose(reduced.var(axis=0, ddof=1), pca.explained_variance_, rtol=1e-3)
    expected = pca.transform(standard)
    signs = np.sign((expected * reduced).sum(axis=0))
    assert np.abs(reduced - expected * signs).max() < 1e-3 * np.abs(expected).max()


@pytest.mark.parametrize(("n", "d"), [(EXACT_SIZE, 900), (900, EXACT_SIZE), (40, 3000), (3000, 40)])
def test_exact_where_one_side_is_small(n: int, d: int) -> None:
    """Also of a flat spectrum, which no iteration resolves."""
    rows = np.random.default_rng(0).standard_normal((n, d)).astype(np.float32)
    standard = StandardScaler().fit_transform(rows.astype(np.float64))
    _, size, axes = np.linalg.svd(standard, full_matrices=False)
    reduction, reduced = fit_reduction(rows, 30)
    assert agreement(reduction.components, axes[:30]) > 1 - 1e-6
    np.testing.assert_allclose(np.linalg.norm(reduced, axis=0), size[:30], rtol=1e-5)
    again, _ = fit_reduction(rows, 30, seed=9)
    assert np.array_equal(again.components, reduction.components)  # nothing is left to chance


@pytest.mark.parametrize("decay", ["exponential", "power"])
@pytest.mark.parametrize("k", [3, 50, 150])
def test_iteration_finds_the_subspace_of_a_falling_spectrum(k: int, decay: str) -> None:
    rng = np.random.default_rng(0)
    steps = np.arange(400)
    sizes = 0.97**steps if decay == "exponential" else 1 / np.sqrt(1 + steps)
    axes = np.linalg.qr(rng.standard_normal((800, 400)))[0]
    rows = ((rng.standard_normal((700, 400)) * sizes) @ axes.T).astype(np.float32)
    standard = StandardScaler().fit_transform(rows.astype(np.float64))
    _, _, exact = np.linalg.svd(standard, full_matrices=False)
    reduction, reduced = fit_reduction(rows, k)
    assert agreement(reduction.components, exact[:k]) > 0.995
    np.testing.assert_allclose(reduction.transform(rows[:50]), reduced[:50], atol=1e-4)


@pytest.mark.parametrize("rank", [0, 1, 20])
def test_iteration_ends_where_there_is_nothing_more(rank: int) -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((700, rank)) @ rng.standard_normal((rank, 900)) + 5
    passes: list[float] = []
    reduction, reduced = fit_reduction(rows.astype(np.float32), 50, progress=passes.append)
    assert reduction.components.shape == (50, 900)
    products = reduction.components @ reduction.components.T
    np.testing.assert_allclose(products, np.eye(50), atol=1e-5)
    assert np.isfinite(reduced).all()
    standard = StandardScaler().fit_transform(rows)
    captured = (reduced.astype(np.float64) ** 2).sum()
    assert captured == pytest.approx((standard**2).sum() if rank else 0, rel=1e-4, abs=1e-3)
    assert passes[-2] <= 0.5  # a few passes were enough


def test_a_restart_keeps_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """White noise converges slowly: the basis fills, and is begun again from its best."""
    rows = np.random.default_rng(0).standard_normal(LARGE).astype(np.float32)
    standard = StandardScaler().fit_transform(rows.astype(np.float64))
    exact = np.linalg.svd(standard, compute_uv=False)[:20]
    monkeypatch.setattr(module, "CONVERGED", 0.0)
    captured = []
    for passes in (4, 6, 12):  # 16 vectors each, and room for 80
        monkeypatch.setattr(module, "MAX_PASSES", passes)
        _, reduced = fit_reduction(rows, 20)
        captured.append((reduced**2).sum() / (exact**2).sum())
    assert captured == sorted(captured)
    assert captured[0] > 0.9
    assert 0.99 < captured[-1] <= 1 + 1e-6


@pytest.mark.parametrize("shape", SHAPES)
def test_components_are_orthonormal_with_a_fixed_sign(shape: tuple[int, int]) -> None:
    reduction, _ = fit_reduction(activations(*shape), 12)
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


@pytest.mark.parametrize("shape", SHAPES)
def test_a_memory_mapped_file_gives_the_same_and_is_not_changed(
    tmp_path: Path, shape: tuple[int, int]
) -> None:
    rows = activations(*shape)
    np.save(tmp_path / "a.npy", rows)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    there, here = fit_reduction(mapped, 5), fit_reduction(rows, 5)
    assert np.array_equal(there[1], here[1])
    assert np.array_equal(there[0].components, here[0].components)
    assert np.array_equal(np.load(tmp_path / "a.npy"), rows)


def test_the_seed_decides_bit_for_bit() -> None:
    rows = np.random.default_rng(0).standard_normal(LARGE).astype(np.float32)  # flat spectrum
    first, again, other = (fit_reduction(rows, 20, seed=seed)[1] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    state = np.random.get_state()[1].copy()
    fit_reduction(rows[:20], 3)
    assert np.array_equal(np.random.get_state()[1], state)  # no global seed is touched


@pytest.mark.parametrize("shape", SHAPES)
def test_transform_puts_the_fitted_rows_where_they_were(shape: tuple[int, int]) -> None:
    rows = activations(*shape)
    reduction, reduced = fit_reduction(rows, 10)
    np.testing.assert_allclose(reduction.transform(rows), reduced, atol=2e-4)
    assert reduction.transform(rows[:0]).shape == (0, 10)


@pytest.mark.parametrize("shape", SHAPES)
def test_only_the_rows_to_keep_count(shape: tuple[int, int], tmp_path: Path) -> None:
    rows = activations(*shape)
    keep = np.arange(len(rows))[np.arange(len(rows)) % 7 != 2]
    alone, expected = fit_reduction(rows[keep], 10)
    rows[2::7] = np.nan
    np.save(tmp_path / "a.npy", rows)
    kept, reduced = fit_reduction(np.load(tmp_path / "a.npy", mmap_mode="r"), 10, keep=keep)
    assert np.array_equal(kept.components, alone.components)
    assert np.array_equal(reduced, expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_without_standardising_it_is_plain_pca(shape: tuple[int, int]) -> None:
    rows = np.random.default_rng(0).standard_normal(shape) @ np.diag(0.9 ** np.arange(shape[1])) + 3
    pca = PCA(6, svd_solver="full").fit(rows)
    reduction, reduced = fit_reduction(rows.astype(np.float32), 6, standardize=False)
    assert (reduction.scale == 1).all()
    np.testing.assert_allclose(reduction.mean, pca.mean_, atol=1e-5)
    assert agreement(reduction.components, pca.components_) > 1 - 1e-5
    np.testing.assert_allclose(np.abs(reduced), np.abs(pca.transform(rows)), atol=2e-2)


def test_standardisation_alone() -> None:
    rows = activations(700, 90)
    rows[:, 4] = 7
    reduction, reduced = fit_reduction(rows, None)
    assert reduction.components is None
    assert reduction.width == 90
    expected = StandardScaler().fit_transform(rows.astype(np.float64))
    np.testing.assert_allclose(reduced, expected, atol=1e-4)
    np.testing.assert_allclose(reduction.transform(rows), reduced, atol=1e-5)
    raw, same = fit_reduction(rows, None, standardize=False)
    assert np.array_equal(same, rows)
    assert np.array_equal(raw.transform(rows), rows)
    for wrong in (MAX_WIDTH_WITHOUT_PCA + 1, 20000):
        with pytest.raises(UsageError, match=r"at most 4096 can .* set pca_comp"):
            fit_reduction(np.zeros((3, wrong), np.float32), None)


def test_the_working_set_is_small_however_wide_a_row_is(tmp_path: Path) -> None:
    n, d = 600, 40000  # 96 MB
    rng = np.random.default_rng(0)
    out = np.lib.format.open_memmap(tmp_path / "a.npy", mode="w+", dtype="f4", shape=(n, d))
    axes = rng.standard_normal((30, d), dtype=np.float32)
    for start in range(0, n, 100):
        left = rng.standard_normal((100, 30), dtype=np.float32)
        out[start : start + 100] = left @ axes
    out.flush()
    del out, left
    rows = np.load(tmp_path / "a.npy", mmap_mode="r")
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        fit_reduction(rows, 50)
        fit_reduction(rows[:500], 50)
        assert tracemalloc.get_traced_memory()[1] - before < 110e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [(60, 30), (900, 700)])
def test_huge_and_tiny_columns_are_brought_to_one_size(shape: tuple[int, int]) -> None:
    rows = np.random.default_rng(0).standard_normal(shape)
    expected = StandardScaler().fit_transform(rows)
    scaled = (rows * 10.0 ** np.linspace(-10, 30, shape[1])).astype(np.float32)
    reduction, reduced = fit_reduction(scaled, 5)
    assert np.isfinite(reduction.scale).all()
    assert np.isfinite(reduced).all()
    got = (scaled.astype(np.float64) - reduction.mean) / reduction.scale
    np.testing.assert_allclose(got, expected, atol=1e-4)


OF_ANY_SIZE = [(60, 30), (30, 60), (900, 700)]
"""By columns, by rows, and by iteration."""


@pytest.mark.parametrize("shape", OF_ANY_SIZE)
@pytest.mark.parametrize("k", [5, None])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["all", "one column", "one value", "far from 0"])
def test_values_near_the_end_of_float32_are_reduced_as_in_float64(
    shape: tuple[int, int], k: int | None, dtype: type, kind: str
) -> None:
    rng = np.random.default_rng(1)
    rows = activations(*shape).astype(np.float64)
    if kind == "all":
        rows = rng.uniform(-3.4e38, 3.4e38, shape) * (1 + rng.standard_normal((shape[0], 1)) / 9)
        rows = np.clip(rows, -3.4e38, 3.4e38)
    elif kind == "one column":
        rows[:, 3] *= 3e38 / np.abs(rows[:, 3]).max()
    elif kind == "one value":
        rows[7, 3] = -3.4e38
    else:
        rows[:, ::2] = 3.2e38 + 1e36 * rows[:, ::2] / np.abs(rows[:, ::2]).max(axis=0)
    rows = rows.astype(np.float32).astype(dtype)
    exact = rows.astype(np.float64)
    standard = (exact - exact.mean(axis=0)) / exact.std(axis=0)
    reduction, reduced = fit_reduction(rows, k)
    np.testing.assert_allclose(reduction.scale, exact.std(axis=0), rtol=1e-4)
    if k is None:  # to the digits that the mean has in float32
        digits = np.finfo(np.float32).eps * np.abs(exact.mean(axis=0)) / exact.std(axis=0)
        assert (np.abs(reduced - standard) < 1e-4 + digits).all()
    else:
        sizes = np.linalg.svd(standard, compute_uv=False)[:k]
        found = np.linalg.norm(reduced.astype(np.float64), axis=0)
        np.testing.assert_allclose(found, sizes, rtol=1e-5 if min(shape) < 500 else 0.03)
    np.testing.assert_allclose(reduction.transform(rows[:9]), reduced[:9], atol=2e-3)


def test_large_columns_that_are_constant_count_for_nothing() -> None:
    rows = activations(60, 30)
    padded = np.hstack([np.full((60, 2), 3.4e38, np.float32), rows])
    padded[:, 5] *= 1e36 / np.abs(padded[:, 5]).max()
    reduction, reduced = fit_reduction(padded, 5)
    _, expected = fit_reduction(rows, 5)
    assert np.isfinite(reduction.scale).all()
    np.testing.assert_allclose(np.abs(reduced), np.abs(expected), atol=1e-3)


@pytest.mark.parametrize("shape", OF_ANY_SIZE)
@pytest.mark.parametrize("size", [1e-20, 1e-38, 1e-44])
def test_values_near_nothing_are_reduced(shape: tuple[int, int], size: float) -> None:
    rows = (size * np.random.default_rng(0).standard_normal(shape)).astype(np.float32)
    reduction, reduced = fit_reduction(rows, 5)
    assert np.isfinite(reduced).all()
    assert (reduction.scale == 1).all()
    assert np.abs(reduced).max() < 1e3 * size


@pytest.mark.parametrize("k", [5, None])
def test_values_that_are_too_large_without_standardisation_are_said(k: int | None) -> None:
    rows = 1e25 * np.random.default_rng(0).standard_normal((60, 30)).astype(np.float32)
    fit_reduction(rows, k)
    if k is None:  # nothing is multiplied then
        return
    with pytest.raises(DataError, match=r"reach 3\.\de\+25, .* Have them standardised"):
        fit_reduction(rows, k, standardize=False)


def test_a_row_is_reduced_the_same_alone_or_in_a_batch() -> None:
    rows = activations(300, 9000)
    reduction, _ = fit_reduction(rows, 10)
    together = reduction.transform(rows)
    for i in (0, 1, 150, 299):
        assert np.array_equal(reduction.transform(rows[i : i + 1])[0], together[i])
        assert np.array_equal(reduction.transform(rows[i : i + 7])[0], together[i])


@pytest.mark.parametrize("n", [60, 61, 5000])
def test_constant_columns_count_for_nothing(n: int) -> None:
    rows = activations(n, 30)
    padded = np.hstack([np.full((n, 2), 12345.678, np.float32), rows, np.zeros((n, 3))])
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


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int16])
def test_other_numbers(dtype: type) -> None:
    rows = (10 * np.random.default_rng(0).standard_normal((40, 6))).astype(dtype)
    _, reduced = fit_reduction(rows, 6)
    standard = StandardScaler().fit_transform(rows.astype(np.float64))
    np.testing.assert_allclose(reduced @ reduced.T, standard @ standard.T, atol=1e-3)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("k", [3, None])
def test_progress_ends_at_one_and_may_stop_at_every_pass(
    shape: tuple[int, int], k: int | None
) -> None:
    fractions: list[float] = []
    fit_reduction(activations(*shape), k, progress=fractions.append)
    assert fractions == sorted(fractions)
    assert fractions[0] > 0
    assert fractions[-1] == 1
    for limit in fractions:

        def stop(fraction: float, limit: float = limit) -> None:
            if fraction >= limit:
                raise KeyError(fraction)

        with pytest.raises(KeyError):
            fit_reduction(activations(*shape), k, progress=stop)


def test_finite_rows_are_found_in_every_chunk() -> None:
    rows = np.full((2 * CHUNK_ROWS + 3, 4), 3e38, np.float32)  # whose sum is not finite
    bad = [0, CHUNK_ROWS - 1, CHUNK_ROWS, len(rows) - 1]
    rows[bad, [0, 1, 2, 3]] = [np.nan, np.inf, -np.inf, np.nan]
    assert np.flatnonzero(~look_at_rows(rows).finite).tolist() == bad
    beyond = np.where(np.isfinite(rows), 3e38, 1e39).astype(np.float64)  # what float32 can hold
    assert np.flatnonzero(~look_at_rows(beyond).finite).tolist() == bad
