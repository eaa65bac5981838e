"""Values as colours: where each sample lies on a ramp, or which category it is of."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from diffviews_desktop.state.state import State
from diffviews_desktop.state.values import values_of
from diffviews_desktop.ui.common.colors import MISSING, category_colors
from diffviews_desktop.ui.views.flat.scene import SIZES
from diffviews_desktop.values.preferences import Ramp
from diffviews_desktop.values.quantities import ColorBy, Kind, Values
from diffviews_desktop.values.quantities.ramp import on_ramp

LEVELS = 48

_ramp: Ramp = "viridis"


def set_ramp(ramp: Ramp) -> None:
    """Show values from low to high by a ramp."""
    global _ramp
    _ramp = ramp


@dataclass(frozen=True, eq=False)
class Coloring:
    """What the colours of the points tell.

    Attributes:
        by: as in `ColorBy`.
        name: of the values, for the legend.
        place: of each sample on the ramp ``(N,) float64``, 0 … 1; NaN where it has no value. Of
            categories the position, -1 where it has none.
        low: the text at the ramp's lower end.
        high: the text at its upper end.
        kind: of the values.
        bounds: values at both ends of the ramp.
        logarithmic: whether the ramp follows their logarithms.
        names: of the categories.
        colors: of the categories, where they have colours of their own.
    """

    by: ColorBy
    name: str
    place: NDArray[np.float64]
    low: str = ""
    high: str = ""
    kind: Kind = "sequential"
    bounds: tuple[float, float] = (0.0, 1.0)
    logarithmic: bool = False
    names: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()

    @property
    def incomplete(self) -> bool:
        """Whether a sample has no value."""
        missing = self.place < 0 if self.kind == "category" else np.isnan(self.place)
        return bool(missing.any())

    def groups(self) -> NDArray[np.int64]:
        """Index of each sample into `palette`."""
        if self.kind == "category":
            place = self.place.astype(np.int64)
            return np.where(place < 0, len(self.names), place)
        levels = np.minimum(np.nan_to_num(self.place) * LEVELS, LEVELS - 1).astype(np.int64)
        return np.where(np.isnan(self.place), LEVELS, levels)

    def palette(self, *, dark: bool) -> list[QColor]:
        """The colours, the last that of samples without a value."""
        if self.colors:
            return [*map(QColor, self.colors), MISSING]
        if self.kind == "category":
            return [*category_colors(len(self.names), dark=dark), MISSING]
        return [*ramp_colors(self.kind, _ramp, dark=dark), MISSING]

    def place_of(self, value: float) -> float:
        """Where a value lies on the ramp; 0 … 1 inside it."""
        low, high = self.bounds
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(max(value, 1e-300))
        return (value - low) / max(high - low, 1e-12)

    def value_at(self, place: float) -> float:
        """The value at a place of the ramp, 0 … 1."""
        low, high = self.bounds
        if self.logarithmic:
            return float(low * (high / low) ** place)
        return low + (high - low) * place


def coloring(state: State) -> Coloring | None:
    """The colouring that a state asks for; None for classes."""
    by = state.colored_by
    values = values_of(state, by) if by != "class" else None
    if values is None:
        return None
    if values.kind == "category":
        place = np.asarray(values.values, dtype=np.float64)
        return Coloring(
            by, values.name, place, kind="category", names=values.names, colors=values.colors
        )
    return _on_ramp(values)


def sizing(state: State) -> NDArray[np.uint8] | None:
    """The size of each sample that a state asks for ``(N,)``, indices into `SIZES`: the larger its
    value the larger, the smallest without one; None for all alike."""
    by = state.sized_by
    values = values_of(state, by) if by is not None else None
    if values is None:
        return None
    place = _on_ramp(replace(values, kind="sequential")).place
    last = len(SIZES) - 1
    return np.rint(np.nan_to_num(place) * last).astype(np.uint8)


@lru_cache(maxsize=16)
def ramp_colors(kind: Kind, ramp: Ramp, *, dark: bool) -> list[QColor]:
    """The colours from low to high, without the end that would be lost against the background."""
    if kind == "diverging":  # blue to yellow, which every kind of colour vision tells apart
        both = pg.colormap.get("CET-CBD1").map(np.linspace(0.0, 1.0, LEVELS), mode="qcolor")
        return list(both) if dark else [color.darker(125) for color in both]
    low, high = (0.14, 1.0) if dark else (0.0, 0.93)
    return list(pg.colormap.get(ramp).map(np.linspace(low, high, LEVELS), mode="qcolor"))


def _on_ramp(values: Values) -> Coloring:
    spread = on_ramp(values)
    return Coloring(
        values.by,
        values.name,
        spread.place,
        *spread.ends,
        values.kind,
        spread.bounds,
        values.logarithmic,
    )
