"""Experiments that are made of interventions as they are drawn with."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffviews_desktop.values.directions import DirectionInfo
from diffviews_desktop.values.experiment_plans import experiment_of, is_plain_mask, windows_of
from diffviews_desktop.values.interventions import (
    Difference,
    Intervention,
    SampleMean,
    SavedVector,
    Zero,
)
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapParameters, MapSpec
from diffviews_desktop.values.regions import Channels

SPEC = MapSpec("m", LayerSet(("map",)), MapParameters(seed=7))
MASK = Intervention(
    "replace", SampleMean((4, 5)), region=Channels((1,)), strength=0.5, step_from=1, step_to=3
)


def test_a_mask_is_one_group_among_which_others_can_be() -> None:
    made = experiment_of([MASK], SPEC, 10)
    assert (made.groups, made.interventions) == (((4, 5),), ())
    assert (made.layer_sets, made.windows) == ((("map",),), ((1, 3),))
    assert (made.strength, made.region) == (0.5, Channels((1,)))
    (mask,) = made.acting
    assert (mask.source, mask.region, mask.strength) == (MASK.source, MASK.region, 0.5)


@pytest.mark.parametrize(
    "acting",
    [
        (),
        (MASK, MASK),
        (Intervention("ablate", Zero()),),
        (Intervention("replace", SampleMean((1,), "distance")),),
        (Intervention("replace", SampleMean((1,)), unconditional=False),),
        (Intervention("replace", SavedVector("x")),),
    ],
)
def test_what_is_more_than_a_mask_is_no_group(acting: tuple[Intervention, ...]) -> None:
    assert not is_plain_mask(acting)


def test_other_interventions_stay_as_they_are() -> None:
    one = Intervention("add", Difference((1, 2), (3,)), step_from=2)
    made = experiment_of([one], SPEC, 10, seeds=4)
    assert made.interventions == (one,)
    assert made.groups == ((1, 2),)  # what the direction leads to
    assert (made.layer_sets, made.windows) == ((("map",),), ((2, 10),))
    assert (made.map_layers, made.parameters, made.seeds) == (("map",), SPEC.parameters, 4)
    assert made.unit == "seeds"


def test_several_are_one_place_around_all_of_them() -> None:
    both = [
        Intervention("ablate", Zero(), LayerSet(("a",)), step_from=1, step_to=4),
        Intervention("ablate", Zero(), LayerSet(("b",)), step_from=3, step_to=90),
    ]
    made = experiment_of(both, SPEC, 10)
    assert (made.layer_sets, made.windows) == ((("a", "b"),), ((1, 10),))


def test_a_saved_vector_acts_at_its_own_layers() -> None:
    info = DirectionInfo("x", "difference", "m", LayerSet(("own",)), {}, Path("x"))
    one = Intervention("add", SavedVector("x"))
    assert experiment_of([one], SPEC, 10, [info]).layer_sets == (("own",),)
    assert experiment_of([one], SPEC, 10).layer_sets == (("map",),)


def test_places_that_are_given_go_first() -> None:
    made = experiment_of([MASK], SPEC, 10, layer_sets=(("a",), ("b",)), windows=((0, 5),))
    assert (made.layer_sets, made.windows) == ((("a",), ("b",)), ((0, 5),))


@given(st.integers(1, 60), st.integers(1, 60))
def test_parts_of_a_run_follow_each_other_and_are_alike(steps: int, parts: int) -> None:
    if parts > steps:
        with pytest.raises(ValueError, match=f"1 to {steps} parts"):
            windows_of(steps, parts)
        return
    windows = windows_of(steps, parts)
    assert len(windows) == parts
    assert [step for first, last in windows for step in range(first, last)] == list(range(steps))
    sizes = [last - first for first, last in windows]
    assert max(sizes) - min(sizes) <= 1
