"""What a right click on a row of a list offers, or the menu key for the current one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QMenu

from diffviews_desktop.ui.common.labels import tip

Callback = Callable[[QModelIndex, QPoint], None]


class RowMenu(QObject):
    """Has the menu of a row opened: of that under the mouse, and by the keyboard of the current
    one, below it.

    Args:
        view: whose rows have menus.
        callback: opens the menu of a row at a place on the screen.
    """

    def __init__(self, view: QAbstractItemView, callback: Callback) -> None:
        super().__init__(view)
        self._view, self._wanted = view, callback
        for widget in (view, view.viewport()):
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QContextMenuEvent):
            return super().eventFilter(watched, event)
        view = self._view
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            index = view.currentIndex()
            place = view.viewport().mapToGlobal(view.visualRect(index).center())
        elif watched is view:  # beside the rows
            return True
        else:
            index, place = view.indexAt(event.pos()), event.globalPos()
        if index.isValid():
            self._wanted(index, place)
        return True


def offer_buttons(view: QAbstractItemView, buttons: Sequence[QAbstractButton]) -> None:
    """Have the menu of a row offer what the buttons beside the list do with it."""

    def open_menu(index: QModelIndex, place: QPoint) -> None:
        if not view.selectionModel().isSelected(index):
            return  # a heading
        menu = menu_of(view, buttons)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)

    RowMenu(view, open_menu)


def menu_of(view: QAbstractItemView, buttons: Sequence[QAbstractButton]) -> QMenu:
    """A menu of what buttons do; those that have no text are called as they are read out."""
    menu = QMenu(view)
    menu.setToolTipsVisible(True)
    for button in buttons:
        if button.isHidden():
            continue
        action = menu.addAction(button.text() or button.accessibleName())
        action.setEnabled(button.isEnabled())
        action.setToolTip(tip(action.text()))
        if not button.isEnabled() and button.toolTip():
            action.setToolTip(button.toolTip())
        action.triggered.connect(button.click)
    return menu
