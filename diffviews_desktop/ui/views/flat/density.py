"""How dense points lie: contours, and where which class prevails."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CELLS = 160  # along the longer side
SMOOTHING = 2.2  # standard deviation, cells
SHARES = (0.95, 0.8, 0.6, 0.4, 0.2)
"""Share of the points that lie inside each contour, outermost first."""
NAME_CELL = 28.0  # logical pixels
APART = 4.0  # cells between two names of one class
LEAST_POINTS, LEAST_SHARE, PREVAILING = 4, 0.008, 0.5
MOST_POINTS = 60_000


class Label(NamedTuple):
    """A class that prevails around a place, ``high`` is how far most of its points are above and
    below."""

    number: int
    x: float
    y: float
    points: int
    high: float


def density(xy: NDArray) -> tuple[NDArray[np.float64], tuple[float, float, float, float]]:
    """Smoothed counts ``(H, W)`` of points on a grid, and its extent ``x0, y0, x1, y1``.

    The middle of cell ``[i, j]`` is at ``x0 + (j + 0.5) * (x1 - x0) / W``, likewise for y.
    """
    places = np.asarray(xy, dtype=np.float64)
    places = places[np.isfinite(places).all(axis=1)]
    if not len(places):
        return np.zeros((1, 1)), (0.0, 0.0, 1.0, 1.0)
    low, high = places.min(axis=0), places.max(axis=0)
    cell = max(float((high - low).max()), 1e-12) / CELLS
    margin = 4 * SMOOTHING * cell
    shape = np.ceil((high - low + 2 * margin) / cell).astype(int)
    low = low - margin
    at = np.minimum(((places - low) / cell).astype(int), shape - 1)
    counts = np.bincount(at[:, 1] * shape[0] + at[:, 0], minlength=int(shape.prod()))
    grid = counts.reshape(shape[1], shape[0]).astype(np.float64)
    reach = np.arange(-int(4 * SMOOTHING), int(4 * SMOOTHING) + 1)
    kernel = np.exp(-(reach**2) / (2 * SMOOTHING**2))
    kernel /= kernel.sum()
    for axis in (0, 1):
        grid = np.apply_along_axis(np.convolve, axis, grid, kernel, mode="same")
    high = low + shape * cell
    return grid, (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def contours(xy: NDArray) -> list[NDArray[np.float64]]:
    """Lines that hold `SHARES` of the points: for each pairs of ends ``(M, 2, 2)``."""
    grid, (x0, y0, x1, y1) = density(xy)
    if grid.size < 4 or not grid.max() > 0:
        return []
    ordered = np.sort(grid, axis=None)[::-1]
    inside = np.cumsum(ordered) / ordered.sum()
    cell = np.array([(x1 - x0) / grid.shape[1], (y1 - y0) / grid.shape[0]])
    found = []
    for share in SHARES:
        level = float(ordered[min(int(np.searchsorted(inside, share)), len(ordered) - 1)])
        pairs = iso_lines(grid, level)
        found.append((pairs + 0.5) * cell + (x0, y0))
    return found


def iso_lines(grid: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """Where a grid ``(H, W)`` crosses a level: pairs of ends ``(M, 2, 2)``, as ``(column, row)``.

    Pairs, as Qt takes ten times longer to draw long lines.
    """
    from contourpy import LineType, contour_generator  # takes a moment that only contours need

    generator = contour_generator(z=grid, line_type=LineType.ChunkCombinedNan)
    (found,) = generator.lines(level)[0]
    if found is None:
        return np.empty((0, 2, 2))
    pairs = np.stack([found[:-1], found[1:]], axis=1)
    return pairs[np.isfinite(pairs).all(axis=(1, 2))]  # lines are apart by a row of NaN


def labels_of(
    xy: NDArray,
    classes: NDArray[np.int32],
    rows: NDArray[np.int64],
    part: tuple[float, float, float, float],
    width: float,
    height: float,
) -> list[Label]:
    """Where in a view which class prevails, the largest groups first.

    The view is cut into cells of a fixed size on the screen: the closer one is, the finer it tells
    groups apart. Cells side by side in which the same class prevails are one group; of groups of
    one class close to each other the largest is told.

    Args:
        xy: of all points ``(N, 2)``.
        classes: of all points ``(N,)``; negative ones are of none.
        rows: points in the view.
        part: its left, bottom, width and height.
        width: of the view, logical pixels.
        height: the same.
    """
    x0, y0, wide, high = part
    rows = rows[:: max(1, len(rows) // MOST_POINTS)]
    rows = rows[classes[rows] >= 0]
    if not len(rows) or not (wide > 0 and high > 0):
        return []
    shape = max(1, round(width / NAME_CELL)), max(1, round(height / NAME_CELL))
    place = (xy[rows].astype(np.float64) - (x0, y0)) / (wide, high) * shape
    at = np.clip(place.astype(int), 0, np.array(shape) - 1)
    cell = at[:, 1] * shape[0] + at[:, 0]
    numbers, group = np.unique(classes[rows], return_inverse=True)
    key, key_of, counts = np.unique(
        cell * len(numbers) + group, return_inverse=True, return_counts=True
    )
    in_cell = np.bincount(cell, minlength=shape[0] * shape[1])
    strong = counts > PREVAILING * in_cell[key // len(numbers)]
    owner = dict(zip((key[strong] // len(numbers)).tolist(), key[strong].tolist(), strict=True))
    joined = _joined(owner, shape[0], len(numbers))
    found: list[Label] = []
    size = np.array([wide / shape[0], high / shape[1]])
    least = max(LEAST_POINTS, LEAST_SHARE * len(rows))
    for cells in joined:
        keys = [owner[one] for one in cells]
        mine = np.isin(key[key_of], keys)
        count = int(mine.sum())
        if count < least:
            continue
        places = xy[rows[mine]].astype(np.float64)
        middle = _crowd(places, cell[mine], 2 * size)
        around = float(np.quantile(np.abs(places[:, 1] - middle[1]), 0.95))
        number = int(numbers[keys[0] % len(numbers)])
        found.append(Label(number, float(middle[0]), float(middle[1]), count, around))
    kept: list[Label] = []
    for label in sorted(found, key=lambda label: -label.points):
        same = [(one.x - label.x, one.y - label.y) for one in kept if one.number == label.number]
        if not (np.abs(np.array(same).reshape(-1, 2)) < APART * size).all(axis=1).any():
            kept.append(label)
    return kept


def _crowd(places: NDArray, cell: NDArray, size: NDArray) -> NDArray[np.float64]:
    """The middle of where most of a group lies, not of groups apart from each other: from its
    fullest cell on, the median of what is at most ``size`` away."""
    middle: NDArray = np.median(places[cell == np.bincount(cell).argmax()], axis=0)
    for _ in range(4):
        near = (np.abs(places - middle) <= size).all(axis=1)
        middle = np.median(places[near], axis=0)
    return middle


def _joined(owner: dict[int, int], columns: int, classes: int) -> list[list[int]]:
    """Cells side by side that the same class owns, together."""
    left, groups = set(owner), []
    while left:
        todo, group = [left.pop()], []
        while todo:
            one = todo.pop()
            group.append(one)
            beside = [one - columns, one + columns]
            beside += [one - 1] if one % columns else []
            beside += [one + 1] if (one + 1) % columns else []
            for other in beside:
                if other in left and owner[other] % classes == owner[one] % classes:
                    left.discard(other)
                    todo.append(other)
        groups.append(group)
    return groups
