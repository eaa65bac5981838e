"""One map per noise level in one frame: time, trust and alignment, beside umap-learn's AlignedUMAP.

    python benchmarks/aligned_maps.py [--pictures N] [--levels L] [--json FILE]

The data are activations of the demo's digits, each digit at every noise level, reduced to 50
components. The peer is `umap.AlignedUMAP` with the same seed, neighbours and strength of alignment.
Each runs in a fresh process, imports included, and a second time in it; what numba can keep on disk
is there already. A map a level without any alignment stands below, for what that costs.

*moved*: how far the samples of a picture lie apart at neighbouring levels, beside those of any two
pictures (0: at one place, 1: anywhere). *trustworthiness* is that of each level's map (15), the
mean over levels; *shared* the share of a sample's 15 nearest that are of the same pictures as those
at the next level.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
from common import Row, in_a_process, isolate, parser, report
from numpy.typing import NDArray

SEED, NEIGHBORS, COMPONENTS = 42, 15, 50
SIGMAS = (0.2, 0.5, 1.0, 2.0, 5.0)
LAYER = "decoder_block_8"
METHODS = ("ours", "theirs", "apart")
Maps = list[NDArray]


def main() -> None:
    """See the module's text."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--pictures", type=int, default=1000)
    arguments.add_argument("--levels", type=int, default=4, choices=range(2, len(SIGMAS) + 1))
    arguments.add_argument("--repeats", type=int, default=1, help="fresh processes of each")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        isolate(folder)
        file = folder / "levels.npy"
        in_a_process(__file__, "--make", str(file), str(options.pictures), str(options.levels))
        np.save(folder / "few.npy", np.load(file)[:, :60])
        for method in METHODS:  # what numba keeps
            part(method, folder / "few.npy", folder)
        rows = measure(file, folder, options.repeats)
    report(rows, options.json, "AlignedUMAP")


def measure(file: Path, folder: Path, repeats: int) -> list[Row]:
    """All ways in turns, then their maps."""
    runs: dict[str, list[dict[str, float]]] = {method: [] for method in METHODS}
    for _ in range(repeats):
        for method, times in runs.items():
            times.append(part(method, file, folder))
    levels = np.load(file)
    rows, size = [], f"{len(levels)} x {levels.shape[1]}"
    medians = {
        method: {key: float(np.median([run[key] for run in times])) for key in ("fresh", "warm")}
        for method, times in runs.items()
    }
    for key, name in (("fresh", "fresh process"), ("warm", "second time")):
        ours, theirs = medians["ours"][key], medians["theirs"][key]
        rows.append(Row(f"{size}: {name}", repeats, ours, theirs, "s"))
        rows.append(Row(f"{size}: {name}, not aligned", repeats, medians["apart"][key], None, "s"))
    figures = {method: judge(levels, np.load(folder / f"{method}.npy")) for method in METHODS}
    for name in figures["ours"]:
        ours, theirs = figures["ours"][name], figures["theirs"][name]
        rows.append(Row(f"{size}: {name}", 1, ours, theirs, ""))
        rows.append(Row(f"{size}: {name}, not aligned", 1, figures["apart"][name], None, ""))
    return rows


def judge(levels: NDArray, maps: NDArray) -> dict[str, float]:
    """The figures of maps of all levels; see the module's text."""
    from diffviews_desktop.processing.trustworthiness import neighborhood_overlap, trustworthiness

    random = np.random.default_rng(0)
    trust = [
        trustworthiness(rows, places, NEIGHBORS).figure
        for rows, places in zip(levels, maps, strict=True)
    ]
    moves, shared = [], []
    for one, two in pairwise(maps):
        others = two[random.permutation(len(two))]
        distances = [float(np.linalg.norm(one - other, axis=1).mean()) for other in (two, others)]
        moves.append(distances[0] / distances[1])
        shared.append(float(neighborhood_overlap(one, two, NEIGHBORS).mean()))
    return {
        "trustworthiness": float(np.mean(trust)),
        "moved": float(np.mean(moves)),
        "shared": float(np.mean(shared)),
    }


