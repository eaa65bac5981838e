"""How usual activations are among a map's samples of like noise level."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.processing.components import Reduction
from diffviews_desktop.processing.neighbors import NeighborIndex
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.values.typicality import (
    LIMIT,
    Levels,
    Measured,
    Typicality,
    logarithms,
    rows_like,
)

FEWEST_TO_TELL = 20
"""Samples that a percentile is told of."""
SAMPLES_A_COMPONENT = 10
"""With fewer the components fit the samples themselves, more than what else is like them."""
MOST_MEASURED, READ_AT_ONCE = 2000, 64


def nearest_distances(
    reduced: NDArray, progress: Callable[[float], None] | None = None
) -> Float32 | None:
    """From each sample to the nearest other one ``(N,)``; None where there is no other.

    Args:
        reduced: the samples ``(N, K)``.
        progress: called with the fraction done; may raise to stop.
    """
    if len(reduced) < 2:
        return None
    return NeighborIndex(reduced).graph(1, progress).distance[:, 0]


def enough_samples(reduction: Reduction, count: int) -> bool:
    """Whether the samples' own shares outside the components tell what other shares are usual."""
    components = reduction.components
    if components is None:
        return False
    return len(components) == components.shape[1] or count >= SAMPLES_A_COMPONENT * len(components)


def with_sample_figures(
    projector: Projector,
    read: Callable[[Sequence[int]], Float32 | None],
    check: Callable[[], None],
) -> Projector:
    """A projector that an earlier version made, with the samples' own figures, as far as they can
    be found: of 2000 samples drawn at random, where there are more.

    Args:
        projector: without them.
        read: gives activations ``(M, D)`` of samples of the table, None where they are not kept.
        check: called often; may raise to stop.
    """
    count = len(projector.rows)
    if count < 2:
        return projector
    sample = np.random.default_rng(0).permutation(count)[:MOST_MEASURED]
    near = np.full(count, np.nan, np.float32)
    neighbors = NeighborIndex(projector.reduced).nearest(projector.reduced[sample], 2)
    near[sample] = neighbors.distance[:, 1]
    outside: Float32 | None = None
    if enough_samples(projector.reduction, count):
        outside = np.full(count, np.nan, np.float32)
        for start in range(0, len(sample), READ_AT_ONCE):
            check()
            part = sample[start : start + READ_AT_ONCE]
            rows = read(projector.rows[part].tolist())
            if rows is None:
                outside = None
                break
            outside[part] = projector.reduction.reduce(rows).outside
    return replace(projector, near=near, outside=outside)


@dataclass(frozen=True, eq=False)
class _Own:
    """One figure of some samples: their values ``(M,)``, ascending, and what 95 % stay below."""

    values: NDArray
    limit: float

    def measure(self, value: float) -> Measured:
        """The same figure of something else beside theirs."""
        if not math.isfinite(value):
            return Measured(value)
        smaller = int(np.searchsorted(self.values, np.float32(value), side="left"))
        return Measured(value, 100 * smaller / len(self.values), self.limit)


@dataclass(frozen=True, eq=False)
class _Like:
    """The samples that something is compared with: their noise levels, and their figures where
    they are known of enough of them."""

    levels: Levels
    near: _Own | None
    outside: _Own | None


@dataclass(frozen=True, eq=False)
class SampleFigures:
    """A map's samples with their own figures, to compare others with.

    Samples of like noise level are those within a factor of 1.5; where these are fewer than 50, the
    50 nearest, and all that are as near.

    Attributes:
        projector: the map's.
        sigma: noise level of each of its samples ``(N,)``.
    """

    projector: Projector
    sigma: NDArray
    _log: NDArray = field(init=False)
    _known: dict[Levels, _Like] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_log", logarithms(self.sigma))

    def judge(
        self,
        distance: float,
        outside: float,
        among: Levels,
        sigma: float | None = None,
    ) -> Typicality:
        """How usual an activation is.

        Args:
            distance: from it to the nearest sample in the reduced space.
            outside: share of it that no component holds.
            among: the least and the largest noise level of what it is compared with.
            sigma: its own noise level; None where it has none.
        """
        like = self._like(among) if len(self.sigma) else None
        near, shares = (None, None) if like is None else (like.near, like.outside)
        has_share = self.projector.reduction.components is not None
        return Typicality(
            distance=_measure(distance, near),
            outside=_measure(outside, shares) if has_share else None,
            like=None if like is None else like.levels,
            levels=_range(self.sigma) if len(self.sigma) else None,
            sigma=sigma,
            note=self._note(like),
        )

    def _like(self, among: Levels) -> _Like:
        """The samples of like noise level; found once for each."""
        if among not in self._known:
            rows = rows_like(self._log, *logarithms(np.array(among)).tolist())
            projector = self.projector
            self._known[among] = _Like(
                _range(self.sigma[rows]),
                _figure_of(projector.near, rows),
                _figure_of(projector.outside, rows),
            )
        return self._known[among]

    def _note(self, like: _Like | None) -> str:
        projector = self.projector
        if like is None or len(self.sigma) < FEWEST_TO_TELL:
            return f"Fewer than {FEWEST_TO_TELL} samples are too few to tell what is usual."
        if like.near is None:
            return "An earlier version of the program made this map: map the layer again."
        components = projector.reduction.components
        if like.outside is not None or components is None:
            return ""
        if not enough_samples(projector.reduction, len(self.sigma)):
            return (
                f"The map has fewer than {SAMPLES_A_COMPONENT} samples a component: too few to "
                "tell which share outside of them is usual."
            )
        return (
            "How much of the samples lies outside the components is not known, because their "
            "activations are not kept: map the layer again."
        )


def _measure(value: float, samples: _Own | None) -> Measured:
    return Measured(value) if samples is None else samples.measure(value)


def _figure_of(values: Float32 | None, rows: NDArray[np.int64]) -> _Own | None:
    """The figure of some samples; None where it is known of too few."""
    if values is None:
        return None
    figures = np.sort(values[rows][np.isfinite(values[rows])])
    if len(figures) < FEWEST_TO_TELL:
        return None
    return _Own(figures, _quantile(figures, LIMIT / 100))


def _quantile(ascending: NDArray, part: float) -> float:
    """The same as `numpy.quantile`, without the time that sorting again takes."""
    place = part * (len(ascending) - 1)
    low = int(place)
    below, above = float(ascending[low]), float(ascending[min(low + 1, len(ascending) - 1)])
    return below + (above - below) * (place - low)


def _range(sigma: NDArray) -> Levels:
    return float(sigma.min()), float(sigma.max())
