"""Means of samples that the arms of an experiment impose on layers."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.engine.experiments.sample_choice import SEED, ArmSamples, Key
from diffviews_desktop.engine.experiments.told_samples import ToldSamples
from diffviews_desktop.errors import MaskError
from diffviews_desktop.experiments.controls import matched_noise, random_direction, shuffle
from diffviews_desktop.values.controls import Arm


class ArmValues:
    """Means of the samples of every arm at some layers, read once.

    Args:
        told: extracts samples.
        choice: which.
        layers: of which layers.
    """

    def __init__(self, told: ToldSamples, choice: ArmSamples, layers: Sequence[str]) -> None:
        facts = told.host.model_of(told.opened).facts
        self._shapes = {name: tuple(facts.layers[name]) for name in layers}
        self._place = {key: index for index, key in enumerate(choice.members)}
        shares = np.zeros((len(choice.members), len(choice.samples)))
        for index, members in enumerate(choice.members.values()):
            for member in members:
                shares[index, member] += 1 / len(members)
        sums: dict[str, NDArray[np.float64]] = {}
        for places, values in told.batches(choice.samples, layers):
            part = shares[:, places.start : places.stop]
            for name, rows in values.items():
                addend = part @ rows.astype(np.float64)
                sums[name] = sums[name] + addend if name in sums else addend
        self._means = {name: total.astype(np.float32) for name, total in sums.items()}
        bad = [name for name, means in self._means.items() if not np.isfinite(means).all()]
        if bad:
            raise MaskError(f"{bad[0]} gives values that are not finite numbers for these samples.")

    def value(self, layer: str, arm: Arm, group: int) -> Float32:
        """What an arm of masks imposes, ``(C, H, W)``."""
        rng = np.random.default_rng([SEED, group, zlib.crc32(f"{arm} {layer}".encode())])
        match arm:
            case "shuffled":
                return shuffle(self.mean(layer, ("intervention", group)), rng)
            case "noise":
                return matched_noise(self.mean(layer, ("intervention", group)), rng)
            case "direction":
                mean = self.mean(layer, ("mean", group))
                return random_direction(self.mean(layer, ("intervention", group)), mean, rng)
            case "layer" | "channels":
                return self.mean(layer, ("intervention", group))
        return self.mean(layer, (arm, group))

    def mean(self, layer: str, key: Key) -> Float32:
        """The mean of the samples of a key, ``(C, H, W)``."""
        return self._means[layer][self._place[key]].reshape(self._shapes[layer])
