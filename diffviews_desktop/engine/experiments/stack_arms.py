"""What the arms of given interventions do to layers: the interventions themselves, and controls
that are chosen by their verbs."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.engine.effects import EffectMaker
from diffviews_desktop.engine.experiments.arm_values import ArmValues
from diffviews_desktop.engine.experiments.drawing import Batch, condition_of
from diffviews_desktop.engine.experiments.regions import region_of
from diffviews_desktop.engine.experiments.sample_choice import SEED
from diffviews_desktop.engine.tracing import trace_run
from diffviews_desktop.experiments.controls import as_long, matched_noise, shuffle
from diffviews_desktop.values.conditions import ClassLabel
from diffviews_desktop.values.controls import Arm
from diffviews_desktop.values.experiments import Drawing, Experiment, Subjects
from diffviews_desktop.values.interventions import (
    Difference,
    Factor,
    Intervention,
    LayerMean,
    OtherRun,
)
from diffviews_desktop.values.regions import cells_of

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    import torch

    from diffviews_desktop.adapters.model import Model
    from diffviews_desktop.core.intervening import Effect, Trace

OTHER_SEEDS = 2**31
"""How far the seeds of the control *label* lie from those of the pictures; a generator on the CPU
looks at the lower 32 bits alone."""
Change = Callable[[Float32, np.random.Generator], Float32]


@dataclass(frozen=True)
class StackArms:
    """Makes effects of interventions and their controls.

    Args:
        maker: makes those of the interventions themselves.
        model: draws.
        experiment: what is drawn, checked.
        subjects: the classes that it is about.
        samples: means of the samples that the controls are made of; None where there are none.
        notes: gets what the user should know.
    """

    maker: EffectMaker
    model: Model
    experiment: Experiment
    subjects: Subjects
    samples: ArmValues | None
    notes: list[str]

    def effects(self, batch: Batch) -> list[Effect]:
        """What hooks do while a batch is drawn."""
        if batch.arm == "none":
            return []
        result: list[Effect] = []
        for number, one in enumerate(self.experiment.interventions):
            acting = _by_arm(_place(self.experiment, one, batch), batch.arm)
            trace = self._trace(acting, batch)
            for layer in acting.layers:
                result.append(self._effect(number, acting, layer, batch, trace))
        return result

    def _effect(
        self,
        number: int,
        one: Intervention,
        layer: str,
        batch: Batch,
        trace: Trace | None,
    ) -> Effect:
        import torch

        shape = self.model.facts.layers[layer]
        one = replace(one, region=region_of(one.region, batch.arm, layer, shape))
        value: torch.Tensor | Trace
        if trace is not None:
            value = _changed_trace(trace, one, layer, batch)
        elif isinstance(one.source, Factor) and batch.arm != "direction":
            value = torch.tensor(one.source.value)
        else:
            value = self._stack(number, one, layer, batch)
        result = self.maker.effect(one, layer, value, one.strength)
        if isinstance(one.source, Factor) and batch.arm == "direction":
            # a step as long as what scaling changes
            result = replace(result, verb="steer", strength=_measure_scaling(one, one.source))
        return result

    # ---- values ---------------------------------------------------------------------------------

    def _stack(self, number: int, one: Intervention, layer: str, batch: Batch) -> torch.Tensor:
        """What is imposed or added, ``(1, …)``, or one a picture where each has its own."""
        import torch

        if batch.arm in ("mixed", "shuffled", "noise", "direction"):
            rows = [self._random(number, one, layer, drawing) for drawing in batch.drawings]
            return torch.from_numpy(np.stack(rows))
        return torch.from_numpy(self._value(number, one, layer, batch.arm)[None])

    def _value(self, number: int, one: Intervention, layer: str, arm: Arm) -> Float32:
        """What all pictures of an arm share, ``(C, H, W)``."""
        if arm == "mean":
            return self._of_samples("mean", 0, one, layer)
        if arm in ("wrong", "label"):
            return self._of_samples(f"{arm}{number}", 0, one, layer)
        return self.maker.vector(one, layer)[0]

    def _random(self, number: int, one: Intervention, layer: str, drawing: Drawing) -> Float32:
        """What a picture of a random control has for itself, ``(C, H, W)``."""
        if drawing.arm == "mixed":
            return self._of_samples(f"mixed{number}", drawing.seed, one, layer)
        rng = _generator(drawing.arm, layer, number, drawing.seed)
        if isinstance(one.source, Factor):
            return rng.standard_normal(self.model.facts.layers[layer]).astype(np.float32)
        value = self._value(number, one, layer, "intervention")
        if drawing.arm == "shuffled":
            return shuffle(value, rng)
        if drawing.arm == "noise":
            return matched_noise(value, rng)
        mean = np.zeros_like(value)
        if one.verb not in ("add", "steer"):
            mean = self._of_samples("mean", 0, one, layer)
        cells = cells_of(one.region, self.model.facts.layers[layer], layer)
        inside = 1.0 if cells is None else cells
        way = as_long(rng.standard_normal(value.shape) * inside, (value - mean) * inside)
        return (mean + way).astype(np.float32)

    def _of_samples(self, name: str, seed: int, one: Intervention, layer: str) -> Float32:
        """The mean of an arm's samples, less that of what is subtracted."""
        assert self.samples is not None
        mean = self.samples.mean(layer, (name, seed))
        if name == "mean" or not isinstance(one.source, Difference):
            return mean
        return mean - self.samples.mean(layer, (f"{name}-", seed))

    # ---- other runs -----------------------------------------------------------------------------

    def _trace(self, one: Intervention, batch: Batch) -> Trace | None:
        """What the layers compute in the run that is patched from; None where none is."""
        other = one.source
        if not isinstance(other, OtherRun):
            return None
        experiment, table = self.experiment, self.maker.opened.samples.table
        condition = other.condition
        if condition is None:
            condition = condition_of(experiment, table, 0)
        if batch.arm == "wrong":
            condition = ClassLabel(self.subjects.wrong[0])
        picture_seeds = [experiment.seed_of(drawing) for drawing in batch.drawings]
        seeds = picture_seeds if other.seed is None else [other.seed]
        if batch.arm == "label":  # the same class, of another noise for every picture
            seeds = [(seed + OTHER_SEEDS) % 2**63 for seed in picture_seeds]
        settings, told = experiment.settings, [condition] * len(seeds)
        return trace_run(self.maker.host, self.model, settings, told, seeds, one, self.notes)


