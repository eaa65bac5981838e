"""The points of the map on an ordinary plot, with rings, runs, legend and decorations."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from diffviews_desktop.state.background import background_thread
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.runs import Run
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.colors import class_colors
from diffviews_desktop.ui.common.images import PictureLoader
from diffviews_desktop.ui.common.widgets import let_drops_through
from diffviews_desktop.ui.views.flat import export
from diffviews_desktop.ui.views.flat.coloring import Coloring
from diffviews_desktop.ui.views.flat.decorations import Decorated, Decorations
from diffviews_desktop.ui.views.flat.gestures import MapBox
from diffviews_desktop.ui.views.flat.glide import Between, Glide
from diffviews_desktop.ui.views.flat.legend import Legend
from diffviews_desktop.ui.views.flat.overlays import Rings
from diffviews_desktop.ui.views.flat.paths import Paths
from diffviews_desktop.ui.views.flat.picking import PointIndex
from diffviews_desktop.ui.views.flat.points import Points
from diffviews_desktop.ui.views.flat.renderer import (
    GLViewport,
    Renderer,
    choose_renderer,
    gather_textures,
    wanted_renderer,
)
from diffviews_desktop.ui.views.flat.scene import extent
from diffviews_desktop.values.noise_levels import opacities
from diffviews_desktop.values.samples import SampleTable

log = logging.getLogger(__name__)

INDEXED_AT_ONCE = 20_000  # points
STILL_MILLISECONDS = 150  # after the last move the view counts as still
LEGEND_MARGIN = 12


class PointPlot(QWidget):
    """Draws the samples on the map.

    Signals:
        painted: the points were painted for the first time after `set_map`.
        drawn_otherwise: OpenGL failed, and `renderer` changed.
        replaced: other samples, or other places of them, are shown.
        rested: the view has come to rest.
    """

    painted = Signal()
    drawn_otherwise = Signal()
    replaced = Signal()
    rested = Signal()

    def __init__(self, parent: QWidget | None = None, *, with_legend: bool = True) -> None:
        super().__init__(parent)
        self._with_legend = with_legend
        self.box = MapBox()
        self._plot_widget = pg.PlotWidget(background=theme.colors().map, viewBox=self.box)
        let_drops_through(self._plot_widget)
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
        self.box.sigRangeChanged.connect(self._on_range_changed)
        self.box.flight_changed.connect(self._on_flight)
        self._rings = Rings(self._plot)
        self.paths = Paths(self._plot, self)
        self.paths.grown.connect(self._explain_marks)
        self._xy: NDArray = np.empty((0, 2), dtype=np.float32)
        self._index: Future[PointIndex] = Future()
        self._index.set_result(PointIndex(self._xy))
        self._indexing = background_thread("points")
        self._labels: NDArray = np.empty(0, dtype=np.int32)
        self._selection = Selection()
        self._highlighted: int | None = None
        self._pointed: int | None = None
        self._samples: SampleTable | None = None
        self.glide = Glide(self._points, self.box, self)
        self.glide.moved.connect(self._on_glided)
        self.decorations: Decorations | None = None
        self._decorated: Decorated | None = None
        self._awaiting_paint = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot_widget)
        self.renderer = Renderer("raster", "", tr("nothing else was chosen yet"))
        self._watch_viewport()
        self.legend = Legend(self)
        self.coloring: Coloring | None = None
        self.apply_theme()

    @property
    def plot_item(self) -> pg.PlotItem:
        """What lies on the points is added to it."""
        return self._plot

    # ---- how it is drawn ------------------------------------------------------------------------

    def set_renderer(self, setting: str = "auto") -> None:
        """Draw by OpenGL or into a picture: "auto", "opengl" or "raster"; the environment variable
        DIFFVIEWS_RENDERER goes before."""
        self.draw_by(choose_renderer(wanted_renderer(setting)))
        renderer = self.renderer
        message = "the map is drawn by %s; OpenGL is %s, asked for by: %s"
        log.info(
            message, renderer.name, renderer.device or "not there", renderer.asked_by or "nobody"
        )

    def draw_by(self, renderer: Renderer) -> None:
        """Draw in a way that was chosen already."""
        self.renderer = renderer
        self._points.gl_allowed = True
        self._use_viewport(opengl=renderer.name == "opengl")

    def _use_viewport(self, *, opengl: bool) -> None:
        if not opengl and self.renderer.name == "opengl":
            self.renderer = Renderer("raster", self.renderer.device, tr("OpenGL failed"))
        if isinstance(self.viewport, GLViewport) == opengl:
            return
        self._points.gl.forget()
        view = self._plot_widget
        card = self.renderer.graphics_card
        viewport = GLViewport(view, graphics_card=card) if opengl else QWidget()
        if isinstance(viewport, GLViewport):
            viewport.fresh.connect(self._points.gl.forget)
        view.setViewport(viewport)  # the one before is gone with that
        gather_textures(view)
        self._watch_viewport()

    def _on_failed(self) -> None:
        self._use_viewport(opengl=False)
        self.drawn_otherwise.emit()

    def _without_opengl(self) -> bool:
        """Whether OpenGL is to draw and has nothing to draw on."""
        return isinstance(self.viewport, GLViewport) and not self.viewport.isValid()

    def _look_for_opengl(self) -> None:
        if self._without_opengl():
            self._on_failed()

    def _watch_viewport(self) -> None:
        self.viewport.installEventFilter(self)
        self.viewport.setMouseTracking(True)

    # ---- what is shown --------------------------------------------------------------------------

    def set_map(
        self,
        samples: SampleTable,
        xy: NDArray,
        coloring: Coloring | None = None,
        hidden: NDArray[np.bool_] | None = None,
        sizes: NDArray[np.uint8] | None = None,
        *,
        glide: bool = False,
    ) -> None:
        """Show the samples at ``xy (N, 2)``, coloured by a value of each or else by class, and
        faded by noise level; ``hidden (N,)`` are left out, ``sizes (N,)`` index into `SIZES`.

        With ``glide`` they are the samples that were shown, and move from where they were.
        """
        self.glide.finish()
        old, around, scene = self._xy, self._points.bounds, self._points.scene_drawn
        part = self.box.viewRect()
        if samples is not self._samples:
            self._pointed = None
        self._xy = xy
        self._samples, self._labels = samples, samples.class_label
        self.coloring = coloring
        fade = partial(opacities, samples.sigma)
        self._points.set_points(xy, self._groups(), fade, self._palette(), hidden, sizes)
        self._show_legend()
        self._emphasize()
        self.replaced.emit()
        self._awaiting_paint = True
        self.box.stop()
        self.box.forget_views()
        whole = self._with_room(self._points.bounds)
        self.box.limit_zoom(whole)
        self.box.show_part(whole)
        if glide and len(old) == len(xy) and self.isVisible():
            self.glide.start(scene, old, xy, around, part, self.box.viewRect())
            self._rings.hover(None)
        else:
            self.show_hover(self._pointed)
        self._make_index()
        self._decorate()

    def set_coloring(self, coloring: Coloring | None) -> None:
        """Colour the points by a value of each, with a legend; None colours them by class."""
        self.coloring = coloring
        self._points.set_colors(self._groups(), self._palette())
        self._show_legend()
        self._decorate()

    def _groups(self) -> Callable[[], NDArray]:
        """What finds the place of each sample's colour in the palette."""
        if self.coloring is not None:
            return self.coloring.groups
        assert self._samples is not None
        numbers = np.array([number for number, _, _ in self._samples.classes()])
        labels = self._labels
        return lambda: np.searchsorted(numbers, labels)

    def _palette(self) -> list[QColor]:
        dark = theme.is_dark()
        if self.coloring is not None:
            return self.coloring.palette(dark=dark)
        assert self._samples is not None
        colors = class_colors([number for number, _, _ in self._samples.classes()], dark=dark)
        return list(colors.values())

    def _show_legend(self) -> None:
        self.legend.set_coloring(self.coloring if self._with_legend else None)
        self._place_legend()

    def set_hidden(self, hidden: NDArray[np.bool_] | None) -> None:
        """Leave samples ``(N,) bool`` out; None shows all."""
        self._points.set_hidden(hidden)
        self._decorate()

    def _place_legend(self) -> None:
        self.legend.move(self.width() - self.legend.width() - LEGEND_MARGIN, LEGEND_MARGIN)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_legend()

    def clear(self) -> None:
        """Show nothing."""
        self.glide.finish()
        self._xy, self._labels = np.empty((0, 2), np.float32), np.empty(0, np.int32)
        self._samples = self.coloring = None
        self.show_hover(None)
        self._make_index()
        self._decorate()
        self._points.set_points(self._xy, np.empty(0), np.empty(0), [])
        self.legend.set_coloring(None)
        self.set_selection(Selection())
        self.set_paths([], None, 0)

    def set_selection(self, selection: Selection) -> None:
        """Ring the anchor and its neighbours, and dim everything but the selection set."""
        if any(row >= len(self._xy) for row in selection.rows):
            return
        old, self._selection = self._selection, selection
        self._rings.show(selection, self._xy)
        if old.chosen is not selection.chosen:
            self._emphasize()

    def set_highlighted_class(self, number: int | None) -> None:
        """Dim everything but a class, where no samples are selected; None dims nothing."""
        self._highlighted = number
        if not len(self._selection.chosen):
            self._emphasize()

    def _emphasize(self) -> None:
        rows = self._selection.chosen
        if len(rows):
            self._points.set_emphasis(rows.mask(len(self._xy)))
        elif self._highlighted is not None:
            self._points.set_emphasis(self._labels == self._highlighted)
        else:
            self._points.set_emphasis(None)

    def set_paths(
        self,
        records: list[Run],
        run_id: int | None,
        step: int,
        unmasked: Run | None = None,
    ) -> None:
        """Draw runs; the shown one with its current step marked, the others fainter, and
        the unmasked run that the shown one is compared with.

        Of many that are new, the others follow a few a turn of the event loop.
        """
        c = theme.colors()
        self.paths.show(records, run_id, step, unmasked, (c.accent, c.map))
        self._explain_marks()
        if self.decorations is not None:
            self.decorations.names.leave_out(self.paths.front_places)

    def _explain_marks(self) -> None:
        self.legend.set_marks(self.paths.marks if self._with_legend else frozenset())
        self._place_legend()

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        c = theme.colors()
        self._plot_widget.setBackground(c.map)
        for name in ("left", "bottom"):
            axis = self._plot.getAxis(name)
            axis.setPen(pg.mkPen(c.border))
            axis.setTextPen(pg.mkPen(c.muted))
            # few ticks, of which little is learnt, and room for their texts that never shrinks: the
            # map must not jump while one zooms
            axis.setStyle(tickLength=-4, maxTickLevel=0, autoReduceTextSpace=False)
        self._rings.set_theme(c.text)
        self.box.set_band_color(c.accent)
        if self._samples is not None:
            self.set_coloring(self.coloring)

    # ---- moving ---------------------------------------------------------------------------------

    def fit(self) -> None:
        """Show all points."""
        self._fly(self._with_room(self._points.bounds))

    def fit_selection(self) -> None:
        """Show the selection set; without one the anchor and its neighbours."""
        rows = self._selection.chosen.rows
        if not len(rows):
            rows = np.array(self._selection.rows, dtype=np.int64)
        targets = rows if len(rows) and rows.max() < len(self._xy) else rows[rows < len(self._xy)]
        around = extent(np.take(self._xy, targets, axis=0))
        if around is not None:
            x0, y0, x1, y1 = around
            self._fly(self._with_room(QRectF(x0, y0, x1 - x0, y1 - y0), smallest=0.02))

    def _fly(self, part: QRectF) -> None:
        self.box.remember()
        self.box.fly_to(part)

    def _with_room(self, part: QRectF, smallest: float = 0.0) -> QRectF:
        """A part of the map with some room around, at least a share of the whole."""
        whole = self._points.bounds
        least = max(smallest * max(whole.width(), whole.height()), 1e-3)
        wide, high = 1.08 * max(part.width(), least), 1.08 * max(part.height(), least)
        middle = part.center()
        return QRectF(middle.x() - wide / 2, middle.y() - high / 2, wide, high)

    def center_on(self, row: int) -> None:
        """Bring a sample to the middle of the view, at the same zoom or closer."""
        if not (0 <= row < len(self._xy)) or not np.isfinite(self._xy[row]).all():
            return
        view = self.box.aim
        width = min(view.width(), self._points.bounds.width() * 0.4 or 1.0)
        part = QRectF(0, 0, width, view.height() * width / view.width())
        part.moveCenter(QPointF(*map(float, self._xy[row])))
        self._fly(part)

    # ---- what is seen ---------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether something is on its way or being worked out in another thread."""
        working = self._points.busy or not self._index.done()
        return working or self.glide.running or self.box.flying

    def show_hover(self, row: int | None) -> None:
        """Ring a sample that is under the mouse elsewhere, or was found; None for none."""
        self._pointed = row
        has_place = row is not None and row < len(self._xy) and np.isfinite(self._xy[row]).all()
        self._rings.hover(self._xy[row] if has_place else None)

    def position_of(self, row: int) -> QPointF:
        """Where a sample is, in the coordinates of the plot's viewport."""
        box = self.box
        scene = box.mapViewToScene(QPointF(float(self._xy[row, 0]), float(self._xy[row, 1])))
        return QPointF(self._plot_widget.mapFromScene(scene))

    def export(self, *, vectors: bool = False) -> Callable[[], QImage | bytes]:
        """What makes a picture of the map as it is now, twice as sharp as the screen, or with
        ``vectors`` the text of SVG; to be called in another thread."""
        self.glide.finish()
        make = export.drawing if vectors else export.picture
        return make(self._plot_widget, self._points, self.box.sceneBoundingRect())

    @property
    def points(self) -> Points:
        """The points as they are drawn."""
        return self._points

    @property
    def plot_area(self) -> QRect:
        """Where points are drawn, without the axes, in this widget's coordinates."""
        area = self._plot_widget.mapFromScene(self.box.sceneBoundingRect()).boundingRect()
        return area.translated(self._plot_widget.pos())

    @property
    def viewport(self) -> QWidget:
        """The widget that mouse events go to."""
        return self._plot_widget.viewport()

    def _on_range_changed(self) -> None:
        self._points.moving = True
        self._still.start()

    def _on_flight(self, flying: bool) -> None:
        self._points.raster.patient = flying
        self._points.update()

    def _on_still(self) -> None:
        self._points.moving = False
        self._points.update()
        if self.decorations is not None:
            self.decorations.refresh()
        self.rested.emit()

    def close_points(self) -> None:
        """End what draws and sorts points in other threads."""
        self.glide.finish()
        self._still.stop()
        self.paths.close()
        if self.decorations is not None:
            self.decorations.close()
        self._indexing.shutdown()
        self._points.close()

    def decorate_with(self, pictures: PictureLoader) -> Decorations:
        """Offer pictures, class names and contours on this map."""
        self.decorations = Decorations(self.box, pictures, self._indexing, self)
        self._decorate()
        return self.decorations

    def _decorate(self) -> None:
        if self.decorations is None:
            return
        samples = self._samples
        if samples is None or len(samples) != len(self._xy) or self.glide.running:
            self.decorations.set_data(None, self._index, None)
            return
        previous = self._decorated
        labels, names = self._find_names(samples)
        if (
            previous is None
            or previous.xy is not self._xy
            or previous.names != names
            or not (previous.labels is labels or np.array_equal(previous.labels, labels))
        ):
            self._decorated = Decorated(
                self._xy, labels, names, samples.picture, self._points.color_of
            )
        self.decorations.set_data(self._decorated, self._index, self._points.hidden)

    def _find_names(self, samples: SampleTable) -> tuple[NDArray[np.int32], dict[int, str]]:
        """What names on the map are of: clusters where colours tell these, else classes."""
        coloring = self.coloring
        if coloring is not None and coloring.by == "cluster":
            return coloring.place.astype(np.int32), dict(enumerate(coloring.names))
        return samples.class_label, {number: name for number, name, _ in samples.classes()}

    def _on_glided(self, places: Between | None) -> None:
        """Rings go with their points."""
        self._rings.show(self._selection, self._xy if places is None else places)
        if places is None and self._pointed is not None:
            self.show_hover(self._pointed)
        if places is None:
            self._make_index()
            self._decorate()

    def _make_index(self) -> None:
        """Prepare for picking: at once where that takes a few milliseconds, else in another thread
        once nothing moves."""
        if len(self._xy) <= INDEXED_AT_ONCE:
            self._index = Future()
            self._index.set_result(PointIndex(self._xy))
        elif self.glide.running:
            self._index = Future()
        else:
            self._index = self._indexing.submit(PointIndex, self._xy)

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and watched is self.viewport:
            if self._without_opengl():  # Qt would paint all the same, and end the program
                QTimer.singleShot(0, self, self._look_for_opengl)
                return True
            if self._awaiting_paint:
                self._awaiting_paint = False
                # after this paint, not in it
                QTimer.singleShot(0, self, self.painted.emit)
        return super().eventFilter(watched, event)  # type: ignore[arg-type]
