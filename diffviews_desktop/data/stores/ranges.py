"""Which bytes of a file are there."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator


class Ranges:
    """Ranges of bytes, each from a first to the one after its last; those that touch are one."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        for start, stop in ranges:
            self.add(start, stop)

    def add(self, start: int, stop: int) -> None:
        """Have these bytes, too."""
        if start >= stop:
            return
        first = bisect_left(self._stops, start)
        end = bisect_right(self._starts, stop)
        if first < end:
            start, stop = min(start, self._starts[first]), max(stop, self._stops[end - 1])
        self._starts[first:end] = [start]
        self._stops[first:end] = [stop]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(list(zip(self._starts, self._stops, strict=True)))

    def has(self, start: int, stop: int) -> bool:
        """Whether all of these bytes are there."""
        at = bisect_right(self._starts, start) - 1
        return start >= stop or (at >= 0 and self._stops[at] >= stop)

    @property
    def total(self) -> int:
        """How many bytes there are."""
        return sum(self._stops) - sum(self._starts)

    @property
    def beginning(self) -> int:
        """How many bytes there are before the first that is missing."""
        return self._stops[0] if self._starts and self._starts[0] == 0 else 0

    def gaps(self, size: int, longest: int) -> Iterator[tuple[int, int]]:
        """What is missing of a file of so many bytes, in ranges of at most ``longest``."""
        bounds = [0, *(bound for pair in self for bound in pair), size]
        for start, stop in zip(bounds[::2], bounds[1::2], strict=True):
            for at in range(start, stop, longest):
                yield at, min(at + longest, stop)
