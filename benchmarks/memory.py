"""How much memory a map takes above the loaded model, for few and for many samples.

    python benchmarks/memory.py [--samples N …] [--json FILE]

The whole way of a layer of 49,152 values: pictures are extracted to a memory-mapped matrix,
reduced, laid out, judged and stored, by an engine in a process of its own. Counted is anonymous
memory (files that are mapped can be given back at any time) above that of the process with the
model loaded and umap imported, stage by stage. Limit: 250 MB, whatever the number of samples. Linux
only.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import Row, anonymous, in_a_process, isolate, parser, report
from PIL import Image

LIMIT_MB = 250.0
LAYER, WIDTH = "encoder_block_3", 49_152
CONFIG: dict[str, Any] = {
    "img_resolution": 64,
    "img_channels": 3,
    "label_dim": 10,
    "model_channels": 16,
    "channel_mult": [1, 3, 4],
    "attn_resolutions": [],
    "num_blocks": 1,
    "channel_mult_emb": 1,
}


def make(folder: Path, count: int) -> None:
    """A data folder of ``count`` random pictures and a small random network."""
    from diffviews_desktop.adapters.checkpoint import save_checkpoint
    from diffviews_desktop.adapters.networks.precond import EDMPrecond

    model = folder / "data" / "net"
    images = model / "images" / "set"
    images.mkdir(parents=True)
    random = np.random.default_rng(0)
    tones = random.integers(0, 256, (10, 8, 8, 3), dtype=np.uint8)
    samples = []
    for i in range(count):
        noise = random.integers(0, 40, (64, 64, 3), dtype=np.uint8)
        values = np.kron(tones[i % 10], np.ones((8, 8, 1), np.uint8)) // 2 + noise
        Image.fromarray(values).save(images / f"{i:06d}.png", compress_level=1)
        samples.append(
            {
                "sample_id": f"sample_{i:06d}",
                "class_label": i % 10,
                "image_path": f"images/set/{i:06d}.png",
                "conditioning_sigma": 0.5 + 0.1 * (i % 7),
            }
        )
    (model / "metadata" / "set").mkdir(parents=True)
    dataset = json.dumps({"samples": samples})
    (model / "metadata" / "set" / "dataset_info.json").write_text(dataset)
    network = EDMPrecond(**CONFIG)
    for parameter in network.parameters():
        parameter.data.normal_(std=0.05)
    save_checkpoint(model / "net.safetensors", CONFIG, network.state_dict())
    config = {"adapter": "edm", "checkpoint": "net.safetensors", "extraction_input": "noised"}
    (model / "config.json").write_text(json.dumps(config))


def one(count: int) -> dict[str, float]:
    """Peaks in MB, stage by stage, and the seconds it all took."""
    import umap  # noqa: F401

    from diffviews_desktop.engine.engine import Engine
    from diffviews_desktop.engine.jobs.mapping import MapLayer
    from diffviews_desktop.engine.jobs.opening import LoadModel
    from diffviews_desktop.engine.protocol import Event, Progress
    from diffviews_desktop.values.folders import FolderRef
    from diffviews_desktop.values.layers import LayerSet
    from diffviews_desktop.values.maps import MapSpec

    stage, peaks, stop = "loading the model", dict[str, float](), threading.Event()

    def emit(event: Event) -> None:
        nonlocal stage
        if isinstance(event, Progress):
            stage = event.stage

    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        isolate(home / "home")
        make(home, count)
        folder = FolderRef(home / "data")
        engine = Engine("cpu", emit=emit)
        engine.run(LoadModel(job_id=1, folder=folder, model="net"))
        base = anonymous()
        assert base is not None

        def watch() -> None:
            while not stop.wait(0.005):
                peaks[stage] = max(peaks.get(stage, 0.0), (anonymous() or 0.0) - base)

        thread = threading.Thread(target=watch)
        thread.start()
        spec = MapSpec("net", LayerSet([LAYER]))
        start = time.perf_counter()
        layer_map = engine.run(MapLayer(job_id=2, folder=folder, spec=spec))
        duration = time.perf_counter() - start
        stop.set()
        thread.join()
        assert layer_map.reduced is not None
    return {**peaks, "seconds": duration}


def main() -> None:
    """See the module's text."""
    arguments = parser("Memory of a map above that of the loaded model.")
    arguments.add_argument("--samples", type=int, nargs="+", default=[2000, 8000])
    options = arguments.parse_args()
    rows = []
    for count in options.samples:
        peaks = in_a_process(__file__, "--one", str(count))
        size = f"{count:,} × {WIDTH:,}"
        duration = peaks.pop("seconds")
        rows += [
            Row(f"{size}, {stage}: peak", 1, peak, LIMIT_MB, "MB") for stage, peak in peaks.items()
        ]
        rows.append(Row(f"{size}: all of it", 1, duration, None, "s"))
    report(rows, options.json, "limit")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(one(int(sys.argv[2]))))
    else:
        main()
