"""Pictures of the user's own on the map: a cross and the file's name."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from diffviews_desktop.text.plain import elide, visible
from diffviews_desktop.ui.common import colors, theme
from diffviews_desktop.ui.views.flat.overlays import Symbols

Mark = tuple[str, tuple[float, float]]
"""The name of a file, and where its picture lies."""
MOST_LETTERS = 24
_Z = 27


class PlacedMarks:
    """Marks that take no clicks.

    Args:
        plot: of the map.
    """

    def __init__(self, plot: pg.PlotItem) -> None:
        self._plot = plot
        self._shown: Sequence[Mark] = ()
        self._texts: list[pg.TextItem] = []
        pen = pg.mkPen(QColor("white"), width=1)
        self._crosses = Symbols(size=17, symbol="x", brush=pg.mkBrush(colors.MANUAL), pen=pen)
        self._crosses.setZValue(_Z)
        self._crosses.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        plot.addItem(self._crosses, ignoreBounds=True)

    def show(self, marks: Sequence[Mark]) -> None:
        """Show these and no others."""
        if list(marks) == list(self._shown):
            return
        self._shown = marks
        self._draw()

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        self._draw()

    def _draw(self) -> None:
        marks = self._shown
        places = [place for _, place in marks]
        self._crosses.setData(x=[x for x, _ in places], y=[y for _, y in places])
        for text in self._texts:
            self._plot.removeItem(text)
        self._texts = [self._text(one) for one in marks]

    def _text(self, mark: Mark) -> pg.TextItem:
        name = elide(visible(mark[0]), MOST_LETTERS)
        c = theme.colors()
        text = pg.TextItem(name, color=c.text, anchor=(0.5, 1.6), fill=pg.mkBrush(c.map))
        text.setZValue(_Z)
        text.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        text.setPos(*mark[1])
        self._plot.addItem(text, ignoreBounds=True)
        return text
