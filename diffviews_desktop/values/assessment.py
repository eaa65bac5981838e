"""What is measured of a map when the user asks: how classes are read, and what the seed decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.map_quality import Fact

STEADY = 0.7
"""Where the order of the islands correlates less between seeds, their places are arbitrary."""
MOST_DISPARITY = 0.5
"""The same for maps without classes: where the Procrustes disparity is larger."""


@dataclass(frozen=True)
class ClassReading:
    """How well classes are read from neighbours: shares of samples, 0 to 1, whose class is the
    commonest among their nearest neighbours.

    Attributes:
        neighbors: how many of these.
        on_map: of the nearest on the map.
        in_layer: of the nearest in the space that was laid out.
        chance: of the nearest on the map, with the classes exchanged at random among the samples of
            each noise level.
        told: of samples that are told a wrong class instead of their own, those that lie among
            samples of the class that they are told: what the label alone brings about. None where
            it was not measured.
        shown: of the same samples, those that still lie among samples of their own class.
        told_samples: how many samples were told a wrong class.
    """

    neighbors: int
    on_map: float
    in_layer: float
    chance: float
    told: float | None = None
    shown: float | None = None
    told_samples: int = 0

    def facts(self) -> tuple[Fact, ...]:
        """The figures that are known."""
        read = Fact(
            tr("Class read"),
            tr("{on_map:.0%}  (chance {chance:.0%})", on_map=self.on_map, chance=self.chance),
            tr(
                "The class is read right from the {neighbors} nearest on the map for "
                "{on_map:.0%} of the samples ({in_layer:.0%} in the layer); chance is "
                "{chance:.0%}.",
                neighbors=self.neighbors,
                on_map=self.on_map,
                in_layer=self.in_layer,
                chance=self.chance,
            ),
        )
        if self.told is None or self.shown is None:
            return (read,)
        told = Fact(
            tr("Told a wrong class"),
            tr("{told:.0%} follow it, {shown:.0%} the picture", told=self.told, shown=self.shown),
            tr(
                "Of {told_samples} samples that are told a wrong class, {told:.0%} lie "
                "among samples of the class that they are told, and {shown:.0%} among "
                "samples of their own class: the former is what the label does, the latter "
                "what the picture does.",
                told_samples=self.told_samples,
                told=self.told,
                shown=self.shown,
            ),
        )
        return read, told


@dataclass(frozen=True)
class Stability:
    """How alike maps are that differ in nothing but the seed: a figure of each pair of them.

    Attributes:
        seeds: of the maps; the first is the one that is assessed.
        kept: share of each sample's 15 nearest on one that are its nearest on the other.
        disparity: what is left of the squared distances once one lies on the other as well as it
            can, 0 to 1 (Procrustes).
        order: rank correlation of the distances between the centres of the classes, -1 to 1; empty
            where there are less than three classes.
    """

    seeds: tuple[int, ...]
    kept: tuple[float, ...]
    disparity: tuple[float, ...]
    order: tuple[float, ...] = ()

    @property
    def arbitrary(self) -> bool:
        """Whether another seed would put the islands elsewhere."""
        if self.order:
            return float(np.mean(self.order)) < STEADY
        return float(np.mean(self.disparity)) > MOST_DISPARITY

    @property
    def verdict(self) -> str:
        """Whether the places of the islands mean anything, as a sentence."""
        if self.arbitrary:
            return tr(
                "{number} seeds disagree: where the islands lie, and the axis along which "
                "they lie, is arbitrary.",
                number=len(self.seeds),
            )
        return tr("{number} seeds agree on where the islands lie.", number=len(self.seeds))

    def facts(self) -> tuple[Fact, ...]:
        """The figures."""
        share, disparity = float(np.mean(self.kept)), float(np.mean(self.disparity))
        figures = [
            Fact(
                tr("Kept by other seeds"),
                f"{share:.0%}",
                tr(
                    "Of a sample's 15 nearest on the map, {kept:.0%} stay with another seed.",
                    kept=share,
                ),
            )
        ]
        value = tr("disparity {disparity:.2f}", disparity=disparity)
        meaning = tr(
            "Once a map of another seed lies on this one as well as it can, "
            "{disparity:.2f} of the squared distances is left (Procrustes disparity).",
            disparity=disparity,
        )
        if self.order:
            order = float(np.mean(self.order))
            value = f"{order:.2f}  ({value})"
            meaning = tr(
                "The order of the distances between the centres of the classes correlates "
                "by {order:.2f} between seeds. {meaning}",
                order=order,
                meaning=meaning,
            )
        return (*figures, Fact(tr("Order of the islands"), value, f"{meaning} {self.verdict}"))


@dataclass(frozen=True)
class MapAssessment:
    """What was found out about a map.

    Attributes:
        classes: None where the samples have less than two classes.
        stability: None where other seeds were not asked for, or there are too few samples.
        notes: what could not be measured, and why.
    """

    classes: ClassReading | None = None
    stability: Stability | None = None
    notes: tuple[str, ...] = ()

    def facts(self) -> tuple[Fact, ...]:
        """The figures that are known."""
        parts = (self.classes, self.stability)
        return tuple(fact for part in parts if part is not None for fact in part.facts())

    def sentences(self) -> tuple[str, ...]:
        """What the figures mean, and what could not be measured."""
        return (*(fact.meaning for fact in self.facts()), *self.notes)

    def to_dict(self) -> dict[str, Any]:
        """The figures by the names that they have in files."""
        figures: dict[str, Any] = {"classes": None, "stability": None}
        if self.classes is not None:
            figures["classes"] = dict(vars(self.classes))
        if self.stability is not None:
            seeds = {name: list(value) for name, value in vars(self.stability).items()}
            figures["stability"] = seeds | {"arbitrary": self.stability.arbitrary}
        return figures


def meaning_of_distances(assessment: MapAssessment | None) -> str:
    """What distances on a map mean, as far as it was assessed."""
    text = tr("Distances between islands mean nothing; only what is near to a sample does.")
    stability = None if assessment is None else assessment.stability
    verdict = stability.verdict if stability else tr("Map settings can assess the map.")
    return f"{text} {verdict}"
