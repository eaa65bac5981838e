"""The layer cache on a real disk: whole entries or none, bounded, and never trusted blindly.

What happens to it in crashes, on full disks and among several programs is in
`test_layer_cache_crashes`.
"""

import errno
import hashlib
import json
import logging
import os
import shutil
import struct
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from partial_rows import row_values

from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.data.cache import cache_folder, layer_cache
from diffviews_desktop.data.cache.layer_cache import (
    CacheEntry,
    InUseError,
    LayerCache,
    PartialMatrix,
    budget_bytes,
    cache_key,
    create_matrix,
    finish,
)
from diffviews_desktop.errors import CacheError, Cancelled, DataError, UsageError

MB = 1024**2
DAY = 24 * 3600


@pytest.fixture
def cache(tmp_path: Path) -> LayerCache:
    return LayerCache(tmp_path / "layer_cache")


def fill(folder: Path, *, rows: int = 3, projector: bytes = b"projector") -> None:
    (folder / "projector.npz").write_bytes(projector)
    if rows:
        np.save(folder / "activations.npy", np.arange(rows * 2, dtype=np.float32).reshape(rows, 2))
    finish(folder, {"model": "edm"}, ("midblock",))


def write(cache: LayerCache, key: str, *, size: int = 0, used: float | None = None) -> None:
    with cache.writing(key) as folder:
        fill(folder, projector=bytes(size))
    if used is not None:
        os.utime(cache.root / key / "entry.json", (used, used))


def fail_writing(cache: LayerCache, key: str) -> None:
    with cache.writing(key) as folder:
        fill(folder)
        raise KeyError


def entries(cache: LayerCache) -> set[str]:
    """Everything in the cache's folder, finished or not."""
    return {path.name for path in cache.root.iterdir()}


# --- keys ----------------------------------------------------------------------------------------


def test_a_key_depends_on_every_part_and_not_on_their_order() -> None:
    parts = {"model": "edm", "layers": ["midblock"], "parameters": {"seed": 42, "min_dist": 0.1}}
    key = cache_key(parts)
    assert key == cache_key(dict(reversed(parts.items())))
    others = [
        {**parts, "model": "dmd2"},
        {**parts, "layers": ["midblock", "decoder_block_1"]},
        {**parts, "parameters": {"seed": 43, "min_dist": 0.1}},
        {**parts, "more": None},
    ]
    assert len({key, *map(cache_key, others)}) == 5
    assert key.isalnum()  # a name that every file system takes


# --- entries -------------------------------------------------------------------------------------


def test_an_entry_reads_back(cache: LayerCache) -> None:
    assert not cache.contains("a")
    assert cache.open("a") is None
    with cache.writing("a") as folder:
        assert not cache.contains("a")
        fill(folder)
    assert cache.contains("a")
    entry = cache.open("a")
    assert isinstance(entry, CacheEntry)
    assert entry.layers == ("midblock",)
    assert entry.projector.read_bytes() == b"projector"
    matrix = entry.activations()
    assert matrix is not None
    assert isinstance(matrix.rows, MatrixFile)
    assert matrix.take([2, 0]).tolist() == [[4, 5], [0, 1]]
    assert entries(cache) == {"a"}


def test_the_matrix_may_be_left_out(cache: LayerCache) -> None:
    with cache.writing("a") as folder:
        fill(folder, rows=0)
    entry = cache.open("a")
    assert entry is not None
    assert entry.activations() is None


def test_nothing_half_written_stays_after_an_exception(cache: LayerCache) -> None:
    with pytest.raises(KeyError):
        fail_writing(cache, "a")
    assert entries(cache) == set()
    with pytest.raises(CacheError, match="not finished"), cache.writing("a") as folder:
        (folder / "projector.npz").touch()
    assert entries(cache) == set()


def test_a_failed_rewrite_leaves_the_old_entry(cache: LayerCache) -> None:
    write(cache, "a", size=7)
    with pytest.raises(KeyError):
        fail_writing(cache, "a")
    entry = cache.open("a")
    assert entry is not None
    assert entry.projector.stat().st_size == 7


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path, position: int, bit: int = 0xFF) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= bit
    path.write_bytes(data)


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def replace_by_link(path: Path) -> None:
    outside = path.parent.parent.parent / path.name
    path.rename(outside)
    path.symlink_to(outside)


