"""What the window asks of the engine, and what it gets back: frozen values, nothing else.

A job carries every input, so that an engine that was just started can do it. Arrays are small
(a map is a few floats a sample) and read-only by convention.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.samples import SampleTable

NoiseMode = Literal["stochastic", "fixed", "zero"]
Sampler = Literal["renoise", "heun"]
MAX_PICTURES = 2000
"""Of a grid."""
Weighting = Literal["equal", "distance"]
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
    """How to sample, and how a mask acts.

    Attributes:
        num_steps: denoising steps.
        mask_steps: the step, from 0, that the mask no longer acts on.
        sigma_max: noise level of the first step.
        sigma_min: noise level of the last step.
        rho: exponent of the schedule.
        guidance_scale: classifier-free guidance; 1 for none.
        noise_mode: ``zero`` adds no noise at all.
        seed: None draws a new one.
        sampler: ``renoise`` for few-step models, ``heun`` for EDM's.
        s_churn: noise that Heun's sampler adds over the run, at levels from ``s_min`` to ``s_max``
            (None: no limit), of standard deviation ``s_noise``.
        mask_from: first step that the mask acts on, from 0.
        strength: how much of the mask is imposed, 0 … 1.
        weighting: whether samples nearer to the anchor count more in the mask.
        mask_unconditional: whether the mask acts on the unconditional half of guidance too.
        mask_layers: layers to impose; empty for those of the map.
    """

    num_steps: int = 5
    mask_steps: int = 5
    sigma_max: float = 80.0
    sigma_min: float = 0.5
    rho: float = 7.0
    guidance_scale: float = 1.0
    noise_mode: NoiseMode = "stochastic"
    seed: int | None = None
    sampler: Sampler = "renoise"
    s_churn: float = 0.0
    s_min: float = 0.0
    s_max: float | None = None
    s_noise: float = 1.0
    mask_from: int = 0
    strength: float = 1.0
    weighting: Weighting = "equal"
    mask_unconditional: bool = True
    mask_layers: tuple[str, ...] = ()

    def evaluations(self, guided: bool = True) -> int:
        """How often the network runs for a picture (NFE); ``guided`` says that there are labels for
        guidance to act on."""
        once = 2 * self.num_steps - 1 if self.sampler == "heun" else self.num_steps
        return once * (2 if guided and self.guidance_scale != 1 else 1)


@dataclass(frozen=True)
class Preset:
    """Settings that somebody published, by name; ``note`` gives their figures and their source."""

    name: str
    settings: GenerateSettings
    note: str


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
    """Load a model's adapter, the previous one being released first: `ModelLoaded`.

    ``again`` says that the engine has died of it, or during it, before.
    """

    model: str
    again: bool = False


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

    Attributes:
        model: the model.
        layers: of the map that shows the run.
        rows: samples that the mask averages, the anchor first.
        class_choice: what to draw.
        settings: how.
        keep: whether each step keeps what the layers computed and what was imposed.
    """

    model: str
    layers: tuple[str, ...]
    rows: tuple[int, ...]
    class_choice: ClassChoice
    settings: GenerateSettings
    keep: bool = False


@dataclass(frozen=True, kw_only=True)
class GenerateGrid(Job):
    """Draw many pictures in one job: `PictureGrid`.

    One of every combination of the axes; an empty axis has the settings' own value alone. The
    pictures of a row have the seeds ``seed``, ``seed + 1``, …

    Attributes:
        model: the model.
        layers: imposed where neither the settings nor an axis name others.
        rows: samples that the mask averages, the anchor first; empty for no mask.
        class_choice: what to draw.
        settings: how.
        samples: number of seeds.
        strengths: of the mask.
        windows: first step, and the step that the mask no longer acts on.
        mask_layers: sets of layers to impose.
        batch: pictures in one forward pass; None to choose by device and size.
    """

    model: str
    layers: tuple[str, ...]
    rows: tuple[int, ...]
    class_choice: ClassChoice
    settings: GenerateSettings
    samples: int = 1
    strengths: tuple[float, ...] = ()
    windows: tuple[tuple[int, int], ...] = ()
    mask_layers: tuple[tuple[str, ...], ...] = ()
    batch: int | None = None

    @property
    def count(self) -> int:
        """Number of pictures."""
        axes = (self.strengths, self.windows, self.mask_layers)
        return self.samples * math.prod(max(1, len(axis)) for axis in axes)

    def cells(self) -> list[GenerateSettings]:
        """Settings of every picture, seeds running fastest, then strengths, windows and layers.

        The seed must have been chosen.
        """
        own, seed = self.settings, self.settings.seed
        assert seed is not None
        return [
            replace(
                own,
                seed=(seed + index) % 2**63,
                strength=strength,
                mask_from=window[0],
                mask_steps=window[1],
                mask_layers=layers,
            )
            for layers in self.mask_layers or (own.mask_layers,)
            for window in self.windows or ((own.mask_from, own.mask_steps),)
            for strength in self.strengths or (own.strength,)
            for index in range(self.samples)
        ]


@dataclass(frozen=True, kw_only=True, eq=False)
class PlacePicture(Job):
    """Where a picture's own activation lies on the map of some layers: `PicturePlaced`.

    Attributes:
        model: the model.
        layers: of the map.
        image: ``(H, W, C) uint8`` of the model's size.
        class_label: class that the model is told, as in `Trajectory`.
        sigma: noise level at which the layers see it.
        seed: of that noise.
        count: how many nearest samples to name.
    """

    model: str
    layers: tuple[str, ...]
    image: NDArray[np.uint8]
    class_label: int
    sigma: float
    seed: int = 0
    count: int = 8


