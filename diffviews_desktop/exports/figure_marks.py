"""What lies on the points of a figure: rings around picked samples, and the paths of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.values.figures import MapShown, PathShown, Role
from diffviews_desktop.values.palette import ANCHOR, MANUAL, PATHS, SUGGESTED

if TYPE_CHECKING:  # it takes a second to import
    from matplotlib.axes import Axes

RINGS: dict[Role, tuple[str, str, float, float, str]] = {
    "anchor": ("anchor", ANCHOR, 11.0, 1.6, "-"),
    "manual": ("neighbour by hand", MANUAL, 8.0, 1.4, ":"),
    "suggested": ("suggested neighbour", SUGGESTED, 8.0, 1.0, "-"),
}
"""Name, colour, size and width in points, and line of each role."""
_HOLLOW_FROM = 0.5  # of the way to the last step's colour: an outline shows less than a filling


def draw_marks(axes: Axes, view: MapShown, paper: str) -> None:
    """Draw rings and paths."""
    for role, (_, ink, size, width, line) in RINGS.items():
        places = np.array([ring.xy for ring in view.rings if ring.role == role]).reshape(-1, 2)
        axes.scatter(
            places[:, 0],
            places[:, 1],
            s=size**2,
            facecolors="none",
            edgecolors=ink,
            linewidths=width,
            linestyles=line,
            zorder=20,
        )
    for path in view.paths:
        draw_path(axes, path, paper)


def draw_path(axes: Axes, path: PathShown, paper: str, steps: int | None = None) -> list[Any]:
    """Draw a run: dashed line, diamond start, star end, hollow where it is unlike the samples.

    Args:
        axes: of the map.
        path: the run.
        paper: colour of the background.
        steps: how many of its steps; None for all.

    Returns:
        What was drawn, which can be taken away again.
    """
    count = len(path.xy) if steps is None else min(steps, len(path.xy))
    _, last, dashes = PATHS[path.hue]
    xy = path.xy[:count]
    artists: list[Any] = axes.plot(
        xy[:, 0], xy[:, 1], color=last, linewidth=1.0, dashes=[2 * d for d in dashes], zorder=30
    )
    for place in path.imposed:
        artists += axes.plot(
            *place, "s", markersize=6, markeredgecolor=last, markerfacecolor="none", zorder=30
        )
    for index in range(count):
        artists += _draw_step(axes, path, index, paper)
    if path.landed is not None and count == len(path.xy):
        artists += axes.plot(
            *path.landed, "X", markersize=7, color=ANCHOR, markeredgecolor="w", zorder=32
        )
    return artists


def _draw_step(axes: Axes, path: PathShown, index: int, paper: str) -> list[Any]:
    end = path.done and index == len(path.xy) - 1
    symbol, size = ("D", 5.5) if index == 0 else ("*", 10.0) if end else ("o", 4.5)
    part = index / max(1, len(path.xy) - 1)
    hollow = bool(path.hollow[index])
    ink = _between(path.hue, max(part, _HOLLOW_FROM) if hollow else part)
    edge, fill = (ink, paper) if hollow else (paper, ink)
    return list(
        axes.plot(
            *path.xy[index],
            symbol,
            markersize=size,
            markerfacecolor=fill,
            markeredgecolor=edge,
            markeredgewidth=1.0 if hollow else 0.5,
            zorder=31,
        )
    )


def _between(hue: int, part: float) -> tuple[float, ...]:
    """The colour of a step ``part`` of the way, 0 … 1."""
    from matplotlib.colors import to_rgb

    first, last, _ = PATHS[hue]
    return tuple((1 - part) * np.array(to_rgb(first)) + part * np.array(to_rgb(last)))


def handles_of(view: MapShown) -> list[Any]:
    """What a legend says of the marks that are there."""
    from matplotlib.lines import Line2D

    handles = []
    for role, (name, ink, size, width, _) in RINGS.items():
        if any(ring.role == role for ring in view.rings):
            ring = Line2D([], [], linestyle="", marker="o", markersize=size * 0.6, label=name)
            ring.set_markerfacecolor("none")
            ring.set_markeredgecolor(ink)
            ring.set_markeredgewidth(width)
            handles.append(ring)
    for path in view.paths:
        _, last, dashes = PATHS[path.hue]
        line = Line2D([], [], color=last, linewidth=1.0, label=visible(path.name, MOST_OF_NAME))
        line.set_dashes([2 * d for d in dashes])
        handles.append(line)
    if view.paths:
        ink = PATHS[view.paths[0].hue][1]
        for marker, name in (("D", "first step"), ("*", "last step")):
            handles.append(Line2D([], [], linestyle="", marker=marker, color=ink, label=name))
        if any(path.hollow.any() for path in view.paths):
            step = Line2D([], [], linestyle="", marker="o", color=ink, label="unlike the samples")
            step.set_markerfacecolor("none")
            handles.append(step)
        if any(path.imposed for path in view.paths):
            square = Line2D([], [], linestyle="", marker="s", color=ink, label="imposed")
            square.set_markerfacecolor("none")
            handles.append(square)
        if any(path.landed is not None for path in view.paths):
            handles.append(
                Line2D([], [], linestyle="", marker="X", color=ANCHOR, label="where it landed")
            )
    for one in handles:
        one.set_markersize(min(one.get_markersize(), 6))
    return handles
