"""What the model sees of a sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.engine.protocol import Job


@dataclass(frozen=True, kw_only=True)
class ShowInput(Job["InputShown"]):
    """What the model sees of a sample when its layers are extracted: `InputShown`.

    Attributes:
        model: the model.
        row: the sample.
    """

    supersedes: ClassVar[bool] = True
    unlisted: ClassVar[bool] = True

    model: str
    row: int


@dataclass(frozen=True, eq=False)
class InputShown:
    """What the model sees of a sample, as far as a picture can show it.

    Attributes:
        model: the model.
        row: the sample.
        image: ``(H, W, 1 or 3) uint8``; None where its picture cannot be read.
    """

    model: str
    row: int
    image: NDArray[np.uint8] | None
