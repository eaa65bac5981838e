"""Points on the way from one map to another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEasingCurve, QObject, QRectF, QVariantAnimation, Signal

from diffviews_desktop.ui.views.flat.gestures import MapBox
from diffviews_desktop.ui.views.flat.points import Points
from diffviews_desktop.ui.views.flat.scene import PointScene

MILLISECONDS = 550
MOST_POINTS = 15_000
"""A fair sample of so many is drawn while they move."""


class Between:
    """Places between two maps, looked up by sample as in an array ``(N, 2)``."""

    def __init__(self, old: NDArray, new: NDArray, part: float) -> None:
        self._old, self._new, self._part = old, new, part

    def __getitem__(self, rows: Any) -> NDArray:
        places: NDArray = self._old[rows] + (self._new[rows] - self._old[rows]) * self._part
        return places


class Glide(QObject):
    """Moves the points of a map, and the view with them, to their new places.

    Signal: ``moved(places)``, a `Between`, and at the end None.
    """

    moved = Signal(object)

    def __init__(self, points: Points, box: MapBox, parent: QObject) -> None:
        super().__init__(parent)
        self._points, self._box = points, box
        self._scene: PointScene | None = None
        self._ends: NDArray[np.float32] = np.empty((0, 2), np.float32)
        self._old = self._new = np.empty((0, 2))
        self._from = self._to = self._around = QRectF()
        self._animation = QVariantAnimation(self)
        self._animation.setDuration(MILLISECONDS)
        self._animation.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self._animation.setStartValue(0.0)
        self._animation.setEndValue(1.0)
        self._animation.valueChanged.connect(self._move)
        self._animation.finished.connect(self.finish)

    @property
    def running(self) -> bool:
        """Whether points are on their way."""
        return self._scene is not None

    def start(
        self,
        scene: PointScene,
        old: NDArray,
        new: NDArray,
        around: QRectF,
        part: QRectF,
        whole: QRectF,
    ) -> None:
        """Move the points, which show ``new (N, 2)`` already, there from ``old (N, 2)``.

        Args:
            scene: as they were drawn; those that get no place are gone at once, those that had
                none appear at the end.
            old: where they were.
            new: where they will be.
            around: what holds all of them where they were.
            part: what of the map was shown.
            whole: what of it will be shown.
        """
        scene = scene.part(MOST_POINTS)
        places = np.asarray(new, np.float32)[scene.rows] - np.array(scene.centre, np.float32)
        stay = np.asarray(np.isfinite(places).all(axis=1))
        if not stay.any():
            return
        self._scene, self._ends = scene.select(stay), places[stay]
        self._old, self._new = old, new
        self._from, self._to, self._around = part, whole, around
        self._move(0.0)  # the animation tells of its start only with the next frame
        self._animation.start()

    def finish(self) -> None:
        """Be there."""
        scene, self._scene = self._scene, None
        if scene is None:
            return
        self._animation.stop()
        self._points.draw_instead(replace(scene, xy=self._ends), self._around)
        self._points.draw_instead(None)
        self._box.show_part(self._to)
        self.moved.emit(None)

    def _move(self, part: float) -> None:
        scene = self._scene
        if scene is None:
            return
        places = scene.xy + (self._ends - scene.xy) * np.float32(part)
        self._points.draw_instead(replace(scene, xy=places), self._around)
        top_left = self._from.topLeft() + (self._to.topLeft() - self._from.topLeft()) * part
        far = self._from.bottomRight()
        far = far + (self._to.bottomRight() - far) * part
        self._box.show_part(QRectF(top_left, far))
        self.moved.emit(Between(self._old, self._new, part))
