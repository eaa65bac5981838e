"""The layer cache in crashes, on full disks, with flipped bits and among several programs.

The other programs are real processes, forked by a server that this file is when it is run as a
program. An entry holds nothing but a number, so that every reader sees whether it is whole; a
process that raises, or logs a warning, fails the test.
"""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from limits import file_limit
from partial_rows import row_values

from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.data.cache.layer_cache import (
    CacheEntry,
    InUseError,
    LayerCache,
    PartialMatrix,
    create_matrix,
    finish,
)
from diffviews_desktop.errors import CacheError, DataError

MB = 1024**2
SHAPE = (60, 500)  # of partial matrices
BUDGET_MB = "0.3"  # of the processes: four of the larger entries
SHARE_SECONDS = 3
TO_HAPPEN = ("hit", "miss", "rows", "continued", "cleared")
TESTS = str(Path(__file__).parents[2])  # where the helpers of the tests are
KEYS, PARTIAL_KEYS = "abcd", "pq"

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX")


# --- what entries hold ---------------------------------------------------------------------------


def write(cache: LayerCache, key: str, value: int) -> None:
    """An entry that holds nothing but a number; of some, the matrix is left out."""
    with cache.writing(key) as folder:
        with (folder / "projector.npz").open("wb") as file:
            np.savez(file, value=np.full(1000 + value % 7, value))
        if value % 4:
            create_matrix(folder, (64, 256 + value % 5), np.float32)[:] = value
        finish(folder, {"model": str(value)}, (f"layer{value}",))


class Loaded(NamedTuple):
    layers: tuple[str, ...]
    values: np.ndarray
    rows: MatrixFile | None


def load(entry: CacheEntry) -> Loaded:
    try:
        with np.load(entry.projector) as arrays:
            values = arrays["value"]
    except OSError as error:
        raise DataError(str(error)) from error
    matrix = entry.activations()
    return Loaded(entry.layers, values, None if matrix is None else matrix.rows[:])


def read_whole(cache: LayerCache, key: str) -> tuple[int, MatrixFile | None] | None:
    """The number in an entry, all of which must say the same, and its matrix."""
    loaded = cache.read(key, load)
    if loaded is None:
        return None
    layers, values, rows = loaded
    value = int(values[0])
    assert layers == (f"layer{value}",)
    assert values.shape == (1000 + value % 7,)
    assert (values == value).all()
    assert (rows is None) == (value % 4 == 0)
    if rows is not None:
        assert rows.shape == (64, 256 + value % 5)
        assert (rows[:] == value).all()
    return value, rows


def load_rows(entry: CacheEntry) -> bool:
    """Whether an entry that was extracted in several goes is whole."""
    matrix = entry.activations()
    assert matrix is not None
    assert matrix.rows.shape == SHAPE
    assert all((matrix.rows[row] == row_values(row, SHAPE[1])).all() for row in range(SHAPE[0]))
    return True


def finished_rows(matrix: PartialMatrix) -> set[int]:
    """The rows that are marked; they must be right."""
    rows = {int(row) for row in np.flatnonzero(matrix.done)}
    assert all((matrix.rows[row] == row_values(row, SHAPE[1])).all() for row in rows)
    return rows


def extract(cache: LayerCache, matrix: PartialMatrix, key: str, batches: int) -> None:
    """Finish some more rows of a matrix, in any order; and the entry where those were the last."""
    left = np.flatnonzero(~matrix.done)
    random.shuffle(left)
    for _ in range(batches):
        size = random.randint(1, 5)
        batch, left = left[:size], left[size:]
        for row in batch:
            matrix.rows[row] = row_values(row, SHAPE[1])
        matrix.mark(batch)
    if matrix.done.all():
        with cache.writing(key) as folder:
            (folder / "projector.npz").touch()
            matrix.complete(folder)
            finish(folder, {}, ())


# --- the programs --------------------------------------------------------------------------------


def write_for_ever(cache: LayerCache) -> None:
    while True:
        write(cache, random.choice(KEYS), random.randrange(1000))


def extract_all(cache: LayerCache) -> None:
    while not cache.contains("p"):
        with cache.partial("p", SHAPE) as matrix:
            extract(cache, matrix, "p", 100)


