"""From activations to a map, and maps to and from files."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.data.activations.matrix_file import Matrix
from diffviews_desktop.data.folder.files import replacing
from diffviews_desktop.errors import DataError, UsageError
from diffviews_desktop.processing.alike import with_alike_rows_equal
from diffviews_desktop.processing.components import rotate, standardise
from diffviews_desktop.processing.full_space import FullSpace
from diffviews_desktop.processing.layout import Stage, lay_out, layout
from diffviews_desktop.processing.level_maps import judge_levels
from diffviews_desktop.processing.neighbors import to_euclidean
from diffviews_desktop.processing.projector import (
    PLACING_NEIGHBORS,
    PROJECTOR_FORMAT,
    Placement,
    Projector,
)
from diffviews_desktop.processing.quality import Judgement, Probes, judge_map
from diffviews_desktop.processing.reduction import fit, look_at_rows
from diffviews_desktop.processing.typicality import enough_samples, nearest_distances
from diffviews_desktop.text.plain import UNENCODABLE, csv_cell, csv_writer
from diffviews_desktop.values.maps import MapParameters, default_parameters
from diffviews_desktop.values.sample_groups import LevelStack

if TYPE_CHECKING:
    from diffviews_desktop.compat.activations import (
        load_dataset_activations as load_dataset_activations,
    )
else:

    def __getattr__(name: str) -> object:
        """The function on files that scripts of the described system import from here."""
        if name == "load_dataset_activations":
            return import_module("diffviews_desktop.compat.activations").load_dataset_activations
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "PLACING_NEIGHBORS",
    "PROJECTOR_FORMAT",
    "MapParameters",
    "Placement",
    "Projector",
    "Stage",
    "UmapResult",
    "compute_umap",
    "default_parameters",
    "fit_map",
    "layout",
    "refit_map",
    "save_embeddings",
]

log = logging.getLogger(__name__)


def fit_map(
    activations: Matrix,
    parameters: MapParameters,
    *,
    xy: NDArray | None = None,
    z: NDArray | None = None,
    rows: NDArray | None = None,
    groups: NDArray | None = None,
    stack: LevelStack | None = None,
    mask: NDArray[np.bool_] | None = None,
    standardize: bool = True,
    progress: Callable[[Stage], None] | None = None,
) -> Projector:
    """Standardise, reduce and lay out a matrix of activations, and judge the map.

    A row with a value that is not a finite number has no place on the map: it is logged, and not
    among the projector's ``rows``. The map is judged by 15 neighbours, fewer where there are less
    than 32 samples (see `diffviews_desktop.processing.quality.judge_map`).

    Args:
        activations: ``(N, D)``, in memory or in a file.
        parameters: of the map; its seed reaches every stage.
        xy: a finished map ``(N, 2)`` to keep; then the reduction is fitted and the map judged.
        z: its third coordinate ``(N,)``, if it has one.
        rows: which samples of the table these are; all, in order, by default.
        groups: which activations are of the same class and noise level, as numbers ``(N,)``.
        stack: the noise levels and pictures of the N activations, for aligned maps: each level's
            map is judged by itself.
        mask: which activations have a place on the map ``(N,)``; all by default.
        standardize: whether every value of a row is brought to mean 0 and variance 1 first.
        progress: called often; may raise to stop.

    Raises:
        DataError: no row is finite, or the levels cannot be aligned.
        UsageError: the rows are too wide to be mapped without PCA.
    """
    report = progress or (lambda stage: None)
    rows = np.arange(len(activations)) if rows is None else np.asarray(rows, np.int64)
    finite, sums = look_at_rows(activations)
    if not finite.all():
        log.warning("%d activations hold NaN or infinity: left out", np.count_nonzero(~finite))
    finite = finite if mask is None else finite & mask
    if not finite.any():
        raise DataError("None of the activations is finite, so there is nothing to map.")
    keep = None if finite.all() else np.flatnonzero(finite)
    reduction, result = fit(
        activations,
        parameters.pca_components,
        seed=parameters.seed,
        keep=keep,
        standardize=standardize,
        progress=lambda fraction: report(Stage("reducing", fraction)),
    )
    reduced = with_alike_rows_equal(activations, np.flatnonzero(finite), sums[finite], result.rows)
    reduced = to_euclidean(reduced, parameters.metric)
    levels = stack.take(finite) if stack is not None and parameters.aligned else None
    if xy is None:
        places, near = lay_out(reduced, parameters, report, levels)
        xy, z = places[:, :2], places[:, 2] if places.shape[1] > 2 else None
    else:
        near = nearest_distances(reduced, lambda f: report(Stage("finding neighbours", f)))
        xy = np.asarray(xy, np.float32)[finite]
        z = None if z is None else np.asarray(z, np.float32)[finite]
    judge = judge_map if levels is None else partial(judge_levels, stack=levels)
    judgement = judge(
        reduced,
        xy if z is None else np.column_stack([xy, z]),
        lambda fraction: report(Stage("judging the map", fraction)),
        groups=None if groups is None else np.asarray(groups)[finite],
        space=FullSpace(activations, np.flatnonzero(finite), reduction, parameters.metric),
    )
    return Projector(
        reduction=reduction,
        reduced=reduced,
        xy=np.ascontiguousarray(xy),
        rows=rows[finite],
        z=None if z is None else np.ascontiguousarray(z),
        trust=None if judgement is None else judgement.trust,
        measured=None if judgement is None else judgement.measured,
        metric=parameters.metric,
        near=near,
        outside=result.outside if enough_samples(reduction, len(reduced)) else None,
    )


def refit_map(
    projector: Projector,
    parameters: MapParameters,
    *,
    places: Float32 | None = None,
    groups: NDArray | None = None,
    stack: LevelStack | None = None,
    progress: Callable[[Stage], None] | None = None,
) -> Projector:
    """Lay the reduced samples of a map out again, or put them where they are to lie, and judge the
    new map.

    Args:
        projector: its metric must be euclidean, or that of ``parameters``.
        parameters: of the new map, which is not aligned unless its places are given; how
            activations are reduced is the old map's.
        places: where its samples are to lie ``(N, 2 or 3)``; None to lay them out.
        groups: which of its samples are of the same class and noise level, as numbers ``(N,)``.
        stack: the noise levels and pictures of its samples, for aligned maps.
        progress: called often; may raise to stop.
    """
    report = progress or (lambda stage: None)
    reduced = projector.reduced
    if projector.metric != parameters.metric:
        reduced = to_euclidean(reduced, parameters.metric)
    near = projector.near
    if places is None:
        places, near = lay_out(reduced, parameters, report)
    judge: Callable[..., Judgement | None] = (
        partial(judge_map, old_probes=_carry_probes(projector, parameters.metric))
        if stack is None
        else partial(judge_levels, stack=stack)
    )
    judgement = judge(
        reduced,
        places,
        lambda fraction: report(Stage("judging the map", fraction)),
        groups=groups,
    )
    return Projector(
        reduction=projector.reduction,
        reduced=reduced,
        xy=np.ascontiguousarray(places[:, :2]),
        rows=projector.rows,
        z=np.ascontiguousarray(places[:, 2]) if places.shape[1] > 2 else None,
        trust=None if judgement is None else judgement.trust,
        measured=None if judgement is None else judgement.measured,
        metric=parameters.metric,
        near=near,
        outside=projector.outside,
    )


def _carry_probes(projector: Projector, metric: str) -> Probes | None:
    """What a map with the same distances found in the whole layer."""
    measures = projector.measured if projector.metric == metric else None
    return None if measures is None else measures.probes


# ---- the functions of the original --------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Scaler:
    """Standardisation: ``(x - mean_) / scale_``, both ``(D,) float32``."""

    mean_: Float32
    scale_: Float32

    def transform(self, rows: NDArray) -> Float32:
        """Standardise rows ``(M, D)``."""
        rows = _as_rows(rows, len(self.mean_))
        return np.stack([standardise(row, self.mean_, self.scale_) for row in rows])


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """Principal axes: ``(x - mean_) @ components_.T``; ``components_ (K, D) float32``."""

    mean_: Float32
    components_: Float32

    def transform(self, rows: NDArray) -> Float32:
        """Reduce rows ``(M, D)`` to ``(M, K) float32``, each by itself."""
        rows = _as_rows(rows, len(self.mean_))
        one = np.ones_like(self.mean_)
        offsets = (standardise(row, self.mean_, one) for row in rows)
        return np.stack([rotate(row, self.components_) for row in offsets]).astype(np.float32)


@dataclass(frozen=True, eq=False)
class MapReducer:
    """Places rows of the space that UMAP worked in by interpolation between their neighbours.

    Attributes:
        projector: the map.
    """

    projector: Projector

    @property
    def embedding_(self) -> Float32:
        """The samples that have a place, on the map, ``(N, n_components)``."""
        return self.projector.places

    def transform(self, rows: NDArray) -> Float32:
        """Place rows ``(M, K)``: ``(M, n_components) float32``, each by itself.

        Raises:
            DataError: the rows have another width.
        """
        placement = self.projector.place(rows)
        return placement.xy if placement.z is None else np.column_stack([placement.xy, placement.z])


class UmapResult(NamedTuple):
    """What `compute_umap` returns; ``reducer.transform(pca.transform(scaler.transform(x)))``,
    leaving out what is None, places new activations."""

    embedding: Float32
    reducer: MapReducer
    scaler: Scaler | None
    pca: PrincipalComponents | None


def compute_umap(
    activations: NDArray,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    metric: str = "euclidean",
    n_components: int = 2,
    random_state: int = 42,
    normalize: bool = True,
    pca_components: int | None = 50,
) -> UmapResult:
    """Standardise, reduce and lay out activations.

    Args:
        activations: ``(N, D)``, may be memory-mapped.
        n_neighbors: of UMAP, 2 … 200.
        min_dist: of UMAP, 0 ≤ min_dist < 1.
        metric: ``euclidean``, ``cosine`` or ``correlation``, between reduced activations.
        n_components: of the map, 2 or 3.
        random_state: seed of every stage.
        normalize: whether to standardise; the scaler is None otherwise.
        pca_components: 1 … 1000; None leaves PCA out, and is the last result then.

    Returns:
        The embedding ``(N, n_components) float32``, NaN where an activation is not finite, the
        reducer, the scaler and the PCA.

    Raises:
        DataError: no activation is finite.
        UsageError: a parameter is not allowed, or ``activations`` is no matrix.
    """
    activations = activations if hasattr(activations, "dtype") else np.asarray(activations)
    if activations.ndim != 2 or activations.dtype.kind not in "fiu" or not activations.size:
        raise UsageError(
            f"activations must be a matrix of numbers, not {activations.dtype} {activations.shape}."
        )
    parameters = MapParameters(
        n_neighbors=n_neighbors,
        min_dist=min_dist,
        pca_components=pca_components,
        seed=random_state,
        metric=metric,
        n_components=n_components,
    )
    projector = fit_map(activations, parameters, standardize=normalize)
    embedding = np.full((len(activations), n_components), np.nan, dtype=np.float32)
    embedding[projector.rows] = projector.places
    reduction = projector.reduction
    scaler = Scaler(reduction.mean, reduction.scale) if normalize else None
    pca = None
    if reduction.components is not None:
        mean = np.zeros_like(reduction.mean) if normalize else reduction.mean
        pca = PrincipalComponents(mean, reduction.components)
    return UmapResult(embedding, MapReducer(projector), scaler, pca)


def save_embeddings(
    embeddings: NDArray,
    metadata_df: Any,
    output_path: str | Path,
    umap_params: Mapping[str, Any] | None = None,
    reducer: MapReducer | None = None,
    scaler: Scaler | None = None,
    pca_reducer: PrincipalComponents | None = None,
) -> None:
    """Write a map: a table, its parameters, and what is needed to place more on it.

    ``<name>.csv`` has the columns of ``metadata_df``, then ``umap_x``, ``umap_y`` and, of three
    dimensions, ``umap_z``. ``<name>.json`` has ``umap_params``, ``<name>.projector.npz`` what
    `Projector.load` reads; each where it is given. Every file is written whole or not at all, the
    table last.

    Args:
        embeddings: ``(N, 2 or 3)``.
        metadata_df: N values a column: a pandas data frame, a mapping, or whatever has ``columns``
            and gives a column by its name.
        output_path: ``<name>.csv``, or ``<name>`` alone.
        umap_params: plain values.
        reducer: from `compute_umap`.
        scaler: from the same call; None where there was none.
        pca_reducer: from the same call; None where there was none.

    Raises:
        UsageError: the columns do not fit the embeddings, or scaler and PCA do not fit the reducer.
    """
    embeddings = np.asarray(embeddings, dtype=np.float32)
    if embeddings.ndim != 2 or embeddings.shape[1] not in (2, 3):
        raise UsageError(f"embeddings must be (N, 2) or (N, 3), not {embeddings.shape}.")
    table = _table(metadata_df, embeddings)
    if reducer is not None:
        _check_parts(reducer, scaler, pca_reducer)
    path = Path(output_path)
    name = path.name.removesuffix(".csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    if reducer is not None:
        reducer.projector.save(path.with_name(f"{name}.projector.npz"))
    if umap_params is not None:
        text = json.dumps(dict(umap_params), indent=2, default=_plain)
        with replacing(path.with_name(f"{name}.json")) as file:
            file.write(text.encode())
    with replacing(path.with_name(f"{name}.csv")) as file:
        file.write(table.encode("utf-8", UNENCODABLE))


def _table(metadata: Any, embeddings: Float32) -> str:
    """The CSV, as text."""
    axes = ("umap_x", "umap_y", "umap_z")
    names = list(metadata.keys() if isinstance(metadata, Mapping) else metadata.columns)
    names = [name for name in names if name not in axes]
    columns = [list(metadata[name]) for name in names]
    for name, column in zip(names, columns, strict=True):
        if len(column) != len(embeddings):
            raise UsageError(
                f"The column {name} has {len(column)} values for {len(embeddings)} embeddings."
            )
    out = io.StringIO()
    writer = csv_writer(out, "\n")
    writer.writerow([*(csv_cell(str(name)) for name in names), *axes[: embeddings.shape[1]]])
    for i, place in enumerate(embeddings):
        writer.writerow([*(_cell(column[i]) for column in columns), *map(_cell, place)])
    return out.getvalue()


def _cell(value: Any) -> str:
    """A value as text that this program reads back as the same and a spreadsheet does not take for
    a formula; nothing for what is missing."""
    if value is None or value != value or str(value) == "<NA>":  # NaN and its kin
        return ""
    return str(value) if isinstance(value, int | float | np.number) else csv_cell(str(value))


def _plain(value: Any) -> Any:
    """A value of NumPy's, or a path, as JSON has it."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return str(value)


