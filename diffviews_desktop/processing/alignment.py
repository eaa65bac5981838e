"""Two maps of the same samples: one turned to lie like the other, and what moved between them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.processing.neighbors import neighbor_graph

NEIGHBORS = 15


def procrustes(reference: NDArray, other: NDArray) -> NDArray[np.float32]:
    """Move, turn, mirror and scale a map so that its squared distance to another is least.

    Orthogonal Procrustes analysis (P. H. Schönemann, 1966) with one scale for both axes.

    Args:
        reference: ``(N, 2)``.
        other: ``(N, 2)``, of the same samples; rows that are not finite in both decide nothing.

    Returns:
        ``other`` aligned, ``(N, 2)``; unchanged where fewer than two samples are in both.
    """
    target, moving = np.asarray(reference, np.float64), np.asarray(other, np.float64)
    both = np.isfinite(target).all(axis=1) & np.isfinite(moving).all(axis=1)
    if both.sum() < 2:
        return moving.astype(np.float32)
    middle, centre = target[both].mean(axis=0), moving[both].mean(axis=0)
    a, b = target[both] - middle, moving[both] - centre
    spread = float((b**2).sum())
    if not spread > 0:
        return (moving - centre + middle).astype(np.float32)
    left, strengths, right = np.linalg.svd(b.T @ a)
    aligned = (moving - centre) @ (left @ right) * (strengths.sum() / spread) + middle
    return aligned.astype(np.float32)


def neighborhood_overlap(
    one: NDArray,
    other: NDArray,
    k: int = NEIGHBORS,
    progress: Callable[[float], None] | None = None,
) -> NDArray[np.float32]:
    """Share of each sample's ``k`` nearest samples in one space that are among those in another.

    Args:
        one: ``(N, D)``.
        other: ``(N, E)``.
        k: how many; no more than there are others.
        progress: is told how far it is, 0 … 1.

    Returns:
        ``(N,)``, 0 … 1; NaN for samples that are not finite in both, which are nobody's neighbours.
    """
    found = np.full(len(one), np.nan, np.float32)
    both = np.flatnonzero(np.isfinite(one).all(axis=1) & np.isfinite(other).all(axis=1))
    k = min(k, len(both) - 1)
    if k < 1:
        return found

    def half(of: int) -> Callable[[float], None] | None:
        return None if progress is None else lambda part: progress((of + part) / 2)

    first = np.sort(neighbor_graph(one[both], k, half(0)).index, axis=1)
    second = np.sort(neighbor_graph(other[both], k, half(1)).index, axis=1)
    together = np.sort(np.concatenate([first, second], axis=1), axis=1)
    found[both] = (together[:, 1:] == together[:, :-1]).sum(axis=1) / k
    return found
