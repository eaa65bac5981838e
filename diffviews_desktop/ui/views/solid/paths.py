"""Paths of runs in three dimensions: where their steps are, and which of them the mouse is at."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter

from diffviews_desktop.state.runs import Run
from diffviews_desktop.ui.views.flat.overlays import STEP_RADIUS
from diffviews_desktop.ui.views.solid import overlays
from diffviews_desktop.ui.views.solid.third_axis import ThirdAxis
from diffviews_desktop.values.camera import Projection


@dataclass(frozen=True)
class StepNear:
    """A step of a run near the mouse, and how far from it, in logical pixels."""

    key: int
    index: int
    place: QPointF
    away: float


@dataclass(frozen=True)
class Paths:
    """Runs to draw.

    Attributes:
        records: all but the unmasked one.
        shown: key of the one that the scrubber is at.
        step: of that one.
        unmasked: the one that the shown one is compared with.
    """

    records: tuple[Run, ...] = ()
    shown: int | None = None
    step: int = 0
    unmasked: Run | None = None

    @property
    def all_runs(self) -> tuple[Run, ...]:
        """All of them."""
        return self.records if self.unmasked is None else (*self.records, self.unmasked)

    def heights(self, axis: ThirdAxis) -> list[float]:
        """How high steps and pictures placed on the map lie; nothing where the axis says none."""
        sigmas = {step.sigma for record in self.all_runs for step in record.steps}
        sigmas |= {record.landed.job.sigma for record in self.all_runs if record.landed is not None}
        candidates = (axis.height_of_step(sigma) for sigma in sigmas)
        return [height for height in candidates if height is not None]

    def near(
        self, position: QPointF, projection: Projection, axis: ThirdAxis, floor: float
    ) -> StepNear | None:
        """The step nearest to a place in logical pixels; None where none is near."""
        best: StepNear | None = None
        for record in self.all_runs:
            if not record.steps:
                continue
            pixels = projection.pixels(overlays.step_places(record, axis, floor))
            distances = np.hypot(pixels[:, 0] - position.x(), pixels[:, 1] - position.y())
            distances[np.isnan(distances)] = math.inf
            index = int(distances.argmin())
            if distances[index] < (STEP_RADIUS if best is None else best.away):
                place = QPointF(*pixels[index, :2].tolist())
                best = StepNear(record.id, index, place, float(distances[index]))
        return best

    def place_of(
        self, key: int, index: int, axis: ThirdAxis, floor: float
    ) -> NDArray[np.float64] | None:
        """Where a step is in the data ``(3,)``; None where there is none."""
        record = next((record for record in self.all_runs if record.id == key), None)
        if record is None or index >= len(record.steps):
            return None
        return overlays.step_places(record, axis, floor)[index]

    def draw(
        self, painter: QPainter, projection: Projection, axis: ThirdAxis, floor: float
    ) -> None:
        """Draw all, the unmasked one below the others."""
        if self.unmasked is not None:
            at = self.step if self.step < len(self.unmasked.steps) else None
            overlays.draw_path(painter, projection, self.unmasked, axis, floor, at, unmasked=True)
        for record in self.records:
            at = self.step if record.id == self.shown else None
            overlays.draw_path(painter, projection, record, axis, floor, at)
