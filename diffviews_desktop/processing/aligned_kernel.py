"""One epoch of umap-learn's AlignedUMAP as a kernel that can be kept.

umap-learn compiles its own whenever it runs, for lists of arrays, which takes longer than the map.
Here the levels lie in plain arrays, one after the other; the arithmetic is umap-learn's.

Importing this module needs numba: call `diffviews_desktop.processing.kernels.keep_kernels` before.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ImportWarning)  # it says that it does without TensorFlow
    from umap import layouts

_umap_epoch = njit(layouts._optimize_layout_aligned_euclidean_single_epoch, fastmath=True)


@njit(cache=True, fastmath=True)
def move_once(
    places: NDArray[np.float32],
    samples: NDArray[np.int64],
    heads: NDArray[np.int32],
    tails: NDArray[np.int32],
    edges: NDArray[np.int64],
    periods: NDArray[np.float64],
    pauses: NDArray[np.float32],
    next_pauses: NDArray[np.float32],
    next_periods: NDArray[np.float32],
    weights: NDArray[np.float32],
    relations: NDArray[np.int32],
    random: NDArray[np.int64],
    a: float,
    b: float,
    pull: float,
    rate: float,
    epoch: int,
) -> Any:
    """Move places along and against edges once, in place.

    Args:
        places: of all samples, level by level ``(N, C)``.
        samples: where each level begins in them, and where the last ends ``(L + 1,)``.
        heads, tails: ends of the edges, counted within their level ``(E,)``.
        edges: where the edges of each level begin, likewise ``(L + 1,)``.
        periods, pauses: epochs between two samplings of each edge, and of its negative ones
            ``(E,)``.
        next_pauses, next_periods: epochs in which they are due; moved on.
        weights, relations: how strongly each sample is drawn towards those of its picture at the
            levels around its own, and which these are ``(L, 2 W + 1, samples of the largest)``.
        random: the state of the random numbers ``(3,)``; moved on.
        a, b: of the curve that distances on the map follow.
        pull: what all weights are multiplied by.
        rate: how far places move.
        epoch: its number.
    """
    count = len(samples) - 1
    of_level = [places[samples[m] : samples[m + 1]] for m in range(count)]
    _umap_epoch(
        of_level,
        of_level,
        [heads[edges[m] : edges[m + 1]] for m in range(count)],
        [tails[edges[m] : edges[m + 1]] for m in range(count)],
        [periods[edges[m] : edges[m + 1]] for m in range(count)],
        a,
        b,
        weights,
        relations,
        random,
        1.0,
        pull,
        places.shape[1],
        True,
        rate,
        [pauses[edges[m] : edges[m + 1]] for m in range(count)],
        [next_pauses[edges[m] : edges[m + 1]] for m in range(count)],
        [next_periods[edges[m] : edges[m + 1]] for m in range(count)],
        epoch,
    )
