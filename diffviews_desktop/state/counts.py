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
    found = values_of(state, by)
    if found is None:
        return None
    hidden = hidden_rows(state, but=by)
    left = np.ones(len(found.values), bool) if hidden is None else ~hidden
    if found.kind == "category":
        return _of_categories(found, left)
    return _of_numbers(found, left)


def _of_categories(found: Values, left: NDArray[np.bool_]) -> Counts:
    places = found.values.astype(np.int64)
    known, names = places >= 0, found.names[:MOST_BARS]
    total = np.bincount(places[known], minlength=len(names))[: len(names)]
    shown = np.bincount(places[known & left], minlength=len(names))[: len(names)]
    return Counts(found.by, found.name, names, np.empty(0), total, shown)


def _of_numbers(found: Values, left: NDArray[np.bool_]) -> Counts | None:
    values = np.asarray(found.values, np.float64)
    known = np.isfinite(values) & ((values > 0) | (not found.logarithmic))
    if not known.any():
        return None
    low, high = float(values[known].min()), float(values[known].max())
    if found.logarithmic:
        edges = np.geomspace(low, max(high, low * 1.0001), BINS + 1)
    else:
        edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)  # rounding loses none
    total, _ = np.histogram(values[known], edges)
    shown, _ = np.histogram(values[known & left], edges)
    return Counts(found.by, found.name, (), edges, total, shown, *found.texts(low, high))
