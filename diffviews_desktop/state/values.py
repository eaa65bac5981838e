"""Values of the samples of a state, and those that its filters leave out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.state.state import State
from diffviews_desktop.state.view import Filter
from diffviews_desktop.values.quantities import ColorBy, Values, quantity


def values_of(state: State, by: ColorBy) -> Values | None:
    """The values of the samples on the map; None where there are none."""
    return quantity(by).values(state.scene)


def hidden_rows(state: State, but: ColorBy | None = None) -> NDArray[np.bool_] | None:
    """The samples ``(N,)`` that the state's filters leave out, without the filter ``but`` by one
    quantity; None where they leave out none."""
    mask: NDArray[np.bool_] | None = None
    for criterion in state.view.filters:
        left_out = None if criterion.by == but else hidden_by(state, criterion)
        if left_out is not None:
            mask = left_out if mask is None else mask | left_out
    return mask


def hidden_by(state: State, criterion: Filter) -> NDArray[np.bool_] | None:
    """The samples ``(N,)`` that one filter leaves out; None where it leaves out none."""
    values = values_of(state, criterion.by)
    if values is None:
        return None
    if values.kind == "category":
        table = np.zeros(len(values.names) + 1, dtype=bool)  # the last, of no category, is -1
        table[[at for at in criterion.hidden if -1 <= at < len(values.names)]] = True
        mask = table[values.values.astype(np.intp)]
    else:
        mask = np.isnan(values.values)
        with np.errstate(invalid="ignore", over="ignore"):
            if criterion.low is not None:
                mask |= values.values < criterion.low
            if criterion.high is not None:
                mask |= values.values > criterion.high
    return mask if mask.any() else None
