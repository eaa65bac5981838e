"""From activations to a map, and from new activations to places on it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.arrays import Float32
from diffviews_desktop.errors import DataError
from diffviews_desktop.processing.neighbors import nearest, neighbor_graph
from diffviews_desktop.processing.reduction import Reduction, finite_rows, fit_reduction

log = logging.getLogger(__name__)

PLACING_NEIGHBORS = 15
PROJECTOR_FORMAT = 1


@dataclass(frozen=True)
class MapParameters:
    """What a map depends on besides the activations."""

    n_neighbors: int = 15
    min_dist: float = 0.1
    pca_components: int = 50
    seed: int = 42

    def to_dict(self) -> dict[str, Any]:
        """The parameters as plain values, for side-car files and cache keys."""
        return asdict(self)


class Placement(NamedTuple):
    """Where activations lie: ``xy (M, 2)`` on the map, and the ``distance (M,)`` to the nearest
    sample in the reduced space: large where the activation is unlike all the data."""

    xy: Float32
    distance: Float32


@dataclass(frozen=True, eq=False)
class Projector:
    """Places new activations on a finished map by k-NN interpolation in the reduced space.

    The place of an activation does not depend on what else is placed with it.

    Attributes:
        reduction: from activations to the reduced space.
        reduced: the samples there ``(N, K) float32``.
        xy: the samples on the map ``(N, 2) float32``.
        rows: which samples of the table these are ``(N,) int64``: those whose picture could not be
            read have no place on the map.
    """

    reduction: Reduction
    reduced: Float32
    xy: Float32
    rows: NDArray[np.int64]

    def transform(self, rows: NDArray) -> Placement:
        """Place rows of activations ``(M, D)``.

        Raises:
            DataError: the rows have another width than the map's activations.
        """
        rows = np.atleast_2d(rows)
        width = self.reduction.mean.shape[0]
        if rows.shape[1] != width:
            raise DataError(f"Activations of {rows.shape[1]} values do not fit a map of {width}.")
        found = nearest(self.reduced, self.reduction.transform(rows), PLACING_NEIGHBORS)
        distance = found.distance.astype(np.float64)
        # what is not finite has no place: NaN
        distance[~np.isfinite(distance)] = np.nan
        weights = 1 / np.maximum(distance, 1e-9 * (1 + distance[:, -1:]))
        weights /= weights.sum(axis=1, keepdims=True)
        xy = np.einsum("mk,mkc->mc", weights, self.xy[found.index])
        return Placement(xy.astype(np.float32), found.distance[:, 0])

    def spread(self, n: int) -> tuple[Float32, Float32]:
        """``xy (n, 2)`` and ``reduced (n, K)`` over a table of ``n`` samples, NaN where a sample
        has no place.

        Raises:
            DataError: the projector was made for a longer table.
        """
        if len(self.rows) and int(self.rows.max()) >= n:
            raise DataError("The map belongs to another set of samples.")
        xy = np.full((n, 2), np.nan, dtype=np.float32)
        reduced = np.full((n, self.reduced.shape[1]), np.nan, dtype=np.float32)
        xy[self.rows], reduced[self.rows] = self.xy, self.reduced
        return xy, reduced

    def subset(self, rows: NDArray) -> Projector:
        """The projector of the samples ``rows`` alone, renumbered from 0 in that order."""
        position = {int(row): i for i, row in enumerate(self.rows)}
        kept = [(new, position[int(old)]) for new, old in enumerate(rows) if int(old) in position]
        new_rows = np.array([new for new, _ in kept], dtype=np.int64)
        take = np.array([old for _, old in kept], dtype=np.int64)
        return Projector(self.reduction, self.reduced[take], self.xy[take], new_rows)

    def save(self, path: Path) -> None:
        """Write as ``.npz``, atomically."""
        temporary = path.with_name(path.name + ".part")
        with temporary.open("wb") as file:
            np.savez(
                file,
                format=np.int64(PROJECTOR_FORMAT),
                mean=self.reduction.mean,
                scale=self.reduction.scale,
                components=self.reduction.components,
                reduced=self.reduced,
                xy=self.xy,
                rows=self.rows,
            )
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)

    @classmethod
    def load(cls, path: Path) -> Projector:
        """Read what `save` wrote.

        Raises:
            DataError: the file is missing, damaged or of another format.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                if int(arrays["format"]) != PROJECTOR_FORMAT:
                    raise DataError(f"{path} is of another version of this program.")
                mean, scale, components, reduced, xy = (
                    np.asarray(arrays[name], dtype=np.float32)
                    for name in ("mean", "scale", "components", "reduced", "xy")
                )
                rows = np.asarray(arrays["rows"], dtype=np.int64)
        except DataError:
            raise
        except Exception as error:  # zip, header and value errors of many kinds
            raise DataError(f"{path} cannot be read ({error}).") from error
        d, n, k = mean.size, rows.size, len(np.atleast_1d(components))
        shapes = [part.shape for part in (mean, scale, components, reduced, xy, rows)]
        if shapes != [(d,), (d,), (k, d), (n, k), (n, 2), (n,)] or (n and rows.min() < 0):
            raise DataError(f"{path} holds arrays that do not belong together.")
        if not all(np.isfinite(part).all() for part in (mean, scale, components, reduced, xy)):
            raise DataError(f"{path} holds values that are not finite numbers.")
        if not (scale > 0).all():
            raise DataError(f"{path} holds a scale that is not positive.")
        return cls(Reduction(mean, scale, components), reduced, xy, rows)


