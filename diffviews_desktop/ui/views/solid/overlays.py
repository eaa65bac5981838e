"""What lies on top of the points in three dimensions: rings by role, and runs, in the
shapes and colours of the flat map. Drawn on the screen; none of it takes clicks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pyqtgraph.graphicsItems.ScatterPlotItem import Symbols
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPolygonF, QTransform

from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.runs import Run
from diffviews_desktop.ui.common import colors, theme
from diffviews_desktop.ui.common.run_styles import hue_of, style_of
from diffviews_desktop.ui.views.flat.overlays import MOST_CHOSEN_RINGS, marker_of
from diffviews_desktop.ui.views.solid.third_axis import ThirdAxis
from diffviews_desktop.values.camera import Projection

FAINT = 0.45  # opacity of runs that are not the shown one


def draw_symbol(
    painter: QPainter,
    symbol: str,
    at: NDArray,
    size: float,
    pen: QPen,
    brush: QBrush | QColor | None,
) -> None:
    """A symbol of pyqtgraph around a place in pixels; nothing where the place is not finite."""
    if not np.isfinite(at[:2]).all():
        return
    painter.setPen(pen)
    painter.setBrush(QBrush() if brush is None else QBrush(brush))
    place = QTransform.fromTranslate(float(at[0]), float(at[1])).scale(size, size)
    painter.drawPath(place.map(Symbols[symbol]))


def draw_rings(
    painter: QPainter, projection: Projection, selection: Selection, places: dict[int, NDArray]
) -> None:
    """Rings around picked points; ``places`` has those of the samples that are drawn."""
    few = len(selection.chosen) <= MOST_CHOSEN_RINGS
    chosen = [row for row in selection.chosen if row in places] if few else []
    manual = [row for row in selection.manual if row in places]
    suggested = [row for row, _ in selection.suggested if row in places and row not in manual]
    anchor = [selection.anchor] if selection.anchor in places else []
    text = QColor(theme.colors().text)
    for rows, color, size, width, style in (
        (chosen, text, 11, 1.0, Qt.PenStyle.SolidLine),
        (suggested, colors.SUGGESTED, 15, 2.0, Qt.PenStyle.SolidLine),
        (manual, colors.MANUAL, 15, 3.0, Qt.PenStyle.DotLine),
        (anchor, colors.ANCHOR, 22, 3.5, Qt.PenStyle.SolidLine),
    ):
        for row in rows:
            at = projection.pixels(places[row])[0]
            draw_symbol(painter, "o", at, size, QPen(color, width, style), None)


def draw_hover(painter: QPainter, projection: Projection, place: NDArray, floor: float) -> None:
    """A ring around the point under the mouse, and a line from it down to the floor."""
    c = theme.colors()
    foot = np.array([place[0], place[1], floor])
    top, bottom = projection.pixels(np.stack([place, foot]))
    if np.isfinite([top, bottom]).all():
        painter.setPen(QPen(QColor(c.muted), 1.0, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(*top[:2].tolist()), QPointF(*bottom[:2].tolist()))
    draw_symbol(painter, "o", top, 17, QPen(QColor(c.text), 1.5), None)


def step_places(record: Run, axis: ThirdAxis, floor: float) -> NDArray[np.float64]:
    """Where the steps of a run are ``(S, 3)``; at ``floor`` where the axis says nothing of
    steps."""
    heights = [axis.height_of_step(step.sigma) for step in record.steps]
    levels = [floor if height is None else height for height in heights]
    places = [(*step.xy, up) for step, up in zip(record.steps, levels, strict=True)]
    return np.array(places, dtype=np.float64).reshape(-1, 3)


def draw_path(
    painter: QPainter,
    projection: Projection,
    record: Run,
    axis: ThirdAxis,
    floor: float,
    step: int | None,
    *,
    unmasked: bool = False,
) -> None:
    """One run, in its colours, dashes and markers of the flat map.

    Args:
        painter: on the view.
        projection: from data to logical pixels.
        record: the run.
        axis: says how high each step lies.
        floor: height of what the axis says nothing of.
        step: the one that the scrubber is at; None where it is at another run.
        unmasked: whether it is one that another is compared with: grey, dotted, triangles.
    """
    steps = record.steps
    if not steps:
        return
    c = theme.colors()
    *_, dashes = style_of(record)
    hue = hue_of(record, dark=theme.is_dark())
    places = step_places(record, axis, floor)
    levels = places[:, 2].tolist()
    pixels = projection.pixels(places)
    painter.setOpacity(1.0 if step is not None else FAINT)
    line = QPen(colors.UNMASKED, 2.0, Qt.PenStyle.DotLine)
    if not unmasked:
        line = QPen(hue, 2.0)
        line.setDashPattern(dashes)
    painter.setPen(line)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for part in _whole_parts(pixels):
        painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in part]))
    painter.setOpacity(1.0)
    imposed = {
        (*s.imposed_xy, up) for s, up in zip(steps, levels, strict=True) if s.imposed_xy is not None
    }
    for at in projection.pixels(np.array(sorted(imposed))) if imposed else ():
        draw_symbol(painter, "s", at, 13, QPen(hue, 2.0), None)
    painter.setOpacity(1.0 if step is not None else FAINT)
    for i, at in enumerate(pixels):
        marker = marker_of(record, i, c.map, unmasked=unmasked)
        draw_symbol(painter, marker.symbol, at, marker.size, marker.pen, marker.brush)
    painter.setOpacity(1.0)
    if record.landed is not None:
        height = axis.height_of_step(record.landed.job.sigma)
        place = np.array([*record.landed.xy, floor if height is None else height])
        at = projection.pixels(place)[0]
        draw_symbol(painter, "x", at, 18, QPen(QColor("white"), 1.0), colors.ANCHOR)
    if step is not None:
        at = pixels[min(step, len(steps) - 1)]
        draw_symbol(painter, "o", at, 24, QPen(QColor(c.accent), 3.0), None)


def _whole_parts(pixels: NDArray) -> list[Sequence[tuple[float, float]]]:
    """The line without what lies behind the camera."""
    parts: list[Sequence[tuple[float, float]]] = []
    line: list[tuple[float, float]] = []
    for x, y, _ in pixels.tolist():
        if np.isfinite(x) and np.isfinite(y):
            line.append((x, y))
        else:
            parts, line = [*parts, line], []
    return [part for part in (*parts, line) if len(part) > 1]
