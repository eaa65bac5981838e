"""A map as one file: what is packed comes back bit for bit, and nothing else is taken for it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffviews_desktop.data.cache import shared_map
from diffviews_desktop.data.cache.shared_map import (
    SharedMap,
    SharedName,
    folder_of,
    label_of,
    pack,
    read_description,
    unpack,
)
from diffviews_desktop.errors import CacheError, Cancelled

PARTS: dict[str, Any] = {
    "adapter": "edm",
    "checkpoint": "ab" * 32,
    "samples": "cd" * 32,
    "extraction_input": "noised",
    "layers": ["midblock"],
    "parameters": {"n_neighbors": 15, "seed": 42},
}
NAME = SharedName.of("dmd2", PARTS)


@pytest.fixture
def projector(tmp_path: Path) -> Path:
    path = tmp_path / "projector.npz"
    np.savez(path, xy=np.random.default_rng(0).normal(size=(500, 2)), rows=np.arange(500))
    return path


@pytest.fixture
def archive(tmp_path: Path, projector: Path) -> Path:
    path = tmp_path / "map.zip"
    with path.open("wb") as file:
        pack(projector, file, PARTS)
    return path


def unpacked(archive: Path, out: Path, name: SharedName = NAME) -> SharedMap:
    described = read_description(archive, name.key)
    with out.open("wb") as file:
        unpack(archive, described, file)
    return described


def rewrite(archive: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Write an archive again with other members."""
    with zipfile.ZipFile(archive) as old:
        members = {name: old.read(name) for name in old.namelist()}
    change(members)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in members.items():
            new.writestr(name, data)