def share(cache: LayerCache) -> None:
    """Everything that a program may do, for some seconds; says how often what happened."""
    happened: Counter[str] = Counter()
    held: list[tuple[int, np.ndarray]] = []

    def read() -> None:
        found = read_whole(cache, random.choice(KEYS))
        happened["hit" if found else "miss"] += 1
        if found is not None and found[1] is not None:
            held.append((found[0], found[1]))
            old, rows = held.pop(random.randrange(len(held))) if len(held) > 9 else held[0]
            assert (rows[:] == old).all()  # in use, whatever became of the entry

    def read_rows() -> None:
        happened["rows"] += cache.read(random.choice(PARTIAL_KEYS), load_rows) is True

    def work() -> None:
        key = random.choice(PARTIAL_KEYS)
        try:
            with cache.partial(key, SHAPE) as matrix:
                happened["continued"] += bool(finished_rows(matrix))
                extract(cache, matrix, key, 6)
        except InUseError:
            happened["in use"] += 1

    def clear() -> None:
        keys = KEYS + PARTIAL_KEYS
        happened["cleared"] += cache.clear(key=random.choice(keys)) > 0

    def verify() -> None:
        assert all(problem is None for _, problem in cache.verify())

    actions: list[tuple[int, Callable[[], object]]] = [
        (20, read),
        (10, lambda: write(cache, random.choice(KEYS), random.randrange(1000))),
        (4, read_rows),
        (4, work),
        (2, clear),
        (2, lambda: cache.make_room(random.randrange(300_000))),
        (2, lambda: cache.drop(random.choice(KEYS))),
        (1, cache.entries),
        (1, verify),
    ]
    weights, functions = zip(*actions, strict=True)
    start = time.monotonic()
    while (passed := time.monotonic() - start) < SHARE_SECONDS or (
        passed < 10 * SHARE_SECONDS and not all(happened[what] for what in TO_HAPPEN)
    ):
        (function,) = random.choices(functions, weights)
        function()
        happened["done"] += 1
    print(json.dumps(happened), flush=True)


PROGRAMS = {"write": write_for_ever, "extract": extract_all, "share": share}


class _Fail(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        os.write(2, (self.format(record) + "\n").encode())
        os._exit(3)


def _serve(root: Path) -> None:
    """Fork a process for every line "program seed"; says its number and, asked, how it ended."""
    logging.getLogger("diffviews_desktop").addHandler(_Fail(logging.WARNING))
    warnings.simplefilter("error")
    cache = LayerCache(root)
    with LayerCache(root.with_name("warm")).writing("a") as folder:  # what is imported late
        (folder / "projector.npz").touch()
        finish(folder, {}, ())
    for line in sys.stdin:
        name, seed = line.split()
        pid = os.fork()
        if pid == 0:
            random.seed(int(seed))
            try:
                PROGRAMS[name](cache)
                os._exit(0)
            except BaseException:
                sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
                os._exit(1)
        print(pid, flush=True)
        sys.stdin.readline()  # until then the number is its own, though it may have ended
        print(os.waitpid(pid, 0)[1], flush=True)


@contextmanager
def server(cache: LayerCache) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, __file__, str(cache.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [TESTS, os.environ.get("PYTHONPATH")])),
            "DIFFVIEWS_LAYER_CACHE_MAX_MB": BUDGET_MB,
        },
    )
    with process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
        assert process.wait(120) == 0


