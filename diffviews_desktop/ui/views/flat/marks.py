"""What the markers of runs mean, and how the legend draws them."""

from __future__ import annotations

from typing import NamedTuple

import pyqtgraph as pg
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPainter, QPen

from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import colors, theme
from diffviews_desktop.ui.views.flat.overlays import Mark


class Meaning(NamedTuple):
    """A few words for the legend, and a sentence for its tooltip."""

    text: str
    meaning: str


MARKS: dict[Mark, Meaning] = {
    "first": Meaning(tr("first step of a run"), tr("Diamond: the first step of a run")),
    "end": Meaning(tr("finished picture"), tr("Star: the last step of a run that was not stopped")),
    "hollow": Meaning(
        tr("step unlike the samples"),
        tr(
            "Hollow steps of a run are unlike the samples: beyond 95 % of those of like noise "
            "level, or outside their noise levels"
        ),
    ),
    "imposed": Meaning(
        tr("imposed on the layer"), tr("Square: what the layers were held at instead")
    ),
    "unmasked": Meaning(
        tr("same seed, no mask"), tr("Triangles: the run of the same seed, no mask")
    ),
    "landed": Meaning(tr("where it landed"), tr("Cross: the finished picture's own activation")),
}
"""In the order of the legend."""
_SYMBOLS: dict[Mark, tuple[str, float]] = {
    "first": ("d", 10.0),
    "end": ("star", 12.0),
    "hollow": ("o", 8.0),
    "imposed": ("s", 9.0),
    "unmasked": ("t", 9.0),
    "landed": ("x", 10.0),
}


def draw_mark(painter: QPainter, mark: Mark, middle: QPointF, c: theme.Colors) -> None:
    """Draw a marker around a place, in the colours of a theme."""
    symbol, size = _SYMBOLS[mark]
    color = QColor(c.text)
    if mark in ("unmasked", "landed"):
        color = QColor(colors.UNMASKED if mark == "unmasked" else colors.ANCHOR)
    hollow = mark in ("hollow", "imposed")
    painter.save()
    painter.translate(middle)
    painter.scale(size, size)
    pen = QPen(color, 1.6 / size)  # the symbols are one unit wide
    painter.setPen(pen if hollow else pg.mkPen(None))
    painter.setBrush(QColor(c.map) if hollow else color)
    painter.drawPath(pg.graphicsItems.ScatterPlotItem.Symbols[symbol])
    painter.restore()
