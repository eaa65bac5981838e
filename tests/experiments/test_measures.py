"""Measures against scikit-learn, scipy, numpy's own functions and cases worked out by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import accuracy_score, root_mean_squared_error

from diffviews_desktop.experiments.measures import (
    commonest_answer,
    confidences,
    feature_distances,
    neighbor_correlations,
    pixel_distances,
    read_classes,
    seed_correlation,
)

RNG = np.random.default_rng(0)


def pictures(count: int, channels: int = 1) -> np.ndarray:
    return RNG.integers(0, 256, (count, 6, 5, channels), dtype=np.uint8)


def test_what_a_judge_reads_and_how_sure_it_is() -> None:
    probabilities = np.array([[0.1, 0.9], [0.5, 0.5], [0.7, 0.3]], np.float32)
    assert read_classes(probabilities).tolist() == [1, 0, 0]
    assert confidences(probabilities).tolist() == pytest.approx([0.9, 0.5, 0.7])
    wanted = np.array([1, 1, 0])
    assert (read_classes(probabilities) == wanted).mean() == accuracy_score(
        wanted, read_classes(probabilities)
    )


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40))
def test_the_commonest_answer_is_scipys_mode(classes: list[int]) -> None:
    number, share = commonest_answer(np.array(classes))
    mode = stats.mode(classes)
    assert (number, share) == (int(mode.mode), pytest.approx(mode.count / len(classes)))


def test_of_no_pictures_there_is_no_commonest_answer() -> None:
    assert commonest_answer(np.array([], int))[0] == -1


def test_pixel_distance_is_scikit_learns_rmse() -> None:
    one, other = pictures(4, 3), pictures(4, 3)
    expected = [
        root_mean_squared_error(a.ravel() / 255, b.ravel() / 255)
        for a, b in zip(one, other, strict=True)
    ]
    assert pixel_distances(one, other).tolist() == pytest.approx(expected)
    black, white = np.zeros((1, 2, 2, 1), np.uint8), np.full((1, 2, 2, 1), 255, np.uint8)
    assert pixel_distances(black, white).tolist() == [1.0]


def test_feature_distance_is_the_norm_by_the_root_of_the_length() -> None:
    one, other = RNG.normal(size=(5, 7)), RNG.normal(size=(5, 7))
    expected = np.linalg.norm(one - other, axis=1) / math.sqrt(7)
    assert feature_distances(one, other) == pytest.approx(expected)


def test_seed_correlation_is_the_mean_over_all_pairs() -> None:
    some = pictures(4)
    pairs = [
        np.corrcoef(a.ravel().astype(float), b.ravel().astype(float))[0, 1]
        for a, b in itertools.combinations(some, 2)
    ]
    assert seed_correlation(some) == pytest.approx(np.mean(pairs))
    assert seed_correlation(np.repeat(some[:1], 3, axis=0)) == pytest.approx(1)
    assert math.isnan(seed_correlation(some[:1]))


def test_neighbor_correlation_is_with_their_mean_picture() -> None:
    some, neighbors = pictures(3), pictures(7)
    mean = neighbors.astype(float).mean(axis=0).ravel()
    expected = [np.corrcoef(one.ravel().astype(float), mean)[0, 1] for one in some]
    assert neighbor_correlations(some, neighbors) == pytest.approx(expected)


def test_a_picture_of_one_grey_correlates_with_nothing() -> None:
    blank = np.full((1, 6, 5, 1), 90, np.uint8)
    assert np.isnan(neighbor_correlations(blank, pictures(3))).all()
