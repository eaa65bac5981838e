"""What lies on top of the points: rings by role, and runs. None of it takes clicks."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen

from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.runs import Run
from diffviews_desktop.ui.common import colors, theme
from diffviews_desktop.ui.common.run_styles import STYLES, hue_of, style_number, style_of
from diffviews_desktop.ui.views.flat.glide import Between
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.runs import RunStep

STEP_RADIUS = 10.0  # logical pixels around a step in which the mouse is at it
MARKER_RADIUS = 5.0  # logical pixels; of the smallest marker of a step
FADED = 0.8  # opacity of hollow markers
DARK_ENOUGH = 0.5  # of the way to the last step's colour: an outline shows less than a filling
AS_NEAR = 1.0  # logical pixels that nobody can tell apart with a mouse
FAINT = 0.45
"""Opacity of the lines and markers of runs that are not shown."""
MOST_PICTURES = 100
"""Of symbols, that may be kept between two drawings."""
MOST_CHOSEN_RINGS = 200
"""A larger selection set is told by the dimming of the rest alone."""


def step_is_meant(step: float, sample: float, under_step: int) -> bool:
    """Whether a mouse on both means the step of a run and not the sample.

    The nearer one is meant, and a sample that lies alone under a step; of many samples under it
    nobody can mean one.

    Args:
        step: how far the step is from the mouse, in logical pixels.
        sample: the same for the nearest sample.
        under_step: how many samples its marker covers.
    """
    if step <= MARKER_RADIUS and under_step > 1:
        return True
    return step + AS_NEAR < sample


class Rings:
    """Rings around picked points: they differ in size, width and line style, not only colour."""

    def __init__(self, plot: pg.PlotItem) -> None:
        self._chosen = _ring(plot, QColor("#888888"), 11, 1.0, Qt.PenStyle.SolidLine, z=19)
        self._chosen_drawn: tuple[RowSet, NDArray | Between] | None = None
        self._suggested = _ring(plot, colors.SUGGESTED, 15, 2.0, Qt.PenStyle.SolidLine, z=20)
        self._manual = _ring(plot, colors.MANUAL, 15, 3.0, Qt.PenStyle.DotLine, z=21)
        self._anchor = _ring(plot, colors.ANCHOR, 22, 3.5, Qt.PenStyle.SolidLine, z=22)
        self._hover = _ring(plot, QColor("#888888"), 17, 1.5, Qt.PenStyle.SolidLine, z=23)

    def show(self, selection: Selection, xy: NDArray | Between) -> None:
        """Ring the selection on a map ``(N, 2)``, or on its way from one to another."""
        manual = list(selection.manual)
        suggested = [row for row, _ in selection.suggested if row not in manual]
        anchor = [] if selection.anchor is None else [selection.anchor]
        for ring, rows in (
            (self._suggested, suggested),
            (self._manual, manual),
            (self._anchor, anchor),
        ):
            if not rows and not len(ring.data):
                continue
            places = xy[np.array(rows, dtype=np.int64)]
            places = places[np.isfinite(places).all(axis=1)]
            ring.setData(x=places[:, 0], y=places[:, 1])
        previous = self._chosen_drawn
        if previous is None or previous[0] is not selection.chosen or previous[1] is not xy:
            self._chosen_drawn = selection.chosen, xy
            few = len(selection.chosen) <= MOST_CHOSEN_RINGS
            places = xy[selection.chosen.rows if few else np.empty(0, np.int64)]
            self._chosen.setData(x=places[:, 0], y=places[:, 1])

    def hover(self, place: NDArray | None) -> None:
        """Ring the point under the mouse; None for none."""
        if place is None:
            self._hover.setData(x=[], y=[])
        else:
            self._hover.setData(x=[place[0]], y=[place[1]])

    def set_theme(self, text: str) -> None:
        """Use a theme's text colour for the rings of the mouse and of the selection set."""
        self._chosen.setPen(pg.mkPen(text, width=1.0))
        self._hover.setPen(pg.mkPen(text, width=1.5))


