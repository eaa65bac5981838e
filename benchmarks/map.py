"""The map's points beside pyqtgraph's ScatterPlotItem: what each gesture takes.

    python benchmarks/map.py [--counts N …] [--renderer raster|opengl] [--json FILE]

Both lie in the same plot of 1280 x 800. A frame is everything from the change to the painted
viewport, axes included. Where points are drawn in another thread, a frame is what the window waits
for, and "settled" the time until all of them are sharp. A pick is the search for the point under
the mouse, its first one with what it has to prepare. ScatterPlotItem is drawn into a picture, as
it is by default, and on a display for panning and zooming with useOpenGL, too. The rows of
``--renderer opengl`` tell something where there is a graphics card. Up to 100,000 points ours and
the peer take turns in several processes, and each figure is the median of theirs.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from common import Row, anonymous, in_a_process, parser, report

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

COUNTS = (1_000, 10_000, 100_000, 1_000_000, 5_000_000)
PEER_LIMIT = 1_000_000  # the peer takes minutes for more
FRAMES, FEW_FRAMES = 15, 3  # few of what takes seconds each
QUIET_TURNS = 3  # of the event loop, one after the other
RECOLOURED = 3  # times
LIMITS = {"pan frame": 16.0, "ring change": 5.0, "pick, 99th percentile": 0.2}
BYTES_A_POINT = 120.0
RECOLOUR_SHARE = 15.0  # at most the so-manieth part of the peer's time, of 100,000 points and more
MANY = 100_000
TURNS = 5  # of each, for up to so many points
RECOLOUR = "recolour, settled"

Found = dict[str, float | None]


def ours(count: int, renderer: str) -> Found:
    """Milliseconds of each gesture on the map's own item, and its bytes a point."""
    import pyqtgraph as pg
    from PySide6.QtGui import QColor

    from diffviews_desktop.app import create_application
    from diffviews_desktop.ui.views.flat.picking import PointIndex
    from diffviews_desktop.ui.views.flat.points import Points
    from diffviews_desktop.ui.views.flat.renderer import GLViewport

    app = create_application(sys.argv[:1])
    widget = pg.PlotWidget()
    if renderer == "opengl":
        widget.setViewport(GLViewport(widget))
    item = Points()
    scene = _Plot(app, widget, item, lambda: item.busy)
    xy, group, _ = _cloud(count)
    palette = [QColor.fromHsvF(i / 10, 0.8, 0.9) for i in range(10)]
    other = [(group + turn) % 10 for turn in range(1, RECOLOURED + 1)]
    alpha = np.full(count, 0.7, np.float32)
    figures = scene.gestures(
        lambda: item.set_points(xy, group, alpha, palette),
        lambda turn: item.set_colors(other[turn], palette),
    )
    start = time.perf_counter()
    index = PointIndex(xy)
    index.nearest(0.0, 0.0, 0.05, 0.05)
    figures["pick, first"] = 1e3 * (time.perf_counter() - start)
    picks = _times(
        lambda place: index.nearest(place[0], place[1], 0.05, 0.05),
        np.random.default_rng(1).normal(size=(2000, 2)),
    )
    figures["pick, later"] = statistics.median(picks)
    figures["pick, 99th percentile"] = float(np.percentile(picks, 99))
    figures["ring change"] = scene.ring_change(xy)
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    outline = (
        np.column_stack([np.cos(angle), np.sin(angle)]) * (1 + 0.3 * np.sin(7 * angle))[:, None]
    )
    corners = [tuple(corner) for corner in outline.tolist()]
    figures["lasso of 200 corners"] = _median(lambda _: index.in_polygon(corners), range(3))
    item.close()
    return figures