def saying(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    """Change what an archive says of itself."""

    def change(members: dict[str, bytes]) -> None:
        said = json.loads(members["map.json"])
        members["map.json"] = json.dumps(said | changes).encode()

    return change


def test_what_was_packed_comes_back_bit_for_bit(
    archive: Path, projector: Path, tmp_path: Path
) -> None:
    described = unpacked(archive, tmp_path / "out.npz")
    assert described.parts == PARTS
    assert (tmp_path / "out.npz").read_bytes() == projector.read_bytes()


def test_names_tell_maps_apart_and_folders_hold_those_of_the_same_samples() -> None:
    other_layer = SharedName.of("dmd2", PARTS | {"layers": ["encoder_block_1"]})
    assert other_layer.key != NAME.key
    assert other_layer.folder == NAME.folder == folder_of(PARTS)
    for name in ("adapter", "checkpoint", "samples", "extraction_input"):
        assert SharedName.of("dmd2", PARTS | {name: "other"}).folder != NAME.folder
    assert NAME.path == f"maps/dmd2/{NAME.folder}/midblock/{NAME.key}.zip"


@pytest.mark.parametrize(
    "model", ["dmd2", "my model", "a/b", "..", ".hidden", "mödel", "half \udc80", "100%"]
)
def test_a_name_is_read_from_the_path_that_it_makes(model: str) -> None:
    name = SharedName.of(model, PARTS | {"layers": ["a/b", "ü"]})
    assert SharedName.read(name.path) == name
    assert len(name.path.split("/")) == 5
    assert not {"", ".", ".."} & set(name.path.split("/"))
    assert name.path.isascii()


@pytest.mark.parametrize(
    "path",
    [
        "",
        "maps",
        "data/dmd2/0123/midblock/4567.zip",
        "maps/dmd2/0123/midblock/4567.pkl",
        "maps/dmd2/0123/midblock/..zip",
        "maps/dmd2/0123/4567.zip",
        "maps/dmd2/../midblock/4567.zip",
        "maps/dmd2/0123/midblock/x/4567.zip",
    ],
)
def test_other_objects_are_no_maps(path: str) -> None:
    assert SharedName.read(path) is None


def test_long_labels_are_shortened() -> None:
    layers = [f"decoder_block_{i}" for i in range(200)]
    name = SharedName.of("m", PARTS | {"layers": layers})
    assert len(name.label) == shared_map.LONGEST_LABEL
    assert len(name.path) < 1024  # S3 allows no longer keys
    assert label_of(layers) == name.label


# --- what is refused -----------------------------------------------------------------------------


def test_every_flipped_byte_is_noticed_or_changes_nothing(
    archive: Path, projector: Path, tmp_path: Path
) -> None:
    whole, noticed = archive.read_bytes(), 0
    for at in range(0, len(whole), 41):
        damaged = bytearray(whole)
        damaged[at] ^= 0x10
        archive.write_bytes(damaged)
        try:
            described = unpacked(archive, tmp_path / "out.npz")
        except CacheError:
            noticed += 1
        else:  # times and attributes of members count for nothing
            assert described.parts == PARTS
            assert (tmp_path / "out.npz").read_bytes() == projector.read_bytes()
    assert noticed > len(whole) / 41 * 0.9


@pytest.mark.parametrize("size", [0, 1, 100, 5000])
def test_a_part_of_an_archive_is_none(archive: Path, tmp_path: Path, size: int) -> None:
    archive.write_bytes(archive.read_bytes()[:size])
    with pytest.raises(CacheError):
        unpacked(archive, tmp_path / "out.npz")


def test_a_map_under_the_name_of_another_is_refused(archive: Path, tmp_path: Path) -> None:
    other = SharedName.of("dmd2", PARTS | {"layers": ["encoder_block_1"]})
    with pytest.raises(CacheError, match="another map than its name says"):
        unpacked(archive, tmp_path / "out.npz", other)


def test_what_it_depends_on_cannot_be_changed(archive: Path, tmp_path: Path) -> None:
    rewrite(archive, saying(parts=PARTS | {"parameters": {"n_neighbors": 16, "seed": 42}}))
    with pytest.raises(CacheError, match="another map than its name says"):
        unpacked(archive, tmp_path / "out.npz")


def test_another_map_in_the_archive_is_noticed(archive: Path, tmp_path: Path) -> None:
    def exchange(members: dict[str, bytes]) -> None:
        members["projector.npz"] = bytes(len(members["projector.npz"]))

    rewrite(archive, exchange)
    with pytest.raises(CacheError, match="not what was packed"):
        unpacked(archive, tmp_path / "out.npz")


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"map.json": b"{}"},
        {"map.json": b"{}", "projector.npz": b"", "more.npz": b""},
        {"map.json": b"{}", "../projector.npz": b""},
        {"map.json": b"[]", "projector.npz": b""},
        {"map.json": b"\xff", "projector.npz": b""},
        {"map.json": b"[" * 100_000, "projector.npz": b""},
        {"map.json": b'{"format": "1"}', "projector.npz": b""},
    ],
    ids=range(8),
)
def test_other_archives_are_no_maps(tmp_path: Path, members: dict[str, bytes]) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    with pytest.raises(CacheError):
        read_description(path, NAME.key)


def test_one_of_a_later_version_is_left_alone(archive: Path) -> None:
    rewrite(archive, saying(format=2))
    with pytest.raises(CacheError, match="later version"):
        read_description(archive, NAME.key)


@pytest.mark.parametrize("size", [-1, 0, 10**12, "12", None])
def test_a_size_that_cannot_be_is_refused(archive: Path, size: Any) -> None:
    rewrite(archive, saying(**{"projector.npz": {"bytes": size, "sha256": ""}}))
    with pytest.raises(CacheError):
        read_description(archive, NAME.key)


def test_a_description_that_never_ends_is_not_read(archive: Path) -> None:
    rewrite(archive, saying(more="x" * (shared_map.MOST_DESCRIBED + 1)))
    with pytest.raises(CacheError, match="too long"):
        read_description(archive, NAME.key)


def test_a_map_that_is_too_large_is_not_packed(
    projector: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_map, "LARGEST", 1000)
    with (tmp_path / "map.zip").open("wb") as file, pytest.raises(CacheError, match="not shared"):
        pack(projector, file, PARTS)


def test_unpacking_can_be_stopped(archive: Path, tmp_path: Path) -> None:
    def stop() -> None:
        raise Cancelled("Cancelled.")

    described = read_description(archive, NAME.key)
    with (tmp_path / "out").open("wb") as file, pytest.raises(Cancelled):
        unpack(archive, described, file, stop)
