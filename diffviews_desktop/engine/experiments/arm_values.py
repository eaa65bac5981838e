"""What each arm of an experiment imposes on a layer."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.engine.experiments.told_samples import ToldSample, ToldSamples
from diffviews_desktop.errors import MaskError, UsageError
from diffviews_desktop.experiments.controls import (
    matched_noise,
    random_direction,
    shuffled,
    wrong_class,
)
from diffviews_desktop.values.conditions import ClassLabel
from diffviews_desktop.values.experiments import Arm, Experiment, Subjects
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.told import OWN

LABEL_ALONE = 28
"""Pictures of other classes that are told a class."""

TYPICAL = 100
"""Samples that stand for all of a noise level."""

Key = tuple[Arm, int]
"""An arm that is made of samples, and a group."""
_SEED = 0x5EED


@dataclass(frozen=True, eq=False)
class ArmSamples:
    """Which samples each arm averages, and what they are told.

    Attributes:
        members: places in ``samples`` of what each arm and group averages.
        samples: every sample that is needed, none twice.
    """

    members: Mapping[Key, tuple[int, ...]]
    samples: tuple[ToldSample, ...]


def subjects_of(
    experiment: Experiment, table: SampleTable, classes: Sequence[int], seed: int = _SEED
) -> Subjects:
    """The classes that an experiment is about.

    Args:
        experiment: the experiment.
        table: the samples.
        classes: those that the model knows; empty where it is told none.
        seed: of the wrong ones.
    """
    own = [int(table.class_label[group[0]]) for group in experiment.groups]
    known = set(classes)
    told = experiment.told
    said = [told.index if isinstance(told, ClassLabel) else -1 for _ in own]
    if told == OWN:
        said = [number if number in known else -1 for number in own]
    wrong = [
        wrong_class(number, classes, seed) if number in known and len(known) > 1 else -1
        for number in own
    ]
    return Subjects(tuple(own), tuple(said), tuple(wrong))


def arm_samples(
    experiment: Experiment, subjects: Subjects, told: ToldSamples, seed: int = _SEED
) -> ArmSamples:
    """Choose the samples of every arm.

    Raises:
        UsageError: a control needs classes, and the samples or the model have none.
    """
    picked = _Picked(experiment, subjects, told, seed)
    for group, rows in enumerate(experiment.groups):
        picked.add(("intervention", group), rows)
        if "wrong" in experiment.controls:
            picked.add(("wrong", group), rows, ClassLabel(picked.wrong_of(group)))
        if "label" in experiment.controls:
            others = picked.others(group)
            picked.add(("label", group), others, ClassLabel(subjects.classes[group]))
        if "mixed" in experiment.controls:
            picked.add(("mixed", group), picked.mixed(group))
        if {"mean", "direction"} & set(experiment.controls):
            picked.add(("mean", group), picked.typical(group))
    return ArmSamples(dict(picked.members), tuple(picked.places))


@dataclass
class _Picked:
    experiment: Experiment
    subjects: Subjects
    told: ToldSamples
    seed: int
    members: dict[Key, tuple[int, ...]] = field(default_factory=dict)
    places: dict[ToldSample, int] = field(default_factory=dict)

    @property
    def table(self) -> SampleTable:
        return self.told.opened.samples.table

    def add(self, key: Key, rows: Sequence[int], condition: ClassLabel | None = None) -> None:
        """Note what a group of an arm averages."""
        asked = self.experiment.told if condition is None else condition
        samples = [self.told.told(row, asked) for row in rows]
        self.members[key] = tuple(
            self.places.setdefault(sample, len(self.places)) for sample in samples
        )

    def wrong_of(self, group: int) -> int:
        wrong = self.subjects.wrong[group]
        if wrong < 0:
            raise _no_classes("wrong")
        return wrong

    def others(self, group: int) -> tuple[int, ...]:
        """Samples of other classes at the same noise level: the same for all groups of a class."""
        own = self.subjects.classes[group]
        if self.subjects.wrong[group] < 0:
            raise _no_classes("label")
        sigma = self.table.sigma[self.experiment.groups[group][0]]
        label = self.table.class_label
        there = np.flatnonzero((label != own) & (label >= 0) & (self.table.sigma == sigma))
        rng = np.random.default_rng([self.seed, own])
        chosen = rng.permutation(there)[:LABEL_ALONE]
        if not len(chosen):
            raise _no_classes("label")
        return tuple(chosen.tolist())

    def mixed(self, group: int) -> tuple[int, ...]:
        """As many samples as the group has, two at least, of as many classes as there are, at its
        noise level."""
        rows = self._even(group, max(2, len(self.experiment.groups[group])), group)
        if len({int(self.table.class_label[row]) for row in rows}) < 2:
            raise _no_classes("mixed")
        return rows

    def typical(self, group: int) -> tuple[int, ...]:
        """Samples at the group's noise level, evenly from all classes."""
        return self._even(group, TYPICAL)

    def _even(self, group: int, count: int, *seed: int) -> tuple[int, ...]:
        rng = np.random.default_rng([self.seed, *seed])
        sigma = self.table.sigma[self.experiment.groups[group][0]]
        there = rng.permutation(np.flatnonzero(self.table.sigma == sigma))
        label = self.table.class_label[there]
        turn = np.zeros(len(there), np.int64)  # which of its class each is
        for number in np.unique(label):
            own = np.flatnonzero(label == number)
            turn[own] = np.arange(len(own))
        return tuple(there[np.argsort(turn, kind="stable")][:count].tolist())


