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
    gone: NDArray[np.bool_] | None = None
    for wanted in state.view.filters:
        left_out = None if wanted.by == but else hidden_by(state, wanted)
        if left_out is not None:
            gone = left_out if gone is None else gone | left_out
    return gone


def hidden_by(state: State, wanted: Filter) -> NDArray[np.bool_] | None:
    """The samples ``(N,)`` that one filter leaves out; None where it leaves out none."""
    found = values_of(state, wanted.by)
    if found is None:
        return None
    if found.kind == "category":
        known = np.zeros(len(found.names) + 1, dtype=bool)  # the last, of no category, is -1
        known[[at for at in wanted.hidden if -1 <= at < len(found.names)]] = True
        gone = known[found.values.astype(np.intp)]
    else:
        gone = np.isnan(found.values)
        with np.errstate(invalid="ignore", over="ignore"):
            if wanted.low is not None:
                gone |= found.values < wanted.low
            if wanted.high is not None:
                gone |= found.values > wanted.high
    return gone if gone.any() else None
