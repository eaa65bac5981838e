"""Which folder of a picture's path is its class."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffviews_desktop.pictures.labels.folders import folder_labels

FOLDERS = st.sampled_from(["3", "7", "cat", "dog", "n01440764", "class_1", "trains", "a.b"])
PARTS = [("train", "val"), ("Train", "Test"), ("training", "validation"), ("train2017", "val2017")]


@given(
    st.lists(FOLDERS, min_size=1, max_size=5),
    st.sampled_from(PARTS),
    st.sampled_from(["", "images/", "data/", "dataset/images/"]),
    st.sampled_from(["", "/images", "/a/b"]),
)
def test_parts_of_a_data_set_are_no_classes(
    names: list[str], parts: tuple[str, str], above: str, below: str
) -> None:
    wanted, of_part = {}, {}
    for number, name in enumerate(names):
        for part in parts:
            file = f"{above}{part}/{name}{below}/{number}.png"
            wanted[file], of_part[file] = name, part
    found = folder_labels(sorted(wanted))
    assert found.labels == wanted
    assert found.parts == of_part
    assert bool(found.deeper) == bool(below)


@given(st.lists(FOLDERS | st.just("train"), min_size=1, max_size=5), st.booleans())
def test_else_the_first_folder_is_the_class(names: list[str], deep: bool) -> None:
    """Also ``train``, beside other folders or without any in it: there is a class of that name."""
    files = {f"{name}/{i}.png": name for i, name in enumerate(names)}
    if deep:
        files["dog/puppies/a.png"] = "dog"
    found = folder_labels(sorted([*files, "loose.png"]))
    assert found.labels == files
    assert not found.parts
    assert found.deeper == ("dog/puppies" if deep else "")


@pytest.mark.parametrize(
    ("files", "labels"),
    [
        (("train/cat/a.png", "test/a.png"), {"train/cat/a.png": "cat"}),
        (("train/a.png", "test/a.png"), {"train/a.png": "train", "test/a.png": "test"}),
        (("07/a.png", "7/b.png"), {"07/a.png": "7", "7/b.png": "7"}),
        (
            ("NA/a.png", "none/b.png", "-/c.png"),
            {"NA/a.png": "NA", "none/b.png": "none", "-/c.png": "-"},
        ),
        (("nan/a.png", "3/b.png"), {"nan/a.png": "nan", "3/b.png": "3"}),
        (("a.png", "b.png"), {}),
        ((), {}),
    ],
)
def test_odd_folders(files: tuple[str, ...], labels: dict[str, str]) -> None:
    assert folder_labels(files).labels == labels


@pytest.mark.parametrize(
    ("files", "shards"),
    [
        (("00000/img00000999.png", "00001/img00001000.png"), True),  # EDM
        (("00000/00999.png", "01000/01000.png"), True),  # FFHQ
        (("train/00000/img00000000.png", "test/00001/img00001000.png"), True),
        (("00000/img00000000.png", "00001/img00000001.png"), False),
        (("00000/00000.png", "00001/00000.png"), False),  # five digits for each class
        (("0/0.png", "1/1.png"), False),
    ],
)
def test_shards_say_nothing(files: tuple[str, ...], shards: bool) -> None:
    found = folder_labels(files)
    assert found.shards == shards
    assert bool(found.labels) != shards
