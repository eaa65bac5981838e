"""Pictures as large as their place: unsmoothed, unless they are larger than that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.images import to_qimage
from diffviews_desktop.ui.common.labels import Label, muted_label

SMALLEST = 24
"""Logical pixels of a side of a picture at least."""
INSET_SHARE, INSET_MARGIN = 0.25, 2
"""Of a picture within another: its share of the side, and pixels from the corner."""


def paint_picture(painter: QPainter, place: QRect, image: QImage, *, actual: bool = False) -> QRect:
    """Paint a picture in the middle of a place, as large as fits; returns where it is.

    Args:
        painter: in logical pixels.
        place: for it.
        image: the picture.
        actual: paint each of its pixels as one of the screen's, where there is room for all.
    """
    ratio = painter.device().devicePixelRatioF()
    fits = image.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
    actual_size = QSize(round(image.width() / ratio), round(image.height() / ratio))
    size = (
        actual_size
        if actual
        and actual_size.width() <= place.width()
        and actual_size.height() <= place.height()
        else fits
    )
    at = place.center() - QPoint((size.width() - 1) // 2, (size.height() - 1) // 2)
    target = QRect(at, size)
    shrunk = size.width() * ratio < image.width()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, shrunk)
    painter.drawImage(target, image)
    return target


class Picture(QWidget):
    """A picture that fills its place.

    Signals:
        opened: it was double-clicked, or Enter was pressed on it.
        menu_wanted: where on the screen it was right-clicked.
    """

    opened = Signal()
    menu_wanted = Signal(QPoint)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(SMALLEST, SMALLEST)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._image, self._inset = QImage(), QImage()
        self._note = ""
        self.pixels: NDArray[np.uint8] | None = None
        """What it shows ``(H, W, 1 or 3)``; None while it shows none."""
        self.actual = False

    def show_pixels(
        self, pixels: NDArray[np.uint8], inset: NDArray[np.uint8] | None = None
    ) -> None:
        """Show a picture, and another one in its corner."""
        self.pixels, self._note = pixels, ""
        self._image = to_qimage(pixels)
        self._inset = QImage() if inset is None else to_qimage(inset)
        self.update()

    def show_note(self, note: str) -> None:
        """Say why there is no picture."""
        self.pixels, self._note = None, note
        self._image = self._inset = QImage()
        self.update()

    def set_actual(self, actual: bool) -> None:
        """Show it pixel by pixel, or as large as fits."""
        self.actual = actual
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._image.isNull():
            painter.setPen(QColor(theme.colors().muted))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect(), flags, self._note)
        else:
            target = paint_picture(painter, self.rect(), self._image, actual=self.actual)
            if not self._inset.isNull():
                _paint_inset(painter, target, self._inset)
        if self.hasFocus():
            painter.setPen(QColor(theme.colors().accent))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.opened.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_wanted.emit(event.globalPos())

    def sizeHint(self) -> QSize:
        return QSize(116, 116)


def _paint_inset(painter: QPainter, picture: QRect, inset: QImage) -> None:
    corner = picture.topLeft() + QPoint(INSET_MARGIN, INSET_MARGIN)
    side = round(min(picture.width(), picture.height()) * INSET_SHARE)
    place = QRect(corner, QSize(side, side))
    painter.fillRect(place.adjusted(-1, -1, 1, 1), QColor("white"))
    paint_picture(painter, place, inset)


class Captioned(QWidget):
    """A picture with a word just below it."""

    def __init__(self, picture: QWidget, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture = picture
        self.caption: Label = muted_label(text)
        self.caption.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        picture.setParent(self)
        self.caption.setParent(self)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def line(self) -> int:
        """How much height the word takes."""
        return self.fontMetrics().height() + 2

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        side = min(self.width(), self.height() - self.line)
        self._picture.setGeometry((self.width() - side) // 2, 0, side, side)
        self.caption.setGeometry(0, side + 2, self.width(), self.line - 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(SMALLEST, SMALLEST + self.line)

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()
