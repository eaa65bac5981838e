"""What the third axis shows: which number of each sample, and how it is written at the axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.state.state import State
from diffviews_desktop.state.values import values_of
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.values.quantities import QUANTITIES, ColorBy

STACKED = tr("Each noise level has a map of its own; a picture lies at like places on all.")
OVERLAID = tr("Each noise level has a map of its own: choose the noise level to stack them.")
CHOICES: dict[ColorBy, str] = {by: tr(one.title) for by, one in QUANTITIES.items() if one.on_axis}
MOST_TICKS = 5
STEPS_OF_TICKS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, eq=False)
class ThirdAxis:
    """Values along the third axis.

    Attributes:
        by: what they are.
        name: for the axis.
        heights: place of each sample along the axis ``(N,) float64``; NaN where it has no value.
        logarithmic: whether ``heights`` are the logarithms (base 10) of the values.
        note: what else to know of it; empty for nothing.
    """

    by: ColorBy
    name: str
    heights: NDArray[np.float64]
    logarithmic: bool = False
    note: str = ""

    def height_of_step(self, sigma: float) -> float | None:
        """Where a denoising step lies; None where the axis says nothing of steps."""
        return math.log10(sigma) if self.by == "sigma" and sigma > 0 else None

    def text(self, height: float) -> str:
        """The value at a height."""
        return f"{10**height if self.logarithmic else height:.3g}"

    def ticks(self, low: float, high: float) -> list[tuple[float, str]]:
        """Heights and texts of a few round values in a range."""
        if not self.logarithmic:
            return [(at, f"{at:.6g}") for at in round_values(low, high)]
        for steps in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
            values = [
                (math.log10(step) + decade, f"{step * 10.0**decade:.6g}")
                for decade in range(math.floor(low), math.ceil(high) + 1)
                for step in steps
            ]
            values = [(at, text) for at, text in values if low - 1e-9 <= at <= high + 1e-9]
            if len(values) <= MOST_TICKS + 1:
                break
        if len(values) < 2:  # less than one round step: the values themselves
            values = [(at, self.text(at)) for at in (low, high)]
        every = math.ceil(len(values) / (MOST_TICKS + 1))
        return values[::every]


def round_values(low: float, high: float) -> list[float]:
    """At most ``MOST_TICKS + 1`` evenly spaced round numbers from ``low`` to ``high``."""
    span = high - low
    if not span > 0:
        return [low]
    rough = span / MOST_TICKS
    decade = 10.0 ** math.floor(math.log10(rough))
    step = next(s * decade for s in STEPS_OF_TICKS if s * decade >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [0.0 if i == 0 else i * step for i in range(first, last + 1)]


def axis_of_choice(state: State) -> ColorBy:
    """What the third axis shows: what was asked for, where this map has it; else the noise level,
    or the map's third dimension where all samples share one noise level."""
    choice, samples = state.view.third_axis, state.opened.samples
    if choice is not None and not state.cannot_color(choice):
        return choice
    same = samples is None or _all_equal(samples.sigma)
    return "z" if same and not state.cannot_color("z") else "sigma"


def third_axis(state: State, by: ColorBy) -> ThirdAxis:
    """The axis for a state with a map; takes longer than a frame for many samples."""
    samples, layer_map = state.opened.samples, state.opened.layer_map
    assert samples is not None
    assert layer_map is not None
    values = values_of(state, by)
    if values is not None and not values.logarithmic:
        heights = np.asarray(values.values, np.float64)
        note = _join(OVERLAID if layer_map.aligned else "", _missing(heights))
        return ThirdAxis(by, values.name, heights, note=note)
    sigma = np.asarray(samples.sigma, np.float64)
    positive = np.isfinite(sigma) & (sigma > 0)
    heights = np.full(len(samples), np.nan)
    np.log10(sigma, out=heights, where=positive)
    note = _join(STACKED if layer_map.aligned else "", _missing(heights))
    if positive.any() and _all_equal(sigma[positive]):
        level = f"{sigma[positive][0]:.3g}"
        note = tr("Flat: all samples have the noise level {level}.", level=level)
    return ThirdAxis("sigma", tr("noise level σ"), heights, logarithmic=True, note=note)


def _join(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _missing(heights: NDArray) -> str:
    without = int(np.count_nonzero(~np.isfinite(heights)))
    if not without:
        return ""
    return trn(
        "{number} sample without a value is not drawn.",
        "{number} samples without a value are not drawn.",
        without,
    )


def _all_equal(values: NDArray) -> bool:
    return not len(values) or bool(np.nanmax(values) - np.nanmin(values) < 1e-9)
