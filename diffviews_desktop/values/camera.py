"""Where one looks at the map from. Numpy alone, free of how it is drawn.

The world is the box that the map fits into, its centre at the origin, its longest side 2. x and y
are those of the map, the third axis points up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

FIELD_OF_VIEW = math.radians(26)
"""Narrow: what is behind is a little smaller, and parallel lines stay nearly parallel."""
STEEPEST = math.radians(90)
NEAREST, FARTHEST = 0.05, 40.0  # from the target
AZIMUTH, ELEVATION = math.radians(-62), math.radians(24)
MARGIN = 1.13  # room for the numbers at the axes

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """Looks at ``target`` from a distance.

    Attributes:
        azimuth: angle around the third axis, radians.
        elevation: angle above the plane of the map, radians, -90° … 90°.
        distance: from the target.
        target: what lies in the middle of the view, in world units.
    """

    azimuth: float = AZIMUTH
    elevation: float = ELEVATION
    distance: float = 5.0
    target: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def orbit(self, turn: float, rise: float) -> Camera:
        """Turned around the target, by radians."""
        elevation = min(max(self.elevation + rise, -STEEPEST), STEEPEST)
        around = math.remainder(self.azimuth + turn, 2 * math.pi)
        return replace(self, azimuth=around, elevation=elevation)

    def pan(self, right: float, up: float, height: float) -> Camera:
        """Moved along the screen by logical pixels, of a view that is ``height`` pixels high: what
        lies at the target's depth follows the mouse."""
        axes = self.axes()
        size = self.pixel(height)
        point = np.array(self.target) - axes[0] * right * size - axes[1] * up * size
        return replace(self, target=tuple(point.tolist()))

    def zoom(self, factor: float) -> Camera:
        """Closer by a factor."""
        return replace(self, distance=min(max(self.distance / factor, NEAREST), FARTHEST))

    def between(self, end: Camera, part: float) -> Camera:
        """Part of the way to another one, 0 … 1: turned the shorter way around, nearer by equal
        factors."""
        if part >= 1:
            return end
        turn = math.remainder(end.azimuth - self.azimuth, 2 * math.pi)
        target = np.array(self.target) + (np.array(end.target) - self.target) * part
        return Camera(
            self.azimuth + turn * part,
            self.elevation + (end.elevation - self.elevation) * part,
            self.distance * (end.distance / self.distance) ** part,
            tuple(target.tolist()),
        )

    def fit(self, box: NDArray, aspect: float) -> Camera:
        """From the same side, with a box of half sides ``(3,)`` around the origin filling the
        view, which is ``aspect`` times as wide as high."""
        corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * box
        right, up, back = self.axes()
        tangent = math.tan(FIELD_OF_VIEW / 2) / MARGIN
        high = np.abs(corners @ up) / tangent
        wide = np.abs(corners @ right) / (tangent * aspect)
        distance = float((np.maximum(high, wide) + corners @ back).max())
        return replace(self, target=(0.0, 0.0, 0.0), distance=min(max(distance, NEAREST), FARTHEST))

    def axes(self) -> Matrix:
        """What points right, up, and back to the camera: unit vectors ``(3, 3)``."""
        ca, sa = math.cos(self.azimuth), math.sin(self.azimuth)
        ce, se = math.cos(self.elevation), math.sin(self.elevation)
        return np.array([[-sa, ca, 0.0], [-se * ca, -se * sa, ce], [ce * ca, ce * sa, se]])

    def pixel(self, height: float) -> float:
        """Width of a pixel at the target, in world units."""
        return 2 * self.distance * math.tan(FIELD_OF_VIEW / 2) / max(height, 1.0)

    def matrix(self, aspect: float) -> Matrix:
        """From world to clip space ``(4, 4)``; the last row gives the depth, the distance along
        the line of sight."""
        axes = self.axes()
        view = np.eye(4)
        view[:3, :3] = axes
        view[:3, 3] = -axes @ np.array(self.target)
        view[2, 3] -= self.distance
        near, far = 0.02, FARTHEST + 10.0
        scale = 1 / math.tan(FIELD_OF_VIEW / 2)
        lens = np.zeros((4, 4))
        lens[0, 0], lens[1, 1] = scale / aspect, scale
        lens[2, 2], lens[2, 3] = (near + far) / (near - far), 2 * near * far / (near - far)
        lens[3, 2] = -1.0
        return lens @ view


@dataclass(frozen=True, eq=False)
class Projection:
    """From places in the data to logical pixels of a view.

    Attributes:
        matrix: from data to clip space ``(4, 4) float64``.
        width: of the view in logical pixels.
        height: likewise.
        focus: depth of the camera's target; what is nearer is drawn larger.
    """

    matrix: Matrix
    width: float
    height: float
    focus: float

    def pixels(self, places: NDArray) -> NDArray[np.float64]:
        """``(M, 3)``: x, y in logical pixels and depth, of places ``(M, 3)``; x and y are NaN for
        what lies behind the camera."""
        places = np.asarray(places, dtype=np.float64).reshape(-1, 3)
        return self._screen(places @ self.matrix[:, :3].T + self.matrix[:, 3])

    def pixels_of_many(self, places: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same in single precision, for a million places near the origin."""
        m = self.matrix.astype(np.float32)
        return self._screen(places @ m[:, :3].T + m[:, 3])

    def _screen(self, clip: NDArray) -> NDArray:
        depth = clip[:, 3]
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(depth > 1e-6, 1 / depth, np.nan).astype(clip.dtype)
        places = np.empty((len(clip), 3), clip.dtype)
        places[:, 0] = (clip[:, 0] * scale * 0.5 + 0.5) * clip.dtype.type(self.width)
        places[:, 1] = (0.5 - clip[:, 1] * scale * 0.5) * clip.dtype.type(self.height)
        places[:, 2] = depth
        return places