@dataclass(frozen=True, kw_only=True)
class LinkMaps(Job):
    """Lay another map of the same samples on the first: `LinkedMap`.

    Attributes:
        model: of the first map.
        layers: of the first map.
        other_model: of the second, in the same data folder.
        other_layers: of the second; empty for its default ones.
    """

    model: str
    layers: tuple[str, ...]
    other_model: str
    other_layers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class AveragePictures(Job):
    """The mean of the pictures of some samples: `PictureMean`.

    Attributes:
        model: the model.
        rows: the samples ``(K,) int64``.
    """

    model: str
    rows: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class ExportSamples(Job):
    """Write some samples as CSV, by sample id: `SamplesExported`.

    Attributes:
        model: the model.
        rows: the samples ``(K,) int64``.
        columns: what is written of each besides what the folder says of it, ``(K,)`` each.
        file: what to write; one that is there is replaced.
    """

    model: str
    rows: NDArray[np.int64]
    columns: Mapping[str, NDArray]
    file: Path


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

    @cached_property
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
        presets: settings that were published for models of its kind.
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
    presets: tuple[Preset, ...] = ()
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
        evaluations: how often the network ran in this step.
        computed: what each layer computed, ``{layer: (C, H, W)}``, if the job keeps it.
        imposed: what the rest of the network saw of the masked layers instead, likewise.
        reduced: what the layers computed in the reduced activation space, ``(K,)``.
    """

    index: int
    sigma: float
    image: NDArray[np.uint8]
    noised: NDArray[np.uint8]
    xy: tuple[float, float]
    distance: float
    imposed_xy: tuple[float, float] | None
    evaluations: int = 1
    computed: Mapping[str, NDArray[np.float32]] | None = None
    imposed: Mapping[str, NDArray[np.float32]] | None = None
    reduced: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A finished run.

    Attributes:
        job: what was asked for.
        class_label: the class used: -1 for the uniform and -2 for the zero label.
        seed: the seed used, whoever chose it.
        steps: one a denoising step.
        device: where it ran.
        notes: what else the person should know.
        record: everything that is needed to make it again (see `worker.record`).
    """

    job: Generate
    class_label: int
    seed: int
    steps: tuple[TrajectoryStep, ...]
    device: str
    notes: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def evaluations(self) -> int:
        """How often the network ran (NFE)."""
        return sum(step.evaluations for step in self.steps)

    @property
    def image(self) -> NDArray[np.uint8]:
        """The picture ``(H, W, C) uint8``."""
        return self.steps[-1].image


@dataclass(frozen=True, eq=False)
class GridCell:
    """One picture ``(H, W, C) uint8`` of a grid: ``index`` into `GenerateGrid.cells`, and what it
    was drawn with; ``class_label`` as in `Trajectory`."""

    index: int
    settings: GenerateSettings
    class_label: int
    image: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PictureGrid:
    """All pictures of a grid, in the order of `GenerateGrid.cells`; ``job`` with its seed and batch
    chosen."""

    job: GenerateGrid
    cells: tuple[GridCell, ...]
    device: str
    notes: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class PicturePlaced:
    """Where a picture landed.

    Attributes:
        job: what was asked for.
        xy: its place on the map.
        distance: to the nearest sample in the reduced activation space.
        neighbors: the nearest samples with their distances, nearest first.
    """

    job: PlacePicture
    xy: tuple[float, float]
    distance: float
    neighbors: tuple[tuple[int, float], ...]


@dataclass(frozen=True, eq=False)
class LinkedMap:
    """A second map of the samples of a first one.

    Attributes:
        map: the second, its rows the first one's samples (NaN where one is not on it), turned to
            lie like the first.
        beside: layers of the first.
        overlap: share of each sample's nearest samples in one activation space that are among those
            in the other, 0 … 1, ``(N,) float32``; None where there are no activations.
    """

    map: LayerMap
    beside: tuple[str, ...]
    overlap: NDArray[np.float32] | None

    @property
    def mean_overlap(self) -> float | None:
        """Over all samples that are on both maps."""
        if self.overlap is None or not np.isfinite(self.overlap).any():
            return None
        return float(np.nanmean(self.overlap, dtype=np.float64))


@dataclass(frozen=True, eq=False)
class PictureMean:
    """The mean of the pictures of some samples.

    Attributes:
        model: the model.
        sample_ids: of the samples whose pictures were averaged.
        mean: ``(R, R, 3) float32``, 0 … 255.
        deviation: standard deviation over the samples, the same.
        left_out: how many pictures cannot be read, and why, as a sentence; empty where all can.
    """

    model: str
    sample_ids: tuple[str, ...]
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    left_out: str = ""


@dataclass(frozen=True)
class SamplesExported:
    """A table with ``samples`` samples was written to ``file``."""

    samples: int
    file: Path


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
    | PictureGrid
    | PicturePlaced
    | LinkedMap
    | PictureMean
    | SamplesExported
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


@dataclass(frozen=True, eq=False)
class CellDone:
    """A picture of a running `GenerateGrid` job is there."""

    job_id: int
    cell: GridCell


Event = Progress | RunStarted | StepDone | CellDone
