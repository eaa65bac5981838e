"""Maps of several levels at once, each like its neighbours: AlignedUMAP by umap-learn's epochs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.processing.alignment import procrustes
from diffviews_desktop.processing.neighbors import Neighbors
from diffviews_desktop.processing.umap_backend import (
    RANDOM_START,
    first_components,
    umap_learn_class,
)
from diffviews_desktop.values.maps import MapParameters

WINDOW = 3
"""Levels on either side whose samples of the same picture draw a sample towards them."""
PULL = 0.01
"""How strongly they do: umap-learn's ``alignment_regularisation``."""
EPOCHS = 200
_NEGATIVE_SAMPLES = 5.0
_EXTENT = 10.0
_JITTER = 1e-4
"""So far samples that begin at one place are moved: else they would stay together."""


class Level(NamedTuple):
    """The samples of one level: reduced ``rows (n, K)``, their ``near`` neighbours ``(n, k)``, and
    the number of the ``picture`` that each shows ``(n,)``, -1 for one that no other shows."""

    rows: Float32
    near: Neighbors
    picture: NDArray[np.int64]


def aligned_umap_layout(
    levels: Sequence[Level], parameters: MapParameters, report: Callable[[float], None]
) -> list[Float32]:
    """A map of each level ``(n, n_components)``, all in one frame.

    AlignedUMAP, by the epochs of umap-learn: within each level the attraction and repulsion of UMAP
    (McInnes et al. 2018), and a pull of each sample towards those of its picture at the three
    levels before it and the two after it, as strong as the share of their neighbours that are of
    the same pictures, and weaker by e with each further level. Unlike umap-learn's class,
    neighbours are exact, ``min_dist`` counts, the last level draws those before it, too, a picture
    that one level lacks links those around it, and every epoch is reported. The same seed gives the
    same places.

    Args:
        levels: in their order, each of four samples at least, no two of them alike.
        parameters: of the maps.
        report: told the fraction of the epochs done; may raise to stop.
    """
    umap_learn_class()  # numba keeps what is compiled from here on
    from umap.umap_ import find_ab_params

    from diffviews_desktop.processing.aligned_kernel import move_once

    random = np.random.RandomState(parameters.seed)  # umap-learn takes no other kind
    graphs = [_graph(level, random) for level in levels]
    relations = relate([level.picture for level in levels])
    weights = shared_neighbors(graphs, relations)
    places = _start(levels, graphs, relations, parameters.n_components, random)
    a, b = find_ab_params(1.0, parameters.min_dist)
    edges = _edges(graphs)
    bounds = np.iinfo(np.int32)
    state = random.randint(bounds.min + 1, bounds.max - 1, 3).astype(np.int64)
    ends, points = _ends(places), np.concatenate(places)
    for epoch in range(EPOCHS):
        rate = 1.0 - max(0, epoch - 1) / EPOCHS
        move_once(points, ends, *edges, weights, relations, state, a, b, PULL, rate, epoch)
        report((epoch + 1) / EPOCHS)
    return [points[start:end] for start, end in pairwise(ends)]


def relate(pictures: Sequence[NDArray[np.int64]]) -> NDArray[np.int32]:
    """Which sample of the levels around its own shows the picture of each ``(levels, 2 WINDOW + 1,
    samples of the largest)``: its position in its level, -1 for none. The middle is itself. Where a
    level shows a picture twice, its first sample counts."""
    positions = np.full((len(pictures), 2 * WINDOW + 1, max(map(len, pictures))), -1, np.int32)
    firsts = [_first_of_each(numbers) for numbers in pictures]
    for level, (ids, first) in enumerate(firsts):
        for offset in range(-WINDOW, WINDOW + 1):
            if 0 <= level + offset < len(firsts):
                other, rows = firsts[level + offset]
                _, mine, theirs = np.intersect1d(ids, other, return_indices=True)
                positions[level, offset + WINDOW, first[mine]] = rows[theirs]
    return positions


def shared_neighbors(graphs: Sequence[Any], relations: NDArray[np.int32]) -> Float32:
    """Of the neighbours of each sample, and those of its picture's sample at another level, the
    share of pictures that both have (Jaccard 1912), among the pictures of both levels; 1 where
    neither has any. As ``relations``, 0 where these are -1."""
    shares = np.zeros(relations.shape, np.float32)
    for level, of_level in enumerate(relations):
        for at, index in enumerate(of_level):
            rows = np.flatnonzero(index >= 0)
            if len(rows):
                other = graphs[level + at - WINDOW]
                shares[level, at, rows] = _jaccard(graphs[level], other, rows, index[rows])
    return shares