class Symbols(pg.ScatterPlotItem):
    """A few symbols; where there are none, painting takes no time.

    pyqtgraph keeps a picture of all that it ever drew with a pen and a brush, and takes equal ones
    for different ones. What is no longer drawn is dropped now and then.
    """

    most_pictures = MOST_PICTURES

    def setData(self, *args: Any, **look: Any) -> None:
        """Show other symbols."""
        if len(self.fragmentAtlas) > self.most_pictures:
            self.fragmentAtlas.clear()
        super().setData(*args, **look)

    def paint(self, painter: QPainter, *args: Any) -> None:
        if len(self.data):
            super().paint(painter, *args)


def _ring(
    plot: pg.PlotItem, color: QColor, size: int, width: float, style: Qt.PenStyle, z: int
) -> Symbols:
    item = Symbols(size=size, pen=pg.mkPen(color, width=width, style=style), brush=None, symbol="o")
    item.setZValue(z)
    plot.addItem(item, ignoreBounds=True)
    item.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
    return item


def _put(item: Symbols, places: list[tuple[float, float]], **look: object) -> None:
    """Show symbols at places, where they are not there already: it takes a millisecond."""
    x, y = item.getData()
    if list(zip(x.tolist(), y.tolist(), strict=True)) != places:
        item.setData(x=[p[0] for p in places], y=[p[1] for p in places], **look)


class Marker(NamedTuple):
    """How a step is drawn: a symbol of pyqtgraph, its size in logical pixels, outline and
    filling."""

    symbol: str
    size: int
    pen: QPen
    brush: QBrush


def marker_of(record: Run, index: int, background: str, *, unmasked: bool = False) -> Marker:
    """The marker of a step: filled, or hollow and faded where it is unlike the samples.

    Args:
        record: the run.
        index: of the step.
        background: of the map.
        unmasked: whether it is a run that another is compared with.
    """
    last = len(record.steps) - 1
    end = record.is_whole and index == last
    symbol, size = ("d", 15) if index == 0 else ("star", 20) if end else ("o", 10)
    if unmasked and index != 0 and not end:
        symbol = "t"
    style = -1 if unmasked else style_number(record)
    part = index / max(1, last)
    return _marker(symbol, size, style, part, background, is_hollow(record.steps[index]))


@lru_cache(maxsize=4096)
def _marker(
    symbol: str, size: int, style: int, part: float, background: str, hollow: bool
) -> Marker:
    """A marker, always with the same pen and brush: pyqtgraph keeps a picture of each pair."""
    color = QColor(colors.UNMASKED)
    if style >= 0:
        start, end, _ = STYLES[style]
        color = colors.blend(start, end, max(part, DARK_ENOUGH) if hollow else part)
    if not hollow:
        return Marker(symbol, size, pg.mkPen(background, width=1), pg.mkBrush(color))
    color.setAlphaF(FADED)
    return Marker(symbol, size, pg.mkPen(color, width=1.6), pg.mkBrush(background))


@cache
def _imposed_marker(hue: str) -> Marker:
    return Marker("s", 13, pg.mkPen(hue, width=2), QBrush(Qt.BrushStyle.NoBrush))


def imposed_marker(record: Run) -> Marker:
    """The marker of what was imposed on a run's layers."""
    return _imposed_marker(hue_of(record, dark=theme.is_dark()).name())


@cache
def landed_marker() -> Marker:
    """The marker of where a run's finished picture lies."""
    return Marker("x", 18, pg.mkPen("w", width=1), pg.mkBrush(colors.ANCHOR))


def line_pen(record: Run, width: float = 2.0) -> QPen:
    """The pen of a run's line, so many logical pixels wide."""
    *_, dashes = style_of(record)
    pen = pg.mkPen(hue_of(record, dark=theme.is_dark()), width=width)
    pen.setDashPattern(dashes)
    return pen


def is_hollow(step: RunStep) -> bool:
    """Whether a step is drawn hollow: no sample of the map is like it."""
    return step.typicality is not None and step.typicality.unlike


Mark = Literal["first", "end", "imposed", "hollow", "unmasked", "landed"]
"""A kind of marker, or of look, that means something."""


