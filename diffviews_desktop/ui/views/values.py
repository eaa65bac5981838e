"""Colours, sizes and filters of the maps, from values of the samples.

Of many samples they are worked out in another thread.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from diffviews_desktop.state.background import background_thread
from diffviews_desktop.state.session import AT_ONCE
from diffviews_desktop.state.state import State
from diffviews_desktop.state.values import hidden_rows
from diffviews_desktop.ui.common.latest import Latest
from diffviews_desktop.ui.common.panel import differ
from diffviews_desktop.values.quantities import ColorBy, quantity

if TYPE_CHECKING:  # brought in after the first paint: importing it takes a second
    from diffviews_desktop.ui.views.flat.coloring import Coloring
    from diffviews_desktop.ui.views.flat.view import MapView

T = TypeVar("T")


class Kept(NamedTuple):
    """What a map goes on showing of its samples; None for what is to be worked out."""

    coloring: Coloring | None
    hidden: NDArray[np.bool_] | None
    sizes: NDArray[np.uint8] | None


class MapValues:
    """Shows values on maps.

    Args:
        owner: of the maps; what is worked out is dropped when it goes.
        maps: gives the flat maps that show samples, the first one first.
        show_filter: called with the samples that are left out ``(N,) bool``, or None.
    """

    def __init__(
        self,
        owner: QObject,
        maps: Callable[[], list[MapView]],
        show_filter: Callable[[NDArray[np.bool_] | None], None],
    ) -> None:
        self._maps, self._filtered = maps, show_filter
        threads = self._threads = background_thread("values")
        self._coloring: Latest[Coloring | None]
        self._sizing: Latest[NDArray[np.uint8] | None]
        self._hiding: Latest[NDArray[np.bool_] | None]
        self._coloring = Latest(self._color, owner, threads=threads)
        self._sizing = Latest(self._size, owner, threads=threads)
        self._hiding = Latest(self._hide, owner, threads=threads)

    @property
    def busy(self) -> bool:
        """Whether something is being worked out in another thread."""
        return any(one.busy for one in self._all)

    @property
    def _all(self) -> tuple[Latest[Any], ...]:
        return self._coloring, self._sizing, self._hiding

    def reuse(self, old: State, new: State) -> Kept:
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
            few = new.colored_by == "class" or count <= AT_ONCE
            _ask(self._coloring, partial(coloring, new), at_once=few)
        if _sizes_differ(old, new):
            few = new.sized_by is None or count <= AT_ONCE
            _ask(self._sizing, partial(sizing, new), at_once=few)
        if _filters_differ(old, new):
            few = not new.view.filters or count <= AT_ONCE
            _ask(self._hiding, partial(hidden_rows, new), at_once=few)

    def drop(self) -> None:
        """The samples are no longer shown: nothing that was asked for arrives."""
        for one in self._all:
            one.drop()

    def close(self) -> None:
        """End what runs in the other thread."""
        for one in self._all:
            one.close()
        self._threads.shutdown()

    def _color(self, coloring: Coloring | None) -> None:
        for view in self._maps():
            view.set_coloring(coloring)

    def _size(self, sizes: NDArray[np.uint8] | None) -> None:
        for view in self._maps():
            view.points.set_sizes(sizes)

    def _hide(self, hidden: NDArray[np.bool_] | None) -> None:
        for view in self._maps():
            view.set_hidden(hidden)
        self._filtered(hidden)


def _ask(latest: Latest[T], work: Callable[[], T], *, at_once: bool) -> None:
    if at_once:
        latest.do_now(work)
    else:
        latest.ask(work)


def _colors_differ(old: State, new: State) -> bool:
    by = new.colored_by
    return old.colored_by != by or _values_differ(by, old, new)


def _sizes_differ(old: State, new: State) -> bool:
    by = new.sized_by
    return old.sized_by != by or _values_differ(by or "class", old, new)


def _filters_differ(old: State, new: State) -> bool:
    if old.view.filters is not new.view.filters:
        return True
    bys = [one.by for one in new.view.filters] or ["class"]
    return any(_values_differ(by, old, new) for by in bys)


def _values_differ(by: ColorBy, old: State, new: State) -> bool:
    """Whether the values of the samples are others."""
    one = quantity(by)
    if (old.opened.layer_map is None) != (new.opened.layer_map is None):
        return True
    return differ(one.depends_on(old.scene), one.depends_on(new.scene))