def _no_classes(control: str) -> UsageError:
    return UsageError(
        f"The control {control} needs samples of several classes that the model can be told. Leave "
        "it out for this model."
    )


# ---- values -------------------------------------------------------------------------------------


class ArmValues:
    """What every arm imposes on some layers, read once.

    Args:
        told: extracts samples.
        chosen: which.
        layers: of which layers.
    """

    def __init__(self, told: ToldSamples, chosen: ArmSamples, layers: Sequence[str]) -> None:
        facts = told.host.model_of(told.opened).facts
        self._shapes = {name: tuple(facts.layers[name]) for name in layers}
        self._place = {key: index for index, key in enumerate(chosen.members)}
        shares = np.zeros((len(chosen.members), len(chosen.samples)))
        for index, members in enumerate(chosen.members.values()):
            for member in members:
                shares[index, member] += 1 / len(members)
        sums: dict[str, NDArray[np.float64]] = {}
        for places, values in told.batches(chosen.samples, layers):
            part = shares[:, places.start : places.stop]
            for name, rows in values.items():
                added = part @ rows.astype(np.float64)
                sums[name] = sums[name] + added if name in sums else added
        self._means = {name: total.astype(np.float32) for name, total in sums.items()}
        bad = [name for name, means in self._means.items() if not np.isfinite(means).all()]
        if bad:
            raise MaskError(f"{bad[0]} gives values that are not finite numbers for these samples.")

    def value(self, layer: str, arm: Arm, group: int) -> Float32:
        """What an arm imposes, ``(C, H, W)``."""
        rng = np.random.default_rng([_SEED, group, zlib.crc32(f"{arm} {layer}".encode())])
        match arm:
            case "shuffled":
                return shuffled(self._mean(layer, ("intervention", group)), rng)
            case "noise":
                return matched_noise(self._mean(layer, ("intervention", group)), rng)
            case "direction":
                mean = self._mean(layer, ("mean", group))
                return random_direction(self._mean(layer, ("intervention", group)), mean, rng)
            case "layer":
                return self._mean(layer, ("intervention", group))
        return self._mean(layer, (arm, group))

    def _mean(self, layer: str, key: Key) -> Float32:
        return self._means[layer][self._place[key]].reshape(self._shapes[layer])
