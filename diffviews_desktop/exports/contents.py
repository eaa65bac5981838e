"""What can be exported, whatever the format: pictures, figures, films, sheets, tables, arrays."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.text.plain import encodable
from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.figures import FigureStyle, FilmStyle, MapShown

Record = Mapping[str, Any]
"""How something was made, as values that JSON knows."""


Values = Sequence[str] | NDArray | Column
"""A column of a table: texts, numbers of which some may be NaN, or one that a folder brought."""


def name_beside(name: str, others: Container[str]) -> str:
    """A name that no other column has: itself, else with a number, as in ``role (2)``."""
    if name not in others:
        return name
    return next(one for one in (f"{name} ({i})" for i in count(2)) if one not in others)


def names_in_file(names: Iterable[str]) -> list[str]:
    """Names of columns as every format can have them, no two the same."""
    result: list[str] = []
    for name in names:
        result.append(name_beside(encodable(name.replace("\0", "\\x00")), result))
    return result


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels ``(H, W, C) uint8`` with one, three or four channels, and their record."""

    pixels: NDArray[np.uint8]
    record: Record | None = None


@dataclass(frozen=True, eq=False)
class Drawing:
    """A drawing in SVG, in UTF-8, and its record."""

    svg: bytes
    record: Record | None = None


@dataclass(frozen=True, eq=False)
class Sheet:
    """The pictures of a grid with the names of its rows and columns, and its record.

    Attributes:
        pictures: ``(H, W, C) uint8``, all of one size, by the number of their cell; cells follow
            each other row by row, and those without a picture stay empty.
        count: number of cells.
        row_names: names left of the rows.
        column_names: names above the columns, as many as there are columns.
        paper: colour of the background, ``#rrggbb``.
        ink: colour of the names.
        record: how the grid was made.
    """

    pictures: Mapping[int, NDArray[np.uint8]]
    count: int
    row_names: tuple[str, ...]
    column_names: tuple[str, ...]
    paper: str = "#ffffff"
    ink: str = "#282828"
    record: Record | None = None


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of one length by name, and the record of what they are of."""

    columns: Mapping[str, Values]
    record: Record | None = None

    def __len__(self) -> int:
        first = next(iter(self.columns.values()), ())
        return len(first.values if isinstance(first, Column) else first)


@dataclass(frozen=True, eq=False)
class Arrays:
    """Arrays and texts by name, and the record of what they are of."""

    arrays: Mapping[str, Values]
    record: Record | None = None


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure of a map, to be drawn, and its record."""

    map: MapShown
    style: FigureStyle
    record: Record | None = None


@dataclass(frozen=True, eq=False)
class Film:
    """The steps of a run, to be drawn one after the other, and their record.

    Attributes:
        pictures: one a step, ``(S, H, W, C) uint8``.
        titles: what is written below each.
        style: how it is to look.
        map: beside the picture, with the path of the run alone; None for none.
        record: how the run was made.
    """

    pictures: NDArray[np.uint8]
    titles: Sequence[str]
    style: FilmStyle
    map: MapShown | None = None
    record: Record | None = None


@dataclass(frozen=True, eq=False)
class Description:
    """What a run was and which files it is in, as values that JSON knows."""

    values: Record


@dataclass(frozen=True, eq=False)
class Script:
    """What was done, as a program and as a list of lines in JSON."""

    python: str
    lines: str
    record: None = None
