"""Colours that carry data: classes, roles of points, steps of a run."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap

from diffviews_desktop.values import palette

# Plasma (Stéfan van der Walt and Nathaniel Smith, matplotlib, CC0), sampled at nine places.
_PLASMA = (
    (13, 8, 135), (75, 3, 161), (125, 3, 168), (168, 34, 150), (203, 70, 121),
    (229, 107, 93), (248, 148, 65), (253, 195, 40), (240, 249, 33),
)  # fmt: skip

OKABE_ITO = palette.OKABE_ITO
ANCHOR = QColor(palette.ANCHOR)
MANUAL = QColor(palette.MANUAL)
SUGGESTED = QColor(palette.SUGGESTED)
PATH_START = QColor(palette.PATHS[0][0])
PATH_END = QColor(palette.PATHS[0][1])
MISSING = QColor(palette.MISSING)
UNMASKED = QColor("#7d6fb3")


def plasma(fraction: float) -> QColor:
    """The colour at ``fraction`` (0 … 1) of the plasma colour map."""
    place = min(max(fraction, 0.0), 1.0) * (len(_PLASMA) - 1)
    low = min(int(place), len(_PLASMA) - 2)
    part = place - low
    channels = [
        round(a + (b - a) * part) for a, b in zip(_PLASMA[low], _PLASMA[low + 1], strict=True)
    ]
    return QColor(*channels)


def class_colors(classes: list[int], *, dark: bool) -> dict[int, QColor]:
    """One colour a class: plasma over the sorted numbers, without the end that would be lost
    against a dark or a light background."""
    numbers = sorted(classes)
    low, high = (0.16, 1.0) if dark else (0.0, 0.91)
    last = max(1, len(numbers) - 1)
    return {number: plasma(low + (high - low) * i / last) for i, number in enumerate(numbers)}


def blend(start: QColor, end: QColor, fraction: float) -> QColor:
    """A colour between two, ``fraction`` of the way."""
    color = QColor()
    color.setRgbF(
        start.redF() + (end.redF() - start.redF()) * fraction,
        start.greenF() + (end.greenF() - start.greenF()) * fraction,
        start.blueF() + (end.blueF() - start.blueF()) * fraction,
    )
    return color


def category_colors(count: int, *, dark: bool) -> list[QColor]:
    """One colour a category: of a few those that every kind of colour vision tells apart."""
    return [QColor(color) for color in palette.category_colors(count, dark=dark)]


def color_dot(color: QColor) -> QIcon:
    """A dot of a colour, for lists and menus of what has it."""
    pixmap = QPixmap(28, 28)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawEllipse(4, 4, 20, 20)
    painter.end()
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)  # else Qt tints it
    return icon
