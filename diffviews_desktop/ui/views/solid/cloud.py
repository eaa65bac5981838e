"""The points in three dimensions: the places and colours that the graphics card gets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.ui.views.flat.scene import DIMMED_ALPHA, SCATTERED, PointScene

VERTEX = np.dtype([("place", "<f4", 3), ("color", "u1", 4)])
DIMMED = round(DIMMED_ALPHA * 255)
BEHIND = np.float32(1e4)  # added to the depth of dimmed points: they never hide the others

SMALLER, LARGER = 0.5, 2.0
"""How much smaller the farthest and larger the nearest points are drawn at most."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points in a fixed random order, the dimmed ones first, so that the last are a fair sample.

    Attributes:
        rows: the sample of each point ``(M,) int32``.
        vertices: place, less ``centre``, and colour of each, ``(M,)`` of `VERTEX`.
        centre: x, y and height that were taken off ``(3,) float64``.
        low: smallest x, y and height ``(3,) float64``.
        high: largest.
        index: which point each sample is ``(N,) int32``; -1 where it is not drawn.
        dimmed: whether each point is dimmed ``(M,) bool``; None where none is.
    """

    rows: NDArray[np.int32]
    vertices: NDArray
    centre: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    index: NDArray[np.int32]
    dimmed: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def place_of(self, row: int) -> NDArray[np.float64] | None:
        """Where a sample is ``(3,)``; None where it is not drawn."""
        if not 0 <= row < len(self.index) or self.index[row] < 0:
            return None
        place: NDArray = self.vertices["place"][self.index[row]]
        return place.astype(np.float64) + self.centre

    def back_to_front(self, line: NDArray, count: int) -> NDArray[np.uint32]:
        """The order in which the last ``count`` points are drawn.

        Args:
            line: row of the matrix that gives the depth of a place ``(4,)``.
            count: how many.
        """
        first = len(self) - count
        depth = self.vertices["place"][first:] @ np.asarray(line[:3], np.float32)
        if self.dimmed is not None:
            depth += self.dimmed[first:] * BEHIND
        order = np.argsort(depth)[::-1].astype(np.uint32)
        order += np.uint32(first)
        return order


NOTHING = Cloud(
    np.empty(0, np.int32),
    np.empty(0, VERTEX),
    np.zeros(3),
    np.zeros(3),
    np.zeros(3),
    np.empty(0, np.int32),
)


def make_cloud(scene: PointScene, heights: NDArray) -> Cloud:
    """The points of the map with a third coordinate.

    Args:
        scene: as it is drawn on the flat map.
        heights: of each sample ``(N,)``; those that are not finite are left out.
    """
    up = np.take(heights, scene.rows)
    valid = np.isfinite(up)
    rows, xy, group, alpha = scene.rows, scene.xy, scene.group, scene.alpha
    if not valid.all():
        rows, xy, group, alpha, up = rows[valid], xy[valid], group[valid], alpha[valid], up[valid]
    if not len(rows):
        return NOTHING
    if len(rows) > SCATTERED:  # on the flat map those that lie together follow each other
        order = _scatter(alpha)
        rows, xy, group, alpha, up = rows[order], xy[order], group[order], alpha[order], up[order]
    columns = (xy[:, 0], xy[:, 1], up)
    low = np.array([float(column.min()) for column in columns])
    high = np.array([float(column.max()) for column in columns])
    middle = (low[2] + high[2]) / 2
    vertices = np.empty(len(rows), VERTEX)
    vertices["place"][:, :2] = xy
    vertices["place"][:, 2] = up - middle
    vertices["color"][:, :3] = np.take(scene.palette, group, axis=0)
    vertices["color"][:, 3] = alpha
    index = np.full(len(heights), -1, np.int32)
    index[rows] = np.arange(len(rows), dtype=np.int32)
    off = np.array([*scene.centre, 0.0])
    faint = alpha <= DIMMED
    return Cloud(
        rows,
        vertices,
        np.array([*scene.centre, middle]),
        low + off,
        high + off,
        index,
        faint if faint.any() and not faint.all() else None,
    )


def _scatter(alpha: NDArray[np.uint8]) -> NDArray[np.intp]:
    order = np.random.default_rng(0).permutation(len(alpha))
    faint = alpha[order] <= DIMMED
    return np.concatenate([order[faint], order[~faint]])


@dataclass(frozen=True, eq=False)
class Box:
    """The part of the data that is framed, and how it lies in the world of the camera.

    x and y keep their scale to each other; the third axis gets a length of its own.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    scale: NDArray[np.float64]

    @property
    def half(self) -> NDArray[np.float64]:
        """Half of its sides in the world ``(3,)``."""
        return (self.high - self.low) / 2 * self.scale

    def world(self) -> NDArray[np.float64]:
        """From data to world ``(4, 4)``."""
        matrix = np.diag([*self.scale, 1.0])
        matrix[:3, 3] = -(self.low + self.high) / 2 * self.scale
        return matrix


HEIGHT = 0.62  # half of the third axis; the longer side of the map has 1
AROUND = 0.03  # room around the points, of the extent


def box_around(cloud: Cloud, heights: list[float]) -> Box:
    """The box of the points and of further heights, those of runs."""
    low, high = cloud.low.copy(), cloud.high.copy()
    if heights:
        low[2], high[2] = min(low[2], *heights), max(high[2], *heights)
    pad = np.maximum(AROUND * (high - low), 1e-9)
    pad[:2] = max(float(pad[:2].max()), 1e-3 * AROUND)
    flat = high[2] - low[2] < 1e-9
    pad[2] = 0.5 if flat else pad[2]
    low, high = low - pad, high + pad
    span = high - low
    wide = 2 / float(span[:2].max())
    return Box(low, high, np.array([wide, wide, 2 * HEIGHT / float(span[2])]))
