"""What is known of a loaded model, as values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from diffviews_desktop.values.layers import LayerShape


@dataclass(frozen=True)
class Numerics:
    """How a network computes, as far as its values depend on it.

    Attributes:
        device: kind of the device: ``cpu``, ``cuda`` or ``mps``.
        precision: ``float32``, ``float16``, ``bfloat16``; or ``auto``, what the model was made for,
            on devices where that differs between models.
    """

    device: str = "cpu"
    precision: str = "float32"


FLOAT32_ON_CPU = Numerics()


@dataclass(frozen=True)
class ModelFacts:
    """What an adapter says of the model that it loaded.

    Attributes:
        model_type: identifier of the model.
        resolution: height and width of the pictures.
        channels: of the pictures.
        sample_shape: of what the network denoises, without the batch.
        num_classes: 0 for none.
        prompts: whether it takes prompts.
        layers: output shape of each layer that hooks can be registered on, in running order.
        default_layer: the layer to map first.
        defaults: how to sample it, by the names of `GeneratorAdapter.get_default_config`.
        device: where it is, such as ``cuda:0``.
        precision: what the network runs in there; empty where the adapter does not say.
        sigma_min: lowest noise level that it knows; 0 where the adapter does not say.
        sigma_max: highest noise level that it knows; infinite where the adapter does not say.
        class_names: names of classes by number.
        guidance_note: whether guidance was trained; empty where the adapter does not say.
        label_dropout: with what probability conditions were dropped in training, so that the
            network has learnt what it is to be told nothing; None where the adapter does not say.
        notes: what had to be assumed when it was loaded.
        presets: settings that were published, by name: changes of the defaults, and a note.
    """

    model_type: str
    resolution: int
    channels: int
    sample_shape: tuple[int, ...]
    num_classes: int
    prompts: bool
    layers: Mapping[str, LayerShape]
    default_layer: str
    defaults: Mapping[str, Any]
    device: str
    precision: str
    sigma_min: float = 0.0
    sigma_max: float = math.inf
    class_names: Mapping[int, str] = field(default_factory=dict)
    guidance_note: str = ""
    label_dropout: float | None = None
    notes: tuple[str, ...] = ()
    presets: Mapping[str, tuple[Mapping[str, Any], str]] = field(default_factory=dict)

    @property
    def is_conditional(self) -> bool:
        """Whether anything can be told it."""
        return self.num_classes > 0 or self.prompts
