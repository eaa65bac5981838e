"""Sets of rows do what Python's own sets do."""

from __future__ import annotations

import numpy as np
import pytest

from diffviews_desktop.values.row_set import RowSet


@pytest.mark.parametrize("seed", range(5))
def test_like_a_set_of_numbers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = (rng.integers(0, 50, size=rng.integers(0, 40)) for _ in range(2))
    a, b = set(one.tolist()), set(other.tolist())
    first, second = RowSet(one), RowSet(other)
    assert set(first | second) == a | b
    assert set(first - second) == a - b
    assert set(first ^ second) == a ^ b
    assert list(first) == sorted(a)
    assert len(first) == len(a)
    assert [row in first for row in range(-1, 60)] == [row in a for row in range(-1, 60)]
    assert np.flatnonzero(first.mask(30)).tolist() == [row for row in sorted(a) if row < 30]


@pytest.mark.parametrize("rows", [[-5], [3, -1, 2], [2**31], [2**62], [2**63], [-(10**400)]])
def test_numbers_that_no_sample_has_are_refused(rows: list[int]) -> None:
    with pytest.raises(ValueError, match="from 0 to"):
        RowSet(rows)


def test_equal_sets_are_equal_and_cannot_be_changed() -> None:
    assert RowSet([3, 1, 3]) == RowSet.ascending(np.array([1, 3]))
    assert hash(RowSet([3, 1])) == hash(RowSet([1, 3]))
    assert RowSet([1]) != RowSet([2])
    assert RowSet([1]) != {1}
    with pytest.raises(ValueError, match="read-only"):
        RowSet([1]).rows[0] = 2
