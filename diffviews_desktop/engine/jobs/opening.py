"""Opening data folders, loading models, converting checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.values.directions import DirectionInfo
from diffviews_desktop.values.folders import FolderRef, ModelLoaded, ModelSummary
from diffviews_desktop.values.layers import LayerSet, normalise
from diffviews_desktop.values.maps import LayerMap, MapParameters
from diffviews_desktop.values.noise_levels import ExtractionInput
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.told import Told


@dataclass(frozen=True, kw_only=True)
class OpenData(Job["DataOpened"]):
    """List the models of a data folder and open one: `DataOpened`. Loads no model.

    Attributes:
        model: the one to open; None for the first that can be opened.
        parameters: of the map to show; None for the folder's own where it has one.
        told: what the samples of the map to show are told; None for what the folder goes by.
        known: the fingerprint of the table that whoever asks knows samples of: of another one they
            are looked for by their ids. Empty for none.
    """

    model: str | None = None
    parameters: MapParameters | None = None
    told: Told | None = None
    known: str = ""


@dataclass(frozen=True, kw_only=True)
class LoadModel(Job[ModelLoaded]):
    """Load a model's adapter, the previous one being released first: `ModelLoaded`.

    Attributes:
        model: the model.
        parameters: of the maps that it tells to be there, or not.
        told: what the samples of these maps are told.
        again: whether the engine has died of it, or during it, before.
    """

    model: str
    parameters: MapParameters | None = None
    told: Told | None = None
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class ConvertCheckpoint(Job["CheckpointConverted"]):
    """Write a model's checkpoint as ``.safetensors`` beside it: `CheckpointConverted`."""

    model: str


@dataclass(frozen=True, eq=False)
class DataOpened:
    """An opened data folder and the samples and map of one of its models.

    ``layer_map`` is None where the folder brings no map: then `default_layers` is to be mapped
    once the model is loaded (None: its bottleneck), made with ``parameters`` of samples that were
    ``told`` something. ``extraction_input`` is what the model sees when layers are extracted,
    ``directions`` what is saved for it, ``fingerprint`` changes with the table of samples, and
    ``read_from`` are the files that say what the model is and which samples there are.
    """

    folder: FolderRef
    path: Path
    is_demo: bool
    models: tuple[ModelSummary, ...]
    problems: tuple[str, ...]
    model: str
    samples: SampleTable
    layer_map: LayerMap | None
    default_layers: LayerSet
    parameters: MapParameters | None = None
    told: Told | None = None
    extraction_input: ExtractionInput = "scaled"
    directions: tuple[DirectionInfo, ...] = ()
    fingerprint: str = ""
    read_from: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        normalise(self, "default_layers")


@dataclass(frozen=True)
class CheckpointConverted:
    """A checkpoint was written as ``.safetensors``, which stands for it from now on."""

    model: str
    path: Path
