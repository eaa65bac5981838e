"""What the colours mean, in a corner of the map; a click or a drag on it filters."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QApplication, QWidget

from diffviews_desktop.state.view import Filter
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.colors import MISSING
from diffviews_desktop.ui.common.labels import plain, tip
from diffviews_desktop.ui.views.flat.coloring import Coloring
from diffviews_desktop.ui.views.flat.marks import MARKS, draw_mark
from diffviews_desktop.ui.views.flat.overlays import Mark
from diffviews_desktop.ui.views.flat.tools import float_ground

BAR_WIDTH, BAR_HEIGHT, PADDING, GAP = 168, 10, 9, 5
DOT = 10
MOST_ITEMS = 12
SLIP = 4.0  # logical pixels


class Legend(QWidget):
    """The ramp of colours, or the list of categories.

    A drag over the ramp shows only the values in it, a click on it all of them. A click on a
    category hides its samples or shows them, a double click shows only them. Below it says what the
    markers of runs mean, as far as there are any.

    Signals:
        range_chosen: least and largest value, both None for all.
        category_clicked: position of a category, -1 for samples without one.
        category_isolated: the same, double-clicked.
    """

    range_chosen = Signal(object, object)
    category_clicked = Signal(int)
    category_isolated = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._coloring: Coloring | None = None
        self._filters: tuple[Filter, ...] = ()
        self._help = self._note = ""
        self._from: float | None = None
        self._to = 0.0
        self._marks: tuple[Mark, ...] = ()
        self._current = 0
        self._clicked: int | None = None
        self._wait = QTimer(self)  # whether it was half of a double click
        self._wait.setSingleShot(True)
        self._wait.timeout.connect(self._emit_click)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.hide()

    def set_coloring(self, coloring: Coloring | None) -> None:
        """Show a colouring; None hides it."""
        self._coloring, self._current = coloring, 0
        self._fit()

    def set_marks(self, visible_marks: frozenset[Mark]) -> None:
        """Say what the markers of runs mean that are to be seen."""
        marks = tuple(mark for mark in MARKS if mark in visible_marks)
        if marks != self._marks:
            self._marks = marks
            self._fit()

    def _fit(self) -> None:
        """Be as large as what is listed, and say it in words."""
        coloring = self._coloring
        self.setVisible(coloring is not None or bool(self._marks))
        line, height = self.fontMetrics().height(), PADDING - GAP
        self._help = ""
        self.setAccessibleName("")
        if coloring is not None:
            height = self._describe(coloring)
        if self._marks:
            height += len(self._marks) * (line + GAP)
            name = self.accessibleName()
            marks = ", ".join(MARKS[mark].text for mark in self._marks)
            told = tr("Runs: {marks}", marks=marks)
            self.setAccessibleName(f"{name}. {told}" if name else told)
        self._tell()
        self.resize(BAR_WIDTH + 2 * PADDING, height + PADDING)
        self.update()

    def _describe(self, coloring: Coloring) -> int:
        """Say in words what the colours tell; the height of what is drawn of it."""
        line, name = self.fontMetrics().height(), plain(coloring.name)
        if coloring.kind == "category":
            rows = len(self.items())
            more = len(coloring.names) > MOST_ITEMS
            height = PADDING + (1 + rows + more) * (line + GAP) - GAP
            self.setAccessibleName(
                trn(
                    "Colours: {name}, {number} category",
                    "Colours: {name}, {number} categories",
                    len(coloring.names),
                    name=name,
                )
            )
            self._help = tr("Click hides or shows a category, double click shows only that one")
        else:
            values = {"name": name, "low": coloring.low, "high": coloring.high}
            self.setAccessibleName(
                tr("Colours: {name} from {low} to {high}; grey: no value", **values)
                if coloring.incomplete
                else tr("Colours: {name} from {low} to {high}", **values)
            )
            self._help = tr("Drag over the colours to show only these values, click for all")
            lines = 3 if coloring.incomplete else 2
            height = PADDING + lines * line + BAR_HEIGHT + lines * GAP
        return height

    def set_note(self, note: str) -> None:
        """Say what else to know of the map, in the tooltip."""
        self._note = note
        self._tell()

    def _tell(self) -> None:
        marks = (MARKS[mark].meaning for mark in self._marks)
        self.setToolTip(tip(self._help, *marks, self._note))
        self.setAccessibleDescription(self._note)

    def set_filters(self, filters: tuple[Filter, ...]) -> None:
        """Show what is filtered."""
        self._filters = filters
        self.update()

    def _filter_of(self, coloring: Coloring) -> Filter | None:
        """The filter by what the colours tell."""
        return next((one for one in self._filters if one.by == coloring.by), None)

    def items(self) -> list[int]:
        """Positions of the listed categories, -1 for samples without one."""
        coloring = self._coloring
        if coloring is None or coloring.kind != "category":
            return []
        numbers = list(range(min(len(coloring.names), MOST_ITEMS)))
        return [*numbers, -1] if coloring.incomplete else numbers

    # ---- places ---------------------------------------------------------------------------------

    def bar(self) -> QRectF:
        """Where the ramp is."""
        return QRectF(PADDING, PADDING + self.fontMetrics().height() + GAP, BAR_WIDTH, BAR_HEIGHT)

    def item_place(self, index: int) -> QRectF:
        """Where the ``index``-th line of the list is."""
        step = self.fontMetrics().height() + GAP
        return QRectF(PADDING, PADDING + (1 + index) * step, BAR_WIDTH, step)

    def _item_at(self, place: QPointF) -> int | None:
        for index in range(len(self.items())):
            if self.item_place(index).contains(place):
                return index
        return None

    # ---- mouse and keys -------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        coloring = self._coloring
        if coloring is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if coloring.kind != "category":
            self._from = self._to = event.position().x()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._from is not None:
            self._to = event.position().x()
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        coloring = self._coloring
        if coloring is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if coloring.kind == "category":
            index = self._item_at(event.position())
            if index is not None:
                self._current, self._clicked = index, self.items()[index]
                self._wait.start(QApplication.doubleClickInterval())
            return
        begin, self._from = self._from, None
        if begin is None:
            return
        if abs(self._to - begin) < SLIP:
            self.range_chosen.emit(None, None)
            return
        left, right = sorted((begin, self._to))
        # an end of the ramp also stands for what lies beyond it
        places = [(x - PADDING) / BAR_WIDTH for x in (left, right)]
        low = None if places[0] <= 0 else coloring.value_at(places[0])
        high = None if places[1] >= 1 else coloring.value_at(places[1])
        self.range_chosen.emit(low, high)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self._item_at(event.position())
        if index is not None:
            self._wait.stop()
            self._clicked = None
            self.category_isolated.emit(self.items()[index])

    def _emit_click(self) -> None:
        if self._clicked is not None:
            number, self._clicked = self._clicked, None
            self.category_clicked.emit(number)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and event.key() in (  # type: ignore[attr-defined]
            Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Space, Qt.Key.Key_Return,
        ):  # fmt: skip
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        items = self.items()
        if not items:
            super().keyPressEvent(event)
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            by = -1 if event.key() == Qt.Key.Key_Up else 1
            self._current = min(max(self._current + by, 0), len(items) - 1)
            self.update()
        elif event.key() == Qt.Key.Key_Space:
            self.category_clicked.emit(items[self._current])
        elif event.key() == Qt.Key.Key_Return:
            self.category_isolated.emit(items[self._current])
        else:
            super().keyPressEvent(event)

    # ---- drawing --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        coloring = self._coloring
        float_ground(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if coloring is not None:
            self._paint_coloring(painter, coloring)
        if self._marks:
            self._paint_marks(painter)
        painter.end()

    def _paint_coloring(self, painter: QPainter, coloring: Coloring) -> None:
        c = theme.colors()
        line = painter.fontMetrics().height()
        place = QRectF(PADDING, PADDING, BAR_WIDTH, line)
        painter.setPen(QColor(c.text))
        _draw_name(painter, place, Qt.AlignmentFlag.AlignLeft, coloring.name)
        if coloring.kind == "category":
            self._paint_items(painter, coloring)
        else:
            self._paint_ramp(painter, coloring)

    def _paint_marks(self, painter: QPainter) -> None:
        c, line = theme.colors(), painter.fontMetrics().height()
        top = self.height() - PADDING + GAP - len(self._marks) * (line + GAP)
        for number, mark in enumerate(self._marks):
            place = QRectF(PADDING, top + number * (line + GAP), BAR_WIDTH, line)
            draw_mark(painter, mark, QPointF(PADDING + 5, place.center().y()), c)
            painter.setPen(QColor(c.text))
            room = place.adjusted(16, 0, 0, 0)
            _draw_name(painter, room, Qt.AlignmentFlag.AlignLeft, MARKS[mark].text)

    def _paint_items(self, painter: QPainter, coloring: Coloring) -> None:
        c, palette = theme.colors(), coloring.palette(dark=theme.is_dark())
        mine = self._filter_of(coloring)
        hidden = mine.hidden if mine is not None else frozenset()
        for index, number in enumerate(self.items()):
            place = self.item_place(index)
            off = number in hidden
            painter.setPen(QColor(c.muted) if off else Qt.PenStyle.NoPen)
            painter.setBrush(Qt.BrushStyle.NoBrush if off else palette[number])
            painter.drawEllipse(QRectF(PADDING, place.center().y() - DOT / 2, DOT, DOT))
            painter.setPen(QColor(c.muted if off else c.text))
            text = coloring.names[number] if number >= 0 else tr("no value")
            room = place.adjusted(DOT + 7, 0, 0, 0)
            font = painter.font()
            font.setStrikeOut(off)
            painter.setFont(font)
            _draw_name(painter, room, Qt.AlignmentFlag.AlignVCenter, text)
            font.setStrikeOut(False)
            painter.setFont(font)
            if self.hasFocus() and index == self._current:
                painter.setPen(QColor(c.accent))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(place.adjusted(-3, 0, 3, -1), 3, 3)
        if len(coloring.names) > MOST_ITEMS:
            painter.setPen(QColor(c.muted))
            place = self.item_place(len(self.items()))
            over = len(coloring.names) - MOST_ITEMS
            more = trn("and {number} more", "and {number} more", over)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, more)

    def _paint_ramp(self, painter: QPainter, coloring: Coloring) -> None:
        c, bar = theme.colors(), self.bar()
        line = painter.fontMetrics().height()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._gradient(bar, coloring))
        painter.drawRoundedRect(bar, 3, 3)
        span = self._chosen_part(bar, coloring)
        if span is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QColor(c.text))
            painter.drawRect(span.adjusted(0, -2, 0, 2))
        place = QRectF(PADDING, bar.bottom() + GAP, BAR_WIDTH, line)
        painter.setPen(QColor(c.muted))
        ends = (
            (coloring.low, Qt.AlignmentFlag.AlignLeft),
            (coloring.high, Qt.AlignmentFlag.AlignRight),
        )
        fit = (
            sum(painter.fontMetrics().horizontalAdvance(f"{text} ") for text, _ in ends) < BAR_WIDTH
        )
        for (text, side), part in zip(ends, _halves(place), strict=True):
            _draw_name(painter, place if fit else part, side, text)
        if coloring.incomplete:
            place.translate(0, line + GAP)
            painter.drawText(
                place.adjusted(16, 0, 0, 0), Qt.AlignmentFlag.AlignLeft, tr("no value")
            )
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(MISSING)
            painter.drawEllipse(QRectF(PADDING, place.center().y() - 5, DOT, DOT))

    def _chosen_part(self, bar: QRectF, coloring: Coloring) -> QRectF | None:
        """The part of the ramp that is shown, or is being chosen."""
        mine = self._filter_of(coloring)
        if self._from is not None:
            left, right = sorted((self._from, self._to))
        elif mine is not None:
            low, high = mine.low, mine.high
            left = bar.left() if low is None else bar.left() + coloring.place_of(low) * BAR_WIDTH
            right = (
                bar.right() if high is None else bar.left() + coloring.place_of(high) * BAR_WIDTH
            )
        else:
            return None
        left, right = max(left, bar.left()), min(right, bar.right())
        return QRectF(left, bar.top(), max(0.0, right - left), bar.height())

    @staticmethod
    def _gradient(bar: QRectF, coloring: Coloring) -> QLinearGradient:
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        ramp = coloring.palette(dark=theme.is_dark())[:-1]
        for i, color in enumerate(ramp):
            gradient.setColorAt(i / (len(ramp) - 1), color)
        return gradient


def _halves(room: QRectF) -> tuple[QRectF, QRectF]:
    """The left and the right half of a line, with a gap between them."""
    shift = (room.width() + GAP) / 2
    return room.adjusted(0, 0, -shift, 0), room.adjusted(shift, 0, 0, 0)


def _draw_name(painter: QPainter, room: QRectF, align: Qt.AlignmentFlag, name: str) -> None:
    """Draw a name on a line, and nothing of it outside."""
    middle = Qt.TextElideMode.ElideMiddle
    text = painter.fontMetrics().elidedText(plain(name), middle, int(room.width()))
    painter.save()
    painter.setClipRect(room)
    painter.drawText(room, align, text)
    painter.restore()
