"""Saving directions and means of sets, and using them again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.values.directions import DirectionInfo
from diffviews_desktop.values.interventions import Component, Difference, SampleMean
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet, normalise
from diffviews_desktop.values.maps import MapSpec


@dataclass(frozen=True, kw_only=True)
class SaveDirection(Job["DirectionSaved"]):
    """Compute a vector and save it under a name: `DirectionSaved`.

    Attributes:
        spec: the map, whose layers it is of where none are named.
        source: what it is: a difference of two sets, the mean of one, or a component of the map.
        name: for the list, and that of its file.
        layers: that it has values of.
        replace: whether one of this name may be replaced.
    """

    spec: MapSpec
    source: SampleMean | Difference | Component
    name: str
    layers: LayerSet = NO_LAYERS
    replace: bool = False

    def __post_init__(self) -> None:
        normalise(self, "layers")


@dataclass(frozen=True, kw_only=True)
class ListDirections(Job["DirectionList"]):
    """What is saved for a model: `DirectionList`."""

    model: str


@dataclass(frozen=True, kw_only=True)
class ExportDirection(Job["DirectionSaved"]):
    """Write a saved vector to a file elsewhere, which another session can load: `DirectionSaved`.

    Attributes:
        model: the model.
        name: of the vector.
        file: to write; one that is there is replaced.
    """

    model: str
    name: str
    file: Path


@dataclass(frozen=True, kw_only=True)
class LoadDirection(Job["DirectionSaved"]):
    """Take a file of a saved vector among those of a model: `DirectionSaved`.

    Attributes:
        model: the model.
        file: to read.
        name: under which it is listed; None for that of the file.
        replace: whether one of this name may be replaced.
    """

    model: str
    file: Path
    name: str | None = None
    replace: bool = False


@dataclass(frozen=True)
class DirectionSaved:
    """A vector was written; ``norms`` are the lengths of its values, layer by layer."""

    info: DirectionInfo
    norms: dict[str, float]


@dataclass(frozen=True)
class DirectionList:
    """The saved vectors of a model, by name."""

    model: str
    directions: tuple[DirectionInfo, ...]
