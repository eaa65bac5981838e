"""What the layer cache costs: opening and writing an entry, beside numpy alone on the same files;
and what is made of a kept matrix, whose rows are checked as they are read, beside the same of one
that is not checked.

The entry has a projector of 10,000 samples in 50 dimensions and a matrix of 10,000 rows of 16,384
values (655 MB); ``--rows`` makes it smaller. Both sides read from memory what was just written, and
write to the disk that ``--folder`` is on. The matrix is written in batches, as it is extracted.
Checking may cost 5 % of a map. "as a whole" is an entry of earlier versions, without checksums of
the parts of its matrix.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import Row, isolate, parser, report

from diffviews_desktop.data.activations.arrays import ActivationMatrix
from diffviews_desktop.data.activations.checked_rows import WholeCheck
from diffviews_desktop.data.activations.matrix_file import Matrix, MatrixFile
from diffviews_desktop.data.cache.cached import CacheEntry
from diffviews_desktop.data.cache.layer_cache import LayerCache, create_matrix, finish
from diffviews_desktop.processing.components import Reduction
from diffviews_desktop.processing.reduction import fit_reduction, look_at_rows
from diffviews_desktop.processing.umap import MapParameters, Projector, fit_map

BATCH = 32
WIDTH, REDUCED = 16384, 50


def seconds(run: Callable[[], object]) -> tuple[float, float]:
    """Time of one run: on the clock, and of the processor."""
    start = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def pair(
    name: str,
    repeats: int,
    ours: Callable[[], object],
    peer: Callable[[], object],
    unit: str = "s",
    *,
    processor: bool = False,
) -> list[Row]:
    """Medians of both, in turns, after one run of each.

    Args:
        processor: whether to add a row of the processor's time, which others on a shared machine
            disturb less.
    """
    times: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    for repeat in range(repeats + 1):
        for index in (0, 1) if repeat % 2 else (1, 0):
            durations = seconds((ours, peer)[index])
            if repeat:
                times[index].append(durations)
    scale = 1e3 if unit == "ms" else 1.0
    rows = []
    for clock in range(1 + processor):
        our, their = (scale * statistics.median(one[clock] for one in side) for side in times)
        rows.append(Row(name + ", processor" * clock, repeats, our, their, unit))
    return rows


def fill(rows: Matrix, values: np.ndarray) -> None:
    """Write a matrix in batches."""
    for start in range(0, len(rows), BATCH):
        rows[start : start + BATCH] = values[: len(rows[start : start + BATCH])]


def rows_of(entry: CacheEntry | None) -> MatrixFile:
    """The matrix of an entry that is there."""
    activations = None if entry is None else entry.activations()
    assert activations is not None
    return activations.rows


def sync(folder: Path) -> None:
    """Bring the files of a folder to the disk."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def measure(folder: Path, count: int, repeats: int) -> list[Row]:
    """The rows of the table."""
    random = np.random.default_rng(0)
    values = random.standard_normal((BATCH, WIDTH), dtype=np.float32)
    matrix = np.tile(values, (-(-count // BATCH), 1))[:count]
    projector = Projector(
        Reduction(values[0], np.abs(values[1]) + 1, np.tile(values, (2, 1))[:REDUCED]),
        random.standard_normal((count, REDUCED), dtype=np.float32),
        random.standard_normal((count, 2), dtype=np.float32),
        np.arange(count),
    )
    cache = LayerCache(folder / "cache")

    def write_ours() -> None:
        with cache.writing("a") as new:
            fill(create_matrix(new, (count, WIDTH), np.float32), values)
            projector.save(new / "projector.npz")
            finish(new, {"model": "edm"}, ("midblock",))

    def write_plain(to_disk: bool = False) -> None:
        plain = folder / "plain"
        shutil.rmtree(plain, ignore_errors=True)
        plain.mkdir()
        np.save(plain / "activations.npy", matrix)
        reduction = projector.reduction
        assert reduction.components is not None
        np.savez(
            plain / "projector.npz",
            mean=reduction.mean,
            scale=reduction.scale,
            components=reduction.components,
            reduced=projector.reduced,
            xy=projector.xy,
            rows=projector.rows,
        )
        if to_disk:
            sync(plain)

    def extract_ours() -> None:
        with cache.partial("b", (count, WIDTH)) as partial:
            for start in range(0, count, BATCH):
                part = slice(start, min(start + BATCH, count))
                partial.rows[part] = values[: part.stop - part.start]
                partial.mark(part)
        cache.clear(key="b")

    def extract_plain() -> None:
        path = folder / "extracted.npy"
        fill(np.lib.format.open_memmap(path, "w+", np.float32, (count, WIDTH)), values)
        with path.open("rb") as file:
            os.fsync(file.fileno())
        path.unlink()

    def open_ours() -> object:
        return cache.read("a", lambda entry: (read_arrays(entry.projector), touch(rows_of(entry))))

    def open_plain() -> object:
        rows = np.load(cache.root / "a" / "activations.npy", mmap_mode="r")
        return read_arrays(cache.root / "a" / "projector.npz"), touch(rows)

    def read_arrays(path: Path) -> list[np.ndarray]:
        with np.load(path) as arrays:
            return [arrays[name] for name in arrays.files]

    def touch(rows: Matrix) -> np.ndarray:
        return np.asarray(rows[:: len(rows) // 10])

    def read_all() -> object:
        return np.load(cache.root / "a" / "activations.npy"), open_plain()

    size = f"{count:,} × {WIDTH:,}"
    return [
        *pair(f"write {size}, beside np.save", repeats, write_ours, write_plain),
        *pair("write, beside np.save + fsync", repeats, write_ours, lambda: write_plain(True)),
        *pair("open: checked, beside np.load", 20 * repeats, open_ours, open_plain, "ms"),
        *pair("verify all, beside reading all", repeats, cache.verify, read_all),
        *pair("extract to continue, beside a map + fsync", repeats, extract_ours, extract_plain),
    ]


def measure_checks(folder: Path, count: int, repeats: int) -> list[Row]:
    """Rows of the table: what is made of a matrix, checked beside unchecked."""
    cache, random = LayerCache(folder / "checked"), np.random.default_rng(1)
    axes = random.standard_normal((20, WIDTH), dtype=np.float32)
    with cache.writing("a") as new:
        rows = create_matrix(new, (count, WIDTH), np.float32)
        for start in range(0, count, 512):  # as activations are: some directions, and noise
            size = min(512, count - start)
            noise = random.standard_normal((size, WIDTH), dtype=np.float32)
            signal = random.standard_normal((size, 20), dtype=np.float32) @ axes
            rows[start : start + size] = signal + noise
        del rows
        (new / "projector.npz").touch()
        finish(new, {"model": "edm"}, ("midblock",))
    file = cache.root / "a" / "activations.npy"
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()

    def open_unchecked() -> MatrixFile:
        return MatrixFile.open(file)

    def open_checked() -> MatrixFile:
        return rows_of(cache.open("a"))

    def as_a_whole() -> MatrixFile:
        return open_unchecked().compared_with(WholeCheck(file, sha256))

    def make_map(rows: Matrix) -> object:
        return fit_map(rows, MapParameters())

    def reduce(rows: Matrix) -> object:
        return look_at_rows(rows).finite.all() and fit_reduction(rows, REDUCED, seed=1)

    def take(rows: MatrixFile) -> object:
        return ActivationMatrix(file, (), rows).take(range(0, count, max(1, count // 8)))

    def both(work: Callable[[Any], object], ours: Callable[[], MatrixFile]) -> tuple[Any, Any]:
        return lambda: work(ours()), lambda: work(open_unchecked())

    return [
        *pair(
            "map of it: checked, beside not", repeats, *both(make_map, open_checked), processor=True
        ),
        *pair(
            "reduce it: checked, beside not", repeats, *both(reduce, open_checked), processor=True
        ),
        *pair("reduce it: as a whole, beside not", repeats, *both(reduce, as_a_whole)),
        *pair("8 rows of it: checked, beside not", 20 * repeats, *both(take, open_checked), "ms"),
    ]


def main() -> None:
    """See the module's text."""
    arguments = parser("The layer cache beside numpy alone.")
    arguments.add_argument("--rows", type=int, default=10_000)
    arguments.add_argument("--repeats", type=int, default=5)
    arguments.add_argument(
        "--folder", type=Path, help="where to write; the system's temporary folder"
    )
    arguments.add_argument("--checks-alone", action="store_true", help="not what numpy does, too")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        isolate(Path(folder) / "home")
        rows = [] if options.checks_alone else measure(Path(folder), options.rows, options.repeats)
        rows += measure_checks(Path(folder), options.rows, options.repeats)
    report(rows, options.json, "numpy")


if __name__ == "__main__":
    main()
