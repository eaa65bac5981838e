"""Where values lie on a ramp from low to high, whatever its colours are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.values.quantities.quantity import Values

OUTLIERS = 1.0  # per cent at an open end of the range that take the colour of that end


@dataclass(frozen=True, eq=False)
class OnRamp:
    """Places of values.

    Attributes:
        place: of each value ``(N,) float64``, 0 … 1; NaN where there is none.
        bounds: values at both ends.
        ends: texts of both ends; empty where no value is known.
    """

    place: NDArray[np.float64]
    bounds: tuple[float, float] = (0.0, 1.0)
    ends: tuple[str, str] = ("", "")


def on_ramp(source: Values) -> OnRamp:
    """Values over their whole range; at an open end a few outliers do not stretch it."""
    values, logarithmic = np.asarray(source.values, dtype=np.float64), source.logarithmic
    reals = values[np.isfinite(values) & ((values > 0) | (not logarithmic))]
    if not len(reals):
        return OnRamp(np.full(len(values), np.nan))
    percents = [OUTLIERS if source.open_low else 0.0, 100 - OUTLIERS if source.open_high else 100.0]
    low, high = np.percentile(reals, percents).tolist()
    if source.kind == "diverging":
        high = max(-low, high)
        low = -high
    with np.errstate(divide="ignore", invalid="ignore"):
        positions = np.log(values) if logarithmic else values
    positions = np.where(np.isfinite(positions), positions, np.nan)
    start, end = (np.log(low), np.log(high)) if logarithmic else (low, high)
    span = max(float(end - start), 1e-12)
    first, last = source.texts(low, high)
    return OnRamp(
        np.clip((positions - start) / span, 0.0, 1.0),
        (low, high),
        (
            ("≤ " if reals.min() < low else "") + first,
            ("≥ " if reals.max() > high else "") + last,
        ),
    )
