"""The tour over the window: light on one of its parts, and a card beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.actions import tour
from diffviews_desktop.actions.context import Context
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.labels import Label, muted_label, tip

if TYPE_CHECKING:
    from diffviews_desktop.ui.shell.window import MainWindow

WIDTH, MARGIN, AROUND, CORNER = 340, 14, 5, 7
"""Pixels of the card's width, between it and the lit part, of the light beyond that, and of the
light's corners."""
SHADE = 110
"""Of 255: how dark the rest of the window is."""
PICKED = 3
"""The card after which the runs are lit as well as the map."""
FOLLOW_MILLISECONDS = 120
"""How often it is looked whether the lit part has moved."""


class Guide(QObject):
    """Shows the state's card, goes on when the user has done what it asks for, and follows the part
    of the window that it is about.

    Args:
        context: whose state is shown.
        window: that the tour is of.
    """

    def __init__(self, context: Context, window: MainWindow) -> None:
        super().__init__(window)
        self._context, self._window = context, window
        self.light = Light(window)
        self.card = Card(context, window)
        window.notice.keep_clear_of(self.card)
        self._follow = QTimer(self)
        self._follow.setInterval(FOLLOW_MILLISECONDS)
        self._follow.timeout.connect(self._place)
        window.installEventFilter(self)

    def show_changes(self, old: State, new: State) -> None:
        """Show another card, or what the same one says now."""
        at = new.tour
        if at is None:
            if old.tour is not None:
                self._leave()
            return
        stop = tour.STOPS[at]
        reached = at == old.tour and not stop.reached(old) and stop.reached(new)
        if at == 0 and new.picks.selection.rows:
            tour.end(self._context)  # the user has begun without it
        elif reached and not stop.ending:
            tour.go_on(self._context)
        else:
            self.card.set_state(new)
            if at != old.tour:
                self._turn_to(stop.place)

    def _turn_to(self, place: tour.Place) -> None:
        """Bring up the part of the window that a card is about."""
        part: QWidget | None = self._part(place)
        while part is not None and not isinstance(part, QDockWidget):
            part = part.parentWidget()
        if part is not None:
            part.show()
            part.raise_()
        self._follow.start()
        self._place()
        self.card.primary.setFocus(Qt.FocusReason.OtherFocusReason)

    def _leave(self) -> None:
        self._follow.stop()
        focused = self.card.isAncestorOf(self._window.focusWidget() or self._window)
        self.light.put_out()
        self.card.hide()
        if focused and self._window.map is not None:
            self._window.map.setFocus(Qt.FocusReason.OtherFocusReason)

    def _part(self, place: tour.Place) -> QWidget:
        window = self._window
        match place:
            case "map":
                return window.map_area
            case "suggest":
                return window.gallery.suggest
            case "generate":
                return window.generate_panel.generate
            case "runs":
                return window.runs_panel
            case "compare":
                return window.runs_panel.steps.compare

    def _place(self) -> None:
        at = self._context.state.tour
        if at is None:
            return
        part, window = self._part(tour.STOPS[at].place), self._window
        lit = self._rectangle(part)
        effects = (window.map_area, window.runs_panel) if at > PICKED else (window.map_area,)
        others = [self._rectangle(one) for one in effects if one.isVisible()]
        moved = self.light.fall_on(lit, others, dims=at > 0)
        size = QSize(WIDTH, self.card.heightForWidth(WIDTH))
        frame = QRect(_beside(lit, size, window.rect()), size)
        if moved or self.card.isHidden() or self.card.geometry() != frame:
            self.card.setGeometry(frame)
            self.card.show()
            self.card.raise_()

    def _rectangle(self, part: QWidget) -> QRect:
        """Where a part of the window is in it; all of it where the part is not to be seen there."""
        corner = self._window.mapFromGlobal(part.mapToGlobal(QPoint()))
        rectangle = QRect(corner, part.size()).intersected(self._window.rect())
        return rectangle if part.isVisible() and not rectangle.isEmpty() else self._window.rect()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and watched is self._window:
            self._place()
        return super().eventFilter(watched, event)


