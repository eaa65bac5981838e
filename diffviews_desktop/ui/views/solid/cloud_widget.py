"""A cloud of points in three dimensions: points by OpenGL, frame and overlays by QPainter."""

from __future__ import annotations

import logging
import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QPainter,
    QPaintEvent,
    QPen,
    QSurfaceFormat,
)
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import QWidget

from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.runs import Run
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.views.flat.opengl import GLError
from diffviews_desktop.ui.views.flat.overlays import (
    MOST_CHOSEN_RINGS,
)
from diffviews_desktop.ui.views.flat.renderer import SMOOTHING, gather_textures
from diffviews_desktop.ui.views.flat.scene import PointLook, look
from diffviews_desktop.ui.views.solid import frame, overlays
from diffviews_desktop.ui.views.solid.cloud import NOTHING, Box, Cloud, box_around
from diffviews_desktop.ui.views.solid.cloud_gl import CloudPainter
from diffviews_desktop.ui.views.solid.depth_sort import DepthSort
from diffviews_desktop.ui.views.solid.paths import Paths
from diffviews_desktop.ui.views.solid.picking import ScreenPoints
from diffviews_desktop.ui.views.solid.third_axis import ThirdAxis, round_values
from diffviews_desktop.ui.views.solid.viewpoint import Viewpoint
from diffviews_desktop.values.camera import Camera, Projection

log = logging.getLogger(__name__)

WHILE_MOVING = {True: 2_000_000, False: 60_000}
"""As many points are drawn at most while the view moves, with and without a graphics card."""
STILL_MILLISECONDS = 150


