"""One sentence above the map: what happened and what to do."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from diffviews_desktop.state.state import Notice
from diffviews_desktop.text.plain import visible
from diffviews_desktop.ui.common.labels import Label
from diffviews_desktop.ui.common.widgets import IconButton

INFO_MILLISECONDS = 6000
OFFERS = {
    "convert": "Convert to .safetensors",
    "load": "Load the model",
    "open": "Open it",
    "import": "Import pictures…",
}


class NoticeBar(QFrame):
    """Errors, offers and what has details stay until they are closed; other notices go by
    themselves.

    Signals: ``offer_taken(name)``.
    """

    offer_taken = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self._notice: Notice | None = None
        self._number = 0
        self._offered: str | None = None
        self.text = Label()
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.offer = QPushButton(OFFERS["convert"])
        self.offer.clicked.connect(self._take_offer)
        self.copy = QPushButton("Copy details")
        self.copy.clicked.connect(self._copy)
        self.close_button = IconButton("close", "Close this message")
        self.close_button.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.addWidget(self.text, 1)
        row.addWidget(self.offer)
        row.addWidget(self.copy)
        row.addWidget(self.close_button)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(INFO_MILLISECONDS)
        self._timer.timeout.connect(self.hide)
        self.hide()

    def show_notice(self, notice: Notice | None) -> None:
        """Show a notice, each once."""
        if notice is None or notice.number == self._number:
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
        self.show()
        if notice.level == "info" and notice.offer is None and not notice.details:
            self._timer.start()
        else:
            self._timer.stop()

    def _take_offer(self) -> None:
        self.hide()
        if self._offered is not None:
            self.offer_taken.emit(self._offered)

    def _copy(self) -> None:
        if self._notice is not None:
            both = f"{self._notice.text}\n\n{self._notice.details}"
            QGuiApplication.clipboard().setText(visible(both, lines=True))