def run(process: subprocess.Popen[str], program: str, seed: int, seconds: float | None) -> bool:
    """Run a program in a child for some time, then ``kill -9``; whether it came to its end."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{program} {seed}\n")
    process.stdin.flush()
    pid = int(process.stdout.readline())
    if seconds is not None:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    process.stdin.write("\n")
    process.stdin.flush()
    status = int(process.stdout.readline())
    assert status in (0, signal.SIGKILL), f"the program ended with {status}: see above"
    return status == 0


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LayerCache:
    monkeypatch.setenv("DIFFVIEWS_LAYER_CACHE_MAX_MB", BUDGET_MB)
    return LayerCache(tmp_path / "layer_cache")


def names(cache: LayerCache) -> list[str]:
    return sorted(path.name for path in cache.root.iterdir()) if cache.root.exists() else []


def left_over(cache: LayerCache) -> list[str]:
    return [name for name in names(cache) if name.startswith(".")]


# --- killed programs -----------------------------------------------------------------------------


def test_killed_while_it_wrote(cache: LayerCache, caplog: pytest.LogCaptureFixture) -> None:
    choose, seen, longest = random.Random(1), Counter[str](), 0.05
    before: set[tuple[str, float]] = set()
    with server(cache) as process:
        for seed in range(60):
            run(process, "write", seed, choose.uniform(0, longest))
            seen["left"] += bool(left_over(cache))
            entries = {(info.key, info.created) for info in cache.entries()}
            seen["written"] += entries != before
            longest = min(0.1, longest * (1.3 if entries == before else 0.95))  # it may be busy
            before = entries
            assert all(problem is None for _, problem in cache.verify())
            for key in KEYS:
                seen["hit"] += read_whole(cache, key) is not None
            if seed % 7 == 0:
                cache.make_room(0)
                assert left_over(cache) == []
                assert sum(info.bytes for info in cache.entries()) <= float(BUDGET_MB) * MB
    assert caplog.text == ""
    assert seen["left"] > 5
    assert seen["written"] > 5
    assert seen["hit"] > 5
    cache.make_room(0)
    assert left_over(cache) == []


def test_killed_while_it_extracted(cache: LayerCache, caplog: pytest.LogCaptureFixture) -> None:
    choose, seen, longest = random.Random(2), Counter[str](), 0.02
    before: set[int] = set()
    with server(cache) as process:
        assert run(process, "extract", 0, None)
        assert cache.clear(everything=True) > 0
        for seed in range(200):  # when it is killed depends on the machine: till enough was seen
            if seed >= 40 and seen["further"] > 5:
                break
            run(process, "extract", seed, choose.uniform(0, longest))
            if cache.read("p", load_rows):
                cache.clear(everything=True)
                assert names(cache) == []
                before = set()
                longest *= 0.7
                continue
            with cache.partial("p", SHAPE) as matrix:
                rows = finished_rows(matrix)
            assert rows >= before
            seen["further"] += len(rows) > len(before)
            longest *= 1.0 if len(rows) > len(before) else 1.5
            before = rows
        assert run(process, "extract", 0, None)
    assert cache.read("p", load_rows)
    assert names(cache) == ["p"]
    assert caplog.text == ""
    assert seen["further"] > 5


# --- several programs ----------------------------------------------------------------------------


def test_several_programs_share_it(cache: LayerCache, caplog: pytest.LogCaptureFixture) -> None:
    happened: Counter[str] = Counter()
    with ExitStack() as stack:
        sharing = [stack.enter_context(server(cache)) for _ in range(4)]
        for seed, process in enumerate(sharing):
            assert process.stdin is not None
            process.stdin.write(f"share {seed}\n\n")
            process.stdin.flush()
        killed = stack.enter_context(server(cache))
        for seed in range(30):  # and one that is killed again and again
            run(killed, "write", seed, 0.1 * random.random())
        for process in sharing:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            _, *counts, status = process.stdout.read().splitlines()
            assert status == "0", f"a program ended with {status}: see above"
            happened.update(json.loads(counts[0]))
    assert all(happened[what] for what in TO_HAPPEN), happened
    cache.make_room(0)
    # what is left is whole
    assert all(problem is None for _, problem in cache.verify())
    for key in KEYS:
        read_whole(cache, key)
    assert set(left_over(cache)) <= {".partial-p", ".partial-q"}
    for key in PARTIAL_KEYS:
        cache.read(key, load_rows)
        with cache.partial(key, SHAPE) as matrix:
            finished_rows(matrix)
    assert sum(info.bytes for info in cache.entries()) <= float(BUDGET_MB) * MB
    cache.clear(everything=True)
    assert names(cache) == []
    assert caplog.text == ""


# --- flipped bits --------------------------------------------------------------------------------


def flip(path: Path, position: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << bit
    path.write_bytes(data)


@pytest.mark.parametrize(("file", "step"), [("entry.json", 1), ("projector.npz", 61)])
def test_a_flipped_bit_in_a_small_file_is_found_by_opening(
    cache: LayerCache, tmp_path: Path, file: str, step: int
) -> None:
    write(cache, "a", 5)
    whole = tmp_path / "whole"
    shutil.copytree(cache.root / "a", whole)
    choose = random.Random(3)
    for position in range(0, (whole / file).stat().st_size, step):
        shutil.copytree(whole, cache.root / "a", dirs_exist_ok=True)
        flip(cache.root / "a" / file, position, choose.randrange(8))
        ((_, problem),) = cache.verify(full=False)
        assert problem is not None, position
        assert cache.open("a") is None, position
    shutil.copytree(whole, cache.root / "a", dirs_exist_ok=True)
    assert read_whole(cache, "a")


def test_a_flipped_bit_in_the_matrix_is_found_by_verifying(cache: LayerCache) -> None:
    write(cache, "a", 5)
    file = cache.root / "a" / "activations.npy"
    choose, size = random.Random(4), file.stat().st_size
    for position in [*range(128), *choose.sample(range(128, size), 60), size - 1]:
        bit = choose.randrange(8)
        flip(file, position, bit)
        ((_, problem),) = cache.verify()
        assert problem is not None, position
        flip(file, position, bit)
    assert [problem for _, problem in cache.verify()] == [None]


# --- full disks ----------------------------------------------------------------------------------


def matrix_too_large(folder: Path) -> None:
    create_matrix(folder, (1000, 2000), np.float32)[:] = 1


def array_too_large(folder: Path) -> None:
    np.save(folder / "activations.npy", np.ones((1000, 2000), np.float32))


def archive_too_large(folder: Path) -> None:
    np.savez(folder / "projector.npz", xy=np.ones((1000, 2000), np.float32))


def map_too_large(folder: Path) -> None:
    size = (1000, 2000)
    np.lib.format.open_memmap(folder / "a", mode="w+", dtype=np.float32, shape=size).flush()
    (folder / "projector.npz").write_bytes(bytes(8_000_000))


def fill_up(cache: LayerCache, write_too_much: Callable[[Path], None]) -> None:
    with cache.writing("a") as folder:
        write_too_much(folder)
        pytest.fail("there was space")


@pytest.mark.parametrize("what", [matrix_too_large, array_too_large, archive_too_large])
def test_a_file_that_cannot_grow(cache: LayerCache, what: Callable[[Path], None]) -> None:
    with file_limit(MB), pytest.raises(DataError) as error:
        fill_up(cache, what)
    assert "free in" in str(error.value)
    assert "Make room, clear the layer cache, or choose a smaller layer." in str(error.value)
    if what is matrix_too_large:
        assert str(error.value).startswith("This needs 0.008 GB, but only ")
    assert names(cache) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only an administrator may mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize(
    "what", [matrix_too_large, array_too_large, archive_too_large, map_too_large]
)
def test_a_full_disk(small_disk: Path, what: Callable[[Path], None]) -> None:
    cache = LayerCache(small_disk / "cache")
    write(cache, "b", 5)
    with pytest.raises(DataError, match=r"GB are free in .*Make room"):
        fill_up(cache, what)
    assert names(cache) == ["b"]
    assert read_whole(cache, "b")
    write(cache, "a", 6)


def test_a_disk_that_gets_full_at_the_end(small_disk: Path) -> None:
    cache = LayerCache(small_disk / "cache")

    def write_and_finish(folder: Path) -> None:
        create_matrix(folder, (100, 100), np.float32)[:] = 1
        (folder / "projector.npz").touch()
        fill_disk(small_disk)
        finish(folder, {}, ())

    with pytest.raises(CacheError, match="disk got full"):
        fill_up(cache, write_and_finish)
    assert names(cache) == []


def fill_disk(folder: Path) -> None:
    with (folder / "ballast").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    assert shutil.disk_usage(folder).free == 0


def test_rows_can_be_written_on_a_full_disk_and_marked_when_it_is_not(small_disk: Path) -> None:
    cache = LayerCache(small_disk / "cache")
    with cache.partial("p", SHAPE) as matrix:
        fill_disk(small_disk)
        for row in range(SHAPE[0]):  # without its space reserved, this would end the process
            matrix.rows[row] = row_values(row, SHAPE[1])
        with pytest.raises(DataError, match="disk got full"):
            matrix.mark(slice(0, 30))
        assert finished_rows(matrix) == set()
        (small_disk / "ballast").unlink()
        matrix.mark(slice(0, 30))
    with cache.partial("p", SHAPE) as matrix:
        assert finished_rows(matrix) == set(range(30))


def test_a_full_disk_has_no_room_for_a_matrix(small_disk: Path) -> None:
    cache = LayerCache(small_disk / "cache")
    with pytest.raises(DataError, match=r"Extracting x needs 0\.0048 GB, but only 0\.004"):
        open_partial(cache, (600, 2000))
    fill_disk(small_disk)
    with pytest.raises(DataError, match="free in"):
        open_partial(cache, (60, 2000))
    (small_disk / "ballast").unlink()
    assert names(cache) == []


def open_partial(cache: LayerCache, shape: tuple[int, int], **options: Any) -> None:
    with cache.partial("p", shape, details={"layers": ["x"]}):
        pytest.fail("there was space")


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
