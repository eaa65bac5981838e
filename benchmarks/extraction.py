"""Pictures a second: extraction to disk, beside the bare forward pass.

    python benchmarks/extraction.py [--pictures N] [--repeats N] [--small] [--json FILE]

Ours reads PNG files, makes noise, runs the model up to the last wanted layer and writes the rows to
a memory-mapped file that survives a crash. The peer is the model alone, on tensors that are there:
the same prefix of the network (ratio at least 0.95), and the whole of it (what stopping early
gains). Runs alternate; the medians are compared.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from adapter import seconds
from common import Row, isolate, parser, report
from PIL import Image

from diffviews_desktop.adapters.conditioning import LabelVectors, label_vectors
from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.model import as_model
from diffviews_desktop.adapters.networks.precond import EDMPrecond
from diffviews_desktop.core.extractor import (
    ActivationExtractor,
    SampleBatch,
    extraction_inputs,
)
from diffviews_desktop.data.cache.layer_cache import LayerCache
from diffviews_desktop.engine.extraction import (
    SampleExtraction,
    Target,
    row_width,
)
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.told import OWN_CONDITION, conditions_told

CASES = (
    (
        "ADM 32 of the demo's size (1.35 M)",
        {
            "img_resolution": 32,
            "img_channels": 1,
            "label_dim": 10,
            "model_channels": 16,
            "channel_mult": [1, 2, 4, 4],
            "attn_resolutions": [8],
            "num_blocks": 2,
        },
        ("encoder_bottleneck", "decoder_block_8"),
        1,
    ),
    (
        "DDPM++ of CIFAR-10 (55.7 M)",
        {
            "img_resolution": 32,
            "img_channels": 3,
            "label_dim": 10,
            "model_type": "SongUNet",
            "channel_mult": [2, 2, 2],
        },
        ("encoder_bottleneck",),
        8,
    ),
)


def pictures(folder: Path, count: int, size: int, channels: int) -> SampleTable:
    """A table of ``count`` random pictures on disk."""
    random = np.random.default_rng(0)
    folder.mkdir()
    for i in range(count):
        values = random.integers(0, 256, (size, size, channels), dtype=np.uint8)
        Image.fromarray(np.squeeze(values)).save(folder / f"{i:06d}.png")
    return SampleTable(
        root=folder,
        sample_id=tuple(f"sample_{i:06d}" for i in range(count)),
        class_label=(np.arange(count) % 10).astype(np.int32),
        class_name=tuple(str(i % 10) for i in range(count)),
        image_path=tuple(f"{i:06d}.png" for i in range(count)),
        sigma=np.full(count, 2.0, np.float32),
    )


def measure(
    name: str, config: dict[str, Any], layer: str, count: int, repeats: int, folder: Path
) -> list[Row]:
    """Two rows of the table."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = EDMPrecond(**config).eval().requires_grad_(False)
    adapter = EDMAdapter(model, device).eval()
    size, channels = config["img_resolution"], config["img_channels"]
    table = pictures(folder / "pictures", count, size, channels)
    cache = LayerCache(folder / "cache")
    loaded = as_model(adapter)
    width = row_width(loaded.facts, [layer])

    def extraction() -> SampleExtraction:
        return SampleExtraction(
            loaded,
            table,
            [layer],
            "noised",
            OWN_CONDITION,
            check=lambda: None,
            interruptible=contextlib.nullcontext,
        )

    def ours() -> None:
        with cache.partial("a", (count, width)) as matrix:
            extraction().fill([Target((layer,), matrix)], lambda fraction, text: None)
            matrix.discard()

    batch = extraction()._size
    inputs = prepare(table, channels, size, batch, device)

    def prefix() -> None:
        with (
            torch.no_grad(),
            ActivationExtractor(adapter, [layer], stop_after_last=True) as extractor,
        ):
            for x, sigma, labels in inputs:
                extractor.run_until(x, sigma, labels)

    def whole() -> None:
        with torch.no_grad():
            for x, sigma, labels in inputs:
                model(x, sigma, labels.vectors)

    times: dict[Callable[[], None], list[float]] = {ours: [], prefix: [], whole: []}
    for repeat in range(repeats + 1):
        for run in list(times) if repeat % 2 else reversed(list(times)):
            duration = seconds(run)
            if repeat:
                times[run].append(count / duration)
    rates = {run: statistics.median(values) for run, values in times.items()}
    title = f"{name}, {layer}, {count} pictures, {device}"
    return [
        Row(f"{title}: beside the same prefix", repeats, rates[ours], rates[prefix], "/s"),
        Row(f"{title}: beside the whole network", repeats, rates[ours], rates[whole], "/s"),
    ]


def prepare(
    table: SampleTable, channels: int, size: int, batch: int, device: str
) -> Sequence[tuple[torch.Tensor, torch.Tensor, LabelVectors]]:
    """What the model sees, ready made."""
    random = np.random.default_rng(1)
    inputs = []
    for start in range(0, len(table), batch):
        rows = slice(start, start + batch)
        count = len(table.sigma[rows])
        images = random.uniform(-1, 1, (count, channels, size, size)).astype(np.float32)
        part = SampleBatch(
            torch.from_numpy(images),
            table.sigma[rows],
            conditions_told(OWN_CONDITION, table.class_label[rows], (), 10, False),
            np.arange(count),
        )
        inputs.append(
            (
                extraction_inputs(part, "noised").to(device),
                torch.from_numpy(part.sigmas).to(device),
                label_vectors(part.conditions, 10).to(device),
            )
        )
    return inputs


def main() -> None:
    """See the module's text."""
    arguments = parser("Extraction beside the bare forward pass.")
    arguments.add_argument("--pictures", type=int, default=512)
    arguments.add_argument("--repeats", type=int, default=7)
    arguments.add_argument("--small", action="store_true", help="the demo's size alone")
    options = arguments.parse_args()
    rows = []
    for name, config, layers, share in CASES[:1] if options.small else CASES:
        for layer in layers:
            with tempfile.TemporaryDirectory() as folder:
                isolate(Path(folder) / "home")
                count = max(32, options.pictures // share)
                rows += measure(name, config, layer, count, options.repeats, Path(folder))
    report(rows, options.json, "forward")


if __name__ == "__main__":
    main()
