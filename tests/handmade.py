"""A model made by hand, whose layers are identities: what an intervention does to a picture can be
written down.

``D(x) = x + b`` with a number ``b`` for each class, added between the layers ``first`` and
``second``. ``tokens`` sees the same values as ``(16, 2)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

BIAS = torch.tensor([1.0, 10.0])
SHAPE = (2, 4, 4)


class Handmade:
    """The adapter: nothing but what a package of other people has to have."""

    model_type = "handmade"
    resolution = 4
    num_classes = 2
    img_channels = 2
    hookable_layers = ("first", "second", "tokens")

    def __init__(self) -> None:
        self.layers = {name: nn.Identity() for name in self.hookable_layers}

    @classmethod
    def from_checkpoint(cls, checkpoint_path: Any, device: str = "cpu", **kwargs: Any) -> Self:
        return cls()

    @classmethod
    def get_default_config(cls) -> dict[str, Any]:
        return {}

    def forward(self, x: Tensor, sigma: Tensor, class_labels: Tensor | None = None) -> Tensor:
        assert class_labels is not None
        bias = (class_labels @ BIAS).reshape(-1, 1, 1, 1)
        seen = self.layers["second"](self.layers["first"](x) + bias)
        tokens = self.layers["tokens"](seen.flatten(2).transpose(1, 2))
        return tokens.transpose(1, 2).reshape(x.shape)

    def register_activation_hooks(self, layer_names: Sequence[str], hook_fn: Any) -> list[Any]:
        return [self.layers[name].register_forward_hook(hook_fn) for name in layer_names]

    def get_layer_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"first": SHAPE, "second": SHAPE, "tokens": (16, 2)}

    device = torch.device("cpu")

    def to(self, device: Any) -> Self:
        return self

    def eval(self) -> Self:
        return self

    @property
    def hooks(self) -> int:
        """How many hooks there are."""
        return sum(len(layer._forward_hooks) for layer in self.layers.values())
