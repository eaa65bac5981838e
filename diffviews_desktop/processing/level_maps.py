"""One map per noise level, all in one frame: laid out, and judged level by level."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.processing.alike import first_alike
from diffviews_desktop.processing.full_space import FullSpace
from diffviews_desktop.processing.neighbors import neighbor_graph
from diffviews_desktop.processing.quality import Judgement, Measured, Probes, judge_map
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.sample_groups import FEWEST_ALIGNED, LevelStack

Report = Callable[[str, float], None]
"""Told the name of a stage and the fraction of it done; may raise to stop."""


class _Distinct(NamedTuple):
    """The samples of a level ``rows``, the first of those that are alike ``first``, both among all
    samples, and which of these stands for each of the rows ``found``."""

    rows: NDArray[np.int64]
    first: NDArray[np.int64]
    found: NDArray[np.int64]


def lay_levels_out(
    reduced: NDArray, stack: LevelStack, parameters: MapParameters, report: Report
) -> Float32:
    """AlignedUMAP of reduced activations ``(N, K)`` to ``(N, n_components)``; see
    `diffviews_desktop.processing.aligned_umap.aligned_umap_layout`.

    Samples of a level that are the same lie at one place.

    Args:
        reduced: so that Euclidean distance orders like the metric of the map.
        stack: the noise levels and pictures of the samples.
        parameters: of the map; a level of fewer samples has fewer neighbours.
        report: told what is done.

    Raises:
        DataError: the levels cannot be aligned.
    """
    from diffviews_desktop.processing.aligned_umap import Level, aligned_umap_layout
    from diffviews_desktop.processing.umap_backend import first_components

    stack.check()
    reduced = np.asarray(reduced, np.float32)
    places = np.zeros((len(reduced), parameters.n_components), np.float32)
    parts = [_distinct(reduced, rows) for rows in stack.parts()]
    for part in parts:  # a level of hardly any activations has no neighbours to speak of
        places[part.rows] = first_components(reduced[part.rows], parameters.n_components)
    parts = [part for part in parts if len(part.first) >= FEWEST_ALIGNED]
    levels = []
    for number, part in enumerate(parts):

        def heard(fraction: float, number: int = number) -> None:
            report("finding neighbours", (number + fraction) / len(parts))

        k = min(parameters.n_neighbors, len(part.first) - 1)
        near = neighbor_graph(reduced[part.first], k - 1, heard)
        levels.append(Level(reduced[part.first], near, stack.picture[part.first]))
    if levels:
        report("preparing UMAP", 0.0)
        name = f"UMAP of {len(levels)} noise levels"
        layouts = aligned_umap_layout(levels, parameters, lambda share: report(name, share))
        for part, layout in zip(parts, layouts, strict=True):
            places[part.rows] = layout[part.found]
    return places


def _distinct(reduced: Float32, rows: NDArray[np.int64]) -> _Distinct:
    first = first_alike(reduced[rows])
    firsts = np.unique(first)
    return _Distinct(rows, rows[firsts], np.searchsorted(firsts, first))


def judge_levels(
    reduced: Float32,
    places: NDArray,
    report: Callable[[float], None],
    stack: LevelStack,
    *,
    groups: NDArray | None = None,
    space: FullSpace | None = None,
) -> Judgement | None:
    """Judge the map of each level among the samples of that level, as
    `diffviews_desktop.processing.quality.judge_map` does a map of all; None where a level cannot be
    judged."""
    parts, judgements = stack.parts(), []
    for number, rows in enumerate(parts):

        def heard(fraction: float, number: int = number) -> None:
            report((number + fraction) / len(parts))

        one = judge_map(
            reduced[rows],
            places[rows],
            heard,
            groups=None if groups is None else groups[rows],
            space=None if space is None else replace(space, rows=space.rows[rows]),
        )
        if one is None:
            return None
        judgements.append(one)
    return _join(parts, judgements, len(reduced))


def _join(
    parts: Sequence[NDArray[np.int64]], judgements: Sequence[Judgement], count: int
) -> Judgement:
    """The judgements of levels as that of all samples; the figure of a map without structure is the
    mean over these."""
    trust, shares = np.zeros(count, np.float32), np.zeros(count, np.float32)
    for rows, one in zip(parts, judgements, strict=True):
        trust[rows], shares[rows] = one.trust, one.measured.kept
    sizes = [len(rows) for rows in parts]
    blobs = [one.measured.blobs for one in judgements]
    figures = [value for value in blobs if value is not None]
    mean = float(np.average(figures, weights=sizes)) if len(figures) == len(blobs) else None
    return Judgement(trust, Measured(shares, mean, _joined_probes(parts, judgements)))


def _joined_probes(
    parts: Sequence[NDArray[np.int64]], judgements: Sequence[Judgement]
) -> Probes | None:
    all_probes = [one.measured.probes for one in judgements]
    probes = [one for one in all_probes if one is not None]
    if len(probes) < len(all_probes) or len({one.near.shape[1] for one in probes}) != 1:
        return None  # levels of few samples have fewer neighbours
    return Probes(
        np.concatenate([rows[one.rows] for rows, one in zip(parts, probes, strict=True)]),
        np.concatenate([rows[one.near] for rows, one in zip(parts, probes, strict=True)]),
        np.concatenate([one.reduced for one in probes]),
        np.concatenate([one.placed for one in probes]),
    )
