"""A model as the sampler and the extractor use it, whichever interface its adapter has.

An adapter that says how its own conditions and samples are made has, besides the members of
`diffviews_desktop.adapters.base.GeneratorAdapter`:

* ``encode(conditions)``, a `Conditioning` of a sequence of conditions;
* ``sample_shape``, the shape ``(C, H, W)`` of what it denoises;
* ``codec``, a `Codec` between that and pictures;
* ``forward(x, sigma, conditioning)``;
* where it takes prompts, ``prompts = True``.

Every other adapter denoises pictures and takes label vectors; it is wrapped here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from diffviews_desktop.adapters.base import ForwardHook
from diffviews_desktop.adapters.codec import Codec, PixelCodec
from diffviews_desktop.adapters.conditioning import (
    Conditioning,
    Conditionings,
    LabelVectors,
    label_vectors,
    unconditional_of,
)
from diffviews_desktop.adapters.device import adapter_device
from diffviews_desktop.adapters.facts import channels_of, facts_of
from diffviews_desktop.values.conditions import Condition
from diffviews_desktop.values.models import ModelFacts

_OWN_CONDITIONS = ("encode", "sample_shape", "codec")


class Model:
    """A model whose adapter encodes conditions itself.

    Args:
        adapter: the adapter.
    """

    def __init__(self, adapter: Any) -> None:
        self.adapter = adapter

    @cached_property
    def facts(self) -> ModelFacts:
        """What the adapter says of the model, read once.

        Raises:
            AdapterError: it contradicts itself, or says what cannot be used.
        """
        return facts_of(self.adapter, self.sample_shape, self.codec.image_shape)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one sample, as the network denoises it."""
        return tuple(self.adapter.sample_shape)

    @property
    def codec(self) -> Codec:
        """Between samples and pictures."""
        codec: Codec = self.adapter.codec
        return codec

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 for none."""
        return int(self.adapter.num_classes)

    @property
    def is_conditional(self) -> bool:
        """Whether anything can be told it."""
        return self.num_classes > 0 or bool(getattr(self.adapter, "prompts", False))

    @property
    def device(self) -> torch.device:
        """Where its inputs belong."""
        return adapter_device(self.adapter)

    @property
    def hookable_layers(self) -> list[str]:
        """Names of the layers that hooks can be registered on."""
        return list(self.adapter.hookable_layers)

    def register_activation_hooks(
        self, layer_names: Sequence[str], hook_fn: ForwardHook
    ) -> list[RemovableHandle]:
        """Register a hook on layers: see the adapter."""
        handles: list[RemovableHandle] = self.adapter.register_activation_hooks(
            layer_names, hook_fn
        )
        return handles

    def encode(self, conditions: Sequence[Condition]) -> Conditioning:
        """What a batch is to show, as the network takes it.

        Raises:
            UsageError: the model does not take such a condition.
        """
        conditioning: Conditioning = self.adapter.encode(conditions)
        return conditioning

    def encode_pair(self, conditions: Sequence[Condition]) -> Conditionings:
        """The same with what guidance leads away from.

        Raises:
            UsageError: the model does not take such a condition.
        """
        conditional = self.encode(conditions)
        if not self.is_conditional:
            return Conditionings(conditional, None)
        return Conditionings(
            conditional, self.encode([unconditional_of(one) for one in conditions])
        )

    def forward(self, x: Tensor, sigma: Tensor, conditioning: Any) -> Tensor:
        """Denoise ``x (B, *sample_shape)`` at noise levels ``(B,)``."""
        denoised: Tensor = self.adapter.forward(x, sigma, conditioning)
        return denoised

    def round_sigma(self, sigma: float) -> float:
        """The nearest noise level that the model knows."""
        nearest: Callable[[float], float] = getattr(self.adapter, "round_sigma", float)
        return nearest(sigma)

    def prepare(self) -> None:
        """Before a longer run: some adapters measure what is fastest for them."""
        prepare = getattr(self.adapter, "prepare", None)
        if callable(prepare):
            prepare()

    @property
    def own_sampler(self) -> Callable[..., Any] | None:
        """Its own way to draw pictures, where it has one."""
        sample = getattr(self.adapter, "sample", None)
        return sample if callable(sample) else None


class LabelModel(Model):
    """A model that denoises pictures and is told label vectors ``(B, num_classes)``."""

    @property
    def sample_shape(self) -> tuple[int, ...]:
        size = self.adapter.resolution
        return channels_of(self.adapter), size, size

    @property
    def codec(self) -> Codec:
        channels, height, width = self.sample_shape
        return PixelCodec((height, width, channels))

    @property
    def is_conditional(self) -> bool:
        return self.num_classes > 0

    def encode(self, conditions: Sequence[Condition]) -> LabelVectors:
        return label_vectors(conditions, self.num_classes)

    def forward(self, x: Tensor, sigma: Tensor, conditioning: LabelVectors) -> Tensor:
        denoised: Tensor = self.adapter.forward(x, sigma, conditioning.vectors)
        return denoised


def as_model(adapter: Any) -> Model:
    """An adapter as a model; a model is one already."""
    if isinstance(adapter, Model):
        return adapter
    takes_conditions = all(hasattr(adapter, name) for name in _OWN_CONDITIONS)
    return Model(adapter) if takes_conditions else LabelModel(adapter)