class Stage(NamedTuple):
    """Progress of a map: the stage's name and the fraction of it done."""

    name: str
    fraction: float


def fit_map(
    activations: NDArray,
    parameters: MapParameters,
    *,
    xy: NDArray | None = None,
    rows: NDArray | None = None,
    progress: Callable[[Stage], None] | None = None,
) -> Projector:
    """Standardise, reduce and lay out a matrix of activations.

    A row with a value that is not a finite number has no place on the map: it is logged, and not
    among the projector's ``rows``.

    Args:
        activations: ``(N, D)``, may be memory-mapped.
        parameters: of the map; its seed reaches every stage.
        xy: a finished map ``(N, 2)`` to keep; then only the reduction is fitted.
        rows: which samples of the table these are; all, in order, by default.
        progress: called often; may raise to stop.

    Raises:
        DataError: no row is finite.
    """
    report = progress or (lambda stage: None)
    rows = np.arange(len(activations)) if rows is None else np.asarray(rows, np.int64)
    finite = finite_rows(activations)
    if not finite.all():
        log.warning("%d activations hold NaN or infinity: left out", np.count_nonzero(~finite))
        activations, rows = activations[finite], rows[finite]
        xy = None if xy is None else xy[finite]
    if not len(rows):
        raise DataError("None of the activations is finite, so there is nothing to map.")
    reduction, reduced = fit_reduction(
        activations,
        parameters.pca_components,
        seed=parameters.seed,
        progress=lambda fraction: report(Stage("reducing", fraction)),
    )
    return Projector(
        reduction=reduction,
        reduced=reduced,
        xy=layout(reduced, parameters, report) if xy is None else np.asarray(xy, np.float32),
        rows=rows,
    )


def layout(reduced: NDArray, parameters: MapParameters, report: Callable[[Stage], None]) -> Float32:
    """UMAP (McInnes et al. 2018) of reduced activations ``(N, K)`` to ``(N, 2) float32``.

    Fewer than four samples are laid out by their first components.
    """
    n = len(reduced)
    if n < 4:
        flat = np.zeros((n, 2), dtype=np.float32)
        flat[:, : min(2, reduced.shape[1])] = reduced[:, :2]
        return flat
    k = min(parameters.n_neighbors, n - 1)
    graph = neighbor_graph(reduced, k - 1, lambda f: report(Stage("finding neighbours", f)))
    own = np.arange(n)[:, None]
    index = np.hstack([own, graph.index])
    distance = np.hstack([np.zeros((n, 1), np.float32), graph.distance])
    report(Stage("preparing UMAP", 0.0))

    from diffviews_desktop.processing.umap_backend import get_umap_class, to_numpy

    reducer = get_umap_class()(
        n_neighbors=k,
        min_dist=parameters.min_dist,
        n_components=2,
        random_state=parameters.seed,
        init="spectral" if n > 50 else "random",
        precomputed_knn=(index, distance, None),
        force_approximation_algorithm=True,
        transform_seed=parameters.seed,
        verbose=True,
        tqdm_kwds={
            "file": _EpochReader(lambda fraction: report(Stage("UMAP", fraction))),
            "disable": False,
            "mininterval": 0,
            "miniters": 1,
            "bar_format": "{n_fmt}/{total_fmt}\n",
        },
    )
    with _quiet():
        embedding = reducer.fit_transform(np.asarray(reduced, dtype=np.float32))
    return np.ascontiguousarray(to_numpy(embedding), dtype=np.float32)


class _EpochReader:
    """A file for tqdm: umap-learn has no callback, but its progress bar can be listened to."""

    def __init__(self, on_fraction: Callable[[float], None]) -> None:
        self._on_fraction = on_fraction

    def write(self, text: str) -> int:
        done, _, total = text.strip().partition("/")
        if done.isdigit() and total.isdigit() and int(total):
            self._on_fraction(int(done) / int(total))
        return len(text)

    def flush(self) -> None:
        pass


class _quiet:
    """Keeps umap-learn's ``verbose`` prints and its warnings about given neighbours away."""

    def __enter__(self) -> None:
        import contextlib
        import io
        import warnings

        self._stack = contextlib.ExitStack()
        self._stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        self._stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")

    def __exit__(self, *exception: object) -> None:
        self._stack.close()
