"""The paths of runs on the map: the one that is shown and the one it is compared with in full, and
all others faintly, in one item for many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPainterPath, QPen

from diffviews_desktop.state.runs import Run
from diffviews_desktop.ui.views.flat.overlays import (
    FAINT,
    Mark,
    Marker,
    Path,
    Symbols,
    imposed_marker,
    landed_marker,
    line_pen,
    marker_of,
    marks_of,
)

AT_ONCE = 4
"""Runs that are added in one turn of the event loop: each takes some milliseconds."""
THIN, FAINT_LINE = 1.0, 0.7
"""Width and opacity of the line of a run that is not shown: a wider dashed one takes ten times as
long."""


class Found(NamedTuple):
    """A step of a run, and how far it is from where it was looked for."""

    run: int
    step: int
    away: float


class Paths(QObject):
    """All runs on the map.

    Args:
        plot: that they are drawn on.
        parent: of the timer.

    Signals:
        grown: more runs are drawn than when they were shown.
    """

    grown = Signal()

    def __init__(self, plot: pg.PlotItem, parent: QObject) -> None:
        super().__init__(parent)
        self._shown, self._unmasked = Path(plot), Path(plot, unmasked=True)
        self._front: dict[int, Path] = {}
        self._faint = _FaintPaths(plot)
        self._wanted: list[Run] = []
        self._background = ""
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.timeout.connect(self._add_more)
        self._front_marks: frozenset[Mark] = frozenset()

    @property
    def marks(self) -> frozenset[Mark]:
        """What is to be seen of the runs that are drawn."""
        return self._front_marks.union(*self._faint.marks.values())

    @property
    def run_ids(self) -> set[int]:
        """Ids of the runs that are drawn."""
        return {*self._front, *self._faint.places}

    def show(
        self,
        runs: Sequence[Run],
        run_id: int | None,
        step: int,
        unmasked: Run | None,
        colors: tuple[str, str],
    ) -> None:
        """Draw runs; of many that are new, the others follow a few a turn of the event loop.

        Args:
            runs: all but ``unmasked``.
            run_id: that of the one that is drawn in full, with its step marked.
            step: that is marked.
            unmasked: the run that the shown one is compared with.
            colors: of the mark, and of the map.
        """
        accent, self._background = colors
        front = [(self._shown, run) for run in runs if run.id == run_id]
        if unmasked is not None:
            front.append((self._unmasked, unmasked))
        self._front = {run.id: path for path, run in front}
        for path in (self._shown, self._unmasked):
            if path not in self._front.values():
                path.hide()
        for path, run in front:
            at = step if path is self._shown or step < len(run.steps) else None
            path.show(run, at, accent, self._background)
        self._wanted = [run for run in runs if run.id not in self._front]
        self._faint.keep(self._wanted, self._background)
        marks = (marks_of(run, unmasked=run is unmasked) for _, run in front)
        self._front_marks = frozenset[Mark]().union(*marks)
        self._add_some()

    def _add_more(self) -> None:
        self._add_some()
        self.grown.emit()

    def _add_some(self) -> None:
        missing = [run for run in self._wanted if run.id not in self._faint.places]
        self._faint.add(missing[:AT_ONCE], self._background)
        if len(missing) > AT_ONCE:
            self._late.start()

    def close(self) -> None:
        """Add nothing any more."""
        self._late.stop()

    @property
    def front_places(self) -> NDArray[np.float64]:
        """Where the steps of the run that is shown, and of the one it is compared with, are
        ``(N, 2)``."""
        return np.concatenate([np.empty((0, 2)), *(path.places for path in self._front.values())])

    def place(self, run: int, step: int) -> tuple[float, float]:
        """Where a step is, in the map's coordinates."""
        x, y = self.places()[run][step].tolist()
        return x, y

    def nearest(
        self, to_scene: Callable[[NDArray], NDArray], at: tuple[float, float], within: float
    ) -> Found | None:
        """The step that is nearest to a place in the scene; None where none is near.

        Args:
            to_scene: from places on the map to places in the scene, both ``(S, 2)``.
            at: the place.
            within: how far away it may be.
        """
        best: Found | None = None
        for run, places in self.places().items():
            if not len(places):
                continue
            distances = np.linalg.norm(to_scene(places) - at, axis=1)
            step = int(distances.argmin())
            if distances[step] < (within if best is None else best.away):
                best = Found(run, step, float(distances[step]))
        return best

    def places(self) -> dict[int, NDArray]:
        """Where the steps of each run are ``(S, 2)``, in the map's coordinates."""
        front = {run: path.places for run, path in self._front.items()}
        return {**self._faint.places, **front}


