"""How dense points lie, and their contours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CELLS = 160  # along the longer side
SMOOTHING = 2.2  # standard deviation, cells
SHARES = (0.95, 0.8, 0.6, 0.4, 0.2)
"""Share of the points that lie inside each contour, outermost first."""


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
    levels = np.sort(grid, axis=None)[::-1]
    inside = np.cumsum(levels) / levels.sum()
    cell = np.array([(x1 - x0) / grid.shape[1], (y1 - y0) / grid.shape[0]])
    lines = []
    for share in SHARES:
        level = float(levels[min(int(np.searchsorted(inside, share)), len(levels) - 1)])
        pairs = iso_lines(grid, level)
        lines.append((pairs + 0.5) * cell + (x0, y0))
    return lines


def iso_lines(grid: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """Where a grid ``(H, W)`` crosses a level: pairs of ends ``(M, 2, 2)``, as ``(column, row)``.

    Pairs, as Qt takes ten times longer to draw long lines.
    """
    from contourpy import LineType, contour_generator  # takes a moment that only contours need

    generator = contour_generator(z=grid, line_type=LineType.ChunkCombinedNan)
    (points,) = generator.lines(level)[0]
    if points is None:
        return np.empty((0, 2, 2))
    pairs = np.stack([points[:-1], points[1:]], axis=1)
    return pairs[np.isfinite(pairs).all(axis=(1, 2))]  # lines are apart by a row of NaN
