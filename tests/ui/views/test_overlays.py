"""What lies on top of the points."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from diffviews_desktop.ui.common.images import pixels_of
from diffviews_desktop.ui.views.flat.overlays import MOST_PICTURES, Symbols


def put(plot: pg.PlotWidget) -> Symbols:
    item = Symbols()
    plot.addItem(item)
    return item


def draw(item: Symbols, number: int) -> None:
    """Symbols of other sizes and colours each time, in pens and brushes of their own."""
    item.setData(
        x=[0, 1, 2],
        y=[0, 1, 0],
        symbol=["o", "d", "star"],
        size=[8 + number % 7, 14, 18],
        pen=pg.mkPen("w", width=1 + number % 3),
        brush=[pg.mkBrush(QColor.fromHsv(number % 360, 200, 200)) for _ in range(3)],
    )


def test_what_is_no_longer_drawn_is_not_kept(qtbot: QtBot) -> None:
    plot = pg.PlotWidget()
    qtbot.addWidget(plot)
    item = put(plot)
    for number in range(MOST_PICTURES):
        draw(item, number)
        plot.grab()
    assert len(item.fragmentAtlas) <= MOST_PICTURES + 3


def test_symbols_look_the_same_whatever_was_drawn_before(qtbot: QtBot) -> None:
    plots = [pg.PlotWidget(), pg.PlotWidget()]
    for plot in plots:
        qtbot.addWidget(plot)
        plot.resize(200, 150)
        plot.setRange(xRange=(-1, 3), yRange=(-1, 2))
    items = [put(plot) for plot in plots]
    for number in range(3 * MOST_PICTURES):
        draw(items[0], number)
        if number % 29 == 0:
            draw(items[1], number)
            one, other = (pixels_of(plot.grab().toImage()) for plot in plots)
            np.testing.assert_array_equal(one, other)
