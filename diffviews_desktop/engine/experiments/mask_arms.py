"""What the arms of masks do to layers: each picture is held at its own arm's values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diffviews_desktop.engine.experiments.arm_values import ArmValues
from diffviews_desktop.engine.experiments.drawing import Batch
from diffviews_desktop.engine.experiments.regions import region_of
from diffviews_desktop.values.experiments import Experiment
from diffviews_desktop.values.layers import LayerShape
from diffviews_desktop.values.regions import cells_of

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from collections.abc import Mapping

    from diffviews_desktop.core.intervening import Effect


@dataclass(frozen=True)
class MaskArms:
    """Makes effects of masks and their controls.

    Args:
        experiment: what is drawn, checked.
        shapes: of the model's layers.
        values: what the arms impose; None where no layer is changed.
    """

    experiment: Experiment
    shapes: Mapping[str, LayerShape]
    values: ArmValues | None

    def effects(self, batch: Batch) -> list[Effect]:
        """What hooks do while a batch is drawn."""
        import torch

        from diffviews_desktop.core.intervening import Effect

        if self.values is None:
            return []
        result = []
        for layer in batch.layers:
            rows = [self.values.value(layer, one.arm, one.group) for one in batch.drawings]
            region = region_of(self.experiment.region, batch.arm, layer, self.shapes[layer])
            cells = cells_of(region, self.shapes[layer], layer)
            result.append(
                Effect(
                    layer,
                    "replace",
                    torch.from_numpy(np.stack(rows)),
                    self.experiment.strength,
                    region=None if cells is None else torch.from_numpy(cells),
                    step_from=batch.window[0],
                    step_to=batch.window[1],
                )
            )
        return result
