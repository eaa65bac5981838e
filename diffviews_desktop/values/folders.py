"""Data folders and models as values: what is opened, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from diffviews_desktop.values.layers import LayerShape
from diffviews_desktop.values.sampling import Preset, SamplingSettings
from diffviews_desktop.values.told import Told


@dataclass(frozen=True)
class Overrides:
    """What replaces settings of config.json, for every model of a folder; None replaces nothing.

    Attributes:
        adapter: replaces the adapter named by config.json.
        checkpoint: replaces the checkpoint named by config.json.
        sigma_max: replaces the first noise level.
        sigma_min: replaces the last noise level.
        num_steps: replaces the number of denoising steps.
        guidance_scale: replaces the guidance.
        label_dropout: with what probability labels were dropped in training.
        weights: replaces the name of the weights in the checkpoint, where it has several.
        precision: what the network runs in on CUDA: auto, float32, float16 or bfloat16.
        extraction_input: replaces what the model sees when layers are extracted.
        activation_dtype: replaces what activations are stored as.
    """

    adapter: str | None = None
    checkpoint: str | None = None
    sigma_max: float | None = None
    sigma_min: float | None = None
    num_steps: int | None = None
    guidance_scale: float | None = None
    label_dropout: float | None = None
    weights: str | None = None
    precision: str | None = None
    extraction_input: Literal["noised", "scaled"] | None = None
    activation_dtype: Literal["float32", "float16"] | None = None


@dataclass(frozen=True)
class FolderRef:
    """A data folder, and how it is read.

    Attributes:
        path: the data folder; None for the bundled demo.
        max_classes: keep only the samples of the first so many classes.
        overrides: what replaces its settings.
    """

    path: Path | None = None
    max_classes: int | None = None
    overrides: Overrides = field(default_factory=Overrides)


@dataclass(frozen=True)
class ModelSummary:
    """What a data folder says of one model, before anything of it is loaded."""

    name: str
    adapter: str
    description: str
    settings: SamplingSettings


@dataclass(frozen=True)
class LayerInfo:
    """A layer of the loaded model: its output's shape and whether its map is there."""

    name: str
    shape: LayerShape
    cached: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", LayerShape(self.shape))

    @property
    def values(self) -> int:
        """Number of values of one sample."""
        return self.shape.values


@dataclass(frozen=True)
class AdapterList:
    """The adapters there are, and those of other packages that cannot be used, with the reason."""

    usable: tuple[str, ...] = ()
    unusable: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ModelLoaded:
    """A loaded model.

    Attributes:
        model: its name.
        device: where it is.
        num_classes: 0 for an unconditional model.
        resolution: height and width of its pictures.
        layers: its layers, in running order.
        settings: how to sample it: the adapter's defaults, then those of config.json and of the
            command line.
        guidance_note: whether guidance was trained; empty where the adapter does not say.
        prompts: whether it takes prompts.
        told: what samples are told where nobody chose; None for a model that nothing can be told.
        told_notes: what to keep in mind where samples are told something.
        class_names: (number, name) of its classes, as far as anyone names them or the folder has
            samples of them.
        notes: what had to be assumed when it was loaded.
        convertible: whether its checkpoint could be written as ``.safetensors``.
        device_facts: name and memory of the device.
        presets: settings that were published for models of its kind.
        adapters: every adapter, whichever this model uses.
    """

    model: str
    device: str
    num_classes: int
    resolution: int
    layers: tuple[LayerInfo, ...]
    settings: SamplingSettings = field(default_factory=SamplingSettings)
    guidance_note: str = ""
    prompts: bool = False
    told: Told | None = None
    told_notes: Mapping[Told, str] = field(default_factory=dict)
    class_names: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()
    convertible: bool = False
    device_facts: dict[str, Any] = field(default_factory=dict)
    presets: tuple[Preset, ...] = ()
    adapters: AdapterList = field(default_factory=AdapterList)
