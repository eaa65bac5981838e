"""How usual an activation is among the samples of like noise level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.text.translation import tr

FACTOR = 1.5
"""Noise levels that differ by no more than this factor are alike."""
FEWEST = 50
"""Samples to compare with; where fewer are of like noise level, those of the nearest are taken."""
MOST_LEVELS = 200
"""Of more noise levels, those in between are taken for the nearest of so many."""
_LEAST_SIGMA = 1e-9
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

    @cached_property
    def unlike(self) -> bool:
        """Whether no sample is like it: it is beyond them, or outside their noise levels."""
        return self.beyond or self.outside_levels

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for records and tables."""
        outside = self.outside or Measured(0.0)
        return {
            "distance": self.distance.value,
            "distance_percentile": self.distance.percentile,
            "distance_limit": self.distance.limit,
            "outside": None if self.outside is None else outside.value,
            "outside_percentile": outside.percentile,
            "outside_limit": outside.limit,
            "compared_sigmas": None if self.like is None else list(self.like),
            "sample_sigmas": None if self.levels is None else list(self.levels),
            "beyond_samples": self.beyond,
            "outside_sigmas": self.outside_levels,
        }

    @property
    def compared(self) -> bool:
        """Whether all of its figures have those of the samples beside them."""
        return self.distance.limit is not None and (
            self.outside is None or self.outside.limit is not None
        )

    # ---- in words -------------------------------------------------------------------------------

    @property
    def verdict(self) -> str:
        """Whether it is unlike the samples, in a few words; empty where it is not."""
        parts = []
        if self.outside_levels:
            assert self.levels is not None
            parts.append(
                tr("outside the samples' noise levels ({levels})", levels=_levels(self.levels))
            )
        if self.beyond:
            parts.append(tr("beyond the samples' {limit} %", limit=LIMIT))
        return tr(" and ").join(parts)

    @property
    def standing(self) -> str:
        """The same of anything: also that it is within, or that nobody knows."""
        unknown = tr("not compared with the samples")
        return self.verdict or (
            tr("within the samples' {limit} %", limit=LIMIT) if self.compared else unknown
        )

    @property
    def words(self) -> tuple[str, ...]:
        """The same as the verdict where there is little room."""
        parts = []
        if self.outside_levels:
            assert self.levels is not None
            parts.append(tr("outside σ {levels}", levels=_levels(self.levels)))
        if self.beyond:
            parts.append(tr("beyond the samples"))
        return tuple(parts)

    @property
    def lines(self) -> tuple[str, ...]:
        """The words and the figures, each on a short line."""
        lines = [
            *self.words,
            tr(
                "distance {value:.3g}{above}",
                value=self.distance.value,
                above=_above(self.distance),
            ),
        ]
        if self.outside is not None:
            share, above = 100 * self.outside.value, _above(self.outside, of="")
            lines.append(
                tr("outside the components {share:.0f} %{above}", share=share, above=above)
            )
        return tuple(lines)

    @property
    def excess(self) -> str:
        """What of it is beyond the samples, in a few words; empty where nothing is."""
        far = tr("distance {value:.3g}", value=self.distance.value) if self.distance.beyond else ""
        share = self.outside
        if share is None or not share.beyond:
            return far
        out = tr("{value:.0f} % outside the components", value=100 * share.value)
        return f"{far}, {out}" if far else out

    @property
    def facts(self) -> tuple[str, ...]:
        """Its figures beside those of the samples, a line each, and what is not known."""
        of = tr(" of the samples{among}", among=self._among)
        lines = [
            tr(
                "distance {value:.3g}{above}",
                value=self.distance.value,
                above=_above(self.distance, of),
            )
        ]
        if self.outside is not None:
            share = tr("{value:.0f} % outside the components", value=100 * self.outside.value)
            lines.append(f"{share}{_above(self.outside, of)}")
        return (*lines, self.note) if self.note else tuple(lines)

    @property
    def _among(self) -> str:
        return "" if self.like is None else tr(" at σ {levels}", levels=_levels(self.like))

    @property
    def reasons(self) -> str:
        """What of it is beyond the samples, as sentences; empty where nothing is."""
        among, sentences = self._among, []
        if self.distance.beyond:
            sentences.append(
                tr(
                    "Its nearest sample is {value:.3g} away; {limit} % of the samples{among} "
                    "have one within {most:.3g}.",
                    value=self.distance.value,
                    limit=LIMIT,
                    among=among,
                    most=self.distance.limit,
                )
            )
        if self.outside is not None and self.outside.beyond:
            assert self.outside.limit is not None
            sentences.append(
                tr(
                    "{value:.0f} % of it lies outside the map's components; of {limit} % of "
                    "the samples{among} less than {most:.0f} % does.",
                    value=100 * self.outside.value,
                    limit=LIMIT,
                    among=among,
                    most=100 * self.outside.limit,
                )
            )
        return " ".join(sentences)


# ---- which samples are compared -----------------------------------------------------------------


def logarithms(sigma: NDArray) -> NDArray[np.float64]:
    """Natural logarithms of noise levels; of none at all, that of a very small one."""
    return np.log(np.maximum(np.asarray(sigma, np.float64), _LEAST_SIGMA))


def rows_like(logarithm: NDArray, low: float, high: float) -> NDArray[np.int64]:
    """The samples of like noise level ``(M,)``, ascending: those within a factor of 1.5, and where
    these are fewer than 50, the 50 nearest and all that are as near.

    Args:
        logarithm: of the noise level of each sample ``(N,)``, N at least 1.
        low, high: the logarithms of the least and the largest level of what is compared.
    """
    distances = np.maximum(np.maximum(low - logarithm, logarithm - high), 0)
    count = min(FEWEST, len(distances))
    reach = max(math.log(FACTOR), float(np.partition(distances, count - 1)[count - 1]))
    return np.flatnonzero(distances <= reach + 1e-6)


def percentiles(values: NDArray, sigma: NDArray) -> NDArray[np.float32]:
    """How many percent of the samples of like noise level have a smaller value than each ``(N,)``,
    itself among them; NaN where a value or a noise level is not known.

    Args:
        values: one a sample ``(N,)``.
        sigma: their noise levels ``(N,)``.
    """
    ranks = np.full(len(values), np.nan, np.float32)
    usable = np.flatnonzero(np.isfinite(values) & np.isfinite(sigma))
    if not len(usable):
        return ranks
    figures, logarithm = values[usable], logarithms(sigma[usable])
    levels, at = np.unique(logarithm, return_inverse=True)
    if len(levels) > MOST_LEVELS:
        levels = np.unique(np.quantile(logarithm, np.linspace(0, 1, MOST_LEVELS)))
        at = np.searchsorted((levels[1:] + levels[:-1]) / 2, logarithm)
    for number, level in enumerate(levels.tolist()):
        rows = np.flatnonzero(at == number)
        among = np.sort(figures[rows_like(logarithm, level, level)])
        ranks[usable[rows]] = 100 * np.searchsorted(among, figures[rows]) / len(among)
    return ranks


def _levels(levels: Levels) -> str:
    low, high = (f"{level:.3g}" for level in levels)
    return low if low == high else f"{low}–{high}"


def _above(figure: Measured, of: str | None = None) -> str:
    """``: above 93 % of the samples``; nothing where that is not known."""
    if figure.percentile is None:
        return ""
    whose = tr(" of the samples") if of is None else of
    return tr(": above {percent} %{whose}", percent=math.floor(figure.percentile), whose=whose)
