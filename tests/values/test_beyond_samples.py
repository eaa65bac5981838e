"""When an activation counts as beyond the samples."""

from __future__ import annotations

import json
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


# ---- in words -----------------------------------------------------------------------------------


def test_what_is_usual_is_said_in_a_few_words() -> None:
    assert USUAL.verdict == ""
    assert USUAL.standing == "within the samples' 95 %"
    assert USUAL.reasons == ""
    assert USUAL.facts == (
        "distance 1: above 40 % of the samples at σ 1–2",
        "30 % outside the components: above 60 % of the samples at σ 1–2",
    )


def test_what_is_unlike_the_samples_is_said_with_the_figures() -> None:
    far = replace(
        USUAL,
        distance=Measured(48.93, 99.7, 43.2),
        outside=Measured(0.92, 100.0, 0.43),
        like=(2.0, 2.0),
        sigma=80.0,
    )
    assert far.verdict == ("outside the samples' noise levels (0.2–5) and beyond the samples' 95 %")
    assert far.facts[0] == "distance 48.9: above 99 % of the samples at σ 2"
    assert far.reasons == (
        "Its nearest sample is 48.9 away; 95 % of the samples at σ 2 have one within 43.2. "
        "92 % of it lies outside the map's components; of 95 % of the samples at σ 2 less than "
        "43 % does."
    )


def test_what_is_not_known_is_said() -> None:
    unknown = Typicality(Measured(3.0), Measured(0.5), (1.0, 1.0), (1.0, 1.0), note="Map it again.")
    assert unknown.standing == "not compared with the samples"
    assert unknown.facts == ("distance 3", "50 % outside the components", "Map it again.")
    assert replace(unknown, outside=None, distance=Measured(3.0, 1.0, 4.0)).compared


def test_plain_values_for_records() -> None:
    values = replace(USUAL, sigma=80.0).to_dict()
    assert json.loads(json.dumps(values)) == {
        "distance": 1.0,
        "distance_percentile": 40.0,
        "distance_limit": 2.0,
        "outside": 0.3,
        "outside_percentile": 60.0,
        "outside_limit": 0.4,
        "compared_sigmas": [1.0, 2.0],
        "sample_sigmas": [0.2, 5.0],
        "beyond_samples": False,
        "outside_sigmas": True,
    }
    assert replace(USUAL, outside=None, like=None).to_dict()["outside"] is None


def test_little_room_has_short_words() -> None:
    noisy = replace(USUAL, sigma=80.0, distance=Measured(48.93, 99.7, 43.2))
    assert noisy.words == ("outside σ 0.2–5", "beyond the samples")
    assert noisy.lines[2:] == (
        "distance 48.9: above 99 % of the samples",
        "outside the components 30 %: above 60 %",
    )
    assert noisy.excess == "distance 48.9"
    both = replace(noisy, outside=Measured(0.92, 100.0, 0.4))
    assert both.excess == "distance 48.9, 92 % outside the components"
    assert USUAL.excess == ""
    assert USUAL.words == ()
