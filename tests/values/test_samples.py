"""The table of samples, and pictures that never lie outside the model's folder."""

import os
import pickle
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diffviews_desktop.values.samples import SampleTable, path_inside


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "a.png").write_bytes(b"inside")
    (tmp_path / "secret.png").write_bytes(b"outside")
    (tmp_path / "model-2").mkdir()
    (tmp_path / "model-2" / "a.png").write_bytes(b"a folder with the same beginning")
    return folder


def table(root: Path, *image_paths: str) -> SampleTable:
    n = len(image_paths)
    return SampleTable(
        root=root,
        sample_id=tuple(f"s{i}" for i in range(n)),
        class_label=np.arange(n, dtype=np.int32),
        class_name=tuple(f"class {i}" for i in range(n)),
        image_path=image_paths,
        sigma=np.ones(n, np.float32),
    )


@pytest.mark.parametrize(
    "relative",
    ["images/a.png", "./images//a.png", "images/../images/a.png", "../model/images/a.png"],
)
def test_pictures_inside_are_found(root: Path, relative: str) -> None:
    found = table(root, relative).picture(0)
    assert found is not None
    assert found.read_bytes() == b"inside"


@pytest.mark.parametrize(
    "relative",
    [
        "",
        ".",
        "images",
        "absent.png",
        "../secret.png",
        "images/../../secret.png",
        "../model-2/a.png",
        "/etc/passwd",
        "images/a.png\0.png",
        "\0",
        "images/\ud800.png",
        "\ud800/a.png",
        "\udfff",
        "x" * 5000,
        "images/a.png/b.png",
    ],
)
def test_others_are_none(root: Path, relative: str) -> None:
    assert table(root, relative).picture(0) is None


def test_an_absolute_path_must_lie_inside_too(root: Path) -> None:
    assert path_inside(root, str(root.parent / "secret.png")) is None
    found = path_inside(root, str(root / "images" / "a.png"))
    assert found is not None
    assert found.read_bytes() == b"inside"


def test_links_are_followed_and_must_end_inside(root: Path) -> None:
    (root / "images" / "out.png").symlink_to(root.parent / "secret.png")
    (root / "folder").symlink_to(root.parent)
    (root / "in.png").symlink_to(root / "images" / "a.png")
    (root / "loop.png").symlink_to(root / "loop.png")
    for relative in ("images/out.png", "folder/secret.png", "loop.png"):
        assert (root / relative).is_symlink() or (root / relative).exists()
        assert path_inside(root, relative) is None
    found = path_inside(root, "in.png")
    assert found is not None
    assert found.read_bytes() == b"inside"


def test_the_folder_itself_may_be_a_link(root: Path) -> None:
    link = root.parent / "link"
    link.symlink_to(root, target_is_directory=True)
    assert path_inside(link, "images/a.png") is not None
    assert path_inside(link, "../secret.png") is None


def test_a_relative_folder_is_where_the_program_runs(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    assert path_inside(Path("images"), "a.png") is not None
    assert path_inside(Path("images"), f"..{os.sep}..{os.sep}secret.png") is None


def test_classes_are_sorted_with_their_names_and_counts(root: Path) -> None:
    samples = SampleTable(
        root=root,
        sample_id=("a", "b", "c", "d", "e"),
        class_label=np.array([10, 2, 10, -1, 0], dtype=np.int32),
        class_name=("ten", "two", "ten", "unknown", "zero"),
        image_path=("",) * 5,
        sigma=np.ones(5, np.float32),
    )
    assert len(samples) == 5
    assert samples.classes() == [(-1, "unknown", 1), (0, "zero", 1), (2, "two", 1), (10, "ten", 2)]


@pytest.mark.parametrize("scale", [1, 10_000])
def test_classes_are_counted_and_named_after_their_first_sample(root: Path, scale: int) -> None:
    labels = np.array([4, -1, 2, 4, 4, 2], dtype=np.int32) * scale
    made = replace(table(root, *[""] * 6), class_label=labels, class_name=tuple("abcdef"))
    assert made.classes() == [(-scale, "b", 1), (2 * scale, "c", 2), (4 * scale, "a", 3)]


def test_samples_without_a_class_share_a_name_only_where_they_have_one(root: Path) -> None:
    samples = replace(
        table(root, *[""] * 4),
        class_label=np.array([-1, 2, -1, -1], np.int32),
        class_name=("cat", "two", "dog", "cat"),
    )
    assert samples.classes() == [(-1, "no class", 3), (2, "two", 1)]
    same = replace(samples, class_name=("unknown", "two", "unknown", "unknown"))
    assert same.classes() == [(-1, "unknown", 3), (2, "two", 1)]
    other = replace(samples, class_label=np.array([-2, 2, -1, -2], np.int32))
    assert other.classes() == [(-2, "cat", 2), (-1, "dog", 1), (2, "two", 1)]


IDS = ("plumless", "buckeroo", "", "ü", "\ud800", "plumles")  # the first two have one checksum


@pytest.mark.parametrize("sent", [False, True], ids=["as made", "as another process gets it"])
@pytest.mark.parametrize("indexed", [False, True], ids=["not indexed", "indexed"])
def test_samples_are_found_by_their_ids(root: Path, sent: bool, indexed: bool) -> None:
    assert zlib.crc32(b"plumless") == zlib.crc32(b"buckeroo")
    samples = replace(table(root, *[""] * len(IDS)), sample_id=IDS)
    if indexed:
        samples.index_ids()
    if sent:
        samples = pickle.loads(pickle.dumps(samples))
        assert ("_id_index" in vars(samples)) == indexed
    assert [samples.row_of(name) for name in IDS] == list(range(len(IDS)))
    assert samples.row_of("plumlesss") is None
    assert replace(samples, sample_id=IDS[::-1]).row_of("plumless") == len(IDS) - 1
    assert table(root).row_of("a") is None
