"""Where on a map which class, or which cluster, prevails, and so where its name belongs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NAME_CELL = 28.0  # logical pixels
DISTANCE = 4.0  # cells between two names of one class
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
    groups = _join(owner, shape[0], len(numbers))
    labels: list[Label] = []
    size = np.array([wide / shape[0], high / shape[1]])
    least = max(LEAST_POINTS, LEAST_SHARE * len(rows))
    for cells in groups:
        keys = [owner[one] for one in cells]
        mine = np.isin(key[key_of], keys)
        count = int(mine.sum())
        if count < least:
            continue
        places = xy[rows[mine]].astype(np.float64)
        middle = _crowd(places, cell[mine], 2 * size)
        around = float(np.quantile(np.abs(places[:, 1] - middle[1]), 0.95))
        number = int(numbers[keys[0] % len(numbers)])
        labels.append(Label(number, float(middle[0]), float(middle[1]), count, around))
    result: list[Label] = []
    for label in sorted(labels, key=lambda label: -label.points):
        same = [(one.x - label.x, one.y - label.y) for one in result if one.number == label.number]
        if not (np.abs(np.array(same).reshape(-1, 2)) < DISTANCE * size).all(axis=1).any():
            result.append(label)
    return result


def _crowd(places: NDArray, cell: NDArray, size: NDArray) -> NDArray[np.float64]:
    """The middle of where most of a group lies, not of groups apart from each other: from its
    fullest cell on, the median of what is at most ``size`` away."""
    middle: NDArray = np.median(places[cell == np.bincount(cell).argmax()], axis=0)
    for _ in range(4):
        near = (np.abs(places - middle) <= size).all(axis=1)
        middle = np.median(places[near], axis=0)
    return middle


def _join(owner: dict[int, int], columns: int, classes: int) -> list[list[int]]:
    """Cells side by side that the same class owns, together."""
    cells, groups = set(owner), []
    while cells:
        todo, group = [cells.pop()], []
        while todo:
            one = todo.pop()
            group.append(one)
            beside = [one - columns, one + columns]
            beside += [one - 1] if one % columns else []
            beside += [one + 1] if (one + 1) % columns else []
            for other in beside:
                if other in cells and owner[other] % classes == owner[one] % classes:
                    cells.discard(other)
                    todo.append(other)
        groups.append(group)
    return groups
