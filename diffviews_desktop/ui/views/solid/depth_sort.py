"""In which order points are drawn, and where on the screen: from one side, farthest first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from diffviews_desktop.ui.common.latest import Latest
from diffviews_desktop.ui.views.solid.cloud import NOTHING, Cloud
from diffviews_desktop.ui.views.solid.picking import ScreenPoints
from diffviews_desktop.values.camera import Projection

AT_ONCE = 20_000  # points that are sorted in the window's thread, in a few milliseconds


@dataclass(frozen=True, eq=False)
class Sorted:
    """What was worked out for one cloud from one place."""

    projection: Projection
    order: NDArray[np.uint32]
    points: ScreenPoints


class DepthSort(QObject):
    """Sorts a cloud by depth: few points at once, many in another thread.

    Signal: ``sorted()``, when many points were sorted, for the place asked for or one before it.
    """

    sorted = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._cloud = NOTHING
        self._last: Sorted | None = None
        self._asked: Projection | None = None
        self._latest = Latest[Sorted](self._take, self, name="map 3d", every=True)

    def set_cloud(self, cloud: Cloud) -> None:
        """Sort other points."""
        self._cloud, self._last = cloud, None
        self._latest.drop()

    @property
    def many(self) -> bool:
        """Whether another thread sorts the points."""
        return len(self._cloud) > AT_ONCE

    @property
    def busy(self) -> bool:
        """Whether points are being sorted."""
        return self._latest.busy

    def order(self, projection: Projection, radius: float) -> NDArray[np.uint32] | None:
        """Rows of the cloud ``(N,)``, farthest first; of many points those for the last place they
        were sorted for, None before the first."""
        if not self.many:
            return self._sorted_now(projection, radius).order
        return None if self._last is None else self._last.order

    def points(self, projection: Projection, radius: float) -> ScreenPoints | None:
        """What is drawn where; None while that is worked out, of many points."""
        if not self.many:
            return self._sorted_now(projection, radius).points
        last = self._last
        return last.points if last is not None and _same(last.projection, projection) else None

    def sort(self, projection: Projection, radius: float) -> None:
        """Have many points sorted for a place, unless they are or will be."""
        pending = self._latest.awaited and _same(self._asked, projection)
        if not pending and self.points(projection, radius) is None:
            self._asked = projection
            self._latest.ask(partial(_sort, self._cloud, projection, radius))

    def close(self) -> None:
        """End what runs in the other thread."""
        self._latest.close()

    def _sorted_now(self, projection: Projection, radius: float) -> Sorted:
        if self._last is None or not _same(self._last.projection, projection):
            self._last = _sort(self._cloud, projection, radius)
        return self._last

    def _take(self, result: Sorted) -> None:
        self._last = result
        self.sorted.emit()


def _sort(cloud: Cloud, projection: Projection, radius: float) -> Sorted:
    order = cloud.back_to_front(projection.matrix[3], len(cloud))
    return Sorted(projection, order, ScreenPoints(cloud, projection, radius))


def _same(one: Projection | None, other: Projection) -> bool:
    if one is None or (one.width, one.height) != (other.width, other.height):
        return False
    return np.array_equal(one.matrix, other.matrix)
