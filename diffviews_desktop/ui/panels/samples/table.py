"""The samples as a table, which asks for no more than what is seen of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QSignalBlocker,
    Qt,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from diffviews_desktop.state.listing import TableColumn
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.entries import short
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.panels.samples.picking import Picking
from diffviews_desktop.values.row_set import RowSet

MOST_OF_CELL = 200  # letters
WIDTHS = {"row": 64, "id": 190, "class": 130, "sigma": 64, "caption": 360}
USUAL_WIDTH, WIDE = 84, 130  # of numbers and of texts
LOWEST, LONG = 60, 28  # pixels, and letters that a cell has no room for

Index = QModelIndex | QPersistentModelIndex


class SampleTableModel(QAbstractTableModel):
    """Some samples in some order. Signal: ``sort_wanted(column, descending)``, where -1 is the
    order of the folder."""

    sort_wanted = Signal(int, bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: NDArray[np.int64] = np.empty(0, np.int64)
        self.columns: tuple[TableColumn, ...] = ()
        self.chosen = RowSet()

    def show_rows(self, rows: NDArray[np.int64], columns: tuple[TableColumn, ...]) -> None:
        """Show other samples, or others of their columns."""
        self.beginResetModel()
        self.rows, self.columns = rows, columns
        self.endResetModel()

    def position_of(self, row: int) -> int | None:
        """Where a sample stands; None where it is not in the table."""
        positions = np.flatnonzero(self.rows == row)
        return int(positions[0]) if len(positions) else None

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        column = self.columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return short(column.text(int(self.rows[index.row()])), MOST_OF_CELL)
        if role == Qt.ItemDataRole.ToolTipRole:
            whole = column.text(int(self.rows[index.row()]))
            return tip(whole) if len(whole) > LONG else None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column.numeric else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation != Qt.Orientation.Horizontal or section >= len(self.columns):
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return short(column.title)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(column.title, tr("Click sorts by it"))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column.numeric else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self.sort_wanted.emit(column, order == Qt.SortOrder.DescendingOrder)


class _Chosen(QStyledItemDelegate):
    """Rows of the selection set look selected; the frame is around the current row."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        model = index.model()
        assert isinstance(model, SampleTableModel)
        option.state &= ~(QStyle.StateFlag.State_HasFocus | QStyle.StateFlag.State_Selected)
        if int(model.rows[index.row()]) in model.chosen:
            option.state |= QStyle.StateFlag.State_Selected
        view = self.parent()
        assert isinstance(view, QTableView)
        if index.row() == view.currentIndex().row():
            option.font.setBold(True)
        option.textElideMode = Qt.TextElideMode.ElideRight


class SampleTableView(QTableView):
    """The table of samples.

    A click and the arrow keys go to a sample; Ctrl, Shift and a drag change the selection set,
    which may be of any size: Qt's own selection, a range each, would be too slow for it.

    Signals:
        pointed: the sample that is gone to.
        located: a sample that is to be brought to the middle of the map.
        rows_chosen: a `RowSet`, and what it does to the selection, a `Choosing`.
        menu_wanted: a sample, and where on the screen.
    """

    pointed = Signal(int)
    located = Signal(int)
    rows_chosen = Signal(object, str)
    menu_wanted = Signal(int, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.samples = SampleTableModel(self)
        self._picking = Picking()
        self._quiet = False
        self.setModel(self.samples)
        self.setItemDelegate(_Chosen(self))
        self.setObjectName("samples")
        self.setAccessibleName(tr("Table of samples"))
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setMinimumHeight(LOWEST)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self.fontMetrics().height() + 6)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSortIndicatorClearable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        self.doubleClicked.connect(lambda index: self.located.emit(self._row(index.row())))

    def show_rows(self, rows: NDArray[np.int64], columns: tuple[TableColumn, ...]) -> None:
        """Show other samples; the current one stays so where it is among them."""
        at = self.currentIndex()
        row = self._row(at.row()) if at.isValid() else None
        others = [one.key for one in columns] != [one.key for one in self.samples.columns]
        self._picking = Picking()
        self.samples.show_rows(rows, columns)
        if others:
            self._size_columns(columns)
        if row is not None:
            self.go_to(row)

    def _size_columns(self, columns: Sequence[TableColumn]) -> None:
        for place, one in enumerate(columns):
            usual = USUAL_WIDTH if one.numeric else WIDE
            title = self.fontMetrics().horizontalAdvance(f"{short(one.title)}  ") + 28
            self.setColumnWidth(place, max(WIDTHS.get(one.key, usual), min(title, 2 * WIDE)))

    def mark_sorted(self, key: str, descending: bool) -> None:
        """Show by which column the samples are in order; the columns before it may be others."""
        keys = [one.key for one in self.samples.columns]
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        header = self.horizontalHeader()
        with QSignalBlocker(header):
            header.setSortIndicator(keys.index(key) if key in keys else -1, order)

    def show_chosen(self, selection: RowSet) -> None:
        """Show another selection set."""
        self.samples.chosen = selection
        self.viewport().update()

    def go_to(self, row: int) -> None:
        """Make a sample the current one without telling of it."""
        position = self.samples.position_of(row)
        if position is None or position == self.currentIndex().row():
            return
        column = max(0, self.currentIndex().column())
        self._quiet = True
        self.setCurrentIndex(self.samples.index(position, column))
        self._quiet = False

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:  # type: ignore[override]
        super().currentChanged(current, previous)
        self.viewport().update()
        if current.isValid() and not self._quiet:
            self.pointed.emit(self._row(current.row()))

    def _row(self, position: int) -> int:
        return int(self.samples.rows[position])

    # ---- choosing -------------------------------------------------------------------------------

    def selectionCommand(
        self, index: Index, event: object = None
    ) -> QItemSelectionModel.SelectionFlag:
        return QItemSelectionModel.SelectionFlag.NoUpdate

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = self.indexAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and at.isValid():
            self._choose(self._picking.press(at.row(), event.modifiers()))
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        at = self.indexAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and at.isValid():
            self._choose(self._picking.release(at.row()))
        super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        at = self.currentIndex().row()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and at >= 0:
            self.located.emit(self._row(at))
            return
        if event.key() == Qt.Key.Key_Space and at >= 0:
            self._choose(((at, at), "toggle"))
            return
        super().keyPressEvent(event)
        position = self.currentIndex().row()
        if position != at and position >= 0:
            self._choose(self._picking.move(position, event.modifiers()))

    def _choose(self, choice: tuple[tuple[int, int], str] | None) -> None:
        if choice is not None:
            (first, last), mode = choice
            self.rows_chosen.emit(RowSet(self.samples.rows[first : last + 1]), mode)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Mouse:
            at = self.indexAt(event.pos())
            place = event.globalPos()
        else:
            at = self.currentIndex()
            place = self.viewport().mapToGlobal(self.visualRect(at).center())
        if at.isValid():
            self.menu_wanted.emit(self._row(at.row()), place)
