"""How samples are noised before layers are extracted, and noise levels in percent, as the
original's newest version gives them: on a logarithmic scale."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.text.translation import marked, tr

ExtractionInput = Literal["noised", "scaled"]
EXTRACTED_FROM: dict[ExtractionInput, str] = {
    "noised": marked("picture + σ·noise"),
    "scaled": marked("picture·σ, without noise"),
}
"""What the model sees when layers are extracted."""
NO_NOISE, PURE_NOISE = 0.002, 80.0
"""What 0 % and 100 % stand for: the lowest and the highest σ of EDM's schedule."""
FAR_APART = 4.0
"""So many times the σ of a sample, the σ of another is far from it: a layer computes something else
there."""


def mixed_levels(sigmas: NDArray[np.floating]) -> str:
    """That a mean of samples of these noise levels mixes some that are far apart, as a sentence;
    empty where they are near each other."""
    levels = sigmas[np.isfinite(sigmas)]
    if not len(levels):
        return ""
    low, high = float(levels.min()), float(levels.max())
    if high < FAR_APART * max(low, NO_NOISE):
        return ""
    return tr("The mean mixes noise levels from σ {low:g} to {high:g}.", low=low, high=high)


FAINTEST, STRONGEST, EQUAL = 0.4, 1.0, 0.7
"""Opacity of the samples of the highest and of the lowest σ, and where all have the same."""


def opacities(sigma: NDArray) -> NDArray[np.float64]:
    """Opacity of each sample from its noise level: 1.0 for the lowest to 0.4 for the highest, by
    log sigma; 0.7 where all are the same."""
    if not len(sigma):
        return np.empty(0)
    level = np.log(np.asarray(sigma, dtype=np.float64))
    low, high = level.min(), level.max()
    if high - low < 1e-9:
        return np.full(len(level), EQUAL)
    return STRONGEST - (STRONGEST - FAINTEST) * (level - low) / (high - low)


def sigma_of_percent(percent: float) -> float:
    """The σ of a noise level in percent, 0 … 100."""
    share = percent / 100
    return float(NO_NOISE ** (1 - share) * PURE_NOISE**share)


def percent_of_sigma(sigma: float) -> float:
    """A σ in percent of noise; 0 below the scale and 100 above it."""
    within = min(max(sigma, NO_NOISE), PURE_NOISE)
    return 100 * math.log(within / NO_NOISE) / math.log(PURE_NOISE / NO_NOISE)


def read_percent(value: Any) -> float:
    """A noise level in percent, as a file says it.

    Raises:
        ValueError: it is no number from 0 to 100.
    """
    number = math.nan
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
    if not 0 <= number <= 100:
        raise ValueError(tr("must be a number from 0 to 100, in percent of noise"))
    return number
