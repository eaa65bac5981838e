"""What a drag on the map does: moves it, selects, or zooms; and where the view was and goes."""

from __future__ import annotations

import math
from typing import Any, Literal

import pyqtgraph as pg
from PySide6.QtCore import QEasingCurve, QPointF, QRectF, Qt, QTimer, QVariantAnimation, Signal
from PySide6.QtGui import QColor, QPainterPath
from PySide6.QtWidgets import QGraphicsPathItem

from diffviews_desktop.state.picks import Choosing
from diffviews_desktop.state.view import Tool
from diffviews_desktop.ui.common import motion

FLIGHT_MILLISECONDS = 280
SETTLED_MILLISECONDS = 400  # a view that lasts so long can be gone back to
KEPT_VIEWS = 100
LASSO_STEP = 3.0  # logical pixels between two corners
SMALLEST_DRAG = 4.0  # logical pixels; less is a slip

Shape = Literal["rectangle", "lasso", "zoom"]
Keys = Qt.KeyboardModifier


def choosing(modifiers: Qt.KeyboardModifier) -> Choosing:
    """What selecting with keys held does to the selection: Shift adds, Alt or Ctrl takes away."""
    if modifiers & (Keys.AltModifier | Keys.ControlModifier):
        return "remove"
    return "add" if modifiers & Keys.ShiftModifier else "replace"


CLOSEST = 1e-6
"""The smallest part of a map that is shown, of its longer side."""


