"""Dense groups of places are found, and named by what is in them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from diffviews_desktop.errors import Cancelled
from diffviews_desktop.processing import clusters
from diffviews_desktop.processing.cluster_names import names_of
from diffviews_desktop.processing.clusters import find_clusters

CENTRES = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
COUNTS = (300, 150, 90)


def blobs(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three round groups, the largest first, and in which each place is; shuffled."""
    made = np.random.default_rng(seed)
    group = made.permutation(np.repeat(np.arange(3), COUNTS))
    return (CENTRES[group] + 0.3 * made.normal(size=(len(group), 2))).astype(np.float32), group


def quiet(part: float) -> None:
    assert 0 <= part <= 1


def test_round_groups_are_found_the_largest_first() -> None:
    places, group = blobs()
    found = find_clusters(places, 20, quiet)
    assert found.max() == 2
    agree = found[found >= 0] == group[found >= 0]
    assert agree.all()
    assert (found >= 0).mean() > 0.9


def test_places_that_are_none_and_groups_that_are_too_small_are_in_no_cluster() -> None:
    places, _ = blobs()
    places[7] = np.nan
    found = find_clusters(places, 20, quiet)
    assert found[7] == -1
    assert find_clusters(places, 120, quiet).max() == 1
    assert find_clusters(places, 400, quiet).max() == -1
    assert (find_clusters(places[:5], 20, quiet) == -1).all()
    assert len(find_clusters(np.empty((0, 2)), 3, quiet)) == 0


def test_of_many_places_some_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    places, group = blobs()
    monkeypatch.setattr(clusters, "MOST_CLUSTERED", 200)
    told: list[float] = []
    found = find_clusters(places, 60, told.append)
    assert found.max() == 2
    known = found >= 0
    assert (found[known] == group[known]).mean() > 0.98
    assert known.mean() > 0.9
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_it_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "MOST_CLUSTERED", 200)

    def stop(part: float) -> None:
        if part >= 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        find_clusters(blobs()[0], 60, stop)


# ---- names --------------------------------------------------------------------------------------


@pytest.fixture
def named() -> Callable[..., list[str]]:
    def name(
        labels: list[int],
        classes: list[int],
        captions: tuple[str, ...] = (),
        levels: list[float] | None = None,
    ) -> list[str]:
        names = {0: "cat", 1: "dog", 2: "owl"}
        both = np.array(labels, np.int32), np.array(classes, np.int32)
        return names_of(*both, names, np.array(levels or [1.0] * len(labels)), captions)

    return name


def test_a_group_is_called_by_the_class_of_most(named: Callable[..., list[str]]) -> None:
    assert named([0, 0, 0, 1, 1, -1], [0, 0, 1, 2, 2, 1]) == ["cat", "owl"]
    assert named([0, 0, 0, 0, 0], [0, 0, 1, 1, 2]) == ["cat and dog"]
    assert named([0, 0, 1, 1], [1, 1, 1, 1]) == ["dog (1)", "dog (2)"]


def test_no_two_names_are_the_same_whatever_classes_are_called() -> None:
    def names(*classes: str) -> list[str]:
        groups = np.arange(len(classes), dtype=np.int32)
        numbers = {name: i for i, name in enumerate(dict.fromkeys(filter(None, classes)))}
        of_groups = np.array([numbers.get(name, -1) for name in classes], np.int32)
        called = {i: name for name, i in numbers.items()}
        return names_of(groups, of_groups, called, np.ones(len(groups)), ())

    assert names("cat", "cat", "cat (1)") == ["cat (2)", "cat (3)", "cat (1)"]
    assert names("cat", "cat", "cat (1)", "cat (1)")[2:] == ["cat (1) (1)", "cat (1) (2)"]
    assert names("cluster 1", "", "owl", "") == ["cluster 1", "cluster 2", "owl", "cluster 3"]


def test_without_classes_captions_tell(named: Callable[..., list[str]]) -> None:
    captions = ("a red house by the sea", "the red house", "a photo of snow", "snow and a house")
    assert named([0, 0, 1, 1], [-1] * 4, captions) == ["red, house", "snow"]


def test_a_group_of_all_classes_is_called_by_its_noise_level(
    named: Callable[..., list[str]],
) -> None:
    several, noisy = [0, 1, 2] * 5, [8.0] * 14 + [0.5]
    labels = [0] * 15 + [1] * 15 + [2] * 2
    levels = [*noisy, *[0.5, 1, 1] * 5, 0.1, 80]
    classes = [*several, *several, 0, 0]
    assert named(labels, classes, levels=levels) == ["σ 8", "σ 0.5 – 1", "cat"]


def test_of_what_nothing_is_known_has_a_number(named: Callable[..., list[str]]) -> None:
    assert named([0, 1, 1], [-1] * 3) == ["cluster 1", "cluster 2"]
    assert named([-1, -1], [0, 1]) == []
