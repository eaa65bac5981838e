"""Figures of a map and films of a run: what is in them and how they are to look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.errors import UsageError
from diffviews_desktop.text.translation import group_digits, tr
from diffviews_desktop.values.preferences import Ramp
from diffviews_desktop.values.quantities import Values

Rectangle = tuple[float, float, float, float]
"""Left, bottom, right and top, in the coordinates of the map."""
Role = Literal["anchor", "manual", "suggested"]
Ground = Literal["light", "dark"]

MILLIMETRES = (20.0, 1000.0)
"""The least and the largest side of a figure."""
DOTS = (36, 1200)
"""The fewest and the most pixels an inch."""
LETTERS = (4.0, 36.0)
"""The smallest and the largest letters of a figure, in points."""
RATES = (0.2, 60.0)
"""The fewest and the most pictures a second of a film."""
SIDES = (64, 2048)
"""The least and the largest side of a film's picture, in pixels."""
MOST_PIXELS = 100_000_000
"""Of a figure."""


@dataclass(frozen=True)
class FigureStyle:
    """How a figure of a map is to look.

    Attributes:
        width: in millimetres.
        height: likewise, with its caption.
        dpi: pixels an inch; in a drawing, of the points where there are too many for circles.
        letters: size of the text in points.
        legend: whether what the colours tell is explained.
        scale: whether there is a bar as long as a round number of the map's units.
        names: whether the names of classes are written on the map.
        marks: whether what is picked is ringed.
        runs: whether the paths of the visible runs are drawn.
        whole: whether all of the map is shown, and not the part that is on the screen.
        caption: whether a line below says model, layer and settings.
        ground: a light background for paper, or a dark one for slides.

    Raises:
        UsageError: a size is out of its bounds.
    """

    width: float = 120.0
    height: float = 100.0
    dpi: int = 300
    letters: float = 8.0
    legend: bool = True
    scale: bool = True
    names: bool = False
    marks: bool = True
    runs: bool = True
    whole: bool = False
    caption: bool = True
    ground: Ground = "light"

    def __post_init__(self) -> None:
        _check(tr("width"), self.width, MILLIMETRES, tr(" mm"))
        _check(tr("height"), self.height, MILLIMETRES, tr(" mm"))
        _check(tr("resolution"), self.dpi, DOTS, tr(" dpi"))
        _check(tr("size of the text"), self.letters, LETTERS, tr(" pt"))
        across, down = self.pixels
        if across * down > MOST_PIXELS:
            raise UsageError(
                tr(
                    "A figure of {across} × {down} pixels is too large. Choose a smaller "
                    "size or fewer dots per inch.",
                    across=group_digits(across),
                    down=group_digits(down),
                )
            )

    @property
    def pixels(self) -> tuple[int, int]:
        """Pixels across and down."""
        return round(self.width / 25.4 * self.dpi), round(self.height / 25.4 * self.dpi)


@dataclass(frozen=True)
class FilmStyle:
    """How a film of a run is to look.

    Attributes:
        rate: steps a second.
        hold: seconds that the last step stays.
        loop: whether a GIF begins again at its end; players decide for MP4.
        side: pixels that the picture is enlarged to, at least.
        map: whether the map with the path is beside the picture.
        ground: as of `FigureStyle`.

    Raises:
        UsageError: a number is out of its bounds.
    """

    rate: float = 4.0
    hold: float = 1.5
    loop: bool = True
    side: int = 480
    map: bool = True
    ground: Ground = "light"

    def __post_init__(self) -> None:
        _check(tr("rate"), self.rate, RATES, tr(" pictures a second"))
        _check(tr("size of the picture"), self.side, SIDES, tr(" pixels"))
        _check(tr("time of the last step"), self.hold, (0.0, 60.0), tr(" s"))


def _check(name: str, value: float, bounds: tuple[float, float], unit: str) -> None:
    low, high = bounds
    if not low <= value <= high:
        raise UsageError(
            tr(
                "The {name} must be from {low:g} to {high:g}{unit}, not {value:g}.",
                name=name,
                low=low,
                high=high,
                unit=unit,
                value=value,
            )
        )


@dataclass(frozen=True, eq=False)
class Ring:
    """A sample that is picked, and as what: its place ``(x, y)``."""

    xy: tuple[float, float]
    role: Role


@dataclass(frozen=True, eq=False)
class PathShown:
    """A run on a map.

    Attributes:
        name: of the run.
        xy: where its steps lie ``(S, 2)``.
        hollow: steps that are unlike the samples ``(S,) bool``.
        done: whether the last step is the run's end.
        hue: number of its colours, from 0.
        imposed: where what was imposed lies.
        landed: where the finished picture lies; None where nobody asked.
    """

    name: str
    xy: NDArray[np.float64]
    hollow: NDArray[np.bool_]
    done: bool
    hue: int
    imposed: Sequence[tuple[float, float]] = ()
    landed: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class MapShown:
    """What a figure shows of a map.

    Attributes:
        xy: places of the samples ``(N, 2) float32``; NaN where one has none.
        values: what their colours tell, ``(N,)``.
        ramp: the colours of values from low to high.
        opacity: of each ``(N,) float32``, 0 … 1.
        classes: class, or cluster where colours tell these, of each ``(N,) int32``, for the names
            on the map; None for none.
        class_names: of these, by number.
        rings: what is picked.
        paths: of runs.
        part: the part of the map that is shown; None for all of it.
        caption: model, layer and settings, as sentences.
    """

    xy: NDArray[np.float32]
    values: Values
    ramp: Ramp = "viridis"
    opacity: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    classes: NDArray[np.int32] | None = None
    class_names: Mapping[int, str] = field(default_factory=dict)
    rings: Sequence[Ring] = ()
    paths: Sequence[PathShown] = ()
    part: Rectangle | None = None
    caption: str = ""
