"""Looks at all pictures of a folder, to find which numbers are black and white in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from diffviews_desktop.errors import PictureError
from diffviews_desktop.files.reading import open_regular
from diffviews_desktop.pictures.decoding import measure
from diffviews_desktop.pictures.formats import HEAD, may_hold_numbers
from diffviews_desktop.text.translation import trn
from diffviews_desktop.values.brightness import Brightness, Numbers, Range


@dataclass(frozen=True)
class Survey:
    """What pictures of numbers a folder has.

    Attributes:
        brightness: the rule by which they are read.
        counts: how many pictures there are of each kind of numbers.
        ranges: black and white of each kind.
        flat: how many pictures become one shade of grey, as their numbers differ by too little.
    """

    brightness: Brightness = field(default_factory=Brightness)
    counts: Mapping[Numbers, int] = field(default_factory=dict)
    ranges: Mapping[Numbers, Range] = field(default_factory=dict)
    flat: int = 0

    def sentences(self) -> list[str]:
        """``12 pictures hold floating-point numbers: -1 is black and 1 is white.``"""
        sentences = [
            trn(
                "{number} picture holds {kind}: {range}.",
                "{number} pictures hold {kind}: {range}.",
                count,
                kind=kind.words,
                range=self.ranges[kind].words,
            )
            for kind, count in self.counts.items()
        ]
        if self.flat:
            sentences.append(
                trn(
                    "{number} of these is a single shade of grey by this: put pictures with "
                    "numbers of another size into a folder of their own, or choose another range.",
                    "{number} of these are a single shade of grey by this: put pictures with "
                    "numbers of another size into a folder of their own, or choose another range.",
                    self.flat,
                )
            )
        return sentences

    def record(self) -> dict[str, list[float]]:
        """Black and white by kind, for the record of an import."""
        return {kind.value: list(range_) for kind, range_ in self.ranges.items()}


def survey(
    paths: Iterable[Path],
    limits: tuple[float, float] | None = None,
    check: Callable[[], None] = lambda: None,
) -> Survey:
    """Find what is black and what is white in pictures of numbers, of which most folders have none.

    Args:
        paths: of the pictures; those that cannot be read do not count.
        limits: black and white, where they need not be found.
        check: called before each; may raise to stop.
    """
    measures: list[tuple[Numbers, Range]] = []
    for path in paths:
        check()
        with suppress(PictureError, OSError):
            if _may_hold_numbers(path):
                pair = measure(path)
                measures += [pair] if pair is not None else []
    counts = Counter(kind for kind, _ in measures)
    kinds = [kind for kind in Numbers if counts[kind]]
    if limits is None:
        brightness = Brightness.of_extremes(measures)
        whites = [high for kind, (_, high) in measures if kind is Numbers.UNSIGNED]
        ranges = {Numbers.UNSIGNED: Range(0, max(whites, default=0)), **brightness.ranges}
    else:
        brightness = Brightness.of_range(*limits)
        ranges = dict(brightness.ranges)
    return Survey(
        brightness,
        {kind: counts[kind] for kind in kinds},
        {kind: ranges[kind] for kind in kinds},
        sum(_is_flat(values, ranges[kind]) for kind, values in measures),
    )


def _is_flat(values: Range, limits: Range) -> bool:
    """Whether numbers that differ become one shade."""
    low, high = (min(max(value, limits.low), limits.high) for value in values)
    return values.low < values.high and (high - low) * 255 < limits.high - limits.low


def _may_hold_numbers(path: Path) -> bool:
    with open_regular(path) as file:
        return may_hold_numbers(file.read(HEAD))
