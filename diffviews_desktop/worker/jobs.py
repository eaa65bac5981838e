"""What the window asks of the engine, and what it gets back: frozen values, nothing else.

A job carries every input, so that an engine that was just started can do it. Arrays are small
(a map is a few floats a sample) and read-only by convention.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.samples import SampleTable

NoiseMode = Literal["stochastic", "fixed", "zero"]
ClassChoice = int | Literal["random", "zero", "uniform"]


@dataclass(frozen=True)
class Source:
    """A data folder and what replaces its settings.

    Attributes:
        path: the data folder; None for the bundled demo.
        max_classes: keep only the samples of the first so many classes.
        adapter: replaces the adapter named by config.json.
        checkpoint: replaces the checkpoint named by config.json.
        sigma_max: replaces the first noise level.
        sigma_min: replaces the last noise level.
        num_steps: replaces the number of denoising steps.
        guidance_scale: replaces the guidance.
        label_dropout: with what probability labels were dropped in training.
        precision: what the network runs in on CUDA: auto, float32, float16 or bfloat16.
    """

    path: Path | None = None
    max_classes: int | None = None
    adapter: str | None = None
    checkpoint: str | None = None
    sigma_max: float | None = None
    sigma_min: float | None = None
    num_steps: int | None = None
    guidance_scale: float | None = None
    label_dropout: float | None = None
    precision: str | None = None


@dataclass(frozen=True)
class GenerateSettings:
    """How to sample. ``mask_steps`` counts from the first step; ``seed`` None draws a new one."""

    num_steps: int = 5
    mask_steps: int = 5
    sigma_max: float = 80.0
    sigma_min: float = 0.5
    rho: float = 7.0
    guidance_scale: float = 1.0
    noise_mode: NoiseMode = "stochastic"
    seed: int | None = None


# ---- jobs ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Job:
    """Something for the engine to do; ``job_id`` names it in everything that comes back."""

    job_id: int
    source: Source


@dataclass(frozen=True, kw_only=True)
class OpenData(Job):
    """List the models of a data folder and open one: `DataOpened`. Loads no model."""

    model: str | None = None


@dataclass(frozen=True, kw_only=True)
class LoadModel(Job):
    """Load a model's adapter, the previous one being released first: `ModelLoaded`."""

    model: str


@dataclass(frozen=True, kw_only=True)
class ConvertCheckpoint(Job):
    """Write a model's checkpoint as ``.safetensors`` beside it: `CheckpointConverted`."""

    model: str


@dataclass(frozen=True, kw_only=True)
class MapLayer(Job):
    """The map of a set of layers, from the cache or made now: `LayerMap`."""

    model: str
    layers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Generate(Job):
    """Draw with layers held at the mean of some samples' activations: `Trajectory`.

    Without rows nothing is masked.
    """

    model: str
    layers: tuple[str, ...]
    rows: tuple[int, ...]
    class_choice: ClassChoice
    settings: GenerateSettings


# ---- results ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ModelSummary:
    """What a data folder says of one model, before anything of it is loaded."""

    name: str
    adapter: str
    description: str
    settings: GenerateSettings


@dataclass(frozen=True, eq=False)
class LayerMap:
    """Samples on the map of a set of layers.

    Attributes:
        model: the model.
        layers: sorted names of the layers.
        xy: ``(N, 2) float32``; NaN where a sample has no place.
        reduced: the samples in the reduced activation space ``(N, K) float32``; None where the
            folder brings a map without activations and nobody needed them yet.
        from_cache: whether it was there already.
        parameters: what it was made with.
        path: the folder that holds it.
        notes: what was left out while making it.
    """

    model: str
    layers: tuple[str, ...]
    xy: NDArray[np.float32]
    reduced: NDArray[np.float32] | None
    from_cache: bool
    parameters: dict[str, Any]
    path: Path
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """``layer`` or ``layer+layer``."""
        return "+".join(self.layers)


@dataclass(frozen=True, eq=False)
class DataOpened:
    """An opened data folder and the samples and map of one of its models.

    ``layer_map`` is None where the folder brings no map: then `default_layers` is to be mapped
    once the model is loaded (None: its bottleneck).
    """

    source: Source
    path: Path
    is_demo: bool
    models: tuple[ModelSummary, ...]
    problems: tuple[str, ...]
    model: str
    samples: SampleTable
    layer_map: LayerMap | None
    default_layers: tuple[str, ...]


@dataclass(frozen=True)
class LayerInfo:
    """A layer of the loaded model: output ``shape (C, H, W)`` and whether its map is there."""

    name: str
    shape: tuple[int, ...]
    cached: bool

    @property
    def values(self) -> int:
        """Number of values of one sample."""
        return int(np.prod(self.shape))


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
        class_names: (number, name) of its classes, as far as anyone names them or the folder has
            samples of them.
        notes: what had to be assumed when it was loaded.
        convertible: whether its checkpoint could be written as ``.safetensors``.
        device_facts: name and memory of the device.
        adapters: every adapter, whichever this model uses.
    """

    model: str
    device: str
    num_classes: int
    resolution: int
    layers: tuple[LayerInfo, ...]
    settings: GenerateSettings = field(default_factory=GenerateSettings)
    guidance_note: str = ""
    class_names: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()
    convertible: bool = False
    device_facts: dict[str, Any] = field(default_factory=dict)
    adapters: AdapterList = field(default_factory=AdapterList)


@dataclass(frozen=True)
class CheckpointConverted:
    """A checkpoint was written as ``.safetensors``, which stands for it from now on."""

    model: str
    path: Path


@dataclass(frozen=True, eq=False)
class TrajectoryStep:
    """One denoising step of one picture.

    Attributes:
        index: from 0.
        sigma: noise level of the input.
        image: the predicted picture ``(H, W, C) uint8``.
        noised: the input, likewise.
        xy: place on the map of what the layers computed, ``(2,)``.
        distance: from there to the nearest sample in the reduced space.
        imposed_xy: place of what was imposed instead, or None where nothing was.
    """

    index: int
    sigma: float
    image: NDArray[np.uint8]
    noised: NDArray[np.uint8]
    xy: tuple[float, float]
    distance: float
    imposed_xy: tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A finished run.

    ``class_label`` is the class used: -1 for the uniform and -2 for the zero label; ``seed`` the
    seed used, whoever chose it; ``notes`` what else the person should know.
    """

    job: Generate
    class_label: int
    seed: int
    steps: tuple[TrajectoryStep, ...]
    device: str
    notes: tuple[str, ...] = ()

    @property
    def image(self) -> NDArray[np.uint8]:
        """The picture ``(H, W, C) uint8``."""
        return self.steps[-1].image


Result = DataOpened | ModelLoaded | CheckpointConverted | LayerMap | Trajectory


# ---- events while a job runs --------------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """A stage of a job and how far it is: 0 … 1, or None where that cannot be told."""

    job_id: int
    stage: str
    fraction: float | None = None


@dataclass(frozen=True, eq=False)
class RunStarted:
    """A run of `Generate` chose its seed and class and is about to begin."""

    job_id: int
    seed: int
    class_label: int


@dataclass(frozen=True, eq=False)
class StepDone:
    """A denoising step of a running `Generate` job."""

    job_id: int
    step: TrajectoryStep


Event = Progress | RunStarted | StepDone
