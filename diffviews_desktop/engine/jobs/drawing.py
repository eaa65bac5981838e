"""Drawing: runs, grids, and where a picture lands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.values.conditions import Condition
from diffviews_desktop.values.grid_axes import GridAxes
from diffviews_desktop.values.interventions import (
    Intervention,
    SampleMean,
    SavedVector,
    Source,
    Weighting,
    check_count,
    sole_mask,
)
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet, normalise
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.runs import GridCell, RunStep
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.typicality import Typicality

MAX_PICTURES = 2000
"""Of a grid."""


@dataclass(frozen=True, kw_only=True)
class Generate(Job["RunResult"]):
    """Draw, with or without interventions: `RunResult`.

    Attributes:
        spec: the map that shows the run, whose layers interventions act on that name no others.
        condition: what to draw.
        settings: how.
        interventions: what is done to layers meanwhile, one after the other.
        keep: whether each step keeps what the layers computed and what was imposed.

    Raises:
        UsageError: there are too many interventions.
    """

    spec: MapSpec
    condition: Condition
    settings: SamplingSettings
    interventions: tuple[Intervention, ...] = ()
    keep: bool = False

    def __post_init__(self) -> None:
        check_count(self.interventions)


class Cell(NamedTuple):
    """What one picture of a grid is drawn with."""

    settings: SamplingSettings
    interventions: tuple[Intervention, ...]


@dataclass(frozen=True, kw_only=True)
class GenerateGrid(Job["PictureGrid"]):
    """Draw many pictures in one job: `PictureGrid`.

    One of every combination of the axes; an empty axis has the settings' own value alone. The
    pictures of a row have the seeds ``seed``, ``seed + 1``, …

    Attributes:
        spec: the map, whose layers interventions act on where neither they nor an axis name others.
        condition: what to draw.
        settings: how.
        interventions: what is done to layers meanwhile.
        varied: which of the interventions, from 0, the axes vary.
        samples: number of seeds.
        strengths: of that intervention.
        windows: first step, and the step that it no longer acts on.
        mask_layers: sets of layers that it acts on.
        batch: pictures in one forward pass; None to choose by device and size.
    """

    supersedes: ClassVar[bool] = True

    spec: MapSpec
    condition: Condition
    settings: SamplingSettings
    interventions: tuple[Intervention, ...] = ()
    varied: int = 0
    samples: int = 1
    strengths: tuple[float, ...] = ()
    windows: tuple[tuple[int, int], ...] = ()
    mask_layers: tuple[LayerSet, ...] = ()
    batch: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "mask_layers", tuple(map(LayerSet, self.mask_layers)))
        check_count(self.interventions)

    @property
    def count(self) -> int:
        """Number of pictures."""
        return self.axes.count

    @property
    def varies_intervention(self) -> bool:
        """Whether an axis is one of an intervention."""
        return self.axes.varies_intervention

    @property
    def axes(self) -> GridAxes:
        """What varies in it."""
        return GridAxes(self.samples, self.varied, self.strengths, self.windows, self.mask_layers)

    def cells(self) -> list[Cell]:
        """What every picture is drawn with, seeds running fastest, then strengths, windows and
        layers.

        The seed must have been chosen.
        """
        seed = self.settings.seed
        assert seed is not None
        return [
            Cell(replace(self.settings, seed=(seed + index) % 2**63), interventions)
            for interventions in self._stacks()
            for index in range(self.samples)
        ]

    def _stacks(self) -> list[tuple[Intervention, ...]]:
        """The interventions with every combination of what varies in one of them."""
        if not self.varies_intervention:
            return [self.interventions]
        head, template = self.interventions[: self.varied], self.interventions[self.varied]
        tail = self.interventions[self.varied + 1 :]
        return [
            (
                *head,
                replace(
                    template,
                    layers=layers,
                    step_from=window[0],
                    step_to=window[1],
                    strength=strength,
                ),
                *tail,
            )
            for layers in self.mask_layers or (template.layers,)
            for window in self.windows or ((template.step_from, template.step_to),)
            for strength in self.strengths or (template.strength,)
        ]


@dataclass(frozen=True, kw_only=True, eq=False)
class PlacePicture(Job["PicturePlaced"]):
    """Where a picture's own activation lies on a map: `PicturePlaced`.

    Attributes:
        spec: the map.
        image: ``(H, W, C) uint8`` of the model's size.
        condition: what the model was told when it drew the picture.
        sigma: noise level at which the layers see it.
        seed: of that noise.
        count: how many nearest samples to name.
    """

    spec: MapSpec
    image: NDArray[np.uint8]
    condition: Condition
    sigma: float
    seed: int = 0
    count: int = 8


@dataclass(frozen=True, kw_only=True)
class PlaceFile(Job["FilePlaced"]):
    """Where the picture in a file lies on a map: `FilePlaced`.

    Attributes:
        spec: the map.
        file: a picture of any size; the middle is taken where it is not square.
        condition: what the model is told of it, where each sample was told its own class.
        sigma: noise level at which the layers see it.
        count: how many nearest samples to name.
    """

    spec: MapSpec
    file: Path
    condition: Condition
    sigma: float
    count: int = 8


@dataclass(frozen=True, kw_only=True)
class JudgeMask(Job["MaskJudged"]):
    """How usual a mask is among the samples, before anything is drawn with it: `MaskJudged`.

    Attributes:
        spec: the map.
        rows: samples that the mask averages, the anchor first; none for a saved vector.
        layers: that it is imposed at; none for the map's, or those of the saved vector.
        weighting: how the samples count, as in `SamplingSettings`.
        saved: the name of the saved vector that the layers are held at.
    """

    supersedes: ClassVar[bool] = True

    spec: MapSpec
    rows: tuple[int, ...] = ()
    layers: LayerSet = NO_LAYERS
    weighting: Weighting = "equal"
    saved: str = ""

    def __post_init__(self) -> None:
        normalise(self, "layers")

    @property
    def mask(self) -> Intervention:
        """The mask, as an intervention."""
        source: Source = SampleMean(self.rows, self.weighting)
        return Intervention(
            "replace", SavedVector(self.saved) if self.saved else source, self.layers
        )


class JudgedMask(NamedTuple):
    """What holds layers at given values, as `masks_of` has it, and how usual these are among the
    samples."""

    mask: Intervention
    typicality: Typicality


@dataclass(frozen=True, eq=False)
class RunResult:
    """A finished run.

    Attributes:
        job: what was asked for.
        condition: what the model was told, a random class being chosen; None for a model that is
            told nothing.
        seed: the seed used, whoever chose it.
        steps: one a denoising step.
        device: where it ran.
        notes: what else the user should know.
        record: everything that is needed to make it again (see `diffviews_desktop.engine.record`).
        apart: why it cannot be compared with the samples of the map as it is; empty where it can.
        masks: how usual each mask is among the samples, as far as that is known.
        seconds: that its steps took.
    """

    job: Generate
    condition: Condition | None
    seed: int
    steps: tuple[RunStep, ...]
    device: str
    notes: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    apart: str = ""
    masks: tuple[JudgedMask, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def mask(self) -> Typicality | None:
        """How usual the mask is where it is all that acts; None where that is not known."""
        is_sole = sole_mask(tuple(one for one in self.job.interventions if one.enabled)) is not None
        return self.masks[0].typicality if is_sole and self.masks else None

    @property
    def evaluations(self) -> int:
        """How often the network ran (NFE)."""
        return sum(step.evaluations for step in self.steps)

    @property
    def image(self) -> NDArray[np.uint8]:
        """The picture ``(H, W, C) uint8``."""
        return self.steps[-1].image


@dataclass(frozen=True, eq=False)
class PictureGrid:
    """All pictures of a grid, in the order of `GenerateGrid.cells`; ``job`` with its seed and batch
    chosen, and ``masks``: how usual those are among the samples whose layers are mapped."""

    job: GenerateGrid
    cells: tuple[GridCell, ...]
    device: str
    notes: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    masks: tuple[JudgedMask, ...] = ()


@dataclass(frozen=True, eq=False)
class PicturePlaced:
    """Where a picture landed.

    Attributes:
        job: what was asked for.
        xy: its place on the map.
        distance: to the nearest sample in the reduced activation space.
        neighbors: the nearest samples with their distances, nearest first.
        told: what the model was told of the picture here: the same as of the samples.
        apart: why it cannot be compared with the samples as it is; empty where it can.
        typicality: how usual its activation is among the samples of like noise level.
    """

    job: PlacePicture
    xy: tuple[float, float]
    distance: float
    neighbors: tuple[tuple[int, float], ...]
    told: Condition | None = None
    apart: str = ""
    typicality: Typicality | None = None


@dataclass(frozen=True, eq=False)
class FilePlaced:
    """Where the picture in a file lies; ``placed.job`` holds the picture as the model saw it."""

    job: PlaceFile
    placed: PicturePlaced


@dataclass(frozen=True, eq=False)
class MaskJudged:
    """How usual a mask is; None where that is not known, for a reason: a sentence."""

    job: JudgeMask
    typicality: Typicality | None
    reason: str = ""
