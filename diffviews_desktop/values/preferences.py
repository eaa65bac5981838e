"""What the user prefers, whatever is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from diffviews_desktop.values.stores import BucketSettings

Appearance = Literal["system", "light", "dark"]
Ramp = Literal["viridis", "cividis", "magma", "inferno"]
Drawing = Literal["auto", "opengl", "raster"]
APPEARANCES: tuple[Appearance, ...] = ("system", "light", "dark")
DRAWINGS: tuple[Drawing, ...] = ("auto", "opengl", "raster")
RAMPS: tuple[Ramp, ...] = ("viridis", "cividis", "magma", "inferno")


@dataclass(frozen=True)
class Preferences:
    """What the user prefers.

    Attributes:
        appearance: light, dark, or what the desktop uses.
        ramp: the colours that values are shown in, from low to high.
        drawing: what draws the map: OpenGL, a picture of our own, or what is faster here.
        reduced_motion: whether nothing moves by itself.
        bucket: where maps come from that others have made, and where those go that are made here.
        reopen: whether the program starts with the last session.
    """

    appearance: Appearance = "system"
    ramp: Ramp = "viridis"
    drawing: Drawing = "auto"
    reduced_motion: bool = False
    bucket: BucketSettings = field(default_factory=BucketSettings)
    reopen: bool = True
