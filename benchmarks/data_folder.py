"""Opening a data folder of 10,000 samples, beside the plain way on the same files.

Plain is json.load of the list, pandas.read_csv of the map and np.load of all activations; where
these are batches, each opened once and joined. Ours matches and checks the three, and reads
activations when they are asked for. A sample has 2,048 values in two layers; ``--samples`` makes
the folder smaller. Both sides read from memory what was just written.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from common import Row, isolate, parser, report

from diffviews_desktop.data.activations.conversion import convert_folder
from diffviews_desktop.data.activations.files import ActivationFiles, open_activation_files
from diffviews_desktop.data.folder.dataset import open_data_folder, read_samples

SHAPES = {"encoder_bottleneck": (16, 8, 8), "midblock": (16, 8, 8)}
WIDTH = sum(int(np.prod(shape)) for shape in SHAPES.values())
BATCH = 32
SET = Path("activations/imagenet_real")
INFO = Path("metadata/imagenet_real/dataset_info.json")


def write(folder: Path, count: int, compress: bool) -> None:
    """A model's folder with batches in ``.npz``, as the original system writes it."""
    random = np.random.default_rng(0)
    samples = [
        {
            "sample_id": f"sample_{i:06d}",
            "class_label": i % 1000,
            "class_name": f"class {i % 1000}",
            "image_path": f"images/imagenet_real/sample_{i:06d}.png",
            "conditioning_sigma": 0.5,
            "activation_path": f"{SET}/batch_{i // BATCH:06d}",
            "batch_index": i % BATCH,
        }
        for i in range(count)
    ]
    for path in (folder / INFO, folder / "embeddings" / "map.csv", folder / SET / "a"):
        path.parent.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"adapter": "edm-imagenet-64"}))
    (folder / INFO).write_text(json.dumps({"samples": samples, "num_samples": count}, indent=2))
    table = pandas.DataFrame.from_records(samples)
    table["umap_x"], table["umap_y"] = random.standard_normal((2, count)) * 5
    table.to_csv(folder / "embeddings" / "map.csv", index=False)
    (folder / "embeddings" / "map.json").write_text(json.dumps({"layers": list(SHAPES)}))
    save = np.savez_compressed if compress else np.savez
    for start in range(0, count, BATCH):
        n = min(BATCH, count - start)
        values: dict[str, Any] = {
            name: random.standard_normal((n, int(np.prod(shape))), dtype=np.float32)
            for name, shape in SHAPES.items()
        }
        path = folder / SET / f"batch_{start // BATCH:06d}.npz"
        save(path, **values)


def pair(name: str, repeats: int, ours: Callable[[], object], peer: Callable[[], object]) -> Row:
    """Medians of both in milliseconds, in turns, after one run of each."""
    times: tuple[list[float], list[float]] = ([], [])
    for repeat in range(repeats + 1):
        for index in (0, 1) if repeat % 2 else (1, 0):
            start = time.perf_counter()
            (ours, peer)[index]()
            if repeat:
                times[index].append(1e3 * (time.perf_counter() - start))
    return Row(name, repeats, statistics.median(times[0]), statistics.median(times[1]), "ms")


def measure(root: Path, repeats: int) -> list[Row]:
    """The rows of the table."""
    folder = root / "edm"

    def tables() -> object:
        return read_samples(open_data_folder(root).model("edm"))

    def plain_tables() -> object:
        json.loads((folder / "config.json").read_text())
        samples = json.loads((folder / INFO).read_text())["samples"]
        return samples, pandas.read_csv(folder / "embeddings" / "map.csv")

    def open_files() -> ActivationFiles:
        model = open_data_folder(root).model("edm")
        files = open_activation_files(model, read_samples(model))
        assert files is not None
        return files

    def batches() -> np.ndarray:
        parts = []
        for path in sorted((folder / SET).glob("*.npz")):
            with np.load(path, allow_pickle=False) as arrays:
                parts.append(np.concatenate([arrays[name] for name in sorted(arrays.files)], 1))
        return np.concatenate(parts)

    def matrix() -> np.ndarray:
        return np.load(folder / SET / "activations.npy", allow_pickle=False)

    def read_all() -> np.ndarray:
        files = open_files()
        return files.take(range(len(files)))

    def both(activations: Callable[[], np.ndarray]) -> Callable[[], object]:
        return lambda: (plain_tables(), activations())

    few = max(1, repeats // 5)
    assert np.array_equal(read_all(), batches())
    rows = [
        pair("settings, list and map", repeats, tables, plain_tables),
        pair("... and .npz batches, opened", few, open_files, both(batches)),
        pair("... and .npz batches, all read", few, read_all, both(batches)),
    ]
    convert_folder(open_data_folder(root).model("edm"))
    assert np.array_equal(read_all(), matrix())
    sample_rows = np.random.default_rng(0).choice(
        len(open_files()), min(50, len(open_files())), replace=False
    )
    return [
        *rows,
        pair("... and one .npy, opened", repeats, open_files, both(matrix)),
        pair(
            "... and one .npy, 50 rows",
            repeats,
            lambda: open_files().take(sample_rows),
            both(matrix),
        ),
        pair("... and one .npy, all read", repeats, read_all, both(matrix)),
    ]


def main() -> None:
    """See the module's text."""
    arguments = parser("Opening a data folder beside the plain way.")
    arguments.add_argument("--samples", type=int, default=10_000)
    arguments.add_argument("--repeats", type=int, default=15)
    arguments.add_argument("--stored", action="store_true", help="batches that are not compressed")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        isolate(Path(folder) / "home")
        write(Path(folder) / "data" / "edm", options.samples, not options.stored)
        rows = measure(Path(folder) / "data", options.repeats)
    report(rows, options.json, "plain")


if __name__ == "__main__":
    main()
