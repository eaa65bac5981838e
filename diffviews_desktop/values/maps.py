"""What a map depends on besides the activations, and what is allowed."""

from __future__ import annotations

import math
import operator
import os
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.errors import UsageError
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet, normalise
from diffviews_desktop.values.map_quality import MapQuality
from diffviews_desktop.values.metrics import METRICS
from diffviews_desktop.values.told import Told, described_told

PCA_VARIABLE = "DIFFVIEWS_PCA_COMPONENTS"
NEIGHBORS_RANGE = (2, 200)
PCA_RANGE = (1, 1000)
MAX_SEED = 2**32 - 1  # what NumPy's and UMAP's generators take


@dataclass(frozen=True)
class MapParameters:
    """What a map depends on besides the activations.

    Attributes:
        n_neighbors: of UMAP, the sample itself among them, 2 … 200.
        min_dist: of UMAP, 0 ≤ min_dist < 1.
        pca_components: 1 … 1000 dimensions to reduce to first; None to leave PCA out.
        seed: of every stage, 0 … 2**32 - 1.
        metric: ``euclidean``, ``cosine`` or ``correlation``, between reduced activations (see
            `diffviews_desktop.processing.neighbors.to_euclidean`).
        n_components: of the map, 2 or 3.
        level: noise level of the samples on the map, 0 or more; None for all samples.
        aligned: whether each noise level has a map of its own, in one frame with the others, so
            that the samples of a picture lie at like places; not together with ``level``.

    Raises:
        UsageError: a value that is not allowed; the text says which are.
    """

    n_neighbors: int = 15
    min_dist: float = 0.1
    pca_components: int | None = 50
    seed: int = 42
    metric: str = "euclidean"
    n_components: int = 2
    level: float | None = None
    aligned: bool = False

    def __post_init__(self) -> None:
        values: dict[str, Any] = {
            "n_neighbors": _whole("n_neighbors", self.n_neighbors, *NEIGHBORS_RANGE),
            "min_dist": _distance(self.min_dist),
            "seed": _whole("seed", self.seed, 0, MAX_SEED),
            "n_components": _whole("n_components", self.n_components, 2, 3),
        }
        if self.pca_components is not None:
            values["pca_components"] = _whole("pca_components", self.pca_components, *PCA_RANGE)
        if self.level is not None:
            values["level"] = _level(self.level)
        if self.aligned and self.level is not None:
            raise UsageError(
                tr("Aligned maps show all noise levels: leave the level out, or do not align.")
            )
        if self.metric not in METRICS:
            raise UsageError(
                tr(
                    "metric must be {metrics}, not {metric!r}.",
                    metrics=", ".join(METRICS),
                    metric=self.metric,
                )
            )
        for name, value in values.items():
            object.__setattr__(self, name, value)  # plain numbers, whatever kind was given

    def to_dict(self) -> dict[str, Any]:
        """The parameters as plain values, for side-car files and cache keys.

        The metric, the number of dimensions, the level and whether levels are aligned appear only
        where they are not the usual ones, so that the keys of maps made before there was a choice
        stay valid.
        """
        values: dict[str, Any] = {
            "n_neighbors": self.n_neighbors,
            "min_dist": self.min_dist,
            "pca_components": self.pca_components,
            "seed": self.seed,
        }
        if self.metric != MapParameters.metric:
            values["metric"] = self.metric
        if self.n_components != MapParameters.n_components:
            values["n_components"] = self.n_components
        if self.level is not None:
            values["level"] = self.level
        if self.aligned:
            values["aligned"] = True
        return values


def default_parameters() -> MapParameters:
    """The parameters of maps where nobody chose any.

    ``DIFFVIEWS_PCA_COMPONENTS`` says how many principal components are kept, 50 unless set; ``0``,
    ``none`` and ``off`` leave PCA out.

    Raises:
        UsageError: the variable says something else.
    """
    text = os.environ.get(PCA_VARIABLE, "").strip().lower()
    if not text:
        return MapParameters()
    if text in ("0", "none", "off"):
        return MapParameters(pca_components=None)
    low, high = PCA_RANGE
    if not (text.isascii() and text.isdecimal() and low <= int(text) <= high):
        raise UsageError(
            tr(
                "{pca_variable} must be a whole number from {low} to {high}, or 0, none or "
                "off to leave PCA out, not {environ!r}.",
                pca_variable=PCA_VARIABLE,
                low=low,
                high=high,
                environ=os.environ[PCA_VARIABLE],
            )
        )
    return MapParameters(pca_components=int(text))


