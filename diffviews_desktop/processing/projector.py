"""Places on a finished map, and the file that holds all that is needed to find them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.data.activations.npz import NpzFile
from diffviews_desktop.data.folder.files import replacing
from diffviews_desktop.errors import DataError
from diffviews_desktop.processing.components import Reduction
from diffviews_desktop.processing.neighbors import NeighborIndex, to_euclidean
from diffviews_desktop.processing.quality import ARRAYS, PROBE_ARRAYS, Measured
from diffviews_desktop.values.map_quality import MapQuality
from diffviews_desktop.values.metrics import METRICS

PLACING_NEIGHBORS = 20
PLACING_POWER = 3
PROJECTOR_FORMAT = 2
MOST_RATIO = 100
"""So many times larger than its file are the arrays of a projector at most, beyond the bytes of
``MOST_SMALL``: numbers of activations cannot be packed as tightly."""
MOST_SMALL = 64_000_000
FIGURES = ("z", "trust", "near", "outside")
"""What only some maps have of each sample, ``(N,) float32``."""


class Placement(NamedTuple):
    """Where activations lie: ``xy (M, 2)`` on the map, the ``distance (M,)`` to the nearest sample
    in the reduced space, large where the activation is unlike all the data, and ``z (M,)`` on a map
    of three dimensions. ``outside (M,)`` is the share of each that no component holds, 0 … 1, to
    which the distance is blind; None where only reduced activations were placed."""

    xy: Float32
    distance: Float32
    z: Float32 | None = None
    outside: Float32 | None = None


class Extra(NamedTuple):
    """What some maps have besides ``xy``: ``z (N,)`` where there are three dimensions, and
    ``trust (N,)`` where the map was judged."""

    z: Float32 | None
    trust: Float32 | None


class Figures(NamedTuple):
    """The samples' own figures ``(N,)``, as `Projector` has them; None where the map has none."""

    near: Float32 | None
    outside: Float32 | None


