"""Samples of the same class and noise level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.values.samples import SampleTable


def groups_of(table: SampleTable) -> NDArray[np.int64]:
    """The group of each sample ``(N,)``: a number that those of the same class and noise level
    share. Samples without a class are of one class."""
    _, classes = np.unique(table.class_label, return_inverse=True)
    levels, level = np.unique(table.sigma, return_inverse=True)
    return np.asarray(classes * len(levels) + level, np.int64)
