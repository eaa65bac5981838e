"""Aligned maps of activations: each level laid out and judged among its own samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from diffviews_desktop.errors import DataError
from diffviews_desktop.processing.level_maps import judge_levels
from diffviews_desktop.processing.quality import judge_map
from diffviews_desktop.processing.umap import fit_map
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.sample_groups import LevelStack

PICTURES, SIGMAS = 60, (0.5, 2.0, 10.0)
N = PICTURES * len(SIGMAS)
PARAMETERS = MapParameters(n_neighbors=8, pca_components=6, aligned=True)
STACK = LevelStack(np.arange(N) % 3, np.arange(N) // 3, SIGMAS)


def activations(seed: int = 0) -> np.ndarray:
    """Pictures of four kinds, each at three levels one after the other, farther from those of other
    levels than from any of its own."""
    rng = np.random.default_rng(seed)
    hidden = 5 * rng.normal(size=(4, 20))[np.arange(PICTURES) % 4]
    hidden = np.repeat(hidden + rng.normal(size=hidden.shape), 3, axis=0)
    levels = 40 * rng.normal(size=(3, 20))[np.arange(N) % 3]
    return (hidden + levels + 0.2 * rng.normal(size=hidden.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def made():
    return fit_map(activations(), PARAMETERS, stack=STACK, groups=np.arange(N) % 12)


def test_levels_lie_upon_each_other_and_are_judged_apart(made) -> None:
    places = made.xy.reshape(PICTURES, 3, 2)
    apart = np.linalg.norm(places[:, 0] - places[:, 2], axis=1).mean()
    other = np.linalg.norm(places[:, 0] - places[::-1, 2], axis=1).mean()
    assert apart < 0.3 * other
    for level in range(3):
        rows = np.arange(level, N, 3)
        alone = judge_map(made.reduced[rows], made.xy[rows], lambda part: None)
        np.testing.assert_allclose(made.trust[rows], alone.trust, atol=1e-6)
        np.testing.assert_allclose(made.measured.kept[rows], alone.measured.kept, atol=1e-6)
    quality = made.quality
    assert made.trustworthiness > 0.9
    assert None not in (quality.kept, quality.kept_of_layer, quality.reduction, quality.blobs)
    together = judge_map(made.reduced, made.xy, lambda part: None)
    assert together.trust.mean() < made.trustworthiness - 0.1  # levels that lie upon each other


def test_samples_of_the_same_activations_lie_at_one_place() -> None:
    rows = activations()
    rows[9] = rows[0]  # of the same level
    rows[10] = rows[2]  # of two levels
    found = fit_map(rows, PARAMETERS, stack=STACK)
    assert np.array_equal(found.xy[9], found.xy[0])
    assert not np.array_equal(found.xy[10], found.xy[2])
    rows[::3] = rows[0]  # a whole level
    found = fit_map(rows, PARAMETERS, stack=STACK)
    assert len(np.unique(found.xy[::3], axis=0)) == 1
    assert np.isfinite(found.xy).all()
    assert found.trust is None


def test_activations_that_are_not_finite_are_left_out() -> None:
    rows = activations()
    rows[[4, 50]] = np.nan
    found = fit_map(rows, PARAMETERS, stack=STACK)
    assert np.setdiff1d(np.arange(N), found.rows).tolist() == [4, 50]
    assert found.trust.shape == (N - 2,)
    rows[3:N:3] = np.nan  # of the first level but one
    with pytest.raises(DataError, match=r"level 0\.5 there are 1 samples; aligned maps need 4"):
        fit_map(rows, PARAMETERS, stack=STACK)


def test_stages_are_told_and_the_levels_are_named() -> None:
    told: list[tuple[str, float]] = []
    fit_map(activations(), PARAMETERS, stack=STACK, progress=told.append)
    names = list(dict.fromkeys(name for name, _ in told))
    assert names == [
        "reducing", "finding neighbours", "preparing UMAP", "UMAP of 3 noise levels",
        "judging the map",
    ]  # fmt: skip
    for name in names:
        parts = [part for one, part in told if one == name]
        assert parts == sorted(parts)
    assert sum(name == "UMAP of 3 noise levels" for name, _ in told) == 200


def test_a_level_that_cannot_be_judged_leaves_all_without_a_figure(made) -> None:
    alike = made.reduced.copy()
    alike[::3] = 0
    assert judge_levels(alike, made.xy, lambda part: None, STACK) is None
    few = STACK.take(np.arange(60))
    judged = judge_levels(made.reduced[:60], made.xy[:60], lambda part: None, few)
    assert judged.measured.blobs is None
    assert judged.measured.probes is None


def test_a_level_of_few_samples_has_fewer_neighbours() -> None:
    rows = np.flatnonzero((STACK.level < 2) | (STACK.picture < 5))
    found = fit_map(
        activations()[rows], replace(PARAMETERS, n_neighbors=30), stack=STACK.take(rows)
    )
    assert np.isfinite(found.xy).all()
