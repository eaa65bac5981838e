"""The points of the map, drawn once into a picture and blitted until something changes."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap, QTransform

ALPHA_LEVELS = 12
DIMMED_ALPHA = 0.10


class PointsRaster(pg.GraphicsObject):
    """Thousands of points in one item of an ordinary plot.

    Points keep a fixed random order, so that no class lies on top by chance; those that are
    emphasised are drawn last.
    """

    def __init__(self) -> None:
        super().__init__()
        self._xy = np.empty((0, 2))
        self._group = np.empty(0, dtype=np.int64)
        self._alpha = np.empty(0)
        self._emphasis: NDArray[np.bool_] | None = None
        self._palette: list[QColor] = []
        self._order = np.empty(0, dtype=np.int64)
        self._bounds = QRectF()
        self._sprites: dict[tuple[int, int, int], QPixmap] = {}
        self._image: QImage | None = None
        self._image_key: tuple[float, ...] = ()
        self._version = 0

    def set_points(
        self, xy: NDArray, group: NDArray, alpha: NDArray, palette: list[QColor]
    ) -> None:
        """Show points.

        Args:
            xy: ``(N, 2)``; rows that are not finite are not drawn.
            group: index into ``palette`` of each point ``(N,)``.
            alpha: opacity of each point ``(N,)``, 0 … 1.
            palette: colours.
        """
        self.prepareGeometryChange()
        self._xy = np.asarray(xy, dtype=np.float64)
        self._group = np.asarray(group, dtype=np.int64)
        self._alpha = np.asarray(alpha, dtype=np.float64)
        self._palette = palette
        self._emphasis = None
        self._sprites.clear()
        drawn = np.flatnonzero(np.isfinite(self._xy).all(axis=1))
        self._order = np.random.default_rng(0).permutation(drawn)
        self._bounds = self._bounds_of(self._xy[drawn])
        self._changed()

    def set_colors(self, group: NDArray, palette: list[QColor]) -> None:
        """Colour the same points otherwise: ``group (N,)`` indexes into ``palette``."""
        self._group = np.asarray(group, dtype=np.int64)
        if palette != self._palette:
            self._palette = palette
            self._sprites.clear()
        self._changed()

    def set_emphasis(self, emphasis: NDArray[np.bool_] | None) -> None:
        """Dim all points but these ``(N,) bool``; None dims none."""
        self._emphasis = emphasis
        self._changed()

    def _changed(self) -> None:
        self._version += 1
        self.informViewBoundsChanged()
        self.update()

    @staticmethod
    def _bounds_of(xy: NDArray) -> QRectF:
        if not len(xy):
            return QRectF()
        low, high = xy.min(axis=0), xy.max(axis=0)
        return QRectF(QPointF(*low), QPointF(*high))

    def boundingRect(self) -> QRectF:
        return self._bounds

    def dataBounds(
        self, axis: int, frac: float = 1.0, orthoRange: object = None
    ) -> tuple[float, float] | tuple[None, None]:
        """Extent of the points on an axis, for the view's automatic range."""
        if self._bounds.isNull():
            return None, None
        if axis == 0:
            return self._bounds.left(), self._bounds.right()
        return self._bounds.top(), self._bounds.bottom()

    def pixelPadding(self) -> float:
        """Room around the outermost points, in pixels."""
        return 12.0

    def point_diameter(self) -> int:
        """Diameter of a point in logical pixels: smaller the more there are."""
        count = max(1, len(self._order))
        return round(min(11.0, max(4.0, 320 / math.sqrt(count))))

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        if not len(self._order):
            return
        transform = painter.worldTransform()
        device = painter.device()
        ratio = device.devicePixelRatioF()
        size = (device.width(), device.height())
        key = (
            transform.m11(), transform.m22(), transform.dx(), transform.dy(),
            *size, ratio, self._version,
        )  # fmt: skip
        if self._image is None or key != self._image_key:
            self._image = self._render(transform, size, ratio)
            self._image_key = key
        painter.save()
        painter.resetTransform()
        painter.drawImage(QPointF(0, 0), self._image)
        painter.restore()

    def _render(self, transform: QTransform, size: tuple[int, int], ratio: float) -> QImage:
        image = QImage(
            math.ceil(size[0] * ratio),
            math.ceil(size[1] * ratio),
            QImage.Format.Format_ARGB32_Premultiplied,
        )
        image.setDevicePixelRatio(ratio)
        image.fill(Qt.GlobalColor.transparent)
        diameter = self.point_diameter()
        half = diameter / 2 + 1
        x = self._xy[self._order, 0] * transform.m11() + transform.dx() - half
        y = self._xy[self._order, 1] * transform.m22() + transform.dy() - half
        inside = (x > -2 * half) & (x < size[0]) & (y > -2 * half) & (y < size[1])
        rows = self._order[inside]
        x, y = x[inside], y[inside]
        alpha = self._alpha[rows]
        if self._emphasis is not None:
            strong = self._emphasis[rows]
            alpha = np.where(strong, np.maximum(alpha, 0.85), DIMMED_ALPHA)
            last = np.argsort(strong, kind="stable")
            rows, x, y, alpha = rows[last], x[last], y[last], alpha[last]
        levels = np.clip(np.ceil(alpha * ALPHA_LEVELS), 1, ALPHA_LEVELS).astype(int)
        painter = QPainter(image)
        draw = painter.drawPixmap
        sprite = self._sprite
        for left, top, group, level in zip(
            x.tolist(), y.tolist(), self._group[rows].tolist(), levels.tolist(), strict=True
        ):
            draw(QPointF(left, top), sprite(group, level, diameter, ratio))
        painter.end()
        return image

    def _sprite(self, group: int, level: int, diameter: int, ratio: float) -> QPixmap:
        key = (group, level, round(diameter * 100 * ratio))
        sprite = self._sprites.get(key)
        if sprite is None:
            side = diameter + 2
            sprite = QPixmap(math.ceil(side * ratio), math.ceil(side * ratio))
            sprite.setDevicePixelRatio(ratio)
            sprite.fill(Qt.GlobalColor.transparent)
            color = QColor(self._palette[group])
            color.setAlphaF(level / ALPHA_LEVELS)
            painter = QPainter(sprite)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.drawEllipse(QRectF(1, 1, diameter, diameter))
            painter.end()
            self._sprites[key] = sprite
        return sprite