@dataclass(frozen=True, eq=False)
class Projector:
    """Places new activations on a finished map by k-NN interpolation in the reduced space.

    The weight of a neighbour at distance d is ``((R - d) / (R d)) ** 3``, where R is the distance
    of the first that is no longer counted (Shepard's weights as modified by Franke and Little
    1980): the place follows the activation without jumping as neighbours come and go, and a sample
    lies where it is. It does not depend on what else is placed with it.

    Attributes:
        reduction: from activations to the reduced space.
        reduced: the samples there ``(N, K) float32``, so that Euclidean distance orders like
            ``metric`` (see `diffviews_desktop.processing.neighbors.to_euclidean`).
        xy: the samples on the map ``(N, 2) float32``.
        rows: which samples of the table these are ``(N,) int64``: those whose picture could not be
            read have no place on the map.
        z: the samples' third coordinate ``(N,) float32``; None on a flat map.
        trust: how far each sample's neighbours on the map can be trusted, 0 … 1, ``(N,) float32``
            (see `diffviews_desktop.processing.trustworthiness`); None where nobody judged.
        measured: what else is known of how well the map shows its layer; None likewise.
        metric: between reduced activations.
        near: from each sample to the nearest other one in the reduced space ``(N,) float32``; None
            where earlier versions made the map, and where there is one sample.
        outside: the share of each sample that no component holds, 0 … 1, ``(N,) float32``; None
            where earlier versions made the map, and where there are too few samples to tell (see
            `diffviews_desktop.processing.typicality`).
    """

    reduction: Reduction
    reduced: Float32
    xy: Float32
    rows: NDArray[np.int64]
    z: Float32 | None = None
    trust: Float32 | None = None
    measured: Measured | None = None
    metric: str = "euclidean"
    near: Float32 | None = None
    outside: Float32 | None = None

    @property
    def places(self) -> Float32:
        """The samples on the map with all its dimensions, ``(N, 2 or 3)``."""
        return self.xy if self.z is None else np.column_stack([self.xy, self.z])

    @property
    def trustworthiness(self) -> float | None:
        """The map's figure, 0 … 1: the mean over its samples; None where nobody judged."""
        if self.trust is None or not len(self.trust):
            return None
        return float(self.trust.mean(dtype=np.float64))

    @property
    def quality(self) -> MapQuality:
        """How well the map shows its layer, as far as it was measured."""
        if self.measured is None:
            return MapQuality()
        quality = self.measured.quality
        if self.reduction.components is None:  # what is mapped is the whole layer
            return replace(quality, kept_of_layer=quality.kept, reduction=1.0)
        return quality

    @cached_property
    def _index(self) -> NeighborIndex:
        return NeighborIndex(self.reduced)

    def transform(self, rows: NDArray) -> Placement:
        """Place rows of activations ``(M, D)``.

        Raises:
            DataError: the rows have another width than the map's activations.
        """
        rows = np.atleast_2d(rows)
        width = self.reduction.mean.shape[0]
        if rows.shape[1] != width:
            raise DataError(f"Activations of {rows.shape[1]} values do not fit a map of {width}.")
        reduced = self.reduction.reduce(rows)
        return self.place(reduced.rows)._replace(outside=reduced.outside)

    def place(self, reduced: NDArray) -> Placement:
        """Place rows that are reduced already ``(M, K)``.

        Raises:
            DataError: the rows have another width than the map's reduced space.
        """
        reduced = np.atleast_2d(reduced)
        if reduced.shape[1] != self.reduction.width:
            raise DataError(
                f"Reduced activations of {reduced.shape[1]} values do not fit a map of "
                f"{self.reduction.width}."
            )
        reduced = to_euclidean(reduced, self.metric)
        neighbors = self._index.nearest(reduced, PLACING_NEIGHBORS + 1)
        with np.errstate(invalid="ignore"):  # what is not finite has no place: NaN
            difference = self.reduced[neighbors.index].astype(np.float64) - reduced[:, None]
            weights = _weights(np.linalg.norm(difference, axis=2))
        places = np.einsum("mk,mkc->mc", weights, self.places[neighbors.index]).astype(np.float32)
        z = None if self.z is None else places[:, 2]
        return Placement(places[:, :2], neighbors.distance[:, 0], z)

    def spread(self, n: int) -> tuple[Float32, Float32]:
        """``xy (n, 2)`` and ``reduced (n, K)`` over a table of ``n`` samples, NaN where a sample
        has no place.

        Raises:
            DataError: the projector was made for a longer table.
        """
        return self._over(n, self.xy), self._over(n, self.reduced)

    def spread_extra(self, n: int) -> Extra:
        """``z (n,)`` and ``trust (n,)`` over a table of ``n`` samples, NaN where a sample has none;
        None where the map has none.

        Raises:
            DataError: the projector was made for a longer table.
        """
        return Extra(
            None if self.z is None else self._over(n, self.z),
            None if self.trust is None else self._over(n, self.trust),
        )

    def spread_kept(self, n: int) -> Float32 | None:
        """The share of each sample's nearest on the map that are so in the reduced space, over a
        table of ``n`` samples, NaN where a sample has none; None where nobody measured.

        Raises:
            DataError: the projector was made for a longer table.
        """
        return None if self.measured is None else self._over(n, self.measured.kept)

    def spread_figures(self, n: int) -> Figures:
        """What is known of each of ``n`` samples of a table, NaN where a sample has none.

        Raises:
            DataError: the projector was made for a longer table.
        """
        return Figures(
            None if self.near is None else self._over(n, self.near),
            None if self.outside is None else self._over(n, self.outside),
        )

    def _over(self, n: int, values: Float32) -> Float32:
        if len(self.rows) and int(self.rows.max()) >= n:
            raise DataError("The map belongs to another set of samples.")
        out = np.full((n, *values.shape[1:]), np.nan, dtype=np.float32)
        out[self.rows] = values
        return out

    def subset(self, rows: NDArray) -> Projector:
        """The projector of the samples ``rows`` alone, renumbered from 0 in that order.

        Each sample keeps its own figures, which were found among all.
        """
        position = {int(row): i for i, row in enumerate(self.rows)}
        pairs = [(new, position[int(old)]) for new, old in enumerate(rows) if int(old) in position]
        new_rows = np.array([new for new, _ in pairs], dtype=np.int64)
        take = np.array([old for _, old in pairs], dtype=np.int64)
        figures = {name: values[take] for name, values in self._figures().items()}
        return Projector(
            self.reduction,
            self.reduced[take],
            self.xy[take],
            new_rows,
            measured=None if self.measured is None else self.measured.subset(take),
            metric=self.metric,
            **figures,
        )

    def _figures(self) -> dict[str, Float32]:
        """What it has of each sample besides ``reduced`` and ``xy``."""
        values = {name: getattr(self, name) for name in FIGURES}
        return {name: value for name, value in values.items() if value is not None}

    def save(self, path: Path) -> None:
        """Write as ``.npz``, atomically."""
        reduction = self.reduction
        arrays: dict[str, Any] = {
            "format": np.int64(PROJECTOR_FORMAT),
            "mean": reduction.mean,
            "scale": reduction.scale,
            "components": (
                np.empty((0, len(reduction.mean)), np.float32)
                if reduction.components is None
                else reduction.components
            ),
            "reduced": self.reduced,
            "xy": self.xy,
            "rows": self.rows,
            "metric": np.array(self.metric),
        }
        arrays |= self._figures()
        arrays |= self.measured.to_arrays() if self.measured is not None else {}
        with replacing(path) as file:
            np.savez(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> Projector:
        """Read what `save` wrote, in this or an earlier version of the program.

        Raises:
            DataError: the file is missing, damaged or of another format.
        """
        try:
            file = NpzFile.open(path)
            version = _version(file)
            if not 1 <= version <= PROJECTOR_FORMAT:
                raise DataError(f"{path} is of another version of this program.")
            _check_shapes(file)
            optional = {name for name in FIGURES if name in file.arrays}
            read = {
                name: np.asarray(file.read(name), dtype=np.float32)
                for name in ("mean", "scale", "components", "reduced", "xy", *optional)
            }
            rows = np.asarray(file.read("rows"), dtype=np.int64)
            metric = str(file.read("metric")) if version > 1 else "euclidean"
            contents = {name: file.read(name) for name in ARRAYS if name in file.arrays}
        except DataError:
            raise
        except Exception as error:  # a name that is missing, or values of another kind
            raise DataError(f"{path} cannot be read ({error}).") from error
        _check(path, read, rows, metric)
        try:
            judgement = Measured.from_arrays(contents, len(rows))
        except DataError as error:
            raise DataError(f"{path} holds {error}.") from error
        components = read["components"] if len(read["components"]) else None
        return cls(
            Reduction(read["mean"], read["scale"], components),
            read["reduced"],
            read["xy"],
            rows,
            measured=judgement,
            metric=metric,
            **{name: read[name] for name in optional},
        )


def _weights(distance: NDArray) -> NDArray:
    """Weights ``(M, k)`` of neighbours at distances ``(M, k)``, ascending; they sum to 1."""
    reach = distance[:, -1:]
    if distance.shape[1] <= PLACING_NEIGHBORS:  # all samples there are: all count
        reach = 2 * reach
    # far away all are equally near, but for rounding: none weighs nothing
    near = np.maximum((reach - distance) / np.where(reach == 0, 1, reach), 1e-6)
    weights = (near / np.maximum(distance, 1e-9 * (1 + reach))) ** PLACING_POWER
    if distance.shape[1] > PLACING_NEIGHBORS:
        weights[:, -1] = 0
    return weights / weights.sum(axis=1, keepdims=True)


def _version(file: NpzFile) -> int:
    """The format of a projector's file, before anything large is read of it.

    Raises:
        ValueError: it is none.
    """
    size = sum(header.size for header in file.arrays.values())
    if size > MOST_RATIO * file.path.stat().st_size + MOST_SMALL:
        raise ValueError(f"{size / 1e6:,.0f} MB are packed in it, more tightly than a map can be")
    if file.header("format").shape != ():
        raise ValueError("its format is no number")
    return int(file.read("format"))


def _check_shapes(file: NpzFile) -> None:
    """Whether the arrays of a projector's file belong together, by what they say of themselves.

    Raises:
        DataError: they do not, or one is missing.
    """
    shapes = {name: header.shape for name, header in file.arrays.items()}
    d, n = (math.prod(file.header(name).shape) for name in ("mean", "rows"))
    k = (*file.header("components").shape, 1)[0]
    template = {
        "mean": (d,),
        "scale": (d,),
        "components": (k, d),
        "reduced": (n, k or d),
        "xy": (n, 2),
        "rows": (n,),
        "metric": (),
        "kept": (n,),
        "blobs": (),
        **dict.fromkeys(FIGURES, (n,)),
    }
    wrong = any(shape != template.get(name, shape) for name, shape in shapes.items())
    if wrong or len({shapes[name][:1] for name in PROBE_ARRAYS if name in shapes}) > 1:
        raise DataError(f"{file.path} holds arrays that do not belong together.")


def _check(path: Path, read: dict[str, Float32], rows: NDArray[np.int64], metric: str) -> None:
    """Whether the values of a projector's file can be."""
    if rows.size and rows.min() < 0:
        raise DataError(f"{path} holds arrays that do not belong together.")
    if not all(np.isfinite(values).all() for values in read.values()):
        raise DataError(f"{path} holds values that are not finite numbers.")
    if not (read["scale"] > 0).all():
        raise DataError(f"{path} holds a scale that is not positive.")
    for name, kind in (("trust", "a trustworthiness"), ("outside", "a share")):
        if name in read and not ((read[name] >= 0) & (read[name] <= 1)).all():
            raise DataError(f"{path} holds {kind} that is not between 0 and 1.")
    if "near" in read and not (read["near"] >= 0).all():
        raise DataError(f"{path} holds a distance that is negative.")
    if metric not in METRICS:
        raise DataError(f"{path} is of another version of this program.")
