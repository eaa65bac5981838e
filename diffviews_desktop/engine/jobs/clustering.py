"""Finding clusters on a map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.values.maps import MapSpec

SMALLEST, USUAL_SMALLEST = 3, 25
"""The fewest samples a cluster can be asked to have, and how many it has where nobody says."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FindClusters(Job["ClustersFound"]):
    """Find dense groups of samples on a map: `ClustersFound`.

    Attributes:
        spec: the map.
        places: of the samples on it ``(N, 2 or 3) float32``, NaN where one has none.
        smallest: how many samples a cluster must have.
    """

    supersedes: ClassVar[bool] = True

    spec: MapSpec
    places: NDArray[np.float32]
    smallest: int = USUAL_SMALLEST


@dataclass(frozen=True, eq=False)
class ClustersFound:
    """Dense groups of samples on a map.

    Attributes:
        spec: the map.
        smallest: as it was asked for.
        rows: the samples that are in a cluster ``(K,) int64``, ascending.
        labels: the cluster of each ``(K,) int32``, the largest cluster being 0.
        names: of the clusters, by what most of their samples are.
        alone: how many samples are in none.
    """

    spec: MapSpec
    smallest: int
    rows: NDArray[np.int64]
    labels: NDArray[np.int32]
    names: tuple[str, ...]
    alone: int
