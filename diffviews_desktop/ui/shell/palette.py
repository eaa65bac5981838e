"""The command palette: a field over the window that finds everything by its name."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.actions import palette
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.palette import Entry
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.entries import short
from diffviews_desktop.ui.common.labels import muted_label, tip

WIDTH, ROWS, FROM_TOP, EDGE = 620, 12, 64, 40
MOST_OF_TITLE = 120  # letters
_ENTRY = Qt.ItemDataRole.UserRole
_MOVES = {
    Qt.Key.Key_Down: 1,
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_PageDown: ROWS - 1,
    Qt.Key.Key_PageUp: 1 - ROWS,
}
_KEYS = (*_MOVES, Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter)


class CommandPalette(QFrame):
    """Return does what is chosen, Esc leaves; so does a click elsewhere.

    Args:
        context: what its entries work with.
        window: over which it lies.
    """

    def __init__(self, context: Context, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("palette")
        self._context = context
        self._focused: QWidget | None = None
        self.field = QLineEdit()
        self.field.setPlaceholderText(tr("Find an action, a model, a layer, a sample, a run…"))
        self.field.setAccessibleName(tr("Find anything"))
        self.field.setMaxLength(200)
        self.field.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName(tr("What was found"))
        self.list.setItemDelegate(_EntryDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.nothing = muted_label(tr("Nothing is called that."))
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 10)
        column.setSpacing(6)
        column.addWidget(self.field)
        column.addWidget(self.list, 1)
        column.addWidget(self.nothing)
        self.field.textChanged.connect(self._find)
        self.list.itemClicked.connect(self._do)
        QApplication.instance().focusChanged.connect(self._on_focus)  # type: ignore[union-attr]
        self.hide()
        theme.dress(self)

    def open(self) -> None:
        """Ask what is looked for."""
        if self.isHidden():
            self._focused = QApplication.focusWidget()
        self.field.clear()
        self._find("")
        self.show()
        self.raise_()
        self.field.setFocus()

    def leave(self) -> None:
        """Close, and give the keyboard back."""
        if self.isHidden():
            return
        widget, self._focused = self._focused, None
        self.hide()
        if widget is not None and widget.isVisible():
            widget.setFocus()

    def _place(self) -> None:
        window = self.parentWidget()
        assert window is not None
        width = min(WIDTH, window.width() - 2 * EDGE)
        count = self.list.count()
        row = self.list.sizeHintForRow(0) if count else self.nothing.sizeHint().height()
        above = self.field.sizeHint().height() + 34
        height = min(max(1, min(ROWS, count)) * row + above, window.height() - FROM_TOP - EDGE)
        self.setGeometry((window.width() - width) // 2, FROM_TOP, width, height)

    def _find(self, text: str) -> None:
        self.list.clear()
        entries = palette.find(self._context, text)
        for entry in entries:
            item = QListWidgetItem(short(entry.title, MOST_OF_TITLE))
            item.setData(_ENTRY, entry)
            item.setToolTip(tip(entry.title, entry.why_not))
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self.nothing.setVisible(not entries)
        self.list.setVisible(bool(entries))
        self._place()

    def _do(self, item: QListWidgetItem | None) -> None:
        entry = None if item is None else item.data(_ENTRY)
        self.leave()
        if isinstance(entry, Entry):
            palette.do(self._context, entry)

    # ---- keys and focus -------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.key() in _KEYS:
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()  # else it would be a key of the window
                return True
            if event.type() == QEvent.Type.KeyPress:
                self._on_key(Qt.Key(event.key()))
                return True
        return super().eventFilter(watched, event)

    def _on_key(self, key: Qt.Key) -> None:
        if key in _MOVES:
            last = self.list.count() - 1
            self.list.setCurrentRow(min(max(0, self.list.currentRow() + _MOVES[key]), last))
        elif key == Qt.Key.Key_Escape:
            self.leave()
        elif self.list.count():
            self._do(self.list.currentItem())

    def _on_focus(self, old: QWidget | None, new: QWidget | None) -> None:
        if not self.isHidden() and new is not None and not self.isAncestorOf(new):
            self._focused = None  # where it went is where it stays
            self.leave()


class _EntryDelegate(QStyledItemDelegate):
    """The title at the left; at the right what kind of thing it is, and its key, or why it is not
    possible."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(1, option.fontMetrics.height() + 10)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        entry = index.data(_ENTRY)
        usual = QStyleOptionViewItem(option)
        self.initStyleOption(usual, index)
        title, usual.text = usual.text, ""
        style = QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, usual, painter, usual.widget)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        colors = theme.colors()
        loud = colors.accent_text if chosen else colors.text
        quiet = colors.accent_text if chosen else colors.muted
        room = option.rect.adjusted(10, 0, -10, 0)
        metrics = option.fontMetrics
        painter.save()
        painter.setClipRect(option.rect)
        most = room.width() // (2 if entry.why_not else 3)
        right = metrics.elidedText(_beside(entry), Qt.TextElideMode.ElideRight, most)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(quiet))
        painter.drawText(room, Qt.AlignmentFlag.AlignRight | middle, right)
        room.setRight(room.right() - metrics.horizontalAdvance(right) - 16)
        painter.setPen(QColor(quiet if entry.why_not else loud))
        left = metrics.elidedText(title, Qt.TextElideMode.ElideMiddle, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | middle, left)
        painter.restore()


def _beside(entry: Entry) -> str:
    if entry.why_not:
        return short(entry.why_not, MOST_OF_TITLE)
    key = QKeySequence(entry.keys).toString(QKeySequence.SequenceFormat.NativeText)
    return f"{entry.kind}   {key}" if key else entry.kind
