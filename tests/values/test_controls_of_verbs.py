"""Which controls say something of which intervention, and why the others do not."""

from __future__ import annotations

import pytest

from diffviews_desktop.values.conditions import ClassLabel
from diffviews_desktop.values.controls import (
    APPLICABLE,
    CONTROLS,
    MEANINGS,
    TITLES,
    Control,
    controls_for,
    why_no_control,
)
from diffviews_desktop.values.interventions import (
    SOURCES,
    Component,
    Difference,
    Factor,
    Intervention,
    LayerMean,
    OtherRun,
    SampleMean,
    SavedVector,
    Zero,
)
from diffviews_desktop.values.regions import Channels

ADD = Intervention("add", Difference((1, 2), (3,)))
PATCH = Intervention("patch", OtherRun(None, ClassLabel(3)))


def test_every_verb_has_controls_and_every_control_a_name() -> None:
    assert set(APPLICABLE) == set(SOURCES)
    assert {control for names in APPLICABLE.values() for control in names} == set(CONTROLS)
    assert set(TITLES) == set(MEANINGS) == {"intervention", *CONTROLS}
    assert all(names[0] == "none" for names in APPLICABLE.values())


@pytest.mark.parametrize(
    ("one", "controls"),
    [
        (
            ADD,
            "none mixed shuffled wrong label layer direction opposite",
        ),
        (Intervention("steer", Component(0)), "none shuffled direction opposite"),
        (Intervention("add", SavedVector("x")), "none shuffled direction opposite"),
        (Intervention("scale", Factor(0.5)), "none mean layer direction"),
        (Intervention("ablate", Zero()), "none mean layer direction"),
        (
            Intervention("ablate", Zero(), region=Channels((0, 1))),
            "none mean layer direction channels",
        ),
        (Intervention("ablate", LayerMean()), "none layer"),
        (PATCH, "none mean shuffled noise wrong label layer"),
        (Intervention("patch", OtherRun(4)), "none mean shuffled noise layer"),
        (
            Intervention("replace", SampleMean((1,), "distance")),
            "none mean mixed shuffled noise layer direction",
        ),
        (Intervention("replace", SavedVector("x")), "none mean shuffled noise direction"),
    ],
)
def test_controls_are_chosen_by_what_applies(one: Intervention, controls: str) -> None:
    assert controls_for((one,), classes=True, places=1) == tuple(controls.split())


def test_of_several_interventions_what_applies_to_all() -> None:
    both = (ADD, Intervention("ablate", Zero()))
    assert controls_for(both, classes=True, places=1) == ("none", "layer", "direction")


def test_several_places_are_another_layer_to_each_other() -> None:
    assert "layer" not in controls_for((ADD,), classes=True, places=2)


def test_a_model_that_is_told_nothing_has_no_controls_of_classes() -> None:
    assert not {"wrong", "label"} & set(controls_for((ADD, PATCH), classes=False, places=1))


@pytest.mark.parametrize(
    ("control", "one", "said"),
    [
        ("noise", ADD, "says nothing of add"),
        ("channels", ADD, "some channels alone"),
        ("mixed", Intervention("add", Component(0)), "made of samples"),
        ("layer", Intervention("add", SavedVector("x")), "which this direction lacks"),
        ("label", Intervention("patch", OtherRun(4)), "told a class"),
        ("wrong", Intervention("replace", SampleMean((1,), "distance")), "weights to equal"),
        ("direction", Intervention("ablate", LayerMean()), "the layer's mean itself"),
    ],
)
def test_what_says_nothing_is_explained(control: Control, one: Intervention, said: str) -> None:
    assert said in why_no_control(control, one, classes=True)
