"""The frame of the three axes: the sides behind the points, a light grid on them, and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.views.solid.cloud import Box
from diffviews_desktop.values.camera import Projection

TICK, TEXT = 5, 9  # pixels from an edge to the end of a tick and to its number
SHORTEST = 46  # pixels of an edge with numbers
PARTS = 24  # of a line, each cut off where it passes behind the camera


@dataclass(frozen=True, eq=False)
class Axis:
    """Name and ``(value, text)`` of the ticks of one axis."""

    name: str
    ticks: list[tuple[float, str]]


def back_faces(box: Box, eye: NDArray) -> list[tuple[int, int]]:
    """``(axis, side)`` of each face whose inside is seen from ``eye (3,)``, in data units; side is
    0 for the low and 1 for the high one."""
    faces = []
    for axis in range(3):
        if eye[axis] > box.low[axis]:
            faces.append((axis, 0))
        if eye[axis] < box.high[axis]:
            faces.append((axis, 1))
    return faces


def corner(box: Box, sides: tuple[int, int, int]) -> NDArray[np.float64]:
    """One of the eight corners."""
    return np.where(np.array(sides) == 1, box.high, box.low)


def draw_frame(
    painter: QPainter, box: Box, axes: tuple[Axis, Axis, Axis], projection: Projection, eye: NDArray
) -> None:
    """Draw edges, grid and numbers, before the points.

    Args:
        painter: on the view.
        box: what is framed, in data units.
        axes: x, y and the third one.
        projection: from data to logical pixels.
        eye: place of the camera, in data units ``(3,)``.
    """
    c = theme.colors()
    faces = back_faces(box, eye)
    grid, edge = QColor(c.border), QColor(c.muted)
    grid.setAlphaF(0.55 if theme.is_dark() else 0.8)
    edge.setAlphaF(0.75)
    painter.setPen(QPen(grid, 1.0))
    for (face, side), along in product(faces, range(3)):
        if along == face:
            continue
        across = 3 - face - along
        for value, _ in axes[across].ticks:
            start, end = box.low.copy(), box.high.copy()
            start[face] = end[face] = (box.low, box.high)[side][face]
            start[across] = end[across] = value
            _line(painter, projection, start, end)
    painter.setPen(QPen(edge, 1.0))
    for along in range(3):
        a, b = (axis for axis in range(3) if axis != along)
        for side_a, side_b in product((0, 1), repeat=2):
            if (a, side_a) in faces or (b, side_b) in faces:
                _line(painter, projection, *_edge(box, along, a, side_a, b, side_b))
    for along in range(3):
        _draw_numbers(painter, box, axes[along], along, faces, projection)


def _edge(box: Box, along: int, a: int, side_a: int, b: int, side_b: int) -> list[NDArray]:
    sides = [0, 0, 0]
    sides[a], sides[b] = side_a, side_b
    start = corner(box, (sides[0], sides[1], sides[2]))
    end = start.copy()
    end[along] = box.high[along]
    return [start, end]


def _line(painter: QPainter, projection: Projection, start: NDArray, end: NDArray) -> None:
    ends = projection.pixels(np.stack([start, end]))
    if np.isfinite(ends).all():
        painter.drawLine(QPointF(*ends[0, :2].tolist()), QPointF(*ends[1, :2].tolist()))
        return
    parts = projection.pixels(np.linspace(start, end, PARTS))
    for one, two in pairwise(parts):
        if np.isfinite(one).all() and np.isfinite(two).all():
            painter.drawLine(QPointF(*one[:2].tolist()), QPointF(*two[:2].tolist()))


def _draw_numbers(
    painter: QPainter,
    box: Box,
    axis: Axis,
    along: int,
    faces: list[tuple[int, int]],
    projection: Projection,
) -> None:
    """At the edge of the outline that is lowest on the screen, or, upright, farthest left."""
    a, b = (other for other in range(3) if other != along)
    outline = []
    for side_a, side_b in product((0, 1), repeat=2):
        if ((a, side_a) in faces) != ((b, side_b) in faces):
            ends = _edge(box, along, a, side_a, b, side_b)
            pixels = projection.pixels(np.stack(ends))
            if np.isfinite(pixels).all():
                outline.append((pixels[:, :2], ends))
    if not outline:
        return
    lowest = (lambda one: -one[0][:, 0].sum()) if along == 2 else (lambda one: one[0][:, 1].sum())
    pixels, ends = max(outline, key=lowest)
    if np.hypot(*(pixels[1] - pixels[0])) < SHORTEST:
        return
    middle = projection.pixels((box.low + box.high) / 2)[0, :2]
    line = (pixels[1] - pixels[0]) / np.hypot(*(pixels[1] - pixels[0]))
    out = np.array([-line[1], line[0]])
    if out @ (pixels.mean(axis=0) - middle) < 0:
        out = -out
    c = theme.colors()
    metrics = painter.fontMetrics()
    last, widest = None, 0.0
    for value, text in axis.ticks:
        place = ends[0].copy()
        place[along] = value
        at = projection.pixels(place)[0, :2]
        wide, high = metrics.horizontalAdvance(text), metrics.height()
        room = abs(line[0]) * (wide + 8) + abs(line[1]) * (high + 2)
        if last is not None and np.hypot(*(at - last)) < room:
            continue
        last = at
        painter.setPen(QPen(QColor(c.muted), 1.0))
        painter.drawLine(QPointF(*at.tolist()), QPointF(*(at + out * TICK).tolist()))
        _text(painter, at + out * TEXT, out, text)
        widest = max(widest, abs(out[0]) * wide + abs(out[1]) * high)
    painter.setPen(QColor(c.text))
    if along == 2:
        top = pixels[np.argmin(pixels[:, 1])]
        offset = metrics.horizontalAdvance(axis.name) / 2 - 4  # beside the edge that goes on upward
        _text(painter, top - np.array([offset, 8.0]), np.array([0.0, -1.0]), axis.name)
    else:
        _text(painter, pixels.mean(axis=0) + out * (TEXT + 8 + widest), out, axis.name)


def _text(painter: QPainter, at: NDArray, out: NDArray, text: str) -> None:
    """Text whose nearest point to an edge is ``at``."""
    metrics = painter.fontMetrics()
    wide, high = metrics.horizontalAdvance(text) + 2, metrics.height()
    middle = at + out * np.array([wide, high]) / 2
    place = QRectF(middle[0] - wide / 2, middle[1] - high / 2, wide, high)
    place.moveLeft(max(2.0, place.left()))
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)
