"""The catalogue as a table: a row a model, with a bar while it is downloaded."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidgetItem,
    QWidget,
)

from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.entries import short
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.common.tables import ReadTable
from diffviews_desktop.ui.panels.models.rows import Row

HEADINGS = (tr("Model"), tr("Size"), tr("Licence"), "")
STATUS, HEIGHT, STATUS_WIDTH, MOST_OF_TITLE = 3, 30, 170, 90
_ROLE = Qt.ItemDataRole.UserRole


class BarDelegate(QStyledItemDelegate):
    """Draws how far a download is as a bar at the foot of its cell."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        super().paint(painter, option, index)
        fraction = index.data(_ROLE)
        if fraction is None:
            return
        colors, room = theme.colors(), QRectF(option.rect).adjusted(8, 0, -8, -3)
        room.setTop(room.bottom() - 3)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        is_chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        track = QColor(colors.text if is_chosen else colors.border)
        track.setAlphaF(0.35 if is_chosen else 1.0)
        painter.setBrush(track)
        painter.drawRoundedRect(room, 1.5, 1.5)
        room.setWidth(room.width() * min(max(fraction, 0.0), 1.0))
        painter.setBrush(QColor(colors.accent_text if is_chosen else colors.accent))
        painter.drawRoundedRect(room, 1.5, 1.5)
        painter.restore()


class ModelsTable(ReadTable):
    """Signals: ``chosen(choice)``, and ``entered_on(choice)`` for Return or a double click."""

    chosen = Signal(str)
    entered_on = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Published models"), parent)
        self._rows: list[Row] = []
        self.setColumnCount(len(HEADINGS))
        self.setHorizontalHeaderLabels(list(HEADINGS))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setItemDelegateForColumn(STATUS, BarDelegate(self))
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(STATUS, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(STATUS, STATUS_WIDTH)
        self.itemSelectionChanged.connect(lambda: self.chosen.emit(self.choice))
        self.activated.connect(lambda _: self.entered_on.emit(self.choice))

    @property
    def choice(self) -> str:
        """What is chosen; empty where nothing is."""
        row = self.currentRow()
        return self._rows[row].what if 0 <= row < len(self._rows) else ""

    def chosen_row(self) -> Row | None:
        """The row that is chosen."""
        return next((one for one in self._rows if one.what == self.choice), None)

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show rows; what is chosen stays chosen, and cells that are the same stay as they are."""
        old_rows, self._rows = self._rows, list(rows)
        same = [row.what for row in old_rows] == [row.what for row in rows]
        choice = old_rows[self.currentRow()].what if 0 <= self.currentRow() < len(old_rows) else ""
        if not same:
            self.setRowCount(len(rows))
        for number, row in enumerate(rows):
            if not same or old_rows[number] != row:
                self._fill(number, row)
        if not same and rows:
            names = [row.what for row in rows]
            self.selectRow(names.index(choice) if choice in names else 0)

    def _fill(self, number: int, row: Row) -> None:
        texts = (short(row.title, MOST_OF_TITLE), row.size, short(row.licence), row.status)
        for column, text in enumerate(texts):
            item = self.item(number, column)
            if item is None:
                item = QTableWidgetItem()
                self.setItem(number, column, item)
            if item.text() != text:
                item.setText(text)
            if column == 0:
                item.setToolTip(tip(row.what if row.listed else row.title, row.problem))
            if column == STATUS:
                item.setData(_ROLE, row.fraction)
        self.setRowHeight(number, HEIGHT)
