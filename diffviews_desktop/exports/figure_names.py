"""Names on a figure: above all marks, beside them, and never on each other."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.values.figures import MapShown
from diffviews_desktop.values.map_names import labels_of

if TYPE_CHECKING:  # it takes a second to import
    from matplotlib.axes import Axes

Box = tuple[float, float, float, float]
"""Left, bottom, right and top, in pixels."""
MOST_NAMES = 200
"""That are written at most."""
_SCREEN = 96.0
"""Logical pixels an inch of a screen: groups are told apart as there."""
_MOST_LETTERS = 24
_AROUND = 8
_RINGS = (0.0, 1.0, 2.0, 3.0)
"""How far from its place a name is tried, in heights of it."""
_MARK = 6.0  # points from the middle of a mark that no name touches


def write_names(axes: Axes, view: MapShown, letters: float, ink: str, paper: str) -> None:
    """Write each name as near to its place as it finds room; one without any is left out."""
    from matplotlib.patheffects import withStroke

    inside, boxes = _box_of(axes), _marks(axes, view)
    for name, place in _places(axes, view):
        text = axes.text(
            *place,
            textwrap.shorten(name, _MOST_LETTERS, placeholder="…") or name[:_MOST_LETTERS],
            fontsize=letters,
            color=ink,
            ha="center",
            va="center",
            zorder=60,
            path_effects=[withStroke(linewidth=2.0, foreground=paper)],
        )
        extent = text.get_window_extent()
        middle = np.array(axes.transData.transform(place))
        at = _free(middle, extent.width, extent.height, boxes, inside)
        if at is None:
            text.remove()
            continue
        text.set_position(tuple(axes.transData.inverted().transform(at)))
        boxes.append(_around(at, extent.width, extent.height))


def _places(axes: Axes, view: MapShown) -> list[tuple[str, tuple[float, float]]]:
    """The names of what prevails somewhere, each where it does, as on the screen."""
    if view.classes is None:
        return []
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    x, y = view.xy[:, 0], view.xy[:, 1]  # NaN is nowhere
    rows = np.flatnonzero((x >= left) & (x <= right) & (y >= bottom) & (y <= top))
    box, inch = axes.get_window_extent(), axes.figure.dpi
    size = box.width / inch * _SCREEN, box.height / inch * _SCREEN
    part = left, bottom, right - left, top - bottom
    labels = labels_of(view.xy, view.classes, rows, part, *size)
    names = view.class_names
    return [
        (visible(names.get(one.number, str(one.number)), MOST_OF_NAME), (one.x, one.y))
        for one in labels[:MOST_NAMES]
    ]


def _free(
    middle: NDArray, width: float, height: float, boxes: list[Box], inside: Box
) -> NDArray | None:
    for far in _RINGS:
        for turn in range(_AROUND if far else 1):
            angle = 2 * np.pi * (turn / _AROUND + 0.25)
            shift = far * np.array([np.cos(angle) * (width / 2 + height), np.sin(angle) * height])
            box = _around(middle + shift, width, height)
            within = box[0] >= inside[0] and box[1] >= inside[1]
            within = within and box[2] <= inside[2] and box[3] <= inside[3]
            if within and not any(_overlap(box, one) for one in boxes):
                return np.asarray(middle + shift)
    return None


def _marks(axes: Axes, view: MapShown) -> list[Box]:
    """What no name may touch: rings and the steps of runs."""
    places = [ring.xy for ring in view.rings]
    for path in view.paths:
        places += [*map(tuple, path.xy), *path.imposed]
        places += [] if path.landed is None else [path.landed]
    if not places:
        return []
    side = 2 * _MARK * axes.figure.dpi / 72
    return [_around(one, side, side) for one in axes.transData.transform(np.array(places))]


def _box_of(axes: Axes) -> Box:
    box = axes.get_window_extent()
    return box.x0, box.y0, box.x1, box.y1


def _around(middle: NDArray, width: float, height: float) -> Box:
    x, y = float(middle[0]), float(middle[1])
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
