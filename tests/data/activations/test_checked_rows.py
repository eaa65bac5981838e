"""Stored rows that are compared with their checksums before anything is made of them."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffviews_desktop.data.activations import checked_rows
from diffviews_desktop.data.activations.checked_rows import (
    BLOCK,
    SUMS,
    BlockChecks,
    BlockSums,
    DamagedMatrixError,
    WholeCheck,
)
from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.data.cache import entry as cache_entry
from diffviews_desktop.data.cache.layer_cache import LayerCache, finish
from diffviews_desktop.errors import CacheError

ROWS, WIDTH = 300, 1000  # 1.2 MB: five blocks
MATRIX = np.arange(ROWS * WIDTH, dtype=np.float32).reshape(ROWS, WIDTH)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    np.save(tmp_path / "activations.npy", MATRIX)
    return tmp_path / "activations.npy"


def in_blocks(file: Path, sound: bytes) -> MatrixFile:
    sums = BlockSums()
    sums.update(memoryview(sound))
    return MatrixFile.open(file).compared_with(BlockChecks(file, sums.to_bytes()))


def as_a_whole(file: Path, sound: bytes) -> MatrixFile:
    return MatrixFile.open(file).compared_with(WholeCheck(file, hashlib.sha256(sound).hexdigest()))


def flip(file: Path, position: int, bit: int = 0) -> None:
    with file.open("r+b") as opened:
        opened.seek(position)
        (byte,) = opened.read(1)
        opened.seek(position)
        opened.write(bytes([byte ^ 1 << bit]))


WAYS = [in_blocks, as_a_whole]
INDICES = [
    3,
    -1,
    slice(None),
    slice(10, 20),
    slice(299, None),
    slice(20, 10, -3),
    slice(5, 5),
    [7, 250, 7, -2],
    np.array([], dtype=np.int64),
    np.arange(ROWS) % 50 == 1,
    (slice(None), slice(3, 9)),
    (np.array([299, 4]), slice(990, 1000)),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("index", INDICES, ids=str)
def test_sound_rows_are_those_of_the_matrix(
    file: Path, way: Callable[[Path, bytes], MatrixFile], index: Any
) -> None:
    rows = way(file, file.read_bytes())
    assert (rows.shape, rows.dtype, rows.nbytes) == (MATRIX.shape, MATRIX.dtype, MATRIX.nbytes)
    assert len(rows) == ROWS
    np.testing.assert_array_equal(rows[index], MATRIX[index])
    rows.check()
    np.testing.assert_array_equal(rows[index], MATRIX[index])


@pytest.mark.parametrize("way", WAYS)
def test_a_flipped_bit_is_found_by_whoever_reads_the_row(
    file: Path, way: Callable[[Path, bytes], MatrixFile]
) -> None:
    sound = file.read_bytes()
    start = len(sound) - MATRIX.nbytes
    random = np.random.default_rng(0)
    for row in (0, 65, 66, 150, 299, *random.integers(0, ROWS, 20).tolist()):
        position = start + row * 4 * WIDTH + int(random.integers(0, 4 * WIDTH))
        bit = int(random.integers(0, 8))
        flip(file, position, bit)
        for index in (row, slice(row, row + 1), [0, row], (slice(None), slice(0, 1))):
            with pytest.raises(DamagedMatrixError) as caught:
                way(file, sound)[index]
            assert caught.value.entry == file.parent
        with pytest.raises(DamagedMatrixError):
            way(file, sound).check()
        flip(file, position, bit)
    assert file.read_bytes() == sound


def test_rows_elsewhere_are_read_though_others_are_damaged(file: Path) -> None:
    sound = file.read_bytes()
    flip(file, len(sound) - 1)
    rows = in_blocks(file, sound)
    np.testing.assert_array_equal(rows[[0, 200]], MATRIX[[0, 200]])
    with pytest.raises(DamagedMatrixError):
        rows[299]


def test_a_changed_header_is_found_whatever_row_is_read(file: Path) -> None:
    sound = file.read_bytes()
    file.write_bytes(sound.replace(b"(300, 1000)", b"(1000, 300)", 1))
    with pytest.raises(DamagedMatrixError):
        in_blocks(file, sound)[299]


@pytest.mark.parametrize("sums", [b"", b"abc", bytes(16), bytes(24)])
def test_sums_of_another_file_fit_no_matrix(file: Path, sums: bytes) -> None:
    with pytest.raises(CacheError):
        BlockChecks(file, sums)


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
def test_sums_do_not_depend_on_the_pieces_that_a_file_is_read_in(size: int) -> None:
    data = np.random.default_rng(size).bytes(size)
    expected = [zlib.crc32(data[at : at + BLOCK]) for at in range(0, size, BLOCK)]
    for piece in (size or 1, 1 << 20, 70_001):
        sums = BlockSums()
        for at in range(0, size, piece):
            sums.update(memoryview(data)[at : at + piece])
        assert np.frombuffer(sums.to_bytes(), "<u4").tolist() == expected
        assert len(sums) == len(expected)


# ---- in the layer cache -------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path) -> LayerCache:
    return LayerCache(tmp_path / "layer_cache")


def write(cache: LayerCache, key: str) -> Path:
    """An entry; the path of its matrix."""
    with cache.writing(key) as folder:
        (folder / "projector.npz").write_bytes(b"projector")
        np.save(folder / "activations.npy", MATRIX)
        finish(folder, {"model": "edm", "parameters": {"seed": 1}}, ("midblock",))
    return cache.root / key / "activations.npy"


def without_sums(entry: Path) -> None:
    """An entry as versions wrote it that had no checksums of blocks."""
    facts = json.loads((entry / "entry.json").read_bytes())
    del facts["files"][SUMS], facts["sha256"]
    (entry / SUMS).unlink()
    (entry / "entry.json").write_bytes(cache_entry._render(facts))


def problems(cache: LayerCache) -> dict[str, str | None]:
    return {info.key: problem for info, problem in cache.verify()}


@pytest.mark.parametrize("old", [False, True])
def test_a_damaged_matrix_is_not_read_and_its_map_can_be_kept(cache: LayerCache, old: bool) -> None:
    file = write(cache, "a")
    if old:
        without_sums(file.parent)
    entry = cache.open("a")
    assert entry is not None
    stored = entry.activations()
    assert stored is not None
    np.testing.assert_array_equal(stored.take([5, 250]), MATRIX[[5, 250]])
    flip(file, 500_000)
    entry = cache.open("a")
    assert entry is not None
    stored = entry.activations()
    assert stored is not None
    with pytest.raises(DamagedMatrixError, match=r"activations\.npy is damaged"):
        stored.take([124])
    cache.drop_matrix("a")
    assert sorted(path.name for path in (cache.root / "a").iterdir()) == [
        "entry.json",
        "projector.npz",
    ]
    entry = cache.open("a")
    assert entry is not None
    assert entry.activations() is None
    assert entry.projector.read_bytes() == b"projector"
    (info,) = cache.entries()
    assert (info.model, info.layers, info.parameters) == ("edm", ("midblock",), {"seed": 1})
    assert problems(cache) == {"a": None}
    cache.drop_matrix("a")  # there is nothing more to drop
    assert cache.open("a") is not None


def test_where_a_map_cannot_be_written_again_it_goes_with_its_matrix(
    cache: LayerCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(cache, "a")
    monkeypatch.setenv("DIFFVIEWS_LAYER_CACHE_MAX_MB", "much")  # nothing is written then
    cache.drop_matrix("a")
    assert not cache.contains("a")


@pytest.mark.parametrize("linked", [True, False])
def test_a_matrix_that_is_lent_keeps_the_checksums_that_it_was_written_with(
    cache: LayerCache, linked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> None:
        raise OSError("no links here")

    if not linked:
        monkeypatch.setattr("os.link", refuse)
    flip(write(cache, "a"), 700_000)
    entry = cache.open("a")
    assert entry is not None
    with cache.writing("b") as folder:
        (folder / "projector.npz").write_bytes(b"another")
        finish(folder, {"model": "edm"}, ("midblock",), records=entry.lend(folder))
    assert ((cache.root / "a" / "activations.npy").stat().st_nlink == 2) == linked
    assert set(problems(cache).values()) == {"activations.npy is not what was written"}
    lent = cache.open("b")
    assert lent is not None
    stored = lent.activations()
    assert stored is not None
    with pytest.raises(DamagedMatrixError):
        stored.rows[:]


def test_a_matrix_without_sums_is_checked_before_it_is_lent(
    cache: LayerCache, tmp_path: Path
) -> None:
    file = write(cache, "a")
    without_sums(file.parent)
    entry = cache.open("a")
    assert entry is not None
    (tmp_path / "b").mkdir()
    assert entry.lend(tmp_path / "b") == {}  # it gets sums now
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["activations.npy"]
    flip(file, 700_000)
    entry = cache.open("a")
    assert entry is not None
    (tmp_path / "c").mkdir()
    with pytest.raises(DamagedMatrixError):
        entry.lend(tmp_path / "c")
    assert list((tmp_path / "c").iterdir()) == []


def test_nothing_stays_of_a_matrix_that_could_not_be_lent(
    cache: LayerCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> None:
        raise OSError("no links here")

    def half(source: Any, target: Any, size: int) -> None:
        target.write(source.read(1000))
        raise OSError("the disk is full")

    write(cache, "a")
    entry = cache.open("a")
    assert entry is not None
    monkeypatch.setattr("os.link", refuse)
    monkeypatch.setattr("shutil.copyfileobj", half)
    (tmp_path / "b").mkdir()
    assert entry.lend(tmp_path / "b") == {}
    assert list((tmp_path / "b").iterdir()) == []


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_an_entry_with_damaged_sums_is_dropped(cache: LayerCache, damage: str) -> None:
    sums = write(cache, "a").with_name(SUMS)
    if damage == "flipped":
        flip(sums, 7)
    elif damage == "cut":
        sums.write_bytes(sums.read_bytes()[:-4])
    else:
        sums.unlink()
    assert cache.open("a") is None
    assert not cache.contains("a")


def test_a_small_matrix_needs_no_file_of_sums(
    cache: LayerCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checked_rows, "BLOCK", 2 * MATRIX.nbytes)
    file = write(cache, "a")
    assert not file.with_name(SUMS).exists()
    flip(file, 700_000)
    entry = cache.open("a")
    assert entry is not None
    stored = entry.activations()
    assert stored is not None
    with pytest.raises(DamagedMatrixError):
        stored.rows[0]
