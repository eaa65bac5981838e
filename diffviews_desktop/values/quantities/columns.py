"""Columns of the data folder's table of samples, as quantities."""

from __future__ import annotations

from functools import partial

import numpy as np

from diffviews_desktop.text.translation import tr
from diffviews_desktop.text.wording import as_sentence
from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.quantities.quantity import COLUMN, Quantity, Scene, Values, numbers


def column_quantity(name: str) -> Quantity:
    """The quantity that a column of the samples is."""
    return Quantity(
        by=COLUMN + name,
        title=name,
        meaning=tr("A column of the data folder's table of samples."),
        missing=partial(_missing, name),
        compute=partial(_column, name),
        is_category=partial(_has_names, name),
    )


def _missing(name: str, scene: Scene) -> str:
    assert scene.samples is not None
    column = scene.samples.columns.get(name)
    if column is None:
        return tr("These samples have no column {name}.", name=name)
    return as_sentence(column.unfit)


def _column(name: str, scene: Scene) -> Values:
    assert scene.samples is not None
    column, by = scene.samples.columns[name], COLUMN + name
    if column.kind == "dates":
        return Values(by, _with_day(name, column), column.ramp, dates=_unit(column))
    if column.names:
        codes = column.values.astype(np.int64)
        return Values(by, name, codes, "category", names=tuple(column.names))
    return numbers(by, name, column.ramp, whole=_is_whole(column), unit=column.unit)


def _unit(column: Column) -> str:
    """Numpy's unit of dates."""
    return np.datetime_data(column.values.dtype)[0]


def _with_day(name: str, column: Column) -> str:
    """The name of a column of dates, with what the ends of its ramp do not say."""
    dates = column.values[column.presence]
    first, last = (str(date)[:10] for date in (dates.min(), dates.max()))
    more = ([first] if first == last else []) + (["UTC"] if column.unit else [])
    return f"{name} ({' '.join(more)})" if more else name


def _is_whole(column: Column) -> bool:
    return column.values.dtype.kind == "i"


def _has_names(name: str, scene: Scene) -> bool:
    columns = scene.samples.columns if scene.samples is not None else {}
    return name in columns and bool(columns[name].names)
