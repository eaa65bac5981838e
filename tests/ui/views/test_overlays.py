"""What lies on top of the points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyqtgraph as pg
from made_runs import run_of
from patience import until
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.state.runs import Runs
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.images import pixels_of
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.ui.views.flat.overlays import MOST_PICTURES, Symbols
from diffviews_desktop.values.runs import RunStep


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


def test_of_many_runs_the_shown_one_is_drawn_at_once_and_all_are_in_the_end(
    open_window: Callable[..., MainWindow],
    state: State,
    make_job: Callable[..., Generate],
    make_step: Callable[..., RunStep],
    qtbot: QtBot,
) -> None:
    window = open_window(state)
    made = tuple(
        run_of(make_job(number), f"Run {number}", steps=(make_step(0), make_step(1)), done=True)
        for number in range(1, 31)
    )
    window.session.update(replace(state, runs=Runs(all=made, shown=30, step=1)))
    assert window.map is not None
    drawn = window.map.paths
    assert 30 in drawn.run_ids
    assert len(drawn.run_ids) < 30  # the window must not stand still for them
    until(qtbot, lambda: len(drawn.run_ids) == 30)
    window.session.update(replace(state, runs=Runs(all=made[:10], shown=3)))
    window.session.update(replace(state, runs=Runs(all=made[20:], shown=21)))
    until(qtbot, lambda: sorted(drawn.run_ids) == list(range(21, 31)))
    qtbot.wait(50)
    assert sorted(drawn.run_ids) == list(range(21, 31))


def test_the_legend_names_the_marks_of_runs_that_are_drawn_later(
    open_window: Callable[..., MainWindow],
    state: State,
    make_job: Callable[..., Generate],
    make_step: Callable[..., RunStep],
    qtbot: QtBot,
) -> None:
    window = open_window(state)
    made = tuple(
        run_of(make_job(n), f"Run {n}", steps=(make_step(0, imposed=n == 29),))
        for n in range(1, 31)
    )
    window.session.update(replace(state, runs=Runs(all=made, shown=30, step=0)))
    assert window.map is not None
    legend, drawn = window.map.legend, window.map.paths
    assert "imposed on the layer" not in legend.accessibleName()
    until(qtbot, lambda: len(drawn.run_ids) == 30)
    assert "imposed on the layer" in legend.accessibleName()


def test_many_faint_runs_are_a_few_items(
    open_window: Callable[..., MainWindow],
    state: State,
    make_job: Callable[..., Generate],
    make_step: Callable[..., RunStep],
    qtbot: QtBot,
) -> None:
    """Each item costs the map half a millisecond a frame."""
    window = open_window(state)
    steps = (make_step(0, imposed=True), make_step(1, imposed=True))
    made = tuple(
        run_of(make_job(number), f"Run {number}", steps=steps, done=True) for number in range(1, 21)
    )
    assert window.map is not None
    before = len(window.map._plot.items)
    window.session.update(replace(state, runs=Runs(all=made, shown=20, step=1)))
    paths = window.map.paths
    until(qtbot, lambda: len(paths.run_ids) == 20)
    assert len(window.map._plot.items) == before
    assert len(paths._faint._lines._lines) == 19
    assert len(paths._faint._markers.data) == 2 * 19
    assert len(paths._faint._imposed.data) == 19
    seen = window.map.grab().toImage()
    window.session.update(replace(state, runs=Runs(all=made[:19], shown=None)))
    window.session.update(replace(state, runs=Runs(all=made, shown=20, step=1)))
    until(qtbot, lambda: len(paths.run_ids) == 20)
    assert window.map.grab().toImage() == seen
