"""Data folders as the original system writes them, small and at will good or bad."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from diffviews_desktop.data.folder.dataset import (
    ModelFolder,
    ModelSamples,
    open_data_folder,
)

LAYERS = ["midblock", "encoder_bottleneck"]


def samples_list(n: int = 12, classes: int = 4) -> list[dict[str, Any]]:
    return [
        {
            "sample_id": f"sample_{i:06d}",
            "class_label": (i * 7) % classes,
            "class_name": f"class {(i * 7) % classes}",
            "image_path": f"images/imagenet_real/sample_{i:06d}.png",
            "conditioning_sigma": 0.5 + i,
        }
        for i in range(n)
    ]


def place(i: int) -> tuple[float, float]:
    return 0.1 * i - 3, 1 / (i + 3)


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def csv_rows(samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    places = [place(int(s["sample_id"][-6:])) for s in samples]
    return [{**s, "umap_x": x, "umap_y": y} for s, (x, y) in zip(samples, places, strict=True)]


def write_model(
    root: Path,
    name: str = "edm",
    *,
    config: object = None,
    samples: list[dict[str, Any]] | None = None,
    rows: list[dict[str, Any]] | None = None,
    metadata: bool = True,
    embedding: bool = True,
) -> Path:
    """A model's folder as the original system writes it, with pictures that are empty files."""
    samples = samples_list() if samples is None else samples
    folder = root / name
    pictures = folder / "images" / "imagenet_real"
    pictures.mkdir(parents=True)
    for number in range(len(samples)):
        (pictures / f"sample_{number:06d}.png").touch()
    (folder / "config.json").write_text(json.dumps({} if config is None else config))
    if metadata:
        info = folder / "metadata" / "imagenet_real" / "dataset_info.json"
        info.parent.mkdir(parents=True)
        info.write_text(json.dumps({"samples": samples, "num_samples": len(samples)}))
    if embedding:
        write_csv(folder / "embeddings" / "demo.csv", csv_rows(samples) if rows is None else rows)
        (folder / "embeddings" / "demo.json").write_text(json.dumps({"layers": LAYERS}))
    return folder


def opened(root: Path, name: str | None = None) -> ModelFolder:
    return open_data_folder(root).model(name)


def ids(samples: ModelSamples) -> list[int]:
    return [int(name[-6:]) for name in samples.table.sample_id]


@contextmanager
def without_privileges() -> Iterator[None]:
    """An administrator may enter every folder; for the time of a test, nobody may."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