class MapBox(pg.ViewBox):
    """The view of a plot, with tools, a history and flights.

    Signals:
        rectangle_drawn: `QRectF` on the map and a `Choosing`.
        lasso_drawn: corners on the map ``[(x, y), …]`` and a `Choosing`.
        history_changed: whether the user can go back or forward changed.
        flight_changed: whether the view moves by itself changed.
    """

    rectangle_drawn = Signal(QRectF, str)
    lasso_drawn = Signal(object, str)
    history_changed = Signal()
    flight_changed = Signal(bool)

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.tool: Tool = "pan"
        self._shape: Shape | None = None
        self._aborted = False
        self._how: Choosing = "replace"
        self._corners: list[tuple[float, float]] = []
        self._band = QGraphicsPathItem()
        self._band.setZValue(60)
        self._band.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.addItem(self._band, ignoreBounds=True)
        self._band.hide()
        self._flight = QVariantAnimation(self)
        self._flight.setDuration(FLIGHT_MILLISECONDS)
        self._flight.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self._flight.setStartValue(0.0)
        self._flight.setEndValue(1.0)
        self._flight.valueChanged.connect(self._fly)
        self._flight.stateChanged.connect(self._on_flight)
        self._from = self._to = QRectF()
        self._views: list[QRectF] = []
        self._at = -1
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLED_MILLISECONDS)
        self._settle.timeout.connect(self.remember)
        self.sigRangeChanged.connect(lambda *_: self._settle.start())

    # ---- drags ----------------------------------------------------------------------------------

    @property
    def drawing(self) -> bool:
        """Whether a rectangle or a lasso is being drawn."""
        return self._shape is not None

    def abort(self) -> None:
        """Drop what is being drawn; the rest of this drag does nothing."""
        self._aborted = self._shape is not None
        self._end()

    def set_band_color(self, color: str) -> None:
        """Draw rectangles and lassos in a colour."""
        pen = pg.mkPen(color, width=1.5, style=Qt.PenStyle.DashLine)
        pen.setCosmetic(True)
        self._band.setPen(pen)
        inside = QColor(color)
        inside.setAlpha(36)
        self._band.setBrush(inside)

    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:
        self.stop()
        if ev.isStart():
            self._aborted = False
            self._shape = self._shape_of(ev) if axis is None else None
            self._how = choosing(ev.modifiers())
            if self._shape is not None and self.tool == "pan":
                self._how = "add"
            self._corners = []
        if self._aborted:
            ev.accept()
        elif self._shape is None:
            super().mouseDragEvent(ev, axis)
        else:
            ev.accept()
            self._draw(ev)

    def _shape_of(self, ev: Any) -> Shape | None:
        if ev.button() != Qt.MouseButton.LeftButton:
            return None
        if self.tool == "pan":
            return "rectangle" if ev.modifiers() & Keys.ShiftModifier else None
        return self.tool

    def _draw(self, ev: Any) -> None:
        start, end = ev.buttonDownPos(), ev.pos()
        if self._shape == "lasso":
            if not self._corners:
                self._add_corner(start)
            last = self.mapFromView(QPointF(*self._corners[-1]))
            if math.hypot(end.x() - last.x(), end.y() - last.y()) >= LASSO_STEP or ev.isFinish():
                self._add_corner(end)
            path = QPainterPath(QPointF(*self._corners[0]))
            for corner in self._corners[1:]:
                path.lineTo(QPointF(*corner))
            path.closeSubpath()
        else:
            path = QPainterPath()
            path.addRect(self._rectangle(start, end))
        self._band.setPath(path)
        self._band.show()
        if ev.isFinish():
            self._finish(start, end)

    def _add_corner(self, place: QPointF) -> None:
        corner = self.mapToView(QPointF(place))
        self._corners.append((corner.x(), corner.y()))

    def _rectangle(self, start: QPointF, end: QPointF) -> QRectF:
        return QRectF(self.mapToView(QPointF(start)), self.mapToView(QPointF(end))).normalized()

    def _finish(self, start: QPointF, end: QPointF) -> None:
        shape, corners = self._shape, self._corners
        self._end()
        if shape == "lasso":
            if len(corners) > 2:
                self.lasso_drawn.emit(corners, self._how)
            return
        if max(abs(end.x() - start.x()), abs(end.y() - start.y())) < SMALLEST_DRAG:
            return
        if shape == "zoom":
            self.remember()
            self.fly_to(self._rectangle(start, end))
        else:
            self.rectangle_drawn.emit(self._rectangle(start, end), self._how)

    def _end(self) -> None:
        self._shape = None
        self._corners = []
        self._band.hide()
        self._band.setPath(QPainterPath())

    def wheelEvent(self, ev: Any, axis: int | None = None) -> None:
        self.stop()
        super().wheelEvent(ev, axis)

    # ---- flights --------------------------------------------------------------------------------

    def fly_to(self, target: QRectF) -> None:
        """Show at least a part of the map, moving there shortly where motion is allowed."""
        self._flight.stop()
        whole = self._with_aspect(target)
        if whole.isEmpty():  # a rectangle so small that its sides, as numbers, are none
            return
        if not motion.is_allowed() or not self.isVisible() or self.viewRect().isEmpty():
            self.show_part(whole)
            return
        self._from, self._to = self.viewRect(), whole
        self._flight.start()

    def show_part(self, target: QRectF) -> None:
        """Show at least a part of the map, at once."""
        self.setRange(rect=target, padding=0)

    def limit_zoom(self, whole: QRectF) -> None:
        """Let no part of a map be shown that is so small that its sides, as numbers, vanish."""
        least = CLOSEST * (max(whole.width(), whole.height()) or 1.0)
        self.setLimits(minXRange=least, minYRange=least)

    def setRange(self, *args: Any, **options: Any) -> None:
        super().setRange(*args, **options)
        self.updateMatrix()  # left to the next paint, it would ask for another one

    def stop(self) -> None:
        """Stay where a flight is now."""
        self._flight.stop()

    def _on_flight(self, state: QVariantAnimation.State, _: QVariantAnimation.State) -> None:
        self.flight_changed.emit(state == QVariantAnimation.State.Running)

    @property
    def flying(self) -> bool:
        """Whether the view moves by itself."""
        return self._flight.state() == QVariantAnimation.State.Running

    @property
    def aim(self) -> QRectF:
        """What is shown, at the end of a flight."""
        return self._to if self.flying else self.viewRect()

    def _with_aspect(self, target: QRectF) -> QRectF:
        """A part of the map enlarged to the shape of the view."""
        shape = self.rect()
        if shape.isEmpty() or not (target.width() > 0 or target.height() > 0):
            return target
        aspect = shape.width() / shape.height()
        width = max(target.width(), target.height() * aspect)
        whole = QRectF(0, 0, width, width / aspect)
        whole.moveCenter(target.center())
        return whole

    def _fly(self, part: float) -> None:
        """Sizes change by equal factors, and what the middle is nears its end alike."""
        start, end = self._from, self._to
        size = start.width() * (end.width() / start.width()) ** part
        change = end.width() - start.width()
        way = (size - start.width()) / change if abs(change) > 1e-3 * start.width() else part
        middle = start.center() + (end.center() - start.center()) * way
        view = QRectF(0, 0, size, size * end.height() / end.width())
        view.moveCenter(middle)
        self.show_part(end if part >= 1 else view)

    # ---- history --------------------------------------------------------------------------------

    def resizeEvent(self, ev: Any) -> None:
        settled = not self._settle.isActive() and not self.flying
        super().resizeEvent(ev)
        if settled and self._at >= 0:  # the same view in another shape: nothing to go back to
            self._settle.stop()
            self._views[self._at] = self.viewRect()

    def remember(self) -> None:
        """Keep the present view, so that one can come back to it."""
        view = self.aim
        if view.isEmpty() or self.drawing:
            return
        if self._at >= 0 and _alike(self._with_aspect(self._views[self._at]), view):
            return  # it may have been kept when the plot was of another shape
        self._views = [*self._views[: self._at + 1], view][-KEPT_VIEWS:]
        self._at = len(self._views) - 1
        self.history_changed.emit()

    def forget_views(self) -> None:
        """Start the history over: another map is shown."""
        self._settle.stop()
        self._views, self._at = [], -1
        self.history_changed.emit()

    @property
    def can_go_back(self) -> bool:
        """Whether there is a view before this one."""
        return self._at > 0

    @property
    def can_go_forward(self) -> bool:
        """Whether one went back from a view."""
        return self._at < len(self._views) - 1

    def go(self, by: int) -> None:
        """Go back (-1) or forward (1) in the history of views."""
        self.remember()
        to = self._at + by
        if 0 <= to < len(self._views):
            self._at = to
            self.fly_to(self._views[to])
            self.history_changed.emit()


def _alike(one: QRectF, other: QRectF) -> bool:
    """Whether two views differ by less than a pixel or so."""
    slack = 2e-3 * max(one.width(), one.height())
    corners = (one.topLeft() - other.topLeft(), one.bottomRight() - other.bottomRight())
    return all(abs(offset.x()) < slack and abs(offset.y()) < slack for offset in corners)
