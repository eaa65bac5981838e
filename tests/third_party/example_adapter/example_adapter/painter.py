"""The painter: a class-conditional denoiser in a checkpoint format of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class Palette(nn.Module):
    """The first layer; its output is a tuple: features and the mean colour."""

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.of_class = nn.Linear(num_classes, width, bias=False)

    def forward(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        features = self.conv(x) + self.of_class(labels)[:, :, None, None]
        return torch.tanh(features), x.mean(dim=(2, 3), keepdim=True)


class PainterNetwork(nn.Module):
    """``D(x; sigma)``: a palette, two strokes at half the size, and a varnish."""

    def __init__(self, size: int, width: int, num_classes: int) -> None:
        super().__init__()
        self.size, self.num_classes = size, num_classes
        self.palette = Palette(width, num_classes)
        self.strokes = nn.ModuleList(
            [
                nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
                nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            ]
        )
        self.varnish = nn.ConvTranspose2d(2 * width, 3, 2, stride=2)

    def forward(self, x: Tensor, sigma: Tensor, labels: Tensor) -> Tensor:
        level = sigma[:, None, None, None]
        features, colour = self.palette(x / (1 + level), labels)
        for stroke in self.strokes:
            features = torch.tanh(stroke(features))
        painted = torch.tanh(self.varnish(features) + colour)
        return x / (1 + level**2) + painted * level**2 / (1 + level**2)


class PainterAdapter:
    """The painter for programs that show activations: the members they ask for and no others."""

    model_type = "example-painter"

    def __init__(self, network: PainterNetwork) -> None:
        self.network = network
        self.resolution = network.size
        self._layers: dict[str, nn.Module] = {
            "palette": network.palette,
            "stroke/0": network.strokes[0],
            "stroke/1": network.strokes[1],
            "varnish": network.varnish,
        }
        self.hookable_layers = tuple(self._layers)

    @property
    def num_classes(self) -> int:
        return self.network.num_classes

    @classmethod
    def from_checkpoint(
        cls, checkpoint_path: str | Path, device: str = "cuda", **kwargs: Any
    ) -> PainterAdapter:
        with np.load(checkpoint_path) as stored:
            network = PainterNetwork(**json.loads(str(stored["config"])))
            weights = {name: torch.from_numpy(stored[name]) for name in network.state_dict()}
        network.load_state_dict(weights)
        return cls(network.requires_grad_(False)).to(device)

    @classmethod
    def get_default_config(cls) -> dict[str, Any]:
        return {"sigma_max": 20.0, "sigma_min": 0.1, "default_steps": 4}

    def forward(
        self, x: Tensor, sigma: Tensor, class_labels: Tensor | None = None, **kwargs: Any
    ) -> Tensor:
        if class_labels is None:
            class_labels = x.new_zeros(len(x), self.num_classes)
        return self.network(x, sigma, class_labels)

    def register_activation_hooks(self, layer_names: Any, hook_fn: Any) -> list[Any]:
        return [self._layers[name].register_forward_hook(hook_fn) for name in layer_names]

    def get_layer_shapes(self) -> dict[str, tuple[int, ...]]:
        size, width = self.resolution, self.network.palette.conv.out_channels
        half = (2 * width, size // 2, size // 2)
        return {
            "palette": (width, size, size),
            "stroke/0": half,
            "stroke/1": half,
            "varnish": (3, size, size),
        }

    def to(self, device: str) -> PainterAdapter:
        self.network.to(device)
        return self

    def eval(self) -> PainterAdapter:
        self.network.eval()
        return self


def write_checkpoint(
    path: str | Path, *, size: int = 12, width: int = 4, num_classes: int = 3, seed: int = 0
) -> None:
    """Write a painter with seeded random weights."""
    config = {"size": size, "width": width, "num_classes": num_classes}
    torch.manual_seed(seed)
    weights = PainterNetwork(**config).state_dict()
    arrays = {name: tensor.numpy() for name, tensor in weights.items()}
    with Path(path).open("wb") as file:
        np.savez(file, config=np.array(json.dumps(config)), **arrays)
