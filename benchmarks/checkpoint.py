"""Loading a full-size checkpoint (295.9 million parameters): time, and memory beside the file's.

The files are made when the benchmark runs, with random weights: a pickle in the form of the EDM
authors' code, a state dict of torch.save, and ``.safetensors``. Each is loaded in a process of its
own, whose memory is looked at while it loads; the limit is 1.3 times the file's size above what the
process held before. Beside the time stands that of reading the same bytes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from common import Row, isolate, parser, report

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 1.3


def make(folder: Path) -> list[Path]:
    """The three files."""
    sys.path.insert(0, str(ROOT / "tests"))
    import torch
    from persistence import write_checkpoint

    from diffviews_desktop.adapters.checkpoint import save_checkpoint
    from diffviews_desktop.adapters.edm_imagenet import IMAGENET_64
    from diffviews_desktop.adapters.networks.precond import EDMPrecond

    config = {key: value for key, value in IMAGENET_64.items() if key != "label_dropout"}
    model = EDMPrecond(**config)
    files = [folder / name for name in ("edm.pkl", "pytorch_model.bin", "edm.safetensors")]
    write_checkpoint(files[0], model, config)
    torch.save(model.state_dict(), files[1])
    save_checkpoint(files[2], config, model.state_dict())
    return files


def load(file: Path) -> dict[str, float]:
    """Load a file and say how long it took and how much memory it needed at most."""
    import psutil

    from diffviews_desktop.adapters.checkpoint import load_checkpoint

    process = psutil.Process()
    base = process.memory_info().rss
    peak, stop = base, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not stop.wait(0.002):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    model = load_checkpoint(file).model
    seconds = time.perf_counter() - start
    stop.set()
    watcher.join()
    return {
        "seconds": seconds,
        "peak": max(peak, process.memory_info().rss) - base,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }


def read(file: Path) -> float:
    """Seconds to read the same bytes into memory of their own."""
    start = time.perf_counter()
    np.fromfile(file, dtype=np.uint8)
    return time.perf_counter() - start


def main() -> None:
    """See the module's text."""
    arguments = parser("Loading a full-size checkpoint.")
    arguments.add_argument("--load", type=Path, metavar="FILE", help="load one file and print JSON")
    options = arguments.parse_args()
    if options.load is not None:
        print(json.dumps(load(options.load)))
        return
    rows = []
    with tempfile.TemporaryDirectory(prefix="diffviews-") as name:
        isolate(Path(name))
        for file in make(Path(name)):
            size = file.stat().st_size
            peer = min(read(file) for _ in range(3))
            command = [sys.executable, __file__, "--load", str(file)]
            runs = [
                json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
                for _ in range(3)
            ]
            millions = runs[0]["parameters"] / 1e6
            title = f"{file.name}, {millions:.1f} M parameters, {size / 1e9:.2f} GB"
            seconds = sorted(run["seconds"] for run in runs)[1]
            rows.append(Row(f"{title}: time, beside reading", 3, seconds, peer, "s"))
            peak = max(run["peak"] for run in runs)
            rows.append(
                Row(f"{title}: memory, beside limit", 3, peak / 1e9, LIMIT * size / 1e9, "GB")
            )
    report(rows, options.json, "beside")


if __name__ == "__main__":
    main()
