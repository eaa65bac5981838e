"""Which point is drawn at a place of the screen."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.ui.views.solid.cloud import BEHIND, LARGER, SMALLER, Cloud
from diffviews_desktop.values.camera import Projection

REACH = 14.0  # logical pixels, as on the flat map


class ScreenPoints:
    """Points as one view shows them, in cells of the screen.

    Args:
        cloud: the points.
        projection: of the cloud's own places, less its centre.
        radius: of a point at the target's depth, in logical pixels.
    """

    def __init__(self, cloud: Cloud, projection: Projection, radius: float) -> None:
        places = projection.pixels_of_many(cloud.vertices["place"])
        x, y = places[:, 0], places[:, 1]
        with np.errstate(invalid="ignore"):
            inside = (x >= 0) & (x < projection.width) & (y >= 0) & (y < projection.height)
        indices = np.flatnonzero(inside)
        self._columns = max(1, math.ceil(projection.width / REACH))
        self._lines = max(1, math.ceil(projection.height / REACH))
        cell = (y[indices] / REACH).astype(np.int32) * self._columns
        cell += (x[indices] / REACH).astype(np.int32)
        order = np.argsort(cell, kind="stable")
        indices = np.take(indices, order)
        self._start = np.concatenate(
            [[0], np.cumsum(np.bincount(cell, minlength=self._columns * self._lines))]
        )
        self._rows = np.take(cloud.rows, indices)
        self._places = np.take(places, indices, axis=0)
        larger = np.clip(np.float32(projection.focus) / self._places[:, 2], SMALLER, LARGER)
        self._radii = np.float32(radius) * larger
        self._layer = self._places[:, 2].copy()
        if cloud.dimmed is not None:
            self._layer += np.take(cloud.dimmed, indices) * BEHIND

    def __len__(self) -> int:
        return len(self._rows)

    def _around(self, x: float, y: float) -> NDArray[np.int64]:
        """Points in the cells around a place: all within reach, and more."""
        column, line = int(x // REACH), int(y // REACH)
        first, last = max(0, column - 1), min(self._columns - 1, column + 1)
        if first > last:
            return np.empty(0, np.int64)
        parts = [
            np.arange(
                self._start[at * self._columns + first], self._start[at * self._columns + last + 1]
            )
            for at in range(max(0, line - 1), min(self._lines - 1, line + 1) + 1)
        ]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def at(self, x: float, y: float) -> int | None:
        """The row of the point in front of all others at a place, or, where there is none, of the
        nearest within reach; or None."""
        near = self._around(x, y)
        distances = np.hypot(self._places[near, 0] - x, self._places[near, 1] - y)
        near, distances = near[distances <= REACH], distances[distances <= REACH]
        if not len(near):
            return None
        on = distances <= self._radii[near]
        if on.any():
            return int(self._rows[near[on][np.argmin(self._layer[near[on]])]])
        return int(self._rows[near[np.argmin(distances)]])

    def count(self, x: float, y: float, radius: float) -> int:
        """How many points are drawn around a place; ``radius`` is at most `REACH`."""
        places = self._places[self._around(x, y)]
        return int(np.count_nonzero(np.hypot(places[:, 0] - x, places[:, 1] - y) <= radius))
