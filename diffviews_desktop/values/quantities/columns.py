"""Columns of the data folder's table of samples, as quantities."""

from __future__ import annotations

from functools import partial

from diffviews_desktop.values.quantities.quantity import COLUMN, Quantity, Scene, Values, numbers


def column_quantity(name: str) -> Quantity:
    """The quantity that a column of the samples is."""
    return Quantity(
        by=COLUMN + name,
        title=name,
        meaning="A column of the data folder's table of samples.",
        missing=partial(_missing, name),
        compute=partial(_column, name),
        is_category=partial(_has_names, name),
    )


def _missing(name: str, scene: Scene) -> str:
    assert scene.samples is not None
    return "" if name in scene.samples.columns else f"These samples have no column {name}."


def _column(name: str, scene: Scene) -> Values:
    assert scene.samples is not None
    column = scene.samples.columns[name]
    if column.names:
        return Values(COLUMN + name, name, column.values, "category", names=column.names)
    return numbers(COLUMN + name, name, column.values)


def _has_names(name: str, scene: Scene) -> bool:
    columns = scene.samples.columns if scene.samples is not None else {}
    return name in columns and bool(columns[name].names)
