"""Where the pictures and the names of a contact sheet lie, on the screen and in files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from diffviews_desktop.text.plain import MOST_OF_NAME, elide, visible

Measure = Callable[[str], float]
"""How wide a text is."""
WIDEST = 4
"""Widths of a picture that the names of rows have room for."""


class Box(NamedTuple):
    """A rectangle; y runs downwards."""

    x: float
    y: float
    width: float
    height: float


class Label(NamedTuple):
    """A name, and where it ends: the middle of its lower edge above a column, of its right edge
    beside a row."""

    text: str
    x: float
    y: float


@dataclass(frozen=True)
class Style:
    """Sizes of a sheet's parts: of a picture, of the gap between two, of a line of text."""

    width: float
    height: float
    gap: float
    line: float


@dataclass(frozen=True)
class SheetLayout:
    """A sheet whose first picture begins at (0, 0).

    Attributes:
        style: sizes of its parts.
        columns: number of columns, at least 1.
        count: number of cells.
        row_labels: names left of the rows.
        column_labels: names above the columns.
        bounds: all of it, with a margin.
    """

    style: Style
    columns: int
    count: int
    row_labels: tuple[Label, ...]
    column_labels: tuple[Label, ...]
    bounds: Box

    def place(self, index: int) -> Box:
        """Where the picture of a cell lies."""
        row, column = divmod(index, self.columns)
        across, down = self._pitch
        return Box(column * across, row * down, self.style.width, self.style.height)

    def cell_at(self, x: float, y: float) -> int | None:
        """The cell whose picture is at a place; None in a gap and outside."""
        across, down = self._pitch
        row, column = int(y // down), int(x // across)
        index = row * self.columns + column
        if not (0 <= column < self.columns and 0 <= index < self.count):
            return None
        box = self.place(index)
        inside = x <= box.x + box.width and y <= box.y + box.height
        return index if inside else None

    @property
    def _pitch(self) -> tuple[float, float]:
        """From one cell to the next, across and down."""
        return self.style.width + self.style.gap, self.style.height + self.style.gap


def lay_out(
    row_names: Sequence[str],
    column_names: Sequence[str],
    count: int,
    style: Style,
    measure: Measure,
) -> SheetLayout:
    """Lay out a sheet; its names are plain and no wider than their columns.

    Args:
        row_names: of the rows, of which a sheet of one column or of many of a kind has none.
        column_names: as many as there are columns; they may be empty.
        count: number of cells.
        style: sizes of its parts.
        measure: how wide a text is, in the same unit.
    """
    columns, gap = max(1, len(column_names)), style.gap
    across, down = style.width + gap, style.height + gap
    column_labels = tuple(
        Label(fitting(name, style.width, measure), column * across + style.width / 2, -gap)
        for column, name in enumerate(column_names)
        if name
    )
    row_labels = tuple(
        Label(fitting(name, WIDEST * style.width, measure), -2 * gap, row * down + style.height / 2)
        for row, name in enumerate(row_names)
        if name
    )
    left = max((measure(label.text) + 2 * gap for label in row_labels), default=0.0) + gap
    top = (style.line + gap if column_labels else 0.0) + gap
    rows = max(1, -(-count // columns))
    bounds = Box(-left, -top, left + columns * across, top + rows * down)
    return SheetLayout(style, columns, count, row_labels, column_labels, bounds)


def fitting(name: str, width: float, measure: Measure) -> str:
    """A name, shortened in its middle until it fits: the names of seeds differ at their ends."""
    whole = text = visible(name, MOST_OF_NAME)
    while len(text) > 1 and measure(text) > width:
        text = elide(whole, len(text) - 1)
    return text
