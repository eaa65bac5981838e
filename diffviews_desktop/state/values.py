"""Values of the samples of a state, and those that its filter leaves out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.state.state import State
from diffviews_desktop.values.quantities import ColorBy, Values, quantity


def values_of(state: State, by: ColorBy) -> Values | None:
    """The values of the samples on the map; None where there are none."""
    return quantity(by).values(state.scene)


def hidden_rows(state: State) -> NDArray[np.bool_] | None:
    """The samples ``(N,)`` that the state's filter leaves out; None where it leaves out none."""
    wanted = state.view.filter
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
