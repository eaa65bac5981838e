"""Maps of several levels in one frame: planted structure, plain sets, and umap-learn's own."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from diffviews_desktop.processing.aligned_umap import (
    EPOCHS,
    WINDOW,
    Level,
    aligned_umap_layout,
    relate,
    shared_neighbors,
)
from diffviews_desktop.processing.neighbors import neighbor_graph
from diffviews_desktop.processing.trustworthiness import trustworthiness
from diffviews_desktop.processing.umap_backend import umap_learn_class
from diffviews_desktop.values.maps import MapParameters

N, K, LEVELS = 120, 10, 4
PARAMETERS = MapParameters(n_neighbors=K)


def planted(seed: int = 0) -> list[np.ndarray]:
    """Pictures of five kinds, seen at each level turned in another way and moved: only the pictures
    tell which sample of one level is which of another."""
    rng = np.random.default_rng(seed)
    hidden = 6 * rng.normal(size=(5, 8))[np.arange(N) % 5] + rng.normal(size=(N, 8))
    turns = [np.linalg.qr(rng.normal(size=(8, 8)))[0] for _ in range(LEVELS)]
    return [
        (hidden @ turn + 30 * rng.normal(size=8) + 0.1 * rng.normal(size=(N, 8))).astype(np.float32)
        for turn in turns
    ]


def lay_out(
    rows: list[np.ndarray], pictures: list[np.ndarray], parameters: MapParameters = PARAMETERS
) -> list[np.ndarray]:
    levels = [
        Level(one, neighbor_graph(one, parameters.n_neighbors - 1), numbers)
        for one, numbers in zip(rows, pictures, strict=True)
    ]
    return aligned_umap_layout(levels, parameters, lambda fraction: None)


@pytest.fixture(scope="module")
def maps() -> list[np.ndarray]:
    return lay_out(planted(), [np.arange(N)] * LEVELS)


def moved(maps: list[np.ndarray]) -> float:
    """How far a picture's samples lie apart at neighbouring levels, beside those of any two."""
    rng = np.random.default_rng(1)
    same, other = [], []
    for one, two in pairwise(maps):
        same.append(np.linalg.norm(one - two, axis=1).mean())
        other.append(np.linalg.norm(one - two[rng.permutation(len(two))], axis=1).mean())
    return float(np.mean(same) / np.mean(other))


def test_a_picture_lies_at_like_places_at_all_levels(maps: list[np.ndarray]) -> None:
    assert moved(maps) < 0.25
    for rows, places in zip(planted(), maps, strict=True):
        assert places.dtype == np.float32
        assert trustworthiness(rows, places, K).figure > 0.9
    strangers = [np.arange(N) + level * N for level in range(LEVELS)]
    assert moved(lay_out(planted(), strangers)) > 0.6  # nothing tells which is which


def test_the_same_seed_gives_the_same_places(maps: list[np.ndarray]) -> None:
    again = lay_out(planted(), [np.arange(N)] * LEVELS)
    assert all(np.array_equal(one, two) for one, two in zip(maps, again, strict=True))
    other = lay_out(planted(), [np.arange(N)] * LEVELS, MapParameters(n_neighbors=K, seed=7))
    assert not np.allclose(other[0], maps[0])


def test_pictures_tell_the_samples_apart_not_their_order(maps: list[np.ndarray]) -> None:
    """Each level has its samples in an order of its own, and lacks some pictures."""
    rng = np.random.default_rng(2)
    orders = [rng.permutation(N)[: N - 10 * level] for level in range(LEVELS)]
    rows = [one[order] for one, order in zip(planted(), orders, strict=True)]
    found = lay_out(rows, orders)
    whole = [np.full((N, 2), np.nan) for _ in orders]
    for places, order, own in zip(whole, orders, found, strict=True):
        places[order] = own
    both = [np.isfinite(one).all(axis=1) & np.isfinite(whole[-1]).all(axis=1) for one in whole]
    assert moved([places[both[0] & both[1] & both[2]] for places in whole]) < 0.3


