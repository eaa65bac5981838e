"""Which activations are meant: of which model, samples and layers, and computed how.

This is what they are found by in the cache, so whatever changes a value is in the key.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from diffviews_desktop.data.cache.layer_cache import LayerCache, cache_key
from diffviews_desktop.data.checkpoints.files import identity
from diffviews_desktop.engine.opened_model import Host, OpenedModel
from diffviews_desktop.errors import AdapterError, DataError, UsageError
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.models import FLOAT32_ON_CPU, Numerics
from diffviews_desktop.values.told import OWN_CONDITION, Told, told_text


@dataclass(frozen=True)
class Activations:
    """These activations of this model, whether or not they exist yet.

    Attributes:
        opened: the model with its samples.
        layers: names of the layers, sorted.
        numerics: how they are computed; float32 on the CPU stands for those that the folder brings,
            too, which no device changes.
        told: what each sample is told.
    """

    opened: OpenedModel
    layers: LayerSet
    numerics: Numerics = FLOAT32_ON_CPU
    told: Told = OWN_CONDITION

    @property
    def cache(self) -> LayerCache:
        """Where they are kept."""
        return self.opened.cache

    @property
    def dtype(self) -> np.dtype[Any]:
        """What they are stored as."""
        return np.dtype(self.opened.folder.config.activation_dtype)

    @cached_property
    def key(self) -> str:
        """Their name in the cache."""
        return cache_key({**self.key_parts, "map": False})

    @cached_property
    def key_parts(self) -> dict[str, Any]:
        """Everything that their values depend on.

        What is the usual value has no part, so that keys made before there was a choice stay valid.
        """
        config = self.opened.folder.config
        try:
            weights = identity(self.opened.folder.checkpoint())
        except DataError:
            weights = []
        parts = {
            "model": self.opened.folder.name,
            "adapter": config.adapter,
            "checkpoint": weights,
            "samples": self.opened.samples.fingerprint,
            "extraction_input": config.extraction_input,
            "layers": list(self.layers),
        }
        if self.told != OWN_CONDITION:
            parts["told"] = told_text(self.told)
        if config.weights:
            parts["weights"] = config.weights
        if config.activation_dtype != "float32":
            parts["dtype"] = config.activation_dtype
        if self.opened.file_stamps:
            parts["stored"] = self.opened.file_stamps
        if self.numerics != FLOAT32_ON_CPU:
            parts["device"] = self.numerics.device
            parts["precision"] = self.numerics.precision
        return parts


def activations_to_compute(
    host: Host, opened: OpenedModel, layers: Iterable[str], told: Told
) -> Activations:
    """Activations that the model computes, whatever its folder brings."""
    return Activations(opened, LayerSet(layers), host.numerics(opened), told)


def activations_of(
    host: Host, opened: OpenedModel, layers: Iterable[str], told: Told
) -> Activations:
    """Activations that the folder brings, where it brings them; else those that are computed."""
    names = LayerSet(layers)
    return (
        Activations(opened, names, told=told)
        if opened.brings(names) == told
        else activations_to_compute(host, opened, names, told)
    )


def device_kind(name: str) -> str:
    """``cpu``, ``cuda`` or ``mps``: what `diffviews_desktop.adapters.device.get_device` chooses,
    without its number. Imports torch where the name does not say it."""
    if name == "cpu":
        return name
    from diffviews_desktop.adapters.device import get_device

    try:
        return get_device(name).partition(":")[0]
    except UsageError:  # nothing is computed there
        return name.partition(":")[0]


def numerics_of(kind: str, precision: str | None, adapter: str) -> Numerics:
    """How the network of an adapter computes on a kind of device, if asked for a precision."""
    choice = precision or "auto"
    if choice != "auto":
        choice = _only_precision(adapter) or choice
    return Numerics(kind, "float32" if (kind, choice) == ("cpu", "auto") else choice)


def _only_precision(adapter: str) -> str | None:
    """The one precision that an adapter knows, where its class says so."""
    from diffviews_desktop.adapters.registry import get_adapter

    try:
        precision = getattr(get_adapter(adapter), "precision", None)
    except AdapterError:  # said when the model is loaded
        return None
    return precision if isinstance(precision, str) else None
