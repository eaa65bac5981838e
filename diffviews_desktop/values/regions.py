"""Where in a layer an intervention acts."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.errors import UsageError
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.layers import LayerShape

Bitmap = NDArray[np.bool_]
LARGEST_AREA = 1024
"""Height and width of a brushed area at most."""


@dataclass(frozen=True)
class Everywhere:
    """The whole layer."""

    kind: Literal["everywhere"] = field(default="everywhere", repr=False)


@dataclass(frozen=True)
class Channels:
    """Some channels, counted from 0."""

    indices: tuple[int, ...]
    kind: Literal["channels"] = field(default="channels", repr=False)

    def __post_init__(self) -> None:
        _check_indices("channel", self.indices)


@dataclass(frozen=True)
class Tokens:
    """Some tokens of layers ``(T, C)``, counted from 0."""

    indices: tuple[int, ...]
    kind: Literal["tokens"] = field(default="tokens", repr=False)

    def __post_init__(self) -> None:
        _check_indices("token", self.indices)


@dataclass(frozen=True)
class Area:
    """A brushed part of the picture.

    Attributes:
        height: rows that the picture is divided into.
        width: columns, likewise.
        bits: which cells are brushed, row by row, eight in a byte, as hexadecimal digits.
    """

    height: int
    width: int
    bits: str
    kind: Literal["area"] = field(default="area", repr=False)

    def __post_init__(self) -> None:
        if not (1 <= self.height <= LARGEST_AREA and 1 <= self.width <= LARGEST_AREA):
            raise UsageError(
                tr("An area has 1 to {largest_area} rows and columns.", largest_area=LARGEST_AREA)
            )
        try:
            data = bytes.fromhex(self.bits)
        except ValueError:
            data = b""
        if len(data) != -(-self.height * self.width // 8):
            raise UsageError(tr("The cells of the area do not fit its rows and columns."))
        if not any(data):
            raise UsageError(tr("No cell of the area is brushed: brush over the picture first."))

    @classmethod
    def of(cls, bitmap: NDArray) -> Self:
        """The area of a bitmap ``(height, width)``."""
        cells = np.asarray(bitmap, dtype=bool)
        height, width = cells.shape
        return cls(height, width, np.packbits(cells).tobytes().hex())

    @property
    def bitmap(self) -> Bitmap:
        """Which cells are brushed, ``(height, width)``."""
        count = self.height * self.width
        octets = np.frombuffer(bytes.fromhex(self.bits), dtype=np.uint8)
        return np.unpackbits(octets, count=count).astype(bool).reshape(self.height, self.width)


Region = Everywhere | Channels | Tokens | Area
EVERYWHERE = Everywhere()


def _check_indices(kind: str, indices: tuple[int, ...]) -> None:
    if not indices or min(indices) < 0:
        raise UsageError(
            tr("Name at least one of the channels, counted from 0.")
            if kind == "channel"
            else tr("Name at least one of the tokens, counted from 0.")
        )


def read_indices(text: str) -> tuple[int, ...]:
    """``0-3+7`` as whole numbers, each once, ascending.

    Raises:
        UsageError: it is no such list, or one that is too long.
    """
    indices: set[int] = set()
    for part in re.split(r"[+,;]", text):
        first, dash, last = (one.strip() for one in part.replace("\u2013", "-").partition("-"))
        numbers = [first, last if dash else first]
        if not all(one.isascii() and one.isdecimal() and len(one) < 7 for one in numbers):
            raise UsageError(tr("{text!r} is not a list of numbers such as 0-3+7.", text=text))
        indices |= set(range(int(numbers[0]), int(numbers[1]) + 1))
    return tuple(sorted(indices))


def indices_text(indices: Sequence[int]) -> str:
    """What `read_indices` reads, as short as it can be: ``0-3+7``."""
    parts: list[list[int]] = []
    for index in sorted(set(indices)):
        if parts and parts[-1][1] == index - 1:
            parts[-1][1] = index
        else:
            parts.append([index, index])
    return "+".join(f"{low}-{high}" if low < high else f"{low}" for low, high in parts)


def cells_of(region: Region, shape: LayerShape, layer: str = "") -> Bitmap | None:
    """Which values of a layer are in a region: of a shape that broadcasts to the layer's, with as
    many axes; None for all of them.

    Args:
        region: the region.
        shape: of what the layer puts out for one sample.
        layer: its name, for errors.

    Raises:
        UsageError: the layer has no such channel or token, or no place for an area.
    """
    axes, layer = shape.axes, layer or tr("The layer")
    match region:
        case Channels(indices=indices):
            return _along(
                shape, axes.index("C") if "C" in axes else None, indices, layer, "channel"
            )
        case Tokens(indices=indices):
            return _along(shape, axes.index("T") if "T" in axes else None, indices, layer, "token")
        case Area():
            return _area(region, shape, layer)
    return None


def _along(
    shape: LayerShape, axis: int | None, indices: tuple[int, ...], layer: str, kind: str
) -> Bitmap:
    if axis is None:
        raise UsageError(
            tr("{layer} has the shape {shape}, and no channels.", layer=layer, shape=shape)
            if kind == "channel"
            else tr("{layer} has the shape {shape}, and no tokens.", layer=layer, shape=shape)
        )
    count = shape[axis]
    if max(indices) >= count:
        raise UsageError(
            tr(
                "{layer} has no {what} {index}: it has {count}, counted from 0.",
                layer=layer,
                what=tr("channel") if kind == "channel" else tr("token"),
                index=max(indices),
                count=count,
            )
        )
    sizes = [1] * len(shape)
    sizes[axis] = count
    mask = np.zeros(count, dtype=bool)
    mask[list(indices)] = True
    return mask.reshape(sizes)


def _area(area: Area, shape: LayerShape, layer: str) -> Bitmap:
    if len(shape) == 3:
        return at_resolution(area.bitmap, shape[1], shape[2])[None]
    side = math.isqrt(shape[0]) if len(shape) == 2 else 0
    if not side or side * side != shape[0]:
        raise UsageError(
            tr(
                "{layer} has the shape {shape}, which says nothing of a place in the "
                "picture. Choose a layer with height and width, or tokens instead of an "
                "area.",
                layer=layer,
                shape=shape,
            )
        )
    return at_resolution(area.bitmap, side, side).reshape(-1, 1)


def at_resolution(bitmap: Bitmap, height: int, width: int) -> Bitmap:
    """A bitmap on a grid of another resolution, ``(height, width)``.

    A cell is in it where at least half of it is brushed. Where no cell is, because the area is
    smaller than that, the cells with the largest brushed part are.
    """
    share = _overlap(height, bitmap.shape[0]) @ bitmap @ _overlap(width, bitmap.shape[1]).T
    return np.asarray(share >= min(0.5, float(share.max())) - 1e-9)


def _overlap(to: int, count: int) -> NDArray[np.float64]:
    """Share of each of ``to`` cells of a line that each of ``count`` cells covers,
    ``(to, count)``; rows sum to 1."""
    edges, other_edges = np.arange(to + 1) / to, np.arange(count + 1) / count
    start = np.maximum(edges[:-1, None], other_edges[None, :-1])
    end = np.minimum(edges[1:, None], other_edges[None, 1:])
    shared: NDArray[np.float64] = np.maximum(end - start, 0) * to
    return shared
