"""The layer cache on a real disk: whole entries or none, bounded, and never trusted blindly."""

import json
import logging
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from diffviews_desktop.data.layer_cache import (
    CacheEntry,
    LayerCache,
    budget_bytes,
    cache_key,
    finish,
)
from diffviews_desktop.errors import CacheError, UsageError

MB = 1024**2


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
    assert isinstance(matrix.rows, np.memmap)
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


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 0xFF
    path.write_bytes(data)


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


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
    "other version": lambda f: change(f / "entry.json", format=99),
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
                    barrier.wait(20)
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
def test_46_the_budget(text: str | None, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_47_the_least_recently_used_goes_first(three: LayerCache) -> None:
    three.make_room(0)
    assert entries(three) == {"a", "b", "c"}
    three.make_room(300_000)
    assert entries(three) == {"b", "c"}


def test_47_opening_counts_as_use(three: LayerCache) -> None:
    assert three.open("a") is not None
    three.make_room(300_000)
    assert entries(three) == {"a", "c"}
    assert three.contains("c")
    three.contains("c")  # looking is not using
    three.make_room(600_000)
    assert entries(three) == {"a"}


def test_47_whole_entries_go_and_the_one_in_use_stays(three: LayerCache) -> None:
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
    abandoned = three.root / ".e.killed"
    abandoned.mkdir()
    (abandoned / "activations.npy").write_bytes(bytes(1000))
    three.make_room(0)
    assert abandoned.is_dir()
    os.utime(abandoned, (time.time() - 2 * 24 * 3600,) * 2)
    three.make_room(0)
    assert entries(three) == {"d"}


def test_a_cache_that_does_not_exist_has_room(cache: LayerCache) -> None:
    cache.make_room(MB)
    cache.drop("a")
    assert not cache.root.exists()
