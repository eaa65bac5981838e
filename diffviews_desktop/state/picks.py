"""What is picked on the map."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from diffviews_desktop.engine.jobs.drawing import FilePlaced, MaskJudged
from diffviews_desktop.engine.jobs.samples import PictureMean
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.row_set import RowSet

if TYPE_CHECKING:
    from diffviews_desktop.state.places import Place

Choosing = Literal["replace", "add", "remove", "toggle"]
"""What newly chosen samples do to the selection set."""


@dataclass(frozen=True)
class Selection:
    """What is picked on the map: one anchor, its neighbours, and a set of any size.

    Attributes:
        anchor: a sample, or None.
        manual: samples added by hand, in that order.
        suggested: samples suggested as nearest, with their distances, nearest first.
        suggested_by: the map on which they were suggested.
        in_layer: whether they are the nearest in the whole layer.
        chosen: the selection set.
    """

    anchor: int | None = None
    manual: tuple[int, ...] = ()
    suggested: tuple[tuple[int, float], ...] = ()
    suggested_by: MapSpec | None = None
    in_layer: bool = False
    chosen: RowSet = field(default_factory=RowSet)

    @property
    def neighbors(self) -> tuple[int, ...]:
        """All neighbours, by hand first; none twice."""
        suggested = (row for row, _ in self.suggested if row not in self.manual)
        return (*self.manual, *suggested)

    @property
    def rows(self) -> tuple[int, ...]:
        """The samples that a mask averages: the anchor and its neighbours."""
        return () if self.anchor is None else (self.anchor, *self.neighbors)

    def toggled(self, row: int) -> Selection:
        """With a neighbour added by hand, or, if it is one, removed."""
        if row in self.neighbors:
            return self.without(row)
        return replace(self, manual=(*self.manual, row))

    def without(self, row: int) -> Selection:
        """With a neighbour removed, however it came in."""
        return replace(
            self,
            manual=tuple(r for r in self.manual if r != row),
            suggested=tuple(pair for pair in self.suggested if pair[0] != row),
        )

    def suggested_elsewhere(self, spec: MapSpec | None) -> bool:
        """Whether neighbours were suggested on another map than this: they stay, and are near to
        the anchor there."""
        return bool(self.suggested) and self.suggested_by not in (None, spec)


@dataclass(frozen=True, eq=False)
class Picks:
    """What is picked, and how neighbours are suggested.

    Attributes:
        selection: anchor, neighbours and selection set.
        suggest_count: how many neighbours were last asked for.
        suggest_on_map: whether on the map, and not in activation space.
        mean: the last mean picture that was asked for.
        masks: the last masks that were judged, the newest last.
        placed: pictures of files that were placed on a map, the newest last.
        undo: what undoing would take back; empty for nothing.
        redo: what would be done again; empty for nothing.
        returning: the place that undoing goes back to, while its map is awaited.
    """

    selection: Selection = field(default_factory=Selection)
    suggest_count: int = 5
    suggest_on_map: bool = False
    mean: PictureMean | None = None
    masks: tuple[MaskJudged, ...] = ()
    placed: tuple[FilePlaced, ...] = ()
    undo: str = ""
    redo: str = ""
    returning: Place | None = None
