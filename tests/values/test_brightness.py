"""What is black and white in pictures of numbers, as their values suggest."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffviews_desktop.values.brightness import Brightness, Numbers, Range, is_range, usual_range

USUAL = [Range(0, 1), Range(-1, 1), Range(0, 255), Range(0, 65535)]
finite = st.floats(-1e300, 1e300)
pair = st.tuples(finite, finite).map(sorted)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, (0, 1)),
        (0, 0, (0, 1)),
        (0.2, 0.3, (0, 1)),
        (-0.02, 1.02, (0, 1)),  # as resizing leaves it
        (0, 1.0001, (0, 1)),
        (-1, 1, (-1, 1)),
        (-0.7, 0.2, (-1, 1)),
        (-1.03, 0.9, (-1, 1)),
        (0, 255, (0, 255)),
        (0, 140, (0, 255)),
        (0, 60, (0, 60)),
        (0, 32767, (0, 32767)),  # of signed numbers
        (-3, 258, (0, 255)),
        (0, 65535, (0, 65535)),
        (0, 40_000, (0, 65535)),
        (0, 4, (0, 4)),  # more than white, but no bytes
        (0.5, 1.4, (0.5, 1.4)),
        (0, 4095, (0, 4095)),
        (1270, 1310, (1270, 1310)),
        (-1000, 3000, (-1000, 3000)),
        (1e6, 2e6, (1e6, 2e6)),
        (300, 300, (0, 300)),
        (-5, -5, (-5, 0)),
    ],
)
def test_ranges(low: float, high: float, expected: tuple[float, float]) -> None:
    assert usual_range(low, high) == expected


@given(pair)
def test_no_value_is_far_outside_of_its_range(values: list[float]) -> None:
    low, high = values
    black, white = usual_range(low, high)
    slack = 0.0501 * (white - black)
    assert black < white
    assert black - slack <= low
    assert high <= white + slack


@given(st.sampled_from(USUAL), st.floats(0.51, 1), st.floats(0, 1))
def test_what_reaches_far_enough_into_a_usual_range_is_meant_in_it(
    wanted: Range, reached: float, start: float
) -> None:
    low = wanted.low + start * 0.3 * reached * (wanted.high - wanted.low)
    high = wanted.low + reached * (wanted.high - wanted.low)
    if wanted == Range(-1, 1) and low >= -0.05:
        assert usual_range(low, high) == Range(0, 1)
    else:
        assert usual_range(low, high) == wanted


@given(st.lists(st.tuples(st.sampled_from(Numbers), pair.map(lambda p: Range(*p))), max_size=6))
def test_a_folder_is_read_by_one_rule_whatever_the_order(
    pictures: list[tuple[Numbers, Range]],
) -> None:
    rule = Brightness.of_extremes(pictures)
    assert rule == Brightness.of_extremes(reversed(pictures))
    for kind in (Numbers.FLOATS, Numbers.INTEGERS):
        ranges = [range_ for found, range_ in pictures if found is kind]
        assert (kind in rule.ranges) == bool(ranges)
        if ranges:
            low, high = min(r.low for r in ranges), max(r.high for r in ranges)
            assert rule.ranges[kind] == usual_range(low, high)
    assert Numbers.UNSIGNED not in rule.ranges  # their type says it


def test_what_is_given_counts_for_all() -> None:
    assert Brightness.of_range(-1, 3).ranges == dict.fromkeys(Numbers, Range(-1, 3))


@pytest.mark.parametrize(
    ("low", "high", "fit"),
    [(0, 1, True), (-1, 1, True), (1, 0, False), (1, 1, False), (0, math.inf, False)],
)
def test_black_is_the_smaller_number(low: float, high: float, fit: bool) -> None:
    assert is_range(low, high) is fit
    assert not is_range(math.nan, high)
    assert not is_range(low, math.nan)
