"""Values as colours, for figures: those of the window, drawn without Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.values.figures import Ground, MapShown
from diffviews_desktop.values.palette import DIVERGING, MISSING, category_colors
from diffviews_desktop.values.quantities import Values
from diffviews_desktop.values.quantities.ramp import on_ramp

LEVELS = 256
_DARKER = 0.8
"""Of colours to both sides of zero on a light background."""


@dataclass(frozen=True, eq=False)
class Colored:
    """The colours of points and what they mean.

    Attributes:
        rgb: of each point ``(N, 3) float``, 0 … 1.
        entries: name and colour of each category that has points; empty for a ramp.
        ramp: colours from low to high ``(L, 3)``; None for categories.
        ends: texts of both ends.
    """

    rgb: NDArray[np.float64]
    entries: tuple[tuple[str, NDArray[np.float64]], ...] = ()
    ramp: NDArray[np.float64] | None = None
    ends: tuple[str, str] = ("", "")


def color(view: MapShown, ground: Ground) -> Colored:
    """The colours of a map's samples on a light or a dark background."""
    values = view.values
    if values.kind == "category":
        return _categories(values, dark=ground == "dark")
    return _on_ramp(view, dark=ground == "dark")


def _categories(values: Values, *, dark: bool) -> Colored:
    count = len(values.names)
    palette = np.vstack([_colors_of(values, dark=dark), _rgb([MISSING])])
    place = np.asarray(values.values, dtype=np.int64)
    in_use = np.bincount(np.where(place < 0, count, place), minlength=count + 1) > 0
    names = (*values.names, "none")
    entries = tuple(
        (visible(names[at], MOST_OF_NAME), palette[at]) for at in np.flatnonzero(in_use)
    )
    return Colored(palette[place], entries)


def _colors_of(values: Values, *, dark: bool) -> NDArray[np.float64]:
    """Their own, where they have some; classes by plasma over their sorted numbers."""
    count = len(values.names)
    if values.colors:
        return _rgb(values.colors)
    if values.by != "class":
        return _rgb(category_colors(count, dark=dark))
    from matplotlib import colormaps

    low, high = (0.16, 1.0) if dark else (0.0, 0.91)
    places = low + (high - low) * np.arange(count) / max(1, count - 1)
    return np.asarray(colormaps["plasma"](places))[:, :3]


def _on_ramp(view: MapShown, *, dark: bool) -> Colored:
    positions, ramp = on_ramp(view.values), _ramp_colors(view, dark=dark)
    rgb = ramp[(np.nan_to_num(positions.place) * (LEVELS - 1)).astype(np.int64)]
    rgb[np.isnan(positions.place)] = _rgb([MISSING])
    return Colored(rgb, (), ramp, positions.ends)


def _ramp_colors(view: MapShown, *, dark: bool) -> NDArray[np.float64]:
    """From low to high, without the end that would be lost against the background."""
    if view.values.kind == "diverging":
        stops, places = _rgb(DIVERGING), np.linspace(0, len(DIVERGING) - 1, LEVELS)
        parts = [np.interp(places, np.arange(len(stops)), part) for part in stops.T]
        return np.stack(parts, axis=1) * (1.0 if dark else _DARKER)
    from matplotlib import colormaps

    low, high = (0.14, 1.0) if dark else (0.0, 0.93)
    return np.asarray(colormaps[view.ramp](np.linspace(low, high, LEVELS)))[:, :3]


def _rgb(colors: Sequence[str]) -> NDArray[np.float64]:
    """``#rrggbb`` as three numbers 0 … 1 each, ``(n, 3)``."""
    parts = [[int(one[at : at + 2], 16) / 255 for at in (1, 3, 5)] for one in colors]
    return np.array(parts).reshape(-1, 3)