def _beside(lit: QRect, card: QSize, room: QRect) -> QPoint:
    """Where a card lies beside a part of the window: above or below it, at its left or right, or,
    where it fills the window, in its lower right corner."""
    width, height = card.width(), card.height()
    left = min(max(lit.center().x() - width // 2, MARGIN), room.right() - width - MARGIN)
    top = min(max(lit.center().y() - height // 2, MARGIN), room.bottom() - height - MARGIN)
    distance = AROUND + MARGIN
    for place in (
        QPoint(left, lit.top() - distance - height),
        QPoint(lit.left() - distance - width, top),
        QPoint(lit.right() + distance, top),
        QPoint(left, lit.bottom() + distance),
    ):
        if room.contains(QRect(place, card)) and place.y() >= MARGIN:
            return place
    return lit.bottomRight() - QPoint(width + MARGIN, height + MARGIN)


class Light(QWidget):
    """Darkens the window but for a part of it; clicks go through it."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.lit = QRect()
        self._shown: tuple[object, ...] = ()
        self._others: list[QRect] = []
        self.hide()

    def fall_on(self, lit: QRect, others: list[QRect], *, dims: bool) -> bool:
        """Light a part of the window with a line around it, and others without; whether that is
        new."""
        window = self.parentWidget()
        assert window is not None
        if (lit, others, dims, window.size()) == self._shown:
            return False
        self._shown = lit, others, dims, window.size()
        self.lit, self._others = lit, others
        self.setGeometry(window.rect())
        self.setVisible(dims)
        self.raise_()
        self.update()
        return True

    def put_out(self) -> None:
        """Darken nothing."""
        self._shown = ()
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        around = QRectF(self.lit).adjusted(-AROUND, -AROUND, AROUND, AROUND)
        shade, line = QPainterPath(), QPainterPath()
        shade.addRect(QRectF(self.rect()))
        line.addRoundedRect(around, CORNER, CORNER)
        for other in self._others:
            lit = QPainterPath()
            lit.addRect(QRectF(other))
            shade -= lit
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillPath(shade - line, QColor(0, 0, 0, SHADE))
        painter.setPen(QPen(QColor(theme.colors().accent), 2))
        painter.drawPath(line)


class Card(QFrame):
    """What one stop of the tour says, and its buttons."""

    def __init__(self, context: Context, window: QWidget) -> None:
        super().__init__(window)
        self._context = context
        self.setObjectName("palette")
        self.title, self.text = Label(), Label()
        self.title.setProperty("strong", True)
        self.text.setWordWrap(True)
        self.count = muted_label()
        self.skip, self.back = QPushButton(tr("Skip the tour")), QPushButton(tr("Back"))
        self.primary = QPushButton()
        self.primary.setObjectName("primary")
        for button in (self.skip, self.back, self.primary):
            button.setAutoDefault(True)  # Return presses the one that has the keyboard
        self.skip.clicked.connect(lambda: tour.end(context))
        self.back.clicked.connect(lambda: tour.go_back(context))
        self.primary.clicked.connect(self._on_primary)
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.count)
        ending = QHBoxLayout()
        ending.setSpacing(8)
        ending.addWidget(self.skip)
        ending.addStretch()
        ending.addWidget(self.back)
        ending.addWidget(self.primary)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addLayout(top)
        column.addWidget(self.text)
        column.addLayout(ending)
        self.hide()
        theme.dress(self)

    def set_state(self, state: State) -> None:
        """Show the state's stop."""
        at = state.tour
        if at is None:
            return
        stop, first = tour.STOPS[at], at == 0
        self.title.setText(stop.title)
        self.text.setText(tour.text_of(stop, state))
        self.setAccessibleName(f"{stop.title}. {self.text.text()}")
        self.count.setText("" if first else tr("{at} of {count}", at=at, count=tour.COUNT))
        self.skip.setText(tr("Not now") if first else tr("Skip the tour"))
        self.skip.setVisible(at < tour.COUNT or not stop.reached(state))
        self.back.setVisible(at > 1)
        self.primary.setText(self._words(stop, at, state))
        busy = not first and tour.waits(state)
        if busy and self.primary.hasFocus():
            self.setFocus()  # else Qt gives the keyboard to what comes next
        self.primary.setEnabled(not busy)
        if not busy and self.hasFocus():
            self.primary.setFocus()
        self.primary.setToolTip(tip(tour.WAIT if busy else ""))

    @staticmethod
    def _words(stop: tour.Stop, at: int, state: State) -> str:
        if at == 0:
            return tr("Take the tour")
        if stop.do is not None and not stop.reached(state):
            return tr("Do it for me")
        return tr("Finish") if at == tour.COUNT else tr("Next")

    def _on_primary(self) -> None:
        at = self._context.state.tour
        if at is None:
            return
        stop = tour.STOPS[at]
        if stop.do is not None and not stop.reached(self._context.state):
            tour.do_for_user(self._context)
        else:
            tour.go_on(self._context)
