"""Samples of the same class and noise level, and of one noise level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.errors import DataError
from diffviews_desktop.values.samples import SampleTable

MOST_SAID = 12


def groups_of(table: SampleTable) -> NDArray[np.int64]:
    """The group of each sample ``(N,)``: a number that those of the same class and noise level
    share. Samples without a class are of one class."""
    _, classes = np.unique(table.class_label, return_inverse=True)
    levels, level = np.unique(table.sigma, return_inverse=True)
    return np.asarray(classes * len(levels) + level, np.int64)


def at_level(table: SampleTable, level: float) -> NDArray[np.bool_]:
    """Which samples have a noise level ``(N,)``.

    Raises:
        DataError: none has; the text says which there are.
    """
    chosen = np.isclose(table.sigma, level, rtol=1e-6, atol=0)
    if not chosen.any():
        known = table.levels
        few = ", ".join(f"{one:g}" for one in known[:MOST_SAID])
        more = f" and {len(known) - MOST_SAID} more" if len(known) > MOST_SAID else ""
        raise DataError(
            f"No sample has the noise level {level:g}. Choose one of those there are: {few}{more}."
        )
    return np.asarray(chosen)
