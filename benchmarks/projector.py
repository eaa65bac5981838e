"""Placing activations on a finished map: our interpolation beside umap-learn's ``transform``.

    python benchmarks/projector.py [--layer NAME] [--paths N] [--steps S] [--json FILE]

On real activations of the demo's digits: the map is made of 80 % of the samples and the others are
placed on it; denoising runs are captured at the same layer and placed step by step. Both place on
the same map, from the same reduced activations; the peer's map is stock UMAP's, fitted with a seed.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import Row, isolate, parser, report
from numpy.typing import NDArray

SEED = 42
Place = Callable[[NDArray], NDArray]


def main() -> None:
    """See the module's text."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--layer", default="midblock")
    arguments.add_argument("--paths", type=int, default=20)
    arguments.add_argument("--steps", type=int, default=50)
    arguments.add_argument(
        "--single", type=int, default=20, help="points that are timed one by one"
    )
    options = arguments.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        isolate(Path(folder))
        activations, labels, paths = collect(options.layer, options.paths, options.steps)
    report(measure(activations, labels, paths, options.single), options.json, "umap.transform")


def collect(layer: str, count: int, steps: int) -> tuple[NDArray, NDArray, list[NDArray]]:
    """Activations of the samples ``(N, D)`` through the engine, their classes, and denoising runs
    ``(S, D)``."""
    import torch

    from diffviews_desktop.adapters.model import as_model
    from diffviews_desktop.adapters.sampling import get_denoising_sigmas
    from diffviews_desktop.core.denoising import denoise
    from diffviews_desktop.data.folder.dataset import open_data_folder
    from diffviews_desktop.data.folder.demo import unpack_demo
    from diffviews_desktop.engine.engine import Engine
    from diffviews_desktop.engine.jobs.mapping import MapLayer
    from diffviews_desktop.engine.jobs.opening import DataOpened, LoadModel, OpenData
    from diffviews_desktop.values.conditions import ClassLabel
    from diffviews_desktop.values.folders import FolderRef
    from diffviews_desktop.values.layers import LayerSet
    from diffviews_desktop.values.maps import LayerMap, MapSpec

    engine, folder = Engine("cpu", threads=1), FolderRef(None)
    opened = engine.run(OpenData(job_id=1, folder=folder, model="digits"))
    spec = MapSpec("digits", LayerSet([layer]))
    layer_map = engine.run(MapLayer(job_id=2, folder=folder, spec=spec))
    loaded = engine.run(LoadModel(job_id=3, folder=folder, model="digits"))
    assert isinstance(opened, DataOpened)
    assert isinstance(layer_map, LayerMap)
    activations = np.load(layer_map.path / "activations.npy")
    model = open_data_folder(unpack_demo()).model("digits")
    from diffviews_desktop.adapters.registry import get_adapter

    adapter = get_adapter("edm").from_checkpoint(str(model.checkpoint()), device="cpu")
    settings = loaded.settings
    sigmas = get_denoising_sigmas(steps, settings.sigma_max, settings.sigma_min, settings.rho)
    paths = []
    for number in range(count):
        generator = torch.Generator().manual_seed(number)
        run = denoise(
            adapter,
            conditions=as_model(adapter).encode_pair([ClassLabel(number % 10)]),
            sigmas=sigmas,
            generator=generator,
            capture=(layer,),
        )
        paths.append(np.concatenate([step.row() for step in run]))
    return activations, opened.samples.class_label, paths


def measure(activations: NDArray, labels: NDArray, paths: list[NDArray], single: int) -> list[Row]:
    """Both ways of placing."""
    from umap import UMAP

    from diffviews_desktop.processing.umap import MapParameters, fit_map

    order = np.random.default_rng(SEED).permutation(len(activations))
    test, train = order[: len(order) // 5], order[len(order) // 5 :]
    projector = fit_map(activations[train], MapParameters(seed=SEED))
    reduction = projector.reduction
    peer = UMAP(n_neighbors=15, random_state=SEED).fit(projector.reduced)

    def ours(rows: NDArray) -> NDArray:
        return projector.transform(rows).xy

    def theirs(rows: NDArray) -> NDArray:
        return peer.transform(reduction.transform(rows))

    theirs(activations[test[:2]])  # compiles
    both: list[tuple[Place, NDArray]] = [(ours, projector.xy), (theirs, peer.embedding_)]
    rows = []

    def add(name: str, n: int, unit: str, figure: Callable[[Place, NDArray], float]) -> None:
        our, their = (figure(place, xy) for place, xy in both)
        rows.append(Row(name, n, our, their, unit))

    def accuracy(place: Place, xy: NDArray) -> float:
        nearest = nearest_on_the_map(xy, place(activations[test]))
        return float((labels[train][nearest] == labels[test]).mean())

    def length(place: Place, xy: NDArray) -> float:
        return statistics.median(path_length(place(path)) for path in paths)

    def jump(place: Place, xy: NDArray) -> float:
        return 100 * max(float(jumps(place(path)).max()) for path in paths) / span(xy)

    def usual_jump(place: Place, xy: NDArray) -> float:
        largest = [float(jumps(place(path)).max()) for path in paths]
        return 100 * statistics.median(largest) / span(xy)

    def one(place: Place, xy: NDArray) -> float:
        times = []
        for row in test[:single]:
            start = time.perf_counter()
            place(activations[row : row + 1])
            times.append(1000 * (time.perf_counter() - start))
        return statistics.median(times)

    def many(place: Place, xy: NDArray) -> float:
        start = time.perf_counter()
        place(activations[test])
        return 1000 * (time.perf_counter() - start) / len(test)

    def depends(place: Place, xy: NDArray) -> float:
        batch = place(activations[test[:single]])
        singles = np.concatenate([place(activations[row : row + 1]) for row in test[:single]])
        return 100 * float(np.linalg.norm(batch - singles, axis=1).max()) / span(xy)

    def grows(place: Place, xy: NDArray) -> float:
        path = paths[0]
        first, all_of_it = place(path[: len(path) // 2]), place(path)
        distances = np.linalg.norm(all_of_it[: len(first)] - first, axis=1)
        return 100 * float(distances.max()) / span(xy)

    steps = len(paths[0])
    add("held-out samples: class of the nearest on the map", len(test), "", accuracy)
    add(f"{steps}-step runs: length / chord, median", len(paths), "", length)
    add("largest jump of a run, % of the map, median", len(paths), "%", usual_jump)
    add("largest jump of all runs, % of the map", len(paths), "%", jump)
    add("one point", single, "ms", one)
    add("a point of a batch", len(test), "ms", many)
    add("a point alone or in a batch: moves by at most", single, "%", depends)
    add("first half of a run when the second comes: moves by", steps // 2, "%", grows)
    return rows


def nearest_on_the_map(xy: NDArray, places: NDArray) -> NDArray:
    """The sample nearest to each place, ``(M,)``."""
    from diffviews_desktop.processing.neighbors import nearest

    return nearest(xy, places, 1).index[:, 0]


def jumps(path: NDArray) -> NDArray:
    """Distance from each step to the next, ``(S - 1,)``."""
    return np.linalg.norm(np.diff(path, axis=0), axis=1)


def path_length(path: NDArray) -> float:
    """Length of a path by its chord."""
    return float(jumps(path).sum() / max(1e-9, np.linalg.norm(path[-1] - path[0])))


def span(xy: NDArray) -> float:
    """The larger side of the map."""
    return float(np.ptp(xy, axis=0).max())


if __name__ == "__main__":
    main()
