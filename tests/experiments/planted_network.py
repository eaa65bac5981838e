"""Small networks built by hand, in which it is known what causes what.

A picture is 8 x 8 and shows one of eight patterns. A network has eight pieces that hooks can be
registered on: two channels of four places each. Every piece computes from its quarter of the input
which pattern is there, in a code of its channel's, so that all of them correlate with the class.
One piece, at one step of two, decides which pattern is drawn. Whoever changes another piece, or the
same one at the other step, makes the network draw a pattern that has nothing to do with the change;
of a network that listens to what it is told, a fainter picture of the same pattern.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from PIL import Image
from scipy.linalg import hadamard
from torch import Tensor, nn

from diffviews_desktop.adapters.registry import register_adapter

CLASSES, SIZE, HALF, CHANNELS, SAMPLES = 8, 8, 4, 2, 24
PIECES = tuple(f"channel_{c}.place_{p}" for c in range(CHANNELS) for p in range(4))
SIGMA_BETWEEN = 5.0
"""Between the noise levels of the first and the second step."""


@cache
def patterns() -> np.ndarray:
    """``(CLASSES, 8, 8)``, each quarter of every one of -1 and 1 and orthogonal to the others'."""
    quarters = hadamard(16)[1 : CLASSES + 1].reshape(CLASSES, HALF, HALF)
    turned = [np.roll(quarters, place, axis=0) for place in range(4)]
    top = np.concatenate(turned[:2], axis=2)
    return np.concatenate([top, np.concatenate(turned[2:], axis=2)], axis=1).astype(np.float32)


@dataclass(frozen=True)
class Planting:
    """Which piece decides, and at which step; whether the network draws the class that it is told,
    rather than what it sees."""

    piece: str
    step: int
    seed: int
    listens: bool = False

    @classmethod
    def drawn(cls, seed: int, listens: bool = False) -> Self:
        rng = random.Random(seed)
        return cls(rng.choice(PIECES), rng.randrange(2), seed, listens)

    def codes(self) -> list[Tensor]:
        """The code of each channel: which pattern each of its values stands for."""
        generator = torch.Generator().manual_seed(self.seed)
        return [torch.randperm(CLASSES, generator=generator) for _ in range(CHANNELS)]


@register_adapter("planted")
class PlantedNetwork:
    """An adapter in which something is planted, at first the planting 0."""

    model_type, resolution, img_channels, num_classes = "planted", SIZE, 1, CLASSES
    hookable_layers: ClassVar[list[str]] = list(PIECES)

    def __init__(self) -> None:
        self._pieces = {name: nn.Identity() for name in PIECES}
        self._patterns = torch.from_numpy(patterns())
        self.device = torch.device("cpu")
        self.plant(Planting.drawn(0))

    def plant(self, planting: Planting) -> None:
        """Have something else decide, and the channels use other codes."""
        self._planting = planting
        self._codes = planting.codes()

    @classmethod
    def from_checkpoint(cls, checkpoint_path: str, device: str = "cpu", **options: Any) -> Self:
        return cls()

    @classmethod
    def get_default_config(cls) -> dict[str, Any]:
        return {"sigma_max": 80.0, "sigma_min": 0.3, "default_steps": 2, "guidance_scale": 1.0}

    def get_layer_shapes(self) -> dict[str, tuple[int, ...]]:
        return dict.fromkeys(PIECES, (CLASSES, 1, 1))

    def register_activation_hooks(self, layer_names: list[str], hook_fn: Any) -> list[Any]:
        return [self._pieces[name].register_forward_hook(hook_fn) for name in layer_names]

    def to(self, device: Any) -> Self:
        return self

    def eval(self) -> Self:
        return self

    def forward(self, x: Tensor, sigma: Tensor, labels: Any = None, **options: Any) -> Tensor:
        step = 0 if float(sigma[0]) > SIGMA_BETWEEN else 1
        listens = self._planting.listens
        shown = (labels if listens and step == 0 else self._scores(x[:, 0])).argmax(dim=1)
        scrambled = torch.zeros(len(x), dtype=torch.bool)
        for number, name in enumerate(PIECES):
            channel, place = divmod(number, 4)
            code = self._codes[channel]
            known = labels if listens else self._scores(x[:, 0], place)
            computed = known[:, code, None, None]
            seen = self._pieces[name](computed)
            if (name, step) == (self._planting.piece, self._planting.step):
                shown = code[seen[:, :, 0, 0].argmax(dim=1)]
            else:
                scrambled |= (seen != computed).flatten(1).any(dim=1)
        if listens:  # whoever changes another piece only makes the picture fainter
            return (
                self._patterns[shown][:, None]
                * torch.where(scrambled, 0.5, 0.9)[:, None, None, None]
            )
        anything = (x.flatten(1).abs().sum(dim=1) * 1000).long() % CLASSES
        return self._patterns[torch.where(scrambled, anything, shown)][:, None] * 0.9

    def _scores(self, x: Tensor, place: int | None = None) -> Tensor:
        """How much each pattern is in a quarter of pictures ``(B, 8, 8)``, or in all of them."""
        part = (slice(None), slice(None), slice(None))
        if place is not None:
            top, left = HALF * (place // 2), HALF * (place % 2)
            part = (slice(None), slice(top, top + HALF), slice(left, left + HALF))
        patterns = self._patterns[part].flatten(1)
        return x[part].flatten(1) @ patterns.T / patterns.shape[1]


def read(images: np.ndarray) -> np.ndarray:
    """A judge: logits of the patterns in pictures ``(N, 8, 8, 1) uint8``."""
    flat = images.reshape(len(images), -1).astype(np.float32) / 127.5 - 1
    return 10 * flat @ patterns().reshape(CLASSES, -1).T / flat.shape[1]


def write_folder(folder: Path, samples: int) -> None:
    """A data folder of noisy patterns, their classes going round."""
    pictures = folder / "images" / "imagenet_real"
    pictures.mkdir(parents=True)
    rng, records = np.random.default_rng(0), []
    for index in range(samples):
        noisy = 0.9 * patterns()[index % CLASSES] + rng.normal(0, 0.1, (SIZE, SIZE))
        pixels = np.clip((noisy + 1) * 127.5, 0, 255).astype(np.uint8)
        name = f"sample_{index:06d}"
        Image.fromarray(pixels).save(pictures / f"{name}.png")
        records.append(
            {
                "sample_id": name,
                "class_label": index % CLASSES,
                "class_name": str(index % CLASSES),
                "image_path": f"images/imagenet_real/{name}.png",
                "conditioning_sigma": 0.5,
            }
        )
    table = folder / "metadata" / "imagenet_real" / "dataset_info.json"
    table.parent.mkdir(parents=True)
    table.write_text(json.dumps({"samples": records}))
    config = {"adapter": "planted", "checkpoint": "planting.json", "extraction_input": "noised"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "planting.json").write_text("{}")
