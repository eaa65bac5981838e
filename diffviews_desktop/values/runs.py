"""What a run consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.values.conditions import Condition
from diffviews_desktop.values.interventions import Intervention
from diffviews_desktop.values.sampling import SamplingSettings


@dataclass(frozen=True, eq=False)
class RunStep:
    """One denoising step of one picture.

    Attributes:
        index: from 0.
        sigma: noise level of the input.
        image: the predicted picture ``(H, W, C) uint8``.
        noised: the input, likewise.
        xy: place on the map of what the layers computed, ``(2,)``.
        distance: from there to the nearest sample in the reduced space.
        imposed_xy: place of what was imposed instead, or None where nothing was.
        evaluations: how often the network ran in this step.
        computed: what each layer computed, ``{layer: (C, H, W)}``, if the job keeps it.
        imposed: what the rest of the network saw instead of layers with interventions, likewise.
        reduced: what the layers computed in the reduced activation space, ``(K,)``.
    """

    index: int
    sigma: float
    image: NDArray[np.uint8]
    noised: NDArray[np.uint8]
    xy: tuple[float, float]
    distance: float
    imposed_xy: tuple[float, float] | None
    evaluations: int = 1
    computed: Mapping[str, NDArray[np.float32]] | None = None
    imposed: Mapping[str, NDArray[np.float32]] | None = None
    reduced: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class GridCell:
    """One picture ``(H, W, C) uint8`` of a grid: ``index`` into `GenerateGrid.cells`, and what it
    was drawn with; ``condition`` as in `RunResult`."""

    index: int
    settings: SamplingSettings
    condition: Condition | None
    image: NDArray[np.uint8]
    interventions: tuple[Intervention, ...] = ()
