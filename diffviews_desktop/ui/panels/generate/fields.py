"""Fields of the Generate panel, with the same name for the eye and for a screen reader."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QGridLayout, QSpinBox, QWidget

from diffviews_desktop.ui.common.labels import caption, tip
from diffviews_desktop.ui.common.widgets import Decimal, ElidingComboBox, with_margin

NARROWEST = 68
"""Width of a number field at least: by itself it would ask for room for its longest number, and two
beside each other would be cut off in a narrow panel."""


def spin(name: str, low: int, high: int) -> QSpinBox:
    """A field for a whole number."""
    field = QSpinBox()
    with_margin(field)
    field.setRange(low, high)
    field.setMinimumWidth(NARROWEST)
    _name(field, name)
    return field


def decimal(name: str, low: float, high: float, decimals: int, step: float) -> Decimal:
    """A field for a real number."""
    field = Decimal()
    field.setDecimals(decimals)
    field.setRange(low, high)
    field.setSingleStep(step)
    field.setMinimumWidth(NARROWEST)
    _name(field, name)
    return field


def choice(name: str, values: dict[str, str]) -> QComboBox:
    """A choice of values, each with a text for its tooltip."""
    field = ElidingComboBox()
    for value, meaning in values.items():
        field.addItem(value, value)
        field.setItemData(field.count() - 1, tip(meaning), Qt.ItemDataRole.ToolTipRole)
    _name(field, name)
    return field


def grid_of(rows: Sequence[Sequence[tuple[str, QWidget]]]) -> QGridLayout:
    """Rows of one or two labelled fields; a single one takes the whole width."""
    grid = QGridLayout()
    grid.setContentsMargins(0, 6, 0, 0)
    grid.setHorizontalSpacing(8)
    grid.setVerticalSpacing(5)
    for row, fields in enumerate(rows):
        for column, (text, field) in enumerate(fields):
            if text:
                grid.addWidget(caption(text, field), row, 2 * column)
            start = 2 * column + (1 if text else 0)
            width = 1 if len(fields) == 2 else 4 - start
            grid.addWidget(field, row, start, 1, width)
    grid.setColumnStretch(1, 1)
    grid.setColumnStretch(3, 1)
    grid.setRowStretch(len(rows), 1)
    return grid


def show_row(grid: QGridLayout, row: int, visible: bool) -> None:
    """Show or hide a row with its labels."""
    for column in range(grid.columnCount()):
        item = grid.itemAtPosition(row, column)
        widget = item.widget() if item is not None else None
        if widget is not None:
            widget.setVisible(visible)


def _name(field: QWidget, name: str) -> None:
    field.setAccessibleName(name)
    field.setToolTip(tip(name))
