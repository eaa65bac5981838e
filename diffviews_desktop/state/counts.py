"""How many samples have which value, in all and among those that other filters leave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.state.state import State
from diffviews_desktop.state.values import hidden_rows, values_of
from diffviews_desktop.values.quantities import ColorBy, Values

BINS = 32
MOST_BARS = 1000
"""Categories that are counted."""


@dataclass(frozen=True, eq=False)
class Counts:
    """How many samples have which value.

    Attributes:
        by: id of the quantity.
        title: of it.
        names: of the categories; empty for numbers.
        edges: of the bins of numbers ``(B + 1,)``.
        total: samples in each category or bin ``(B,)``.
        shown: those of them that the filters by other quantities leave ``(B,)``.
        low, high: the ends of the range as texts.
    """

    by: ColorBy
    title: str
    names: tuple[str, ...]
    edges: NDArray[np.float64]
    total: NDArray[np.int64]
    shown: NDArray[np.int64]
    low: str = ""
    high: str = ""


def counts_of(state: State, by: ColorBy) -> Counts | None:
    """The counts of a quantity; None where the samples have no values of it."""
    values = values_of(state, by)
    if values is None:
        return None
    hidden = hidden_rows(state, but=by)
    visible = np.ones(len(values.values), bool) if hidden is None else ~hidden
    if values.kind == "category":
        return _of_categories(values, visible)
    return _of_numbers(values, visible)


def _of_categories(values: Values, visible: NDArray[np.bool_]) -> Counts:
    places = values.values.astype(np.int64)
    valid, names = places >= 0, values.names[:MOST_BARS]
    total = np.bincount(places[valid], minlength=len(names))[: len(names)]
    subtotal = np.bincount(places[valid & visible], minlength=len(names))[: len(names)]
    return Counts(values.by, values.name, names, np.empty(0), total, subtotal)


def _of_numbers(values: Values, visible: NDArray[np.bool_]) -> Counts | None:
    numbers = np.asarray(values.values, np.float64)
    valid = np.isfinite(numbers) & ((numbers > 0) | (not values.logarithmic))
    if not valid.any():
        return None
    low, high = float(numbers[valid].min()), float(numbers[valid].max())
    if values.logarithmic:
        edges = np.geomspace(low, max(high, low * 1.0001), BINS + 1)
    else:
        edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)  # rounding loses none
    total, _ = np.histogram(numbers[valid], edges)
    subtotal, _ = np.histogram(numbers[valid & visible], edges)
    return Counts(values.by, values.name, (), edges, total, subtotal, *values.texts(low, high))
