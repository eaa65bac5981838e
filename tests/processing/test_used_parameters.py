"""What a small map is recorded to have been made with."""

from __future__ import annotations

import numpy as np
import pytest

from diffviews_desktop.processing.layout import used_parameters
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.sample_groups import LevelStack


@pytest.mark.parametrize(
    ("rows", "asked", "used"), [(8, 15, 7), (16, 15, 15), (15, 15, 14), (300, 200, 200), (2, 15, 1)]
)
def test_no_more_neighbours_than_there_are(rows: int, asked: int, used: int) -> None:
    reduced = np.random.default_rng(0).normal(size=(rows, 3)).astype(np.float32)
    said = MapParameters(n_neighbors=asked)
    assert used_parameters(said, reduced) == {**said.to_dict(), "n_neighbors": used}


def test_of_aligned_maps_no_more_than_there_are_at_the_largest_level() -> None:
    reduced = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)
    level = np.array([0] * 10 + [1] * 6)
    stack, said = LevelStack(level, np.arange(16), (1.0, 2.0)), MapParameters(aligned=True)
    assert used_parameters(said, reduced, stack) == {**said.to_dict(), "n_neighbors": 9}


def test_rows_that_are_the_same_count_once() -> None:
    reduced = np.repeat(np.eye(5, dtype=np.float32), 20, axis=0)
    assert used_parameters(MapParameters(), reduced)["n_neighbors"] == 4
