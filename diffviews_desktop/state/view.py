"""How the map is looked at: colours, sizes, filter, tool, part of the map, camera."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from diffviews_desktop.values.camera import Camera
from diffviews_desktop.values.quantities import ColorBy

Tool = Literal["pan", "rectangle", "lasso", "zoom"]
Rectangle = tuple[float, float, float, float]
"""Left, bottom, right and top, in the coordinates of the map."""


@dataclass(frozen=True)
class Filter:
    """Which samples are shown: those with a value in a range and of no hidden category.

    Attributes:
        by: of what, the id of a quantity.
        low: least value; None for no limit.
        high: largest value; None for no limit.
        hidden: positions of the categories that are not shown.
    """

    by: ColorBy
    low: float | None = None
    high: float | None = None
    hidden: frozenset[int] = frozenset()


@dataclass(frozen=True)
class View:
    """How the map is looked at.

    Attributes:
        color_by: what the colours were asked to tell; `State.colored_by` is what this map can show
            of it.
        size_by: what the size of a point was asked to tell; None for nothing.
        filters: which samples are shown: those that pass all of them, one a quantity.
        highlighted_class: the class beside which the others are dimmed.
        tool: what dragging does on the flat map.
        rectangle: the part of the flat map that is seen; None for all of it.
        can_go_back: whether there is an earlier part of the map to go back to.
        can_go_forward: whether there is a later one.
        beside: whether a second map is shown, or is to be shown, beside the first.
        solid: whether the map is shown in three dimensions.
        not_solid: why it cannot be shown so on this machine; empty where it can.
        third_axis: what the third axis was asked to show; None for what suits the map.
        camera: where the map in three dimensions is seen from; None for where all of it is seen.
        pictures: whether samples are shown as pictures where there is room.
        names: whether the names of classes are shown.
        contours: whether contours of density are shown.
    """

    color_by: ColorBy = "class"
    size_by: ColorBy | None = None
    filters: tuple[Filter, ...] = ()
    highlighted_class: int | None = None
    tool: Tool = "pan"
    rectangle: Rectangle | None = None
    can_go_back: bool = False
    can_go_forward: bool = False
    beside: bool = False
    solid: bool = False
    not_solid: str = ""
    third_axis: ColorBy | None = None
    camera: Camera | None = None
    pictures: bool = True
    names: bool = True
    contours: bool = False

    def filter_of(self, by: ColorBy) -> Filter | None:
        """The filter by a quantity; None for none."""
        return next((one for one in self.filters if one.by == by), None)

    def hidden_categories(self, by: ColorBy) -> frozenset[int]:
        """The categories of a quantity that its filter leaves out."""
        criterion = self.filter_of(by)
        return frozenset() if criterion is None else criterion.hidden

    def with_filter(self, new: Filter) -> View:
        """With a filter in place of that by the same quantity; one that leaves out nothing goes."""
        others = [one for one in self.filters if one.by != new.by]
        limits = new.low is not None or new.high is not None or bool(new.hidden)
        at = next((i for i, one in enumerate(self.filters) if one.by == new.by), len(others))
        others[at:at] = [new] if limits else []
        return replace(self, filters=tuple(others))


@dataclass(frozen=True)
class NamedView:
    """What is kept of a view under a name: which samples are shown, and what colours and sizes
    tell.

    Attributes:
        name: what it is called.
        filters, highlighted_class, color_by, size_by: as `View` has them.
    """

    name: str
    filters: tuple[Filter, ...] = ()
    highlighted_class: int | None = None
    color_by: ColorBy = "class"
    size_by: ColorBy | None = None
