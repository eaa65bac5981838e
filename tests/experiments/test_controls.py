"""Controls keep what they are to keep of a mask, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffviews_desktop.experiments.controls import (
    matched_noise,
    random_direction,
    shuffle,
    wrong_class,
)

SHAPES = st.sampled_from([(3, 4, 5), (8, 2, 2), (6, 4), (1, 3, 3)])


def mask_of(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(2, 3, shape).astype(np.float32)


def by_channel(mask: np.ndarray) -> np.ndarray:
    """``(C, places)``; a layer of two axes has tokens before channels."""
    return mask.reshape(len(mask), -1) if mask.ndim == 3 else mask.T


@given(SHAPES, st.integers(0, 999))
def test_shuffling_moves_whole_places(shape: tuple[int, ...], seed: int) -> None:
    mask = mask_of(shape, seed)
    moved = shuffle(mask, np.random.default_rng(seed))
    assert moved.shape == mask.shape
    assert moved.dtype == np.float32
    before = sorted(map(tuple, by_channel(mask).T.tolist()))
    assert sorted(map(tuple, by_channel(moved).T.tolist())) == before


def test_shuffling_moves_something() -> None:
    mask = mask_of((3, 4, 4), 0)
    assert not np.array_equal(shuffle(mask, np.random.default_rng(0)), mask)


@given(SHAPES, st.integers(0, 999))
def test_noise_has_the_moments_of_each_channel(shape: tuple[int, ...], seed: int) -> None:
    mask = mask_of(shape, seed)
    noise = matched_noise(mask, np.random.default_rng(seed))
    for kept in (np.mean, np.std):
        expected = kept(by_channel(mask), axis=1)
        assert kept(by_channel(noise), axis=1) == pytest.approx(expected, abs=1e-4)


def test_noise_is_gaussian() -> None:
    from scipy import stats

    noise = matched_noise(mask_of((2, 40, 40), 1), np.random.default_rng(3))
    for channel in noise.reshape(2, -1):
        assert stats.kstest(stats.zscore(channel), "norm").pvalue > 0.01


@given(SHAPES, st.integers(0, 999))
def test_a_random_direction_is_as_long(shape: tuple[int, ...], seed: int) -> None:
    mask, mean = mask_of(shape, seed), mask_of(shape, seed + 1)
    way = random_direction(mask, mean, np.random.default_rng(seed)) - mean
    assert np.linalg.norm(way) == pytest.approx(np.linalg.norm(mask - mean), rel=1e-4)


def test_random_directions_point_anywhere() -> None:
    mask, mean = mask_of((4, 8, 8), 0), np.zeros((4, 8, 8), np.float32)
    ways = [random_direction(mask, mean, np.random.default_rng(s)).ravel() for s in range(1, 41)]
    cosines = [way @ mask.ravel() / np.linalg.norm(mask) ** 2 for way in ways]
    assert abs(np.mean(cosines)) < 3 / np.sqrt(256 * 40)
    assert np.std(cosines) == pytest.approx(1 / np.sqrt(256), rel=0.35)


@given(st.sets(st.integers(0, 99), min_size=2, max_size=12), st.integers(0, 99))
def test_wrong_classes_are_wrong_and_each_is_somebodys(classes: set[int], seed: int) -> None:
    numbers = sorted(classes)
    wrong = [wrong_class(own, numbers, seed) for own in numbers]
    assert all(a != b for a, b in zip(numbers, wrong, strict=True))
    assert sorted(wrong) == numbers