def _whole(name: str, value: Any, low: int, high: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or not low <= number <= high:
        raise UsageError(
            tr(
                "{name} must be a whole number from {low} to {high}, not {value!r}.",
                name=name,
                low=low,
                high=high,
                value=value,
            )
        )
    return number


def _distance(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, str | bool) or not 0 <= number < 1:
        raise UsageError(
            tr("min_dist must be a number from 0 to less than 1, not {value!r}.", value=value)
        )
    return number


def _level(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, str | bool) or not 0 <= number < math.inf:
        raise UsageError(tr("level must be a noise level, 0 or more, not {value!r}.", value=value))
    return number


@dataclass(frozen=True)
class MapSpec:
    """Which map of a folder is meant.

    Attributes:
        model: the model.
        layers: whose activations it shows; none for the model's default ones.
        parameters: what it is made with; None for the folder's own map where it has one, and else
            for those that nobody needs to choose.
        told: what each sample is told; None for what the folder's own map, the folder or the model
            goes by.
    """

    model: str
    layers: LayerSet = NO_LAYERS
    parameters: MapParameters | None = None
    told: Told | None = None

    def __post_init__(self) -> None:
        normalise(self, "layers")


@dataclass(frozen=True, eq=False)
class Places:
    """Where samples lie on a map.

    Attributes:
        xy: ``(N, 2) float32``; NaN where a sample has no place.
        z: the third coordinate ``(N,) float32``; None on a flat map.
    """

    xy: NDArray[np.float32]
    z: NDArray[np.float32] | None = None

    @property
    def all(self) -> NDArray[np.float32]:
        """With all dimensions, ``(N, 2 or 3)``."""
        return self.xy if self.z is None else np.column_stack([self.xy, self.z])

    @cached_property
    def checksum(self) -> int:
        """CRC-32 of `all`."""
        return zlib.crc32(np.ascontiguousarray(self.all, "<f4").data)


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
        told: what each sample was told; None for a model that nothing can be told.
        told_note: what to keep in mind about that; empty where there is nothing.
        by_original: whether it was the original system that told them.
        prompts: whether the model takes prompts, so that its samples have captions of their own.
        kept: the share of each sample's nearest on the map that are its nearest in the reduced
            space, 0 … 1, ``(N,) float32``; None where the map was not judged.
        quality: how well it shows its layer, as far as it was measured.
        near: from each sample to the nearest other one in the reduced space ``(N,) float32``; None
            where that is not known.
        outside: the share of each sample that no component of the map holds, 0 … 1,
            ``(N,) float32``; None likewise.
        upload_to: address of the bucket that lacks it and is to get it; empty for none.
    """

    model: str
    layers: LayerSet
    xy: NDArray[np.float32]
    reduced: NDArray[np.float32] | None
    from_cache: bool
    parameters: dict[str, Any]
    path: Path
    notes: tuple[str, ...] = ()
    z: NDArray[np.float32] | None = None
    trust: NDArray[np.float32] | None = None
    rate: float | None = None
    told: Told | None = None
    told_note: str = ""
    kept: NDArray[np.float32] | None = None
    quality: MapQuality = field(default_factory=MapQuality)
    near: NDArray[np.float32] | None = None
    outside: NDArray[np.float32] | None = None
    upload_to: str = ""
    by_original: bool = False
    prompts: bool = False

    def __post_init__(self) -> None:
        normalise(self, "layers")

    @cached_property
    def places(self) -> Places:
        """Where its samples lie."""
        return Places(self.xy, self.z)

    @cached_property
    def trustworthiness(self) -> float | None:
        """The map's figure, 0 … 1; None where it was not judged."""
        if self.trust is None or not np.isfinite(self.trust).any():
            return None
        return float(np.nanmean(self.trust, dtype=np.float64))

    @property
    def label(self) -> str:
        """``layer`` or ``layer+layer``."""
        return str(self.layers)

    @property
    def aligned(self) -> bool:
        """Whether each noise level has a map of its own, in one frame: see `MapParameters`."""
        return self.parameters.get("aligned") is True

    @property
    def told_words(self) -> str:
        """``told nothing``, ``told their class (by the original)``, ``told their caption``, …;
        empty for a model that nothing can be told."""
        if self.told is None:
            return ""
        told = described_told(self.told, self.prompts)
        return tr("{told} (by the original)", told=told) if self.by_original else told

    @property
    def title(self) -> str:
        """Its layers, what its samples were told, and whether levels are aligned:
        ``midblock, told nothing, one map per noise level``."""
        title = ", ".join(filter(None, (self.label, self.told_words)))
        return tr("{title}, one map per noise level", title=title) if self.aligned else title


@dataclass(frozen=True, eq=False)
class LinkedMap:
    """A second map of the samples of a first one.

    Attributes:
        map: the second, its rows the first one's samples (NaN where one is not on it), turned to
            lie like the first.
        beside: layers of the first.
        overlap: share of each sample's nearest samples in one activation space that are among those
            in the other, 0 … 1, ``(N,) float32``; None where there are no activations.
        reference: what that share would be on average if in both spaces the nearest of each sample
            were any others of its own class and noise level.
    """

    map: LayerMap
    beside: LayerSet
    overlap: NDArray[np.float32] | None
    reference: float | None = None

    def __post_init__(self) -> None:
        normalise(self, "beside")

    @property
    def mean_overlap(self) -> float | None:
        """Over all samples that are on both maps."""
        if self.overlap is None or not np.isfinite(self.overlap).any():
            return None
        return float(np.nanmean(self.overlap, dtype=np.float64))
