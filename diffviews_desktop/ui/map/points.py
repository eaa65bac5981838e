"""The points of the map as one item of an ordinary plot, whichever way they are drawn."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QColor, QPaintEngine, QPainter, QTransform
from PySide6.QtWidgets import QWidget

from diffviews_desktop.ui.map.points_gl import GLError, GLPainter
from diffviews_desktop.ui.map.points_raster import AT_ONCE, RasterPainter
from diffviews_desktop.ui.map.scene import (
    EMPTY,
    PointLook,
    PointScene,
    as_levels,
    bounds_of,
    draw_order,
    look,
    make_scene,
)

log = logging.getLogger(__name__)


class Points(pg.GraphicsObject):
    """Up to millions of points.

    Signals:
        failed: OpenGL could not draw them, with its reason; they are drawn as a picture instead.
        changed: `scene_drawn` is another one.
    """

    failed = Signal(str)
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._xy: NDArray = np.empty((0, 2), np.float32)
        self._order = draw_order(self._xy)
        self._group: NDArray = np.empty(0, np.uint16)
        self._alpha: NDArray = np.empty(0, np.uint8)
        self._palette: list[QColor] = []
        self._emphasis: NDArray[np.bool_] | None = None
        self._hidden: NDArray[np.bool_] | None = None
        self._scene: PointScene | None = EMPTY
        self._bounds = QRectF()
        self._size: float | None = None
        self._opacity = 1.0
        self.moving = False
        self.gliding = False
        self.raster = RasterPainter(self)
        self.raster.ready.connect(self.update)
        self.gl = GLPainter()
        self.gl_allowed = True

    # ---- what is drawn --------------------------------------------------------------------------

    def set_points(
        self, xy: NDArray, group: NDArray, alpha: NDArray, palette: Sequence[QColor]
    ) -> None:
        """Show points.

        Args:
            xy: ``(N, 2)``; rows that are not finite are not drawn.
            group: index into ``palette`` of each point ``(N,)``.
            alpha: opacity of each point ``(N,)``, 0 … 1.
            palette: colours.
        """
        self._xy = np.asarray(xy)
        self._order = draw_order(self._xy)
        self._group, self._alpha = np.asarray(group, np.uint16), as_levels(np.asarray(alpha))
        self._palette = list(palette)
        self._emphasis = self._hidden = None
        self._places_changed()

    def set_places(self, xy: NDArray) -> None:
        """Move the same points ``(N, 2)``."""
        self._xy = np.asarray(xy)
        if not self.gliding:
            self._order = draw_order(self._xy)
        self._places_changed()

    def set_colors(self, group: NDArray, palette: Sequence[QColor]) -> None:
        """Colour the same points otherwise: ``group (N,)`` indexes into ``palette``."""
        self._group, self._palette = np.asarray(group, np.uint16), list(palette)
        self._changed()

    def set_emphasis(self, emphasis: NDArray[np.bool_] | None) -> None:
        """Dim all points but these ``(N,) bool``; None dims none."""
        if emphasis is not None or self._emphasis is not None:
            self._emphasis = emphasis
            self._changed()

    def set_hidden(self, hidden: NDArray[np.bool_] | None) -> None:
        """Leave out these points ``(N,) bool``; None leaves out none."""
        if hidden is not None or self._hidden is not None:
            self._hidden = hidden
            self._changed()

    @property
    def hidden(self) -> NDArray[np.bool_] | None:
        """The points that are left out."""
        return self._hidden

    def set_look(self, size: float | None, opacity: float) -> None:
        """The diameter in the view of everything, None for one that follows how many points there
        are, and a factor of the opacity."""
        self._size, self._opacity = size, opacity
        self.update()

    @property
    def scene_drawn(self) -> PointScene:
        """The points as they are drawn."""
        if self._scene is None:
            order = self._order
            if self.gliding and len(order) > AT_ONCE:
                order = order[:AT_ONCE]
            self._scene = make_scene(
                self._xy, order, self._group, self._alpha, self._palette,
                self._emphasis, self._hidden,
            )  # fmt: skip
        return self._scene

    def _places_changed(self) -> None:
        self.prepareGeometryChange()
        x0, y0, x1, y1 = bounds_of(self._xy, self._order)
        self._bounds = QRectF(x0, y0, x1 - x0, y1 - y0)
        self._changed()
        self.informViewBoundsChanged()

    def _changed(self) -> None:
        self._scene = None
        self.update()
        self.changed.emit()

    # ---- as an item of a plot -------------------------------------------------------------------

    def boundingRect(self) -> QRectF:
        return self._bounds

    def dataBounds(
        self, axis: int, frac: float = 1.0, orthoRange: object = None
    ) -> tuple[float, float] | tuple[None, None]:
        """Extent of the points on an axis, for the view's automatic range."""
        if not len(self._order):
            return None, None
        if axis == 0:
            return self._bounds.left(), self._bounds.right()
        return self._bounds.top(), self._bounds.bottom()

    def pixelPadding(self) -> float:
        """Room around the outermost points, in pixels."""
        return 12.0

    def look(self, transform: QTransform | None = None) -> PointLook:
        """Size and opacity of the points under a transform to logical pixels, the present one by
        default."""
        box = self.getViewBox()
        if transform is None:
            transform = self.sceneTransform()
        area = box.rect() if box is not None else QRectF(0, 0, 800, 600)
        width, height = max(area.width(), 1.0), max(area.height(), 1.0)
        wide = self._bounds.width() * abs(transform.m11())
        high = self._bounds.height() * abs(transform.m22())
        zoom = max(wide / width, high / height, 1e-6)
        found = look(len(self.scene_drawn), zoom, width * height, self._size)
        return PointLook(found.diameter, found.opacity * self._opacity)

    def paint(self, painter: QPainter, option: object, widget: QWidget | None = None) -> None:
        scene = self.scene_drawn
        if not len(scene):
            return
        transform = painter.worldTransform()
        device = painter.device()
        ratio = device.devicePixelRatioF()
        # a picture tells its size in its own pixels, a widget in logical ones
        own = 1.0 if isinstance(device, QWidget) else ratio
        size = (round(device.width() / own), round(device.height() / own))
        look_now = self.look(transform)
        if widget is None:  # an export
            self.raster.draw_all(painter, scene, look_now, transform, size, ratio)
            return
        engine = painter.paintEngine().type()
        if self.gl_allowed and engine == QPaintEngine.Type.OpenGL2:
            box = self.getViewBox()
            clip = box.mapRectToScene(box.rect()) if box is not None else QRectF(0, 0, *size)
            try:
                self.gl.paint(painter, scene, look_now, transform, size, ratio, clip, self.moving)
                return
            except GLError as error:
                log.warning("OpenGL cannot draw the points: %s", error)
                self.gl_allowed = False
                self.failed.emit(str(error))
        self.raster.paint(painter, scene, look_now, transform, size, ratio)

    def close(self) -> None:
        """End what runs in other threads."""
        self.raster.close()
