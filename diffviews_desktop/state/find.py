"""What was looked for among the samples, and what was found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.values.finding import EVERYWHERE


@dataclass(frozen=True, eq=False)
class Find:
    """What was looked for among the samples.

    Attributes:
        text: that was typed; empty where nothing is looked for.
        where: as in `find_rows`.
        rows: the samples that were found, in the order in which they are gone through; None while
            nothing was, or while they are being looked for.
        at: the position among them of the sample that is shown.
    """

    text: str = ""
    where: str = EVERYWHERE
    rows: NDArray[np.int64] | None = None
    at: int = 0

    @property
    def row(self) -> int | None:
        """The sample that is shown of them."""
        return int(self.rows[self.at]) if self.rows is not None and len(self.rows) else None
