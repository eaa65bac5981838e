"""Samples that belong together: those that the user has named, and those of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.palette import OKABE_ITO
from diffviews_desktop.values.row_set import RowSet

SET_COLORS = (*OKABE_ITO, "#7d6fb3")
"""What named selections are coloured with, one after the other."""
MOST_SETS = 200
"""How many selections can be named."""


class Some(Sequence[str]):
    """Some of many texts, each looked up when it is asked for.

    Args:
        texts: all of them.
        rows: the positions of those that are meant.
    """

    def __init__(self, texts: Sequence[str], rows: NDArray[np.int64] | Sequence[int]) -> None:
        self._texts, self._rows = texts, rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self._texts[row] for row in self._rows[index])
        return self._texts[self._rows[index]]


@dataclass(frozen=True, eq=False)
class SomeSamples:
    """Samples of a model: by their rows in a table, and by their ids wherever they are now.

    Attributes:
        model: whose samples they are.
        fingerprint: of the table that the rows count in.
        rows: where they are in it.
        ids: theirs, in the order of the rows.
    """

    model: str
    fingerprint: str
    rows: RowSet
    ids: Sequence[str]


@dataclass(frozen=True, eq=False)
class SampleSet:
    """A selection that the user has named.

    Attributes:
        number: tells it from others.
        name: what it is called.
        samples: that are in it.
        color: of its samples where colours tell of selections, ``#rrggbb``.
    """

    number: int
    name: str
    samples: SomeSamples
    color: str = SET_COLORS[0]

    @property
    def rows(self) -> RowSet:
        """Its samples."""
        return self.samples.rows


@dataclass(frozen=True, eq=False)
class Clusters:
    """Dense groups of samples on a map.

    Attributes:
        number: tells them from others.
        spec: the map on which they were found.
        samples: all that are in a cluster.
        labels: the cluster of each of these ``(K,) int32``, from 0.
        names: of the clusters, the first that of cluster 0.
        smallest: how many samples a cluster was to have at least.
    """

    number: int
    spec: MapSpec
    samples: SomeSamples
    labels: NDArray[np.int32]
    names: tuple[str, ...]
    smallest: int

    def rows_of(self, number: int) -> RowSet:
        """The samples of one cluster."""
        return RowSet.ascending(self.samples.rows.rows[self.labels == number])

    def counts(self) -> list[int]:
        """How many samples each has."""
        sizes: list[int] = np.bincount(self.labels, minlength=len(self.names)).tolist()
        return sizes

    def of_each(self, count: int) -> NDArray[np.int32]:
        """The cluster of each of ``count`` samples ``(count,)``; -1 for none."""
        numbers = np.full(count, -1, np.int32)
        numbers[self.samples.rows.rows] = self.labels
        return numbers

    def rename(self, number: int, name: str) -> Clusters:
        """With another name for one of them."""
        names = list(self.names)
        names[number] = name
        return replace(self, names=tuple(names))


def set_of_each(sets: Sequence[SampleSet], count: int) -> NDArray[np.int32]:
    """The position of the set that each of ``count`` samples is in ``(count,)``: of several the
    last; -1 for none."""
    positions = np.full(count, -1, np.int32)
    for position, one in enumerate(sets):
        positions[one.rows.rows] = position
    return positions
