"""What a quantity is, what it is computed from, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.values.maps import LayerMap, LinkedMap
from diffviews_desktop.values.samples import SampleTable

ColorBy = str
"""The id of a quantity: ``class``, ``sigma``, ``trust``, ``z``, ``distance`` (to the anchor in
activation space), ``overlap`` (of the neighbours with those on a second map), or `COLUMN` and the
name of a column of the samples."""
COLUMN = "column:"
Kind = Literal["sequential", "diverging", "category"]
WIDE = 100.0
"""Positive values whose largest is so many times the smallest are shown by their logarithms."""
NO_MAP = "The map is not there yet."


@dataclass(frozen=True, eq=False)
class Scene:
    """What quantities are computed from: the samples, their map, and what is picked.

    ``anchor`` is a row of the samples; all else can be missing, too.
    """

    samples: SampleTable | None = None
    layer_map: LayerMap | None = None
    linked: LinkedMap | None = None
    anchor: int | None = None


@dataclass(frozen=True, eq=False)
class Values:
    """A value of each sample.

    Attributes:
        by: id of the quantity.
        name: for the legend.
        values: ``(N,)``; NaN where a sample has none; for categories the position of its own, -1
            where it has none.
        kind: how they are shown: from low to high, to both sides of zero, or as categories.
        logarithmic: whether equal ratios are equally far apart.
        open_low: whether a few low outliers must not stretch the range.
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


@dataclass(frozen=True)
class Quantity:
    """Something that samples can be coloured, sized and filtered by.

    Attributes:
        by: its id.
        title: for menus and lists.
        meaning: what it says, as a sentence.
        missing: why a scene with samples and a map has no values; empty where it has some.
        compute: its values ``(N,)``, where nothing is missing.
        depends_on: what of the scene the values change with: asked of two scenes, they are the same
            where all parts are the same objects, or equal numbers.
        is_category: whether it sorts samples into categories, which have no size and no place on an
            axis.
        on_axis: whether it can be the third axis of the map.
    """

    by: ColorBy
    title: str
    meaning: str
    missing: Callable[[Scene], str]
    compute: Callable[[Scene], Values]
    depends_on: Callable[[Scene], tuple[object, ...]] = lambda scene: (scene.samples,)
    is_category: Callable[[Scene], bool] = lambda scene: False
    on_axis: bool = False

    def why_not(self, scene: Scene) -> str:
        """Why there are no values now; empty where there are."""
        if scene.samples is None or scene.layer_map is None:
            return NO_MAP
        return self.missing(scene)

    def values(self, scene: Scene) -> Values | None:
        """The values of the samples on the map; None where there are none."""
        return None if self.why_not(scene) else self.compute(scene)


def numbers(by: ColorBy, name: str, values: NDArray) -> Values:
    """Numbers of any kind: to both sides of zero, or by their logarithms, where that suits."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if low < 0 < high:
        return Values(by, name, values, "diverging")
    return Values(by, name, values, logarithmic=low > 0 and high / low >= WIDE)