def part(method: str, file: Path, folder: Path) -> dict[str, float]:
    """One way in a process of its own, with one thread."""
    return in_a_process(__file__, "--part", method, str(file), str(folder / f"{method}.npy"))


def ours(levels: NDArray) -> Maps:
    """The maps ``(n, 2)`` of reduced activations ``(L, n, K)``."""
    from diffviews_desktop.processing.layout import layout
    from diffviews_desktop.values.maps import MapParameters
    from diffviews_desktop.values.sample_groups import LevelStack

    count, pictures = levels.shape[:2]
    stack = LevelStack(
        np.repeat(np.arange(count), pictures), np.tile(np.arange(pictures), count), SIGMAS[:count]
    )
    parameters = MapParameters(NEIGHBORS, seed=SEED, aligned=True)
    places = layout(levels.reshape(count * pictures, -1), parameters, lambda stage: None, stack)
    return list(places.reshape(count, pictures, 2))


def theirs(levels: NDArray) -> Maps:
    """The same by umap-learn's class."""
    from umap import AlignedUMAP

    relations = [{row: row for row in range(levels.shape[1])}] * (len(levels) - 1)
    mapper = AlignedUMAP(n_neighbors=NEIGHBORS, random_state=SEED)
    return list(mapper.fit_transform(list(levels), relations=relations))


def map_apart(levels: NDArray) -> Maps:
    """A map a level, each by itself."""
    from diffviews_desktop.processing.layout import layout
    from diffviews_desktop.values.maps import MapParameters

    parameters = MapParameters(NEIGHBORS, seed=SEED)
    return [layout(rows, parameters, lambda stage: None) for rows in levels]


def make(file: str, pictures: str, levels: str) -> None:
    """Write the demo's digits at several noise levels, reduced together, ``(L, n, K)``."""
    from contextlib import nullcontext
    from dataclasses import replace

    from diffviews_desktop.adapters.model import as_model
    from diffviews_desktop.adapters.registry import get_adapter
    from diffviews_desktop.data.activations.arrays import flatten_layers
    from diffviews_desktop.data.folder.dataset import open_data_folder, read_samples
    from diffviews_desktop.data.folder.demo import unpack_demo
    from diffviews_desktop.engine.extraction import SampleExtraction
    from diffviews_desktop.processing.reduction import fit
    from diffviews_desktop.values.told import NOTHING

    model = open_data_folder(unpack_demo()).model("digits")
    adapter = get_adapter("edm").from_checkpoint(str(model.checkpoint()), device="cpu")
    table = read_samples(model).table
    count, indices = int(levels), np.arange(int(pictures)) % len(table)
    which, names = np.tile(indices, count), table.sample_id
    sigma = np.repeat(np.array(SIGMAS[:count], np.float32), len(indices))
    table = replace(
        table,
        sample_id=tuple(f"{names[row]}-{s:g}" for row, s in zip(which, sigma, strict=True)),
        class_label=table.class_label[which],
        class_name=tuple(table.class_name[row] for row in which),
        image_path=tuple(table.image_path[row] for row in which),
        sigma=sigma,
    )
    extraction = SampleExtraction(
        as_model(adapter), table, [LAYER], "noised", NOTHING,
        check=lambda: None, interruptible=nullcontext,
    )  # fmt: skip
    rows = [flatten_layers(values) for _, values in extraction.batches(range(len(table)))]
    _, reduced = fit(np.concatenate(rows), COMPONENTS, seed=SEED)
    np.save(file, reduced.rows.reshape(count, len(indices), -1))
    print("{}")


def run_part(method: str, file: str, out: str) -> None:
    """In the process of one way."""
    warnings.simplefilter("ignore")
    levels = np.load(file)
    run = {"ours": ours, "theirs": theirs, "apart": map_apart}[method]
    times = []
    for _ in range(2):
        start = time.perf_counter()
        maps = run(levels)
        times.append(time.perf_counter() - start)
    np.save(out, np.stack(maps))
    print(json.dumps({"fresh": times[0], "warm": times[1]}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        make(*sys.argv[2:])
    elif sys.argv[1:2] == ["--part"]:
        run_part(*sys.argv[2:])
    else:
        main()
