"""Samples of a kind: of the same class and noise level."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diffviews_desktop.errors import DataError
from diffviews_desktop.values.sample_groups import at_level, groups_of
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
