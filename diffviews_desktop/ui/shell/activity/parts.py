"""A list whose rows say more below it: what the pages are made of."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.entries import short
from diffviews_desktop.ui.common.labels import tip

MOST_OF_CELL = 300  # letters
NO_ROW = tr("Choose a row above to read it in full.")
_KEY = Qt.ItemDataRole.UserRole


class _OneHeight(QStyledItemDelegate):
    """Rows are as high as those of the usual letters, whatever letters they have."""

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().initStyleOption(option, index)
        option.textElideMode = Qt.TextElideMode.ElideRight


class RowList(QTreeWidget):
    """Rows of texts, some of them below a heading. Signal: ``chosen()``, of another row or none.

    Args:
        columns: their names; the one that is stretched takes the room that is left.
        stretch_column: the number of that column.
        name: of the list, for those who do not see it.
    """

    chosen = Signal()

    def __init__(
        self, columns: Sequence[str], stretch_column: int, name: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setHeaderLabels(list(columns))
        self.setRootIsDecorated(False)
        self.setIndentation(12)
        self.setItemsExpandable(False)
        self.setUniformRowHeights(True)
        self.setItemDelegate(_OneHeight(self))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionsMovable(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(stretch_column, QHeaderView.ResizeMode.Stretch)
        self.itemSelectionChanged.connect(self.chosen)

    def add_heading(self, text: str) -> QTreeWidgetItem:
        """A row that cannot be chosen, above others."""
        item = QTreeWidgetItem([text])
        item.setFlags(Qt.ItemFlag.ItemIsEnabled)
        font = self.font()
        font.setBold(True)
        item.setFont(0, font)
        self.addTopLevelItem(item)
        item.setFirstColumnSpanned(True)
        item.setExpanded(True)
        return item

    def add_row(
        self, key: int, texts: Sequence[str], below: QTreeWidgetItem | None = None
    ) -> QTreeWidgetItem:
        """A row that is known by its key."""
        item = QTreeWidgetItem()
        item.setData(0, _KEY, key)
        if below is None:
            self.addTopLevelItem(item)
        else:
            below.addChild(item)
        write(item, texts)
        return item

    def key(self) -> int | None:
        """That of the row that is chosen."""
        items = self.selectedItems()
        return items[0].data(0, _KEY) if items else None

    def keys(self) -> list[int]:
        """Those of all rows that are chosen, from top to bottom."""
        items = sorted(self.selectedItems(), key=lambda item: self.indexFromItem(item).row())
        return [item.data(0, _KEY) for item in items]

    def choose(self, *keys: int | None) -> None:
        """Choose the rows with some keys, as far as they are there."""
        first = True
        for item in self.findItems("*", Qt.MatchFlag.MatchWildcard | Qt.MatchFlag.MatchRecursive):
            if item.data(0, _KEY) is not None and item.data(0, _KEY) in keys:
                if first:
                    self.setCurrentItem(item)
                item.setSelected(True)
                first = False


def write(item: QTreeWidgetItem, texts: Sequence[str], *, problem: int | None = None) -> None:
    """Show texts in a row, that of one column as a problem."""
    for column, text in enumerate(texts):
        cell_text = short(text, MOST_OF_CELL)
        if item.text(column) != cell_text:
            item.setText(column, cell_text)
            long = text if len(text) > 30 else ""
            item.setData(column, Qt.ItemDataRole.ToolTipRole, tip(long))
    if problem is not None:
        item.setForeground(problem, QColor(theme.colors().problem))


def clock(seconds: float) -> str:
    """The time of day of seconds since 1970."""
    return time.strftime("%H:%M:%S", time.localtime(seconds))
