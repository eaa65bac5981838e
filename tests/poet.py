"""An adapter that takes prompts and denoises latents, and a data folder of captioned pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from diffviews_desktop.values.conditions import Condition, Prompt


@dataclass(frozen=True)
class Words:
    """Conditionings of the poet: a number for each text."""

    values: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: slice) -> Words:
        return Words(self.values[rows])

    def cat(self, other: Words) -> Words:
        return Words(torch.cat([self.values, other.values]))

    def to(self, device: Any) -> Words:
        return Words(self.values.to(device))


class Halving:
    """Samples are pictures of half the size, and four times the mean of grey."""

    image_shape = (8, 8, 1)

    def decode(self, samples: Tensor) -> Tensor:
        large = samples.mean(1, keepdim=True).repeat_interleave(2, 2).repeat_interleave(2, 3)
        return ((large + 1) * 127.5).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)

    def encode(self, images: NDArray[np.uint8]) -> Tensor:
        grey = torch.from_numpy(images).float().permute(0, 3, 1, 2) / 127.5 - 1
        return nn.functional.avg_pool2d(grey, 2).repeat(1, 2, 1, 1)


class Poet:
    """An adapter that denoises ``(2, 4, 4)`` latents and takes prompts; it tells what it heard."""

    model_type = "poet"
    num_classes = 0
    prompts = True
    hookable_layers = ("verse",)
    sample_shape = (2, 4, 4)
    codec = Halving()

    def __init__(self) -> None:
        self.network = nn.Conv2d(2, 2, 1, bias=False)
        nn.init.constant_(self.network.weight, 0.25)
        self.network.requires_grad_(False)
        self.told: list[list[float]] = []

    def encode(self, conditions: Sequence[Condition]) -> Words:
        texts = [c.text if isinstance(c, Prompt) else "" for c in conditions]
        return Words(torch.tensor([float(len(text)) for text in texts]))

    def forward(self, x: Tensor, sigma: Tensor, conditioning: Words) -> Tensor:
        self.told.append(conditioning.values.tolist())
        level = sigma[:, None, None, None]
        return self.network(x / (1 + level)) + conditioning.values[:, None, None, None] / 100

    def register_activation_hooks(self, layer_names: Any, hook_fn: Any) -> list[Any]:
        return [self.network.register_forward_hook(hook_fn) for _ in layer_names]

    def get_layer_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"verse": (2, 4, 4)}

    @classmethod
    def from_checkpoint(cls, checkpoint_path: Any, device: str = "auto", **kwargs: Any) -> Any:
        return cls()

    @classmethod
    def get_default_config(cls) -> dict[str, Any]:
        return {"sigma_max": 5.0, "sigma_min": 0.5, "default_steps": 2}

    def to(self, device: str) -> Any:
        return self

    def eval(self) -> Any:
        return self


def write_poet_folder(folder: Path, captions: Sequence[str], **config: Any) -> None:
    """Write a model's folder: a captioned picture of 8 x 8 and random grey for each caption."""
    pictures = folder / "images" / "imagenet_real"
    pictures.mkdir(parents=True)
    rng, records = np.random.default_rng(0), []
    for number, caption in enumerate(captions):
        name = f"sample_{number:06d}"
        picture = rng.integers(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(picture).save(pictures / f"{name}.png")
        records.append(
            {
                "sample_id": name,
                "image_path": f"images/imagenet_real/{name}.png",
                "conditioning_sigma": 1.0,
                "caption": caption,
            }
        )
    table = folder / "metadata" / "imagenet_real" / "dataset_info.json"
    table.parent.mkdir(parents=True)
    table.write_text(json.dumps({"samples": records}))
    said = {"adapter": "poet", "checkpoint": "poem.json", "extraction_input": "noised"}
    (folder / "config.json").write_text(json.dumps({**said, **config}))
    (folder / "poem.json").write_text("{}")
