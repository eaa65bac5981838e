"""When an activation counts as beyond the samples."""

from __future__ import annotations

from dataclasses import replace

import pytest

from diffviews_desktop.values.typicality import Measured, Typicality

USUAL = Typicality(Measured(1.0, 40.0, 2.0), Measured(0.3, 60.0, 0.4), (1.0, 2.0), (0.2, 5.0), 1.5)


def test_what_is_within_is_neither_beyond_nor_outside() -> None:
    assert not USUAL.beyond
    assert not USUAL.outside_levels
    assert not USUAL.unlike


@pytest.mark.parametrize(
    "change",
    [{"distance": Measured(2.1, 96.0, 2.0)}, {"outside": Measured(0.92, 100.0, 0.4)}],
)
def test_one_figure_above_the_limit_is_enough(change: dict[str, Measured]) -> None:
    unlike = replace(USUAL, **change)
    assert unlike.beyond
    assert unlike.unlike


def test_what_equals_the_limit_is_within() -> None:
    assert not replace(USUAL, distance=Measured(2.0, 95.0, 2.0)).beyond


def test_a_figure_that_nothing_is_known_of_is_not_beyond() -> None:
    unknown = replace(USUAL, distance=Measured(1e9), outside=Measured(1.0))
    assert not unknown.beyond
    assert not replace(unknown, outside=None).unlike


@pytest.mark.parametrize(
    ("sigma", "outside"),
    [(0.05, True), (0.19, True), (0.2, False), (0.19999999, False), (5.0, False), (7.3, True)],
)
def test_the_samples_noise_levels_have_ends(sigma: float, outside: bool) -> None:
    step = replace(USUAL, sigma=sigma)
    assert step.outside_levels is outside
    assert step.unlike is outside


def test_what_has_no_noise_level_is_outside_of_none() -> None:
    assert not replace(USUAL, sigma=None).outside_levels
    assert not replace(USUAL, sigma=80.0, levels=None).outside_levels
