"""Tables that are read, not edited, and of which rows are copied."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPoint
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QMenu, QTableWidget, QWidget

from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.row_menu import RowMenu, menu_of


class ReadTable(QTableWidget):
    """A table without a grid and without numbers of its rows.

    Args:
        name: what screen readers call it.
        parent: of the widget.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(name)
        self.verticalHeader().hide()
        self.horizontalHeader().setHighlightSections(False)
        self.buttons: Sequence[QAbstractButton] = ()
        """Beside the table; its menu offers what they do with a row."""
        RowMenu(self, self._show_menu)

    def menu_of(self, row: int) -> QMenu:
        """What can be done with a row."""
        menu = menu_of(self, self.buttons)
        menu.addAction(tr("&Copy the row")).triggered.connect(lambda: self._copy(row))
        return menu

    def _copy(self, row: int) -> None:
        items = [self.item(row, column) for column in range(self.columnCount())]
        texts = ["" if item is None else item.text() for item in items]
        QGuiApplication.clipboard().setText("\t".join(texts))

    def _show_menu(self, index: QModelIndex, place: QPoint) -> None:
        menu = self.menu_of(index.row())
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)
