"""The map: an ordinary plot with points, rings and trajectories, and the gestures on it."""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from diffviews_desktop.samples import SampleTable
from diffviews_desktop.state import Selection, TrajectoryRecord
from diffviews_desktop.ui import theme
from diffviews_desktop.ui.colors import class_colors
from diffviews_desktop.ui.map.coloring import Coloring, palette
from diffviews_desktop.ui.map.legend import Legend
from diffviews_desktop.ui.map.overlays import Path, Rings
from diffviews_desktop.ui.map.picking import PointIndex
from diffviews_desktop.ui.map.points import Points
from diffviews_desktop.ui.map.renderer import (
    GLViewport,
    Renderer,
    choose_renderer,
    wanted_renderer,
)

log = logging.getLogger(__name__)

PICK_RADIUS = 14  # logical pixels
INDEXED_AT_ONCE = 20_000  # points
STILL_MILLISECONDS = 150  # after the last move the view counts as still
LEGEND_MARGIN = 12
FAINTEST, STRONGEST, EQUAL = 0.4, 1.0, 0.7


def opacities(sigma: NDArray) -> NDArray[np.float64]:
    """Opacity of each sample from its noise level: 1.0 for the lowest to 0.4 for the highest, by
    log sigma; 0.7 where all are the same."""
    if not len(sigma):
        return np.empty(0)
    level = np.log(np.asarray(sigma, dtype=np.float64))
    low, high = level.min(), level.max()
    if high - low < 1e-9:
        return np.full(len(level), EQUAL)
    return STRONGEST - (STRONGEST - FAINTEST) * (level - low) / (high - low)


