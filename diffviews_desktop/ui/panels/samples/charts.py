"""How many samples have which value, drawn; a click or a drag filters by it."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from diffviews_desktop.state.counts import Counts
from diffviews_desktop.state.view import Filter
from diffviews_desktop.text.translation import group_digits, tr, trn
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.entries import short
from diffviews_desktop.ui.common.labels import show_tip, tip

LINE, GAP, NAME_SHARE = 19, 6, 0.42
"""Pixels of a bar with its name, and the part of the width that the name has."""
LOWEST = 44


class CategoryBars(QAbstractScrollArea):
    """A bar a category: its samples, and in the accent's colour those that other filters leave.

    A click shows only that category, again all; Ctrl and a click, or the space key, hides and shows
    one. Signals: ``only(number)`` and ``toggled(number)``.
    """

    only = Signal(int)
    toggled = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: Counts | None = None
        self._hidden: frozenset[int] = frozenset()
        self.current = 0
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.viewport().setAutoFillBackground(False)  # the panel's shows
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(LOWEST)

    def show_counts(self, counts: Counts, current_filter: Filter | None) -> None:
        """Show counts, and which categories the filter leaves out."""
        self._counts = counts
        self._hidden = frozenset() if current_filter is None else current_filter.hidden
        self.current = min(self.current, max(0, len(counts.names) - 1))
        self._fit()
        self.viewport().update()

    def place_of(self, number: int) -> QRect:
        """Where a category is painted."""
        top = number * LINE - self.verticalScrollBar().value()
        return QRect(0, top, self.viewport().width(), LINE)

    def paintEvent(self, event: QPaintEvent) -> None:
        counts = self._counts
        if counts is None:
            return
        painter = QPainter(self.viewport())
        first = self.verticalScrollBar().value() // LINE
        last = first + self.viewport().height() // LINE + 2
        most = max(1, int(counts.total.max(initial=1)))
        for number in range(first, min(last, len(counts.names))):
            self._paint_one(painter, counts, number, most)

    def _paint_one(self, painter: QPainter, counts: Counts, number: int, most: int) -> None:
        colors, place = theme.colors(), self.place_of(number)
        hidden = number in self._hidden
        if self.hasFocus() and number == self.current:
            painter.setPen(QColor(colors.accent))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(place).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        metrics = painter.fontMetrics()
        text = group_digits(int(counts.shown[number]))
        names = QRect(place.left() + 4, place.top(), int(place.width() * NAME_SHARE), LINE)
        beside = metrics.horizontalAdvance(group_digits(most)) + 6
        bar = QRectF(names.right() + GAP, place.top() + 4, 0, LINE - 8)
        room = place.width() - bar.left() - beside - GAP
        font = painter.font()
        font.setStrikeOut(hidden)
        painter.setFont(font)
        painter.setPen(QColor(colors.muted if hidden else colors.text))
        middle = Qt.AlignmentFlag.AlignVCenter
        name = metrics.elidedText(
            short(counts.names[number]), Qt.TextElideMode.ElideMiddle, names.width()
        )
        painter.drawText(names, Qt.AlignmentFlag.AlignLeft | middle, name)
        font.setStrikeOut(False)
        painter.setFont(font)
        painter.setPen(Qt.PenStyle.NoPen)
        for count, color in (
            (counts.total[number], colors.border),
            (0 if hidden else counts.shown[number], colors.accent),
        ):
            bar.setWidth(room * int(count) / most)
            painter.setBrush(QColor(color))
            painter.drawRect(bar)
        painter.setPen(QColor(colors.muted))
        painter.drawText(place.adjusted(0, 0, -4, 0), Qt.AlignmentFlag.AlignRight | middle, text)

    # ---- the user -------------------------------------------------------------------------------

    def _at(self, place: QPoint) -> int | None:
        number = (place.y() + self.verticalScrollBar().value()) // LINE
        count = len(self._counts.names) if self._counts is not None else 0
        return number if 0 <= number < count else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = self._at(event.position().toPoint())
        if event.button() != Qt.MouseButton.LeftButton or at is None:
            return
        self.current = at
        several = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        (self.toggled if event.modifiers() & several else self.only).emit(at)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        key, count = Qt.Key(event.key()), len(self._counts.names) if self._counts else 0
        if key in steps and count:
            self.current = min(max(self.current + steps[key], 0), count - 1)
            bar, place = self.verticalScrollBar(), self.place_of(self.current)
            below = place.bottom() - self.viewport().height()
            bar.setValue(bar.value() + (min(0, place.top()) or max(0, below)))
            self.viewport().update()
        elif key == Qt.Key.Key_Space and count:
            self.toggled.emit(self.current)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and count:
            self.only.emit(self.current)
        else:
            super().keyPressEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QHelpEvent.Type.ToolTip:
            at = self._at(event.pos())
            if at is not None and self._counts is not None:
                counts = self._counts
                text = trn(
                    "{shown} of {number} sample",
                    "{shown} of {number} samples",
                    int(counts.total[at]),
                    shown=group_digits(int(counts.shown[at])),
                )
                about = tr("Click shows only these, Ctrl+click hides")
                show_tip(event.globalPos(), self.viewport(), counts.names[at], text, about)
            return True
        return super().viewportEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        count = len(self._counts.names) if self._counts is not None else 0
        bar, height = self.verticalScrollBar(), self.viewport().height()
        bar.setRange(0, max(0, count * LINE - height))
        bar.setPageStep(height)
        bar.setSingleStep(LINE)


class Histogram(QWidget):
    """Bars of numbers, and in the accent's colour those that other filters leave; a drag shows only
    a range, a click all. Signal: ``range_chosen(low, high)``, None for no limit."""

    range_chosen = Signal(object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: Counts | None = None
        self._filter: Filter | None = None
        self._from: int | None = None
        self._to = 0
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumHeight(LOWEST)

    def show_counts(self, counts: Counts, current_filter: Filter | None) -> None:
        """Show counts, and the range that the filter leaves."""
        self._counts, self._filter = counts, current_filter
        self.setToolTip(tip(tr("Drag over the bars to show only these values, click for all")))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, 100)

    @property
    def _plot(self) -> QRectF:
        return QRectF(self.rect()).adjusted(2, 2, -2, -self.fontMetrics().height() - 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        counts = self._counts
        if counts is None:
            return
        painter, colors, plot = QPainter(self), theme.colors(), self._plot
        most, bins = max(1, int(counts.total.max())), len(counts.total)
        wide = plot.width() / bins
        low, high = self._range()
        for at in range(bins):
            inside = counts.edges[at + 1] > low and counts.edges[at] < high
            for count, color in (
                (counts.total[at], colors.border),
                (counts.shown[at] if inside else 0, colors.accent),
            ):
                height = plot.height() * math.sqrt(int(count) / most)
                bar = QRectF(plot.left() + at * wide, plot.bottom() - height, wide - 1, height)
                painter.fillRect(bar, QColor(color))
        painter.setPen(QColor(colors.border))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        painter.setPen(QColor(colors.muted))
        below = QRectF(plot.left(), plot.bottom() + 2, plot.width(), self.fontMetrics().height())
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, counts.low)
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, counts.high)
        if math.isfinite(low) or math.isfinite(high):
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, _range_text(low, high))

    def _range(self) -> tuple[float, float]:
        """The range that is shown, or is being chosen."""
        if self._from is not None and self._from != self._to:
            return self._between(self._from, self._to)
        current_filter = self._filter
        low = None if current_filter is None else current_filter.low
        high = None if current_filter is None else current_filter.high
        return -math.inf if low is None else low, math.inf if high is None else high

    def _between(self, one: int, other: int) -> tuple[float, float]:
        """The values at two places; beyond an end there is no limit."""
        counts, plot = self._counts, self._plot
        assert counts is not None
        left, right = sorted((one, other))
        places = np.linspace(0, 1, len(counts.edges))
        shares = [(place - plot.left()) / plot.width() for place in (left, right)]
        low, high = (float(np.interp(share, places, counts.edges)) for share in shares)
        return -math.inf if shares[0] <= 0 else low, math.inf if shares[1] >= 1 else high

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._counts is not None:
            self._from = self._to = round(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._from is not None:
            self._to = round(event.position().x())
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        start, self._from = self._from, None
        if start is None:
            return
        if abs(self._to - start) < 3:
            self.range_chosen.emit(None, None)
        else:
            low, high = self._between(start, self._to)
            ends = (low if math.isfinite(low) else None, high if math.isfinite(high) else None)
            self.range_chosen.emit(*ends)
        self.update()


def _range_text(low: float, high: float) -> str:
    if not math.isfinite(low):
        return f"≤ {high:.3g}"
    return f"≥ {low:.3g}" if not math.isfinite(high) else f"{low:.3g} – {high:.3g}"
