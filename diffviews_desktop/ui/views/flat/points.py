"""The points of the map as one item of an ordinary plot, whichever way they are drawn."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPaintEngine, QPainter, QTransform
from PySide6.QtWidgets import QWidget

from diffviews_desktop.ui.common.latest import Latest
from diffviews_desktop.ui.views.flat.opengl import GLError
from diffviews_desktop.ui.views.flat.points_gl import GLPainter
from diffviews_desktop.ui.views.flat.points_raster import RasterPainter, Snapshot, Sprites
from diffviews_desktop.ui.views.flat.scene import (
    EMPTY,
    LARGEST,
    SIZES,
    PixelView,
    PointLook,
    PointScene,
    as_levels,
    as_palette,
    draw_order,
    extent,
    look,
    make_scene,
    pixel_view,
)

log = logging.getLogger(__name__)

MADE_AT_ONCE = 50_000
"""Scenes of more points are made in another thread; until then the one before is drawn."""

Values = NDArray | Callable[[], NDArray]
"""One a point; or what makes them, which for many points is called in another thread."""


MARK = '<rect x="-77777" y="-77777" width="1" height="1"/>'
"""Where the points belong in SVG that is written within `Points.use_mark`."""


class _Made(NamedTuple):
    version: int
    order: NDArray[np.int32]
    scene: PointScene
    group: NDArray
    alpha: NDArray[np.uint8]
    palette: list[QColor]


class Points(pg.GraphicsObject):
    """Up to millions of points.

    Signals:
        failed: OpenGL could not draw them, with its reason; they are drawn as a picture instead.
        changed: `scene_drawn` changed.
    """

    failed = Signal(str)
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._xy: NDArray = np.empty((0, 2), np.float32)
        self._order: NDArray[np.int32] | None = None
        self._group: Values = np.empty(0, np.uint16)
        self._alpha: Values = np.empty(0, np.uint8)
        self._palette: list[QColor] = []
        self._told: tuple[NDArray, list[QColor]] = self._group, self._palette  # of the scene
        self._emphasis: NDArray[np.bool_] | None = None
        self._hidden: NDArray[np.bool_] | None = None
        self._size: NDArray[np.uint8] | None = None
        self._scene = EMPTY
        self._laid: PointScene | None = None  # a scene in which nothing but colours may be wrong
        self._version = self._shown = 0  # of what is to be drawn, of the scene
        self._since = 0  # the first version of these samples
        self._making = Latest[_Made](self._on_made, self, name="scene")
        self._soon = QTimer(self)  # once for all that changes together
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._make_later)
        self._instead: PointScene | None = None
        self._moves = False
        self._marked = False
        self._seen: PixelView | None = None  # when a picture of them was painted last
        self._extent: tuple[float, float, float, float] | None = None
        self._bounds = self._covered = QRectF()
        self._room = 0.0, 0.0  # on the map, around what is covered
        self.moving = False
        self.raster = RasterPainter(self)
        self.raster.ready.connect(self.update)
        self.gl = GLPainter()
        self.gl_allowed = True

    # ---- what is drawn --------------------------------------------------------------------------

    def set_points(
        self,
        xy: NDArray,
        group: Values,
        alpha: Values,
        palette: Sequence[QColor],
        hidden: NDArray[np.bool_] | None = None,
        size: NDArray[np.uint8] | None = None,
    ) -> None:
        """Show points.

        Args:
            xy: ``(N, 2)``; rows that are not finite are not drawn.
            group: index into ``palette`` of each point ``(N,)``.
            alpha: opacity of each point ``(N,)``, 0 … 1.
            palette: colours.
            hidden: as in `set_hidden`.
            size: as in `set_sizes`.
        """
        if len(xy) != len(self._xy):  # the scene's rows are those of other samples
            self._scene, self._told = EMPTY, (np.empty(0, np.uint16), [])
            self._instead = None
            self._since = self._version + 1
        self._xy = np.asarray(xy)
        self._group, self._alpha = group, alpha
        self._palette = list(palette)
        self._emphasis, self._hidden, self._size = None, hidden, size
        self._places_changed()

    def set_colors(self, group: Values, palette: Sequence[QColor]) -> None:
        """Colour the same points otherwise: ``group (N,)`` indexes into ``palette``."""
        self._group, self._palette = group, list(palette)
        self._note_change(colors_only=True)

    def set_sizes(self, size: NDArray[np.uint8] | None) -> None:
        """Draw points in different sizes, ``(N,)`` indices into `SIZES`; None draws all alike."""
        if size is not None or self._size is not None:
            self._size = size
            self._note_change()

    @property
    def sizes(self) -> NDArray[np.uint8] | None:
        """The sizes of the points, as in `set_sizes`."""
        return self._size

    def set_emphasis(self, emphasis: NDArray[np.bool_] | None) -> None:
        """Dim all points but these ``(N,) bool``; None dims none."""
        if emphasis is not None or self._emphasis is not None:
            self._emphasis = emphasis
            self._note_change()

    def set_hidden(self, hidden: NDArray[np.bool_] | None) -> None:
        """Leave out these points ``(N,) bool``; None leaves out none."""
        if hidden is not None or self._hidden is not None:
            self._hidden = hidden
            self._note_change()

    @property
    def hidden(self) -> NDArray[np.bool_] | None:
        """The points that are left out."""
        return self._hidden

    def color_of(self, row: int) -> QColor:
        """The colour that a point is drawn in."""
        if not self._is_large:
            self._make_now()
        groups, palette = self._told
        return palette[int(groups[row])] if row < len(groups) else QColor()

    @property
    def scene_drawn(self) -> PointScene:
        """The points as they are drawn: of a large map for a moment those before the change."""
        if not self._is_large:
            self._make_now()
        return self._scene

    def draw_instead(self, scene: PointScene | None, bounds: QRectF | None = None) -> None:
        """Draw other points for a moment, while they move inside of ``bounds``; None ends it.

        Until then nothing is worked out in other threads, which would make the moves uneven; and
        the last of the other points stay until the own ones are ready to be drawn.
        """
        cover = self._bounds if bounds is None else self._bounds.united(bounds)
        if cover != self._covered:
            self.prepareGeometryChange()
            self._covered = cover
        self._moves = scene is not None
        if scene is not None:
            self._instead = scene
        elif self._is_large and self._shown != self._version:
            self._make_later()
        else:
            self._instead = None
        self.update()

    def snapshot(self, scale: float) -> Snapshot:
        """The points as they are seen now, ``scale`` times as sharp as on the screen."""
        scene, recipe = self._scene, self._recipe()
        fresh = self._shown == self._version
        palette = scene.palette if fresh else as_palette(self._palette)
        view = self.getViewWidget()
        view.scene().prepareForPaint()  # places follow the view's range only with the next paint
        size = view.viewport().size()
        transform = self.deviceTransform(view.viewportTransform())
        part = pixel_view(transform, size.width(), size.height(), scale)
        looks = self.look()
        sized = self._size is not None
        sprites = Sprites(palette, looks.diameter * scale, looks.opacity, sized=sized)
        return Snapshot(lambda: scene if fresh else recipe().scene, part, looks, sprites)

    @contextmanager
    def use_mark(self) -> Iterator[None]:
        """Paint no points into what is no widget, and a `MARK` where they belong into SVG."""
        self._marked = True
        try:
            yield
        finally:
            self._marked = False

    @property
    def busy(self) -> bool:
        """Whether another thread is at work on what is to be drawn."""
        return self._making.busy or self._soon.isActive() or self.raster.busy

    @property
    def _is_large(self) -> bool:
        return len(self._xy) > MADE_AT_ONCE

    def _recipe(self) -> partial[_Made]:
        return partial(
            _make, self._version, self._xy, self._order, self._group, self._alpha, self._palette,
            self._emphasis, self._hidden, self._size, self._laid,
        )  # fmt: skip

    def _make_now(self) -> None:
        if self._shown != self._version:
            self._take(self._recipe()())

    def _take(self, result: _Made) -> None:
        """Draw what was made, and make nothing of it again."""
        if result.version >= self._since and self._shown < result.version:
            self._shown, self._scene = result.version, result.scene
            self._told = result.group, result.palette
        if result.version == self._version:
            self._order, self._group, self._alpha = result.order, result.group, result.alpha
            self._laid = result.scene

    def _places_changed(self) -> None:
        self.prepareGeometryChange()
        self._order = None
        self._extent = extent(self._xy)
        x0, y0, x1, y1 = self._extent or (0.0, 0.0, 0.0, 0.0)
        self._bounds = self._covered = QRectF(x0, y0, x1 - x0, y1 - y0)
        self._note_change()
        self.informViewBoundsChanged()

    def _note_change(self, *, colors_only: bool = False) -> None:
        self._version += 1
        if not colors_only:
            self._laid = None
        if not self._is_large:
            self.update()
            self.changed.emit()
        elif not self._making.busy:
            self._soon.start()

    def _make_later(self) -> None:
        # one after the other: what is made of a change is the beginning of what is made of the next
        if not self._moves and not self._making.busy:
            self._making.ask(self._recipe())

    def _on_made(self, result: _Made) -> None:
        old_version = self._shown
        self._take(result)
        if self._shown != old_version:
            if not self._moves and self._shown == self._version:
                self._instead = None
            if not self._draw_next():
                self.update()
            self.changed.emit()
        if result.version != self._version and self._is_large:
            self._make_later()

    def _draw_next(self) -> bool:
        """Have the new scene drawn without painting the old one again for that."""
        if self._seen is None or self._instead is not None:
            return False
        return self.raster.draw_next(self._scene, self.look(), self._seen)

    # ---- as an item of a plot -------------------------------------------------------------------

    @property
    def bounds(self) -> QRectF:
        """What holds the middles of all points, on the map."""
        return self._bounds

    def boundingRect(self) -> QRectF:
        """What holds all that is drawn: outermost points reach out of what holds their middles."""
        wide, high = self._room
        return self._covered.adjusted(-wide, -high, wide, high)

    def viewRangeChanged(self, *_: object) -> None:
        self._make_room()

    def viewTransformChanged(self) -> None:
        super().viewTransformChanged()
        self._make_room()

    def _make_room(self) -> None:
        """Cover the outermost points as large as they are; the scene must hear of it before it is
        so."""
        box = self.getViewBox()
        if box is None or not (box.width() > 0 and box.height() > 0):
            return
        view, room = box.viewRect(), self.pixelPadding()
        margin = room * view.width() / box.width(), room * view.height() / box.height()
        if margin != self._room:
            self.prepareGeometryChange()
            self._room = margin

    def dataBounds(
        self, axis: int, frac: float = 1.0, orthoRange: object = None
    ) -> tuple[float, float] | tuple[None, None]:
        """Extent of the points on an axis, for the view's automatic range."""
        if self._extent is None:
            return None, None
        return self._extent[axis], self._extent[axis + 2]

    def pixelPadding(self) -> float:
        """Room around the outermost points, in pixels."""
        return math.ceil(LARGEST * max(SIZES) / 2) + 2.0  # of which two for whole and smooth pixels

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
        return look(len(self.scene_drawn), zoom, width * height)

    def paint(self, painter: QPainter, option: object, widget: QWidget | None = None) -> None:
        instead = self._instead
        if widget is None and self._marked:
            self._paint_mark(painter)
            return
        if widget is None:  # an export waits for what is to be
            self._make_now()
            instead = None
        scene = self.scene_drawn if instead is None else instead
        if not len(scene):
            return
        transform = painter.worldTransform()
        device = painter.device()
        ratio = device.devicePixelRatioF()
        # a picture tells its size in its own pixels, a widget in logical ones
        scale = 1.0 if isinstance(device, QWidget) else ratio
        size = QRectF(0, 0, round(device.width() / scale), round(device.height() / scale))
        view = pixel_view(transform, size.width(), size.height(), ratio)
        look_now = self.look(transform)
        if widget is None:  # an export
            self.raster.draw_all(painter, scene, look_now, view)
            return
        engine = painter.paintEngine().type()
        if self.gl_allowed and engine == QPaintEngine.Type.OpenGL2:
            box = self.getViewBox()
            area = box.mapRectToScene(box.rect()) if box is not None else size
            clip = QRectF(area.topLeft() * ratio, area.size() * ratio)
            try:
                self._seen = None
                self.gl.paint(painter, scene, look_now, view, clip, self.moving)
                return
            except GLError as error:
                log.warning("OpenGL cannot draw the points: %s", error)
                self.gl_allowed = False
                self.failed.emit(str(error))
        self._seen = view
        self.raster.paint(painter, scene, look_now, view)

    @staticmethod
    def _paint_mark(painter: QPainter) -> None:
        if painter.paintEngine().type() == QPaintEngine.Type.SVG:
            painter.save()
            painter.resetTransform()
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(Qt.GlobalColor.black)
            painter.drawRect(QRectF(-77777, -77777, 1, 1))
            painter.restore()

    def close(self) -> None:
        """End what runs in other threads."""
        self._soon.stop()
        self._making.close()
        self.raster.close()


def _make(
    version: int,
    xy: NDArray,
    order: NDArray[np.int32] | None,
    group: Values,
    alpha: Values,
    palette: list[QColor],
    emphasis: NDArray[np.bool_] | None,
    hidden: NDArray[np.bool_] | None,
    size: NDArray[np.uint8] | None,
    laid: PointScene | None,
) -> _Made:
    order = draw_order(xy) if order is None else order
    groups = np.asarray(group() if callable(group) else group).astype(np.uint16, copy=False)
    if laid is not None and isinstance(alpha, np.ndarray):
        scene = replace(laid, group=np.take(groups, laid.rows), palette=as_palette(palette))
        return _Made(version, order, scene, groups, alpha, palette)
    levels = np.asarray(alpha() if callable(alpha) else alpha)
    levels = levels if levels.dtype == np.uint8 else as_levels(levels)
    scene = make_scene(xy, order, groups, levels, palette, emphasis, hidden, size)
    return _Made(version, order, scene, groups, levels, palette)
