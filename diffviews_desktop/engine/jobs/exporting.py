"""Writing what takes libraries or time that the window has not, and showing how it will look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.exports.contents import Arrays, Figure, Film, Sheet, Table

Exported = Figure | Film | Sheet | Table | Arrays
"""What is written by a job."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WriteContent(Job["ContentWritten"]):
    """Write a content in the format that the file's name ends in: `ContentWritten`.

    Attributes:
        content: what to write, of one of the classes of `Exported`.
        file: one that is there is replaced.
    """

    aside: ClassVar[bool] = True
    draws: ClassVar[bool] = True

    content: Exported
    file: Path


@dataclass(frozen=True, kw_only=True, eq=False)
class PreviewContent(Job["ContentPreview"]):
    """Draw a figure, a step of a film or a sheet small, to be looked at: `ContentPreview`.

    Attributes:
        content: what to draw.
        side: pixels of its longer side, at most.
    """

    supersedes: ClassVar[bool] = True
    aside: ClassVar[bool] = True
    draws: ClassVar[bool] = True
    unlisted: ClassVar[bool] = True

    content: Figure | Film | Sheet
    side: int


@dataclass(frozen=True)
class ContentWritten:
    """The files that were written, the one that was asked for first, and its size in bytes."""

    files: tuple[Path, ...]
    size: int


@dataclass(frozen=True, eq=False)
class ContentPreview:
    """How something will look ``(H, W, 3) uint8``, and the job that asked for it."""

    job_id: int
    pixels: NDArray[np.uint8]
