"""What a quantity is, what it is computed from, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.text.translation import marked, tr
from diffviews_desktop.values.maps import LayerMap, LinkedMap
from diffviews_desktop.values.sample_sets import Clusters, SampleSet
from diffviews_desktop.values.samples import SampleTable

ColorBy = str
"""The id of a quantity: ``class``, ``sigma``, ``trust``, ``kept`` (neighbours), ``outside`` (the
components), ``percentile`` (of the distance to the next sample), ``z``, ``distance`` (to the anchor
in activation space), ``overlap`` (of the neighbours with those on a second map), ``level`` (of
noise, as a category), ``cluster``, ``set`` (the named selection), or `COLUMN` and the name of a
column of the samples."""
COLUMN = "column:"
Kind = Literal["sequential", "diverging", "category"]
WIDE = 100.0
"""Positive values whose largest is so many times the smallest are shown by their logarithms."""
MOST_WHOLE = 1e10
"""Whole numbers below it are shown with all their digits."""
NO_MAP = marked("The map is not there yet.")


@dataclass(frozen=True, eq=False)
class Scene:
    """What quantities are computed from: the samples, their map, and what is picked.

    ``anchor`` is a row of the samples; all else can be missing, too.
    """

    samples: SampleTable | None = None
    layer_map: LayerMap | None = None
    linked: LinkedMap | None = None
    anchor: int | None = None
    clusters: Clusters | None = None
    sets: tuple[SampleSet, ...] = ()


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
        colors: of the categories, ``#rrggbb``; empty where they have none of their own.
        whole: whether they are whole numbers.
        dates: numpy's unit of the dates that they are, counted since 1970; empty for no dates.
        unit: what follows each of them.
    """

    by: ColorBy
    name: str
    values: NDArray
    kind: Kind = "sequential"
    logarithmic: bool = False
    open_low: bool = False
    open_high: bool = False
    names: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()
    whole: bool = False
    dates: str = ""
    unit: str = ""

    def texts(self, low: float, high: float) -> tuple[str, str]:
        """Two of the values, with as many digits as tell them apart."""
        if self.dates:
            ends = np.array([round(low), round(high)]).astype(f"datetime64[{self.dates}]")
            return _date_texts(*(str(date).replace("T", " ") for date in ends))
        if self.whole and max(abs(low), abs(high)) < MOST_WHOLE:
            return f"{low:.0f}{self.unit}", f"{high:.0f}{self.unit}"
        for digits in range(3, 18):
            first, last = f"{low:.{digits}g}", f"{high:.{digits}g}"
            if first != last:
                break
        return first + self.unit, last + self.unit


def _date_texts(first: str, last: str) -> tuple[str, str]:
    """Two dates: their days, or of the same day their times."""
    days = first[:10], last[:10]
    return days if days[0] != days[1] or first == last else (first[11:], last[11:])


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
            return tr(NO_MAP)
        return self.missing(scene)

    def values(self, scene: Scene) -> Values | None:
        """The values of the samples on the map; None where there are none."""
        return None if self.why_not(scene) else self.compute(scene)


def numbers(
    by: ColorBy, name: str, values: NDArray, *, whole: bool = False, unit: str = ""
) -> Values:
    """Numbers of any kind: to both sides of zero, or by their logarithms, where that suits."""
    reals = values[np.isfinite(values)]
    low, high = (float(reals.min()), float(reals.max())) if len(reals) else (0.0, 0.0)
    if low < 0 < high:
        return Values(by, name, values, "diverging", whole=whole, unit=unit)
    wide = low > 0 and high / low >= WIDE
    return Values(by, name, values, logarithmic=wide, whole=whole, unit=unit)
