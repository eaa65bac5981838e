"""Values as colours: which number of each sample is shown, over which range, and the ramp."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from diffviews_desktop.state import State
from diffviews_desktop.ui.colors import MISSING

LEVELS = 48
OUTLIERS = 1.0  # per cent at an open end of the range that take the colour of that end


@dataclass(frozen=True, eq=False)
class Coloring:
    """What the colours of the points tell.

    Attributes:
        name: of the values, for the legend.
        place: of each sample on the ramp ``(N,) float64``, 0 … 1; NaN where it has no value.
        low: the text at the ramp's lower end.
        high: the text at its upper end.
    """

    name: str
    place: NDArray[np.float64]
    low: str
    high: str

    @property
    def incomplete(self) -> bool:
        """Whether a sample has no value."""
        return bool(np.isnan(self.place).any())

    def groups(self) -> NDArray[np.int64]:
        """Index of each sample into `palette`."""
        levels = np.minimum(np.nan_to_num(self.place) * LEVELS, LEVELS - 1).astype(np.int64)
        return np.where(np.isnan(self.place), LEVELS, levels)


def coloring(state: State) -> Coloring | None:
    """The colouring that a state asks for; None for classes."""
    shown, samples, by = state.layer_map, state.samples, state.colored_by
    if shown is None or samples is None:
        return None
    if by == "sigma":
        return _coloring("noise level σ", samples.sigma, logarithmic=True)
    if by == "trust" and shown.trust is not None:
        return _coloring("trust", shown.trust, open_low=True)
    if by == "z" and shown.z is not None:
        return _coloring("third dimension", shown.z)
    anchor = state.selection.anchor
    if by == "distance" and shown.reduced is not None and anchor is not None:
        away = shown.reduced - shown.reduced[anchor]
        distance = np.sqrt(np.einsum("nd,nd->n", away, away))
        return _coloring("distance to the anchor", distance, open_high=True)
    return None


def palette(*, dark: bool) -> list[QColor]:
    """The ramp, viridis without the end that would be lost against the background, and last the
    colour of samples without a value."""
    low, high = (0.14, 1.0) if dark else (0.0, 0.93)
    ramp = pg.colormap.get("viridis").map(np.linspace(low, high, LEVELS), mode="qcolor")
    return [*ramp, MISSING]


def _coloring(
    name: str,
    values: NDArray,
    *,
    logarithmic: bool = False,
    open_low: bool = False,
    open_high: bool = False,
) -> Coloring:
    """Values over their whole range; at an open end a few outliers do not stretch it."""
    values = np.asarray(values, dtype=np.float64)
    known = values[np.isfinite(values) & ((values > 0) | (not logarithmic))]
    if not len(known):
        return Coloring(name, np.full(len(values), np.nan), "", "")
    low, high = np.percentile(
        known, [OUTLIERS if open_low else 0.0, 100 - OUTLIERS if open_high else 100.0]
    ).tolist()
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.log(values) if logarithmic else values
    scaled = np.where(np.isfinite(scaled), scaled, np.nan)
    start, end = (np.log(low), np.log(high)) if logarithmic else (low, high)
    span = max(float(end - start), 1e-12)
    return Coloring(
        name,
        np.clip((scaled - start) / span, 0.0, 1.0),
        ("≤ " if known.min() < low else "") + f"{low:.3g}",
        ("≥ " if known.max() > high else "") + f"{high:.3g}",
    )
