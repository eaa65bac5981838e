"""Make the bundled demo: one zip a model, to be unpacked into a data folder.

    python packaging/demo/build.py

Takes the trained weights from ``build/`` (see ``train.py``), writes the digits, the table, and the
map of the default layers in the on-disk format of a data folder, and packs each model's folder as
``resources/demo/<model>.zip``. The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from digits import load_digits
from PIL import Image

from diffviews_desktop.data.folder.dataset import write_embedding_csv
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.processing.umap import MapParameters, Projector
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.told import NOTHING, told_text

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SIGMAS = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0)
"""Noise levels of the samples: every step of a run has some of like level to be compared with."""
MODELS = {  # each opens on a layer that says something when it is held
    "digits": {
        "data": "mnist",
        "weights": "digits-32.safetensors",
        "per_class": 200,
        "sigmas": SIGMAS,
        "layers": ("decoder_block_8",),
        "config": {
            "description": "32x32 handwritten digits (MNIST), trained for this demo",
            "sigma_max": 80.0,
            "sigma_min": 0.05,
            "default_steps": 10,
            "guidance_scale": 1.0,
        },
    },
    "digits-few": {
        "data": "mnist",
        "weights": "digits-32-few.safetensors",
        "per_class": 100,
        "sigmas": SIGMAS[2:],
        "layers": ("decoder_block_8",),
        "config": {
            "description": "The same digits in one to four steps: distilled from the model digits",
            "sampler": "renoise",
            "sigma_max": 80.0,
            "sigma_min": 0.5,
            "default_steps": 4,
            "guidance_scale": 1.0,
        },
    },
    "digits-8x8": {
        "data": "uci",
        "weights": "digits-8.safetensors",
        "per_class": 100,
        "sigmas": SIGMAS,
        "layers": ("decoder_block_5",),
        "config": {
            "description": "8x8 handwritten digits (UCI), a second, much smaller training",
            "sigma_max": 80.0,
            "sigma_min": 0.05,
            "default_steps": 10,
            "guidance_scale": 1.0,
        },
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=Path("build"))
    parser.add_argument("--out", type=Path, default=Path("resources/demo"))
    parser.add_argument("models", nargs="*", default=list(MODELS), help="of: " + ", ".join(MODELS))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.models:
        with tempfile.TemporaryDirectory() as temporary:
            root = Path(temporary)
            build(root, name, args.weights)
            pack(root, args.out / f"{name}.zip")
        print(name, (args.out / f"{name}.zip").stat().st_size, "bytes")


def build(root: Path, name: str, weights: Path) -> None:
    """Write the data folder of one model."""
    recipe = MODELS[name]
    folder = root / name
    images, labels = chosen_digits(recipe["data"], recipe["per_class"])
    sigma = noise_levels(labels, recipe["sigmas"])
    table = SampleTable(
        root=folder,
        sample_id=tuple(f"sample_{i:06d}" for i in range(len(labels))),
        class_label=labels.astype(np.int32),
        class_name=tuple(NAMES[label] for label in labels),
        image_path=tuple(f"images/imagenet_real/sample_{i:06d}.png" for i in range(len(labels))),
        sigma=sigma.astype(np.float32),
    )
    for sub in ("checkpoints", "embeddings", "metadata/imagenet_real", "images/imagenet_real"):
        (folder / sub).mkdir(parents=True)
    shutil.copy(weights / recipe["weights"], folder / "checkpoints")
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / table.image_path[i], optimize=True)
    samples = [
        {
            "sample_id": table.sample_id[i],
            "class_label": int(labels[i]),
            "class_name": table.class_name[i],
            "image_path": table.image_path[i],
            "conditioning_sigma": float(sigma[i]),
        }
        for i in range(len(labels))
    ]
    write_json(
        folder / "metadata/imagenet_real/dataset_info.json",
        {"samples": samples, "num_samples": len(samples)},
    )
    write_json(
        folder / "config.json",
        {
            "adapter": "edm",
            "checkpoint": f"checkpoints/{recipe['weights']}",
            "extraction_input": "noised",
            "told": told_text(NOTHING),
            **recipe["config"],
        },
    )
    layers = recipe["layers"]
    spec = MapSpec(name, layers, told=NOTHING)
    job = MapLayer(job_id=1, folder=FolderRef(root), spec=spec)
    layer_map = Engine("cpu").run(job)
    projector = Projector.load(layer_map.path / "projector.npz")
    shutil.rmtree(folder / "embeddings" / "layer_cache")
    projector.save(folder / "embeddings" / "demo.projector.npz")
    write_embedding_csv(folder / "embeddings" / "demo.csv", table, layer_map.xy)
    write_json(
        folder / "embeddings" / "demo.json",
        {"layers": list(layers), "told": told_text(NOTHING), **MapParameters().to_dict()},
    )


def chosen_digits(data: str, per_class: int) -> tuple[np.ndarray, np.ndarray]:
    """The first ``per_class`` digits of each class, held-back ones first, classes interleaved."""
    digits = load_digits(data)
    images = np.concatenate([digits.held_images, digits.train_images])
    labels = np.concatenate([digits.held_labels, digits.train_labels])
    rows = np.stack([np.flatnonzero(labels == digit)[:per_class] for digit in range(10)], axis=1)
    order = np.random.default_rng(1).permutation(rows.ravel())
    return images[order], labels[order]


def noise_levels(labels: np.ndarray, sigmas: Sequence[float]) -> np.ndarray:
    """A noise level for each sample ``(N,)``; every class has them all, as evenly as can be."""
    rank = np.empty(len(labels), dtype=np.int64)
    for digit in np.unique(labels):
        rank[labels == digit] = np.arange(np.count_nonzero(labels == digit))
    return np.array(sigmas)[rank % len(sigmas)]


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


def pack(root: Path, target: Path) -> None:
    """Zip a folder with fixed times and order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(p for p in root.rglob("*") if p.is_file()):
            info = zipfile.ZipInfo(path.relative_to(root).as_posix(), (2026, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            is_compressed = path.suffix in {".png", ".safetensors"}
            info.compress_type = zipfile.ZIP_STORED if is_compressed else zipfile.ZIP_DEFLATED
            archive.writestr(info, path.read_bytes())
    target.write_bytes(buffer.getvalue())


if __name__ == "__main__":
    main()