class MapView(QWidget):
    """Shows the samples on the map.

    Signals:
        hovered: the sample under the mouse, or None.
        clicked: a sample that was clicked.
        double_clicked: a sample that was double-clicked.
        painted: the points were painted for the first time after `set_map`.
    """

    hovered = Signal(object)
    clicked = Signal(int)
    double_clicked = Signal(int)
    painted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Map of the samples")
        self._plot_widget = pg.PlotWidget(background=theme.colors().map)
        self._plot: pg.PlotItem = self._plot_widget.getPlotItem()
        self._plot.setAspectLocked(True)
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.enableAutoRange(False)
        self._points = Points()
        # queued: it is told of while the viewport, which goes, is painted
        self._points.failed.connect(self._on_failed, Qt.ConnectionType.QueuedConnection)
        self._plot.addItem(self._points)
        self._still = QTimer(self)
        self._still.setSingleShot(True)
        self._still.setInterval(STILL_MILLISECONDS)
        self._still.timeout.connect(self._on_still)
        self._plot.getViewBox().sigRangeChanged.connect(self._on_range_changed)
        self._rings = Rings(self._plot)
        self._paths: dict[int, Path] = {}
        self._xy: NDArray = np.empty((0, 2), dtype=np.float32)
        self._index: Future[PointIndex] = Future()
        self._indexing = ThreadPoolExecutor(1, "points")
        self._labels: NDArray = np.empty(0, dtype=np.int32)
        self._hovered: int | None = None
        self._awaiting_paint = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot_widget)
        self._plot_widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.renderer = Renderer("raster", "", "nothing else was chosen yet")
        self._watch_viewport()
        self.legend = Legend(self)
        self.coloring: Coloring | None = None
        self._plot_widget.scene().sigMouseClicked.connect(self._on_mouse_clicked)
        self.apply_theme()

    # ---- how it is drawn ------------------------------------------------------------------------

    def set_renderer(self, setting: str = "auto") -> None:
        """Draw by OpenGL or into a picture: "auto", "opengl" or "raster"; the environment variable
        DIFFVIEWS_RENDERER goes before."""
        self.renderer = choose_renderer(wanted_renderer(setting))
        log.info("the map is drawn by %s: %s", self.renderer.name, self.renderer.reason)
        self._points.gl_allowed = True
        self._use_viewport(opengl=self.renderer.name == "opengl")

    def _use_viewport(self, *, opengl: bool) -> None:
        if not opengl and self.renderer.name == "opengl":
            self.renderer = Renderer("raster", self.renderer.device, "OpenGL failed")
        if isinstance(self.viewport, GLViewport) == opengl:
            return
        self._points.gl.forget()
        view = self._plot_widget
        view.setViewport(GLViewport(view) if opengl else QWidget())
        self._watch_viewport()

    def _on_failed(self) -> None:
        self._use_viewport(opengl=False)

    def _watch_viewport(self) -> None:
        self.viewport.installEventFilter(self)
        self.viewport.setMouseTracking(True)

    # ---- what is shown --------------------------------------------------------------------------

    def set_map(self, samples: SampleTable, xy: NDArray, *, keep_view: bool = False) -> None:
        """Show the samples at ``xy (N, 2)``, coloured by class and faded by noise level."""
        self._xy = xy
        self._make_index()
        self._labels = samples.class_label
        group, colors = self._by_class()
        self._points.set_points(xy, group, opacities(samples.sigma), colors)
        self.coloring = None
        self.legend.set_coloring(None)
        self._set_hovered(None)
        self._awaiting_paint = True
        if not keep_view:
            self.fit()

    def set_coloring(self, coloring: Coloring | None) -> None:
        """Colour the points by a value of each, with a legend; None colours them by class."""
        if coloring is None:
            self._points.set_colors(*self._by_class())
        else:
            self._points.set_colors(coloring.groups(), palette(dark=theme.is_dark()))
        self.coloring = coloring
        self.legend.set_coloring(coloring)
        self._place_legend()

    def _by_class(self) -> tuple[NDArray, list[QColor]]:
        numbers, group = np.unique(self._labels, return_inverse=True)
        colors = class_colors(numbers.tolist(), dark=theme.is_dark())
        return group, [colors[number] for number in numbers.tolist()]

    def _place_legend(self) -> None:
        self.legend.move(self.width() - self.legend.width() - LEGEND_MARGIN, LEGEND_MARGIN)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_legend()

    def clear(self) -> None:
        """Show nothing."""
        self._xy = np.empty((0, 2), dtype=np.float32)
        self._make_index()
        self._points.set_points(self._xy, np.empty(0), np.empty(0), [])
        self.legend.set_coloring(None)
        self.set_selection(Selection())
        self.set_trajectories([], None, 0)

    def set_selection(self, selection: Selection) -> None:
        """Ring the anchor and its neighbours."""
        rows = [row for row in selection.rows if row < len(self._xy)]
        if len(rows) == len(selection.rows):
            self._rings.show(selection, self._xy)

    def set_highlighted_class(self, number: int | None) -> None:
        """Dim everything but a class; None dims nothing."""
        self._points.set_emphasis(None if number is None else self._labels == number)

    def set_trajectories(
        self,
        records: list[TrajectoryRecord],
        shown: int | None,
        step: int,
        unmasked: TrajectoryRecord | None = None,
    ) -> None:
        """Draw trajectories; the shown one with its current step marked, the others fainter, and
        the unmasked run that the shown one is compared with."""
        wanted = {record.key: record for record in records}
        if unmasked is not None:
            wanted[unmasked.key] = unmasked
        for key in [key for key in self._paths if key not in wanted]:
            self._paths.pop(key).remove()
        c = theme.colors()
        for key, record in wanted.items():
            if key not in self._paths:
                self._paths[key] = Path(self._plot, unmasked=record is unmasked)
            current = key == shown or (record is unmasked and step < len(record.steps))
            self._paths[key].show(record, step if current else None, c.accent, c.map)

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        c = theme.colors()
        self._plot_widget.setBackground(c.map)
        for name in ("left", "bottom"):
            axis = self._plot.getAxis(name)
            axis.setPen(pg.mkPen(c.border))
            axis.setTextPen(pg.mkPen(c.muted))
            axis.setStyle(tickLength=-4)
        self._rings.set_theme(c.text)

    # ---- moving ---------------------------------------------------------------------------------

    def fit(self) -> None:
        """Show all points."""
        finite = self._xy[np.isfinite(self._xy).all(axis=1)] if len(self._xy) else self._xy
        if not len(finite):
            return
        (x0, y0), (x1, y1) = finite.min(axis=0).tolist(), finite.max(axis=0).tolist()
        pad_x, pad_y = 0.04 * max(x1 - x0, 1e-3), 0.04 * max(y1 - y0, 1e-3)
        self._plot.getViewBox().setRange(
            xRange=(x0 - pad_x, x1 + pad_x), yRange=(y0 - pad_y, y1 + pad_y), padding=0
        )

    def center_on(self, row: int) -> None:
        """Bring a sample to the middle of the view, at the same zoom or closer."""
        if not (0 <= row < len(self._xy)) or not np.isfinite(self._xy[row]).all():
            return
        box = self._plot.getViewBox()
        (x0, x1), (y0, y1) = box.viewRange()
        everything = self._points.boundingRect()
        width = min(x1 - x0, everything.width() * 0.4 or 1.0)
        height = (y1 - y0) * width / (x1 - x0)
        x, y = map(float, self._xy[row])
        box.setRange(
            xRange=(x - width / 2, x + width / 2),
            yRange=(y - height / 2, y + height / 2),
            padding=0,
        )

    # ---- picking --------------------------------------------------------------------------------

    def row_at(self, position: QPointF) -> int | None:
        """The sample nearest to a place in the scene, within reach of a click; or None."""
        if not len(self._xy):
            return None
        box = self._plot.getViewBox()
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

    def position_of(self, row: int) -> QPointF:
        """Where a sample is, in the coordinates of the plot's viewport."""
        box = self._plot.getViewBox()
        scene = box.mapViewToScene(QPointF(float(self._xy[row, 0]), float(self._xy[row, 1])))
        return QPointF(self._plot_widget.mapFromScene(scene))

    @property
    def points(self) -> Points:
        """The points as they are drawn."""
        return self._points

    @property
    def viewport(self) -> QWidget:
        """The widget that mouse events go to."""
        return self._plot_widget.viewport()

    def _on_range_changed(self) -> None:
        self._points.moving = True
        self._still.start()

    def _on_still(self) -> None:
        self._points.moving = False
        self._points.update()

    def close_points(self) -> None:
        """End what draws and sorts points in other threads."""
        self._indexing.shutdown()
        self._points.close()

    def _make_index(self) -> None:
        """Prepare for picking: at once where that takes a few milliseconds."""
        if len(self._xy) > INDEXED_AT_ONCE:
            self._index = self._indexing.submit(PointIndex, self._xy)
            return
        self._index = Future()
        self._index.set_result(PointIndex(self._xy))

    def _on_mouse_moved(self, position: QPointF) -> None:
        inside = self._plot.getViewBox().sceneBoundingRect().contains(position)
        self._set_hovered(self.row_at(position) if inside else None)

    def _on_mouse_clicked(self, event: object) -> None:
        button, position = event.button(), event.scenePos()  # type: ignore[attr-defined]
        if button != Qt.MouseButton.LeftButton:
            return
        row = self.row_at(position)
        if row is None:
            return
        event.accept()  # type: ignore[attr-defined]
        if event.double():  # type: ignore[attr-defined]
            self.double_clicked.emit(row)
        else:
            self.clicked.emit(row)

    def _set_hovered(self, row: int | None) -> None:
        if row != self._hovered:
            self._hovered = row
            self._rings.hover(None if row is None else self._xy[row])
            self.setCursor(
                Qt.CursorShape.ArrowCursor if row is None else Qt.CursorShape.PointingHandCursor
            )
            self.hovered.emit(row)

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if event.type() == QEvent.Type.MouseMove:
            # not the scene's signal: that leaves moves out, the last one too
            place = event.position().toPoint()  # type: ignore[attr-defined]
            self._on_mouse_moved(self._plot_widget.mapToScene(place))
        elif event.type() == QEvent.Type.Leave:
            self._set_hovered(None)
        elif event.type() == QEvent.Type.Paint and self._awaiting_paint:
            self._awaiting_paint = False
            # after this paint, not in it
            pg.QtCore.QTimer.singleShot(0, self.painted.emit)
        return super().eventFilter(watched, event)  # type: ignore[arg-type]
