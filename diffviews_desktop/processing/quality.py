"""What is measured of a map when it is made, and how it is kept beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.errors import DataError
from diffviews_desktop.processing.full_space import FullSpace, nearest_of_some
from diffviews_desktop.processing.neighbors import NeighborIndex
from diffviews_desktop.processing.trustworthiness import trustworthiness
from diffviews_desktop.values.map_quality import MapQuality

JUDGED_NEIGHBORS = 15
MOST_SHUFFLED = 250
"""Samples on the map without structure that are judged: its figure is right to about 0.003."""
PROBED_VALUES = 5e8
PROBES_RANGE = (64, 256)
"""Samples whose nearest are looked for in the whole layer: as many as values of all samples,
``PROBED_VALUES`` in total, may be compared with them. That is a few hundredths of the time that
the map takes; the shares are right to about 0.02."""
_SEED = 0
_ROUNDING = 1e-6

Report = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class Probes:
    """Some samples of a map, and their nearest in the whole layer.

    Attributes:
        rows: the samples, by their positions on the map ``(S,) int64``.
        near: their nearest in the whole layer, likewise ``(S, k) int64``.
        reduced: the share of these that are nearest in the reduced space ``(S,) float32``.
        placed: the share of these that are nearest on the map ``(S,) float32``.
    """

    rows: NDArray[np.int64]
    near: NDArray[np.int64]
    reduced: Float32
    placed: Float32


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of a map of N samples.

    Attributes:
        kept: the share of each sample's nearest on the map that are so in the reduced space
            ``(N,) float32``.
        blobs: see `MapQuality`; None where samples are in no groups.
        probes: None where the whole layer was not looked at.
    """

    kept: Float32
    blobs: float | None = None
    probes: Probes | None = None

    @property
    def quality(self) -> MapQuality:
        """The figures."""
        probes = self.probes
        return MapQuality(
            kept=_mean(self.kept),
            kept_of_layer=None if probes is None else _mean(probes.placed),
            reduction=None if probes is None else _mean(probes.reduced),
            blobs=self.blobs,
        )

    def subset(self, take: NDArray[np.int64]) -> Measured:
        """That of some samples, by their positions. What was measured among all is kept of them;
        their nearest in the whole layer only where these are among them."""
        position = np.full(len(self.kept), -1)
        position[take] = np.arange(len(take))
        probes = self.probes
        if probes is not None and (position < 0).any():
            probes = None
        elif probes is not None:
            probes = replace(probes, rows=position[probes.rows], near=position[probes.near])
        return Measured(self.kept[take], self.blobs, probes)

    def to_arrays(self) -> dict[str, Any]:
        """Arrays for the projector's file."""
        arrays: dict[str, Any] = {"kept": self.kept}
        if self.blobs is not None:
            arrays["blobs"] = np.float64(self.blobs)
        if self.probes is not None:
            arrays |= {f"probe_{name}": value for name, value in vars(self.probes).items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray], n: int) -> Measured | None:
        """What `to_arrays` made, of a map of ``n`` samples; None where nothing was measured.

        Raises:
            DataError: they do not belong together, or hold what cannot be.
        """
        if "kept" not in arrays:
            return None
        kept_shares, blobs = _shares(arrays["kept"], (n,)), None
        if "blobs" in arrays:
            blobs = float(_shares(arrays["blobs"], (), np.float64))
        if not all(name in arrays for name in PROBE_ARRAYS):
            return cls(kept_shares, blobs)
        rows, near = (np.asarray(arrays[name]) for name in PROBE_ARRAYS[:2])
        shape = (len(rows),) if rows.ndim == 1 else (-1,)
        for places in (rows, near):
            if places.dtype.kind not in "iu" or places.shape[:1] != shape:
                raise DataError("arrays that do not belong together")
            if places.size and not 0 <= places.min() <= places.max() < n:
                raise DataError("arrays that do not belong together")
        if near.ndim != 2:
            raise DataError("arrays that do not belong together")
        shares = (_shares(arrays[name], shape) for name in PROBE_ARRAYS[2:])
        return cls(
            kept_shares, blobs, Probes(rows.astype(np.int64), near.astype(np.int64), *shares)
        )


PROBE_ARRAYS = ("probe_rows", "probe_near", "probe_reduced", "probe_placed")
ARRAYS = ("kept", "blobs", *PROBE_ARRAYS)
"""Names of all arrays of `Measured.to_arrays`."""


