"""How usual an activation is among the samples of like noise level."""

from __future__ import annotations

from dataclasses import dataclass

LIMIT = 95
"""Percent of the samples of like noise level that lie within: what is above is beyond them."""

Levels = tuple[float, float]
"""The least and the largest of some noise levels."""


@dataclass(frozen=True)
class Measured:
    """One figure of an activation, and the same of the samples of like noise level.

    Attributes:
        value: the activation's own.
        percentile: how many percent of the samples have a smaller one; None where too few samples
            tell, or where theirs are not known.
        limit: the value that 95 % of the samples stay below, likewise.
    """

    value: float
    percentile: float | None = None
    limit: float | None = None

    @property
    def beyond(self) -> bool:
        """Whether it is above the samples' 95 %."""
        return self.limit is not None and self.value > self.limit


@dataclass(frozen=True)
class Typicality:
    """How usual an activation is among the samples of a map.

    The distance sees what is far from all samples within the components that the map was made of.
    It is blind to all else, which the share outside of them tells: noise and shuffled values lie
    nearly whole outside.

    Attributes:
        distance: to the nearest sample in the reduced space; of a sample, to the nearest other one.
        outside: the share of the squared activation, standardised and about the samples' mean, that
            no component holds, 0 … 1; None on a map without components.
        like: noise levels of the samples that it is compared with; None where there are none.
        levels: noise levels of all samples, likewise.
        sigma: its own; None for what has none, such as a mean of samples.
        note: why something is not known, as a sentence; empty where all is.
    """

    distance: Measured
    outside: Measured | None = None
    like: Levels | None = None
    levels: Levels | None = None
    sigma: float | None = None
    note: str = ""

    @property
    def beyond(self) -> bool:
        """Whether a figure of it is above the samples' 95 %."""
        return self.distance.beyond or (self.outside is not None and self.outside.beyond)

    @property
    def outside_levels(self) -> bool:
        """Whether its noise level is below or above those of all samples."""
        if self.sigma is None or self.levels is None:
            return False
        low, high = self.levels
        return not low * (1 - 1e-3) <= self.sigma <= high * (1 + 1e-3)

    @property
    def unlike(self) -> bool:
        """Whether no sample is like it: it is beyond them, or outside their noise levels."""
        return self.beyond or self.outside_levels
