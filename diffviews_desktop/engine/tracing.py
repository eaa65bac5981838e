"""What layers compute in another run, for interventions that patch it into this one.

For the engine, in whose process it runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from diffviews_desktop.engine.effects import last_step
from diffviews_desktop.engine.opened_model import Host
from diffviews_desktop.engine.picture_batch import PictureBatch
from diffviews_desktop.values.conditions import Condition
from diffviews_desktop.values.interventions import Intervention
from diffviews_desktop.values.sampling import SamplingSettings

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from torch import Tensor

    from diffviews_desktop.adapters.model import Model
    from diffviews_desktop.core.intervening import Trace


def trace_run(
    host: Host,
    model: Model,
    settings: SamplingSettings,
    conditions: Sequence[Condition],
    seeds: Sequence[int | None],
    one: Intervention,
    notes: list[str],
) -> Trace:
    """What the layers of an intervention compute without it, in the steps that it acts on.

    Args:
        host: the engine.
        model: draws.
        settings: how.
        conditions: what to draw: one for each seed.
        seeds: of the pictures.
        one: says the layers and the steps.
        notes: gets what the user should know.
    """
    last = last_step([one], settings.num_steps)
    run = PictureBatch(model, settings, conditions, seeds, notes=notes)
    trace: list[Sequence[Mapping[str, Tensor]]] = []
    host.progress("drawing the other run")
    with host.interruptible(model), closing(run.steps(one.layers)) as running:
        for step in running:
            acts = step.index >= one.step_from
            trace.append(step.evaluated if acts else ())
            host.check()
            if step.index + 1 >= last:
                break
    return trace
