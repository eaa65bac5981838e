"""Interventions as values: what can be, whose samples, and what is said of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from diffviews_desktop.errors import MaskError, UsageError
from diffviews_desktop.values.conditions import ClassLabel
from diffviews_desktop.values.intervention_texts import phrase_of, stack_text
from diffviews_desktop.values.interventions import (
    PICKED,
    Component,
    Difference,
    Factor,
    Intervention,
    LayerMean,
    OtherRun,
    SampleMean,
    SavedVector,
    Zero,
    check,
    mean_of_samples,
    rows_of,
    sole_mask,
    with_picks,
    with_rows,
)
from diffviews_desktop.values.regions import Area, Channels

ADD = Intervention("add", Difference((3, 4), (5,)), strength=-2.0)
STACK = (*mean_of_samples((1, 2)), ADD, Intervention("scale", Factor(0.5)))


def test_the_samples_of_a_stack_can_be_replaced_in_order() -> None:
    assert rows_of(STACK) == (1, 2, 3, 4, 5)
    made = with_rows(STACK, (10, 20, 30, 40, 50))
    assert rows_of(made) == (10, 20, 30, 40, 50)
    assert made[1].source == Difference((30, 40), (50,))
    assert with_rows(made, rows_of(STACK)) == STACK


def test_picks_fill_what_is_left_open() -> None:
    stack = (PICKED, ADD)
    assert with_picks(stack, (7, 8)) == (replace(PICKED, source=SampleMean((7, 8))), ADD)
    assert with_picks(stack, ()) == (ADD,)
    assert with_picks(STACK, (7,)) == STACK  # samples of its own


@pytest.mark.parametrize(
    ("changes", "alone"),
    [
        ({}, True),
        ({"strength": 0.5, "step_from": 1, "layers": ("a",), "unconditional": False}, True),
        ({"conditional": False}, False),
        ({"region": Channels((1,))}, False),
        ({"enabled": False}, False),
        ({"name": "mine"}, False),
        ({"source": SavedVector("a")}, False),
    ],
)
def test_a_mask_of_the_old_kind_is_known(changes: dict[str, object], alone: bool) -> None:
    stack = (replace(PICKED, **{"source": SampleMean((1,)), **changes}),)
    assert (sole_mask(stack) is not None) == alone
    assert sole_mask((*stack, ADD)) is None


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (Intervention("replace", SampleMean((1,)), strength=1.5), "between 0 and 1, not 1.5"),
        (Intervention("ablate", Zero(), strength=-0.1), "between 0 and 1"),
        (Intervention("patch", OtherRun(), strength=2.0), "between 0 and 1"),
        (Intervention("add", Component(0), strength=float("inf")), "must be a number"),
        (Intervention("steer", Component(-1)), "counted from 0"),
        (Intervention("scale", Factor(float("nan"))), "factor must be a number"),
        (Intervention("replace", SampleMean(())), "at least one sample"),
        (Intervention("add", Difference((1,), ())), "on either side"),
        (Intervention("ablate", Zero(), step_to=-1), "must not be negative"),
    ],
)
def test_values_out_of_range_are_refused(one: Intervention, says: str) -> None:
    with pytest.raises((UsageError, MaskError), match=says):
        check(one)


def test_a_verb_takes_its_own_sources_alone() -> None:
    for verb, source in (("add", Zero()), ("scale", SampleMean((1,))), ("patch", LayerMean())):
        with pytest.raises(UsageError, match=f"{verb} does not take"):
            Intervention(verb, source)
    with pytest.raises(UsageError, match="Unknown intervention"):
        Intervention("bend", Zero())


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (*mean_of_samples((1, 2)), "mask of 2 samples"),
        (
            *mean_of_samples((1,), "distance", step_from=1, step_to=3, strength=0.5, layers=("b",)),
            "mask of 1 sample on steps 2-3 at b of strength 0.5 weighted by distance",
        ),
        (ADD, "add 2 samples − 1 sample × -2"),
        (Intervention("steer", SavedVector("three"), strength=0.5), "steer three × 0.5"),
        (Intervention("steer", Component(0), name="width"), "steer width × 1"),
        (Intervention("ablate", LayerMean(), conditional=False),
         "ablate to the layer's mean on the unconditional half"),
        (Intervention("scale", Factor(2.0), region=Channels((1, 2))), "scale by 2 in 2 channels"),
        (Intervention("patch", OtherRun(None, ClassLabel(3)), region=Area.of(np.eye(2))),
         "patch from the same noise told 3 in 50% of the picture"),
    ],
)  # fmt: skip
def test_what_is_said_of_one(one: Intervention, text: str) -> None:
    assert phrase_of(one, 5) == text


def test_what_does_not_act_is_not_said() -> None:
    never = replace(ADD, step_from=5), replace(ADD, enabled=False), replace(ADD, strength=0.0)
    assert stack_text(never, 5) == ""
    assert stack_text((STACK[0], *never, ADD), 5) == f"mask of 2 samples, then {phrase_of(ADD, 5)}"
