"""Texts of files as entries of lists, choices and menus: on one line, and not too wide."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize
from PySide6.QtGui import QFontMetrics, QGuiApplication, QPainter, Qt
from PySide6.QtWidgets import QListWidget, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from diffviews_desktop.text.plain import MOST_OF_NAME, steady, visible

WIDEST, MOST_OF_PATH = 360, 120
"""Pixels of a name in a menu or a choice, and letters of a path there."""
_SURELY_FITS = 28  # letters of ASCII


def short(name: str, most: int = MOST_OF_NAME) -> str:
    """A name as it stands in a list that leaves out what there is no room for."""
    return steady(f"{visible(name, most)} ")[:-1]  # something may follow it on the line


def entry(name: str, most: int = MOST_OF_NAME) -> str:
    """A name as it stands in a choice, which is as wide as what it offers.

    Args:
        name: of a file or in it.
        most: letters; it is as wide as so many are usually, up to `WIDEST` for a name.
    """
    text = short(name, most)
    if len(text) <= _SURELY_FITS and text.isascii():
        return text
    metrics = QFontMetrics(QGuiApplication.font())
    wide = WIDEST * most // MOST_OF_NAME
    return metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, wide)


def menu_text(name: str, most: int = MOST_OF_NAME) -> str:
    """The same for menus and buttons, where an ``&`` alone would mark a letter."""
    return entry(name, most).replace("&", "&&")


class OneLine(QStyledItemDelegate):
    """Entries that are as wide as their list and as high as any other, whatever letters they have;
    what does not fit is left out of the middle."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        usual = QStyleOptionViewItem(option)
        self.initStyleOption(usual, index)
        usual.text = "x"
        widget = option.widget
        kind = QStyle.ContentsType.CT_ItemViewItem
        return QSize(1, widget.style().sizeFromContents(kind, usual, QSize(), widget).height())

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().initStyleOption(option, index)
        option.textElideMode = Qt.TextElideMode.ElideMiddle

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        painter.save()
        painter.setClipRect(option.rect)
        super().paint(painter, option, index)
        painter.restore()


def name_list() -> QListWidget:
    """A list of names."""
    widget = QListWidget()
    widget.setItemDelegate(OneLine(widget))
    widget.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return widget
