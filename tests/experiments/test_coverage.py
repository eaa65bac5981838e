"""95 % intervals cover the truth in 92 to 98 of 100 simulated experiments, clustered over masks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from diffviews_desktop.experiments.intervals import (
    mean_interval,
    rate_difference,
    rate_interval,
)
from diffviews_desktop.values.experiments import Estimate

EXPERIMENTS, MORE_EXPERIMENTS = 400, 2000
SEEDS = 3
Rates = tuple[float, float]
"""Mean and concentration of the rates of masks, of a beta distribution."""


def covered(
    experiment: Callable[[np.random.Generator], Estimate], truth: float, times: int = EXPERIMENTS
) -> float:
    """How often the interval of an experiment holds the truth."""
    rng = np.random.default_rng(7)
    found = [experiment(rng) for _ in range(times)]
    inside = [
        one.low is not None and one.high is not None and one.low - 1e-9 <= truth <= one.high + 1e-9
        for one in found
    ]
    return float(np.mean(inside))


def rates(rng: np.random.Generator, of: Rates, masks: int) -> np.ndarray:
    """The share of hits of each mask."""
    mean, concentration = of
    own = rng.beta(mean * concentration, (1 - mean) * concentration, masks)
    return rng.binomial(SEEDS, own) / SEEDS


@pytest.mark.parametrize("masks", [6, 12, 50])
def test_the_bootstrap_covers_means(masks: int) -> None:
    def experiment(rng: np.random.Generator) -> Estimate:
        own = rng.normal(size=(masks, 1)) + rng.normal(size=(masks, SEEDS))
        return mean_interval(0.4 + own.mean(axis=1), seed=int(rng.integers(2**31)))

    assert 0.92 <= covered(experiment, 0.4) <= 0.98


def covered_rates(of: Rates, masks: int) -> float:
    return covered(lambda rng: rate_interval(rates(rng, of, masks), SEEDS), of[0], MORE_EXPERIMENTS)


@pytest.mark.parametrize("masks", [6, 8, 15, 20, 50])
@pytest.mark.parametrize("of", [(0.5, 2.0), (0.3, 5.0), (0.9, 3.0)])
def test_rates_are_covered(masks: int, of: Rates) -> None:
    assert 0.92 <= covered_rates(of, masks) <= 0.98


NEAR_ENDS = [(0.97, 3.0), (0.02, 20.0), (0.95, 10.0), (0.02, 200.0), (0.99, 3.0), (0.99, 50.0)]


@pytest.mark.parametrize("masks", [12, 20, 50])
@pytest.mark.parametrize("of", NEAR_ENDS)
def test_rates_near_the_ends_are_covered_as_often(masks: int, of: Rates) -> None:
    assert 0.92 <= covered_rates(of, masks) <= 0.98


@pytest.mark.parametrize("masks", [6, 8])
@pytest.mark.parametrize("of", NEAR_ENDS)
def test_few_pictures_near_the_ends_leave_steps_in_what_is_covered(masks: int, of: Rates) -> None:
    # 24 pictures at a rate of 2 % have no hit or one in 9 of 10 experiments: an interval has few
    # places to end at, so it covers in steps of several percent
    assert 0.91 <= covered_rates(of, masks) <= 0.99


@pytest.mark.parametrize("masks", [3, 5])
@pytest.mark.parametrize("of", [(0.5, 2.0), (0.3, 5.0), (0.97, 3.0), (0.02, 20.0), (0.99, 50.0)])
def test_rates_of_very_few_masks_are_not_covered_too_seldom(masks: int, of: Rates) -> None:
    assert covered_rates(of, masks) >= 0.95


@pytest.mark.parametrize("masks", [5, 8, 15, 50])
@pytest.mark.parametrize(
    ("of", "other"),
    [((0.89, 1.0), (0.13, 20.0)), ((0.5, 2.0), (0.2, 5.0)), ((0.3, 2.0), (0.3, 2.0))],
)
def test_differences_of_rates_are_covered(masks: int, of: Rates, other: Rates) -> None:
    def experiment(rng: np.random.Generator) -> Estimate:
        return rate_difference(rates(rng, of, masks), rates(rng, other, masks), SEEDS)

    assert 0.92 <= covered(experiment, of[0] - other[0]) <= 0.98


def test_differences_of_rates_that_masks_share_are_covered() -> None:
    def experiment(rng: np.random.Generator) -> Estimate:
        own = rng.beta(2, 2, 12)
        first, second = (rng.binomial(SEEDS, share * own) / SEEDS for share in (1.0, 0.6))
        return rate_difference(first, second, SEEDS)

    assert 0.92 <= covered(experiment, 0.2) <= 0.98


def test_pictures_taken_for_independent_would_be_covered_far_too_seldom() -> None:
    # what the intervals over masks are for: three seeds of a mask are nearly one picture
    def experiment(rng: np.random.Generator) -> Estimate:
        own = np.repeat(rng.beta(0.2, 0.2, 20), SEEDS)
        return rate_interval(rng.binomial(1, own).astype(float), 1)

    assert covered(experiment, 0.5) < 0.85
