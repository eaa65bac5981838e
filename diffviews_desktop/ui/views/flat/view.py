"""The map: what the mouse and the keys do on it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from diffviews_desktop.state.picks import Choosing
from diffviews_desktop.state.view import Tool
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.views.flat.overlays import (
    MARKER_RADIUS,
    STEP_RADIUS,
    step_is_meant,
)
from diffviews_desktop.ui.views.flat.picking import PointIndex
from diffviews_desktop.ui.views.flat.point_plot import INDEXED_AT_ONCE, PointPlot
from diffviews_desktop.values.row_set import RowSet

PICK_RADIUS = 14  # logical pixels
SKIPPING = (QEvent.Type.MouseButtonPress, QEvent.Type.Wheel, QEvent.Type.KeyPress)
KEEPING = (
    Qt.FocusReason.PopupFocusReason,
    Qt.FocusReason.MenuBarFocusReason,
    Qt.FocusReason.ActiveWindowFocusReason,
)
"""Why the keyboard leaves the map and comes back to it: for a menu, or for another window."""
DIRECTIONS = {
    Qt.Key.Key_Left: (-1.0, 0.0),
    Qt.Key.Key_Right: (1.0, 0.0),
    Qt.Key.Key_Up: (0.0, 1.0),
    Qt.Key.Key_Down: (0.0, -1.0),
}
CURSORS: dict[Tool, Qt.CursorShape] = {
    "pan": Qt.CursorShape.ArrowCursor,
    "rectangle": Qt.CursorShape.CrossCursor,
    "lasso": Qt.CursorShape.CrossCursor,
    "zoom": Qt.CursorShape.CrossCursor,
}


class MapView(PointPlot):
    """Shows the samples on the map.

    Signals:
        hovered: the sample under the mouse, or None.
        clicked: a sample that was clicked.
        double_clicked: a sample that was double-clicked.
        chosen: samples that a rectangle or a lasso holds, or a Shift-click, as `RowSet`, and a
            `Choosing`.
        step_hovered: ``(run, step)`` under the mouse, or None.
        step_clicked: a step that was clicked: run and step.
        menu_wanted: a menu for a sample, or for none, and where on the screen.
        painted, drawn_otherwise, replaced, rested: as those of `PointPlot`.
    """

    hovered = Signal(object)
    clicked = Signal(int)
    double_clicked = Signal(int)
    chosen = Signal(object, str)
    step_hovered = Signal(object)
    step_clicked = Signal(int, int)
    menu_wanted = Signal(object, QPoint)
    _found = Signal(object, object, str)

    def __init__(self, parent: QWidget | None = None, *, with_legend: bool = True) -> None:
        super().__init__(parent, with_legend=with_legend)
        self._hovered: int | None = None
        self._hovered_step: tuple[int, int] | None = None
        self._mouse: QPoint | None = None  # on the viewport; None where keys moved last, too
        self.setAccessibleName(tr("Map of the samples"))
        self._plot_widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._plot_widget.setAccessibleName(tr("Map of the samples"))
        self._plot_widget.setAccessibleDescription(
            tr(
                "Arrow keys go to the next sample in that direction, Enter picks it, Space adds it "
                "to the selection set or takes it out"
            )
        )
        self._plot_widget.installEventFilter(self)
        self.setFocusProxy(self._plot_widget)
        self.box.rectangle_drawn.connect(self._choose_in_rectangle)
        self.box.lasso_drawn.connect(self._choose_in_lasso)
        self._found.connect(self._on_found, Qt.ConnectionType.QueuedConnection)
        self.replaced.connect(self._on_replaced)
        self.rested.connect(self._on_rested)
        self._plot_widget.scene().sigMouseClicked.connect(self._on_mouse_clicked)

    def set_hidden(self, hidden: NDArray[np.bool_] | None) -> None:
        super().set_hidden(hidden)
        if hidden is not None and self._hovered is not None and hidden[self._hovered]:
            self._set_hovered(None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._mouse is not None:  # until the view is still: another lies under it
            self._set_hovered(None)

    def _on_replaced(self) -> None:
        self._set_hovered(None)
        self._hovered_step = None

    def _on_rested(self) -> None:
        if self._mouse is not None:  # the map moved under it
            self._on_mouse_moved(self._plot_widget.mapToScene(self._mouse))

    # ---- picking --------------------------------------------------------------------------------

    def row_at(self, position: QPointF) -> int | None:
        """The sample nearest to a place in the scene, within reach of a click; or None."""
        if not len(self._xy) or self.glide.running:
            return None
        box = self.box
        pixel_x, pixel_y = box.viewPixelSize()
        if not (pixel_x > 0 and pixel_y > 0):
            return None
        place = box.mapSceneToView(position)
        if not self._index.done():  # for a moment, of a large map
            return None
        return self._index.result().nearest(
            place.x(),
            place.y(),
            PICK_RADIUS * pixel_x,
            PICK_RADIUS * pixel_y,
            self._points.hidden,
        )

    @property
    def hovered_row(self) -> int | None:
        """The sample under the mouse, or where the arrow keys went."""
        return self._hovered

    @property
    def hovered_step(self) -> tuple[int, int] | None:
        """The step of a run under the mouse: its run and number."""
        return self._hovered_step

    def set_tool(self, tool: Tool) -> None:
        """Choose what a drag does."""
        self.box.abort()
        self.box.tool = tool
        self._show_cursor()

    def _choose_in_rectangle(self, part: QRectF, way: Choosing) -> None:
        x0, y0, x1, y1 = part.left(), part.top(), part.right(), part.bottom()
        self._choose(lambda index: index.in_rectangle(x0, y0, x1, y1), way)

    def _choose_in_lasso(self, corners: list[tuple[float, float]], way: Choosing) -> None:
        self._choose(lambda index: index.in_polygon(corners), way)

    def _choose(self, find: Callable[[PointIndex], NDArray[np.int64]], way: Choosing) -> None:
        """Find samples, of a large map in the thread that its index is made in."""
        self.glide.finish()
        index, hidden = self._index, self._points.hidden

        def search() -> None:
            rows = find(index.result())
            if hidden is not None:
                rows = rows[~hidden[rows]]
            self._found.emit(index, RowSet.ascending(rows), way)

        if len(self._xy) > INDEXED_AT_ONCE:
            self._indexing.submit(search)
        else:
            search()

    def _on_found(self, index: object, rows: RowSet, way: Choosing) -> None:
        if index is self._index:  # else another map is shown by now
            self.chosen.emit(rows, way)

    def _on_mouse_moved(self, position: QPointF) -> None:
        inside = self.box.sceneBoundingRect().contains(position)
        row = self.row_at(position) if inside else None
        step = self.step_at(position, row) if inside else None
        self._set_hovered(row if step is None else None)
        if step != self._hovered_step:
            self._hovered_step = step
            self.step_hovered.emit(step)

    def step_at(self, position: QPointF, row: int | None = None) -> tuple[int, int] | None:
        """The step of a run at a place in the scene, unless the sample there is meant: its
        run and number."""
        hit = self.paths.nearest(self._to_scene, (position.x(), position.y()), STEP_RADIUS)
        if hit is None:
            return None
        if row is not None:
            sample = self.box.mapViewToScene(QPointF(*map(float, self._xy[row])))
            place = QPointF(*self.paths.place(hit.run, hit.step))
            count = self._covered_at(self.box.mapViewToScene(place))
            if not step_is_meant(hit.away, _distance(sample, position), count):
                return None
        return hit.run, hit.step

    def _to_scene(self, places: NDArray) -> NDArray:
        """From places on the map to places in the scene, both ``(N, 2)``: both are axes along."""
        start = self.box.mapViewToScene(QPointF(0, 0))
        right, up = self.box.mapViewToScene(QPointF(1, 0)), self.box.mapViewToScene(QPointF(0, 1))
        scale = right.x() - start.x(), up.y() - start.y()
        return places * scale + (start.x(), start.y())

    def _covered_at(self, place: QPointF) -> int:
        """How many samples the marker of a step covers at a place in the scene."""
        reach = QPointF(MARKER_RADIUS, MARKER_RADIUS)
        low = self.box.mapSceneToView(place - reach)
        high = self.box.mapSceneToView(place + reach)
        rows = self._index.result().in_rectangle(low.x(), low.y(), high.x(), high.y())
        if self._points.hidden is not None:
            rows = rows[~self._points.hidden[rows]]
        middle = np.array([low.x() + high.x(), low.y() + high.y()]) / 2
        radii = np.abs([high.x() - low.x(), high.y() - low.y()]) / 2
        distances = ((self._xy[rows] - middle) / radii) ** 2
        return int(np.count_nonzero(distances[:, 0] + distances[:, 1] <= 1))

    def position_of_step(self, key: int, index: int) -> QPointF:
        """Where a step is, in the coordinates of the plot's viewport."""
        place = QPointF(*self.paths.place(key, index))
        return QPointF(self._plot_widget.mapFromScene(self.box.mapViewToScene(place)))

    def _on_mouse_clicked(self, event: object) -> None:
        button, position = event.button(), event.scenePos()  # type: ignore[attr-defined]
        row = self.row_at(position)
        if button == Qt.MouseButton.RightButton:
            event.accept()  # type: ignore[attr-defined]
            self.menu_wanted.emit(row, event.screenPos().toPoint())  # type: ignore[attr-defined]
        if button != Qt.MouseButton.LeftButton:
            return
        step = self.step_at(position, row)
        if step is not None and not event.double():  # type: ignore[attr-defined]
            event.accept()  # type: ignore[attr-defined]
            self.step_clicked.emit(*step)
            return
        if row is None:
            return
        event.accept()  # type: ignore[attr-defined]
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:  # type: ignore[attr-defined]
            self.chosen.emit(RowSet([row]), "toggle")
        elif event.double():  # type: ignore[attr-defined]
            self.double_clicked.emit(row)
        else:
            self.clicked.emit(row)

    def _set_hovered(self, row: int | None) -> None:
        if row != self._hovered:
            self._hovered = row
            self._rings.hover(None if row is None else self._xy[row])
            self._show_cursor()
            self.hovered.emit(row)

    def _show_cursor(self) -> None:
        tool = self.box.tool
        pointing = self._hovered is not None and tool == "pan"
        self.viewport.setCursor(Qt.CursorShape.PointingHandCursor if pointing else CURSORS[tool])

    # ---- keys -----------------------------------------------------------------------------------

    def _takes_key(self, event: QKeyEvent) -> bool:
        """Whether a key is the map's and not a shortcut of the window."""
        if event.key() == Qt.Key.Key_Escape:
            return self.box.drawing
        plain = event.modifiers() in (
            Qt.KeyboardModifier.NoModifier,
            Qt.KeyboardModifier.KeypadModifier,
        )
        return plain and len(self._xy) > 0 and event.key() in DIRECTIONS

    def _on_key(self, event: QKeyEvent) -> bool:
        """Do what a key asks for; whether it was one of the map's."""
        key = event.key()
        if key == Qt.Key.Key_Escape and self.box.drawing:
            self.box.abort()
        elif self._takes_key(event):
            self._step(*DIRECTIONS[Qt.Key(key)])
        elif self._hovered is None:
            return False
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self.double_clicked.emit(self._hovered)
            else:
                self.clicked.emit(self._hovered)
        elif key == Qt.Key.Key_Space:
            self.chosen.emit(RowSet([self._hovered]), "toggle")
        else:
            return False
        return True

    def _step(self, dx: float, dy: float) -> None:
        """Go to the next sample in a direction, from the anchor or the middle at first."""
        if not self._index.done():
            return
        index = self._index.result()
        row = self._hovered
        if row is None:
            row = self._selection.anchor
            if row is None or not np.isfinite(self._xy[row]).all():
                middle = self.box.aim.center()
                far = self._points.bounds
                reach = 2 * max(far.width(), far.height(), 1e-6)
                row = index.nearest(middle.x(), middle.y(), reach, reach, self._points.hidden)
        else:
            neighbor = index.toward(row, dx, dy, self._points.hidden)
            row = row if neighbor is None else neighbor
        if row is not None:
            self._mouse = None
            self._set_hovered(row)
            self._reveal(row)

    def _reveal(self, row: int) -> None:
        """Move the view so far that a sample is in it."""
        view = self.box.aim
        margin = QPointF(0.06 * view.width(), 0.06 * view.height())
        inner = QRectF(view.topLeft() + margin, view.bottomRight() - margin)
        x, y = map(float, self._xy[row])
        dx = min(0.0, x - inner.left()) + max(0.0, x - inner.right())
        dy = min(0.0, y - inner.top()) + max(0.0, y - inner.bottom())
        if dx or dy:
            self.box.fly_to(view.translated(dx, dy))

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if self.glide.running and event.type() in SKIPPING:
            self.glide.finish()
        if watched is self._plot_widget:
            if isinstance(event, QFocusEvent) and event.lostFocus():
                self._on_focus_lost(event.reason())
            if event.type() == QEvent.Type.ShortcutOverride and self._takes_key(event):  # type: ignore[arg-type]
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress and self._on_key(event):  # type: ignore[arg-type]
                return True
            if isinstance(event, QContextMenuEvent) and (
                event.reason() == QContextMenuEvent.Reason.Keyboard
            ):
                row = self._hovered
                place = self.rect().center() if row is None else self.position_of(row).toPoint()
                self.menu_wanted.emit(row, self.viewport.mapToGlobal(place))
                return True
        elif event.type() == QEvent.Type.MouseMove:
            # not the scene's signal: that leaves moves out, the last one too
            self._mouse = event.position().toPoint()  # type: ignore[attr-defined]
            self._on_mouse_moved(self._plot_widget.mapToScene(self._mouse))
        elif event.type() == QEvent.Type.Leave:
            self._mouse = None
            self._set_hovered(None)
        return super().eventFilter(watched, event)

    def _on_focus_lost(self, reason: Qt.FocusReason) -> None:
        """Leave the sample that the arrow keys went to, unless a menu is opened for it."""
        if self._mouse is None and reason not in KEEPING:
            self._set_hovered(None)


def _distance(one: QPointF, other: QPointF) -> float:
    return math.hypot(one.x() - other.x(), one.y() - other.y())
