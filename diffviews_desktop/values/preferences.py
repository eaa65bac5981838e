"""What the user prefers, whatever is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from diffviews_desktop.text import translation
from diffviews_desktop.values.stores import BucketSettings

Appearance = Literal["system", "light", "dark"]
Ramp = Literal["viridis", "cividis", "magma", "inferno"]
Drawing = Literal["auto", "opengl", "raster"]
DeviceChoice = Literal["auto", "cpu", "cuda", "mps"]
Start = Literal["session", "folder", "demo"]
APPEARANCES: tuple[Appearance, ...] = ("system", "light", "dark")
DEVICES: tuple[DeviceChoice, ...] = ("auto", "cpu", "cuda", "mps")
DRAWINGS: tuple[Drawing, ...] = ("auto", "opengl", "raster")
LANGUAGES = ("system", *translation.LANGUAGES)
STARTS: tuple[Start, ...] = ("session", "folder", "demo")
RAMPS: tuple[Ramp, ...] = ("viridis", "cividis", "magma", "inferno")
TEXT_SIZES = (85, 100, 115, 130, 150)
MOST_THREADS = 256
NEIGHBORS, MOST_NEIGHBORS = 20, 200
"""How many neighbours a mask averages at most, unless the user chooses; and the most to choose."""


@dataclass(frozen=True)
class Preferences:
    """What the user prefers.

    Attributes:
        appearance: light, dark, or what the desktop uses.
        ramp: the colours that values are shown in, from low to high.
        drawing: what draws the map: OpenGL, a picture of our own, or what is faster here.
        reduced_motion: whether nothing moves by itself.
        bucket: where maps come from that others have made, and where those go that are made here.
        start: what the program starts with where nothing else is asked for: the last session, the
            folder that was opened last, or the demo.
        most_neighbors: how many neighbours a mask averages at most.
        device: that the engine runs the model on, from the next start.
        threads: of the processor that the engine uses, from the next start; 0 for all but one.
        text_size: of the window, in percent, from the next start.
        language: of the window, from the next start.
        welcomed: whether the user was greeted and has seen the offer of the tour.
    """

    appearance: Appearance = "system"
    ramp: Ramp = "viridis"
    drawing: Drawing = "auto"
    reduced_motion: bool = False
    bucket: BucketSettings = field(default_factory=BucketSettings)
    start: Start = "session"
    most_neighbors: int = NEIGHBORS
    device: DeviceChoice = "auto"
    threads: int = 0
    text_size: int = 100
    language: str = "system"
    welcomed: bool = False
