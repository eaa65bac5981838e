"""Which samples the arms of an experiment average, and what each of them is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from diffviews_desktop.engine.experiments.told_samples import ToldSample, ToldSamples
from diffviews_desktop.errors import UsageError
from diffviews_desktop.experiments.controls import wrong_class
from diffviews_desktop.values.conditions import ClassLabel
from diffviews_desktop.values.controls import TITLES, Control
from diffviews_desktop.values.experiments import Experiment, Subjects, goal_of
from diffviews_desktop.values.interventions import Difference, OtherRun, SampleMean
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.told import OWN, Told

LABEL_ALONE = 28
"""Pictures of other classes that are told a class."""

TYPICAL = 100
"""Samples that stand for all of a noise level."""

Key = tuple[str, int]
"""An arm, or a part of one, that is made of samples, and a group or a seed."""
SEED = 0x5EED


@dataclass(frozen=True, eq=False)
class ArmSamples:
    """Which samples each arm averages, and what they are told.

    Attributes:
        members: places in ``samples`` of what each arm and group averages.
        samples: every sample that is needed, none twice.
    """

    members: Mapping[Key, tuple[int, ...]]
    samples: tuple[ToldSample, ...]


def subjects_of(experiment: Experiment, table: SampleTable, classes: Sequence[int]) -> Subjects:
    """The classes that an experiment is about.

    Args:
        experiment: the experiment.
        table: the samples.
        classes: those that the model knows; empty where it is told none.
    """
    known = set(classes)
    if experiment.interventions:
        own = [_class_meant(experiment, table)]
    else:
        own = [int(table.class_label[group[0]]) for group in experiment.groups]
    told = experiment.told
    said = [told.index if isinstance(told, ClassLabel) else -1 for _ in own]
    if told == OWN:
        said = [number if number in known else -1 for number in own]
    if not all(isinstance(one.source, SampleMean) for one in experiment.interventions):
        said = [-1]  # what both sets of a direction are told has no share in their difference
    wrong = [
        wrong_class(number, classes, SEED) if number in known and len(known) > 1 else -1
        for number in own
    ]
    return Subjects(tuple(own), tuple(said), tuple(wrong))


def _class_meant(experiment: Experiment, table: SampleTable) -> int:
    """The class that interventions lead to, else the one that the model is told; -1 for none."""
    for one in experiment.interventions:
        source = one.source
        if isinstance(source, OtherRun) and isinstance(source.condition, ClassLabel):
            return source.condition.index
        if isinstance(source, SampleMean):
            return int(table.class_label[source.rows[0]])
        if isinstance(source, Difference):
            classes = np.unique(table.class_label[list(source.rows)])
            return int(classes[0]) if len(classes) == 1 else -1
    told = experiment.condition
    return told.index if isinstance(told, ClassLabel) else -1


# ---- masks --------------------------------------------------------------------------------------


def samples_of_masks(experiment: Experiment, subjects: Subjects, told: ToldSamples) -> ArmSamples:
    """Choose the samples of every arm of masks.

    Raises:
        UsageError: a control needs classes, and the samples or the model have none.
    """
    picked = _Picked(experiment.told, told)
    for group, rows in enumerate(experiment.groups):
        own, wrong = subjects.classes[group], subjects.wrong[group]
        picked.add(("intervention", group), rows)
        if "wrong" in experiment.controls:
            picked.add(("wrong", group), rows, [_checked(wrong, "wrong")])
        if "label" in experiment.controls:
            _checked(wrong, "label")
            others = picked.others(rows, {own}, own)
            picked.add(("label", group), others, [own])
        if "mixed" in experiment.controls:
            picked.add(("mixed", group), _mixed(picked, rows, group))
        if {"mean", "direction"} & set(experiment.controls):
            picked.add(("mean", group), picked.even(rows, TYPICAL))
    return picked.chosen()


def _mixed(picked: _Picked, group: Sequence[int], number: int) -> tuple[int, ...]:
    """As many samples as a group has, two at least, of as many classes as there are."""
    rows = picked.even(group, max(2, len(group)), number)
    if len({int(picked.table.class_label[row]) for row in rows}) < 2:
        raise _no_classes("mixed")
    return rows


# ---- interventions ------------------------------------------------------------------------------


def samples_of_interventions(
    experiment: Experiment, subjects: Subjects, told: ToldSamples, classes: Sequence[int]
) -> ArmSamples:
    """Choose the samples that the controls of interventions are made of.

    Those of an arm have the key ``"{arm}{number}"`` with the number of the intervention, the ones
    that are subtracted ``"{arm}{number}-"``; a random choice is another one for each seed.

    Raises:
        UsageError: a control needs classes, and the samples or the model have none.
    """
    picked, controls = _Picked(experiment.told, told), set(experiment.controls)
    if {"mean", "direction"} & controls:
        picked.add(("mean", 0), picked.even(goal_of(experiment.interventions), TYPICAL))
    for number, one in enumerate(experiment.interventions):
        source = one.source
        if not isinstance(source, SampleMean | Difference):
            continue
        sets = [source.rows, *([source.minus] if isinstance(source, Difference) else ())]
        if "wrong" in controls:
            _add_wrong(picked, number, sets, classes)
        if "label" in controls:
            _add_label(picked, number, sets, classes)
        if "mixed" in controls:
            _add_mixed(picked, number, sets, experiment.seeds)
    return picked.chosen()


def _parts(arm: str, number: int) -> tuple[str, str]:
    return f"{arm}{number}", f"{arm}{number}-"


def _add_wrong(
    picked: _Picked, number: int, sets: Sequence[Sequence[int]], classes: Sequence[int]
) -> None:
    for name, rows in zip(_parts("wrong", number), sets, strict=False):
        own = picked.classes_of(rows)
        if not set(own) <= set(classes) or len(classes) < 2:
            raise _no_classes("wrong")
        picked.add((name, 0), rows, [wrong_class(one, classes, SEED) for one in own])


def _add_label(
    picked: _Picked, number: int, sets: Sequence[Sequence[int]], classes: Sequence[int]
) -> None:
    """The same pictures for both sets, told the classes of each in turn."""
    told = [picked.classes_of(rows) for rows in sets]
    used = {one for own in told for one in own}
    if not used <= set(classes):
        raise _no_classes("label")
    others = picked.others([row for rows in sets for row in rows], used, number)
    for name, own in zip(_parts("label", number), told, strict=False):
        picked.add((name, 0), others, own)


def _add_mixed(picked: _Picked, number: int, sets: Sequence[Sequence[int]], seeds: int) -> None:
    """Random sets of the same sizes, from samples of all classes."""
    pool = np.array(picked.even([row for rows in sets for row in rows], TYPICAL, number))
    if len(pool) < len(sets):
        raise _no_classes("mixed")
    most = len(pool) // len(sets)
    for seed in range(seeds):
        order = np.random.default_rng([SEED, number, seed]).permutation(pool).tolist()
        for name, rows in zip(_parts("mixed", number), sets, strict=False):
            size = min(max(len(rows), 2 if len(sets) == 1 else 1), most)
            picked.add((name, seed), order[:size])
            order = order[size:]


# ---- both ---------------------------------------------------------------------------------------


@dataclass
class _Picked:
    asked: Told
    told: ToldSamples
    members: dict[Key, tuple[int, ...]] = field(default_factory=dict)
    places: dict[ToldSample, int] = field(default_factory=dict)

    @property
    def table(self) -> SampleTable:
        return self.told.opened.samples.table

    def chosen(self) -> ArmSamples:
        """What was noted."""
        return ArmSamples(dict(self.members), tuple(self.places))

    def add(self, key: Key, rows: Sequence[int], classes: Sequence[int] = ()) -> None:
        """Note what a group of an arm averages, told some classes in turn."""
        conditions: list[Told] = [ClassLabel(number) for number in classes] or [self.asked]
        samples = [
            self.told.told(row, conditions[place % len(conditions)])
            for place, row in enumerate(rows)
        ]
        self.members[key] = tuple(
            self.places.setdefault(sample, len(self.places)) for sample in samples
        )

    def classes_of(self, rows: Sequence[int]) -> list[int]:
        """The class of each of some samples."""
        return [int(number) for number in self.table.class_label[list(rows)]]

    def others(self, rows: Sequence[int], own: Collection[int], *seed: int) -> tuple[int, ...]:
        """Samples of other classes at the noise levels of some: the same for all of a class."""
        label = self.table.class_label
        there = np.flatnonzero(~np.isin(label, list(own)) & (label >= 0) & self._level_of(rows))
        chosen = np.random.default_rng([SEED, *seed]).permutation(there)[:LABEL_ALONE]
        if not len(chosen):
            raise _no_classes("label")
        return tuple(chosen.tolist())

    def even(self, rows: Sequence[int], count: int, *seed: int) -> tuple[int, ...]:
        """Samples at the noise levels of some, evenly from all classes."""
        rng = np.random.default_rng([SEED, *seed])
        there = rng.permutation(np.flatnonzero(self._level_of(rows)))
        label = self.table.class_label[there]
        turn = np.zeros(len(there), np.int64)  # which of its class each is
        for number in np.unique(label):
            own = np.flatnonzero(label == number)
            turn[own] = np.arange(len(own))
        return tuple(there[np.argsort(turn, kind="stable")][:count].tolist())

    def _level_of(self, rows: Sequence[int]) -> np.ndarray:
        """Which samples have the noise level of some, ``(N,)``; all, where there are none."""
        sigma = self.table.sigma
        return np.isin(sigma, sigma[list(rows)]) if len(rows) else np.ones(len(sigma), bool)


def _checked(number: int, control: Control) -> int:
    if number < 0:
        raise _no_classes(control)
    return number


def _no_classes(control: Control) -> UsageError:
    return UsageError(
        f"The control “{TITLES[control]}” needs samples of several classes that the model can be "
        "told. Leave it out."
    )
