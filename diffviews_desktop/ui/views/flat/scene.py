"""What is drawn of the points, free of how: places, colours, order and size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import default_rng  # now, not when the first map comes
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QTransform

STRONG_ALPHA, DIMMED_ALPHA = 0.85, 0.10
SMALLEST, LARGEST = 1.5, 11.0  # diameters in logical pixels
PER_ROOT_COUNT = 320.0
SIZES = (0.55, 0.75, 1.0, 1.35, 1.8)
"""Factors of the diameter that points of different sizes have."""
COVERED = 0.9  # points fade where they would cover more of the plot than this
FAINTEST = 0.06
SCATTERED = 50_000
"""As many points are drawn in an order that is random on the whole map."""
ROUND = 100_000
PARTS = 64


@dataclass(frozen=True, eq=False)
class PointScene:
    """Points in the order in which they are drawn.

    The order is that of `draw_order`, so that no class lies on top by chance; those that are
    emphasised come last. Every so-manieth of them are a fair sample, and many of the last ones.

    Attributes:
        rows: the sample of each drawn point ``(M,) int32``.
        xy: their places ``(M, 2) float32``, less ``centre``.
        centre: taken off before they are made small numbers on the graphics card, so that a map far
            from the origin keeps its detail.
        group: index of each into ``palette``, ``(M,) uint16``.
        alpha: opacity of each, ``(M,) uint8``.
        palette: colours ``(P, 3) uint8``.
        size: index of each into `SIZES`, ``(M,) uint8``; None where all have their plain size.
        source: the array ``(N, 2)`` that the places come from: scenes of the same one show the same
            samples at the same places.
    """

    rows: NDArray[np.int32]
    xy: NDArray[np.float32]
    centre: tuple[float, float]
    group: NDArray[np.uint16]
    alpha: NDArray[np.uint8]
    palette: NDArray[np.uint8]
    size: NDArray[np.uint8] | None = None
    source: NDArray | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, count: int) -> PointScene:
        """A fair sample of at most ``count`` points, in the same order."""
        step = max(1, math.ceil(len(self) / max(1, count)))
        return self if step == 1 else self.select(slice(None, None, step))

    def select(self, some: slice | NDArray[np.bool_]) -> PointScene:
        """Some of the points, in the same order."""
        return replace(
            self,
            rows=self.rows[some],
            xy=self.xy[some],
            group=self.group[some],
            alpha=self.alpha[some],
            size=None if self.size is None else self.size[some],
        )

    @property
    def factors(self) -> NDArray[np.float32] | None:
        """Factor of the diameter of each ``(M,)``; None where all have their plain size."""
        return None if self.size is None else np.array(SIZES, np.float32)[self.size]


EMPTY = PointScene(
    np.empty(0, np.int32),
    np.empty((0, 2), np.float32),
    (0.0, 0.0),
    np.empty(0, np.uint16),
    np.empty(0, np.uint8),
    np.zeros((1, 3), np.uint8),
)


def as_palette(colors: Sequence[QColor]) -> NDArray[np.uint8]:
    """Colours as ``(P, 3) uint8``."""
    values = [(c.red(), c.green(), c.blue()) for c in colors]
    return np.array(values or [(0, 0, 0)], dtype=np.uint8)


def draw_order(xy: NDArray) -> NDArray[np.int32]:
    """The rows with a place, in a random order that is always the same.

    Of many points that order holds within each part of the map, and every `ROUND` of them go once
    over all parts: drawing points that lie together one after the other takes two thirds of the
    time, as memory is read in pieces.
    """
    rows = np.flatnonzero(np.isfinite(xy).all(axis=1)).astype(np.int32)
    order = default_rng(0).permutation(rows)
    if len(order) > SCATTERED:
        part = _part_of(xy)
        for end in range(len(order), 0, -ROUND):  # the last ones whole: a fair sample
            some = order[max(0, end - ROUND) : end]
            some[:] = some[np.argsort(part[some], kind="stable")]
    return order


def _part_of(xy: NDArray) -> NDArray[np.uint16]:
    """Which of `PARTS` × `PARTS` parts of the map each point lies in; any for one without place."""
    x0, y0, x1, y1 = extent(xy) or (0.0, 0.0, 0.0, 0.0)
    column, line = (
        np.clip(np.nan_to_num((values - low) * (PARTS / max(high - low, 1e-30))), 0, PARTS - 1)
        for values, low, high in ((xy[:, 0], x0, x1), (xy[:, 1], y0, y1))
    )
    return line.astype(np.uint16) * np.uint16(PARTS) + column.astype(np.uint16)


def extent(xy: NDArray) -> tuple[float, float, float, float] | None:
    """``x0, y0, x1, y1`` of the points ``(N, 2)`` with a place; None where there is none."""
    box = _box(xy)
    if box is not None and not np.isfinite(box).all():
        box = _box(xy[np.isfinite(xy).all(axis=1)])
    return box


def _box(xy: NDArray) -> tuple[float, float, float, float] | None:
    if not len(xy):
        return None
    x, y = xy[:, 0], xy[:, 1]  # column by column: twenty times faster than along the axis
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def make_scene(
    xy: NDArray,
    order: NDArray[np.int32],
    group: NDArray,
    alpha: NDArray,
    palette: Sequence[QColor],
    emphasis: NDArray[np.bool_] | None = None,
    hidden: NDArray[np.bool_] | None = None,
    size: NDArray[np.uint8] | None = None,
) -> PointScene:
    """The scene of points.

    Args:
        xy: ``(N, 2)``.
        order: of the rows that have a place, from `draw_order`.
        group: index into ``palette`` of each point ``(N,)``.
        alpha: opacity of each point ``(N,)``, 0 … 1.
        palette: colours.
        emphasis: all but these ``(N,) bool`` are dimmed; None dims none.
        hidden: these ``(N,) bool`` are left out; None leaves out none.
        size: index of each into `SIZES` ``(N,)``; None draws all alike.
    """
    x0, y0, x1, y1 = extent(xy) or (0.0, 0.0, 0.0, 0.0)
    centre = ((x0 + x1) / 2, (y0 + y1) / 2)
    rows = order
    if hidden is not None:
        rows = rows[~hidden[rows]]
    levels = np.asarray(alpha)
    if levels.dtype != np.uint8:
        levels = as_levels(levels)
    if emphasis is not None:
        strong = emphasis[rows]
        rows = np.concatenate([rows[~strong], rows[strong]])
        strong_levels = np.maximum(levels, round(STRONG_ALPHA * 255))
        levels = np.where(emphasis, strong_levels, np.uint8(round(DIMMED_ALPHA * 255)))
    places = np.take(np.asarray(xy, np.float32), rows, axis=0)
    places -= np.array(centre, np.float32)
    return PointScene(
        rows=rows,
        xy=places,
        centre=tuple(np.array(centre, np.float32).astype(float).tolist()),
        group=np.take(np.asarray(group, np.uint16), rows),
        alpha=np.take(levels, rows),
        palette=as_palette(palette),
        size=None if size is None else np.take(np.asarray(size, np.uint8), rows),
        source=xy,
    )


def as_levels(alpha: NDArray) -> NDArray[np.uint8]:
    """Opacities 0 … 1 as bytes; none of them nothing."""
    return np.clip(alpha * np.float32(255), 1, 255).astype(np.uint8)


@dataclass(frozen=True)
class PointLook:
    """How large and how faint points are drawn: ``diameter`` in logical pixels, ``opacity`` a
    factor for all of them."""

    diameter: float
    opacity: float


def look(count: int, zoom: float, area: float) -> PointLook:
    """Size and opacity of points from how many there are and how close one is.

    Many points shrink first and then fade; as one zooms in they grow and become solid again.

    Args:
        count: number of points.
        zoom: how much larger than in the view of everything, linear.
        area: of the plot in logical pixels.
    """
    base = PER_ROOT_COUNT / math.sqrt(max(1, count))
    grown = base * math.sqrt(max(zoom, 0.25))
    diameter = round(2 * min(LARGEST, max(SMALLEST, grown))) / 2
    coverage = count * diameter**2 / max(area, 1.0) / max(zoom, 1e-6) ** 2
    return PointLook(diameter, min(1.0, max(FAINTEST, COVERED / max(coverage, 1e-9))))


@dataclass(frozen=True)
class PixelView:
    """What of the map a surface shows: ``pixel = scale * map + shift``, in device pixels, of which
    ``ratio`` are a logical one."""

    scale_x: float
    scale_y: float
    shift_x: float
    shift_y: float
    width: int
    height: int
    ratio: float = 1.0

    def shift(self, dx: float, dy: float, width: int, height: int) -> PixelView:
        """The same scale, shifted, of another size."""
        return replace(
            self, shift_x=self.shift_x + dx, shift_y=self.shift_y + dy, width=width, height=height
        )


def pixel_view(transform: QTransform, width: float, height: float, ratio: float) -> PixelView:
    """The view under a transform from the map to logical pixels, on a surface of that size."""
    return PixelView(
        transform.m11() * ratio,
        transform.m22() * ratio,
        transform.dx() * ratio,
        transform.dy() * ratio,
        math.ceil(width * ratio),
        math.ceil(height * ratio),
        ratio,
    )
