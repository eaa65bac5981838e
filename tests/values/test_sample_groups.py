"""Samples of a kind: of the same class and noise level."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diffviews_desktop.errors import DataError
from diffviews_desktop.values.sample_groups import LevelStack, at_level, groups_of
from diffviews_desktop.values.samples import SampleTable

N = 200


@pytest.fixture
def table() -> SampleTable:
    rng = np.random.default_rng(0)
    classes = rng.choice([-1, 0, 7, 900], N).astype(np.int32)
    return SampleTable(
        root=Path(),
        sample_id=tuple(f"s{i}" for i in range(N)),
        class_label=classes,
        class_name=tuple(map(str, classes)),
        image_path=("",) * N,
        sigma=rng.choice([0.1, 0.2, 5, 80], N).astype(np.float32),
    )


def test_a_group_is_a_class_at_a_noise_level(table: SampleTable) -> None:
    found = groups_of(table)
    kinds = list(zip(table.class_label.tolist(), table.sigma.tolist(), strict=True))
    assert len(set(found.tolist())) == len(set(kinds)) == 16
    assert len(set(zip(found.tolist(), kinds, strict=True))) == 16


def test_samples_of_a_level_are_those_whose_level_reads_like_it(table: SampleTable) -> None:
    assert table.levels == (0.1, 0.2, 5.0, 80.0)  # though float32 has no 0.1
    for level in table.levels:
        np.testing.assert_array_equal(at_level(table, level), table.sigma == np.float32(level))
    with pytest.raises(DataError, match=r"noise level 0\.3\. .*: 0\.1, 0\.2, 5, 80\."):
        at_level(table, 0.3)
    many = replace(table, sigma=np.arange(N, dtype=np.float32))
    with pytest.raises(DataError, match="10, 11 and 188 more"):
        at_level(many, 0.5)
    assert at_level(many, 0).sum() == 1
    odd = replace(table, sigma=np.array([np.nan, 1.5] * (N // 2), np.float32))
    assert odd.levels == (1.5,)


def test_levels_travel_with_the_samples(table: SampleTable) -> None:
    there = pickle.loads(pickle.dumps(table))
    assert there.__dict__["levels"] == table.levels


# ---- pictures at several noise levels -----------------------------------------------------------


def at_levels(table: SampleTable, pictures: int = 50, levels: int = 4) -> SampleTable:
    """The samples as so many pictures, each at every level."""
    rows = np.arange(pictures * levels)
    paths = tuple(f"{row // levels}.png" for row in rows)
    return replace(
        table, image_path=paths, sigma=np.array([0.1, 0.2, 5, 80], np.float32)[rows % levels],
        sample_id=tuple(map(str, rows)),
    )  # fmt: skip


def test_a_stack_knows_the_level_and_the_picture_of_each_sample(table: SampleTable) -> None:
    stack = LevelStack.of(at_levels(table))
    stack.check()
    assert stack.sigmas == (0.1, 0.2, 5.0, 80.0)
    assert stack.level.tolist() == [row % 4 for row in range(N)]
    assert stack.picture.tolist() == [row // 4 for row in range(N)]
    part = stack.take(np.array([7, 4, 9]))
    assert (part.level.tolist(), part.picture.tolist()) == ([3, 0, 1], [1, 1, 2])
    assert [rows.tolist() for rows in part.parts()] == [[1], [2], [0]]


def test_nearest_places_are_those_of_the_same_level(table: SampleTable) -> None:
    stack = LevelStack.of(at_levels(table))
    places = np.random.default_rng(0).normal(size=(N, 2)) * 100
    moved = stack.spread(places)
    away = np.linalg.norm(moved[:, None] - moved, axis=2)
    same = stack.level[:, None] == stack.level
    assert away[same].max() < away[~same].min()
    np.testing.assert_array_equal(moved[:, :2], places)


def test_what_cannot_be_aligned_is_told_with_a_way_out(table: SampleTable) -> None:
    good = at_levels(table)
    one = replace(good, sigma=np.full(N, 2, np.float32))
    with pytest.raises(DataError, match=r"of all samples is 2, and no other.*import --sigmas"):
        LevelStack.of(one).check()
    none = replace(good, sigma=np.full(N, np.nan, np.float32))
    with pytest.raises(DataError, match="of all samples is not known"):
        LevelStack.of(none).check()
    few = np.flatnonzero((LevelStack.of(good).level != 2) | (np.arange(N) < 12))
    with pytest.raises(DataError, match=r"noise level 5 there are 3 samples; aligned maps need 4"):
        LevelStack.of(good).take(few).check()
    apart = replace(good, image_path=tuple(f"{row}.png" for row in range(N)))
    with pytest.raises(DataError, match=r"levels 0\.1 and 0\.2 share 0 pictures.*at every level"):
        LevelStack.of(apart).check()
    with pytest.raises(DataError, match="share 0 pictures"):
        LevelStack.of(replace(good, image_path=("",) * N)).check()


def test_samples_without_a_level_have_none(table: SampleTable) -> None:
    good = at_levels(table)
    sigma = good.sigma.copy()
    sigma[5] = np.nan
    stack = LevelStack.of(replace(good, sigma=sigma))
    assert np.flatnonzero(stack.level < 0).tolist() == [5]
    stack.check()
