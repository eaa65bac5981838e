"""A field that finds samples, and buttons that go through what was found."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from diffviews_desktop.state.find import Find
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import group_digits, tr, trn
from diffviews_desktop.ui.common.entries import entry
from diffviews_desktop.ui.common.labels import muted_label, tip
from diffviews_desktop.ui.common.widgets import ElidingComboBox, IconButton, SearchField
from diffviews_desktop.values.finding import MOST_LETTERS, places_of

REST_MILLISECONDS = 200
"""From the last letter until it is looked for."""
HELP = (
    tr("Number, id, class, caption or column: what contains the text is found."),
    tr("Numbers are found by ranges, too: > 3, <= 0.5, 0.5..2"),
    tr("Return and F3 go to the next, Shift+F3 to the one before"),
)


class FindBar(QWidget):
    """Signals: ``find_requested(text, where)`` and ``step_requested(by)``."""

    find_requested = Signal(str, str)
    step_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = SearchField()
        self.field.setPlaceholderText(tr("Find samples…"))
        self.field.setAccessibleName(tr("Find samples"))
        self.field.setToolTip(tip(*HELP))
        self.field.setMaxLength(MOST_LETTERS)
        self.field.setMinimumWidth(120)
        self.field.installEventFilter(self)
        self.where = ElidingComboBox(letters=8)
        self.where.setAccessibleName(tr("Where samples are looked for"))
        self.previous = IconButton("previous", tr("Show the sample that was found before"))
        self.next = IconButton("next", tr("Show the next sample that was found"))
        self.count = muted_label()
        self.count.setMinimumWidth(self.fontMetrics().horizontalAdvance(_position(8887, 88888)))
        self.select = QPushButton()
        self._places: list[tuple[str, str]] = []
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MILLISECONDS)
        self._rest.timeout.connect(self._ask)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.field, 1)
        row.addWidget(self.where)
        for widget in (self.previous, self.next, self.count, self.select):
            row.addWidget(widget)
        self.field.textEdited.connect(lambda _: self._rest.start())
        self.where.activated.connect(lambda _: self._ask())
        self.previous.clicked.connect(lambda: self.step_requested.emit(-1))
        self.next.clicked.connect(lambda: self.step_requested.emit(1))

    def set_state(self, state: State) -> None:
        """Show what is looked for and how much was found."""
        samples, find = state.opened.samples, state.find
        places = places_of(samples) if samples is not None else []
        if places != self._places:
            self._places = places
            with QSignalBlocker(self.where):
                self.where.clear()
                for place, title in places:
                    self.where.addItem(entry(title), place)
        if not self._rest.isActive() and find.text != self.field.text():
            self.field.setText(find.text)
        with QSignalBlocker(self.where):
            self.where.setCurrentIndex(max(0, self.where.findData(find.where)))
        several = find.rows is not None and len(find.rows) > 1
        self.previous.setEnabled(several)
        self.next.setEnabled(several)
        self.count.setText(_told(find))
        self.count.setToolTip(tip(_explain(find)))

    def begin(self, text: str | None = None) -> None:
        """Let the user type, or look for a text."""
        if text is not None:
            self.field.setText(text)
            self._ask()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def _ask(self) -> None:
        self._rest.stop()
        self.find_requested.emit(self.field.text(), self.where.currentData() or "")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QKeyEvent):
            return super().eventFilter(watched, event)
        if event.type() == QEvent.Type.ShortcutOverride:
            if event.key() == Qt.Key.Key_Escape and self.field.text():
                event.accept()  # else it would be the window's
                return True
        elif event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
                self._on_return(-1 if back else 1)
                return True
            if event.key() == Qt.Key.Key_Escape and self.field.text():
                self.field.clear()
                self._ask()
                return True
        return super().eventFilter(watched, event)

    def _on_return(self, by: int) -> None:
        if self._rest.isActive():
            self._ask()
        else:
            self.step_requested.emit(by)


def _told(find: Find) -> str:
    if not find.text.strip():
        return ""
    if find.rows is None:
        return tr("Searching…")
    return _position(find.at, len(find.rows)) if len(find.rows) else tr("Nothing found")


def _explain(find: Find) -> str:
    if find.rows is None:
        return ""
    return trn("{number} sample fits", "{number} samples fit", len(find.rows))


def _position(at: int, count: int) -> str:
    """``3 of 1,200``."""
    return tr("{place} of {count}", place=group_digits(at + 1), count=group_digits(count))
