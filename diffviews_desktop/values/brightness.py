"""Brightness of pictures of numbers: which value becomes black, and which white.

A picture of 8 bits a channel says it by itself. Numbers do not: floats may go from 0 to 1, from -1
to 1 or up to 65535, and a dark picture alone cannot tell. So all pictures of a folder together
decide it, once for each kind of numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from diffviews_desktop.text.translation import marked, tr


class Numbers(Enum):
    """What a picture of numbers holds; the value stands in records.

    Attributes:
        FLOATS: floating-point numbers.
        INTEGERS: whole numbers of 32 bits, or signed ones of 16.
        UNSIGNED: unsigned whole numbers of 9 to 16 bits: their type says what is white.
    """

    FLOATS = "float"
    INTEGERS = "integer"
    UNSIGNED = "unsigned"

    @property
    def words(self) -> str:
        """``floating-point numbers``."""
        return tr(_WORDS[self])


_WORDS = {
    Numbers.FLOATS: marked("floating-point numbers"),
    Numbers.INTEGERS: marked("whole numbers of 32 bits or with a sign"),
    Numbers.UNSIGNED: marked("whole numbers of 16 bits"),
}


class Range(NamedTuple):
    """The value of black and the value of white."""

    low: float
    high: float

    @property
    def words(self) -> str:
        """``-1 is black and 1 is white``."""
        return tr(
            "{low:.6g} is black and {high:.6g} is white",
            low=self.low,
            high=self.high,
        )


BYTES, SIXTEEN_BITS = Range(0, 255), Range(0, 65535)
_UNITS = (Range(0, 1), Range(-1, 1))
_SLACK = 0.05
"""Part of a range by which values may lie outside of it, as resizing and rounding leave them."""
_LEAST = 1 / 2
"""Part of a large range that its values must exceed: up to 4, they are no bytes."""


@dataclass(frozen=True)
class Brightness:
    """How pictures of numbers are read.

    Attributes:
        ranges: black and white of each kind of numbers. A kind that is not there: the type's range
            for unsigned numbers, for others what the picture itself suggests.
    """

    ranges: Mapping[Numbers, Range] = field(default_factory=dict)

    @classmethod
    def of_range(cls, low: float, high: float) -> Brightness:
        """The same for all kinds of numbers."""
        return cls({kind: Range(low, high) for kind in Numbers})

    @classmethod
    def of_extremes(cls, extremes: Iterable[tuple[Numbers, Range]]) -> Brightness:
        """What fits the lowest and the highest value of each picture of a folder; unsigned numbers
        keep the range of their type."""
        ranges: dict[Numbers, Range] = {}
        for kind, (low, high) in extremes:
            if kind is Numbers.UNSIGNED:
                continue
            old = ranges.get(kind, Range(low, high))
            ranges[kind] = Range(min(old.low, low), max(old.high, high))
        return cls({kind: usual_range(*range_) for kind, range_ in ranges.items()})


def usual_range(low: float, high: float) -> Range:
    """The range that numbers from ``low`` to ``high`` were probably meant in.

    0 to 1, -1 to 1, 0 to 255 or 0 to 65535 where they fit; else, what is lowest is black and what
    is highest is white.
    """
    fitting = (range_ for range_ in _UNITS if _within(low, high, range_))
    large = (
        range_
        for range_ in (BYTES, SIXTEEN_BITS)
        if _within(low, high, range_) and high > range_.high * _LEAST
    )
    fallback = Range(low, high) if low < high else Range(min(low, 0.0), max(high, 0.0))
    return next(fitting, None) or next(large, None) or fallback


def _within(low: float, high: float, limits: Range) -> bool:
    slack = (limits.high - limits.low) * _SLACK
    return limits.low - slack <= low and high <= limits.high + slack


def is_range(low: float, high: float) -> bool:
    """Whether these can be the values of black and white."""
    return math.isfinite(low) and math.isfinite(high) and low < high
