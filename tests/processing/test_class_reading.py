"""Reading classes from neighbours, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from diffviews_desktop.processing import class_reading as module
from diffviews_desktop.processing.class_reading import (
    chance_of_reading,
    commonest,
    nearest_others,
    wrong_classes,
)

N = 150


def samples() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    classes = rng.choice([2, 3, 5, 11], N, p=[0.4, 0.3, 0.2, 0.1]).astype(np.int32)
    return (classes[:, None] / 3 + rng.normal(size=(N, 2))).astype(np.float32), classes


@pytest.mark.parametrize("k", [1, 6, 15])
def test_each_left_out_in_turn_is_read_as_scikit_learn_reads_it(k: int) -> None:
    places, classes = samples()
    rows = np.arange(N)
    expected = [
        KNeighborsClassifier(k)
        .fit(places[rows != row], classes[rows != row])
        .predict(places[row : row + 1])[0]
        for row in rows
    ]
    near = nearest_others(places, places, rows, k)
    np.testing.assert_array_equal(commonest(classes, near), expected)


def test_a_query_without_a_point_of_its_own_leaves_none_out() -> None:
    places, classes = samples()
    queries = places[:40] + 0.3
    read = commonest(classes, nearest_others(places, queries, np.full(40, -1), 7))
    expected = KNeighborsClassifier(7).fit(places, classes).predict(queries)
    np.testing.assert_array_equal(read, expected)


def test_chance_is_what_exchanged_classes_are_read_by(monkeypatch: pytest.MonkeyPatch) -> None:
    places, classes = samples()
    near = nearest_others(places, places, np.arange(N), 15)
    assert (commonest(classes, near) == classes).mean() > 0.5
    monkeypatch.setattr(module, "EXCHANGES", 300)
    found = chance_of_reading(classes, np.zeros(N), near)
    rng = np.random.default_rng(9)
    shares = []
    for _ in range(300):
        mixed = rng.permutation(classes)
        votes = [np.bincount(mixed[row]).argmax() for row in near]
        shares.append(np.mean(votes == mixed))
    assert found == pytest.approx(np.mean(shares), abs=5 * np.std(shares) / np.sqrt(150))
    # exchanged among nobody else, they are what they were
    assert chance_of_reading(classes, classes, near) == (commonest(classes, near) == classes).mean()


def test_a_wrong_class_is_any_other_that_is_there() -> None:
    _, classes = samples()
    wrong = wrong_classes(classes)
    assert (wrong != classes).all()
    assert set(wrong.tolist()) == {2, 3, 5, 11}
    many = wrong_classes(np.tile(np.array([2, 3, 5, 11]), 3000))
    for own in (2, 3, 5, 11):
        drawn = many.reshape(-1, 4)[:, [2, 3, 5, 11].index(own)]
        _, counts = np.unique(drawn, return_counts=True)
        assert len(counts) == 3
        assert counts.min() > 900
    np.testing.assert_array_equal(wrong, wrong_classes(classes))
