"""From pictures to findings: what each arm did at each place, with intervals over masks, or over
seeds where there is a single one."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.experiments import measures
from diffviews_desktop.experiments.intervals import (
    holm,
    mean_interval,
    means_of_masks,
    rate_difference,
    rate_interval,
    sign_flip_p,
)
from diffviews_desktop.values.controls import Arm
from diffviews_desktop.values.experiments import (
    Drawing,
    Estimate,
    Experiment,
    Finding,
    Outcome,
    Subjects,
)
from diffviews_desktop.values.layers import NO_LAYERS

Float64 = NDArray[np.float64]
Place = tuple[int, int]
"""A set of layers and a window, by their numbers."""
Pictures = Callable[[Sequence[int]], NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What was measured in every picture of an experiment, by its number; None for what was not.

    Attributes:
        moved: distance in pixels to the picture without an intervention ``(N,)``.
        neighbors: correlation with the mean picture of the mask's samples ``(N,)``.
        seeds: correlation of the pictures of a mask with each other: the same for all of them.
        read: class that the judge names ``(N,)``.
        confidence: of the judge ``(N,)``.
        features: distance in a layer to the picture without an intervention ``(N,)``.
    """

    moved: Float64
    neighbors: Float64
    seeds: Float64
    read: NDArray[np.int64] | None = None
    confidence: Float64 | None = None
    features: Float64 | None = None


def outcomes_of(
    experiment: Experiment,
    pictures: Pictures,
    samples: Sequence[NDArray[np.uint8] | None],
    probabilities: Float32 | None,
) -> Outcomes:
    """Measure every picture.

    Args:
        experiment: what was drawn.
        pictures: reads those of some numbers.
        samples: the pictures of each group's samples; None where it has none.
        probabilities: what the judge says of each picture, ``(N, K)``.
    """
    distances, neighbors, alike = (np.full(experiment.count, np.nan) for _ in range(3))
    for seeds in _seeds_of_masks(experiment):
        group = seeds[0].group
        numbers = [drawing.number for drawing in seeds]
        images = pictures(numbers)
        distances[numbers] = measures.pixel_distances(
            images, pictures(bare_numbers(experiment, group))
        )
        like = samples[group]
        if like is not None:
            neighbors[numbers] = measures.neighbor_correlations(images, like)
        alike[numbers] = measures.seed_correlation(images)
    if probabilities is None:
        return Outcomes(distances, neighbors, alike)
    read, sure = measures.read_classes(probabilities), measures.confidences(probabilities)
    return Outcomes(distances, neighbors, alike, read, sure)


def bare_numbers(experiment: Experiment, group: int) -> list[int]:
    """Numbers of a group's pictures without an intervention."""
    return [group * experiment.seeds + seed for seed in range(experiment.seeds)]


def _seeds_of_masks(experiment: Experiment) -> list[list[Drawing]]:
    """The drawings in lists of those that differ in their seed alone; they follow each other."""
    drawings, size = experiment.drawings(), experiment.seeds
    return [drawings[start : start + size] for start in range(0, len(drawings), size)]


def findings_of(
    experiment: Experiment, outcomes: Outcomes, subjects: Subjects
) -> tuple[Finding, ...]:
    """What each arm did at each place; first what is drawn without an intervention.

    Args:
        experiment: what was drawn.
        outcomes: of its pictures.
        subjects: the classes that its groups are of and were told.
    """
    by_arm: defaultdict[tuple[Place, Arm], list[int]] = defaultdict(list)
    for drawing in experiment.drawings():
        by_arm[(drawing.layers, drawing.window), drawing.arm].append(drawing.number)
    judgement = _Judged(experiment, outcomes, subjects, by_arm)
    findings = [judgement.finding(place, arm, numbers) for (place, arm), numbers in by_arm.items()]
    order = {arm: rank for rank, arm in enumerate(("none", *experiment.arms))}
    findings.sort(key=lambda one: (_rank(experiment, one), order[one.arm]))
    return tuple(_correct(findings))


def _rank(experiment: Experiment, finding: Finding) -> tuple[int, int]:
    if not finding.layers:
        return -1, -1
    windows = experiment.windows.index(finding.steps)
    return experiment.layer_sets.index(finding.layers), windows


def _correct(findings: Sequence[Finding]) -> list[Finding]:
    """With p-values corrected for all places of the same arm."""
    result = list(findings)
    for arm in {finding.arm for finding in findings}:
        places = [index for index, finding in enumerate(findings) if finding.arm == arm]
        indices = [index for index in places if findings[index].p is not None]
        values = holm(np.array([findings[index].p for index in indices], np.float64))
        for index, p in zip(indices, values.tolist(), strict=True):
            result[index] = replace(findings[index], p_holm=p)
    return result