def _jaccard(graph: Any, other: Any, rows: NDArray, other_rows: NDArray) -> NDArray[np.float64]:
    """Of some rows of a graph, and the rows that stand for them in another one, the shares of
    neighbours that both have."""
    first = (graph[rows][:, rows] != 0).astype(np.int32)
    second = (other[other_rows][:, other_rows] != 0).astype(np.int32)
    both = np.asarray(first.multiply(second).sum(axis=1)).ravel()
    either = np.diff(first.indptr) + np.diff(second.indptr) - both
    return np.where(either > 0, both / np.maximum(either, 1), 1.0)


def _first_of_each(numbers: NDArray[np.int64]) -> tuple[NDArray, NDArray]:
    """The pictures of a level, each once, and the first sample that shows each."""
    ids, first = np.unique(numbers, return_index=True)
    return ids[ids >= 0], first[ids >= 0]


def _graph(level: Level, random: np.random.RandomState) -> Any:
    """UMAP's graph of a level, a sparse matrix."""
    from umap.umap_ import fuzzy_simplicial_set

    n = len(level.rows)
    index = np.hstack([np.arange(n)[:, None], level.near.index])
    distance = np.hstack([np.zeros((n, 1), np.float32), level.near.distance])
    graph, _, _ = fuzzy_simplicial_set(
        level.rows, index.shape[1], random, "euclidean", knn_indices=index, knn_dists=distance
    )
    return graph.tocsr()


def _start(
    levels: Sequence[Level],
    graphs: Sequence[Any],
    relations: NDArray[np.int32],
    n_components: int,
    random: np.random.RandomState,
) -> list[Float32]:
    """Where the samples of each level begin: a spectral layout, each turned to lie like that
    before it."""
    places: list[Float32] = []
    for number, (level, graph) in enumerate(zip(levels, graphs, strict=True)):
        layout = _spectral(level, graph, n_components, random)
        if places:
            matches = relations[number, WINDOW - 1, : len(layout)]
            target = np.full(layout.shape, np.nan)
            target[matches >= 0] = places[-1][matches[matches >= 0]]
            layout = procrustes(target, layout)
        layout = layout * (_EXTENT / max(float(np.abs(layout).max()), 1e-12))
        places.append((layout + random.normal(scale=_JITTER, size=layout.shape)).astype(np.float32))
    return places


def _spectral(
    level: Level, graph: Any, n_components: int, random: np.random.RandomState
) -> NDArray:
    """The spectral layout of a level; its first components where it has none."""
    from umap.spectral import spectral_layout

    if len(level.rows) > RANDOM_START:
        try:
            with warnings.catch_warnings():  # what it says of parts is for its authors
                warnings.simplefilter("ignore")
                layout = np.asarray(spectral_layout(level.rows, graph, n_components, random))
        except Exception as error:  # graphs of many parts can make it fail, in many ways
            if isinstance(error, MemoryError | OSError):
                raise
        else:
            if np.isfinite(layout).all():
                return layout
    return first_components(level.rows, n_components)


class _Edges(NamedTuple):
    """The edges of all levels, as `aligned_kernel.move_once` takes them."""

    heads: NDArray[np.int32]
    tails: NDArray[np.int32]
    edges: NDArray[np.int64]
    periods: NDArray[np.float64]
    pauses: Float32
    next_pauses: Float32
    next_periods: Float32


def _edges(graphs: Sequence[Any]) -> _Edges:
    from umap.umap_ import make_epochs_per_sample

    every = [graph.tocoo() for graph in graphs]
    periods = np.concatenate([make_epochs_per_sample(one.data, EPOCHS) for one in every])
    pauses = (periods / _NEGATIVE_SAMPLES).astype(np.float32)
    return _Edges(
        np.concatenate([one.row for one in every]).astype(np.int32),
        np.concatenate([one.col for one in every]).astype(np.int32),
        _ends([one.data for one in every]),
        periods,
        pauses,
        pauses.copy(),
        periods.astype(np.float32),
    )


def _ends(parts: Sequence[NDArray]) -> NDArray[np.int64]:
    """Where each of some arrays begins when they lie one after the other, and where the last
    ends."""
    return np.cumsum([0, *map(len, parts)])
