"""Checkpoint files as files: which one stands for another, and what a map depends on."""

from __future__ import annotations

import json
import os
import shutil
import struct
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from diffviews_desktop.data.checkpoints import files as checkpoint_files
from diffviews_desktop.data.checkpoints.files import (
    MAX_HEADER,
    converted_name,
    files_of,
    find_converted,
    identity,
    source_facts,
)
from diffviews_desktop.data.folder.dataset import ModelConfig, ModelFolder
from diffviews_desktop.errors import DataError

NANOSECONDS = 1_700_000_000_123_456_789


def original(path: Path, content: bytes = b"weights of a network") -> Path:
    """A checkpoint with a known time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, ns=(NANOSECONDS, NANOSECONDS))
    return path


def facts(path: Path) -> dict[str, Any]:
    """What a conversion notes of the file that it read, from the file system itself."""
    stat = os.stat(path)
    return {"name": os.path.basename(path), "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def safetensors(path: Path, source: object = None, **metadata: object) -> Path:
    """A file in that format, by hand: a length, a JSON header, and four bytes of values."""
    if source is not None:
        metadata["diffviews_source"] = json.dumps(source)
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    header = json.dumps({"__metadata__": metadata, "weight": entry}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    return path


def model(root: Path, named: str | None) -> ModelFolder:
    (root / "m").mkdir(parents=True, exist_ok=True)
    return ModelFolder("m", root / "m", root, ModelConfig(checkpoint=named))


# --- the converted form ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["net.pt", "net.pkl", "network-snapshot-1.2.pth", "net"])
def test_a_converted_form_stands_for_its_file(tmp_path: Path, name: str) -> None:
    path = original(tmp_path / name)
    assert find_converted(path) is None
    out = converted_name(path)
    assert out.parent == tmp_path
    assert out.suffix == ".safetensors"
    safetensors(out, facts(path))
    assert find_converted(path) == out
    path.unlink()  # nobody needs it any more
    assert find_converted(path) == out


def change_size(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"!")
    os.utime(path, ns=(NANOSECONDS, NANOSECONDS))


def change_time(path: Path) -> None:
    os.utime(path, ns=(NANOSECONDS, NANOSECONDS + 1))


@pytest.mark.parametrize("change", [change_size, change_time])
def test_a_file_that_changed_is_used_itself(tmp_path: Path, change: Callable[[Path], None]) -> None:
    path = original(tmp_path / "net.pt")
    safetensors(tmp_path / "net.safetensors", facts(path))
    assert find_converted(path) is not None
    change(path)
    assert find_converted(path) is None


def test_a_form_of_another_file_stands_for_nothing(tmp_path: Path) -> None:
    path = original(tmp_path / "net.pt")
    safetensors(tmp_path / "net.safetensors", {**facts(path), "name": "net.pkl"})
    assert find_converted(path) is None
    path.unlink()
    assert find_converted(path) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x01",
        struct.pack("<Q", 2**62),
        struct.pack("<Q", 20) + b"{",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 2) + b"\xff\xfe",
        struct.pack("<Q", 4) + b"null",
        struct.pack("<Q", 21) + b'{"__metadata__": null}',
        struct.pack("<Q", 200_000) + b"[" * 200_000,
    ],
)
def test_a_damaged_file_beside_a_checkpoint_is_no_converted_form(
    tmp_path: Path, content: bytes
) -> None:
    path = original(tmp_path / "net.pt")
    beside = original(tmp_path / "net.safetensors", content)
    assert find_converted(path) is None
    assert identity(beside) == ["net.safetensors", len(content), NANOSECONDS]


@pytest.mark.parametrize(
    "source",
    [
        None,
        3,
        [],
        "net.pt",
        {},
        {"name": "net.pt"},
        {"name": "net.pt", "size": "20"},
        {"name": "net.pt", "size": "20", "mtime_ns": NANOSECONDS},
        {"name": "net.pt", "size": 20, "mtime_ns": [[]]},
    ],
)
def test_a_header_that_names_no_whole_source_is_no_converted_form(
    tmp_path: Path, source: object
) -> None:
    path = original(tmp_path / "net.pt")
    beside = safetensors(tmp_path / "net.safetensors", source)
    assert find_converted(path) is None
    assert identity(beside)[0] == "net.safetensors"


def test_a_header_larger_than_any_is_not_read(tmp_path: Path) -> None:
    path = original(tmp_path / "net.pt")
    beside = safetensors(tmp_path / "net.safetensors", facts(path), more="x" * MAX_HEADER)
    tracemalloc.start()
    assert find_converted(path) is None
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000
    assert identity(beside)[0] == "net.safetensors"


def test_a_safetensors_file_and_the_root_have_no_other_form(tmp_path: Path) -> None:
    path = safetensors(tmp_path / "net.safetensors", {"name": "net.safetensors"})
    assert find_converted(path) is None
    assert find_converted(Path(path.anchor)) is None


# --- what a map depends on -----------------------------------------------------------------------


def test_a_converted_form_has_the_identity_of_its_file(tmp_path: Path) -> None:
    path = original(tmp_path / "net.pt")
    assert identity(path) == ["net.pt", 20, NANOSECONDS]
    out = safetensors(tmp_path / "net.safetensors", source_facts(path))
    assert identity(out) == identity(path)
    path.unlink()
    assert identity(out) == ["net.pt", 20, NANOSECONDS]


def test_the_facts_that_a_conversion_notes(tmp_path: Path) -> None:
    path = original(tmp_path / "net.pt")
    assert source_facts(path) == facts(path)


def test_the_identity_of_a_folder_is_that_of_every_file_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "pipeline"
    original(folder / "unet" / "weights.bin")
    original(folder / "model_index.json", b"{}")
    before = identity(folder)
    inside = os.path.join("unet", "weights.bin")
    assert before == [["model_index.json", 2, NANOSECONDS], [inside, 20, NANOSECONDS]]

    seen = [before]
    change_time(folder / "unet" / "weights.bin")
    seen.append(identity(folder))
    original(folder / "scheduler" / "config.json", b"{}")
    seen.append(identity(folder))
    (folder / "model_index.json").rename(folder / "other.json")
    seen.append(identity(folder))
    (folder / "other.json").unlink()
    seen.append(identity(folder))
    assert len({json.dumps(one) for one in seen}) == 5
    (folder / "empty").mkdir()  # a folder alone is nothing
    assert identity(folder) == seen[-1]


def test_a_folder_of_many_files_is_known_by_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_files, "MOST_FILES", 20)
    folder = tmp_path / "output"
    for i in range(30):
        original(folder / "samples" / f"{i}.png")
    original(folder / "config.json", b"{}")
    with pytest.raises(
        DataError, match=r"output holds none of model\.safetensors, .*but more than"
    ):
        identity(folder)
    weights = original(folder / "model.safetensors")
    assert [name for name, *_ in identity(folder)] == ["config.json", "model.safetensors"]
    before = identity(folder)
    change_time(weights)
    assert identity(folder) != before
    unet = original(folder / "unet" / "diffusion_pytorch_model.fp16.bin")
    assert unet in files_of(folder)


def test_a_folder_that_is_no_model_is_not_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_files, "MOST_FILES", 50)
    for i in range(40):
        for j in range(40):
            (tmp_path / "tree" / f"{i}" / f"{j}").mkdir(parents=True)
    (tmp_path / "tree" / "back").symlink_to(tmp_path / "tree")
    opened, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: opened.append(path) or scandir(path))
    with pytest.raises(DataError, match="so it is no model's"):
        identity(tmp_path / "tree")
    assert len(opened) < 60


@pytest.mark.skipif(sys.platform != "linux", reason="folders that are there on Linux")
@pytest.mark.parametrize("folder", ["/", "/proc", "/usr"])
def test_folders_of_the_system_are_no_models(folder: str) -> None:
    with pytest.raises(DataError, match=rf"The folder {folder} holds none of model\.safetensors"):
        identity(Path(folder))


def test_below_three_levels_nothing_is_looked_at(tmp_path: Path) -> None:
    near = original(tmp_path / "a" / "b" / "weights.pt")
    original(tmp_path / "a" / "b" / "c" / "weights.pt")
    assert files_of(tmp_path) == [near]


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes")
def test_pipes_and_links_that_lead_nowhere_are_no_files_of_a_checkpoint(tmp_path: Path) -> None:
    weights = original(tmp_path / "model.safetensors")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert files_of(tmp_path) == [weights]
    os.mkfifo(tmp_path / "net.safetensors")
    assert find_converted(original(tmp_path / "net.pt")) is None


def test_a_copy_elsewhere_with_its_time_is_the_same(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    original(one / "unet" / "weights.bin")
    shutil.copytree(one, other)
    assert identity(one) == identity(other)


# --- a model's checkpoint ------------------------------------------------------------------------


def test_the_converted_form_is_a_models_checkpoint(tmp_path: Path) -> None:
    folder = model(tmp_path, "checkpoints/net.pt")
    path = original(tmp_path / "m" / "checkpoints" / "net.pt")
    assert folder.checkpoint() == path
    out = safetensors(path.with_suffix(".safetensors"), facts(path))
    assert folder.checkpoint() == out
    path.unlink()
    assert folder.checkpoint() == out
    original(path, b"other weights")  # newer ones, under the old name
    assert folder.checkpoint() == path


def test_each_place_is_asked_for_both_forms_before_the_next(tmp_path: Path) -> None:
    folder = model(tmp_path, "net.pt")
    above = original(tmp_path / "net.pt")
    assert folder.checkpoint() == above
    near = safetensors(tmp_path / "m" / "net.safetensors", facts(above))
    assert folder.checkpoint() == near
    safetensors(tmp_path / "m" / "net.safetensors")  # somebody else's: of no use here
    assert folder.checkpoint() == above


@pytest.mark.parametrize(
    "files",
    [
        ("model.safetensors",),
        ("pytorch_model.bin", "optimizer.bin"),
        ("model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors"),
    ],
)
def test_a_folder_can_be_a_checkpoint(tmp_path: Path, files: tuple[str, ...]) -> None:
    for name in files:
        original(tmp_path / "m" / "trained" / name)
    folder = model(tmp_path, "trained")
    assert folder.checkpoint() == tmp_path / "m" / "trained"
    assert len(identity(folder.checkpoint())) == len(files)


def test_an_absolute_path(tmp_path: Path) -> None:
    path = original(tmp_path / "elsewhere" / "net.pkl")
    folder = model(tmp_path / "data", str(path))
    assert folder.checkpoint() == path
    out = safetensors(path.with_suffix(".safetensors"), facts(path))
    assert folder.checkpoint() == out
    path.unlink()
    out.unlink()
    with pytest.raises(DataError, match=r"net\.pkl of m is not in"):
        folder.checkpoint()


@pytest.mark.parametrize("named", [".", "..", os.path.abspath(os.sep)])
def test_odd_names_are_folders_like_any_other(tmp_path: Path, named: str) -> None:
    assert model(tmp_path, named).checkpoint() == tmp_path / "m" / named