class _Judged:
    """Makes the findings of an experiment."""

    def __init__(
        self,
        experiment: Experiment,
        outcomes: Outcomes,
        subjects: Subjects,
        by_arm: Mapping[tuple[Place, Arm], Sequence[int]],
    ) -> None:
        self._experiment = experiment
        self._outcomes = outcomes
        self._by_arm = by_arm
        drawings = experiment.drawings()
        # what varies between independent pictures, and how many pictures share it
        of_masks = experiment.unit == "masks"
        self._unit = np.array([one.group if of_masks else one.seed for one in drawings])
        self._each = experiment.seeds if of_masks else 1
        self._own = np.array([subjects.classes[drawing.group] for drawing in drawings])
        self._told = np.array(
            [subjects.told_of(drawing.arm, drawing.group) for drawing in drawings]
        )
        bare = [bare_numbers(experiment, group) for group in range(len(experiment.groups))]
        self._bare = np.concatenate(bare)
        self._like = np.array([bare[one.group][one.seed] for one in drawings])
        self._outcome_of = self._choose()

    def _choose(self) -> Outcome:
        """The measure that effects are of."""
        has_judge = self._outcomes.read is not None
        if has_judge and (self._own >= 0).any():
            return "read"
        if has_judge and self._experiment.interventions:
            return "changed"
        return "neighbors" if any(self._experiment.groups) else "moved"

    def finding(self, place: Place, arm: Arm, numbers: Sequence[int]) -> Finding:
        """What an arm did at a place."""
        experiment, rows = self._experiment, np.asarray(numbers)
        bare = arm == "none"
        intervention_rows = np.asarray(self._by_arm.get((place, "intervention"), ()), np.int64)
        effect, p = (None, None) if bare else self._effect(rows)
        return Finding(
            layers=NO_LAYERS if bare else experiment.layer_sets[place[0]],
            steps=(0, 0) if bare else experiment.windows[place[1]],
            arm=arm,
            pictures=len(rows),
            read=self._rate(self._hits(rows, self._own), rows),
            told=self._rate(self._hits(rows, self._told), rows),
            confidence=self._confidence(rows),
            unsure=self._unsure(rows),
            commonest=self._commonest(rows),
            moved=None if bare else self._mean(self._outcomes.moved, rows, (0, 1)),
            features=None if bare else self._mean(self._outcomes.features, rows, (0, math.inf)),
            seeds=self._alike(rows),
            neighbors=self._mean(self._outcomes.neighbors, rows, (-1, 1)),
            changed=None if bare else self._change_rate(rows),
            effect=effect,
            behind=None
            if bare or arm == "intervention"
            else self._difference(intervention_rows, rows),
            p=p,
            outcome=self._outcome_of,
            unit=experiment.unit,
        )

    def _hits(self, rows: NDArray, classes: NDArray) -> Float64 | None:
        """Whether the judge reads the wanted class, for those pictures that have one: NaN else."""
        if self._outcomes.read is None or (classes[rows] < 0).all():
            return None
        hits = (self._outcomes.read[rows] == classes[rows]).astype(np.float64)
        hits[classes[rows] < 0] = np.nan
        return hits

    def _rate(self, hits: Float64 | None, rows: NDArray) -> Estimate | None:
        if hits is None:
            return None
        return rate_interval(means_of_masks(hits, self._unit[rows]), self._each)

    def _mean(
        self, values: Float64 | None, rows: NDArray, bounds: tuple[float, float]
    ) -> Estimate | None:
        if values is None or not np.isfinite(values[rows]).any():
            return None
        return mean_interval(means_of_masks(values[rows], self._unit[rows]), bounds=bounds)

    def _alike(self, rows: NDArray) -> Estimate | None:
        """How alike the pictures of a mask are; of a single one there is nothing to tell an
        interval by."""
        alike = self._mean(self._outcomes.seeds, rows, (-1, 1))
        if alike is None or self._experiment.unit == "masks":
            return alike
        return Estimate(alike.value, units=alike.units)

    def _change_rate(self, rows: NDArray) -> Estimate | None:
        """How often the judge says something else than without interventions."""
        if self._outcomes.read is None or not self._experiment.interventions:
            return None
        return self._rate(self._changes(rows), rows)

    def _changes(self, rows: NDArray) -> Float64:
        read = self._outcomes.read
        assert read is not None
        return (read[rows] != read[self._like[rows]]).astype(np.float64)

    def _confidence(self, rows: NDArray) -> Estimate | None:
        sure = self._outcomes.confidence
        if self._experiment.unit == "seeds":  # a picture's own is no share of pictures
            return self._mean(sure, rows, (0, 1))
        return self._rate(None if sure is None else sure[rows], rows)

    def _unsure(self, rows: NDArray) -> Estimate | None:
        sure = self._outcomes.confidence
        return self._rate(None if sure is None else sure[rows] < measures.UNSURE, rows)

    def _commonest(self, rows: NDArray) -> tuple[int, float] | None:
        read = self._outcomes.read
        return None if read is None else measures.commonest_answer(read[rows])

    def _effect(self, rows: NDArray) -> tuple[Estimate | None, float | None]:
        """How much larger the outcome is than without an intervention, and how probable that is by
        chance."""
        first, second = self._outcome(rows), self._outcome(self._bare)
        if not len(first) or len(first) != len(second):
            return None, None
        # what is a difference from the same seed in itself is 0 there, and is not tested
        if self._outcome_of == "changed":
            return self._rate(self._changes(rows), rows), None
        if self._outcome_of == "moved":
            return self._mean(self._outcomes.moved, rows, (0, 1)), None
        return self._difference(rows, self._bare), sign_flip_p(first - second)

    def _difference(self, rows: NDArray, others: NDArray) -> Estimate | None:
        """How much larger the outcome is in the first than in the second, mask by mask."""
        first, second = self._outcome(rows), self._outcome(others)
        if len(first) != len(second) or not len(first):
            return None
        if self._outcome_of in ("read", "changed"):
            return rate_difference(first, second, self._each)
        return mean_interval(first - second, bounds=(-2, 2))

    def _outcome(self, rows: NDArray) -> Float64:
        """What effects are of, unit by unit; the correlation of a picture of one grey counts as
        0."""
        values: Float64 | None
        match self._outcome_of:
            case "read":
                values = self._hits(rows, self._own)
            case "changed":
                values = self._changes(rows)
            case "neighbors":
                values = np.nan_to_num(self._outcomes.neighbors[rows])
            case "moved":
                values = self._outcomes.moved[rows]
        return np.empty(0) if values is None else means_of_masks(values, self._unit[rows])
