"""Noise in percent against a closed form."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffviews_desktop.values.noise_levels import percent_of_sigma, read_percent, sigma_of_percent


@pytest.mark.parametrize(
    ("percent", "sigma"),
    [(0, 0.002), (100, 80.0), (50, math.sqrt(0.002 * 80)), (25, 0.002 * 40_000**0.25)],
)
def test_the_scale_is_logarithmic_from_the_lowest_to_the_highest_level(
    percent: float, sigma: float
) -> None:
    assert sigma_of_percent(percent) == pytest.approx(sigma, rel=1e-12)


def test_the_ends_are_exact() -> None:
    assert (sigma_of_percent(0), sigma_of_percent(100)) == (0.002, 80.0)
    assert (percent_of_sigma(0.002), percent_of_sigma(80.0)) == (0, pytest.approx(100))
    assert (percent_of_sigma(1e-9), percent_of_sigma(1e9)) == (0, pytest.approx(100))


@given(st.floats(0, 100))
def test_percent_come_back(percent: float) -> None:
    assert percent_of_sigma(sigma_of_percent(percent)) == pytest.approx(percent, abs=1e-9)


@given(
    st.one_of(st.floats(0, 100), st.integers(0, 100), st.floats(0, 100).map(str), st.just(" 66.0 "))
)
def test_levels_are_read_as_they_are_written(value: object) -> None:
    assert read_percent(value) == float(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value", [-1, 100.5, math.nan, math.inf, "", "66%", "many", True, None, [50], 10**400]
)
def test_what_is_no_level_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="from 0 to 100"):
        read_percent(value)
