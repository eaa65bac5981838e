"""Alignment against scipy's own Procrustes analysis, overlap against plain sets."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes

from diffviews_desktop.processing.alignment import compare_neighborhoods, procrustes


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_moved_turned_mirrored_and_scaled_map_comes_back(mirrored: bool) -> None:
    rng = np.random.default_rng(0)
    xy = rng.normal(size=(200, 2)).astype(np.float32)
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if mirrored:
        turn[:, 0] *= -1
    moved = 3.5 * xy @ turn + (10, -4)
    moved[7] = np.nan  # it decides nothing and stays without a place
    aligned = procrustes(xy, moved)
    assert np.isnan(aligned[7]).all()
    rest = np.arange(200) != 7
    assert np.allclose(aligned[rest], xy[rest], atol=1e-4)


def test_the_turn_is_that_of_scipy_and_no_small_change_is_better() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=(300, 2)), rng.normal(5, size=(300, 2))
    aligned = procrustes(one, other).astype(np.float64)
    a, b = one - one.mean(0), other - other.mean(0)
    turn, strength = orthogonal_procrustes(b, a)
    expected = b @ turn * strength / (b**2).sum() + one.mean(0)
    assert np.allclose(aligned, expected, atol=1e-5)


def test_maps_that_say_nothing_are_left_alone() -> None:
    nothing = np.full((4, 2), np.nan)
    some = np.arange(8.0).reshape(4, 2)
    assert np.array_equal(procrustes(nothing, some), some)
    same = np.ones((4, 2))
    assert np.allclose(procrustes(some, same), some.mean(0))


def test_overlap_is_the_share_of_common_neighbours() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.normal(size=(60, 5)), rng.normal(size=(60, 3))
    one[9] = np.nan
    found = compare_neighborhoods(one, other, np.zeros(60), k=6).overlap
    assert np.isnan(found[9])
    rows = [row for row in range(60) if row != 9]

    def nearest(space: np.ndarray, row: int) -> set[int]:
        away = {o: float(np.linalg.norm(space[o] - space[row])) for o in rows if o != row}
        return set(sorted(away, key=away.__getitem__)[:6])

    for row in rows:
        common = nearest(one, row) & nearest(other, row)
        assert found[row] == pytest.approx(len(common) / 6)


def test_the_same_space_overlaps_wholly_and_progress_is_told() -> None:
    space = np.random.default_rng(3).normal(size=(50, 4))
    told: list[float] = []
    compared = compare_neighborhoods(space, 2 * space + 1, np.zeros(50), progress=told.append)
    assert (compared.overlap == 1).all()
    assert compared.reference == pytest.approx(15 / 49)  # all of one group: chance
    assert told == sorted(told)
    assert told[-1] == 1.0
    alone = compare_neighborhoods(space[:1], space[:1], np.zeros(1))
    assert np.isnan(alone.overlap).all()
    assert alone.reference is None


@pytest.mark.parametrize("sizes", [(20, 20, 20), (3, 30, 27), (1, 59, 1)])
def test_the_reference_is_what_random_samples_of_the_group_would_share(
    sizes: tuple[int, ...],
) -> None:
    rng = np.random.default_rng(4)
    groups = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    n, k, turns = len(groups), 6, 300
    shares = []
    for _ in range(turns):
        for row in range(n):
            own = np.flatnonzero((groups == groups[row]) & (np.arange(n) != row))
            others = np.flatnonzero(groups != groups[row])
            one, other = (
                {*np.concatenate([rng.permutation(own), rng.permutation(others)])[:k].tolist()}
                for _ in range(2)
            )
            shares.append(len(one & other) / k)
    found = compare_neighborhoods(rng.normal(size=(n, 8)), rng.normal(size=(n, 3)), groups, k)
    error = float(np.std(shares)) / np.sqrt(len(shares))
    assert found.reference == pytest.approx(np.mean(shares), abs=5 * error)
