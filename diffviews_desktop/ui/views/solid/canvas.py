"""The view in three dimensions: what the mouse and the keys do on it."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.views.flat.overlays import (
    MARKER_RADIUS,
    step_is_meant,
)
from diffviews_desktop.ui.views.solid.cloud_widget import CloudWidget
from diffviews_desktop.values.row_set import RowSet

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


class Canvas(CloudWidget):
    """Shows a cloud of points.

    Signals:
        hovered: the sample under the mouse, or None.
        clicked: a sample that was clicked.
        double_clicked: a sample that was double-clicked.
        chosen: a sample that was Shift-clicked, as a `RowSet`, and what that does to the set.
        step_hovered: ``(run, step)`` under the mouse, or None.
        step_clicked: a step that was clicked: run and step.
        menu_wanted: a menu for a sample, or for none, and where on the screen.
        rested, failed: as those of `CloudWidget`.
    """

    hovered = Signal(object)
    clicked = Signal(int)
    double_clicked = Signal(int)
    chosen = Signal(object, str)
    step_hovered = Signal(object)
    step_clicked = Signal(int, int)
    menu_wanted = Signal(object, QPoint)

    def __init__(self, parent: QWidget | None = None, *, graphics_card: bool = True) -> None:
        super().__init__(parent, graphics_card=graphics_card)
        self.setAccessibleName(tr("Map of the samples in three dimensions"))
        self.setAccessibleDescription(
            tr(
                "Arrow keys orbit, Shift and arrow keys pan, plus and minus zoom, Home resets the "
                "view"
            )
        )
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._asked: tuple[QPointF, Callable[[int | None], None]] | None = None
        self._mouse: QPointF | None = None
        self._pressed: QPointF | None = None
        self._last = QPointF()
        self._dragging = False
        self._hovered_step: tuple[int, int] | None = None
        self.rested.connect(self._on_rested)

    # ---- picking --------------------------------------------------------------------------------

    @property
    def hovered_row(self) -> int | None:
        """The sample under the mouse."""
        return self._hovered

    def row_at(self, position: QPointF) -> int | None:
        """The sample drawn at a place in logical pixels, or the nearest in reach; or None."""
        points = self._points_now() if len(self._cloud) else None
        return None if points is None else points.at(position.x(), position.y())

    def step_at(self, position: QPointF, row: int | None = None) -> tuple[int, int] | None:
        """The step of a run at a place in logical pixels, unless the sample there is meant:
        its run and number."""
        if self._axis is None:
            return None
        near = self._paths.near(
            position, self.viewpoint.projection(), self._axis, float(self.box.low[2])
        )
        points = self._points_now() if near is not None and row is not None else None
        if near is None:
            return None
        if row is not None and points is not None:
            count = points.count(near.place.x(), near.place.y(), MARKER_RADIUS)
            sample = _distance(self.position_of(row), position)
            if not step_is_meant(near.away, sample, count):
                return None
        return near.key, near.index

    def _ask(self, position: QPointF, answer: Callable[[int | None], None]) -> None:
        """Tell what lies at a place, of many points once they are sorted."""
        if len(self._cloud) and self._points_now() is None:
            self._asked = (position, answer)
            self._depth.sort(*self._seen_from())
        else:
            answer(self.row_at(position))

    def _on_rested(self) -> None:
        if self._asked is not None and self._points_now() is not None:
            (position, answer), self._asked = self._asked, None
            answer(self.row_at(position))
        self._look_under_mouse()

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
        offset, self._last = place - self._last, place
        shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if shift or event.buttons() & Qt.MouseButton.MiddleButton:
            self.viewpoint.pan(offset.x(), -offset.y())
        else:
            self.viewpoint.orbit(-offset.x() * PER_PIXEL, offset.y() * PER_PIXEL)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        press, self._pressed = self._pressed, None
        if self._dragging:
            self._dragging = False
            self.unsetCursor()
            self._look_under_mouse()
        elif press is not None and event.button() == Qt.MouseButton.LeftButton:
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
            self.viewpoint.zoom(ZOOM_PER_NOTCH**notches, event.position())
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in ORBIT_KEYS:
            right, up = ORBIT_KEYS[key]
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self.viewpoint.pan(-right * PAN_PER_KEY, -up * PAN_PER_KEY)
            else:
                self.viewpoint.orbit(right * PER_KEY, up * PER_KEY)
        elif key in ZOOM_KEYS:
            self.viewpoint.zoom(ZOOM_PER_NOTCH ** ZOOM_KEYS[key])
        elif key == Qt.Key.Key_Home:
            self.reset_view()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
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


def _distance(one: QPointF | None, other: QPointF) -> float:
    return math.inf if one is None else math.hypot(one.x() - other.x(), one.y() - other.y())
