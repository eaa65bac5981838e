"""Intervals around what an experiment finds.

Pictures drawn with the same mask resemble each other, so the mask, not the picture, is what was
sampled: every interval here is over masks. Which method serves what was chosen by simulation
(`tests/experiments/test_coverage.py`): where there are 5 to 15 masks, percentile and BCa bootstraps
cover the truth in 75 to 93 % of experiments only.

- *rates*: Wilson's score interval, with as many pictures as would be worth the same if they were
  independent (their variance over masks says how many). Of intervals for rates of clustered
  samples, rates near 0 and 1 included, Franco, Little, Louis and Slud (2019, Journal of Survey
  Statistics and Methodology 7, 334-364) recommend it. For true
  rates of 1 to 99 % it covers 92 to 98 % from twelve masks on, and 91 to 99 % with six to eleven,
  where so few pictures have a hit that it covers in steps. Of fewer masks it has Student's
  quantile, so that it covers too often (96 to 100 %) rather than too seldom.
- *differences of rates*: from two such intervals with Student's quantile, as the variances of both
  are estimated, by the method of variance estimates recovery
  (Newcombe 1998, method 10; Zou and Donner 2008), with the correlation over masks.
- *everything else*: bootstrap over masks, studentised (bootstrap-t: Efron and Tibshirani 1993,
  chapter 12); of fewer than eight masks, Student's t, as so few resamples differ.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffviews_desktop.values.experiments import Estimate

LEVEL = 0.95
"""How often an interval is to cover the truth."""
_RESAMPLES = 1999
_FLIPS = 9999
_FEWEST = 8  # masks for a bootstrap
_FEWEST_OF_RATES = 6  # masks whose variance can be taken for the true one
_EXACT = 14  # masks up to which every change of signs is tried
_VALUES = 8_000_000  # of resamples held at a time

Float64 = NDArray[np.float64]


def means_of_masks(values: ArrayLike, masks: ArrayLike) -> Float64:
    """The mean of the pictures of each mask, ``(M,)``, in the order of their numbers.

    Args:
        values: one a picture, ``(N,)``; those that are not numbers are left out.
        masks: number of the mask of each picture, ``(N,)``.
    """
    measures, numbers = np.asarray(values, np.float64), np.asarray(masks)
    finite = np.isfinite(measures)
    _, place = np.unique(numbers[finite], return_inverse=True)
    return np.bincount(place, weights=measures[finite]) / np.bincount(place)


def mean_interval(
    means: ArrayLike,
    seed: int = 0,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Estimate:
    """The mean over masks, with its bootstrap-t interval.

    Args:
        means: one value a mask, ``(M,)``.
        seed: of the resamples.
        bounds: that the truth cannot leave; where most masks have nearly the same value and few
            another, the interval may be cut off there.

    Returns:
        Without an interval where there are fewer than two masks; without a value where there is
        none.
    """
    values = np.asarray(means, np.float64)
    count = len(values)
    if count < 2:
        return Estimate(float(values[0]) if count else math.nan, units=count)
    error = float(values.std(ddof=1)) / math.sqrt(count)
    if count < _FEWEST or error == 0:
        high = _quantile(count)
        low = -high
    else:
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(studentise(values, _RESAMPLES, seed), [tail, 1 - tail])
    mean = float(values.mean())
    least, most = np.clip([mean - high * error, mean - low * error], *bounds).tolist()
    return Estimate(mean, least, most, count)


def studentise(values: Float64, resamples: int, seed: int) -> Float64:
    """How far the means of resamples lie from that of the values ``(M,)``, in units of their own
    standard errors; without those resamples that are a single value many times."""
    rng, size = np.random.default_rng(seed), max(1, _VALUES // len(values))
    parts = []
    for start in range(0, resamples, size):
        samples = values[
            rng.integers(len(values), size=(min(size, resamples - start), len(values)))
        ]
        error = samples.std(axis=1, ddof=1) / math.sqrt(len(values))
        distances = samples.mean(axis=1) - values.mean()
        parts.append(distances[error > 0] / error[error > 0])
    return np.concatenate(parts)


def rate_interval(rates: ArrayLike, pictures: int) -> Estimate:
    """A share of pictures, or the mean of something else from 0 to 1, with Wilson's score interval
    over masks.

    Args:
        rates: the share of each mask, 0 … 1, ``(M,)``.
        pictures: how many pictures each mask has.
    """
    count = len(np.asarray(rates))
    few = count < _FEWEST_OF_RATES
    quantile = _quantile(count) if few else NormalDist().inv_cdf((1 + LEVEL) / 2)
    return _rate_interval(np.asarray(rates, np.float64), pictures, quantile)


def _rate_interval(rates: Float64, pictures: int, quantile: float) -> Estimate:
    count = len(rates)
    if count < 2:
        return Estimate(float(rates[0]) if count else math.nan, units=count)
    rate = float(np.clip(rates.mean(), 0, 1))
    low, high = _wilson(rate, independent_pictures(rates, pictures), quantile)
    return Estimate(rate, low, high, count)


def independent_pictures(rates: Float64, pictures: int) -> float:
    """How many independent pictures would tell the mean rate as precisely: at least one a mask
    where all masks have the same rate, and never more than there are pictures."""
    variance, rate = float(rates.var(ddof=1)) / len(rates), float(rates.mean())
    if variance <= 0:
        return float(len(rates))
    return min(rate * (1 - rate) / variance, float(len(rates) * pictures))


def _wilson(rate: float, count: float, z: float) -> tuple[float, float]:
    centre = rate + z * z / (2 * count)
    half = z * math.sqrt(rate * (1 - rate) / count + (z / (2 * count)) ** 2)
    whole = 1 + z * z / count
    return max(0.0, (centre - half) / whole), min(1.0, (centre + half) / whole)


def _quantile(count: int) -> float:
    from scipy import stats

    return float(stats.t.ppf((1 + LEVEL) / 2, count - 1))


def rate_difference(rates: ArrayLike, others: ArrayLike, pictures: int) -> Estimate:
    """How much larger one share of pictures is than another, of the same masks and seeds.

    Args:
        rates: the share of each mask, 0 … 1, ``(M,)``.
        others: what is taken away, likewise.
        pictures: how many pictures each mask has in each of them.
    """
    first, second = np.asarray(rates, np.float64), np.asarray(others, np.float64)
    value = float(first.mean() - second.mean()) if len(first) else math.nan
    quantile = _quantile(len(first))
    one, two = (_rate_interval(shares, pictures, quantile) for shares in (first, second))
    if one.low is None or one.high is None or two.low is None or two.high is None:
        return Estimate(value, units=len(first))
    shared = _correlation(first, second)
    down = _margin(one.value - one.low, two.high - two.value, shared)
    up = _margin(one.high - one.value, two.value - two.low, shared)
    return Estimate(value, max(-1.0, value - down), min(1.0, value + up), len(first))


def _correlation(first: Float64, second: Float64) -> float:
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _margin(one: float, two: float, shared: float) -> float:
    return math.sqrt(max(0.0, one * one + two * two - 2 * shared * one * two))


# ---- significance -------------------------------------------------------------------------------


def sign_flip_p(differences: ArrayLike) -> float:
    """How often chance alone gives a mean difference at least as far from 0: the two-sided
    permutation test for pairs, which changes signs of whole masks.

    Every change of signs is tried for up to 14 masks, else 9999 at random.

    Args:
        differences: one a mask, ``(M,)``.
    """
    values = np.asarray(differences, np.float64)
    if not len(values):
        return 1.0
    if len(values) <= _EXACT:
        return float(_as_far(_all_signs(len(values)) @ values, values).mean())
    rng = np.random.default_rng(0)
    signs = rng.choice(np.array([-1.0, 1.0]), size=(_FLIPS, len(values)))
    return float((1 + _as_far(signs @ values, values).sum()) / (1 + _FLIPS))


@lru_cache(maxsize=4)
def _all_signs(count: int) -> Float64:
    """Every change of signs of so many masks, ``(2**count, count)``."""
    bits = np.arange(2**count)[:, None] >> np.arange(count)
    return np.where(bits & 1, -1.0, 1.0)


def _as_far(sums: Float64, values: Float64) -> NDArray[np.bool_]:
    total = abs(values.sum())
    return np.abs(sums) >= total - 1e-12 * max(1.0, total)


def holm(p: ArrayLike) -> Float64:
    """P-values corrected for being several (Holm 1979): what is at most 0.05 is significant with at
    most 5 % risk of a single wrong one among all.

    Args:
        p: ``(T,)``; those that are not numbers stay, and do not count.
    """
    values = np.asarray(p, np.float64)
    result: NDArray[Any] = np.full_like(values, np.nan)
    positions = np.flatnonzero(np.isfinite(values))
    order = positions[np.argsort(values[positions], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    result[order] = np.minimum(1.0, np.maximum.accumulate(factors * values[order]))
    return result
