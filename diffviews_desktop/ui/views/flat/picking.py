"""Which points lie where: the nearest one, those in a rectangle or a lasso, the next one that way.

Numpy alone: a uniform grid of cells of a few points each. Coordinates are those of the map.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

POINTS_PER_CELL = 4
MASK_SIZE = 1024  # resolution of a painted lasso

Rows = NDArray[np.int64]


class PointIndex:
    """A grid over points.

    Args:
        xy: ``(N, 2)``; rows that are not finite are never found.
    """

    def __init__(self, xy: NDArray) -> None:
        self._xy = np.asarray(xy, dtype=np.float32)
        finite = np.flatnonzero(np.isfinite(self._xy).all(axis=1))
        self._finite = len(finite)
        low = high = np.zeros(2)
        if len(finite):
            low = self._xy[finite].min(axis=0).astype(np.float64)
            high = self._xy[finite].max(axis=0).astype(np.float64)
        self._low = low
        side = max(1, math.isqrt(max(1, len(finite) // POINTS_PER_CELL)))
        self._shape = (side, side)  # columns, rows
        span = np.maximum(high - low, 1e-30)
        self._per_unit = side / span
        column, row = self._cells_of(self._xy[finite])
        cell = (row * side + column).astype(np.int32)
        order = np.argsort(cell, kind="stable")
        self._rows = finite[order].astype(np.int32 if len(self._xy) < 2**31 else np.int64)
        counts = np.bincount(cell, minlength=side * side)
        self._start = np.concatenate([[0], np.cumsum(counts)])

    def __len__(self) -> int:
        return self._finite

    def _cells_of(self, xy: NDArray) -> tuple[NDArray, NDArray]:
        place = (xy.astype(np.float64) - self._low) * self._per_unit
        column = np.clip(place[:, 0], 0, self._shape[0] - 1).astype(np.int64)
        row = np.clip(place[:, 1], 0, self._shape[1] - 1).astype(np.int64)
        return column, row

    def _candidates(self, x0: float, y0: float, x1: float, y1: float) -> NDArray:
        """Rows of all cells that touch a rectangle, and perhaps a few more."""
        first = np.floor((np.array([x0, y0]) - self._low) * self._per_unit)
        last = np.floor((np.array([x1, y1]) - self._low) * self._per_unit)
        columns, rows = self._shape
        if not self._finite or last[0] < -1 or last[1] < -1:
            return self._rows[:0]
        if first[0] > columns or first[1] > rows:
            return self._rows[:0]
        c0, c1 = (int(min(max(v, 0), columns - 1)) for v in (first[0], last[0]))
        r0, r1 = (int(min(max(v, 0), rows - 1)) for v in (first[1], last[1]))
        if (c0, r0, c1, r1) == (0, 0, columns - 1, rows - 1):
            return self._rows
        starts = self._start[r0 * columns + c0 : r1 * columns + c0 + 1 : columns]
        ends = self._start[r0 * columns + c1 + 1 : r1 * columns + c1 + 2 : columns]
        return np.concatenate(
            [self._rows[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
        )

    # ---- questions ------------------------------------------------------------------------------

    def nearest(
        self,
        x: float,
        y: float,
        radius_x: float,
        radius_y: float,
        hidden: NDArray[np.bool_] | None = None,
    ) -> int | None:
        """The row nearest to a place, distances measured in radii, at most 1 away; or None.

        Of equally near ones the lower row.

        Args:
            x: place.
            y: place.
            radius_x: how far it may be along x.
            radius_y: the same along y; the two differ where the axes have other scales.
            hidden: rows that cannot be found ``(N,) bool``; None for none.
        """
        for part in (0.25, 1.0):
            rx, ry = radius_x * part, radius_y * part
            rows = self._candidates(x - rx, y - ry, x + rx, y + ry)
            if hidden is not None:
                rows = rows[~hidden[rows]]
            if not len(rows):
                continue
            near = self._xy[rows]
            squares = ((near[:, 0] - x) / rx) ** 2 + ((near[:, 1] - y) / ry) ** 2
            least = squares.min()
            if least <= 1:
                return int(rows[squares == least].min())
        return None

    def in_rectangle(self, x0: float, y0: float, x1: float, y1: float) -> Rows:
        """Rows in a rectangle, edges included, ascending."""
        x0, x1 = sorted((x0, x1))
        y0, y1 = sorted((y0, y1))
        rows = self._candidates(x0, y0, x1, y1)
        near = self._xy[rows]
        inside = (near[:, 0] >= x0) & (near[:, 0] <= x1) & (near[:, 1] >= y0) & (near[:, 1] <= y1)
        return np.sort(rows[inside]).astype(np.int64)

    def in_polygon(self, corners: Sequence[tuple[float, float]]) -> Rows:
        """Rows inside a closed polygon by the even-odd rule, ascending.

        Most points are decided by a picture of the polygon; only those near its outline are
        compared with its edges.
        """
        outline = np.asarray(corners, dtype=np.float64).reshape(-1, 2)
        if len(outline) < 3:
            return np.empty(0, dtype=np.int64)
        low, high = outline.min(axis=0), outline.max(axis=0)
        rows = self.in_rectangle(*low, *high)
        if len(rows) < 2000:
            return rows[_inside(self._xy[rows].astype(np.float64), outline)]
        scale = (MASK_SIZE - 4) / np.maximum(high - low, 1e-30)
        kind = _paint((outline - low) * scale + 2)
        place = (self._xy[rows].astype(np.float64) - low) * scale + 2
        value = kind[place[:, 1].astype(np.int64), place[:, 0].astype(np.int64)]
        inside = value == _FILLED
        unsure = np.flatnonzero(value == _OUTLINE)
        inside[unsure] = _inside(self._xy[rows[unsure]].astype(np.float64), outline)
        return rows[inside]

    def toward(
        self, row: int, dx: float, dy: float, hidden: NDArray[np.bool_] | None = None
    ) -> int | None:
        """The nearest row from a row on in a direction, at most 45° off it; or None."""
        if not (0 <= row < len(self._xy)) or not np.isfinite(self._xy[row]).all():
            return None
        x, y = self._xy[row].astype(np.float64).tolist()
        length = math.hypot(dx, dy)
        step = np.max(2.0 / self._per_unit)
        whole = np.max(np.array(self._shape) / self._per_unit) * 2
        while True:
            rows = self._candidates(x - step, y - step, x + step, y + step)
            rows = rows[rows != row]
            if hidden is not None:
                rows = rows[~hidden[rows]]
            offsets = self._xy[rows].astype(np.float64) - (x, y)
            distance = np.hypot(offsets[:, 0], offsets[:, 1])
            along = (offsets[:, 0] * dx + offsets[:, 1] * dy) / length
            good = (along > 0) & (along >= distance * math.sqrt(0.5) - 1e-12) & (distance <= step)
            if good.any():
                least = distance[good].min()
                return int(rows[good & (distance == least)].min())
            if step > whole:
                return None
            step *= 2


_OUTSIDE, _FILLED, _OUTLINE = 0, 120, 255


def _paint(outline: NDArray) -> NDArray[np.uint8]:
    """A picture ``(MASK_SIZE, MASK_SIZE)`` of a polygon and of the pixels that its outline touches
    or nearly touches."""
    from PySide6.QtCore import QPointF, Qt
    from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

    image = QImage(MASK_SIZE, MASK_SIZE, QImage.Format.Format_Grayscale8)
    image.fill(_OUTSIDE)
    painter = QPainter(image)
    polygon = QPolygonF([QPointF(x, y) for x, y in outline.tolist()])
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(_FILLED, _FILLED, _FILLED))
    painter.drawPolygon(polygon, Qt.FillRule.OddEvenFill)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(_OUTLINE, _OUTLINE, _OUTLINE), 4))
    painter.drawPolygon(polygon)
    painter.end()
    view = np.frombuffer(image.constBits(), np.uint8).reshape(MASK_SIZE, image.bytesPerLine())
    return view[:, :MASK_SIZE].copy()


def _inside(points: NDArray, outline: NDArray) -> NDArray[np.bool_]:
    """Even-odd rule for points ``(M, 2)``: how many edges a ray to the right crosses."""
    inside = np.zeros(len(points), dtype=bool)
    x, y = points[:, 0], points[:, 1]
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        crossings = (y0 > y) != (y1 > y)
        inside ^= crossings & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return inside
