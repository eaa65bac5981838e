"""What is picked on the map."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.engine.jobs.drawing import FilePlaced, MaskJudged
from diffviews_desktop.engine.jobs.inputs import InputShown
from diffviews_desktop.engine.jobs.samples import PictureMean
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.samples import SampleTable

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
        suggestions = (row for row, _ in self.suggested if row not in self.manual)
        return (*self.manual, *suggestions)

    @property
    def rows(self) -> tuple[int, ...]:
        """The samples that a mask averages: the anchor and its neighbours."""
        return () if self.anchor is None else (self.anchor, *self.neighbors)

    def toggle(self, row: int) -> Selection:
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


@dataclass(frozen=True)
class Within:
    """Among which samples neighbours are suggested: all, or those like the anchor.

    Attributes:
        same_class: of its class alone.
        same_level: of its noise level alone.
    """

    same_class: bool = False
    same_level: bool = False

    def __bool__(self) -> bool:
        return self.same_class or self.same_level

    @property
    def words(self) -> str:
        """``of the same class and noise level``; empty for all."""
        if self.same_class and self.same_level:
            return tr("of the same class and noise level")
        if self.same_class:
            return tr("of the same class")
        return tr("of the same noise level") if self.same_level else ""

    def rows(self, samples: SampleTable, anchor: int) -> NDArray[np.int64] | None:
        """The samples that are like the anchor ``(K,)``, ascending; None for all."""
        if not self:
            return None
        like = np.ones(len(samples), bool)
        if self.same_class:
            like &= samples.class_label == samples.class_label[anchor]
        if self.same_level:
            like &= np.isclose(samples.sigma, samples.sigma[anchor], rtol=1e-6, atol=0)
        return np.flatnonzero(like)


@dataclass(frozen=True, eq=False)
class Picks:
    """What is picked, and how neighbours are suggested.

    Attributes:
        selection: anchor, neighbours and selection set.
        suggest_count: how many neighbours were last asked for.
        suggest_on_map: whether on the map, and not in activation space.
        suggest_within: whether of the anchor's class or noise level alone.
        mean: the last mean picture that was asked for.
        inputs: what the model sees of the last samples that were looked at, the newest last.
        masks: the last masks that were judged, the newest last.
        placed: pictures of files that were placed on a map, the newest last.
        undo: what undoing would take back; empty for nothing.
        redo: what would be done again; empty for nothing.
        returning: the place that undoing goes back to, while its map is awaited.
    """

    selection: Selection = field(default_factory=Selection)
    suggest_count: int = 5
    suggest_on_map: bool = False
    suggest_within: Within = field(default_factory=Within)
    mean: PictureMean | None = None
    inputs: tuple[InputShown, ...] = ()
    masks: tuple[MaskJudged, ...] = ()
    placed: tuple[FilePlaced, ...] = ()
    undo: str = ""
    redo: str = ""
    returning: Place | None = None

    def input_of(self, model: str | None, row: int) -> InputShown | None:
        """What the model sees of a sample, where that is known."""
        return next((one for one in self.inputs if (one.model, one.row) == (model, row)), None)