class CloudWidget(QOpenGLWidget):
    """Draws a cloud of points with rings and runs.

    Signals:
        rested: what lies where may have changed, and is known again.
        failed: OpenGL could not draw it, with its reason. To be connected queued: it comes while
            the view is painted.
    """

    rested = Signal()
    failed = Signal(str)

    def __init__(self, parent: QWidget | None = None, *, graphics_card: bool = True) -> None:
        super().__init__(parent)
        self._format = QSurfaceFormat.defaultFormat()
        self._format.setSamples(SMOOTHING if graphics_card else 0)
        self.setFormat(self._format)
        self.resized.connect(self._on_resized)
        self._most_moving = WHILE_MOVING[graphics_card]
        self.gl = CloudPainter()
        self.viewpoint = Viewpoint(self)
        self.viewpoint.changed.connect(self._on_view_changed)
        self._cloud = NOTHING
        self._axis: ThirdAxis | None = None
        self._selection = Selection()
        self._paths = Paths()
        self._places: dict[int, NDArray] = {}
        self._broken = False
        self._depth = DepthSort(self)
        self._depth.sorted.connect(self._on_sorted)
        self._moving = False
        self._still = QTimer(self)
        self._still.setSingleShot(True)
        self._still.setInterval(STILL_MILLISECONDS)
        self._still.timeout.connect(self._on_still)
        self._hovered: int | None = None
        self._pointed: int | None = None
        self._by_keyboard = False

    # ---- what is shown --------------------------------------------------------------------------

    def set_cloud(self, cloud: Cloud, axis: ThirdAxis | None, *, keep_view: bool) -> None:
        """Show points and say what their third axis is."""
        self._cloud, self._axis = cloud, axis
        if not keep_view:  # of other samples
            self._pointed = None
        self._depth.set_cloud(cloud)
        self._find_places()
        self._frame_changed()
        if not keep_view:
            self.viewpoint.forget()
        self.viewpoint.refresh()
        self.rested.emit()

    def set_selection(self, selection: Selection) -> None:
        """Ring the anchor and its neighbours."""
        self._selection = selection
        self._find_places()
        self.update()

    def set_paths(
        self,
        records: list[Run],
        run_id: int | None,
        step: int,
        unmasked: Run | None = None,
    ) -> None:
        """Draw runs, as on the flat map."""
        self._paths = Paths(tuple(records), run_id, step, unmasked)
        self._frame_changed()
        self.update()

    @property
    def cloud(self) -> Cloud:
        """The points that are shown."""
        return self._cloud

    @property
    def axis(self) -> ThirdAxis | None:
        """What the third axis says; None without points."""
        return self._axis

    @property
    def box(self) -> Box:
        """What the frame is drawn around."""
        return self.viewpoint.box

    @property
    def camera(self) -> Camera:
        """Where it is seen from."""
        return self.viewpoint.camera

    def _frame_changed(self) -> None:
        """The frame holds the points and the steps of runs."""
        heights = [] if self._axis is None else self._paths.heights(self._axis)
        self.viewpoint.set_box(box_around(self._cloud, heights))

    def _find_places(self) -> None:
        """Where the picked samples and the one under the mouse are."""
        rows = [*self._selection.rows]
        if len(self._selection.chosen) <= MOST_CHOSEN_RINGS:
            rows += self._selection.chosen
        rows += [row for row in (self._hovered, self._pointed) if row is not None]
        places = {row: self._cloud.place_of(row) for row in rows}
        self._places = {row: place for row, place in places.items() if place is not None}

    def show_hover(self, row: int | None) -> None:
        """Mark a sample that is under the mouse elsewhere, or was found; None for none."""
        self._pointed = row
        self._find_places()
        self.update()

    # ---- where from -----------------------------------------------------------------------------

    def fit(self) -> None:
        """Show everything from the same side."""
        self.viewpoint.fit()

    def reset_view(self) -> None:
        """Show everything from the side that it was first seen from."""
        self.viewpoint.reset()

    def center_on(self, row: int) -> None:
        """Bring a sample to the middle, at the same distance or closer."""
        place = self._cloud.place_of(row)
        if place is not None:
            self.viewpoint.center_on(place)

    def fit_rows(self, rows: NDArray) -> None:
        """Show some samples ``(K,)``, as near as all of them can be seen."""
        some = np.isin(self._cloud.rows, rows)
        if some.any():
            places = self._cloud.vertices["place"][some].astype(np.float64) + self._cloud.centre
            self.viewpoint.fit_places(places)

    def _on_view_changed(self) -> None:
        self._moving = True
        self._still.start()
        self.update()

    def look(self) -> PointLook:
        """Size and opacity of the points."""
        area = float(self.width() * self.height())
        return look(len(self._cloud), self.viewpoint.magnification, area)

    def _seen_from(self) -> tuple[Projection, float]:
        """Where the cloud is seen from, and the radius of its points in logical pixels."""
        return self.viewpoint.projection_around(self._cloud.centre), self.look().diameter / 2

    def position_of(self, row: int) -> QPointF | None:
        """Where a sample is drawn, in logical pixels; None where it is not."""
        place = self._cloud.place_of(row)
        if place is None:
            return None
        return self._position_of_place(place)

    def _position_of_place(self, place: NDArray) -> QPointF | None:
        x, y, _ = self.viewpoint.projection().pixels(place)[0].tolist()
        return QPointF(x, y) if math.isfinite(x) else None

    def position_of_step(self, key: int, index: int) -> QPointF | None:
        """Where a step is drawn, in logical pixels; None where it is not."""
        if self._axis is None:
            return None
        place = self._paths.place_of(key, index, self._axis, float(self.box.low[2]))
        return None if place is None else self._position_of_place(place)

    def _points_now(self) -> ScreenPoints | None:
        """What is drawn where; None while that is worked out, of many points."""
        return self._depth.points(*self._seen_from())

    def _on_still(self) -> None:
        self._moving = False
        if self._depth.many:
            self._depth.sort(*self._seen_from())
        self.update()
        self.rested.emit()

    def _on_sorted(self) -> None:
        self.update()
        if self._points_now() is not None:
            self.rested.emit()
        elif not self._depth.busy:  # it moved on meanwhile
            self._still.start()

    @property
    def busy(self) -> bool:
        """Whether something is being worked out."""
        flying = self.viewpoint.flight.running
        return self._depth.busy or self._still.isActive() or flying

    def close_threads(self) -> None:
        """End what sorts points in another thread."""
        self._still.stop()
        self.viewpoint.flight.stop()
        self._depth.close()

    # ---- drawing --------------------------------------------------------------------------------

    def initializeGL(self) -> None:
        self.gl.forget()

    def resizeGL(self, width: int, height: int) -> None:
        self.viewpoint.refresh()

    def _on_resized(self) -> None:
        gather_textures(self)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.isValid():
            self._fail("no OpenGL context could be made")

    def paintGL(self) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(theme.colors().map))
        if len(self._cloud) and not self._broken:
            self._paint(painter)
        painter.end()

    def _paint(self, painter: QPainter) -> None:
        axis, projection, box = self._axis, self.viewpoint.projection(), self.box
        assert axis is not None
        axes = (
            frame.Axis("x", _ticks(box, 0)),
            frame.Axis("y", _ticks(box, 1)),
            frame.Axis(axis.name, axis.ticks(float(box.low[2]), float(box.high[2]))),
        )
        frame.draw_frame(painter, box, axes, projection, self.viewpoint.eye)
        self._paint_cloud(painter)
        floor = float(box.low[2])
        overlays.draw_rings(painter, projection, self._selection, self._places)
        self._paths.draw(painter, projection, axis, floor)
        row = self._pointed if self._hovered is None else self._hovered
        if row in self._places:
            overlays.draw_hover(painter, projection, self._places[row], floor)
        if self._by_keyboard:
            painter.setPen(QPen(QColor(theme.colors().accent), 2.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))

    def _paint_cloud(self, painter: QPainter) -> None:
        order, count = self._order()
        projection, _ = self._seen_from()
        ratio = self.devicePixelRatioF()
        painter.beginNativePainting()
        try:
            self.gl.draw(self._cloud, order, count, self.look(), projection, ratio)
        except GLError as error:
            self._fail(str(error))
        finally:
            painter.endNativePainting()

    def _order(self) -> tuple[NDArray[np.uint32] | None, int]:
        """In which order how many points are drawn."""
        count = len(self._cloud)
        if self._depth.many and self._moving and count > self._most_moving:
            return None, self._most_moving
        return self._depth.order(*self._seen_from()), count

    def _fail(self, reason: str) -> None:
        if not self._broken:
            self._broken = True
            log.warning("the map cannot be drawn in three dimensions: %s", reason)
            self.failed.emit(reason)

    def event(self, event: QEvent) -> bool:
        if not self.isValid():  # for a second context Qt has forgotten the samples
            self.setFormat(self._format)
        return super().event(event)


def _ticks(box: Box, axis: int) -> list[tuple[float, str]]:
    values = round_values(float(box.low[axis]), float(box.high[axis]))
    return [(value, f"{value:.6g}") for value in values]
