"""Pictures of samples, side by side: of a million, those that are seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.entries import short
from diffviews_desktop.ui.common.images import PictureLoader, enlarge, placeholder
from diffviews_desktop.ui.common.labels import show_tip
from diffviews_desktop.ui.panels.samples.picking import Picking
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.samples import SampleTable

SIDES = (48, 72, 112, 176)
"""Logical pixels of a picture's side, by the steps of Ctrl and the wheel."""
GAP, FRAME = 10, 3
_STEPS = {
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Right: 1,
}


class PictureGrid(QAbstractScrollArea):
    """Pictures with the class and the noise level below.

    A click and the arrow keys go to a sample; Ctrl, Shift and a drag change the selection set;
    Ctrl and the wheel make pictures larger.

    Signals: as of `SampleTableView`.
    """

    pointed = Signal(int)
    located = Signal(int)
    rows_chosen = Signal(object, str)
    menu_wanted = Signal(int, QPoint)

    def __init__(self, pictures: PictureLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pictures = pictures
        self._samples: SampleTable | None = None
        self.rows: NDArray[np.int64] = np.empty(0, np.int64)
        self._chosen = RowSet()
        self._picking = Picking()
        self._size = 1
        self.current: int | None = None
        self.setAccessibleName(tr("Pictures of samples"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.viewport().setAutoFillBackground(False)  # the panel's shows
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(SIDES[0])
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        pictures.loaded.connect(self._on_loaded)

    # ---- what is shown --------------------------------------------------------------------------

    def show_rows(self, samples: SampleTable | None, rows: NDArray[np.int64]) -> None:
        """Show other samples; the current one stays so where it is among them."""
        row = self.current_row
        self._samples, self.rows = samples, rows
        self._picking = Picking()
        self.current = None
        self._fit()
        if row is not None:
            self.go_to(row)
        self.viewport().update()

    @property
    def current_row(self) -> int | None:
        """The sample that was gone to."""
        return None if self.current is None else int(self.rows[self.current])

    def show_chosen(self, selection: RowSet) -> None:
        """Show another selection set."""
        self._chosen = selection
        self.viewport().update()

    def go_to(self, row: int) -> None:
        """Make a sample the current one without telling of it."""
        positions = np.flatnonzero(self.rows == row)
        if len(positions) and int(positions[0]) != self.current:
            self.current = int(positions[0])
            self._bring_into_view()

    @property
    def side(self) -> int:
        """Logical pixels of a picture's side."""
        return SIDES[self._size]

    @property
    def _cell(self) -> QSize:
        return QSize(self.side + GAP, self.side + GAP + self.fontMetrics().height() + 2)

    @property
    def _across(self) -> int:
        return max(1, (self.viewport().width() - GAP) // self._cell.width())

    def _fit(self) -> None:
        lines = -(-len(self.rows) // self._across)
        height, bar = self.viewport().height(), self.verticalScrollBar()
        bar.setRange(0, max(0, lines * self._cell.height() + GAP - height))
        bar.setPageStep(height)
        bar.setSingleStep(self._cell.height() // 2)

    def place_of(self, position: int) -> QRect:
        """Where the picture at a position is painted."""
        line, column = divmod(position, self._across)
        cell = self._cell
        top = GAP + line * cell.height() - self.verticalScrollBar().value()
        return QRect(GAP + column * cell.width(), top, self.side, self.side)

    def position_at(self, place: QPoint) -> int | None:
        """The picture at a place of the viewport."""
        cell = self._cell
        column = (place.x() - GAP // 2) // cell.width()
        line = (place.y() + self.verticalScrollBar().value() - GAP // 2) // cell.height()
        position = line * self._across + column
        inside = 0 <= column < self._across and 0 <= position < len(self.rows)
        return int(position) if inside else None

    def _bring_into_view(self) -> None:
        if self.current is not None:
            place, bar = self.place_of(self.current), self.verticalScrollBar()
            if place.top() < GAP:
                bar.setValue(bar.value() + place.top() - GAP)
            below = place.top() + self._cell.height() - self.viewport().height()
            if below > 0:
                bar.setValue(bar.value() + below)
        self.viewport().update()

    # ---- painting -------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        samples = self._samples
        if samples is None or not len(self.rows):
            return
        first = self.verticalScrollBar().value() // self._cell.height() * self._across
        lines = self.viewport().height() // self._cell.height() + 2
        for position in range(first, min(first + lines * self._across, len(self.rows))):
            self._paint_one(painter, samples, position)

    def _paint_one(self, painter: QPainter, samples: SampleTable, position: int) -> None:
        row, place, colors = int(self.rows[position]), self.place_of(position), theme.colors()
        image = self._pictures.get(samples.picture(row))
        ratio = self.devicePixelRatioF()
        if image is not None and image.isNull():
            pixmap = placeholder(self.side, ratio, QColor(colors.muted))
            painter.drawPixmap(place.topLeft(), pixmap)
        elif image is not None:
            pixmap = enlarge(image, self.side, ratio)
            target = QRect(QPoint(), pixmap.deviceIndependentSize().toSize())
            target.moveCenter(place.center())
            painter.drawPixmap(target.topLeft(), pixmap)
        is_chosen, current = row in self._chosen, position == self.current
        if is_chosen or current:
            pen = QPen(
                QColor(colors.accent if is_chosen else colors.muted), FRAME if is_chosen else 1
            )
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            painter.setPen(pen)
            painter.drawRect(place.adjusted(-3, -3, 2, 2))
        painter.setPen(QColor(colors.text if is_chosen or current else colors.muted))
        below = QRect(place.left() - 4, place.bottom() + 4, self.side + 8, self._cell.height())
        number = int(samples.class_label[row])
        name = str(number) if number >= 0 and self.side < SIDES[2] else samples.title(row)
        text = short(f"{name} · σ {samples.sigma[row]:g}")
        middle = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
        cut = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, below.width())
        painter.drawText(below, middle, cut)

    def _on_loaded(self, path: str, image: QImage) -> None:
        samples = self._samples
        if self.isVisible() and samples is not None and Path(path).is_relative_to(samples.root):
            self.viewport().update()

    # ---- the user -------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self.current is None and len(self.rows):
            self.current = 0
        self.viewport().update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = self.position_at(event.position().toPoint())
        if event.button() != Qt.MouseButton.LeftButton or at is None:
            return
        self._go(at)
        self._choose(self._picking.press(at, event.modifiers()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        at = self.position_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and at is not None:
            self._choose(self._picking.release(at))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        at = self.position_at(event.position().toPoint())
        if at is not None:
            self.located.emit(int(self.rows[at]))

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().wheelEvent(event)
            return
        up = event.angleDelta().y() > 0
        self._size = min(max(self._size + (1 if up else -1), 0), len(SIDES) - 1)
        self._fit()
        self._bring_into_view()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            plain = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
            if event.key() in _STEPS and not plain & ~Qt.KeyboardModifier.ShiftModifier:
                event.accept()  # the arrow keys are its own, not the window's
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        across = self._across
        page = max(1, self.viewport().height() // self._cell.height()) * across
        steps = {
            **_STEPS,
            Qt.Key.Key_Up: -across,
            Qt.Key.Key_Down: across,
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
            Qt.Key.Key_Home: -len(self.rows),
            Qt.Key.Key_End: len(self.rows),
        }
        key, at = Qt.Key(event.key()), self.current
        if key in steps and len(self.rows):
            position = min(max((at or 0) + steps[key], 0), len(self.rows) - 1)
            self._go(position)
            self._choose(self._picking.move(position, event.modifiers()))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and at is not None:
            self.located.emit(int(self.rows[at]))
        elif key == Qt.Key.Key_Space and at is not None:
            self._choose(((at, at), "toggle"))
        else:
            super().keyPressEvent(event)

    def _go(self, position: int) -> None:
        self.current = position
        self._bring_into_view()
        self.pointed.emit(int(self.rows[position]))

    def _choose(self, choice: tuple[tuple[int, int], str] | None) -> None:
        if choice is not None:
            (first, last), mode = choice
            self.rows_chosen.emit(RowSet(self.rows[first : last + 1]), mode)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            at, samples = self.position_at(event.pos()), self._samples
            if at is not None and samples is not None:
                row = int(self.rows[at])
                about = f"#{row} {samples.sample_id[row]}"
                facts = f"{samples.title(row)} · σ {samples.sigma[row]:g}"
                show_tip(event.globalPos(), self.viewport(), about, facts, samples.caption(row))
            return True
        return super().viewportEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        at = self.position_at(event.pos()) if by_mouse else self.current
        if at is not None:
            place = event.globalPos()
            if not by_mouse:
                place = self.viewport().mapToGlobal(self.place_of(at).center())
            self._go(at)
            self.menu_wanted.emit(int(self.rows[at]), place)
