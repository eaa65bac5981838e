"""What is measured of a map when somebody asks: how classes are read, and what the seed decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

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

    def sentences(self) -> tuple[str, ...]:
        """What the figures say."""
        said = [
            f"The class is read right from the {self.neighbors} nearest on the map for "
            f"{self.on_map:.0%} of the samples ({self.in_layer:.0%} in the layer); chance is "
            f"{self.chance:.0%}."
        ]
        if self.told is not None and self.shown is not None:
            said.append(
                f"Told a wrong class, {self.told:.0%} of {self.told_samples} samples lie among "
                f"those of the class that they are told, and {self.shown:.0%} among those of "
                "their own: so much of it is the label."
            )
        return tuple(said)


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

    def sentences(self) -> tuple[str, ...]:
        """What the figures say."""
        kept = float(np.mean(self.kept))
        said = f"Between {len(self.seeds)} seeds, {kept:.0%} of the 15 nearest on the map stay"
        if self.order:
            said += f", and the order of the islands correlates by {np.mean(self.order):.2f}"
        said += f" (Procrustes disparity {np.mean(self.disparity):.2f})."
        if self.arbitrary:
            return (
                said,
                "The seeds disagree: where the islands lie, and the axis along which they lie, is "
                "arbitrary.",
            )
        return (said, "The seeds agree on where the islands lie.")


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

    def sentences(self) -> tuple[str, ...]:
        """What it says, notes included."""
        parts = [part.sentences() for part in (self.classes, self.stability) if part is not None]
        return tuple(line for lines in parts for line in lines) + self.notes

    def to_dict(self) -> dict[str, Any]:
        """The figures by the names that they have in files."""
        found: dict[str, Any] = {"classes": None, "stability": None}
        if self.classes is not None:
            found["classes"] = dict(vars(self.classes))
        if self.stability is not None:
            seeds = {name: list(value) for name, value in vars(self.stability).items()}
            found["stability"] = seeds | {"arbitrary": self.stability.arbitrary}
        return found
