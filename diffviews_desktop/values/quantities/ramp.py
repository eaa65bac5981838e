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


def on_ramp(found: Values) -> OnRamp:
    """Values over their whole range; at an open end a few outliers do not stretch it."""
    values, logarithmic = np.asarray(found.values, dtype=np.float64), found.logarithmic
    known = values[np.isfinite(values) & ((values > 0) | (not logarithmic))]
    if not len(known):
        return OnRamp(np.full(len(values), np.nan))
    percents = [OUTLIERS if found.open_low else 0.0, 100 - OUTLIERS if found.open_high else 100.0]
    low, high = np.percentile(known, percents).tolist()
    if found.kind == "diverging":
        high = max(-low, high)
        low = -high
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.log(values) if logarithmic else values
    scaled = np.where(np.isfinite(scaled), scaled, np.nan)
    start, end = (np.log(low), np.log(high)) if logarithmic else (low, high)
    span = max(float(end - start), 1e-12)
    first, last = found.texts(low, high)
    return OnRamp(
        np.clip((scaled - start) / span, 0.0, 1.0),
        (low, high),
        (
            ("≤ " if known.min() < low else "") + first,
            ("≥ " if known.max() > high else "") + last,
        ),
    )