def peer(count: int, renderer: str) -> Found:
    """The same of ScatterPlotItem."""
    import pyqtgraph as pg
    from PySide6.QtCore import QPointF

    from diffviews_desktop.app import create_application

    app = create_application(sys.argv[:1])
    widget = pg.PlotWidget()
    if renderer == "opengl":
        widget.useOpenGL(True)
    item = pg.ScatterPlotItem(size=5, pen=None)
    frames = FEW_FRAMES if count > MANY else FRAMES
    scene = _Plot(app, widget, item, lambda: False, frames)
    xy, group, colors = _cloud(count)
    brushes = [pg.mkBrush(color) for color in colors]

    first, *other = (
        [brushes[i] for i in ((group + turn) % 10).tolist()] for turn in range(RECOLOURED + 1)
    )
    figures = scene.gestures(
        lambda: item.setData(x=xy[:, 0], y=xy[:, 1], brush=first),
        lambda turn: item.setBrush(other[turn]),
    )
    start = time.perf_counter()
    item.pointsAt(QPointF(0, 0))
    figures["pick, first"] = 1e3 * (time.perf_counter() - start)
    places = np.random.default_rng(1).normal(size=(5, 2))
    figures["pick, later"] = _median(lambda place: item.pointsAt(QPointF(*place)), places)
    figures["lasso of 200 corners"] = None
    return figures


class _Plot:
    """One item in a shown plot."""

    def __init__(
        self,
        app: QApplication,
        widget: Any,
        item: Any,
        busy: Callable[[], bool],
        frames: int | None = None,
    ) -> None:
        self._app, self._widget, self._item, self._busy = app, widget, item, busy
        self._turns = FRAMES if frames is None else frames
        widget.resize(1280, 800)
        widget.addItem(item)
        self._box = widget.getPlotItem().getViewBox()
        self._box.setRange(xRange=(-4, 5), yRange=(-4, 5), padding=0)
        widget.show()
        for _ in range(20):
            app.processEvents()

    def gestures(self, fill: Callable[[], None], recolor: Callable[[int], None]) -> Found:
        gc.collect()
        first = anonymous()
        figures: Found = {}
        start = time.perf_counter()
        fill()
        self._frame()
        figures["set data"] = 1e3 * (time.perf_counter() - start)
        self._settle()
        figures["set data, settled"] = 1e3 * (time.perf_counter() - start)
        self._box.translateBy(x=0.01)
        self._frame()
        self._settle()
        figures["pan frame"] = self._frames(lambda _: self._box.translateBy(x=0.01, y=0.005))
        figures["zoom frame"] = self._frames(lambda _: self._box.scaleBy((0.97, 0.97)))
        times = []
        for turn in range(RECOLOURED):
            start = time.perf_counter()
            recolor(turn)
            self._frame()
            self._settle()
            times.append(1e3 * (time.perf_counter() - start))
        figures[RECOLOUR] = statistics.median(times)
        gc.collect()
        last = anonymous()
        figures["memory"] = None if first is None or last is None else last - first
        return figures

    def ring_change(self, xy: np.ndarray) -> float:
        """Another anchor with twenty neighbours, to the painted frame."""
        from diffviews_desktop.state.picks import Selection
        from diffviews_desktop.ui.views.flat.overlays import Rings

        rings = Rings(self._widget.getPlotItem())
        rows = np.random.default_rng(2).integers(0, len(xy), (FRAMES + 1, 21)).tolist()
        rings.show(Selection(anchor=rows[0][0], manual=tuple(rows[0][1:])), xy)
        self._settle()
        return self._frames(
            lambda turn: rings.show(
                Selection(anchor=rows[turn + 1][0], manual=tuple(rows[turn + 1][1:])), xy
            )
        )

    def _frames(self, change: Callable[[int], object]) -> float:
        times = []
        for turn in range(self._turns):
            start = time.perf_counter()
            change(turn)
            self._frame()
            times.append(1e3 * (time.perf_counter() - start))
        self._settle()
        return statistics.median(times)

    def _frame(self) -> None:
        self._app.processEvents()

    def _settle(self) -> None:
        """Until nothing is at work: what one thread has made is painted, which may ask another.

        Waiting is for events, as the program waits: a loop that looks again and again would take
        the interpreter from the threads.
        """
        from PySide6.QtCore import QEventLoop

        quiet = 0
        while quiet < QUIET_TURNS:
            if self._busy():
                quiet = 0
                self._app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
            else:
                quiet += 1
                self._frame()


