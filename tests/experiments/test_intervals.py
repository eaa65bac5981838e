"""Intervals and permutation tests against scipy, closed forms and plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from diffviews_desktop.experiments.intervals import (
    holm,
    independent_pictures,
    mean_interval,
    means_of_masks,
    rate_difference,
    rate_interval,
    sign_flip_p,
    studentise,
)

RATES = st.lists(st.sampled_from([0.0, 1 / 3, 2 / 3, 1.0]), min_size=2, max_size=30)


def test_means_are_those_of_a_loop_and_leave_out_what_is_no_number() -> None:
    values = np.array([1.0, 3.0, np.nan, 7.0, 10.0])
    masks = np.array([4, 4, 4, 2, 9])
    expected = [np.nanmean(values[masks == mask]) for mask in (2, 4, 9)]
    assert means_of_masks(values, masks).tolist() == pytest.approx(expected)


def test_the_bootstrap_is_that_of_a_plain_loop() -> None:
    values = np.random.default_rng(1).gamma(2, size=9)
    rng = np.random.default_rng(3)
    expected = []
    for _ in range(2000):
        drawn = rng.choice(values, 9)
        expected.append((drawn.mean() - values.mean()) / stats.sem(drawn))
    found = studentise(values, 40_000, seed=3)
    for share in (0.025, 0.25, 0.5, 0.75, 0.975):
        by_loop = np.quantile(expected, share)
        assert np.quantile(found, share) == pytest.approx(by_loop, abs=0.1 + 0.1 * abs(by_loop))


@pytest.mark.parametrize("masks", [40, 400])
def test_of_many_masks_it_is_students(masks: int) -> None:
    values = np.random.default_rng(2).normal(3, 2, size=masks)
    expected = stats.t.interval(0.95, masks - 1, values.mean(), stats.sem(values))
    found = mean_interval(values)
    assert found.value == pytest.approx(values.mean())
    assert [found.low, found.high] == pytest.approx(expected, abs=0.12 * stats.sem(values) * 2)


def test_of_few_masks_it_is_students_to_the_digit() -> None:
    values = np.array([1.0, 2.0, 4.0])
    expected = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    found = mean_interval(values)
    assert [found.low, found.high] == pytest.approx(expected)


def test_the_bootstrap_is_wider_on_the_side_of_the_tail() -> None:
    found = mean_interval(np.random.default_rng(0).lognormal(size=25))
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.value > 1.2 * (found.value - found.low)


def test_an_interval_does_not_leave_what_can_be() -> None:
    values = [0.99, 0.991, 0.99, 0.992, 0.99, 0.991, 0.99, 0.993, 0.99, 0.4]
    free, bound = mean_interval(values), mean_interval(values, bounds=(0, 1))
    assert free.low is not None
    assert free.low < 0  # nine masks that are alike say that any other is possible
    assert (bound.low, bound.high) == (0, min(1, free.high or 0))


def test_values_that_are_all_the_same_have_that_interval() -> None:
    assert mean_interval([0.25] * 6)[:3] == (0.25, 0.25, 0.25)


def test_the_rate_of_independent_pictures_has_wilsons_interval() -> None:
    # one picture a mask
    hits = np.repeat([1.0, 0.0], [2700, 300])
    expected = stats.binomtest(2700, 3000).proportion_ci(method="wilson")
    found = rate_interval(hits, 1)
    assert found.value == pytest.approx(0.9)
    assert [found.low, found.high] == pytest.approx([expected.low, expected.high], abs=2e-5)


def test_pictures_of_a_mask_that_are_all_alike_count_as_one() -> None:
    alike = np.repeat([1.0, 0.0], [30, 20])
    assert independent_pictures(alike, 10) == pytest.approx(50, rel=0.03)
    binomial = np.random.default_rng(0).binomial(10, 0.6, size=4000) / 10
    assert independent_pictures(binomial, 10) == pytest.approx(40_000, rel=0.05)


def test_a_rate_of_all_leaves_room_below_and_none_above() -> None:
    found = rate_interval(np.ones(50), 3)
    assert found.value == found.high == 1
    assert found.low == pytest.approx(1 / (1 + stats.norm.ppf(0.975) ** 2 / 50))  # Wilson, of 50


@pytest.mark.parametrize(("masks", "quantile"), [(5, stats.t.ppf(0.975, 4)), (6, 1.959964)])
def test_of_very_few_masks_it_has_students_quantile(masks: int, quantile: float) -> None:
    found = rate_interval(np.zeros(masks), 3)
    assert found.high == pytest.approx(quantile**2 / (masks + quantile**2), rel=1e-6)


def students(hits: np.ndarray) -> tuple[float, float]:
    """Wilson's interval of independent hits with Student's quantile: the rates at which the score
    test has just that value."""
    quantile, rate = stats.t.ppf(0.975, len(hits) - 1), hits.mean()
    count = independent_pictures(hits, 1)
    square = 1 + quantile**2 / count
    low, high = np.roots([square, -2 * rate - quantile**2 / count, rate**2])[::-1]
    return float(low), float(high)


def test_the_difference_of_independent_rates_is_newcombes() -> None:
    # Newcombe 1998, table II (a): 56/70 against 48/80, method 10: 0.0524 to 0.3339
    rng = np.random.default_rng(0)
    first = rng.permutation(np.repeat([1.0, 0.0], [56, 14]))
    one = stats.binomtest(56, 70).proportion_ci(method="wilson")
    two = stats.binomtest(48, 80).proportion_ci(method="wilson")
    low = 0.2 - math.hypot(0.8 - one.low, two.high - 0.6)
    high = 0.2 + math.hypot(one.high - 0.8, 0.6 - two.low)
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    # ours, of equally many masks, has the same form with Student's quantile
    second = np.repeat([1.0, 0.0], [42, 28])
    shared = float(np.corrcoef(first, second)[0, 1])
    down, up = 0.8 - students(first)[0], students(second)[1] - 0.6
    found = rate_difference(first, second, 1)
    assert found.low == pytest.approx(
        0.2 - math.sqrt(down**2 + up**2 - 2 * shared * down * up), abs=1e-12
    )


@given(RATES, st.randoms())
def test_rates_and_differences_stay_within_bounds_and_around_their_value(
    rates: list[float], random: object
) -> None:
    others = rates[::-1]
    rate, difference = rate_interval(rates, 3), rate_difference(rates, others, 3)
    assert rate.low is not None
    assert rate.high is not None
    assert 0 <= rate.low <= rate.value + 1e-12
    assert rate.value <= rate.high + 1e-12 <= 1 + 2e-12
    assert difference.low is not None
    assert difference.high is not None
    assert -1 <= difference.low <= difference.value + 1e-12
    assert difference.value <= difference.high + 1e-12
    opposite = rate_difference(others, rates, 3)
    assert opposite.low == pytest.approx(-difference.high, abs=1e-9)


def test_a_single_mask_has_no_interval() -> None:
    for found in (mean_interval([2.0]), rate_interval([0.5], 3), rate_difference([1], [0], 3)):
        assert (found.low, found.high, found.units) == (None, None, 1)
    assert math.isnan(mean_interval([]).value)


@pytest.mark.parametrize("count", [3, 7, 12])
def test_the_exact_permutation_test_is_scipys(count: int) -> None:
    values = np.random.default_rng(count).normal(0.5, 1, size=count)
    by_scipy = stats.permutation_test(
        (values,), np.sum, permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flip_p(values) == pytest.approx(by_scipy.pvalue)


def test_the_permutation_test_of_many_masks_is_about_that_of_student() -> None:
    values = np.random.default_rng(9).normal(0.25, 1, size=80)
    expected = stats.ttest_1samp(values, 0).pvalue
    assert sign_flip_p(values) == pytest.approx(expected, abs=0.01)
    assert sign_flip_p(np.ones(50)) == pytest.approx(1e-4)  # never 0


def test_permutation_p_values_are_uniform_where_there_is_nothing() -> None:
    rng = np.random.default_rng(4)
    p = [sign_flip_p(rng.normal(size=10)) for _ in range(400)]
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_holm_is_the_textbooks() -> None:
    # Holm's steps by hand: 4 x .005, 3 x .01, then 2 x .03 and .04 held up to it
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([0.02, np.nan])[0] == pytest.approx(0.02)
    assert holm([]).tolist() == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_what_its_definition_rejects(p: list[float]) -> None:
    corrected = holm(p)
    assert (corrected >= np.asarray(p) - 1e-15).all()
    rejected = set()
    for place, index in enumerate(np.argsort(p, kind="stable")):
        if p[index] * (len(p) - place) > 0.05:
            break
        rejected.add(int(index))
    assert set(np.flatnonzero(corrected <= 0.05).tolist()) == rejected
