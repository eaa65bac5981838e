"""Two maps of the same samples: one turned to lie like the other, and what moved between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

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
    result = (moving - centre) @ (left @ right) * (strengths.sum() / spread) + middle
    return result.astype(np.float32)


class Compared(NamedTuple):
    """The ``overlap (N,) float32`` of neighbourhoods in two spaces, 0 … 1, NaN for samples that are
    not finite in both; and the ``reference``, what it would be on average if in both spaces the
    neighbours were random samples of the same group, None where no sample is finite in both."""

    overlap: NDArray[np.float32]
    reference: float | None


def compare_neighborhoods(
    one: NDArray,
    other: NDArray,
    groups: NDArray,
    k: int = NEIGHBORS,
    progress: Callable[[float], None] | None = None,
) -> Compared:
    """Share of each sample's ``k`` nearest samples in one space that are among those in another,
    and what of that the groups alone would bring about.

    Args:
        one: ``(N, D)``.
        other: ``(N, E)``.
        groups: which samples are of the same kind, as numbers ``(N,)``.
        k: how many; no more than there are others.
        progress: is told how far it is, 0 … 1.
    """
    shares = np.full(len(one), np.nan, np.float32)
    both = np.flatnonzero(np.isfinite(one).all(axis=1) & np.isfinite(other).all(axis=1))
    k = min(k, len(both) - 1)
    if k < 1:
        return Compared(shares, None)

    def half(of: int) -> Callable[[float], None] | None:
        return None if progress is None else lambda part: progress((of + part) / 2)

    first = np.sort(neighbor_graph(one[both], k, half(0)).index, axis=1)
    second = np.sort(neighbor_graph(other[both], k, half(1)).index, axis=1)
    pairs = np.sort(np.concatenate([first, second], axis=1), axis=1)
    shares[both] = (pairs[:, 1:] == pairs[:, :-1]).sum(axis=1) / k
    return Compared(shares, float(_shared_at_random(groups[both], k).mean()))


def _shared_at_random(groups: NDArray, k: int) -> NDArray[np.float64]:
    """What share of k random samples of each one's own group another k of them would be, on average
    ``(N,)``; where the group has fewer, all of it, and others from anywhere."""
    _, kind, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    alike = sizes[kind] - 1
    others = np.maximum(1, len(groups) - 1 - alike)
    few = (alike + (k - alike) ** 2 / others) / k
    return np.where(alike >= k, k / np.maximum(1, alike), few)
