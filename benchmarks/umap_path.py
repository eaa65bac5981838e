"""From a matrix of activations in a file to a map: time and trustworthiness, beside the usual way.

    python benchmarks/umap_path.py [--rows N] [--width D] [--json FILE]

The peer is StandardScaler, PCA and stock UMAP with a seed. Each is timed in a fresh process,
imports included, and a second time in the same process; kernels that numba can keep on disk are
there already. The data are activations of the demo's digits; both maps are judged in the space that
the peer reduced to.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from common import Row, in_a_process, isolate, make_demo_activations, parser, report
from numpy.typing import NDArray

SEED = 42
NEIGHBORS = 15


def main() -> None:
    """See the module's text."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--rows", type=int, default=10000)
    arguments.add_argument("--width", type=int, default=16384)
    arguments.add_argument("--repeats", type=int, default=1, help="fresh processes of each")
    arguments.add_argument("--matrix", type=Path, help="an .npy file to take instead of the demo's")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        isolate(folder)
        matrix = options.matrix
        if matrix is None:
            matrix = folder / "activations.npy"
            make_demo_activations(matrix, options.rows, options.width)
        np.save(folder / "few.npy", np.load(matrix, mmap_mode="r")[:500])
        for method in ("ours", "theirs"):  # what numba keeps
            part(method, folder / "few.npy", folder)
        rows = measure(matrix, folder, options.repeats)
    report(rows, options.json, "stock UMAP")


def measure(matrix: Path, folder: Path, repeats: int) -> list[Row]:
    """Both ways in turns, then their maps."""
    from diffviews_desktop.processing.trustworthiness import neighborhood_overlap, trustworthiness

    n, d = np.load(matrix, mmap_mode="r").shape
    runs: dict[str, list[dict[str, float]]] = {"ours": [], "theirs": []}
    for _ in range(repeats):
        for method, times in runs.items():
            times.append(part(method, matrix, folder))
    rows = []
    for key, name in (("fresh", "fresh process"), ("warm", "second time")):
        our, their = (float(np.median([run[key] for run in times])) for times in runs.values())
        rows.append(Row(f"{n} x {d}: {name}", repeats, our, their, "s"))
    reduced = np.load(folder / "theirs.npz")["reduced"]
    maps = [np.load(folder / f"{method}.npz")["xy"] for method in runs]
    our, their = (trustworthiness(reduced, xy, NEIGHBORS).figure for xy in maps)
    rows.append(Row(f"{n} x {d}: trustworthiness ({NEIGHBORS})", 1, our, their, ""))
    our, their = (float(neighborhood_overlap(reduced, xy, NEIGHBORS).mean()) for xy in maps)
    rows.append(Row(f"{n} x {d}: neighbours kept ({NEIGHBORS})", 1, our, their, ""))
    return rows


def part(method: str, matrix: Path, folder: Path) -> dict[str, float]:
    """One way in a process of its own, with one thread."""
    return in_a_process(__file__, "--part", method, str(matrix), str(folder / f"{method}.npz"))


def ours(matrix: Path) -> tuple[NDArray, NDArray]:
    """The map ``(N, 2)`` and what it was made of ``(N, K)``; it is judged, too."""
    from diffviews_desktop.processing.umap import MapParameters, fit_map

    projector = fit_map(np.load(matrix, mmap_mode="r"), MapParameters(seed=SEED))
    return projector.xy, projector.reduced


def theirs(matrix: Path) -> tuple[NDArray, NDArray]:
    """The map ``(N, 2)`` and what it was made of ``(N, K)``."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler
    from umap import UMAP

    standard = StandardScaler().fit_transform(np.load(matrix))
    reduced = PCA(50, random_state=SEED).fit_transform(standard)
    return UMAP(n_neighbors=NEIGHBORS, random_state=SEED).fit_transform(reduced), reduced


def run_part(method: str, matrix: str, out: str) -> None:
    """In the process of one way."""
    warnings.simplefilter("ignore")
    run = {"ours": ours, "theirs": theirs}[method]
    times = []
    for _ in range(2):
        start = time.perf_counter()
        xy, reduced = run(Path(matrix))
        times.append(time.perf_counter() - start)
    np.savez(out, xy=xy, reduced=reduced)
    print(json.dumps({"fresh": times[0], "warm": times[1]}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--part"]:
        run_part(*sys.argv[2:])
    else:
        main()
