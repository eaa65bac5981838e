"""The view in three dimensions: points by OpenGL, frame and overlays by QPainter, and gestures."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QSurfaceFormat,
    QWheelEvent,
)
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import QWidget

from diffviews_desktop.state.state import Selection, TrajectoryRecord
from diffviews_desktop.ui.common import motion, theme
from diffviews_desktop.ui.common.latest import Latest
from diffviews_desktop.ui.views.flat.opengl import GLError
from diffviews_desktop.ui.views.flat.overlays import (
    MARKER_RADIUS,
    MOST_CHOSEN_RINGS,
    STEP_RADIUS,
    step_is_meant,
)
from diffviews_desktop.ui.views.flat.renderer import SMOOTHING
from diffviews_desktop.ui.views.flat.scene import PointLook, look
from diffviews_desktop.ui.views.solid import frame, overlays
from diffviews_desktop.ui.views.solid.camera import AZIMUTH, ELEVATION, Camera, Projection
from diffviews_desktop.ui.views.solid.cloud import NOTHING, Box, Cloud, box_around
from diffviews_desktop.ui.views.solid.cloud_gl import CloudPainter
from diffviews_desktop.ui.views.solid.flight import CameraFlight
from diffviews_desktop.ui.views.solid.picking import ScreenPoints
from diffviews_desktop.ui.views.solid.third_axis import ThirdAxis, round_values
from diffviews_desktop.values.row_set import RowSet

log = logging.getLogger(__name__)

AT_ONCE = 20_000  # points that are sorted in the window's thread, in a few milliseconds
WHILE_MOVING = {True: 2_000_000, False: 60_000}
"""As many points are drawn at most while the view moves, with and without a graphics card."""
STILL_MILLISECONDS = 150
DRAGGED = 4  # pixels from which a press is no click
PER_PIXEL = math.radians(0.4)
PER_KEY = math.radians(5)
PAN_PER_KEY = 24  # pixels
ZOOM_PER_NOTCH = 1.15

ORBIT_KEYS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}
ZOOM_KEYS = {Qt.Key.Key_Plus: 1, Qt.Key.Key_Equal: 1, Qt.Key.Key_Minus: -1}


@dataclass(frozen=True, eq=False)
class Sorted:
    """What was worked out for one cloud from one place."""

    cloud: Cloud
    projection: Projection
    order: NDArray[np.uint32]
    points: ScreenPoints


class Canvas(QOpenGLWidget):
    """Shows a cloud of points.

    Signals:
        hovered: the sample under the mouse, or None.
        clicked: a sample that was clicked.
        double_clicked: a sample that was double-clicked.
        chosen: a sample that was Shift-clicked, as a `RowSet`, and what that does to the set.
        step_hovered: ``(trajectory, step)`` under the mouse, or None.
        step_clicked: a step that was clicked: trajectory and step.
        menu_wanted: a menu for a sample, or for none, and where on the screen.
        failed: OpenGL could not draw it, with its reason. To be connected queued: it comes while
            the view is painted.
    """

    hovered = Signal(object)
    clicked = Signal(int)
    double_clicked = Signal(int)
    chosen = Signal(object, str)
    step_hovered = Signal(object)
    step_clicked = Signal(int, int)
    menu_wanted = Signal(object, QPoint)
    failed = Signal(str)

    def __init__(self, parent: QWidget | None = None, *, graphics_card: bool = True) -> None:
        super().__init__(parent)
        self._format = QSurfaceFormat.defaultFormat()
        self._format.setSamples(SMOOTHING if graphics_card else 0)
        self.setFormat(self._format)
        self.setAccessibleName("Map of the samples in three dimensions")
        self.setAccessibleDescription(
            "Arrow keys orbit, Shift and arrow keys pan, plus and minus zoom, Home resets the view"
        )
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._most_moving = WHILE_MOVING[graphics_card]
        self.gl = CloudPainter()
        self.camera = Camera()
        self._cloud = NOTHING
        self._axis: ThirdAxis | None = None
        self._selection = Selection()
        self._paths: tuple[list[TrajectoryRecord], int | None, int, TrajectoryRecord | None]
        self._paths = ([], None, 0, None)
        self._places: dict[int, NDArray] = {}
        self._box = box_around(NOTHING, [])
        self._fitted = 5.0
        self._untouched = True
        self._broken = False
        self._sorted: Sorted | None = None
        self._sorting = Latest[Sorted](self._on_sorted, self, name="map 3d", every=True)
        self._sorting_from: Projection | None = None
        self._asked: tuple[QPointF, Callable[[int | None], None]] | None = None
        self._moving = False
        self._still = QTimer(self)
        self._still.setSingleShot(True)
        self._still.setInterval(STILL_MILLISECONDS)
        self._still.timeout.connect(self._on_still)
        self._mouse: QPointF | None = None
        self._pressed: QPointF | None = None
        self._last = QPointF()
        self._dragging = False
        self._hovered: int | None = None
        self._hovered_step: tuple[int, int] | None = None
        self._flight = CameraFlight(self)
        self._flight.moved.connect(self._on_flown)
        self._flight.landed.connect(self._on_landed)
        self._fits_at_end = False
        self._by_keyboard = False

    # ---- what is shown --------------------------------------------------------------------------

    def set_cloud(self, cloud: Cloud, axis: ThirdAxis | None, *, keep_view: bool) -> None:
        """Show points and say what their third axis is."""
        self._cloud, self._axis, self._sorted = cloud, axis, None
        self._sorting.drop()
        self._find_places()
        self._frame_changed()
        if not keep_view:
            self._flight.stop()
            self._untouched = True
        self._view_changed()
        self._look_under_mouse()

    def set_selection(self, selection: Selection) -> None:
        """Ring the anchor and its neighbours."""
        self._selection = selection
        self._find_places()
        self.update()

    def set_trajectories(
        self,
        records: list[TrajectoryRecord],
        shown: int | None,
        step: int,
        unmasked: TrajectoryRecord | None = None,
    ) -> None:
        """Draw trajectories, as on the flat map."""
        self._paths = (records, shown, step, unmasked)
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
        return self._box

    def _frame_changed(self) -> None:
        """The frame holds the points and the steps of trajectories."""
        heights: list[float] = []
        if self._axis is not None:
            drawn = self._drawn_paths()
            sigmas = {step.sigma for record in drawn for step in record.steps}
            sigmas |= {record.landed.job.sigma for record in drawn if record.landed is not None}
            found = (self._axis.height_of_step(sigma) for sigma in sigmas)
            heights = [height for height in found if height is not None]
        box = box_around(self._cloud, heights)
        if not (
            np.array_equal(box.low, self._box.low) and np.array_equal(box.high, self._box.high)
        ):
            self._box = box
            self._view_changed()

    def _find_places(self) -> None:
        """Where the picked samples and the one under the mouse are."""
        rows = [*self._selection.rows]
        if len(self._selection.chosen) <= MOST_CHOSEN_RINGS:
            rows += self._selection.chosen
        if self._hovered is not None:
            rows.append(self._hovered)
        found = {row: self._cloud.place_of(row) for row in rows}
        self._places = {row: place for row, place in found.items() if place is not None}

    # ---- where from -----------------------------------------------------------------------------

    def fit(self) -> None:
        """Show everything from the same side."""
        self._fly_to(self._with_all(self.camera), fits=True)

    def reset_view(self) -> None:
        """Show everything from the side that it was first seen from."""
        first = replace(self.camera, azimuth=AZIMUTH, elevation=ELEVATION)
        self._fly_to(self._with_all(first), fits=True)

    def center_on(self, row: int) -> None:
        """Bring a sample to the middle, at the same distance or closer."""
        place = self._cloud.place_of(row)
        if place is None:
            return
        world = self._box.world()
        target = world[:3, :3] @ place + world[:3, 3]
        self._fly_to(
            replace(
                self.camera,
                target=tuple(target.tolist()),
                distance=min(self.camera.distance, 0.55 * self._fitted),
            )
        )

    def fit_rows(self, rows: NDArray) -> None:
        """Show some samples ``(K,)``, as near as all of them can be seen."""
        some = np.isin(self._cloud.rows, rows)
        if not some.any():
            return
        world = self._box.world()
        places = self._cloud.vertices["place"][some].astype(np.float64) + self._cloud.centre
        places = places @ world[:3, :3].T + world[:3, 3]
        low, high = places.min(axis=0), places.max(axis=0)
        size = float(np.linalg.norm(high - low)) / (2 * float(np.linalg.norm(self._box.half)))
        self._fly_to(
            replace(
                self.camera,
                target=tuple(((low + high) / 2).tolist()),
                distance=self._fitted * min(1.0, max(0.08, 1.1 * size)),
            )
        )

    @property
    def hovered_row(self) -> int | None:
        """The sample under the mouse."""
        return self._hovered

    def look_from(self, azimuth: float, elevation: float) -> None:
        """Turn to a side, in radians."""
        self._flight.stop()
        self.camera = replace(self.camera, azimuth=azimuth, elevation=elevation)
        self._view_changed()

    def _set_camera(self, camera: Camera) -> None:
        self._flight.stop()
        self._on_flown(camera)

    def _fly_to(self, camera: Camera, *, fits: bool = False) -> None:
        """Look from elsewhere, moving there shortly where motion is allowed; ``fits`` says whether
        everything shall be seen from then on, whatever the size of the view becomes."""
        self._flight.stop()
        self._fits_at_end = fits
        if motion.allowed() and self.isVisible():
            self._flight.start(self.camera, camera)
        else:
            self._on_flown(camera)
            self._on_landed()

    def _on_flown(self, camera: Camera) -> None:
        self.camera, self._untouched = camera, False
        self._view_changed()

    def _on_landed(self) -> None:
        if self._fits_at_end:
            self._untouched = True
            self._view_changed()

    def _with_all(self, camera: Camera) -> Camera:
        """From the same side, with everything in view."""
        return camera.fitted(self._box.half, max(1, self.width()) / max(1, self.height()))

    def _view_changed(self) -> None:
        fitted = self._with_all(self.camera)
        self._fitted = fitted.distance
        if self._untouched:
            self.camera = fitted
        self._moving = True
        self._still.start()
        self.update()

    def projection(self) -> Projection:
        """From data to logical pixels, as it is drawn now."""
        width, height = max(1, self.width()), max(1, self.height())
        matrix = self.camera.matrix(width / height) @ self._box.world()
        return Projection(matrix, width, height, self.camera.distance)

    def _of_cloud(self) -> Projection:
        """The same for places less the cloud's centre: small numbers, which keep their detail."""
        whole = self.projection()
        matrix = whole.matrix.copy()
        matrix[:, 3] += matrix[:, :3] @ self._cloud.centre
        return replace(whole, matrix=matrix)

    def look(self) -> PointLook:
        """Size and opacity of the points."""
        zoom = self._fitted / max(self.camera.distance, 1e-6)
        return look(len(self._cloud), zoom, float(self.width() * self.height()))

    def position_of(self, row: int) -> QPointF | None:
        """Where a sample is drawn, in logical pixels; None where it is not."""
        place = self._cloud.place_of(row)
        if place is None:
            return None
        x, y, _ = self.projection().pixels(place)[0].tolist()
        return QPointF(x, y) if math.isfinite(x) else None

    # ---- drawing --------------------------------------------------------------------------------

    def initializeGL(self) -> None:
        self.gl.forget()

    def resizeGL(self, width: int, height: int) -> None:
        self._view_changed()

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
        axis, projection = self._axis, self.projection()
        assert axis is not None
        box, world = self._box, self._box.world()
        eye = np.array(self.camera.target) + self.camera.axes()[2] * self.camera.distance
        eye = (eye - world[:3, 3]) / np.diag(world)[:3]
        axes = (
            frame.Axis("x", _ticks(box, 0)),
            frame.Axis("y", _ticks(box, 1)),
            frame.Axis(axis.name, axis.ticks(float(box.low[2]), float(box.high[2]))),
        )
        frame.draw_frame(painter, box, axes, projection, eye)
        painter.beginNativePainting()
        try:
            order, count = self._order()
            self.gl.draw(
                self._cloud, order, count, self.look(), self._of_cloud(), self.devicePixelRatioF()
            )
        except GLError as error:
            self._fail(str(error))
        finally:
            painter.endNativePainting()
        floor = float(box.low[2])
        overlays.draw_rings(painter, projection, self._selection, self._places)
        records, shown, step, unmasked = self._paths
        if unmasked is not None:
            at = step if step < len(unmasked.steps) else None
            overlays.draw_path(painter, projection, unmasked, axis, floor, at, unmasked=True)
        for record in records:
            at = step if record.key == shown else None
            overlays.draw_path(painter, projection, record, axis, floor, at)
        if self._hovered in self._places:
            overlays.draw_hover(painter, projection, self._places[self._hovered], floor)
        if self._by_keyboard:
            painter.setPen(QPen(QColor(theme.colors().accent), 2.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))

    def _order(self) -> tuple[NDArray[np.uint32] | None, int]:
        """In which order how many points are drawn."""
        count = len(self._cloud)
        if count <= AT_ONCE:
            return self._sorted_now().order, count
        if self._moving and count > self._most_moving:
            return None, self._most_moving
        return (self._sorted.order if self._sorted is not None else None), count

    def _fail(self, reason: str) -> None:
        if not self._broken:
            self._broken = True
            log.warning("the map cannot be drawn in three dimensions: %s", reason)
            self.failed.emit(reason)

    # ---- sorting and picking --------------------------------------------------------------------

    def _sorted_now(self) -> Sorted:
        """Order and places of a few points, for where they are seen from now."""
        projection = self._of_cloud()
        if self._sorted is None or not _same(self._sorted.projection, projection):
            self._sorted = _sort(self._cloud, projection, self.look().diameter / 2)
        return self._sorted

    def _points_now(self) -> ScreenPoints | None:
        """What is drawn where; None while that is worked out, of many points."""
        if len(self._cloud) <= AT_ONCE:
            return self._sorted_now().points
        found = self._sorted
        if found is not None and _same(found.projection, self._of_cloud()):
            return found.points
        return None

    def row_at(self, position: QPointF) -> int | None:
        """The sample drawn at a place in logical pixels, or the nearest in reach; or None."""
        points = self._points_now() if len(self._cloud) else None
        return None if points is None else points.at(position.x(), position.y())

    def step_at(self, position: QPointF, row: int | None = None) -> tuple[int, int] | None:
        """The step of a trajectory at a place in logical pixels, unless the sample there is meant:
        its trajectory and number."""
        best, found, there = STEP_RADIUS, None, position
        projection = self.projection()
        for record in self._drawn_paths() if self._axis is not None else ():
            if not record.steps:
                continue
            pixels = projection.pixels(self._places_of_steps(record))
            away = np.hypot(pixels[:, 0] - position.x(), pixels[:, 1] - position.y())
            away[np.isnan(away)] = math.inf
            index = int(away.argmin())
            if away[index] < best:
                best, found = float(away[index]), (record.key, index)
                there = QPointF(*pixels[index, :2].tolist())
        if found is None or row is None:
            return found
        points = self._points_now()
        if points is not None:
            covered = points.count(there.x(), there.y(), MARKER_RADIUS)
            sample = _apart(self.position_of(row), position)
            return found if step_is_meant(best, sample, covered) else None
        return found

    def position_of_step(self, key: int, index: int) -> QPointF | None:
        """Where a step is drawn, in logical pixels; None where it is not."""
        record = next((r for r in self._drawn_paths() if r.key == key), None)
        if record is None or self._axis is None or index >= len(record.steps):
            return None
        place = self._places_of_steps(record)[index]
        x, y, _ = self.projection().pixels(place)[0].tolist()
        return QPointF(x, y) if math.isfinite(x) else None

    def _places_of_steps(self, record: TrajectoryRecord) -> NDArray[np.float64]:
        assert self._axis is not None
        return overlays.step_places(record, self._axis, float(self._box.low[2]))

    def _drawn_paths(self) -> list[TrajectoryRecord]:
        records, _, _, unmasked = self._paths
        return [*records, *([] if unmasked is None else [unmasked])]

    def _on_still(self) -> None:
        self._moving = False
        if len(self._cloud) > AT_ONCE:
            self._sort_in_thread()
        self.update()
        self._look_under_mouse()

    def _sort_in_thread(self) -> None:
        projection = self._of_cloud()
        asked = self._sorting.awaited and _same(self._sorting_from, projection)
        if self._points_now() is None and not asked:
            self._sorting_from = projection
            radius = self.look().diameter / 2
            self._sorting.ask(partial(_sort, self._cloud, projection, radius))

    def _on_sorted(self, found: Sorted) -> None:
        self._sorted = found
        self.update()
        if self._points_now() is None:  # it moved on meanwhile
            if not self._sorting.busy:
                self._still.start()
            return
        asked, self._asked = self._asked, None
        if asked is not None:
            asked[1](self.row_at(asked[0]))
        self._look_under_mouse()

    @property
    def busy(self) -> bool:
        """Whether something is being worked out."""
        return self._sorting.busy or self._still.isActive() or self._flight.running

    def _ask(self, position: QPointF, answer: Callable[[int | None], None]) -> None:
        """Tell what lies at a place, of many points once they are sorted."""
        if len(self._cloud) and self._points_now() is None:
            self._asked = (position, answer)
            self._sort_in_thread()
        else:
            answer(self.row_at(position))

    def close_threads(self) -> None:
        """End what sorts points in another thread."""
        self._still.stop()
        self._flight.stop()
        self._sorting.close()

    # ---- gestures -------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._pressed = self._last = event.position()
            self._dragging = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = event.position()
        self._mouse = place
        if self._pressed is None:
            self._look_under_mouse()
            return
        if (place - self._pressed).manhattanLength() >= DRAGGED and not self._dragging:
            self._dragging = True
            self._set_hovered(None)
            self._set_hovered_step(None)
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        if not self._dragging:
            return
        moved, self._last = place - self._last, place
        shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if shift or event.buttons() & Qt.MouseButton.MiddleButton:
            self._set_camera(self.camera.panned(moved.x(), -moved.y(), self.height()))
        else:
            self._set_camera(self.camera.orbited(-moved.x() * PER_PIXEL, moved.y() * PER_PIXEL))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, None
        if self._dragging:
            self._dragging = False
            self.unsetCursor()
            self._look_under_mouse()
        elif pressed is not None and event.button() == Qt.MouseButton.LeftButton:
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            place = event.position()
            self._ask(place, lambda row: self._on_clicked(place, row, shift))

    def _on_clicked(self, position: QPointF, row: int | None, shift: bool) -> None:
        step = self.step_at(position, row)
        if step is not None:
            self.step_clicked.emit(*step)
        elif row is not None and shift:
            self.chosen.emit(RowSet([row]), "toggle")
        elif row is not None:
            self.clicked.emit(row)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._ask(event.position(), self._on_double_clicked)

    def _on_double_clicked(self, row: int | None) -> None:
        if row is None:
            self.reset_view()
        else:
            self.double_clicked.emit(row)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        place = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            self.menu_wanted.emit(self._hovered, place)
        else:
            self._ask(QPointF(event.pos()), lambda row: self.menu_wanted.emit(row, place))

    def wheelEvent(self, event: QWheelEvent) -> None:
        notches = event.angleDelta().y() / 120
        if notches:
            self._zoom(ZOOM_PER_NOTCH**notches, event.position())
        event.accept()

    def _zoom(self, factor: float, about: QPointF | None = None) -> None:
        """Closer by a factor; what lies at a place, at the target's depth, stays there."""
        camera = self.camera.zoomed(factor)
        if about is not None:
            right = about.x() - self.width() / 2
            up = self.height() / 2 - about.y()
            share = camera.distance / self.camera.distance
            camera = replace(
                self.camera.panned(-right * (1 - share), -up * (1 - share), self.height()),
                distance=camera.distance,
            )
        self._set_camera(camera)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in ORBIT_KEYS:
            right, up = ORBIT_KEYS[key]
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                far = PAN_PER_KEY
                self._set_camera(self.camera.panned(-right * far, -up * far, self.height()))
            else:
                self._set_camera(self.camera.orbited(right * PER_KEY, up * PER_KEY))
        elif key in ZOOM_KEYS:
            self._zoom(ZOOM_PER_NOTCH ** ZOOM_KEYS[key])
        elif key == Qt.Key.Key_Home:
            self.reset_view()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if not self.isValid():  # for a second context Qt has forgotten the samples
            self.setFormat(self._format)
        if event.type() == QEvent.Type.ShortcutOverride and (
            Qt.Key(event.key()) in ORBIT_KEYS  # type: ignore[attr-defined]
        ):
            event.accept()  # they belong to the view while it has the focus
            return True
        return super().event(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        tab = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self._by_keyboard = event.reason() in tab
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._by_keyboard = False
        super().focusOutEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._mouse = None
        self._set_hovered(None)
        self._set_hovered_step(None)

    def _look_under_mouse(self) -> None:
        if self._mouse is None or self._dragging:
            return
        row = self.row_at(self._mouse)
        step = self.step_at(self._mouse, row)
        self._set_hovered(row if step is None else None)
        self._set_hovered_step(step)

    def _set_hovered_step(self, step: tuple[int, int] | None) -> None:
        if step != self._hovered_step:
            self._hovered_step = step
            self.step_hovered.emit(step)

    def _set_hovered(self, row: int | None) -> None:
        if row == self._hovered:
            return
        self._hovered = row
        self._find_places()
        if row is None:
            self.unsetCursor()
        else:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.update()
        self.hovered.emit(row)


def _apart(one: QPointF | None, other: QPointF) -> float:
    return math.inf if one is None else math.hypot(one.x() - other.x(), one.y() - other.y())


def _sort(cloud: Cloud, projection: Projection, radius: float) -> Sorted:
    order = cloud.back_to_front(projection.matrix[3], len(cloud))
    return Sorted(cloud, projection, order, ScreenPoints(cloud, projection, radius))


def _same(one: Projection | None, other: Projection) -> bool:
    return (
        one is not None
        and (one.width, one.height) == (other.width, other.height)
        and np.array_equal(one.matrix, other.matrix)
    )


def _ticks(box: Box, axis: int) -> list[tuple[float, str]]:
    values = round_values(float(box.low[axis]), float(box.high[axis]))
    return [(value, f"{value:.6g}") for value in values]
