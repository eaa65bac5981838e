"""Forms: fields below each other, each with its name beside it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QWidget

from diffviews_desktop.ui.common.labels import caption, tip


def form(page: QWidget | None = None) -> QFormLayout:
    """A form whose fields are as wide as there is room; all of a page, if one is given."""
    layout = QFormLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setHorizontalSpacing(16)
    layout.setVerticalSpacing(8)
    layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return layout


def add_row(to: QFormLayout, text: str, field: QWidget, meaning: str = "") -> None:
    """Add a field with its name, in which an ``&`` marks the letter that leads there."""
    field.setAccessibleName(text.replace("&", ""))
    if meaning:
        field.setToolTip(tip(meaning))
    to.addRow(caption(text, field), field)
