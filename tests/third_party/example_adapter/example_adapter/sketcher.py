"""The sketcher: an unconditional denoiser of grey pictures that is its own adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


class Sketcher(nn.Module):
    """A network that has the members of an adapter; ``to`` and ``eval`` are those of a network."""

    model_type = "example-sketcher"
    img_channels = 1
    num_classes = 0
    hookable_layers = ("outline", "shading")

    def __init__(self, resolution: int) -> None:
        super().__init__()
        self.resolution = resolution
        self.outline = nn.Conv2d(1, 2, 3, padding=1)
        self.shading = nn.Conv2d(2, 1, 3, padding=1)

    @classmethod
    def from_checkpoint(
        cls, checkpoint_path: str | Path, device: str = "cuda", **kwargs: Any
    ) -> Sketcher:
        stored = torch.load(checkpoint_path, map_location=device, weights_only=True)
        network = cls(stored["resolution"])
        network.load_state_dict(stored["weights"])
        return network.requires_grad_(False).to(device)

    @classmethod
    def get_default_config(cls) -> dict[str, Any]:
        return {"sigma_max": 5.0, "sigma_min": 0.2, "default_steps": 2}

    def forward(
        self, x: Tensor, sigma: Tensor, class_labels: Tensor | None = None, **kwargs: Any
    ) -> Tensor:
        level = sigma[:, None, None, None]
        return torch.tanh(self.shading(torch.tanh(self.outline(x / (1 + level)))))

    def register_activation_hooks(self, layer_names: Any, hook_fn: Any) -> list[Any]:
        return [getattr(self, name).register_forward_hook(hook_fn) for name in layer_names]

    def get_layer_shapes(self) -> dict[str, tuple[int, ...]]:
        size = self.resolution
        return {"outline": (2, size, size), "shading": (1, size, size)}


def write_checkpoint(path: str | Path, *, resolution: int = 8, seed: int = 0) -> None:
    """Write a sketcher with seeded random weights."""
    torch.manual_seed(seed)
    torch.save({"resolution": resolution, "weights": Sketcher(resolution).state_dict()}, path)
