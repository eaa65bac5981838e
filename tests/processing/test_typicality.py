"""How usual activations are: against closed forms, scikit-learn and scipy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from curves import activations
from scipy.stats import percentileofscore
from sklearn.neighbors import NearestNeighbors

from diffviews_desktop.processing.components import Reduction, share_outside
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.processing.reduction import fit
from diffviews_desktop.processing.typicality import SampleFigures, nearest_distances
from diffviews_desktop.processing.umap import MapParameters, fit_map, refit_map

SHAPES = [(300, 120), (120, 300), (1100, 700)]
"""By columns, by rows, by iteration."""


def with_noise(n: int, d: int, seed: int = 0) -> np.ndarray:
    """Rows of five strong directions and noise, of columns of very different sizes."""
    rng = np.random.default_rng(seed)
    rows = 4 * rng.standard_normal((n, 5)) @ rng.standard_normal((5, d))
    rows += 3 * rng.standard_normal((n, d))
    return (rows * np.geomspace(0.01, 100, d) + 7).astype(np.float32)


def share_written_out(rows: np.ndarray, reduction: Reduction) -> np.ndarray:
    """1 - |projection|^2 / |x - mean|^2 of standardised rows, in float64."""
    assert reduction.components is not None
    standard = (rows.astype(np.float64) - reduction.mean) / reduction.scale
    axes = np.linalg.qr(reduction.components.T.astype(np.float64))[0]
    inside = standard @ axes @ axes.T
    return 1 - (inside**2).sum(axis=1) / (standard**2).sum(axis=1)


# --- the share outside the components ------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_the_samples_own_shares_are_those_written_out(shape: tuple[int, int]) -> None:
    rows = with_noise(*shape)
    reduction, reduced = fit(rows, 8)
    expected = share_written_out(rows, reduction)
    assert expected.min() > 0.02  # there is something to see
    np.testing.assert_allclose(reduced.outside, expected, atol=2e-4)
    np.testing.assert_allclose(reduction.reduce(rows).outside, expected, atol=2e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_shares_of_rows_whose_squares_are_too_large_for_float32(shape: tuple[int, int]) -> None:
    rows = with_noise(*shape)
    expected = fit(rows, 8).reduced.outside
    grown = rows * np.float32(2.0**100)
    np.testing.assert_allclose(fit(grown, 8).reduced.outside, expected, atol=2e-4)


def test_a_share_of_known_size() -> None:
    identity = Reduction(np.zeros(4, np.float32), np.ones(4, np.float32), np.eye(4)[:2])
    rows = np.array([[3, 4, 0, 0], [0, 0, 1, 2], [1, 1, 1, 1], [0, 0, 0, 0]])
    assert identity.reduce(rows).outside.tolist() == [0, 1, 0.5, 1]
    assert np.isnan(identity.reduce(np.array([[np.nan, 0, 0, 0]])).outside).all()


def test_rounding_is_no_share() -> None:
    assert share_outside(np.array([1.00001]), np.array([[1.0]])).tolist() == [0]
    assert share_outside(np.array([0.9]), np.array([[1.0]])).tolist() == [0]


def test_nothing_is_outside_where_there_are_no_components() -> None:
    rows = with_noise(40, 6)
    reduction, reduced = fit(rows, None)
    assert not reduced.outside.any()
    assert not reduction.reduce(rows + 100).outside.any()
    made = fit_map(rows, MapParameters(pca_components=None), xy=np.zeros((40, 2)))
    usual = SampleFigures(made, np.ones(40)).judge(1.0, 0.0, (1, 1))
    assert usual.outside is None
    assert usual.note == ""


def test_where_all_components_are_kept_nothing_is_beyond_by_rounding() -> None:
    rows = with_noise(300, 6)
    made = fit_map(rows, MapParameters(), xy=np.zeros((300, 2)))
    assert made.outside is not None
    assert not made.outside.any()
    placed = made.transform(rows * 50)
    assert placed.outside is not None
    judged = SampleFigures(made, np.ones(300)).judge(0.0, float(placed.outside[0]), (1, 1))
    assert not judged.beyond


# --- the distance to the nearest other sample ----------------------------------------------------


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("given", [False, True])
def test_nearest_samples_are_those_of_scikit_learn(metric: str, given: bool) -> None:
    rows = np.concatenate([activations(), activations()[:3]])  # three are there twice
    parameters = MapParameters(metric=metric, n_neighbors=5)
    made = fit_map(rows, parameters, xy=np.zeros((len(rows), 2)) if given else None)
    trees = NearestNeighbors(n_neighbors=2).fit(made.reduced.astype(np.float64))
    expected = trees.kneighbors(made.reduced.astype(np.float64))[0][:, 1]
    assert made.near is not None
    np.testing.assert_allclose(made.near, expected, rtol=1e-4, atol=1e-5)
    assert not made.near[[0, 1, 2, -3, -2, -1]].any()


def test_another_layout_keeps_the_figures() -> None:
    made = fit_map(activations(), MapParameters(pca_components=10))
    again = refit_map(made, MapParameters(pca_components=10, n_neighbors=7))
    assert again.near is not None
    np.testing.assert_array_equal(again.near, made.near)
    np.testing.assert_array_equal(again.outside, made.outside)
    turned = refit_map(made, MapParameters(pca_components=10, metric="cosine"))
    np.testing.assert_allclose(turned.near, nearest_distances(turned.reduced), rtol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_maps_of_few_samples(count: int) -> None:
    made = fit_map(with_noise(count, 30), MapParameters())
    assert made.outside is None  # a component for each of them holds all of it
    if count == 1:
        assert made.near is None
    else:
        np.testing.assert_allclose(made.near, nearest_distances(made.reduced), rtol=1e-5)
    placed = made.transform(with_noise(1, 30, seed=3))
    assert placed.outside is not None
    judged = SampleFigures(made, np.ones(count)).judge(1e6, float(placed.outside[0]), (1, 1))
    assert not judged.unlike
    assert judged.note.startswith("Fewer than 20 samples")


# --- compared with samples of like noise level ---------------------------------------------------


def made_up(n: int, seed: int = 0, **figures: np.ndarray | None) -> Projector:
    rng = np.random.default_rng(seed)
    wide = Reduction(np.zeros(9, np.float32), np.ones(9, np.float32), np.eye(9, dtype="f4")[:3])
    values = {"near": rng.random(n, np.float32), "outside": rng.random(n, np.float32), **figures}
    return Projector(wide, np.zeros((n, 3), "f4"), np.zeros((n, 2), "f4"), np.arange(n), **values)


def like_written_out(sigma: np.ndarray, low: float, high: float) -> np.ndarray:
    """Rows of like noise level."""
    away = np.array([max(np.log(low / s), np.log(s / high), 0) for s in sigma.astype(np.float64)])
    within = away <= np.log(1.5) + 1e-6
    if within.sum() >= 50:
        return np.flatnonzero(within)
    return np.flatnonzero(away <= np.sort(away)[min(50, len(away)) - 1] + 1e-6)


@pytest.mark.parametrize("levels", [0, 5])
@pytest.mark.parametrize("step", [80.0, 7.3, 3.4, 1.5, 0.57, 0.2, 0.05])
def test_percentiles_are_those_of_scipy(levels: int, step: float) -> None:
    rng = np.random.default_rng(3)
    n = 600
    sigma = np.exp(rng.uniform(np.log(0.1), np.log(10), n)).astype(np.float32)
    if levels:
        sigma = np.array([0.2, 0.5, 1.0, 2.0, 5.0], np.float32)[np.arange(n) % levels]
    projector = made_up(n)
    rows = like_written_out(sigma, step, step)
    judged = SampleFigures(projector, sigma).judge(0.6, 0.97, (step, step), step)
    assert judged.like == (sigma[rows].min(), sigma[rows].max())
    assert judged.levels == (sigma.min(), sigma.max())
    assert judged.outside is not None
    for figure, own in ((judged.distance, projector.near), (judged.outside, projector.outside)):
        assert own is not None
        expected = percentileofscore(own[rows].astype(np.float64), figure.value, kind="strict")
        assert figure.percentile == pytest.approx(expected)
        assert figure.limit == pytest.approx(np.quantile(own[rows].astype(np.float64), 0.95))
        assert figure.beyond is bool(figure.value > np.quantile(own[rows], 0.95))


def test_a_mean_is_compared_with_samples_of_all_its_levels() -> None:
    sigma = np.repeat(np.float32([0.1, 1, 2, 4, 50]), 60)
    judged = SampleFigures(made_up(300), sigma).judge(0.5, 0.5, (1, 4))
    assert judged.like == (1, 4)
    assert judged.sigma is None


def test_the_same_distance_is_usual_among_noisy_samples_and_beyond_among_clean_ones() -> None:
    sigma = np.repeat(np.float32([0.1, 10.0]), 100)
    near = np.concatenate([np.linspace(0, 1, 100), np.linspace(0, 30, 100)]).astype(np.float32)
    figures = SampleFigures(made_up(200, near=near), sigma)
    assert figures.judge(3.0, 0.0, (0.1, 0.1)).beyond
    assert not figures.judge(3.0, 0.0, (10.0, 10.0)).beyond


def test_samples_without_noise_are_a_level_of_their_own() -> None:
    sigma = np.repeat(np.float32([0.0, 1.0]), 60)
    figures = SampleFigures(made_up(120), sigma)
    assert figures.judge(0.5, 0.5, (0.0, 0.0), 0.0).like == (0, 0)
    assert figures.judge(0.5, 0.5, (0.9, 0.9), 0.9).like == (1, 1)


def test_what_is_not_known_of_a_sample_is_left_out() -> None:
    outside = np.full(100, np.nan, np.float32)
    outside[:40] = np.linspace(0, 0.39, 40)
    judged = SampleFigures(made_up(100, outside=outside), np.ones(100)).judge(0, 0.2, (1, 1))
    assert judged.outside is not None
    assert judged.outside.percentile == pytest.approx(50.0, abs=3)


@pytest.mark.parametrize(
    ("figures", "n", "note"),
    [
        ({"near": None, "outside": None}, 100, "An earlier version of the program"),
        ({"outside": None}, 100, "their activations are not kept"),
        ({"outside": None}, 29, "fewer than 10 samples a component"),
    ],
)
def test_why_something_is_not_known(figures: dict[str, None], n: int, note: str) -> None:
    judged = SampleFigures(made_up(n, **figures), np.ones(n)).judge(9.0, 1.0, (1, 1))
    assert note in judged.note
    assert judged.outside is not None
    assert judged.outside.value == 1.0
    assert judged.outside.percentile is None
    assert judged.distance.beyond is ("near" not in figures)


def test_what_is_no_number_has_no_percentile() -> None:
    judged = SampleFigures(made_up(100), np.ones(100)).judge(np.inf, np.nan, (1, 1))
    assert judged.distance.percentile is None
    assert not judged.beyond


# --- planted: noise, shuffled values, the mean ---------------------------------------------------


def test_noise_and_shuffled_values_lie_outside_where_the_distance_sees_nothing(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(5)
    n, d = 900, 600
    waves = np.sin(np.outer(np.arange(1, 9), np.linspace(0, 3, d)))
    rows = (3 * rng.standard_normal((n, 8)) @ waves + rng.standard_normal((n, d))).astype("f4")
    fit_map(rows, MapParameters(pca_components=12), xy=np.zeros((n, 2))).save(tmp_path / "p.npz")
    made = Projector.load(tmp_path / "p.npz")
    figures = SampleFigures(made, np.ones(n))
    real = rows[:7].mean(axis=0)
    noise = rng.normal(rows.mean(axis=0), rows.std(axis=0))
    shuffled = (rows[:7].mean(axis=0) - rows.mean(axis=0))[rng.permutation(d)] + rows.mean(axis=0)
    placed = made.transform(np.stack([real, noise, shuffled]))
    assert placed.outside is not None
    judged = [
        figures.judge(float(far), float(share), (1, 1))
        for far, share in zip(placed.distance, placed.outside, strict=True)
    ]
    assert [one.beyond for one in judged] == [False, True, True]
    for one in judged[1:]:
        assert not one.distance.beyond
        assert one.outside is not None
        assert one.outside.value > 0.9
