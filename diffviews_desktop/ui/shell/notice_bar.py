"""What was said last, floating over the map: what happened and what to do."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from diffviews_desktop.state.state import Notice
from diffviews_desktop.text.plain import visible
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.labels import Label
from diffviews_desktop.ui.common.widgets import IconButton

INFO_MILLISECONDS, LONG_MILLISECONDS = 6_000, 20_000
"""How long a sentence is shown; and an error, an offer, or what has details."""
WIDEST, MARGIN, BELOW, FRAME = 580, 24, 76, 1
"""Pixels of its width, beside it, between it and the foot of the map, where the bar of the
selection floats, and of the line around it."""
OFFERS = {
    "convert": tr("Convert to .safetensors"),
    "load": tr("Load the model"),
    "open": tr("Open it"),
    "import": tr("Import pictures…"),
    "reload": tr("Reload"),
    "report": tr("Show the report…"),
}


def copied_text(notice: Notice) -> str:
    """A notice with its details, as it is put into the clipboard."""
    return visible(f"{notice.text}\n\n{notice.details}".strip(), lines=True)


class NoticeBar(QFrame):
    """A notice goes by itself, but not from under the mouse or the keyboard; the list of notices
    keeps it.

    Signals: ``offer_taken(name)``.
    """

    offer_taken = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self._notice: Notice | None = None
        self._number = 0
        self._offered: str | None = None
        self._card: QWidget | None = None
        self.text = Label()
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.offer = QPushButton(OFFERS["convert"])
        self.offer.clicked.connect(self._take_offer)
        self.copy = QPushButton(tr("Copy details"))
        self.copy.clicked.connect(self._copy)
        self.close_button = IconButton("close", tr("Close this message"))
        self.close_button.setAutoRaise(True)
        self.close_button.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.addWidget(self.text, 1)
        row.addWidget(self.offer)
        row.addWidget(self.copy)
        row.addWidget(self.close_button)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._go)
        self.hide()

    def float_over(self, ground: QWidget) -> None:
        """Lie over a widget from now on, and move with it."""
        self.setParent(ground)
        ground.installEventFilter(self)

    def keep_clear_of(self, card: QWidget) -> None:
        """Lie above a card of the window from now on where that would hide the notice."""
        self._card = card
        card.installEventFilter(self)

    def show_notice(self, notice: Notice | None) -> None:
        """Show a notice, each once, until it is over."""
        if notice is None or notice.number == self._number:
            if notice is not None and notice.over:
                self.hide()
            return
        self._number = notice.number
        self._notice = notice
        self.text.setText(notice.text)
        self.setAccessibleName(self.text.text())
        self.copy.setVisible(bool(notice.details) or not self.text.is_whole)
        self._offered = notice.offer
        if notice.offer is not None:
            self.offer.setText(OFFERS[notice.offer])
        self.offer.setVisible(notice.offer is not None)
        self.setProperty("level", notice.level)
        self.style().unpolish(self)
        self.style().polish(self)
        self._place()
        self.show()
        self.raise_()
        is_long = notice.level == "error" or notice.offer is not None or notice.details
        self._timer.start(LONG_MILLISECONDS if is_long else INFO_MILLISECONDS)

    def _place(self) -> None:
        """Be as wide as the text, up to a bound, above the foot of what it floats over."""
        ground, row = self.parentWidget(), self.layout()
        if ground is None or row is None:
            return
        buttons = (self.offer, self.copy, self.close_button)
        buttons_width = sum(
            one.sizeHint().width() + row.spacing() for one in buttons if not one.isHidden()
        )
        edges = row.contentsMargins()
        text = self.text.fontMetrics().horizontalAdvance(self.text.text())
        content_width = text + buttons_width + edges.left() + edges.right() + 8 + 2 * FRAME
        width = min(content_width, WIDEST, max(1, ground.width() - 2 * MARGIN))
        inside = max(row.heightForWidth(width - 2 * FRAME), row.minimumSize().height())
        height = inside + 2 * FRAME
        left = (ground.width() - width) // 2
        frame = QRect(left, ground.height() - height - BELOW, width, height)
        if self._card is not None and self._card.isVisible():
            corner = ground.mapFromGlobal(self._card.mapToGlobal(QPoint()))
            if frame.intersects(QRect(corner, self._card.size())):
                frame.moveBottom(corner.y() - MARGIN)
        frame.moveTop(max(0, frame.top()))
        self.setGeometry(frame)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kinds = QEvent.Type
        if (event.type() == kinds.Resize and watched is self.parentWidget()) or (
            event.type() in (kinds.Show, kinds.Hide, kinds.Move, kinds.Resize)
            and watched is self._card
        ):
            self._place()
        return super().eventFilter(watched, event)

    def _go(self) -> None:
        """Hide, unless the mouse or the keyboard is on it."""
        widget = QApplication.focusWidget()
        if self.underMouse() or (widget is not None and self.isAncestorOf(widget)):
            self._timer.start(INFO_MILLISECONDS)
        else:
            self.hide()

    def _take_offer(self) -> None:
        self.hide()
        if self._offered is not None:
            self.offer_taken.emit(self._offered)

    def _copy(self) -> None:
        if self._notice is not None:
            QGuiApplication.clipboard().setText(copied_text(self._notice))
