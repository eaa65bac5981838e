"""Reduced activations laid out on a map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.processing.alike import first_alike
from diffviews_desktop.processing.level_maps import lay_levels_out
from diffviews_desktop.processing.neighbors import neighbor_graph
from diffviews_desktop.processing.typicality import nearest_distances
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.sample_groups import LevelStack

MOST_COUNTED = 10_000
"""Rows of which those that differ are counted; more are more than UMAP's neighbours in any case."""


class Stage(NamedTuple):
    """Progress of a map: the stage's name and the fraction of it done."""

    name: str
    fraction: float


def layout(
    reduced: NDArray,
    parameters: MapParameters,
    report: Callable[[Stage], None],
    stack: LevelStack | None = None,
) -> Float32:
    """UMAP (McInnes et al. 2018) of reduced activations ``(N, K)`` to
    ``(N, n_components) float32``.

    By Euclidean distance: for another metric the rows must have come through
    `diffviews_desktop.processing.neighbors.to_euclidean`. Rows that are the same lie at one place:
    UMAP sees the first of them alone, for more of them than it looks at neighbours would tear the
    map apart. Aligned maps are made by `diffviews_desktop.processing.level_maps.lay_levels_out`, of
    the noise levels and pictures in ``stack``.
    """
    return lay_out(reduced, parameters, report, stack).places


class Layout(NamedTuple):
    """Rows on a map ``(N, n_components)``, and from each to the nearest other row in the reduced
    space ``(N,)``, None where there is no other."""

    places: Float32
    near: Float32 | None


def lay_out(
    reduced: NDArray,
    parameters: MapParameters,
    report: Callable[[Stage], None],
    stack: LevelStack | None = None,
) -> Layout:
    """`layout`, with the distances that it found on its way."""
    if parameters.aligned:
        assert stack is not None
        places = lay_levels_out(
            reduced, stack, parameters, lambda name, fraction: report(Stage(name, fraction))
        )
        return Layout(places, nearest_distances(reduced))
    first = first_alike(reduced)
    distinct = np.flatnonzero(first == np.arange(len(first)))
    if len(distinct) == len(reduced):
        return _lay_distinct_out(reduced, parameters, report)
    of_distinct = _lay_distinct_out(reduced[distinct], parameters, report)
    groups = np.searchsorted(distinct, first)
    near = np.zeros(len(first), np.float32)
    single = np.bincount(groups)[groups] == 1
    if of_distinct.near is not None:
        near[single] = of_distinct.near[groups[single]]
    return Layout(of_distinct.places[groups], near)


def used_parameters(
    parameters: MapParameters, reduced: NDArray, stack: LevelStack | None = None
) -> dict[str, Any]:
    """Parameters as a map of some rows ``(N, K)`` was made with them: UMAP looks at no more
    neighbours than there are, of aligned maps at the largest level of ``stack``."""
    values = parameters.to_dict()
    parts = stack.parts() if parameters.aligned and stack is not None else [np.arange(len(reduced))]
    most = max(1, *(_distinct(reduced[rows]) - 1 for rows in parts))
    return {**values, "n_neighbors": most} if parameters.n_neighbors > most else values


def _distinct(rows: NDArray) -> int:
    """How many of some rows differ; of many, how many there are."""
    return len(rows) if len(rows) > MOST_COUNTED else len(np.unique(first_alike(rows)))


def _lay_distinct_out(
    reduced: NDArray, parameters: MapParameters, report: Callable[[Stage], None]
) -> Layout:
    """`lay_out` of rows that all differ; fewer than four by their first components, one at 0."""
    from diffviews_desktop.processing import umap_backend

    n = len(reduced)
    if n == 1:
        return Layout(np.zeros((1, parameters.n_components), np.float32), None)
    if n < 4:
        places = umap_backend.first_components(reduced, parameters.n_components)
        return Layout(places, nearest_distances(reduced))
    k = min(parameters.n_neighbors, n - 1)
    graph = neighbor_graph(reduced, k - 1, lambda f: report(Stage("finding neighbours", f)))
    report(Stage("preparing UMAP", 0.0))
    places = umap_backend.lay_out(
        np.asarray(reduced, dtype=np.float32),
        np.hstack([np.arange(n)[:, None], graph.index]),
        np.hstack([np.zeros((n, 1), np.float32), graph.distance]),
        parameters,
        lambda fraction: report(Stage("UMAP", fraction)),
    )
    return Layout(places, graph.distance[:, 0].copy())
