"""Where the windows of the program are, as values that any machine can use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DockArea = Literal["left", "right", "top", "bottom"]
MOST_PIXELS = 20_000
"""Of a window in one direction; what a file says beyond that is no window's size."""


@dataclass(frozen=True)
class DockPlace:
    """Where a dock is.

    Attributes:
        name: of the dock.
        area: the side of the window that it is on, or would be if it did not float.
        shown: whether it is there at all.
        floating: whether it is a window of its own.
        size: width and height in logical pixels.
        place: left and top on the screen, of one that floats.
        tabbed_with: the dock before it that it shares its place with; empty for none.
    """

    name: str
    area: DockArea
    shown: bool = True
    floating: bool = False
    size: tuple[int, int] = (0, 0)
    place: tuple[int, int] = (0, 0)
    tabbed_with: str = ""


@dataclass(frozen=True)
class Arrangement:
    """The window's size in logical pixels, whether it fills the screen, its docks, and the names
    of the other windows that are open."""

    size: tuple[int, int]
    maximized: bool = False
    docks: tuple[DockPlace, ...] = ()
    pages: tuple[str, ...] = ()
