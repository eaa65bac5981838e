"""Experiments as values: what is drawn, what it is compared with, and what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.values.conditions import Condition, ZeroLabel
from diffviews_desktop.values.controls import Arm, Control
from diffviews_desktop.values.interventions import (
    PICKED,
    Difference,
    Intervention,
    SampleMean,
    check_count,
)
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet, normalise
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.regions import EVERYWHERE, Region
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.told import OWN_CONDITION, Told

NO_JUDGE, OWN_LOSS, BUNDLED, USUAL_JUDGE = "none", "model", "digits", "usual"
"""Judges that are not files: none; the model's own loss; the one for the demo's digits; and that
one where it knows the model's classes, else none."""


LOSS_LEVELS = 8
"""Noise levels at which the model's own loss looks at a picture, told each class."""

SEPARATE_ARMS: tuple[Control, ...] = ("layer", "channels")
"""Arms of masks that act elsewhere, and are drawn in batches of their own."""
Unit = Literal["masks", "seeds"]
"""What intervals are over: what varies between independent pictures."""
Outcome = Literal["read", "changed", "neighbors", "moved"]
"""The measure that effects are of."""


class Estimate(NamedTuple):
    """What was found, with its 95 % interval over so many units; the ends are None where one unit
    says nothing of others. A value that is not defined is NaN."""

    value: float
    low: float | None = None
    high: float | None = None
    units: int = 0


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What is to be drawn: for every set of layers, window of steps, arm, group of samples and seed
    one picture, and one without an intervention for every group and seed.

    Attributes:
        model: name of the model.
        layer_sets: where the intervention acts; each is an experiment of its own.
        windows: first step, and the step that it no longer acts on.
        groups: samples whose mean is imposed, the anchor of each first. Each is one mask. Where
            there are ``interventions``, the samples that these lead to, if there are any.
        interventions: what is done instead of imposing means of groups. A single one acts at each
            of the places; several act where and when they themselves say, which is one place.
        map_layers: layers of the map whose components and weights are meant; those of the first
            place where there are none.
        parameters: of that map; None for the usual ones.
        seeds: number of seeds of each group, which counts on from the settings' own.
        controls: what else is drawn.
        condition: what the model is told while it draws.
        told: what the samples are told when their layers are extracted.
        settings: how to sample; the seed must be chosen.
        strength: how much of a mask is imposed, 0 … 1.
        region: in which part of each layer.
        judge: a file, or `NO_JUDGE`, `OWN_LOSS`, `BUNDLED`, `USUAL_JUDGE`, or
            ``module:function``.
        features: in which layer the distance to the unmasked run is measured; empty for none.
        features_sigma: the noise level at which that layer sees the pictures.
        other_layer: of the control *layer*; empty for the one half of the network away.
        batch: pictures in one forward pass; None to choose.
    """

    model: str
    layer_sets: tuple[LayerSet, ...]
    windows: tuple[tuple[int, int], ...]
    groups: tuple[tuple[int, ...], ...] = ()
    interventions: tuple[Intervention, ...] = ()
    map_layers: LayerSet = NO_LAYERS
    parameters: MapParameters | None = None
    seeds: int = 3
    controls: tuple[Control, ...] = ("none",)
    condition: Condition = field(default_factory=ZeroLabel)
    told: Told = OWN_CONDITION
    settings: SamplingSettings = field(default_factory=SamplingSettings)
    strength: float = 1.0
    region: Region = EVERYWHERE
    judge: str = NO_JUDGE
    features: str = ""
    features_sigma: float = 0.5
    other_layer: LayerSet = field(default_factory=LayerSet)
    batch: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "layer_sets", tuple(map(LayerSet, self.layer_sets)))
        normalise(self, "other_layer")
        normalise(self, "map_layers")
        check_count(self.interventions)
        if self.interventions:
            object.__setattr__(self, "groups", (goal_of(self.interventions),))

    @property
    def acting(self) -> tuple[Intervention, ...]:
        """What is done: of masks, that of the first group."""
        if self.interventions or not self.groups:
            return self.interventions
        source = SampleMean(self.groups[0])
        return (replace(PICKED, source=source, region=self.region, strength=self.strength),)

    @property
    def unit(self) -> Unit:
        """What intervals are over: the seeds where there is a single mask or direction."""
        return "masks" if len(self.groups) > 1 else "seeds"

    @property
    def arms(self) -> tuple[Arm, ...]:
        """What is drawn with every mask: the intervention first."""
        return ("intervention", *(name for name in self.controls if name != "none"))

    def drawings(self) -> list[Drawing]:
        """Every picture, in the order in which they are drawn and numbered.

        Those without an intervention come first. Then the groups run slowest within a place, so
        that what a cancelled experiment has is a smaller one of the same kind.
        """
        groups, seeds = range(len(self.groups)), range(self.seeds)
        pictures = [
            Drawing(group * self.seeds + seed, -1, -1, "none", group, seed)
            for group in groups
            for seed in seeds
        ]
        for layers in range(len(self.layer_sets)):
            for window in range(len(self.windows)):
                for arms in self._rounds():
                    for group in groups:
                        for arm in arms:
                            pictures += [
                                Drawing(len(pictures) + seed, layers, window, arm, group, seed)
                                for seed in seeds
                            ]
        return pictures

    def _rounds(self) -> list[tuple[Arm, ...]]:
        """Arms in the order in which they are drawn: those together that differ in the values that
        they impose alone."""
        if self.interventions:
            return [(arm,) for arm in self.arms]
        first = tuple(arm for arm in self.arms if arm not in SEPARATE_ARMS)
        return [first, *((arm,) for arm in self.arms if arm in SEPARATE_ARMS)]

    @property
    def count(self) -> int:
        """Number of pictures."""
        places = len(self.layer_sets) * len(self.windows)
        return self.seeds * len(self.groups) * (1 + places * len(self.arms))

    def seed_of(self, drawing: Drawing) -> int:
        """The seed of a picture: every group has its own, which all its arms share."""
        assert self.settings.seed is not None
        return (self.settings.seed + drawing.group * self.seeds + drawing.seed) % 2**63


def goal_of(interventions: Sequence[Intervention]) -> tuple[int, ...]:
    """The samples that interventions lead to: those of a mean, or set A of A − B, of the first that
    has any."""
    for one in interventions:
        if isinstance(one.source, SampleMean | Difference):
            return one.source.rows
    return ()


class Drawing(NamedTuple):
    """One picture of an experiment; numbers count in its parts, -1 where it has none of them."""

    number: int
    layers: int
    window: int
    arm: Arm
    group: int
    seed: int


@dataclass(frozen=True)
class Subjects:
    """The classes that an experiment is about; -1 where there is none.

    Attributes:
        classes: that each group is about: of its anchor, of set A, or what the model is told.
        told: what each group's samples are told when their layers are extracted, where that is a
            class.
        wrong: what they are told by the control *wrong*.
    """

    classes: tuple[int, ...]
    told: tuple[int, ...]
    wrong: tuple[int, ...]

    def told_of(self, arm: Arm, group: int) -> int:
        """The class that an arm's samples are told, where it is not the anchor's own: what the
        judge then reads tells the word from the picture."""
        label = self.classes[group]
        number = {"wrong": self.wrong[group], "none": -1, "label": label}.get(arm, self.told[group])
        return number if number != label else -1


@dataclass(frozen=True)
class Cost:
    """What an experiment will take.

    Attributes:
        pictures: to draw.
        drawn: how many of them are there already.
        evaluations: of the network for those that are not, the samples' extraction included.
        seconds: estimated from a few forward passes; None before the model was tried.
    """

    pictures: int
    drawn: int
    evaluations: int
    seconds: float | None = None


@dataclass(frozen=True)
class Finding:
    """What one arm did at one place.

    Attributes:
        layers: where; empty for the pictures without an intervention.
        steps: first step from 0, and the step that it no longer acted on.
        arm: what was drawn.
        pictures: how many.
        read: share that the judge reads as the class of the mask's anchor.
        told: share that it reads as what the samples were told, where that is a different class.
        changed: share of which it says something else than without an intervention.
        confidence: of the judge in what it reads.
        unsure: share of pictures of which it is less than 80 % sure.
        commonest: the class it names most, and the share of that.
        moved: distance in pixels to the picture of the same seed without an intervention.
        features: the same in the layer that the experiment names.
        seeds: correlation of the pictures of a mask with each other.
        neighbors: correlation with the mean picture of the mask's samples.
        effect: how much larger than without an intervention the ``outcome`` is.
        behind: how much larger the same is for the intervention itself.
        p: of the effect, by a permutation test; None where there is none.
        p_holm: the same, corrected for all places of the same arm.
        outcome: the measure that effects are of: ``read`` where a class is meant, else, with a
            judge, ``changed``; else ``neighbors`` where samples are, else ``moved``.
        unit: what intervals are over.
    """

    layers: LayerSet
    steps: tuple[int, int]
    arm: Arm
    pictures: int
    read: Estimate | None
    told: Estimate | None
    confidence: Estimate | None
    unsure: Estimate | None
    commonest: tuple[int, float] | None
    moved: Estimate | None
    features: Estimate | None
    seeds: Estimate | None
    neighbors: Estimate | None
    changed: Estimate | None = None
    effect: Estimate | None = None
    behind: Estimate | None = None
    p: float | None = None
    p_holm: float | None = None
    outcome: Outcome = "read"
    unit: Unit = "masks"


@dataclass(frozen=True, eq=False)
class Examples:
    """A few pictures ``(n, H, W, C) uint8`` of an arm at a place, the first of each mask."""

    layers: LayerSet
    steps: tuple[int, int]
    arm: Arm
    images: NDArray[np.uint8]
