"""Small data folders in the format on disk, for the tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

TINY_CLASSES = 5
TINY_SAMPLES = 60
TINY_RESOLUTION = 16


def write_tiny_model(
    folder: Path,
    *,
    samples: int = TINY_SAMPLES,
    seed: int = 0,
    channels: int = 1,
    num_classes: int = TINY_CLASSES,
    layers: Sequence[str] = ("midblock",),
    embedding: bool = True,
    checkpoint: bool = True,
    config: dict[str, Any] | None = None,
) -> None:
    """Write a model's folder: random pictures of 16 x 16, a network with random weights, and a
    made-up map of ``layers``.

    Args:
        folder: where; its name is the model's.
        samples: number of samples.
        seed: of pictures, map and weights.
        channels: of the pictures.
        num_classes: of the network; the samples' classes go round them.
        layers: what the map says it was made of.
        embedding: whether there is a map.
        checkpoint: whether there is a checkpoint.
        config: replaces keys of ``config.json``.
    """
    rng = np.random.default_rng(seed)
    pictures = folder / "images" / "imagenet_real"
    pictures.mkdir(parents=True)
    size = (TINY_RESOLUTION, TINY_RESOLUTION) + ((channels,) if channels > 1 else ())
    records = []
    for i in range(samples):
        picture = rng.integers(0, 256, size, dtype=np.uint8)
        Image.fromarray(picture).save(pictures / f"sample_{i:06d}.png")
        records.append(
            {
                "sample_id": f"sample_{i:06d}",
                "class_label": i % max(1, num_classes),
                "class_name": f"class {i % max(1, num_classes)}",
                "image_path": f"images/imagenet_real/sample_{i:06d}.png",
                "conditioning_sigma": [0.2, 0.5, 1.0, 2.0][i % 4],
            }
        )
    _write_json(folder / "metadata" / "imagenet_real" / "dataset_info.json", {"samples": records})
    settings = {
        "adapter": "edm",
        "checkpoint": "checkpoints/tiny.safetensors",
        "sigma_max": 80.0,
        "sigma_min": 0.5,
        "default_steps": 5,
        "extraction_input": "noised",
    }
    _write_json(folder / "config.json", {**settings, **(config or {})})
    if embedding:
        xy = rng.normal(size=(samples, 2)).astype(np.float32)
        lines = ["sample_id,class_label,class_name,image_path,conditioning_sigma,umap_x,umap_y"]
        for record, (x, y) in zip(records, xy.tolist(), strict=True):
            lines.append(",".join(map(str, [*record.values(), x, y])))
        (folder / "embeddings").mkdir()
        (folder / "embeddings" / "map.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        _write_json(folder / "embeddings" / "map.json", {"layers": list(layers)})
    if checkpoint:
        write_tiny_checkpoint(
            folder / "checkpoints" / "tiny.safetensors",
            seed=seed,
            img_channels=channels,
            label_dim=num_classes,
        )


def write_tiny_checkpoint(path: Path, *, seed: int = 0, **changes: Any) -> None:
    """Write a network of 16 x 16 pictures with seeded random weights."""
    # here, so that tests which need no network do not wait for torch
    from tiny import CONFIG, tiny_model

    from diffviews_desktop.adapters.checkpoint import save_checkpoint

    changes = {
        "img_resolution": TINY_RESOLUTION,
        "attn_resolutions": [],
        "img_channels": 1,
    } | changes
    path.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(path, {**CONFIG, **changes}, tiny_model(seed, **changes).state_dict())


def _write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