def test_three_dimensions_and_another_minimum_distance(maps: list[np.ndarray]) -> None:
    deep = lay_out(planted(), [np.arange(N)] * LEVELS, MapParameters(K, 0.8, n_components=3))
    assert {places.shape for places in deep} == {(N, 3)}
    assert moved(deep) < 0.3
    wide = lay_out(planted(), [np.arange(N)] * LEVELS, MapParameters(K, 0.8))

    def nearest(places: np.ndarray) -> float:
        return float(np.median(neighbor_graph(places, 1).distance))

    assert nearest(wide[0]) > 2 * nearest(maps[0])


def test_every_epoch_is_told_and_can_be_the_last() -> None:
    rows = planted()[:2]
    levels = [Level(one, neighbor_graph(one, K - 1), np.arange(N)) for one in rows]
    told: list[float] = []

    def report(fraction: float) -> None:
        told.append(fraction)
        if len(told) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        aligned_umap_layout(levels, PARAMETERS, report)
    assert told == [(epoch + 1) / EPOCHS for epoch in range(5)]


def test_few_samples_and_graphs_of_many_parts() -> None:
    rng = np.random.default_rng(0)
    few = [rng.normal(size=(4, 3)).astype(np.float32) for _ in range(2)]
    assert all(np.isfinite(one).all() for one in lay_out(few, [np.arange(4)] * 2, MapParameters(3)))
    parts = np.repeat(1e3 * np.arange(30), 4)[:, None] + rng.normal(size=(120, 3))
    found = lay_out([parts.astype(np.float32)] * 2, [np.arange(120)] * 2, MapParameters(4))
    assert all(np.isfinite(one).all() for one in found)


def test_relations_are_those_of_umap_learn() -> None:
    umap_learn_class()
    from umap.aligned_umap import expand_relations

    orders = [np.random.default_rng(seed).permutation(9) for seed in range(5)]
    steps = [
        {int(np.flatnonzero(one == picture)[0]): int(np.flatnonzero(two == picture)[0])
         for picture in range(9)}
        for one, two in pairwise(orders)
    ]  # fmt: skip
    expected, found = expand_relations(steps, WINDOW), relate(orders)
    others = np.arange(2 * WINDOW + 1) != WINDOW  # each itself, which no epoch looks at
    last = 4 - np.arange(5)[:, None] == np.arange(2 * WINDOW + 1) - WINDOW
    assert (expected[last] == -1).all()  # umap-learn forgets those of the last level
    kept = others & ~last
    np.testing.assert_array_equal(found[kept], expected[kept])
    assert (found[last] >= 0).all()


def test_relations_where_pictures_are_missing_repeated_or_unknown() -> None:
    pictures = [np.array([5, 5, -1, 8]), np.array([-1, 8]), np.array([5, 8, 9])]
    found = relate(pictures)
    assert found.shape == (3, 2 * WINDOW + 1, 4)
    assert found[0, WINDOW + 1].tolist() == [-1, -1, -1, 1]
    assert found[0, WINDOW + 2].tolist() == [0, -1, -1, 1]  # though the level between lacks it
    assert found[2, WINDOW - 2].tolist() == [0, 3, -1, -1]
    assert (found[0, :WINDOW] == -1).all()


def test_shared_neighbours_by_plain_sets() -> None:
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(3)
    pictures = [rng.permutation(12)[:count] for count in (10, 12, 9)]
    dense = [rng.random((len(p), len(p))) < 0.3 for p in pictures]
    relations = relate(pictures)
    found = shared_neighbors([csr_matrix(one.astype(np.float32)) for one in dense], relations)
    for level, offset, row in np.ndindex(*found.shape):
        there = relations[level, offset, row]
        if there < 0:
            assert found[level, offset, row] == 0
            continue
        other = level + offset - WINDOW
        known = set(pictures[level]) & set(pictures[other])
        one = set(pictures[level][dense[level][row]]) & known
        two = set(pictures[other][dense[other][there]]) & known
        expected = len(one & two) / len(one | two) if one | two else 1
        assert found[level, offset, row] == pytest.approx(expected)
