"""Values of samples that can be shown as colours and filtered by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.processing.neighbors import distances_from
from diffviews_desktop.state.state import COLUMN, ColorBy, State

Kind = Literal["sequential", "diverging", "category"]
WIDE = 100.0
"""Positive values whose largest is so many times the smallest are shown by their logarithms."""


@dataclass(frozen=True, eq=False)
class Values:
    """A value of each sample.

    Attributes:
        by: what they are.
        name: for the legend.
        values: ``(N,)``; NaN where a sample has none; for categories the position of its own, -1
            where it has none.
        kind: how they are shown: from low to high, to both sides of zero, or as categories.
        logarithmic: whether equal ratios are equally far apart.
        open_low: whether few low outliers shall not stretch the range.
        open_high: the same of high ones.
        names: of the categories.
    """

    by: ColorBy
    name: str
    values: NDArray
    kind: Kind = "sequential"
    logarithmic: bool = False
    open_low: bool = False
    open_high: bool = False
    names: tuple[str, ...] = ()


def values_of(state: State, by: ColorBy) -> Values | None:
    """The values of the samples on the map; None where there are none."""
    shown, samples = state.layer_map, state.samples
    if shown is None or samples is None or state.cannot_color(by):
        return None
    if by.startswith(COLUMN):
        name = by.removeprefix(COLUMN)
        column = samples.columns[name]
        if column.names:
            return Values(by, name, column.values, "category", names=column.names)
        return _numbers(by, name, column.values)
    if by == "class":
        classes = samples.classes()
        numbers = np.array([number for number, _, _ in classes], dtype=np.int64)
        names = tuple(
            name if name == str(number) else f"{number} {name}" for number, name, _ in classes
        )
        position = np.searchsorted(numbers, samples.class_label)
        return Values(by, "class", position, "category", names=names)
    if by == "sigma":
        return Values(by, "noise level σ", samples.sigma, logarithmic=True)
    if by == "trust" and shown.trust is not None:
        return Values(by, "trust", shown.trust, open_low=True)
    if by == "z" and shown.z is not None:
        return Values(by, "third dimension", shown.z)
    if by == "overlap" and state.linked is not None and state.linked.overlap is not None:
        return Values(by, "shared neighbours", state.linked.overlap)
    anchor = state.selection.anchor
    if by == "distance" and shown.reduced is not None and anchor is not None:
        away = distances_from(shown.reduced, anchor)
        return Values(by, "distance to the anchor", away, open_high=True)
    return None


def _numbers(by: ColorBy, name: str, values: NDArray) -> Values:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if low < 0 < high:
        return Values(by, name, values, "diverging")
    return Values(by, name, values, logarithmic=low > 0 and high / low >= WIDE)


def hidden_rows(state: State) -> NDArray[np.bool_] | None:
    """The samples ``(N,)`` that the state's filter leaves out; None where it leaves out none."""
    wanted = state.filter
    found = values_of(state, wanted.by) if wanted is not None else None
    if wanted is None or found is None:
        return None
    if found.kind == "category":
        known = np.zeros(len(found.names) + 1, dtype=bool)  # the last, of no category, is -1
        known[[at for at in wanted.hidden if -1 <= at < len(found.names)]] = True
        gone = known[found.values.astype(np.intp)]
    else:
        gone = np.isnan(found.values)
        with np.errstate(invalid="ignore"):
            if wanted.low is not None:
                gone |= found.values < wanted.low
            if wanted.high is not None:
                gone |= found.values > wanted.high
    return gone if gone.any() else None