class Judgement(NamedTuple):
    """How far each sample's neighbours on the map can be trusted ``(N,) float32``, and what else
    was measured."""

    trust: Float32
    measured: Measured


def judge_map(
    reduced: Float32,
    places: NDArray,
    report: Report,
    *,
    groups: NDArray | None = None,
    space: FullSpace | None = None,
    old_probes: Probes | None = None,
) -> Judgement | None:
    """Judge a map by 15 neighbours; None where there are too few samples to judge, where all are
    alike, or where a place is unknown.

    Args:
        reduced: the samples in the reduced space ``(N, K)``.
        places: the samples on the map ``(N, C)``.
        report: called with the fraction done; may raise to stop.
        groups: which samples are of the same class and noise level, as numbers ``(N,)``.
        space: the whole layer, where it is at hand.
        old_probes: what another map of the same reduced samples found there.
    """
    n = len(reduced)
    k = min(JUDGED_NEIGHBORS, (n - 1) // 2)
    if k < 1 or not np.isfinite(places).all() or (reduced == reduced[0]).all():
        return None
    report(0.0)
    result = trustworthiness(reduced, places, k, lambda part: report(0.8 * part))
    blobs = None if groups is None else _blobs(reduced, places, groups, k)
    report(0.9)
    probes = None
    if space is not None:
        probes = _probe(space, reduced, places, k, lambda part: report(0.9 + 0.1 * part))
    elif old_probes is not None:
        probes = replace(old_probes, placed=share_near(places, old_probes.rows, old_probes.near))
    report(1.0)
    return Judgement(result.points, Measured(result.kept, blobs, probes))


def exchanged_within(groups: NDArray, seed: int = _SEED) -> NDArray[np.int64]:
    """A random order of samples in which each stands where one of its own group stood ``(N,)``."""
    random = np.random.default_rng(seed)
    order = np.argsort(groups, kind="stable")
    shuffle = np.lexsort((random.random(len(groups)), groups))
    exchange = np.empty(len(groups), np.int64)
    exchange[order] = shuffle
    return exchange


def _blobs(reduced: Float32, places: NDArray, groups: NDArray, k: int) -> float | None:
    """The trustworthiness of the map with the samples of each group exchanged at random; None where
    no two samples share a group."""
    n = len(groups)
    if len(np.unique(groups)) == n:
        return None
    shuffle = places[exchanged_within(groups)]
    rows = np.random.default_rng(_SEED).permutation(n)[:MOST_SHUFFLED]
    return trustworthiness(reduced, shuffle, k, rows=np.sort(rows)).figure


def _probe(
    space: FullSpace, reduced: Float32, places: NDArray, k: int, report: Report
) -> Probes | None:
    """Compare with the whole layer; None where the reduced space is the whole layer."""
    if space.reduction.components is None:
        return None
    n, width = len(space), space.activations.shape[1]
    count = int(np.clip(PROBED_VALUES // (n * width), *PROBES_RANGE))
    rows = np.sort(np.random.default_rng(_SEED).permutation(n)[:count])
    near = nearest_of_some(space, rows, k, report)
    return Probes(rows, near, share_near(reduced, rows, near), share_near(places, rows, near))


def share_near(points: NDArray, rows: NDArray[np.int64], near: NDArray[np.int64]) -> Float32:
    """Share of the points that were found to be near to some ``(S, k)`` which are among their ``k``
    nearest here ``(S,)``; those that are as near as the last of these count.

    Args:
        points: ``(N, C)``.
        rows: of those that others are near to ``(S,)``.
        near: near to each of them, never itself.
    """
    targets = points[rows]
    reach = NeighborIndex(points).nearest(targets, near.shape[1] + 1).distance[:, -1:]
    distances = np.linalg.norm(points[near].astype(np.float64) - targets[:, None], axis=2)
    return np.asarray((distances <= reach * (1 + _ROUNDING)).mean(axis=1), np.float32)


def _mean(values: Float32) -> float | None:
    return float(values.mean(dtype=np.float64)) if len(values) else None


def _shares(values: NDArray, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    shares = np.asarray(values, dtype)
    if shares.shape != shape or not ((shares >= 0) & (shares <= 1)).all():
        raise DataError("shares that are not between 0 and 1")
    return shares
