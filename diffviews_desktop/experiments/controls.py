"""Values that a mask is compared with: as large, as typical or as told, but not what it is.

Each function makes the values ``(C, H, W)`` of one layer, ``(T, C)`` for tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32


def shuffle(mask: Float32, rng: np.random.Generator) -> Float32:
    """The same values at other places, the channels of a place staying together."""
    channels, places = _channels_first(mask)
    order = rng.permutation(channels.shape[1])
    return _as_before(channels[:, order], mask, places)


def matched_noise(mask: Float32, rng: np.random.Generator) -> Float32:
    """Gaussian noise, of the mean and the standard deviation of each channel."""
    channels, places = _channels_first(mask)
    mean, deviation = channels.mean(axis=1, keepdims=True), channels.std(axis=1, keepdims=True)
    noise = rng.standard_normal(channels.shape)
    if channels.shape[1] > 1:  # exactly of these moments, not only on average
        noise -= noise.mean(axis=1, keepdims=True)
        noise /= np.maximum(noise.std(axis=1, keepdims=True), 1e-12)
    return _as_before((mean + deviation * noise).astype(np.float32), mask, places)


def random_direction(mask: Float32, mean: Float32, rng: np.random.Generator) -> Float32:
    """As far from the layer's mean as the mask is, in a direction at random."""
    return (mean + as_long(rng.standard_normal(mask.shape), mask - mean)).astype(np.float32)


def as_long(way: NDArray[np.float64], like: NDArray) -> NDArray[np.float64]:
    """A direction with the length of another."""
    return way * (np.linalg.norm(like.astype(np.float64)) / (np.linalg.norm(way) or 1.0))


def other_channels(indices: Sequence[int], count: int, rng: np.random.Generator) -> tuple[int, ...]:
    """As many of ``count`` channels as there are ``indices``: others, as far as there are any."""
    others = rng.permutation(np.setdiff1d(np.arange(count), indices)).tolist()
    repeats = rng.permutation(np.unique(indices)).tolist()
    return tuple(sorted((others + repeats)[: len(set(indices))]))


def wrong_class(label: int, classes: Sequence[int], seed: int) -> int:
    """A class that is not a sample's own: the same one for all samples of a class, and another one
    for every class.

    Args:
        label: the sample's class.
        classes: those that the model knows, at least two, ``label`` among them.
        seed: which of the possible assignments.
    """
    numbers = sorted(classes)
    shift = 1 + int(np.random.default_rng(seed).integers(len(numbers) - 1))
    return numbers[(numbers.index(label) + shift) % len(numbers)]


def _channels_first(mask: Float32) -> tuple[Float32, bool]:
    """Values as ``(C, places)``, and whether the channels were the first axis."""
    first = mask.ndim != 2
    return (mask if first else mask.T).reshape(mask.shape[0 if first else 1], -1), first


def _as_before(channels: NDArray[np.float32], mask: Float32, first: bool) -> Float32:
    return np.ascontiguousarray(channels.reshape(mask.shape) if first else channels.T)