def _limits(count: int, figures: Found, other: Found) -> list[Row]:
    """Figures beside what they are meant to stay under."""
    rows = [(name, figures.get(name), limit, "ms") for name, limit in LIMITS.items()]
    theirs, memory = other.get(RECOLOUR), figures.get("memory")
    if count >= MANY and theirs is not None:
        share = theirs / RECOLOUR_SHARE
        title = f"{RECOLOUR}, beside 1/{RECOLOUR_SHARE:.0f} of ScatterPlotItem's"
        rows.append((title, figures[RECOLOUR], share, "ms"))
    if count >= MANY and memory is not None:
        rows.append(
            (
                "memory a point, with pictures of the view",
                memory * 1e6 / count,
                BYTES_A_POINT,
                "bytes",
            )
        )
    return [
        Row(f"{count:,} points: {name}, the limit beside", 1, value, limit, unit)
        for name, value, limit, unit in rows
    ]


def _cloud(count: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 10, count)
    centres = np.random.default_rng(1).uniform(-2, 3, (10, 2))
    xy = rng.normal(size=(count, 2)) * 0.5 + centres[group]
    return xy.astype(np.float32), group, [f"#{i * 25:02x}60a0" for i in range(10)]


def _median(run: Callable[[Any], object], over: Iterable[object]) -> float:
    return statistics.median(_times(run, over))


def _times(run: Callable[[Any], object], over: Iterable[object]) -> list[float]:
    times = []
    for value in over:
        start = time.perf_counter()
        run(value)
        times.append(1e3 * (time.perf_counter() - start))
    return times


def _in_turns(count: int, renderer: str) -> tuple[Found, dict[str, Found]]:
    """Our figures and the peer's by its way of drawing: none where it would take minutes, or where
    there is no OpenGL."""
    ways = ["raster"] if count <= PEER_LIMIT else []
    if ways and os.environ.get("DISPLAY"):
        ways.append("opengl")
    figures: list[Found] = []
    others: dict[str, list[Found]] = {"raster": [], "opengl": []}
    for _ in range(TURNS if count <= MANY else 1):
        figures.append(in_a_process(__file__, "--ours", str(count), renderer))
        for way in ways:
            others[way].append(in_a_process(__file__, "--peer", str(count), way))
    return _medians(figures), {way: _medians(runs) for way, runs in others.items()}


def _medians(runs: list[Found]) -> Found:
    names = runs[0] if runs else {}
    values = {name: [n for one in runs if (n := one[name]) is not None] for name in names}
    return {
        name: statistics.median(numbers) if numbers else None for name, numbers in values.items()
    }


def main() -> None:
    """See the module's text."""
    arguments = parser("The map's points beside ScatterPlotItem.")
    arguments.add_argument("--counts", type=int, nargs="+", default=list(COUNTS))
    arguments.add_argument("--renderer", choices=("raster", "opengl"), default="raster")
    options = arguments.parse_args()
    if not os.environ.get("DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    rows = []
    for count in options.counts:
        figures, others = _in_turns(count, options.renderer)
        for name, value in figures.items():
            unit = "MB" if name == "memory" else "ms"
            title = f"{count:,} points, {options.renderer}: {name}"
            theirs = others["raster"].get(name)
            rows.append(Row(title, FRAMES if "frame" in name else 1, value, theirs, unit))
        for name in ("pan frame", "zoom frame"):
            title = f"{count:,} points, {options.renderer}: {name}, beside useOpenGL"
            rows.append(Row(title, FRAMES, figures[name], others["opengl"].get(name), "ms"))
        rows += _limits(count, figures, others["raster"])
    report(rows, options.json, "ScatterPlotItem")


if __name__ == "__main__":
    if sys.argv[1:2] in (["--ours"], ["--peer"]):
        measure = ours if sys.argv[1] == "--ours" else peer
        print(json.dumps(measure(int(sys.argv[2]), sys.argv[3])))
    else:
        main()
