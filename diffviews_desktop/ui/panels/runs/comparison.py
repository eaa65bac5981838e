"""A run's picture, and those of the runs beside it: how they differ, and how far they are apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from diffviews_desktop.state.runs import Run
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.labels import ElidedLabel, tip
from diffviews_desktop.ui.common.run_styles import hue_of
from diffviews_desktop.ui.common.widgets import let_drops_through
from diffviews_desktop.ui.panels.runs.differences import (
    difference,
    distances,
    not_apart,
    step_beside,
)
from diffviews_desktop.ui.panels.runs.pictures import SMALLEST, Captioned, Picture

PLOT_WIDTH, PLOT_LEAST = 210, 130
LOW = 72
"""Height of the plot in logical pixels up to which it has no numbers."""
SPACING = 10
MOST_BESIDE, MOST_CURVES = 6, 100
"""Runs of which the pictures are shown beside one, and of which the plot has a curve: of more, the
first, which the caption says."""


class Pictures(QWidget):
    """The picture of a step, as high as there is room; beside it those of other runs.

    Signals:
        opened: id of a run whose picture was double-clicked.
        menu_wanted: the same of one that was right-clicked, and where on the screen.
        difference_menu_wanted: the pixels of a difference, the id of the run that is subtracted,
            and where.
    """

    opened = Signal(int)
    menu_wanted = Signal(int, QPoint)
    difference_menu_wanted = Signal(object, int, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run: Run | None = None
        self.own = Picture(tr("Picture of the step, its noisy input in the corner"))
        self.own.opened.connect(lambda: self._run and self.opened.emit(self._run.id))
        self.own.menu_wanted.connect(
            lambda at: self._run and self.menu_wanted.emit(self._run.id, at)
        )
        self.pairs: list[Pair] = []
        self.plot: PathPlot | None = None
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(SPACING)
        self._captioned = Captioned(self.own, "")
        self._grid.addWidget(self._captioned, 0, 0)
        self._beside = 0
        self._actual = False

    def show_step(
        self, run: Run, index: int, others: Sequence[Run], missing: str, unmasked: bool
    ) -> None:
        """Show a step of a run.

        Args:
            run: the run.
            index: of the step.
            others: the runs beside it.
            missing: why the run that is to be beside it is not there; empty where none is to be.
            unmasked: whether the one beside it is the same without its mask.
        """
        self._run = run
        name = tr("masked") if unmasked else run.name
        if len(others) > MOST_BESIDE:
            name = tr(
                "{name} beside {shown} of {count} runs",
                name=name,
                shown=MOST_BESIDE,
                count=len(others),
            )
        if len(others) > MOST_CURVES:
            name = tr("{name}, curves of {curves}", name=name, curves=MOST_CURVES)
        self._captioned.caption.setText(name)
        if index < len(run.steps):
            self.own.show_pixels(run.steps[index].image, run.steps[index].noised)
        else:
            self.own.show_note(tr("waiting…"))
        partners = list(others[:MOST_BESIDE])
        self._make_room(len(partners) if partners or not missing else 1)
        for pair, other in zip(self.pairs, partners, strict=False):
            pair.show_run(run, other, index, tr("unmasked") if unmasked else other.name)
        if missing and not partners:
            self.pairs[0].show_note(missing)
        self._show_plot(run, others, index, bool(self._beside), unmasked)

    def _make_room(self, count: int) -> None:
        """Have as many pairs of pictures to be seen."""
        while len(self.pairs) < count:
            pair = Pair()
            pair.set_actual(self._actual)
            pair.opened.connect(self.opened)
            pair.menu_wanted.connect(self.menu_wanted)
            pair.difference_menu_wanted.connect(self.difference_menu_wanted)
            self._grid.addWidget(pair, 0, 1 + len(self.pairs))
            self.pairs.append(pair)
        for number, pair in enumerate(self.pairs):
            pair.setVisible(number < count)
        self._beside = count

    def _show_plot(
        self, run: Run, others: Sequence[Run], index: int, shown: bool, unmasked: bool
    ) -> None:
        if self.plot is None:
            if not shown:
                return
            self.plot = PathPlot()  # only now: pyqtgraph need not be there before
            self._grid.addWidget(self.plot, 0, 2)
        self.plot.setVisible(shown)
        if shown:
            self.plot.show_paths(run, others[:MOST_CURVES], index, unmasked)

    @property
    def comparing(self) -> bool:
        """Whether there is something beside the run's own picture."""
        return self._beside > 0

    def set_actual(self, actual: bool) -> None:
        """Show pictures pixel by pixel, or as large as fits."""
        self._actual = actual
        self.own.set_actual(actual)
        for pair in self.pairs:
            pair.set_actual(actual)

    def fit(self, height: int, most: int) -> int:
        """Make the pictures as large as fits; returns how wide they are together.

        Args:
            height: that there is.
            most: how wide they should be at most, in logical pixels.
        """
        ways = range(1, max(1, self._beside) + 1)  # pairs in a row
        side, plot, across = max(self._way(height, most, across) for across in ways)
        side = max(SMALLEST, side)
        self._place(across)
        count, plots = (1 + 2 * across, 1) if self._beside else (1, 0)
        gaps = (count + plots - 1) * SPACING
        self._captioned.setFixedWidth(side)
        for pair in self.pairs:
            pair.setFixedWidth(2 * side + SPACING)
        if self.plot is not None:
            self.plot.setFixedWidth(max(plot, PLOT_LEAST))
        return count * side + gaps + plot

    def _way(self, height: int, most: int, across: int) -> tuple[int, int, int]:
        """How large pictures would be with so many pairs in a row, and how wide the plot."""
        if not self._beside:
            return min(height - self._captioned.line, most), 0, across
        rows, count = -(-self._beside // across), 1 + 2 * across
        high = (height - (rows - 1) * SPACING) // rows - self._captioned.line
        gaps = count * SPACING
        plot = PLOT_WIDTH if count * high + gaps + PLOT_WIDTH <= most else PLOT_LEAST
        return min(high, (most - gaps - plot) // count), plot, across

    def _place(self, across: int) -> None:
        """Put the pairs into rows of so many."""
        rows = -(-self._beside // across)
        for number, pair in enumerate(self.pairs[: self._beside]):
            self._grid.addWidget(pair, number // across, 1 + number % across)
        if self.plot is not None:
            self._grid.addWidget(self.plot, 0, 1 + across, max(1, rows), 1)
        for row in range(self._grid.rowCount()):
            self._grid.setRowStretch(row, int(row < max(1, rows)))

    @property
    def least_width(self) -> int:
        """Of the pictures together."""
        count, plots = (3, 1) if self._beside else (1, 0)
        return count * SMALLEST + (count + plots - 1) * SPACING + plots * PLOT_LEAST

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        if self.plot is not None:
            self.plot.apply_theme()


class Pair(QWidget):
    """The picture of another run, and how it differs. Signals as those of `Pictures`."""

    opened = Signal(int)
    menu_wanted = Signal(int, QPoint)
    difference_menu_wanted = Signal(object, int, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._other: Run | None = None
        self.other = Picture(tr("The same step of another run"))
        self.difference = Picture(tr("Difference of the two pictures: brighter is more"))
        self._captioned = Captioned(self.other, "")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING)
        row.addWidget(self._captioned, 1)
        row.addWidget(Captioned(self.difference, tr("difference")), 1)
        self.other.opened.connect(lambda: self._other and self.opened.emit(self._other.id))
        self.other.menu_wanted.connect(
            lambda at: self._other and self.menu_wanted.emit(self._other.id, at)
        )
        self.difference.menu_wanted.connect(self._on_difference_menu)

    def show_run(self, run: Run, other: Run, index: int, caption: str) -> None:
        """Show what another run has beside a step of a run."""
        self._other = other
        self._captioned.caption.setText(caption)
        beside = step_beside(run, other, index)
        if beside is None:
            self.show_note(tr("waiting…"))
            return
        self.other.show_pixels(beside.image)
        number, sigma = beside.index + 1, f"{beside.sigma:.4g}"
        title = tr("Step {step}, σ {sigma}", step=number, sigma=sigma)
        self.other.setToolTip(tip(other.name, title))
        pixels = difference(run.steps[index], beside)
        if pixels is None:
            self.difference.show_note(tr("not the same size"))
            return
        self.difference.show_pixels(pixels)
        self.difference.setToolTip(
            tip(tr("Mean difference: {value:.1f} of 255", value=float(pixels.mean())))
        )

    def show_note(self, note: str) -> None:
        """Say why there are no pictures."""
        self.other.show_note(note)
        self.difference.show_note("")
        self.difference.setToolTip("")

    def set_actual(self, actual: bool) -> None:
        """Show the pictures pixel by pixel, or as large as fits."""
        self.other.set_actual(actual)
        self.difference.set_actual(actual)

    def _on_difference_menu(self, at: QPoint) -> None:
        if self.difference.pixels is not None and self._other is not None:
            self.difference_menu_wanted.emit(self.difference.pixels, self._other.id, at)


class PathPlot(QWidget):
    """How far apart paths are in the reduced activation space, by step: a curve for each run beside
    the shown one, in its hue, or for the run without the mask in the hue of the shown one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        import pyqtgraph as pg

        self._pg = pg
        self.setAccessibleName(tr("Distance between the paths, by step"))
        self.plot = pg.PlotWidget()
        let_drops_through(self.plot)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.hideButtons()
        self.plot.setMenuEnabled(False)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys do nothing there
        self.caption = ElidedLabel(end=True)
        self.caption.setObjectName("muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.plot, 1)
        column.addWidget(self.caption)
        self.curves: list[object] = []
        self._shown: tuple[Run, Sequence[Run], int, bool] | None = None
        self._now = pg.InfiniteLine(angle=90)
        self.plot.addItem(self._now)
        self.apply_theme()

    def show_paths(self, run: Run, others: Sequence[Run], index: int, unmasked: bool) -> None:
        """Draw one distance a step and run, and mark the step."""
        old, self._shown = self._shown, (run, tuple(others), index, unmasked)
        if old is None or old[0] is not run or old[1] != self._shown[1]:
            self._draw(run, others, unmasked)
        self._now.setValue(index + 1)

    def _draw(self, run: Run, others: Sequence[Run], unmasked: bool) -> None:
        for curve in self.curves:
            self.plot.removeItem(curve)
        dark = theme.is_dark()
        paths = [(other, distances(run, other)) for other in others]
        self.curves = [self._curve(run if unmasked else other, far, dark) for other, far in paths]
        values = [far[np.isfinite(far)] for _, far in paths]
        most = max((float(far.max()) for far in values if len(far)), default=1.0)
        self.plot.setXRange(1, max(2, len(run.steps)), padding=0.08)
        self.plot.setYRange(0, max(most, 1e-6), padding=0.08)
        reasons = dict.fromkeys(reason for other in others if (reason := not_apart(run, other)))
        meaning = tr(
            "How far the layers of the map are from those of the run beside it, step by step"
        )
        self.caption.set_text(
            tr("distance of the paths") if not reasons else tr("no distance"), *reasons
        )
        self.plot.setToolTip(tip(meaning, *reasons))

    def _curve(self, run: Run, far: NDArray[np.float64], dark: bool) -> object:
        hue, indices = hue_of(run, dark=dark), np.flatnonzero(np.isfinite(far))
        return self.plot.plot(
            indices + 1, far[indices], pen=self._pg.mkPen(hue, width=2), symbol="o",
            symbolSize=6, symbolBrush=hue, symbolPen=None,
        )  # fmt: skip

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.plot.getAxis("left").setStyle(showValues=self.height() > LOW)

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        c = theme.colors()
        self.plot.setBackground(c.panel)
        for name in ("left", "bottom"):
            axis = self.plot.getAxis(name)
            axis.setPen(self._pg.mkPen(c.border))
            axis.setTextPen(self._pg.mkPen(c.muted))
            axis.setStyle(tickLength=-3, tickFont=self.font())
        self._now.setPen(self._pg.mkPen(c.accent, width=1.5))
        if self._shown is not None:
            run, others, _, unmasked = self._shown
            self._draw(run, others, unmasked)
