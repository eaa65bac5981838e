"""Standardise and reduce a wide matrix in a file: time, memory, accuracy, beside scikit-learn.

    python benchmarks/reduction.py [--rows N] [--width D] [--json FILE]

Ours reads the memory-mapped file in chunks; the peer loads it, StandardScaler, PCA. Each run is a
process of its own with one thread. The data are activations of the demo's digits. Accuracy is the
mean squared cosine of the principal angles with the exact subspace.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import Row, anonymous_peak, in_a_process, isolate, make_demo_activations, parser, report
from numpy.typing import NDArray

SEED = 42


def main() -> None:
    """See the module's text."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--rows", type=int, default=4000)
    arguments.add_argument("--width", type=int, default=49152)
    arguments.add_argument("--components", type=int, default=50)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--matrix", type=Path, help="an .npy file to take instead of the demo's")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        isolate(Path(folder))
        matrix = options.matrix
        if matrix is None:
            matrix = Path(folder) / "activations.npy"
            make_demo_activations(matrix, options.rows, options.width)
        rows = measure(matrix, Path(folder), options.components, options.repeats)
    report(rows, options.json, "scikit-learn")


def measure(matrix: Path, folder: Path, k: int, repeats: int) -> list[Row]:
    """Both methods in turns, and the exact subspace."""
    n, d = np.load(matrix, mmap_mode="r").shape
    results: dict[str, list[dict[str, float]]] = {"ours": [], "theirs": []}
    for _ in range(repeats):
        for name, runs in results.items():
            runs.append(part(name, matrix, folder, k))
    part("exact", matrix, folder, k, threads=os.cpu_count() or 1)
    exact = np.load(folder / "exact.npy")
    rows = []
    for name, key, unit in (
        ("time", "wall", "s"),
        ("processor time", "cpu", "s"),
        ("own memory at most", "peak", "MB"),
    ):
        ours, theirs = (
            None if runs[0][key] is None else statistics.median(run[key] for run in runs)
            for runs in results.values()
        )
        rows.append(Row(f"{n} x {d}: {name}", repeats, ours, theirs, unit))
    ours, theirs = (cosines(np.load(folder / f"{name}.npy"), exact) for name in results)
    rows.append(Row(f"{n} x {d}: agreement with the exact subspace", 1, ours, theirs, ""))
    return rows


def part(name: str, matrix: Path, folder: Path, k: int, threads: int = 1) -> dict[str, float]:
    """One method in a process of its own."""
    arguments = [name, str(matrix), str(folder / f"{name}.npy"), str(k)]
    return in_a_process(__file__, "--part", *arguments, threads=threads)


def cosines(ours: NDArray, exact: NDArray) -> float:
    """Mean squared cosine of the principal angles between the spans of rows."""
    between = np.linalg.svd(ours.astype(np.float64) @ exact.T, compute_uv=False)
    return float((between**2).mean())


def ours(matrix: Path, k: int) -> NDArray:
    """Components ``(K, D)``."""
    from diffviews_desktop.processing.reduction import fit_reduction, look_at_rows

    rows = np.load(matrix, mmap_mode="r")
    look_at_rows(rows)
    components = fit_reduction(rows, k, seed=SEED)[0].components
    assert components is not None
    return components


def theirs(matrix: Path, k: int) -> NDArray:
    """Components ``(K, D)``."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    standard = StandardScaler().fit_transform(np.load(matrix))
    pca = PCA(k, random_state=SEED)
    pca.fit_transform(standard)
    return pca.components_


def exact(matrix: Path, k: int) -> NDArray:
    """Components ``(K, D)`` from all products of rows."""
    from scipy.linalg import eigh

    rows = np.load(matrix, mmap_mode="r")
    n, d = rows.shape
    products = np.zeros((n, n))
    size = max(1, 2**25 // n)

    def block(columns: slice) -> NDArray:
        values = rows[:, columns].astype(np.float64)
        values -= values.mean(axis=0)
        scale = values.std(axis=0)
        scale[scale < 1e-12] = 1
        return (values / scale).astype(np.float32)

    parts = [slice(start, start + size) for start in range(0, d, size)]
    for columns in parts:
        standard = block(columns)
        products += standard @ standard.T
    vectors = eigh(products, subset_by_index=[n - min(k, n), n - 1])[1][:, ::-1]
    axes = np.vstack([block(columns).T.astype(np.float64) @ vectors for columns in parts])
    return np.linalg.qr(axes)[0].T


def run_part(name: str, matrix: str, out: str, k: str) -> None:
    """In the process of one method."""
    method = {"ours": ours, "theirs": theirs, "exact": exact}[name]
    import sklearn.decomposition  # importing is not what is measured
    import sklearn.preprocessing  # noqa: F401

    import diffviews_desktop.processing.reduction  # noqa: F401

    wall, cpu = time.perf_counter(), time.process_time()
    with anonymous_peak() as memory:
        components = method(Path(matrix), int(k))
    figures = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, **memory}
    np.save(out, components)
    print(json.dumps(figures))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--part"]:
        run_part(*sys.argv[2:])
    else:
        main()