_CHANGES: Mapping[Arm, Change] = {"shuffled": shuffle, "noise": matched_noise}


def _changed_trace(trace: Trace, one: Intervention, layer: str, batch: Batch) -> Trace:
    """A trace as a control has it, of one layer."""
    change = _CHANGES.get(batch.arm)
    if change is None:
        return trace
    assert isinstance(one.source, OtherRun)
    seeds = [drawing.seed for drawing in batch.drawings] if one.source.seed is None else [0]
    return [
        [{layer: _change(values[layer], change, batch.arm, layer, seeds)} for values in step]
        for step in trace
    ]


def _change(
    rows: torch.Tensor, change: Change, arm: Arm, layer: str, seeds: Sequence[int]
) -> torch.Tensor:
    """What a layer computed for the picture of each seed, and of a guided run for both halves;
    changed in the same way at every step."""
    import torch

    arrays = [
        change(row, _generator(arm, layer, 0, seeds[number % len(seeds)]))
        for number, row in enumerate(rows.float().cpu().numpy())
    ]
    return torch.from_numpy(np.stack(arrays)).to(rows)


def _generator(arm: Arm, layer: str, number: int, seed: int) -> np.random.Generator:
    """Random numbers of a control, for an intervention and a seed."""
    return np.random.default_rng([SEED, number, seed, zlib.crc32(f"{arm} {layer}".encode())])


def _place(experiment: Experiment, one: Intervention, batch: Batch) -> Intervention:
    """An intervention at the place of a batch; where there are several, each at its own."""
    first, last = batch.window
    if len(experiment.interventions) == 1:
        return replace(one, layers=batch.layers, step_from=first, step_to=last)
    return replace(one, layers=batch.layers) if batch.arm == "layer" else one


def _by_arm(one: Intervention, arm: Arm) -> Intervention:
    """What an arm does instead, apart from its values."""
    if arm == "opposite":
        return replace(one, strength=-one.strength)
    if arm != "mean":
        return one
    strength = one.strength
    if isinstance(one.source, Factor):
        strength = min(1.0, _measure_scaling(one, one.source))
    return replace(one, verb="ablate", source=LayerMean(), strength=strength)


def _measure_scaling(one: Intervention, factor: Factor) -> float:
    """How much scaling changes, as a share of what the layer computes."""
    return abs(one.strength * (factor.value - 1))
