"""What the adapter costs: its forward pass beside that of the plain network, in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from common import Row, isolate, parser, report

from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.networks.precond import EDMPrecond

NETWORKS: dict[str, dict[str, Any]] = {
    "demo's size (1.35 M parameters)": {
        "img_resolution": 32,
        "img_channels": 1,
        "label_dim": 10,
        "model_channels": 16,
        "channel_mult": [1, 2, 4, 4],
        "attn_resolutions": [8],
        "num_blocks": 2,
    },
    "DDPM++ of CIFAR-10 (55.7 M)": {
        "img_resolution": 32,
        "img_channels": 3,
        "label_dim": 10,
        "model_type": "SongUNet",
        "channel_mult": [2, 2, 2],
    },
}


def seconds(run: Callable[[], Any]) -> float:
    """Time of one run."""
    start = time.perf_counter()
    run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    """See the module's text."""
    arguments = parser("The adapter's forward pass beside the plain network's.")
    arguments.add_argument("--repeats", type=int, default=40)
    options = arguments.parse_args()
    isolate(Path("/nonexistent"))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    rows = []
    for name, config in NETWORKS.items():
        model = EDMPrecond(**config).eval().requires_grad_(False)
        adapter = EDMAdapter(model, device)
        size = config["img_resolution"]
        x = torch.randn(1, config["img_channels"], size, size, device=device)
        sigma = torch.ones(1, device=device)
        labels = torch.eye(10, device=device)[:1]
        ours: list[float] = []
        plain: list[float] = []
        with torch.no_grad():
            for repeat in range(options.repeats + 3):
                pair = [
                    (ours, lambda: adapter.forward(x, sigma, labels)),  # noqa: B023
                    (plain, lambda: model(x, sigma, labels)),  # noqa: B023
                ]
                for times, run in pair if repeat % 2 else reversed(pair):
                    duration = seconds(run)
                    if repeat >= 3:
                        times.append(1e3 * duration)
        medians = statistics.median(ours), statistics.median(plain)
        rows.append(Row(f"{name}, batch 1, {device}", options.repeats, *medians, "ms"))
    report(rows, options.json, "plain network")


if __name__ == "__main__":
    main()
