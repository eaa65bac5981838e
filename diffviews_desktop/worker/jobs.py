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

from diffviews_desktop.processing.parameters import MapParameters
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
        extraction_input: replaces what the model sees when layers are extracted.
        activation_dtype: replaces what activations are stored as.
        parameters: of the maps; None for the folder's own map where it has one, and else those that
            nobody needs to choose.
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
    extraction_input: Literal["noised", "scaled"] | None = None
    activation_dtype: Literal["float32", "float16"] | None = None
    parameters: MapParameters | None = None


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
class Extract(Job):
    """Extract layers in one pass: `LayersExtracted`.

    Attributes:
        layer_sets: one matrix each, of one layer or several joined.
        out: a folder for ``<layers>.npy`` with side-cars; None for the cache, where the map finds
            them.
    """

    model: str
    layer_sets: tuple[tuple[str, ...], ...]
    out: Path | None = None


@dataclass(frozen=True, kw_only=True)
class ImportData(Job):
    """Make a data folder from pictures, or from the model's own samples: `DataImported`.

    Attributes:
        checkpoint: the model's checkpoint, a file or a folder.
        out: the data folder to make; models that are there already stay as they are.
        name: of the model's subfolder, which must not exist.
        adapter: None to take the general one that can read the checkpoint.
        images: a folder of pictures, looked through with its subfolders; None to generate some.
        labels: a CSV with the columns ``file`` and ``class`` and, if wanted, ``name``; None to take
            the names of subfolders as classes, where there are any.
        generate: how many samples to draw where there are no pictures.
        sigmas: noise levels; every picture becomes one sample at each.
        layers: layers of the folder's own map; empty for the model's default.
        seed: of what is generated.
    """

    checkpoint: Path
    out: Path
    name: str
    adapter: str | None = None
    images: Path | None = None
    labels: Path | None = None
    generate: int = 0
    sigmas: tuple[float, ...] = (0.5, 2.0, 10.0)
    layers: tuple[str, ...] = ()
    seed: int = 42


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
        z: third coordinate ``(N,) float32``; None on a flat map.
        trust: how far each sample's neighbours on the map can be trusted, 0 … 1, ``(N,) float32``;
            None where the map was not judged. Its mean is the map's trustworthiness.
        rate: pictures a second while it was extracted; None where nothing was.
    """

    model: str
    layers: tuple[str, ...]
    xy: NDArray[np.float32]
    reduced: NDArray[np.float32] | None
    from_cache: bool
    parameters: dict[str, Any]
    path: Path
    notes: tuple[str, ...] = ()
    z: NDArray[np.float32] | None = None
    trust: NDArray[np.float32] | None = None
    rate: float | None = None

    @property
    def trustworthiness(self) -> float | None:
        """The map's figure, 0 … 1; None where it was not judged."""
        if self.trust is None or not np.isfinite(self.trust).any():
            return None
        return float(np.nanmean(self.trust, dtype=np.float64))

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
        notes: what was left out.
    """

    model: str
    layer_sets: tuple[tuple[str, ...], ...]
    files: tuple[Path, ...]
    samples: int
    computed: int
    bytes: int
    rate: float | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataImported:
    """A data folder was made: ``path / model`` has ``samples`` samples of ``pictures`` pictures."""

    path: Path
    model: str
    pictures: int
    samples: int
    notes: tuple[str, ...] = ()


Result = (
    DataOpened
    | ModelLoaded
    | CheckpointConverted
    | LayersExtracted
    | DataImported
    | LayerMap
    | Trajectory
)


# ---- events while a job runs --------------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """A stage of a job and how far it is: 0 … 1, or None where that cannot be told; ``detail`` is
    for the person, such as ``96 of 2000, 41/s``."""

    job_id: int
    stage: str
    fraction: float | None = None
    detail: str = ""


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
