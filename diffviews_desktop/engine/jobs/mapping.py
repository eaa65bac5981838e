"""Extracting layers and mapping them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.values.assessment import MapAssessment
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import LayerMap, LinkedMap, MapSpec, Places
from diffviews_desktop.values.stores import BucketSettings
from diffviews_desktop.values.told import OWN_CONDITION, Told


@dataclass(frozen=True, kw_only=True)
class MapLayer(Job[LayerMap]):
    """A map, from the cache, from a bucket, or made now: `LayerMap`.

    Attributes:
        spec: the map.
        bucket: where it is looked for if it is not in the cache; None for nowhere.
        places: where the samples lay when the map was made before, and are to lie again: made on
            another machine, it differs. None for wherever they lie.
    """

    supersedes: ClassVar[bool] = True

    spec: MapSpec
    bucket: BucketSettings | None = None
    places: Places | None = None


@dataclass(frozen=True, kw_only=True)
class Extract(Job["LayersExtracted"]):
    """Extract layers in one pass: `LayersExtracted`.

    Attributes:
        layer_sets: one matrix each, of one layer or several joined.
        out: a folder for ``<layers>.npy`` with side-cars; None for the cache, where the map finds
            them.
        told: what each sample is told; None for what the folder or the model goes by.
    """

    model: str
    layer_sets: tuple[LayerSet, ...]
    out: Path | None = None
    told: Told | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "layer_sets", tuple(map(LayerSet, self.layer_sets)))


@dataclass(frozen=True, kw_only=True)
class LinkMaps(Job[LinkedMap]):
    """Lay another map of the same samples on the first: `LinkedMap`.

    Attributes:
        spec: the first map.
        other: the second, of the same data folder.
        bucket: where they are looked for if they are not in the cache; None for nowhere.
        other_places: where the samples are to lie on the second map, as in `MapLayer`.
    """

    supersedes: ClassVar[bool] = True

    spec: MapSpec
    other: MapSpec
    bucket: BucketSettings | None = None
    other_places: Places | None = None


@dataclass(frozen=True, kw_only=True)
class AssessMap(Job[MapAssessment]):
    """Find out how well classes are read from a map, and what its seed decides: `MapAssessment`.

    Attributes:
        spec: the map, which is made where it is missing.
        seeds: so many maps that differ in their seed alone are compared, the map itself among them;
            1 for none.
    """

    supersedes: ClassVar[bool] = True

    spec: MapSpec
    seeds: int = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class FindNeighbors(Job["NeighborsFound"]):
    """Find the samples nearest to one in the whole layer: `NeighborsFound`.

    Attributes:
        spec: the map whose layers are meant.
        row: the sample.
        count: how many.
        among: the samples among which they are looked for ``(K,) int64``, ascending; None for all.
    """

    supersedes: ClassVar[bool] = True

    spec: MapSpec
    row: int
    count: int
    among: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class NeighborsFound:
    """The samples nearest to another.

    Attributes:
        pairs: them and their distances, nearest first.
        in_layer: whether they are the nearest in the whole layer; if not, its activations are not
            stored, and they are the nearest in the space that was laid out.
    """

    pairs: tuple[tuple[int, float], ...]
    in_layer: bool


@dataclass(frozen=True)
class LayersExtracted:
    """Activations of layers were extracted.

    Attributes:
        model: the model.
        layer_sets: as asked for, each sorted.
        files: one ``.npy`` each; empty where they went to the cache.
        samples: how many samples have activations.
        computed: how many of them were computed now.
        bytes: size of all matrices.
        rate: pictures a second; None where none was computed.
        told: what each sample was told.
        prompts: whether the model takes prompts.
        notes: what was left out.
    """

    model: str
    layer_sets: tuple[LayerSet, ...]
    files: tuple[Path, ...]
    samples: int
    computed: int
    bytes: int
    rate: float | None
    told: Told = OWN_CONDITION
    prompts: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "layer_sets", tuple(map(LayerSet, self.layer_sets)))