def marks_of(run: Run, *, unmasked: bool = False) -> frozenset[Mark]:
    """What is to be seen of a run, for the legend."""
    if not run.steps:
        return frozenset()
    flags: dict[Mark, bool] = {
        "first": True,
        "end": run.is_whole,
        "imposed": any(step.imposed_xy is not None for step in run.steps),
        "hollow": any(map(is_hollow, run.steps)),
        "unmasked": unmasked,
        "landed": run.landed is not None,
    }
    return frozenset(mark for mark, flag in flags.items() if flag)


class Path:
    """One run: dashed line, markers from light to dark, diamond start, star end.

    Markers are where the layers' own values lie, hollow and faded where these are unlike the
    samples; a large square is what was imposed instead; a cross where the finished picture's own
    activation landed. An unmasked run that another is compared with is grey and dotted, its markers
    triangles.
    """

    def __init__(self, plot: pg.PlotItem, *, unmasked: bool = False) -> None:
        self.unmasked = unmasked
        color, style = colors.SUGGESTED, Qt.PenStyle.DashLine
        if unmasked:
            color, style = colors.UNMASKED, Qt.PenStyle.DotLine
        self._line = pg.PlotCurveItem(pen=pg.mkPen(color, width=2, style=style))
        self._landed = Symbols(**landed_marker()._asdict())
        self._imposed = Symbols(size=13, symbol="s", brush=None)
        self._markers = Symbols()
        self._current = Symbols(size=24, symbol="o", brush=None)
        for z, item in enumerate(self._items(), 29 if unmasked else 30):
            item.setZValue(z)
            item.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
            item.setVisible(False)
            plot.addItem(item, ignoreBounds=True)
        self._shown: tuple[Run, int | None, str, str] | None = None
        self._drawn: tuple[int, int, bool, str, bool] | None = None
        self.places = np.empty((0, 2))
        """Where each step is ``(S, 2)``."""

    def _items(self) -> tuple[pg.GraphicsObject, ...]:
        return self._line, self._imposed, self._markers, self._landed, self._current

    def show(self, record: Run, step: int | None, accent: str, background: str) -> None:
        """Draw a run; ``step`` is the one that the scrubber is at, or None."""
        previous, self._shown = self._shown, (record, step, accent, background)
        if previous is not None and previous[0] is record and previous[1:] == self._shown[1:]:
            return
        if previous is None:
            for item in self._items():
                item.setVisible(True)
        key = (record.id, len(record.steps), record.done, background, record.landed is not None)
        if self._drawn != key:
            self._draw_path(record, background)
            self._drawn = key
        landing = [record.landed.xy] if record.landed is not None else []
        _put(self._landed, landing)
        if step is None or not record.steps:
            self._current.setData(x=[], y=[])
        else:
            place = record.steps[min(step, len(record.steps) - 1)].xy
            self._current.setData(
                x=[place[0]], y=[place[1]], pen=pg.mkPen(accent, width=3), brush=None
            )
        self._line.setOpacity(1.0 if step is not None else FAINT)
        self._markers.setOpacity(1.0 if step is not None else FAINT)

    def _draw_path(self, record: Run, background: str) -> None:
        steps = record.steps
        if not self.unmasked:
            self._line.setPen(line_pen(record))
        xy = self.places = np.array([step.xy for step in steps], dtype=np.float64).reshape(-1, 2)
        self._line.setData(xy[:, 0], xy[:, 1])
        markers = [
            marker_of(record, i, background, unmasked=self.unmasked) for i in range(len(steps))
        ]
        self._markers.setData(
            x=xy[:, 0],
            y=xy[:, 1],
            symbol=[marker.symbol for marker in markers],
            size=[marker.size for marker in markers],
            pen=[marker.pen for marker in markers],
            brush=[marker.brush for marker in markers],
        )
        places = sorted({step.imposed_xy for step in steps if step.imposed_xy is not None})
        _put(self._imposed, places, pen=imposed_marker(record).pen)

    def hide(self) -> None:
        """Show nothing, until another run, or the same, is to be shown."""
        self._shown = self._drawn = None
        self.places = np.empty((0, 2))
        self._imposed.setData(x=[], y=[])  # the next run has colours of its own
        for item in self._items():
            item.setVisible(False)
