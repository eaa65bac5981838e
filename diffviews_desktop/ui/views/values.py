"""Colours, sizes and filters of the maps, from values of the samples.

Of many samples they are worked out in another thread; what comes out is shown if it is still what
the state asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.actions.context import SessionLike
from diffviews_desktop.state.state import State
from diffviews_desktop.state.values import hidden_rows
from diffviews_desktop.ui.common.panel import differ
from diffviews_desktop.values.quantities import ColorBy, quantity

if TYPE_CHECKING:  # brought in after the first paint: importing it takes a second
    from diffviews_desktop.ui.views.flat.coloring import Coloring
    from diffviews_desktop.ui.views.flat.view import MapView


class Kept(NamedTuple):
    """What a map goes on showing of its samples; None for what is to be worked out."""

    coloring: Coloring | None
    hidden: NDArray[np.bool_] | None
    sizes: NDArray[np.uint8] | None


class MapValues:
    """Shows values on maps.

    Args:
        session: whose state is shown.
        maps: gives the flat maps that show samples, the first one first.
        filtered: called with the samples that are left out ``(N,) bool``, or None.
    """

    def __init__(
        self,
        session: SessionLike,
        maps: Callable[[], list[MapView]],
        filtered: Callable[[NDArray[np.bool_] | None], None],
    ) -> None:
        self._session, self._maps, self._filtered = session, maps, filtered

    def kept(self, old: State, new: State) -> Kept:
        """What the first map shows and another map of the same samples shows, too."""
        view = self._maps()[0]
        return Kept(
            None if _colors_differ(old, new) else view.coloring,
            None if _filters_differ(old, new) else view.points.hidden,
            None if _sizes_differ(old, new) else view.points.sizes,
        )

    def show_changes(self, old: State, new: State) -> None:
        """Work out what has changed and show it on all maps."""
        from diffviews_desktop.ui.views.flat.coloring import coloring, sizing

        assert new.opened.samples is not None
        count = len(new.opened.samples)
        if _colors_differ(old, new):
            few = 0 if new.colored_by == "class" else count
            self._session.aside(few, partial(coloring, new), partial(self._color, new))
        if _sizes_differ(old, new):
            few = 0 if new.sized_by is None else count
            self._session.aside(few, partial(sizing, new), partial(self._size, new))
        if _filters_differ(old, new):
            few = 0 if new.view.filter is None else count
            self._session.aside(few, partial(hidden_rows, new), partial(self._hide, new))

    def _color(self, state: State, found: Coloring | None) -> None:
        if self._still(state, _colors_differ):
            for view in self._maps():
                view.set_coloring(found)

    def _size(self, state: State, sizes: NDArray[np.uint8] | None) -> None:
        if self._still(state, _sizes_differ):
            for view in self._maps():
                view.points.set_sizes(sizes)

    def _hide(self, state: State, hidden: NDArray[np.bool_] | None) -> None:
        if self._still(state, _filters_differ):
            for view in self._maps():
                view.set_hidden(hidden)
            self._filtered(hidden)

    def _still(self, state: State, differ: Callable[[State, State], bool]) -> bool:
        """Whether what was worked out for a state is what is asked for now."""
        now = self._session.state
        return now.opened.layer_map is not None and not differ(state, now)


def _colors_differ(old: State, new: State) -> bool:
    by = new.colored_by
    return old.colored_by != by or _values_differ(by, old, new)


def _sizes_differ(old: State, new: State) -> bool:
    by = new.sized_by
    return old.sized_by != by or _values_differ(by or "class", old, new)


def _filters_differ(old: State, new: State) -> bool:
    by = "class" if new.view.filter is None else new.view.filter.by
    return old.view.filter is not new.view.filter or _values_differ(by, old, new)


def _values_differ(by: ColorBy, old: State, new: State) -> bool:
    """Whether the values of the samples are others."""
    one = quantity(by)
    if (old.opened.layer_map is None) != (new.opened.layer_map is None):
        return True
    return differ(one.depends_on(old.scene), one.depends_on(new.scene))
