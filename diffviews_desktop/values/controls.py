"""What an intervention is compared with: the arms of an experiment, and which of them say
something of which intervention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from diffviews_desktop.text.translation import marked, tr
from diffviews_desktop.values.conditions import ClassLabel
from diffviews_desktop.values.interventions import (
    Component,
    Difference,
    Intervention,
    LayerMean,
    OtherRun,
    SampleMean,
    SavedVector,
    Verb,
)
from diffviews_desktop.values.regions import Channels

Control = Literal[
    "none",
    "mean",
    "mixed",
    "shuffled",
    "noise",
    "wrong",
    "label",
    "layer",
    "direction",
    "opposite",
    "channels",
]
Arm = Literal["intervention"] | Control
CONTROLS: tuple[Control, ...] = get_args(Control)
MEANINGS: dict[Arm, str] = {
    "intervention": marked("the intervention itself"),
    "none": marked("the same seeds without it"),
    "mean": marked("the layer's mean"),
    "mixed": marked("samples of mixed classes"),
    "shuffled": marked("the same values, shuffled in space"),
    "noise": marked("noise of the same mean and spread in each channel"),
    "wrong": marked("the same, told a wrong class"),
    "label": marked("the label alone: other pictures, told this class"),
    "layer": marked("the same, at another layer"),
    "direction": marked("a random direction of the same length"),
    "opposite": marked("the same with the opposite sign"),
    "channels": marked("the same in as many other channels, at random"),
}
"""What each arm of an experiment draws with."""
TITLES: dict[Arm, str] = {
    "intervention": marked("the intervention"),
    "none": marked("no intervention"),
    "mean": marked("the layer's mean"),
    "mixed": marked("mixed classes"),
    "shuffled": marked("shuffled in space"),
    "noise": marked("matched noise"),
    "wrong": marked("told a wrong class"),
    "label": marked("the label alone"),
    "layer": marked("another layer"),
    "direction": marked("a random direction"),
    "opposite": marked("the opposite sign"),
    "channels": marked("other channels"),
}
"""Their names in tables and plots."""
_OF_DIRECTIONS: tuple[Control, ...] = (
    "none", "mixed", "shuffled", "wrong", "label", "layer", "direction", "opposite", "channels",
)  # fmt: skip
VERB_WORDS = (
    marked("replace"),
    marked("add"),
    marked("steer"),
    marked("patch"),
    marked("scale"),
    marked("ablate"),
)
"""Verbs as sentences have them."""
APPLICABLE: dict[Verb, tuple[Control, ...]] = {
    "replace": (
        "none", "mean", "mixed", "shuffled", "noise", "wrong", "label", "layer", "direction",
        "channels",
    ),
    "add": _OF_DIRECTIONS,
    "steer": _OF_DIRECTIONS,
    "patch": ("none", "mean", "shuffled", "noise", "wrong", "label", "layer", "channels"),
    "scale": ("none", "mean", "layer", "direction", "channels"),
    "ablate": ("none", "mean", "layer", "direction", "channels"),
}  # fmt: skip
"""Controls that say something of an intervention, by its verb."""


def controls_for(
    interventions: Sequence[Intervention], classes: bool, places: int
) -> tuple[Control, ...]:
    """The controls that say something of all of some interventions.

    Args:
        interventions: what is done at once.
        classes: whether the model can be told one of several classes.
        places: sets of layers of the experiment; several are compared with each other as they are.
    """
    return tuple(
        name
        for name in CONTROLS
        if not (name == "layer" and places > 1)
        and not any(why_no_control(name, one, classes) for one in interventions)
    )


def why_no_control(control: Control, one: Intervention, classes: bool) -> str:
    """Why a control says nothing of an intervention; empty where it says something.

    The arguments are those of `controls_for`.
    """
    title = tr(TITLES[control])
    if control not in APPLICABLE[one.verb]:
        return tr("The control “{title}” says nothing of {verb}.", title=title, verb=tr(one.verb))
    if control == "channels" and not isinstance(one.region, Channels):
        return tr(
            "The control “{title}” needs an intervention in some channels alone.", title=title
        )
    if control == "layer" and isinstance(one.source, Component | SavedVector):
        return tr(
            "The control “{title}” needs values of that layer, which this direction lacks.",
            title=title,
        )
    if control in ("mean", "direction") and isinstance(one.source, LayerMean):
        return tr("The control “{title}” says nothing of the layer's mean itself.", title=title)
    if control in ("wrong", "label"):
        return _why_untold(title, one, classes)
    if control == "mixed" and not isinstance(one.source, SampleMean | Difference):
        return tr(
            "The control “{title}” needs an intervention that is made of samples.", title=title
        )
    return ""


def _why_untold(title: str, one: Intervention, classes: bool) -> str:
    if not classes:
        return tr("The control “{title}” needs a model that is told classes.", title=title)
    if isinstance(one.source, OtherRun):
        told = isinstance(one.source.condition, ClassLabel)
        return (
            ""
            if told
            else tr("The control “{title}” needs another run that is told a class.", title=title)
        )
    if isinstance(one.source, SampleMean) and one.source.weighting != "equal":
        return tr(
            "The control “{title}” counts all samples the same: set their weights to equal.",
            title=title,
        )
    if isinstance(one.source, SampleMean | Difference):
        return ""
    return tr("The control “{title}” needs an intervention that is made of samples.", title=title)
