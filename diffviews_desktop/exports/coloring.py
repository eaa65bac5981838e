"""Values as colours, for figures: the same as the window's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.values.figures import Ground, MapShown
from diffviews_desktop.values.palette import MISSING, OKABE_ITO
from diffviews_desktop.values.quantities import Values

LEVELS = 256
OUTLIERS = 1.0  # per cent at an open end of the range that take the colour of that end


@dataclass(frozen=True, eq=False)
class Colored:
    """The colours of points and what they mean.

    Attributes:
        rgb: of each point ``(N, 3) float``, 0 … 1.
        entries: name and colour of each category that has points; empty for a ramp.
        ramp: colours from low to high ``(L, 3)``; None for categories.
        bounds: values at both ends of the ramp.
        logarithmic: whether the ramp follows their logarithms.
        ends: texts of both ends.
    """

    rgb: NDArray[np.float64]
    entries: tuple[tuple[str, NDArray[np.float64]], ...] = ()
    ramp: NDArray[np.float64] | None = None
    bounds: tuple[float, float] = (0.0, 1.0)
    logarithmic: bool = False
    ends: tuple[str, str] = ("", "")


def color(shown: MapShown, ground: Ground) -> Colored:
    """The colours of a map's samples on a light or a dark background."""
    values = shown.values
    if values.kind == "category":
        return _categories(values, dark=ground == "dark")
    return _ramp(shown, dark=ground == "dark")


def _categories(values: Values, *, dark: bool) -> Colored:
    count = len(values.names)
    palette = np.vstack([_category_colors(values.by, count, dark=dark), _rgb(MISSING)])
    place = np.asarray(values.values, dtype=np.int64)
    there = np.bincount(np.where(place < 0, count, place), minlength=count + 1) > 0
    names = (*values.names, "none")
    entries = tuple((visible(names[at], MOST_OF_NAME), palette[at]) for at in np.flatnonzero(there))
    return Colored(palette[place], entries)


def _category_colors(by: str, count: int, *, dark: bool) -> NDArray[np.float64]:
    """Classes by plasma over their sorted numbers; other categories by colours that differ."""
    from matplotlib import colormaps
    from matplotlib.colors import hsv_to_rgb

    if by == "class":
        low, high = (0.16, 1.0) if dark else (0.0, 0.91)
        places = low + (high - low) * np.arange(count) / max(1, count - 1)
        return np.asarray(colormaps["plasma"](places))[:, :3]
    if count <= len(OKABE_ITO):
        return np.array([_rgb(one) for one in OKABE_ITO[:count]]).reshape(-1, 3)
    numbers = np.arange(count)
    hue = (numbers * 0.618034) % 1.0  # neighbours in the list lie far apart on the wheel
    light = (0.95 if dark else 0.75) - 0.12 * (numbers % 3)
    return np.asarray(hsv_to_rgb(np.stack([hue, 0.55 + 0.3 * (numbers % 2), light], axis=1)))


def _ramp(shown: MapShown, *, dark: bool) -> Colored:
    """Values over their whole range; at an open end a few outliers do not stretch it."""
    found = shown.values
    values, logarithmic = np.asarray(found.values, dtype=np.float64), found.logarithmic
    known = values[np.isfinite(values) & ((values > 0) | (not logarithmic))]
    ramp = _ramp_colors(shown, dark=dark)
    if not len(known):
        return Colored(np.tile(_rgb(MISSING), (len(values), 1)), ramp=ramp)
    ends = [OUTLIERS if found.open_low else 0.0, 100 - OUTLIERS if found.open_high else 100.0]
    low, high = np.percentile(known, ends).tolist()
    if found.kind == "diverging":
        high = max(-low, high)
        low = -high
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.log(values) if logarithmic else values
    start, end = (np.log(low), np.log(high)) if logarithmic else (low, high)
    place = np.clip((scaled - start) / max(float(end - start), 1e-12), 0.0, 1.0)
    missing = ~np.isfinite(scaled)
    level = np.where(missing, 0, np.nan_to_num(place) * (LEVELS - 1)).astype(np.int64)
    rgb = ramp[level]
    rgb[missing] = _rgb(MISSING)
    first, last = found.texts(low, high)
    texts = (
        ("≤ " if known.min() < low else "") + first,
        ("≥ " if known.max() > high else "") + last,
    )
    return Colored(rgb, (), ramp, (low, high), logarithmic, texts)


def _ramp_colors(shown: MapShown, *, dark: bool) -> NDArray[np.float64]:
    """From low to high, without the end that would be lost against the background."""
    from matplotlib import colormaps

    if shown.values.kind == "diverging":  # blue to yellow by way of grey
        from matplotlib.colors import LinearSegmentedColormap

        ends = ["#3b7de0", "#d8d8d8" if not dark else "#5a5a5a", "#c9a400"]
        both = LinearSegmentedColormap.from_list("both", ends, N=LEVELS)
        return np.asarray(both(np.linspace(0.0, 1.0, LEVELS)))[:, :3]
    low, high = (0.14, 1.0) if dark else (0.0, 0.93)
    return np.asarray(colormaps[shown.ramp](np.linspace(low, high, LEVELS)))[:, :3]


def _rgb(text: str) -> NDArray[np.float64]:
    """``#rrggbb`` as three numbers 0 … 1."""
    return np.array([int(text[at : at + 2], 16) / 255 for at in (1, 3, 5)])
