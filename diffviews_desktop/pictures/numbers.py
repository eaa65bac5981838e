"""Pictures of numbers, which become pictures of 8 bits: which numbers they hold, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from diffviews_desktop.values.brightness import Brightness, Numbers, Range, usual_range

_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_WHITE_IS_ZERO = 0
_UNSIGNED = 1


class NumbersIn(NamedTuple):
    """What a picture holds.

    Attributes:
        kind: of numbers.
        range: what is black and white by their type; None where that says nothing.
        inverted: whether the file says that low numbers are bright.
        wide: whether they are unsigned numbers of 32 bits, which Pillow gives as signed ones.
    """

    kind: Numbers
    range: Range | None = None
    inverted: bool = False
    wide: bool = False

    def limits(self, brightness: Brightness, measure: Callable[[], Range]) -> Range:
        """Black and white of this picture: what is said of its kind, else what its type says, else
        what fits the values that ``measure`` gives."""
        span = brightness.ranges.get(self.kind) or self.range
        if span is None:
            span = usual_range(*measure())
        return Range(span.high, span.low) if self.inverted else span


def numbers_in(picture: Image.Image) -> NumbersIn | None:
    """What numbers an open picture holds; None where it has 8 bits a channel or less."""
    tags: Mapping[int, Any] = getattr(picture, "tag_v2", {})
    inverted = tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    if picture.mode == "F":
        return NumbersIn(Numbers.FLOATS, None, inverted)
    if picture.mode.startswith("I;16") or (picture.mode == "I" and picture.format == "PNG"):
        bits = max(tags.get(_BITS) or (16,))
        return NumbersIn(Numbers.UNSIGNED, Range(0, 2**bits - 1), inverted)
    if picture.mode == "I":
        wide = tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0] == _UNSIGNED
        return NumbersIn(Numbers.INTEGERS, None, inverted, wide)
    return None


def bits_of(picture: Image.Image) -> int:
    """Bits of each channel of an open TIFF: of the deepest."""
    tags: Mapping[int, Any] = getattr(picture, "tag_v2", {})
    return int(max(tags.get(_BITS) or (1,)))


def extremes(numbers: NumbersIn, parts: Iterable[Image.Image]) -> Range:
    """The lowest and the highest number of a picture's parts; zeros where none is finite."""
    low, high = np.inf, -np.inf
    for part in parts:
        values = _values(numbers, part)
        finite = values[np.isfinite(values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return Range(low, high) if low <= high else Range(0.0, 0.0)


def to_bytes(numbers: NumbersIn, part: Image.Image, limits: Range) -> NDArray[np.uint8]:
    """A part of a picture as ``(H, W) uint8``; what is no number is black."""
    values = _values(numbers, part)
    with np.errstate(invalid="ignore", over="ignore"):
        shares = np.nan_to_num(np.clip((values - limits.low) / (limits.high - limits.low), 0, 1))
    return np.round(shares * 255).astype(np.uint8)


def _values(numbers: NumbersIn, part: Image.Image) -> NDArray[np.float64]:
    values = np.asarray(part)
    if numbers.wide:
        values = values.view(np.uint32)
    with np.errstate(invalid="ignore"):  # a NaN that signals
        return values.astype(np.float64)
