"""The samples nearest to one in the whole layer: in every dimension that its activations have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.cache.layer_cache import DamagedMatrixError
from diffviews_desktop.engine.activations import activations_of
from diffviews_desktop.engine.jobs.mapping import FindNeighbors, NeighborsFound
from diffviews_desktop.engine.maps import MapMaker
from diffviews_desktop.engine.opened_model import OpenedModel
from diffviews_desktop.errors import DataError
from diffviews_desktop.processing.full_space import FullSpace, nearest_in
from diffviews_desktop.processing.neighbors import Neighbors, neighbors_of
from diffviews_desktop.processing.projector import Projector

STAGE = "finding neighbours in the layer"


def find_neighbors(job: FindNeighbors, maps: MapMaker, opened: OpenedModel) -> NeighborsFound:
    """Find the nearest samples in the whole layer, where its activations are stored; else in the
    space that was laid out.

    Raises:
        DataError: the sample has no place on the map.
    """
    projector = maps.projector(opened, job.spec)
    indices = np.arange(len(projector.rows))
    if job.among is not None:
        indices = np.flatnonzero(np.isin(projector.rows, job.among))
    positions = np.flatnonzero(projector.rows[indices] == job.row)
    if not len(positions):
        raise DataError(f"Sample {job.row} has no activations on this map. Choose another.")
    position, rows = int(positions[0]), projector.rows[indices]
    neighbors = _in_layer(job, maps, opened, projector, rows, position)
    if neighbors is None:
        pairs = neighbors_of(projector.reduced[indices], position, job.count)
    else:
        pairs = list(zip(neighbors.index[0].tolist(), neighbors.distance[0].tolist(), strict=True))
    near = tuple((int(rows[place]), float(distance)) for place, distance in pairs)
    return NeighborsFound(near, neighbors is not None)


def _in_layer(
    job: FindNeighbors,
    maps: MapMaker,
    opened: OpenedModel,
    projector: Projector,
    rows: NDArray[np.int64],
    position: int,
) -> Neighbors | None:
    """The nearest in the whole layer; None where its activations are not stored."""
    spec = maps.complete(opened, job.spec)
    assert spec.told is not None
    request = activations_of(maps.host, opened, spec.layers, spec.told)
    while True:
        matrix = maps.activations.whole_matrix(request)
        if matrix is None or matrix.shape[1] != len(projector.reduction.mean):
            return None
        space = FullSpace(matrix, rows, projector.reduction, projector.metric)
        maps.host.progress(STAGE, 0.0)
        try:
            return nearest_in(
                space, position, job.count, lambda part: maps.host.progress(STAGE, part)
            )
        except DamagedMatrixError as error:
            maps.activations.forget(opened.cache, error)
