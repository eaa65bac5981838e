"""Ranges of bytes, compared with sets of bytes."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from diffviews_desktop.data.stores.ranges import Ranges

SIZE = 40
PAIRS = st.lists(st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)), max_size=12)


@given(PAIRS, st.integers(1, 15))
def test_ranges_are_what_sets_of_bytes_are(pairs: list[tuple[int, int]], longest: int) -> None:
    ranges = Ranges(pairs)
    there = {byte for start, stop in pairs for byte in range(start, stop)}
    assert ranges.total == len(there)
    assert ranges.beginning == next(i for i in range(SIZE + 1) if i not in there)
    gaps = list(ranges.gaps(SIZE, longest))
    assert [byte for start, stop in gaps for byte in range(start, stop)] == [
        byte for byte in range(SIZE) if byte not in there
    ]
    assert all(0 < stop - start <= longest for start, stop in gaps)
    for start, stop in (*pairs, (0, SIZE), (SIZE // 2, SIZE // 2 + longest)):
        assert ranges.has(start, stop) == (set(range(start, stop)) <= there)
    listed = list(ranges)
    assert all(one[1] < other[0] for one, other in pairwise(listed))
    assert list(Ranges(ranges)) == listed
