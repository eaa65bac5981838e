"""What the window asks of the engine, and what it gets back: frozen values, nothing else.

A job carries every input, so that an engine that was just started can do it. Arrays are small
(a map is a few floats a sample) and read-only by convention.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    """

    path: Path | None = None
    max_classes: int | None = None
    adapter: str | None = None
    checkpoint: str | None = None


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
class ModelLoaded:
    """A loaded model."""

    model: str
    device: str
    num_classes: int
    resolution: int
    layers: tuple[LayerInfo, ...]


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
    seed used, whoever chose it.
    """

    job: Generate
    class_label: int
    seed: int
    steps: tuple[TrajectoryStep, ...]
    device: str

    @property
    def image(self) -> NDArray[np.uint8]:
        """The picture ``(H, W, C) uint8``."""
        return self.steps[-1].image


Result = DataOpened | ModelLoaded | LayerMap | Trajectory


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
