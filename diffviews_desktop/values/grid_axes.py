"""What varies from picture to picture of a grid."""

from __future__ import annotations

import math
from dataclasses import dataclass

from diffviews_desktop.values.layers import LayerSet


@dataclass(frozen=True)
class GridAxes:
    """What varies in a grid.

    Attributes:
        samples: number of seeds.
        varied: which of the interventions, from 0, the other axes vary.
        strengths: of that intervention.
        windows: first step, and the step that it no longer acts on.
        mask_layers: sets of layers that it acts on.
    """

    samples: int = 1
    varied: int = 0
    strengths: tuple[float, ...] = ()
    windows: tuple[tuple[int, int], ...] = ()
    mask_layers: tuple[LayerSet, ...] = ()

    @property
    def count(self) -> int:
        """Number of pictures."""
        axes = (self.strengths, self.windows, self.mask_layers)
        return self.samples * math.prod(max(1, len(axis)) for axis in axes)

    @property
    def varies_intervention(self) -> bool:
        """Whether an axis is one of an intervention."""
        return bool(self.strengths or self.windows or self.mask_layers)
