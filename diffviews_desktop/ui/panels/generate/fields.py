"""Fields of the Generate panel, made of the settings that they show; each has the same name for the
eye and for a screen reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from PySide6.QtCore import Qt, SignalInstance
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QWidget

from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.labels import caption, tip
from diffviews_desktop.ui.common.widgets import (
    Decimal,
    ElidingComboBox,
    WholeNumber,
    signals_blocked,
)
from diffviews_desktop.values.setting_specs import Choice, Real, Setting, Switch, Whole

Field = Decimal | QComboBox | QCheckBox
Shown = TypeVar("Shown")
"""Sampling settings, or an intervention."""

NARROWEST = 68
"""Width of a number field at least: by itself it would ask for room for its longest number, and two
beside each other would be cut off in a narrow panel."""


def spin(setting: Whole) -> WholeNumber:
    """A field for a whole number."""
    field = WholeNumber()
    field.setRange(setting.minimum + setting.first, setting.maximum + setting.first)
    field.setMinimumWidth(NARROWEST)
    _name(field, tr(setting.help))
    return field


def decimal(setting: Real) -> Decimal:
    """A field for a real number."""
    field = Decimal()
    field.setDecimals(setting.decimals)
    field.setRange(setting.minimum, setting.maximum)
    field.setSingleStep(setting.step)
    field.setSpecialValueText(tr(setting.none))
    field.setMinimumWidth(NARROWEST)
    _name(field, tr(setting.help))
    return field


def switch(setting: Switch) -> QCheckBox:
    """A field for true or false."""
    field = QCheckBox(tr(setting.label))
    field.setToolTip(tip(tr(setting.help)))
    return field


def choice(setting: Choice) -> QComboBox:
    """A choice of words, each with its meaning as its tooltip."""
    return choice_of(tr(setting.help), setting.choices)


def choice_of(name: str, values: Mapping[str, str]) -> QComboBox:
    """A choice of values, each with a text for its tooltip."""
    field = ElidingComboBox()
    for value, meaning in values.items():
        field.addItem(tr(value), value)
        field.setItemData(field.count() - 1, tip(tr(meaning)), Qt.ItemDataRole.ToolTipRole)
    _name(field, name)
    return field


class Fields:
    """The fields of a page, each with the setting that it shows."""

    def __init__(self, fields: Mapping[Setting, Field]) -> None:
        self._fields = fields

    def connect(self, signal: SignalInstance) -> None:
        """Emit a signal after every edit."""
        for field in self._fields.values():
            _change_signal(field).connect(signal)

    def show(self, settings: object) -> None:
        """Show settings, without a signal."""
        with signals_blocked(*self._fields.values()):
            for setting, field in self._fields.items():
                _show(setting, field, setting.of(settings))

    def apply_to(self, settings: Shown) -> Shown:
        """The settings with what the fields say."""
        values = {setting.name: _value(setting, field) for setting, field in self._fields.items()}
        return replace(settings, **values)  # type: ignore[type-var]


def _change_signal(field: Field) -> SignalInstance:
    match field:
        case QCheckBox():
            return field.toggled
        case QComboBox():
            return field.currentIndexChanged
        case _:
            return field.valueChanged


def _show(setting: Setting, field: Field, value: Any) -> None:
    match field:
        case QCheckBox():
            field.setChecked(value)
        case QComboBox():
            field.setCurrentIndex(field.findData(value))
        case WholeNumber() if isinstance(setting, Whole):
            _set(field, value + setting.first)
        case _:
            _set(field, field.minimum() if value is None else value)


def _set(field: Decimal, value: Any) -> None:
    if field.value() != value:  # else what the user types there would be reformatted
        field.setValue(value)


def _value(setting: Setting, field: Field) -> Any:
    match field:
        case QCheckBox():
            return field.isChecked()
        case QComboBox():
            return field.currentData()
        case WholeNumber() if isinstance(setting, Whole):
            return field.value() - setting.first
        case _:
            none = isinstance(setting, Real) and setting.none and field.value() == setting.minimum
            return None if none else field.value()


def grid_of(rows: Sequence[Sequence[tuple[str, QWidget]]]) -> QGridLayout:
    """Rows of one or two labelled fields; a single one takes the whole width."""
    grid = QGridLayout()
    grid.setContentsMargins(0, 6, 0, 0)
    grid.setHorizontalSpacing(8)
    grid.setVerticalSpacing(5)
    for row, fields in enumerate(rows):
        for column, (text, field) in enumerate(fields):
            if text:
                grid.addWidget(caption(tr(text), field), row, 2 * column)
            start = 2 * column + (1 if text else 0)
            width = 1 if len(fields) == 2 else 4 - start
            grid.addWidget(field, row, start, 1, width)
    grid.setColumnStretch(1, 3)
    grid.setColumnStretch(3, 5)  # words are longer than numbers
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
