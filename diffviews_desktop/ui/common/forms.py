"""Forms: fields below each other, each with its name beside it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QWidget

from diffviews_desktop.ui.common.labels import caption, tip


def form(page: QWidget | None = None) -> QFormLayout:
    """A form whose fields are as wide as there is room; all of a page, if one is given."""
    made = QFormLayout(page)
    made.setContentsMargins(0, 0, 0, 0)
    made.setHorizontalSpacing(16)
    made.setVerticalSpacing(8)
    made.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    made.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return made


def add_row(to: QFormLayout, text: str, field: QWidget, meaning: str = "") -> None:
    """Add a field with its name, in which an ``&`` marks the letter that leads there."""
    field.setAccessibleName(text.replace("&", ""))
    if meaning:
        field.setToolTip(tip(meaning))
    to.addRow(caption(text, field), field)