def _check_parts(
    reducer: MapReducer, scaler: Scaler | None, pca: PrincipalComponents | None
) -> None:
    """Whether scaler and PCA are those that the reducer was made with."""
    if not isinstance(reducer, MapReducer):
        raise UsageError("reducer must be what compute_umap returned.")
    reduction = reducer.projector.reduction
    mean, scale, components = np.zeros_like(reduction.mean), np.ones_like(reduction.scale), None
    if scaler is not None:
        mean, scale = scaler.mean_, scaler.scale_
    if pca is not None:
        mean, components = mean + scale * pca.mean_, pca.components_
    ours, theirs = reduction.components, components
    same = ours is theirs or (
        ours is not None and theirs is not None and np.array_equal(ours, theirs)
    )
    same = same and np.array_equal(reduction.mean, mean) and np.array_equal(reduction.scale, scale)
    if not same:
        raise UsageError(
            "scaler and pca_reducer must be those that compute_umap returned with the reducer."
        )


def _as_rows(rows: NDArray, width: int) -> NDArray:
    """Rows as a matrix of the right width.

    Raises:
        DataError: they have another.
    """
    rows = np.atleast_2d(rows)
    if rows.shape[1] != width:
        raise DataError(f"Rows of {rows.shape[1]} values do not fit ones of {width}.")
    return rows
