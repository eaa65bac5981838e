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
from diffviews_desktop.values.told import OWN_CONDITION, Told

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
    class_set = set(classes)
    if experiment.interventions:
        subjects = [_class_meant(experiment, table)]
    else:
        subjects = [int(table.class_label[group[0]]) for group in experiment.groups]
    told = experiment.told
    labels = [told.index if isinstance(told, ClassLabel) else -1 for _ in subjects]
    if told == OWN_CONDITION:
        labels = [number if number in class_set else -1 for number in subjects]
    if not all(isinstance(one.source, SampleMean) for one in experiment.interventions):
        labels = [-1]  # what both sets of a direction are told has no share in their difference
    wrong = [
        wrong_class(number, classes, SEED) if number in class_set and len(class_set) > 1 else -1
        for number in subjects
    ]
    return Subjects(tuple(subjects), tuple(labels), tuple(wrong))


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
    selection = _Picked(experiment.told, told)
    for group, rows in enumerate(experiment.groups):
        subject, wrong = subjects.classes[group], subjects.wrong[group]
        selection.add(("intervention", group), rows)
        if "wrong" in experiment.controls:
            selection.add(("wrong", group), rows, [_check_class(wrong, "wrong")])
        if "label" in experiment.controls:
            _check_class(wrong, "label")
            others = selection.others(rows, {subject}, subject)
            selection.add(("label", group), others, [subject])
        if "mixed" in experiment.controls:
            selection.add(("mixed", group), _mix(selection, rows, group))
        if {"mean", "direction"} & set(experiment.controls):
            selection.add(("mean", group), selection.even(rows, TYPICAL))
    return selection.collect()


def _mix(selection: _Picked, group: Sequence[int], number: int) -> tuple[int, ...]:
    """As many samples as a group has, two at least, of as many classes as there are."""
    rows = selection.even(group, max(2, len(group)), number)
    if len({int(selection.table.class_label[row]) for row in rows}) < 2:
        raise _no_classes("mixed")
    return rows


# ---- interventions ------------------------------------------------------------------------------


def samples_of_interventions(
    experiment: Experiment, subjects: Subjects, told: ToldSamples, classes: Sequence[int]
) -> ArmSamples:
    """Choose the samples that the controls of interventions are made of.

    Those of an arm have the key ``"{arm}{number}"`` with the number of the intervention, the ones
    that are subtracted ``"{arm}{number}-"``; a random choice differs for each seed.

    Raises:
        UsageError: a control needs classes, and the samples or the model have none.
    """
    selection, controls = _Picked(experiment.told, told), set(experiment.controls)
    if {"mean", "direction"} & controls:
        selection.add(("mean", 0), selection.even(goal_of(experiment.interventions), TYPICAL))
    for number, one in enumerate(experiment.interventions):
        source = one.source
        if not isinstance(source, SampleMean | Difference):
            continue
        sets = [source.rows, *([source.minus] if isinstance(source, Difference) else ())]
        if "wrong" in controls:
            _add_wrong(selection, number, sets, classes)
        if "label" in controls:
            _add_label(selection, number, sets, classes)
        if "mixed" in controls:
            _add_mixed(selection, number, sets, experiment.seeds)
    return selection.collect()


def _parts(arm: str, number: int) -> tuple[str, str]:
    return f"{arm}{number}", f"{arm}{number}-"


def _add_wrong(
    selection: _Picked, number: int, sets: Sequence[Sequence[int]], classes: Sequence[int]
) -> None:
    for name, rows in zip(_parts("wrong", number), sets, strict=False):
        labels = selection.classes_of(rows)
        if not set(labels) <= set(classes) or len(classes) < 2:
            raise _no_classes("wrong")
        selection.add((name, 0), rows, [wrong_class(one, classes, SEED) for one in labels])


def _add_label(
    selection: _Picked, number: int, sets: Sequence[Sequence[int]], classes: Sequence[int]
) -> None:
    """The same pictures for both sets, told the classes of each in turn."""
    told = [selection.classes_of(rows) for rows in sets]
    all_labels = {one for labels in told for one in labels}
    if not all_labels <= set(classes):
        raise _no_classes("label")
    others = selection.others([row for rows in sets for row in rows], all_labels, number)
    for name, labels in zip(_parts("label", number), told, strict=False):
        selection.add((name, 0), others, labels)


def _add_mixed(selection: _Picked, number: int, sets: Sequence[Sequence[int]], seeds: int) -> None:
    """Random sets of the same sizes, from samples of all classes."""
    pool = np.array(selection.even([row for rows in sets for row in rows], TYPICAL, number))
    if len(pool) < len(sets):
        raise _no_classes("mixed")
    most = len(pool) // len(sets)
    for seed in range(seeds):
        order = np.random.default_rng([SEED, number, seed]).permutation(pool).tolist()
        for name, rows in zip(_parts("mixed", number), sets, strict=False):
            size = min(max(len(rows), 2 if len(sets) == 1 else 1), most)
            selection.add((name, seed), order[:size])
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

    def collect(self) -> ArmSamples:
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

    def others(self, rows: Sequence[int], classes: Collection[int], *seed: int) -> tuple[int, ...]:
        """Samples of other classes at the noise levels of some: the same for all of a class."""
        label = self.table.class_label
        candidates = np.flatnonzero(
            ~np.isin(label, list(classes)) & (label >= 0) & self._level_of(rows)
        )
        picks = np.random.default_rng([SEED, *seed]).permutation(candidates)[:LABEL_ALONE]
        if not len(picks):
            raise _no_classes("label")
        return tuple(picks.tolist())

    def even(self, rows: Sequence[int], count: int, *seed: int) -> tuple[int, ...]:
        """Samples at the noise levels of some, evenly from all classes."""
        rng = np.random.default_rng([SEED, *seed])
        candidates = rng.permutation(np.flatnonzero(self._level_of(rows)))
        label = self.table.class_label[candidates]
        turn = np.zeros(len(candidates), np.int64)  # which of its class each is
        for number in np.unique(label):
            members = np.flatnonzero(label == number)
            turn[members] = np.arange(len(members))
        return tuple(candidates[np.argsort(turn, kind="stable")][:count].tolist())

    def _level_of(self, rows: Sequence[int]) -> np.ndarray:
        """Which samples have the noise level of some, ``(N,)``; all, where there are none."""
        sigma = self.table.sigma
        return np.isin(sigma, sigma[list(rows)]) if len(rows) else np.ones(len(sigma), bool)


def _check_class(number: int, control: Control) -> int:
    if number < 0:
        raise _no_classes(control)
    return number


def _no_classes(control: Control) -> UsageError:
    return UsageError(
        f"The control “{TITLES[control]}” needs samples of several classes that the model can be "
        "told. Leave it out."
    )