class _FaintPaths:
    """Runs that are not shown: all in four items, as each item costs the map half a millisecond a
    frame."""

    def __init__(self, plot: pg.PlotItem) -> None:
        self._lines = _Lines()
        self._imposed, self._markers, self._landed = _ManySymbols(), _ManySymbols(), _ManySymbols()
        self._lines.setOpacity(FAINT_LINE)
        self._markers.setOpacity(FAINT)
        self._runs: dict[int, Run] = {}
        self._background = ""
        self.places: dict[int, NDArray[np.float64]] = {}
        """Where the steps of each run are ``(S, 2)``."""
        self.marks: dict[int, frozenset[Mark]] = {}
        """What is to be seen of each run."""
        for item in (self._lines, self._imposed, self._markers, self._landed):
            item.setZValue(28)
            item.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
            plot.addItem(item, ignoreBounds=True)

    def keep(self, runs: Sequence[Run], background: str) -> None:
        """Take away all that is drawn but those of ``runs`` that look the same."""
        by_id = {run.id: run for run in runs}
        same = background == self._background
        stay = {
            key: run
            for key, run in self._runs.items()
            if same and key in by_id and _look_alike(run, by_id[key])
        }
        if len(stay) == len(self._runs):
            return
        self._runs, self.places, self.marks = {}, {}, {}
        for item in (self._imposed, self._markers, self._landed):
            item.clear()
        self._lines.clear()
        self.add(list(stay.values()), background)

    def add(self, runs: Sequence[Run], background: str) -> None:
        """Draw more runs."""
        self._background = background
        for run in runs:
            xy = np.array([step.xy for step in run.steps], dtype=np.float64).reshape(-1, 2)
            self._runs[run.id], self.places[run.id] = run, xy
            self.marks[run.id] = marks_of(run)
            self._lines.add(xy, line_pen(run, THIN))
            self._markers.add(xy, [marker_of(run, i, background) for i in range(len(xy))])
            imposed = sorted({s.imposed_xy for s in run.steps if s.imposed_xy is not None})
            self._imposed.add(np.array(imposed), [imposed_marker(run)] * len(imposed))
            if run.landed is not None:
                self._landed.add(np.array([run.landed.xy]), [landed_marker()])


def _look_alike(one: Run, other: Run) -> bool:
    if one is other:
        return True
    same = one.steps is other.steps and one.landed is other.landed
    return same and one.is_whole == other.is_whole


class _ManySymbols(Symbols):
    """Symbols of many runs, to which more are added."""

    most_pictures = 2000

    def add(self, places: NDArray, markers: Sequence[Marker]) -> None:
        """Show more markers at places ``(N, 2)``."""
        if markers:
            symbols, sizes, pens, brushes = map(list, zip(*markers, strict=True))
            self.addPoints(
                x=places[:, 0],
                y=places[:, 1],
                symbol=symbols,
                size=sizes,
                pen=pens,
                brush=brushes,
            )


class _Lines(pg.GraphicsObject):
    """The lines of many runs."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[tuple[QPainterPath, QPen]] = []
        self._bounds = QRectF()

    def add(self, places: NDArray, pen: QPen) -> None:
        """Draw one more line along places ``(N, 2)``."""
        if len(places) > 1:
            self.prepareGeometryChange()
            path = pg.arrayToQPath(places[:, 0], places[:, 1])
            self._lines.append((path, pen))
            self._bounds = self._bounds.united(path.boundingRect())
            self.update()

    def clear(self) -> None:
        """Draw none."""
        self.prepareGeometryChange()
        self._lines, self._bounds = [], QRectF()

    def boundingRect(self) -> QRectF:
        across, up = self.pixelVectors()
        if not self._lines or across is None or up is None:
            return self._bounds
        x, y = abs(across.x()) + abs(up.x()), abs(across.y()) + abs(up.y())
        return self._bounds.adjusted(-2 * x, -2 * y, 2 * x, 2 * y)

    def paint(self, painter: QPainter, *args: object) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for path, pen in self._lines:
            painter.setPen(pen)
            painter.drawPath(path)