DAMAGE = {
    "projector cut": lambda f: cut(f / "projector.npz"),
    "projector changed": lambda f: flip(f / "projector.npz", 3),
    "projector gone": lambda f: (f / "projector.npz").unlink(),
    "matrix cut": lambda f: cut(f / "activations.npy"),
    "matrix gone": lambda f: (f / "activations.npy").unlink(),
    "matrix header": lambda f: flip(f / "activations.npy", 0),
    "entry cut": lambda f: cut(f / "entry.json"),
    "entry empty": lambda f: (f / "entry.json").write_text(""),
    "entry a list": lambda f: (f / "entry.json").write_text("[]"),
    "entry lacks layers": lambda f: (f / "entry.json").write_text('{"format": 1}'),
    "entry's layers changed": lambda f: change(f / "entry.json", layers=["midbrain"]),
    "entry of no version": lambda f: change(f / "entry.json", format=0),
    "projector a link": lambda f: replace_by_link(f / "projector.npz"),
    "matrix a link": lambda f: replace_by_link(f / "activations.npy"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_entry_is_dropped_and_logged(
    cache: LayerCache, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    write(cache, "a", size=20)
    write(cache, "b")
    DAMAGE[what](cache.root / "a")
    with caplog.at_level(logging.WARNING):
        assert cache.open("a") is None
    assert "Dropping the damaged cache entry" in caplog.text
    assert str(cache.root / "a") in caplog.text
    assert entries(cache) == {"b"}
    write(cache, "a")
    assert cache.open("a") is not None


def test_an_entry_appears_although_its_folder_is_in_the_way(cache: LayerCache) -> None:
    (cache.root / "a").mkdir(parents=True)
    (cache.root / "a" / "rubbish").write_text("")
    assert not cache.contains("a")
    write(cache, "a")
    assert cache.open("a") is not None
    assert not (cache.root / "a" / "rubbish").exists()


# --- two writers ---------------------------------------------------------------------------------


def test_of_two_writers_the_last_wins_and_both_end_well(cache: LayerCache) -> None:
    with cache.writing("a") as slow:
        with cache.writing("a") as fast:
            assert fast != slow
            fill(fast, projector=b"fast")
        assert cache.contains("a")
        fill(slow, projector=b"slow")
    entry = cache.open("a")
    assert entry is not None
    assert entry.projector.read_bytes() == b"slow"
    assert entries(cache) == {"a"}


def test_writers_of_one_key_at_the_same_moment(cache: LayerCache) -> None:
    errors: list[BaseException] = []
    barrier = threading.Barrier(3)

    def work(number: int) -> None:
        try:
            for _ in range(40):
                with cache.writing("a") as folder:
                    fill(folder, projector=bytes([number]) * 9)
                    barrier.wait(120)
        except BaseException as error:
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    entry = cache.open("a")
    assert entry is not None
    assert entry.projector.read_bytes() in {bytes([number]) * 9 for number in range(3)}
    assert entries(cache) == {"a"}


# --- size ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "size"), [(None, 2048 * MB), ("1", MB), ("0.5", MB // 2)])
def test_the_budget_is_read_from_the_environment(
    text: str | None, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DIFFVIEWS_LAYER_CACHE_MAX_MB", raising=False)
    if text is not None:
        monkeypatch.setenv("DIFFVIEWS_LAYER_CACHE_MAX_MB", text)
    assert budget_bytes() == size


@pytest.mark.parametrize("text", ["", "much", "-1", "nan", "inf", "2 GB"])
def test_a_budget_that_is_no_number_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFVIEWS_LAYER_CACHE_MAX_MB", text)
    with pytest.raises(UsageError, match="DIFFVIEWS_LAYER_CACHE_MAX_MB must be a number"):
        budget_bytes()


@pytest.fixture
def three(cache: LayerCache, monkeypatch: pytest.MonkeyPatch) -> LayerCache:
    """Entries of a bit over 300 kB each under a budget of 1 MB; ``a`` was used longest ago."""
    monkeypatch.setenv("DIFFVIEWS_LAYER_CACHE_MAX_MB", "1")
    now = time.time()
    for key, age in (("a", 300), ("b", 200), ("c", 100)):
        write(cache, key, size=300_000, used=now - age)
    return cache


def test_the_least_recently_used_goes_first(three: LayerCache) -> None:
    three.make_room(0)
    assert entries(three) == {"a", "b", "c"}
    three.make_room(300_000)
    assert entries(three) == {"b", "c"}


def test_opening_counts_as_use(three: LayerCache) -> None:
    assert three.open("a") is not None
    three.make_room(300_000)
    assert entries(three) == {"a", "c"}
    assert three.contains("c")
    three.contains("c")  # looking is not using
    three.make_room(600_000)
    assert entries(three) == {"a"}


def test_whole_entries_go_and_the_one_in_use_stays(three: LayerCache) -> None:
    three.make_room(10 * MB, keep="a")
    assert entries(three) == {"a"}
    assert three.open("a") is not None
    three.make_room(10 * MB)
    assert entries(three) == set()


def test_making_room_leaves_work_of_others_but_not_for_ever(three: LayerCache) -> None:
    with three.writing("d") as folder:
        fill(folder)
        three.make_room(10 * MB)
        assert folder.is_dir()
    assert entries(three) == {"d"}
    abandoned = three.root / f".{'e' * 32}.8chars__"  # by a former version of the program
    abandoned.mkdir()
    (abandoned / "activations.npy").write_bytes(bytes(1000))
    three.make_room(0)
    assert abandoned.is_dir()
    for path in (abandoned, abandoned / "activations.npy"):
        os.utime(path, (time.time() - 2 * DAY,) * 2)
    three.make_room(0)
    assert entries(three) == {"d"}


def test_what_a_killed_program_left_goes_at_once(cache: LayerCache) -> None:
    write(cache, "a")
    for name in (".new-b-0123abcd", ".old-c-0123abcd"):
        (cache.root / name).mkdir()
        (cache.root / name / "activations.npy").write_bytes(bytes(1000))
    (cache.root / ".new-b-0123abcd.lock").touch()
    (cache.root / ".new-d-0123abcd.lock").touch()
    assert cache.unfinished_bytes() == 2000
    cache.make_room(0)
    assert entries(cache) == {"a"}
    assert cache.unfinished_bytes() == 0


def test_a_cache_that_does_not_exist_has_room(cache: LayerCache) -> None:
    cache.make_room(MB)
    cache.drop("a")
    assert not cache.root.exists()


def test_after_writing_the_others_make_room_and_the_new_one_stays(three: LayerCache) -> None:
    write(three, "d", size=100_000)
    assert entries(three) == {"a", "b", "c", "d"}
    write(three, "e", size=100_000)
    assert entries(three) == {"b", "c", "d", "e"}
    write(three, "f", size=5 * MB)
    assert entries(three) == {"f"}
    write(three, "g")
    assert entries(three) == {"g"}


def test_the_budget_is_exact(three: LayerCache) -> None:
    room = MB - sum(info.bytes for info in three.entries())
    three.make_room(room)
    assert entries(three) == {"a", "b", "c"}
    three.make_room(room + 1)
    assert entries(three) == {"b", "c"}


def test_a_time_of_use_in_the_future_does_not_keep_an_entry_for_ever(three: LayerCache) -> None:
    os.utime(three.root / "c" / "entry.json", (time.time() + DAY,) * 2)
    assert [info.key for info in three.entries()] == ["c", "a", "b"]


def test_a_wrong_budget_is_said_before_anything_is_written(
    cache: LayerCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIFFVIEWS_LAYER_CACHE_MAX_MB", "much")
    with pytest.raises(UsageError), cache.writing("a"):
        pytest.fail("the block was entered")
    assert not cache.root.exists()


def test_a_matrix_larger_than_all_is_not_to_be_kept(
    cache: LayerCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIFFVIEWS_LAYER_CACHE_MAX_MB", "1")
    assert cache.keeps_matrix(MB)
    assert not cache.keeps_matrix(MB + 1)


class _Model(RuleBasedStateMachine):
    """The cache against a list of its keys, least recently used first."""

    budget = 10_000
    keys = st.sampled_from("abcdef")

    @initialize()
    def start(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setenv("DIFFVIEWS_LAYER_CACHE_MAX_MB", str(self.budget / MB + 1e-9))
        assert budget_bytes() == self.budget
        self.folder = Path(tempfile.mkdtemp())
        self.cache = LayerCache(self.folder / "cache")
        self.model: dict[str, int] = {}  # in the order of use, with the bytes
        self.newest: str | None = None

    def teardown(self) -> None:
        if hasattr(self, "patch"):
            self.patch.undo()
            shutil.rmtree(self.folder)

    def evict(self, needed: int, keep: str | None) -> None:
        for key in [key for key in self.model if key != keep]:
            if sum(self.model.values()) + needed > self.budget:
                del self.model[key]

    @rule(key=keys, size=st.integers(0, 6000), rows=st.sampled_from([0, 100]))
    def write(self, key: str, size: int, rows: int) -> None:
        with self.cache.writing(key) as folder:
            fill(folder, rows=rows, projector=bytes(size))
        self.model.pop(key, None)
        files = list((self.cache.root / key).iterdir())
        assert len(files) == (3 if rows else 2)
        self.model[key] = sum(file.stat().st_size for file in files)
        self.evict(0, key)
        self.newest = key

    @rule(key=keys)
    def open(self, key: str) -> None:
        assert (self.cache.open(key) is not None) == (key in self.model)
        if key in self.model:
            self.model[key] = self.model.pop(key)

    @rule(key=keys)
    def drop(self, key: str) -> None:
        self.cache.drop(key)
        self.model.pop(key, None)

    @rule(key=keys)
    def clear(self, key: str) -> None:
        assert self.cache.clear(key=key) == self.model.pop(key, 0)

    @rule(needed=st.integers(0, 12_000), keep=st.none() | keys)
    def make_room(self, needed: int, keep: str | None) -> None:
        self.cache.make_room(needed, keep)
        self.evict(needed, keep)

    @rule()
    def look(self) -> None:
        assert [problem for _, problem in self.cache.verify()] == [None] * len(self.model)

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "model"):
            return
        infos = self.cache.entries()
        assert [(info.key, info.bytes) for info in infos] == list(self.model.items())
        if self.cache.root.exists():
            assert entries(self.cache) == set(self.model)
        assert sum(self.model.values()) <= self.budget or set(self.model) == {self.newest}


TestLeastRecentlyUsed = _Model.TestCase
TestLeastRecentlyUsed.settings = settings(
    max_examples=40,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


# --- what is in it -------------------------------------------------------------------------------


def add(cache: LayerCache, key: str, model: str, *layers: str, rows: int = 3) -> None:
    with cache.writing(key) as folder:
        (folder / "projector.npz").write_bytes(b"projector")
        if rows:
            create_matrix(folder, (rows, 2), np.float32)[:] = 1
        finish(folder, {"model": model, "parameters": {"seed": 42, "path": Path("x")}}, layers)


def test_the_list_of_entries(cache: LayerCache) -> None:
    assert cache.entries() == []
    before = time.time()
    add(cache, "b", "edm", "midblock")
    add(cache, "a", "dmd2", "encoder", "midblock", rows=0)
    first, second = cache.entries()
    assert (first.key, first.model, first.layers) == ("b", "edm", ("midblock",))
    assert (first.has_matrix, second.has_matrix) == (True, False)
    assert (second.key, second.layers) == ("a", ("encoder", "midblock"))
    assert first.parameters == {"seed": 42, "path": "x"}
    assert before <= first.created <= second.created <= time.time()
    assert first.path == cache.root / "b"
    assert first.bytes == sum(file.stat().st_size for file in first.path.iterdir())
    assert first.used == pytest.approx(first.created, abs=5)
    assert cache.open("b") is not None
    (_, used) = cache.entries()
    assert used.key == "b"
    assert used.used > used.created == first.created


def test_an_entry_that_cannot_be_read_is_listed_and_counts(cache: LayerCache) -> None:
    add(cache, "a", "edm", "midblock")
    (cache.root / "a" / "entry.json").write_text("[")
    (info,) = cache.entries()
    assert (info.key, info.model, info.layers) == ("a", "", ())
    assert info.bytes > 100
    assert cache.clear(everything=True) == info.bytes
    assert entries(cache) == set()


@pytest.mark.parametrize(
    ("selection", "left"),
    [
        ({"key": "a"}, {"b", "c", "d"}),
        ({"key": "x"}, {"a", "b", "c", "d"}),
        ({"key": "../a"}, {"a", "b", "c", "d"}),
        ({"model": "edm"}, {"c", "d"}),
        ({"model": "edm", "layers": ["midblock"]}, {"b", "c", "d"}),
        ({"layers": ["midblock"]}, {"b", "d"}),
        ({"layers": ["midblock", "encoder"]}, {"a", "c", "d"}),
        ({"model": "edm", "key": "c"}, {"a", "b", "c", "d"}),
        ({"everything": True}, set()),
    ],
)
def test_clearing(cache: LayerCache, selection: dict[str, Any], left: set[str]) -> None:
    add(cache, "a", "edm", "midblock")
    add(cache, "b", "edm", "encoder", "midblock", rows=50)
    add(cache, "c", "dmd2", "midblock", rows=0)
    add(cache, "d", "dmd2", "decoder")
    sizes = {info.key: info.bytes for info in cache.entries()}
    assert cache.clear(**selection) == sum(sizes[key] for key in sizes.keys() - left)
    assert entries(cache) == left


def test_clearing_nothing_in_particular_is_refused(cache: LayerCache) -> None:
    with pytest.raises(UsageError, match="what to clear"):
        cache.clear()


def test_verifying(cache: LayerCache) -> None:
    for key in "abcd":
        add(cache, key, "edm", "midblock", rows=100)
    flip(cache.root / "a" / "activations.npy", 500)
    flip(cache.root / "b" / "projector.npz", 3)
    change(cache.root / "c" / "entry.json", format=3)
    fractions: list[float] = []
    found = {info.key: problem for info, problem in cache.verify(progress=fractions.append)}
    assert found == {
        "a": "activations.npy is not what was written",
        "b": "projector.npz is not what was written",
        "c": "it is of another version of this program",
        "d": None,
    }
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] < fractions[-1] == 1
    quick = {info.key: problem for info, problem in cache.verify(full=False)}
    assert quick == found | {"a": None}
    assert entries(cache) == {"a", "b", "c", "d"}  # nothing is dropped
    assert LayerCache(cache.root / "none").verify() == []


def test_verifying_and_finishing_can_be_cancelled(cache: LayerCache) -> None:
    def cancel(fraction: float) -> None:
        raise Cancelled("Cancelled.")

    add(cache, "a", "edm", "midblock")
    order = cache.entries()
    with pytest.raises(Cancelled):
        cache.verify(progress=cancel)
    assert cache.entries() == order
    with suppress(Cancelled), cache.writing("b") as folder:
        (folder / "projector.npz").write_bytes(b"projector")
        finish(folder, {}, (), progress=cancel)
    assert entries(cache) == {"a"}


def test_an_entry_without_a_projector_is_refused(cache: LayerCache) -> None:
    with pytest.raises(CacheError, match=r"no projector\.npz"), cache.writing("a") as folder:
        finish(folder, {}, ())
    assert entries(cache) == set()


# --- other versions ------------------------------------------------------------------------------


def write_format_1(cache: LayerCache, key: str) -> Path:
    folder = cache.root / key
    folder.mkdir(parents=True)
    (folder / "projector.npz").write_bytes(b"projector")
    np.save(folder / "activations.npy", np.ones((3, 2), np.float32))
    entry = {
        "format": 1,
        "layers": ["midblock"],
        "details": {"model": "edm"},
        "projector_sha256": hashlib.sha256(b"projector").hexdigest(),
        "activations_bytes": (folder / "activations.npy").stat().st_size,
    }
    (folder / "entry.json").write_text(json.dumps(entry, indent=2))
    return folder


def test_an_entry_of_format_1_is_read(cache: LayerCache) -> None:
    write_format_1(cache, "a")
    entry = cache.open("a")
    assert entry is not None
    matrix = entry.activations()
    assert matrix is not None
    assert (matrix.rows[:] == 1).all()
    (info,) = cache.entries()
    assert (info.model, info.layers, info.has_matrix) == ("edm", ("midblock",), True)
    assert cache.verify() == [(info, None)]


@pytest.mark.parametrize("damage", ["projector changed", "matrix cut", "matrix gone"])
def test_a_damaged_entry_of_format_1_is_dropped(cache: LayerCache, damage: str) -> None:
    DAMAGE[damage](write_format_1(cache, "a"))
    assert cache.open("a") is None
    assert entries(cache) == set()


def test_an_entry_of_a_later_version_is_a_miss_and_goes_as_the_others(
    cache: LayerCache, caplog: pytest.LogCaptureFixture
) -> None:
    write(cache, "a")
    change(cache.root / "a" / "entry.json", format=3)
    assert cache.open("a") is None
    assert cache.contains("a")
    assert "damaged" not in caplog.text
    write(cache, "a")
    assert cache.open("a") is not None
    change(cache.root / "a" / "entry.json", format=3)
    cache.make_room(10**12)
    assert entries(cache) == set()


# --- in use --------------------------------------------------------------------------------------


def load_bytes(entry: CacheEntry) -> bytes:
    return entry.projector.read_bytes()


def test_reading_gives_what_is_made_of_an_entry(cache: LayerCache) -> None:
    assert cache.read("a", load_bytes) is None
    write(cache, "a", size=3)
    assert cache.read("a", load_bytes) == bytes(3)


def test_reading_an_entry_that_goes_meanwhile_is_a_miss(
    cache: LayerCache, caplog: pytest.LogCaptureFixture
) -> None:
    def load(entry: CacheEntry) -> bytes:
        cache.drop("a")
        return load_bytes(entry)

    write(cache, "a")
    assert cache.read("a", load) is None
    assert caplog.text == ""


def test_reading_an_entry_that_is_replaced_meanwhile_reads_the_new_one(cache: LayerCache) -> None:
    def load(entry: CacheEntry) -> bytes:
        if not seen:
            write(cache, "a", size=5)
        seen.append(load_bytes(entry))
        return seen[-1]

    seen: list[bytes] = []
    write(cache, "a", size=3)
    assert cache.read("a", load) == bytes(5)
    assert seen == [bytes(5), bytes(5)]


def test_an_entry_that_cannot_be_made_use_of_is_dropped(
    cache: LayerCache, caplog: pytest.LogCaptureFixture
) -> None:
    def load(entry: CacheEntry) -> bytes:
        raise DataError("it holds arrays that do not belong together")

    write(cache, "a")
    assert cache.read("a", load) is None
    assert "do not belong together" in caplog.text
    assert entries(cache) == set()


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_entry_that_is_replaced_while_it_is_checked_is_opened_again(
    cache: LayerCache, when: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    check, calls = layer_cache.check_entry, []

    def replaced_while_it_is_checked(*arguments: Any, **options: Any) -> Any:
        calls.append(when)
        if calls == ["before"]:
            write(cache, "a", size=5)  # its files do not agree with what was to be checked
        rows = check(*arguments, **options)
        if calls == ["after"]:
            write(cache, "a", size=5)
        return rows

    write(cache, "a", size=3)
    monkeypatch.setattr(layer_cache, "check_entry", replaced_while_it_is_checked)
    entry = cache.open("a")
    assert entry is not None
    assert entry.is_current()
    assert entry.projector.read_bytes() == bytes(5)
    assert len(calls) == 2
    assert caplog.text == ""


@pytest.mark.skipif(os.name == "nt", reason="there a locked file cannot be deleted")
def test_a_lock_file_is_deleted_while_it_is_held(
    cache: LayerCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[bool] = []
    release = FileLock.release

    def look_and_release(lock: Any, *arguments: Any, **options: Any) -> None:
        if lock.is_locked:
            left.append(Path(lock.lock_file).exists())
        release(lock, *arguments, **options)

    monkeypatch.setattr(FileLock, "release", look_and_release)
    write(cache, "a")
    assert left == [False]  # else who waits for it and who comes later could both have it


@pytest.mark.skipif(os.name == "nt", reason="there an open file cannot be deleted")
def test_the_matrix_of_a_dropped_entry_stays_readable(cache: LayerCache) -> None:
    write(cache, "a")
    entry = cache.open("a")
    assert entry is not None
    assert entry.is_current()
    cache.drop("a")
    assert not entry.is_current()
    matrix = entry.activations()
    assert matrix is not None
    assert matrix.take([2]).tolist() == [[4, 5]]


def hold(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """As on Windows: a folder with an open file can be neither renamed nor replaced."""
    rename = os.rename

    def refuse(source: Path, target: Path) -> None:
        if Path(source) in folders or Path(target) in folders:
            raise PermissionError(errno.EACCES, "it is open in another program")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)


def test_an_entry_that_is_held_open_is_dropped_later(
    three: LayerCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        hold(patch, three.root / "a")
        three.drop("a")
        three.make_room(10 * MB)
        assert three.clear(everything=True) == 0
        assert entries(three) == {"a"}
        assert three.open("a") is not None
    three.make_room(10 * MB)
    assert entries(three) == set()


def test_an_entry_that_is_held_open_cannot_be_replaced_and_that_is_logged(
    cache: LayerCache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(cache, "a", size=3)
    monkeypatch.setattr(cache_folder, "_MOVE_SECONDS", 0.05)
    hold(monkeypatch, cache.root / "a")
    write(cache, "a", size=5)
    assert cache.read("a", load_bytes) == bytes(3)
    assert "is in use and stays as it was" in caplog.text
    assert entries(cache) == {"a"}


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = LayerCache(tmp_path / "file" / "cache")
    with pytest.raises(CacheError, match="cannot be written"), cache.writing("a"):
        pytest.fail("the block was entered")
    assert cache.open("a") is None
    assert cache.entries() == []


# --- what is not ours ----------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", ".", "..", "../a", "a/b", "A", "a b", "a" * 65])
def test_what_is_no_key_is_never_looked_for(cache: LayerCache, key: str) -> None:
    outside = LayerCache(cache.root.parent)
    write(outside, "a")
    cache.root.mkdir()
    assert not cache.contains(key)
    assert cache.open(key) is None
    cache.drop(key)
    with pytest.raises(CacheError, match="not the name"), cache.writing(key):
        pytest.fail("the block was entered")
    with pytest.raises(CacheError, match="not the name"), cache.partial(key, (1, 1)):
        pytest.fail("the block was entered")
    assert entries(cache) == set()
    assert outside.open("a") is not None


def test_odd_names_are_left_alone(cache: LayerCache) -> None:
    write(cache, "a")
    for name in ("My maps", "a.b", ".git", ".Trash-1000", ".new-a", ".partial-A", "-b"):
        (cache.root / name).mkdir()
        (cache.root / name / "entry.json").write_text("{}")
        os.utime(cache.root / name, (0, 0))
    for name in ("notes.txt", ".DS_Store", "entry.json", "b"):
        (cache.root / name).write_text("x")
    others = entries(cache) - {"a"}
    assert [info.key for info in cache.entries()] == ["a"]
    assert len(cache.verify()) == 1
    cache.make_room(10**12)
    cache.clear(everything=True)
    with cache.partial("c", (1, 1)):
        pass
    assert entries(cache) == others


def test_links_are_removed_and_what_they_point_to_is_not(cache: LayerCache, tmp_path: Path) -> None:
    outside = LayerCache(tmp_path / "outside")
    write(outside, "a", size=3)
    cache.root.mkdir()

    def link(*names: str) -> None:
        for name in names:
            (cache.root / name).symlink_to(outside.root / "a", target_is_directory=True)

    link("a", "b", ".new-a-0123abcd", ".old-a-0123abcd", ".partial-a")
    assert not cache.contains("a")
    assert cache.open("a") is None
    assert cache.entries() == []
    cache.make_room(10**12)
    assert cache.clear(everything=True) == 0
    assert entries(cache) == {"a", "b"}  # no entries, so not the cache's
    cache.drop("a")
    write(cache, "b", size=5)  # whereas the names of entries are
    with cache.partial("c", (1, 1)) as matrix:
        matrix.mark([0])
    link(".partial-d")
    with cache.partial("d", (1, 1)):
        pass
    (cache.root / ".partial-c" / "done.log").unlink()
    (cache.root / ".partial-c" / "done.log").symlink_to(outside.root / "a" / "projector.npz")
    with cache.partial("c", (1, 1)) as matrix:
        matrix.mark([0])
    for name in ("projector.npz", "extra"):
        (cache.root / "b" / name).unlink(missing_ok=True)
        (cache.root / "b" / name).symlink_to(outside.root / "a")
    assert cache.open("b") is None
    cache.clear(everything=True)
    assert entries(cache) == set()
    assert outside.read("a", load_bytes) == bytes(3)
    assert len(list((outside.root / "a").iterdir())) == 3


# --- matrices ------------------------------------------------------------------------------------


def blocks(path: Path) -> int:
    """Bytes of a file that the disk really keeps."""
    return path.stat().st_blocks * 512


@pytest.mark.parametrize("how", ["reserved", "not supported", "not there"])
@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="POSIX")
def test_a_new_matrix_has_its_space(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "not here")

    if how == "not supported":
        monkeypatch.setattr(os, "posix_fallocate", refuse)
    elif how == "not there":
        monkeypatch.delattr(os, "posix_fallocate")
    rows = create_matrix(tmp_path, (1000, 300), np.float32)
    assert blocks(tmp_path / "activations.npy") >= rows.nbytes
    rows[:] = np.arange(300)
    del rows
    read = np.load(tmp_path / "activations.npy")
    assert read.shape == (1000, 300)
    assert (read == np.arange(300)).all()


@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (1, 1)])
def test_small_matrices(cache: LayerCache, shape: tuple[int, int]) -> None:
    with cache.writing("a") as folder:
        rows = create_matrix(folder, shape, np.float16)
        assert (rows.shape, rows.dtype) == (shape, np.float16)
        (folder / "projector.npz").touch()
        finish(folder, {}, ())
    entry = cache.open("a")
    assert entry is not None
    matrix = entry.activations()
    assert matrix is not None
    assert matrix.rows.shape == shape
    assert [problem for _, problem in cache.verify()] == [None]


def test_too_little_space_is_said_before(cache: LayerCache) -> None:
    cache.check_space(0)
    free = shutil.disk_usage(cache.root.parent).free
    with pytest.raises(DataError) as error:
        cache.check_space(free, "Extracting midblock")
    assert str(error.value).startswith(f"Extracting midblock needs {free / 1e9:.1f} GB, but only ")
    assert "are free in" in str(error.value)
    assert str(error.value).endswith("Make room, clear the layer cache, or choose a smaller layer.")
    with (
        pytest.raises(DataError, match=r"Extracting midblock needs 40000000\.0 GB"),
        cache.partial("a", (10**8, 10**8), details={"layers": ["midblock"]}),
    ):
        pytest.fail("the block was entered")
    assert entries(cache) == set()


def test_all_is_on_the_disk_before_it_is_renamed(
    cache: LayerCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("it looks into /proc")
    happened: list[str] = []
    sync, rename = os.fsync, os.rename

    def fsync(file: int) -> None:
        happened.append(Path(os.readlink(f"/proc/self/fd/{file}")).name)
        sync(file)

    def renamed(source: Path, target: Path) -> None:
        rename(source, target)
        happened.append(f"{source.name} is {target.name}")

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", renamed)
    with cache.writing("a") as folder:
        fill(folder)
    assert happened == [
        "activations.npy",
        "projector.npz",
        "entry.json",
        folder.name,
        f"{folder.name} is a",
        "layer_cache",
    ]


# --- continuing ----------------------------------------------------------------------------------

SHAPE = (40, 3000)


def work(matrix: PartialMatrix, rows: range) -> None:
    for row in rows:
        matrix.rows[row] = row_values(row, SHAPE[1])
    matrix.mark(list(rows))


def all_right(matrix: PartialMatrix) -> bool:
    return all(
        (matrix.rows[row] == row_values(row, SHAPE[1])).all() for row in np.flatnonzero(matrix.done)
    )


def test_a_matrix_is_continued(cache: LayerCache) -> None:
    with suppress(Cancelled), cache.partial("a", SHAPE) as matrix:
        assert (matrix.rows.shape, matrix.rows.dtype) == (SHAPE, np.float32)
        assert blocks(cache.root / ".partial-a" / "activations.npy") >= matrix.rows.nbytes
        assert not matrix.done.any()
        work(matrix, range(5, 12))
        raise Cancelled("Cancelled.")
    assert not cache.contains("a")
    with cache.partial("a", SHAPE) as matrix:
        assert np.flatnonzero(matrix.done).tolist() == list(range(5, 12))
        assert all_right(matrix)
        work(matrix, range(5))
        work(matrix, range(12, 40))
        with cache.writing("a") as folder:
            matrix.complete(folder)
            (folder / "projector.npz").touch()
            finish(folder, {}, ("midblock",))
    assert entries(cache) == {"a"}
    entry = cache.open("a")
    assert entry is not None
    stored = entry.activations()
    assert stored is not None
    np.testing.assert_array_equal(stored.rows, [row_values(row, SHAPE[1]) for row in range(40)])


@pytest.mark.parametrize("links", [True, False])
def test_a_matrix_is_handed_over_inside_the_writing(
    cache: LayerCache, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Path) -> None:
        raise PermissionError("no hard links here")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    with cache.writing("a") as folder, cache.partial("a", SHAPE) as matrix:
        work(matrix, range(40))
        rows = matrix.rows
        (folder / "projector.npz").touch()
        matrix.complete(folder)
        finish(folder, {}, ())
        with pytest.raises(CacheError, match="no longer open"):
            matrix.mark([0])
        assert (rows[39] == row_values(39, SHAPE[1])).all()
    assert entries(cache) == {"a"}


def test_a_handed_over_matrix_survives_a_writing_that_fails(cache: LayerCache) -> None:
    with suppress(Cancelled), cache.partial("a", SHAPE) as matrix, cache.writing("a") as f:
        work(matrix, range(40))
        matrix.complete(f)
        raise Cancelled("Cancelled.")
    assert entries(cache) == {".partial-a"}
    with cache.partial("a", SHAPE) as matrix:
        assert matrix.done.all()
        assert all_right(matrix)


def test_an_entry_is_not_changed_through_what_is_left_of_its_matrix(cache: LayerCache) -> None:
    """As after a crash between the entry's rename and the removal of the partial matrix."""
    with cache.partial("a", SHAPE) as matrix:
        work(matrix, range(40))
    write(cache, "b")
    os.link(cache.root / ".partial-a" / "activations.npy", cache.root / "b" / "linked")
    with cache.partial("a", SHAPE) as matrix:
        assert not matrix.done.any()
        matrix.rows[:] = 0
    assert (np.load(cache.root / "b" / "linked")[3] == row_values(3, SHAPE[1])).all()


@pytest.mark.parametrize("name", ["done.log", "activations.npy"])
def test_a_file_that_has_another_name_is_not_written_to(
    cache: LayerCache, tmp_path: Path, name: str
) -> None:
    with cache.partial("a", SHAPE) as matrix:
        work(matrix, range(3))
    planted = cache.root / ".partial-a" / name
    os.link(planted, tmp_path / "victim")
    before = (tmp_path / "victim").read_bytes()
    with cache.partial("a", SHAPE) as matrix:
        assert not matrix.done.any()
        work(matrix, range(3, 9))
    assert (tmp_path / "victim").read_bytes() == before


@pytest.mark.parametrize("links", [True, False])
def test_a_matrix_is_not_handed_over_in_the_place_of_a_file(
    cache: LayerCache, tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Path) -> None:
        raise PermissionError("no hard links here")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / "out.npy").symlink_to(victim)
    with cache.partial("a", SHAPE) as matrix:
        work(matrix, range(40))
        with pytest.raises(CacheError, match=r"out\.npy is there already"):
            matrix.complete(tmp_path, "out.npy")
    assert victim.read_text() == "kept"
    with cache.partial("a", SHAPE) as matrix:
        assert matrix.done.all()


def test_an_unfinished_matrix_is_not_handed_over(cache: LayerCache) -> None:
    with cache.partial("a", SHAPE) as matrix:
        matrix.mark(slice(3, 4))
        with pytest.raises(CacheError, match="39 of 40 rows"):
            matrix.complete(cache.root)


def test_an_entry_that_cannot_be_used_does_not_end_a_partial_matrix(cache: LayerCache) -> None:
    write(cache, "a")
    change(cache.root / "a" / "entry.json", format=3)
    with cache.partial("a", SHAPE) as matrix:
        work(matrix, range(3))
    with cache.partial("a", SHAPE) as matrix:
        assert matrix.done.sum() == 3
        write(LayerCache(cache.root), "a")  # by another program
    assert entries(cache) == {"a"}


def test_nothing_stays_of_a_matrix_without_a_row(cache: LayerCache) -> None:
    with cache.partial("a", SHAPE) as matrix:
        matrix.rows[:] = 1
        matrix.mark([])
        matrix.mark(slice(0, 0))
    assert entries(cache) == set()


@pytest.mark.parametrize("other", [((40, 2999), "f4"), ((41, 3000), "f4"), (SHAPE, "f8")])
def test_a_matrix_of_another_shape_begins_anew(
    cache: LayerCache, other: tuple[tuple[int, int], str]
) -> None:
    with cache.partial("a", SHAPE) as matrix:
        work(matrix, range(4))
    with cache.partial("a", *other) as matrix:
        assert not matrix.done.any()
        assert matrix.rows.shape == other[0]


@pytest.mark.parametrize(
    "damage",
    [
        lambda f: cut(f / "activations.npy"),
        lambda f: flip(f / "activations.npy", 0),
        lambda f: (f / "activations.npy").unlink(),
        lambda f: cut(f / "partial.json"),
        lambda f: (f / "partial.json").unlink(),
        lambda f: (f / "done.log").unlink(),
        lambda f: flip(f / "done.log", 0),
    ],
)
def test_a_damaged_partial_matrix_begins_anew(
    cache: LayerCache, damage: Callable[[Path], None]
) -> None:
    with cache.partial("a", SHAPE) as matrix:
        work(matrix, range(4))
    damage(cache.root / ".partial-a")
    with cache.partial("a", SHAPE) as matrix:
        assert not matrix.done.any()
        work(matrix, range(40))
        assert all_right(matrix)


def test_marks_that_were_cut_off_or_changed_do_not_count(cache: LayerCache) -> None:
    with cache.partial("a", SHAPE) as matrix:
        for row in range(6):
            work(matrix, range(row, row + 1))
    file = cache.root / ".partial-a" / "done.log"
    whole = file.read_bytes()
    assert len(whole) == 6 * 20
    ends = [(whole[:size], range(size // 20)) for size in range(20, len(whole))]
    ends += [(whole[:size] + bytes(50), range(2)) for size in (40, 47)]  # as after a power cut
    ends += [(whole[:40] + b"x" + whole[41:], (0, 1, 3, 4, 5))]
    for data, left in ends:
        file.write_bytes(data)
        with cache.partial("a", SHAPE) as matrix:
            assert np.flatnonzero(matrix.done).tolist() == list(left)
            matrix.mark([8, 39])
        with cache.partial("a", SHAPE) as matrix:
            assert np.flatnonzero(matrix.done).tolist() == [*left, 8, 39]


def test_finished_rows_that_changed_since_do_not_count(
    cache: LayerCache, caplog: pytest.LogCaptureFixture
) -> None:
    with cache.partial("a", SHAPE) as matrix:
        for start in range(0, 20, 4):
            work(matrix, range(start, start + 4))
        start, width = matrix.rows.start, 4 * SHAPE[1]
    file = cache.root / ".partial-a" / "activations.npy"
    for row in (0, 7, 19):
        flip(file, start + row * width + row, bit=1 << row % 8)
    with cache.partial("a", SHAPE) as matrix:
        assert np.flatnonzero(matrix.done).tolist() == list(range(8, 16))
        assert "12 rows of" in caplog.text
        work(matrix, range(8))
    with cache.partial("a", SHAPE) as matrix:
        assert np.flatnonzero(matrix.done).tolist() == list(range(16))
        assert all_right(matrix)


def planted_marks(*spans: tuple[int, int]) -> bytes:
    return b"".join(struct.pack("<QQI", *span, 1) for span in spans)


@pytest.mark.parametrize("span", [(0, 40), (3, 4)])
def test_planted_marks_cost_a_look_or_two_at_the_matrix(
    cache: LayerCache, caplog: pytest.LogCaptureFixture, span: tuple[int, int]
) -> None:
    with cache.partial("a", SHAPE) as matrix:
        work(matrix, range(20, 30))
    file = cache.root / ".partial-a" / "done.log"
    file.write_bytes(file.read_bytes() + planted_marks(span) * 10_000)
    looks: list[int] = []
    with cache.partial("a", SHAPE, check=lambda: looks.append(1)) as matrix:
        assert not matrix.done[:20].any()
    assert len(looks) < 100
    assert len(caplog.records) == 1


def test_one_damaged_mark_of_all_rows_costs_no_other(cache: LayerCache) -> None:
    with cache.partial("a", SHAPE) as matrix:
        for row in range(6):
            work(matrix, range(row, row + 1))
    file = cache.root / ".partial-a" / "done.log"
    file.write_bytes(file.read_bytes() + planted_marks((0, 40)))
    with cache.partial("a", SHAPE) as matrix:
        assert np.flatnonzero(matrix.done).tolist() == list(range(6))


def test_looking_through_marked_rows_can_be_stopped(cache: LayerCache) -> None:
    with cache.partial("a", SHAPE) as matrix:
        work(matrix, range(6))

    def stop() -> None:
        raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled), cache.partial("a", SHAPE, check=stop):
        pass
    with cache.partial("a", SHAPE) as matrix:
        assert np.flatnonzero(matrix.done).tolist() == list(range(6))


def test_marks_of_earlier_versions_count(cache: LayerCache) -> None:
    with cache.partial("a", SHAPE) as matrix:
        work(matrix, range(3))
    body = struct.pack("<QQ", 2, 9)  # rows 2 to 8, without a checksum of what they hold
    log = cache.root / ".partial-a" / "done.log"
    log.write_bytes(body + struct.pack("<I", zlib.crc32(body)))
    with cache.partial("a", SHAPE) as matrix:
        assert np.flatnonzero(matrix.done).tolist() == list(range(2, 9))


@pytest.mark.parametrize("rows", [slice(3, 9), [8, 3, 5, 5], np.array([True] * 7 + [False] * 33)])
def test_marking(cache: LayerCache, rows: Any) -> None:
    with cache.partial("a", SHAPE) as matrix:
        matrix.mark(rows)
    expected = np.zeros(40, dtype=bool)
    expected[rows] = True
    with cache.partial("a", SHAPE) as matrix:
        np.testing.assert_array_equal(matrix.done, expected)
        with pytest.raises(IndexError):
            matrix.mark([40])
        matrix.done[:] = True  # a copy
        np.testing.assert_array_equal(matrix.done, expected)


def test_rows_are_on_the_disk_before_they_are_marked(
    cache: LayerCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[tuple[str, Any]] = []
    write_bytes = os.write
    name = "fdatasync" if hasattr(os, "fdatasync") else "fsync"
    sync = getattr(os, name)

    def synced(file: int) -> None:
        sync(file)
        happened.append(("flushed", os.fstat(file).st_size))

    def written(file: int, data: bytes) -> int:
        happened.append(("marked", len(data) // 20))
        return write_bytes(file, data)

    with cache.partial("a", SHAPE) as matrix:
        size = (cache.root / ".partial-a" / "activations.npy").stat().st_size
        with monkeypatch.context() as patch:
            patch.setattr(os, name, synced)
            patch.setattr(os, "write", written)
            matrix.mark([1, 2, 3, 39])
    assert happened == [("flushed", size), ("marked", 2)]


def test_a_mark_that_cannot_be_written_does_not_count(
    cache: LayerCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bytes = os.write

    def half(file: int, data: bytes) -> int:
        return write_bytes(file, data[:7])

    with cache.partial("a", SHAPE) as matrix:
        work(matrix, range(2))
    with cache.partial("a", SHAPE) as matrix:
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", half)
            with pytest.raises(CacheError, match="disk got full"):
                work(matrix, range(2, 4))
        assert np.flatnonzero(matrix.done).tolist() == [0, 1]
        work(matrix, range(4, 6))
    with cache.partial("a", SHAPE) as matrix:
        assert np.flatnonzero(matrix.done).tolist() == [0, 1, 4, 5]
        assert all_right(matrix)


def test_two_do_not_work_on_the_same_rows(cache: LayerCache) -> None:
    with cache.partial("a", SHAPE) as matrix:
        work(matrix, range(1))
        with pytest.raises(InUseError, match="Another program"), cache.partial("a", SHAPE):
            pytest.fail("the block was entered")
        with cache.partial("b", SHAPE):
            pass
        assert cache.clear(everything=True) == 0
        cache.make_room(0)
        work(matrix, range(1, 2))
    with cache.partial("a", SHAPE) as matrix:
        assert matrix.done.sum() == 2


def test_partial_matrices_are_bounded(cache: LayerCache) -> None:
    def age(key: str, days: float) -> None:
        folder = cache.root / f".partial-{key}"
        for path in (*folder.iterdir(), folder):
            os.utime(path, (time.time() - days * DAY,) * 2)

    for key, model in (("a", "edm"), ("b", "edm"), ("c", "dmd2"), ("d", "dmd2"), ("e", "edm")):
        with cache.partial(key, SHAPE, details={"model": model, "layers": ["x"]}) as matrix:
            work(matrix, range(1))
    assert cache.unfinished_bytes() > 5 * 4 * SHAPE[0] * SHAPE[1]
    age("a", 6.9)
    age("b", 7.1)
    cache.make_room(0)
    assert entries(cache) == {".partial-a", ".partial-c", ".partial-d", ".partial-e"}
    write(cache, "c")
    assert entries(cache) == {".partial-a", ".partial-d", ".partial-e", "c"}
    assert cache.clear(key="e") > 4 * SHAPE[0] * SHAPE[1]
    assert cache.clear(model="dmd2", layers=["y"]) == 0
    assert cache.clear(model="dmd2") > 4 * SHAPE[0] * SHAPE[1]
    assert entries(cache) == {".partial-a", "c"}
    (cache.root / ".partial-a" / "partial.json").write_text("")
    cache.clear(everything=True)
    assert entries(cache) == set()


# --- what is needed for a while ------------------------------------------------------------------


def test_a_folder_for_a_while_goes_and_is_swept_where_the_program_was_killed(
    cache: LayerCache,
) -> None:
    with cache.scratch() as folder:
        (folder / "below").mkdir()
        (folder / "below" / "file").write_bytes(b"1")
        cache.make_room(0)  # another program sweeps
        assert (folder / "below" / "file").is_file()
    assert list(cache.root.iterdir()) == []
    left = cache.root / ".new-scratch-01234567" / "below"
    left.mkdir(parents=True)
    cache.make_room(0)
    assert list(cache.root.iterdir()) == []
