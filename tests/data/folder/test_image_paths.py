"""Pictures that a list of samples names: found under other spellings, or counted as missing."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from data_folders import opened, samples_list, write_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from diffviews_desktop.data.folder.dataset import ModelSamples, read_samples
from diffviews_desktop.data.folder.image_paths import MOST_ALIKE, find_images
from diffviews_desktop.data.folder.pictures import read_picture
from diffviews_desktop.errors import Cancelled, DataError
from diffviews_desktop.values.brightness import Numbers, Range

NAMES = ("images/Käfer/É 1.png", "images/Käfer/plain.png", "images/x.png", "top.png")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A model's folder with four pictures, and one outside of it."""
    root = tmp_path / "model"
    for name in NAMES:
        path = root / unicodedata.normalize("NFC", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (tmp_path / "secret.png").write_bytes(b"secret")
    return root


def read(tmp_path: Path, paths: list[str], **config: object) -> ModelSamples:
    """The samples of a folder that names these pictures."""
    folder = tmp_path / "edm"
    listed = [{**s, "image_path": p} for s, p in zip(samples_list(len(paths)), paths, strict=True)]
    info = folder / "metadata" / "set" / "dataset_info.json"
    info.parent.mkdir(parents=True, exist_ok=True)
    info.write_text(json.dumps({"samples": listed}))
    (folder / "config.json").write_text(json.dumps(config))
    return read_samples(opened(tmp_path))


WAYS = {
    "as it is": lambda path: path,
    "backslashes": lambda path: path.replace("/", "\\"),
    "percent": quote,
    "decomposed": lambda path: unicodedata.normalize("NFD", path),
    "upper": str.upper,
    "all": lambda path: quote(unicodedata.normalize("NFD", path.upper())).replace("/", "\\"),
    "dot": lambda path: f"./{path}",
    "absolute": None,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_picture_is_found_however_it_is_written(root: Path, way: str) -> None:
    make = WAYS[way] or (lambda path: str(root / path))
    found = find_images(root, [make(name) for name in (*NAMES, NAMES[0])])
    assert (found.named, found.missing, found.notes(root)) == (4, (), [])
    table_paths = [root / path for path in found.paths]
    assert [path.read_bytes().decode() for path in table_paths] == [*NAMES, NAMES[0]]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(sorted(WAYS))), max_size=6))
def test_never_another_picture(root: Path, chosen: list[tuple[str, str]]) -> None:
    """Also where each line was written by another program."""
    written = [(WAYS[way] or (lambda path: str(root / path)))(name) for name, way in chosen]
    found = find_images(root, written)
    for (name, _), path in zip(chosen, found.paths, strict=True):
        assert path in found.missing or (root / path).read_bytes().decode() == name
    ways = {way for _, way in chosen}
    assert not found.missing or len(ways) > 1


def test_nothing_outside_is_found(root: Path) -> None:
    (root / "out.png").symlink_to(root.parent / "secret.png")
    (root / "out").symlink_to(root.parent)
    (root / "in.png").symlink_to("top.png")
    written = ["../secret.png", "..\\secret.png", "%2e%2e/secret.png", "out.png", "OUT.PNG",
               "out/secret.png", "Out/Secret.png", "in.png", "\0", "\ud800",
               str(root.parent / "secret.png")]  # fmt: skip
    found = find_images(root, written)
    assert found.paths == tuple(written)
    assert set(found.missing) == set(written) - {"in.png"}


def test_forty_of_forty_are_missing(tmp_path: Path) -> None:
    samples = read(tmp_path, [f"images/{i % 40}.png" for i in range(80)])
    (note,) = samples.notes
    assert note.startswith("40 of 40 pictures are missing (images/0.png…): put them back in ")
    assert len(samples.table) == 80


def test_some_are_missing_and_others_are_written_otherwise(tmp_path: Path) -> None:
    paths = ["IMAGES\\A.png", "images/b.png", "images/c.png", ""]
    folder = tmp_path / "edm" / "images"
    folder.mkdir(parents=True)
    for name in ("a.png", "b.png"):
        Image.new("L", (8, 8), 255).save(folder / name)
    samples = read(tmp_path, paths)
    assert samples.table.image_path[:3] == ("images/a.png", "images/b.png", "images/c.png")
    assert samples.table.picture(0) == folder / "a.png"
    assert samples.table.picture(2) is None
    assert samples.notes[0].startswith("1 of 3 pictures is missing (images/c.png): put it back in ")


def test_looking_for_them_can_be_stopped(root: Path) -> None:
    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        find_images(root, NAMES, stop)


def test_links_that_lead_back_are_followed_once(root: Path) -> None:
    for name in ("a", "A"):
        (root / name).symlink_to(".")
    deep = "a/A/" * 15
    written = [f"{deep}TOP.png", f"{deep}images/x.png", f"{deep}none.png"]
    found = find_images(root, written)
    assert (root / found.paths[0]).samefile(root / "top.png")
    assert found.paths[1:] == tuple(written[1:])
    assert found.missing == (f"{deep}none.png",)


def test_one_of_two_links_to_a_folder_is_meant(root: Path) -> None:
    for name in ("pictures", "Pictures"):
        (root / name).symlink_to("images")
    (path,) = find_images(root, ["PICTURES/X.PNG"]).paths
    assert (root / path).samefile(root / "images" / "x.png")


def test_so_many_folders_alike_mean_none(root: Path) -> None:
    for number in range(MOST_ALIKE + 1):
        name = "".join(
            letter.upper() if number >> at & 1 else letter for at, letter in enumerate("abcdefg")
        )
        (root / name).mkdir()
        (root / name / f"{number}.png").touch()
    found = find_images(root, ["ABCDEFG/3.PNG", "images/x.png"])
    assert found.missing == ("ABCDEFG/3.PNG",)
    os.remove(root / "abcdefg" / "0.png")
    (root / "abcdefg").rmdir()
    assert find_images(root, ["ABCDEFG/3.PNG"]).paths == ("ABcdefg/3.png",)


def test_a_path_of_a_megabyte_is_none(root: Path) -> None:
    (root / "a").symlink_to(".")
    written = ("a/" * 500_000 + "top.png", "a/" * 500_000 + "TOP.png")
    assert find_images(root, written).missing == tuple(sorted(written))


def test_a_large_folder_can_be_stopped(root: Path) -> None:
    for number in range(3000):
        (root / "images" / str(number)).touch()
    asked = []

    def stop() -> None:
        asked.append(1)
        if len(asked) == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        find_images(root, ["images/x.png"], stop)


# ---- pictures of numbers ------------------------------------------------------------------------

RAMP = np.tile(np.linspace(0, 1, 8, dtype=np.float32), (8, 1))


@pytest.fixture
def floats(tmp_path: Path) -> list[str]:
    """Two TIFFs, of which one alone would be read too bright."""
    folder = tmp_path / "edm" / "images"
    folder.mkdir(parents=True)
    Image.fromarray(RAMP).save(folder / "0.TIF")
    Image.fromarray(RAMP * 2 - 1).save(folder / "1.tiff")
    return ["images/0.TIF", "images/1.tiff"]


def test_a_folder_of_floats_is_read_by_one_rule(tmp_path: Path, floats: list[str]) -> None:
    samples = read(tmp_path, floats)
    rule = samples.table.brightness
    assert rule.ranges == {Numbers.FLOATS: Range(-1, 1)}
    assert samples.take(np.array([1])).table.brightness is rule
    assert samples.notes == ("2 pictures hold floating-point numbers: -1 is black and 1 is white.",)
    picture = samples.table.picture(0)
    assert picture is not None
    assert np.abs(read_picture(picture, 8, 1, rule)[0] - RAMP).max() <= 1 / 127


def test_a_folder_may_say_what_is_black_and_white(tmp_path: Path, floats: list[str]) -> None:
    without = read(tmp_path, floats)
    samples = read(tmp_path, floats, brightness=[0, 2])
    assert samples.table.brightness.ranges == dict.fromkeys(Numbers, Range(0, 2))
    assert samples.fingerprint != without.fingerprint  # other pictures, other activations
    for wrong in ([1, 0], [0, 0], ["a", 1], [1]):
        with pytest.raises(DataError, match="no model that can be opened"):
            read(tmp_path, floats, brightness=wrong)


def test_a_folder_of_bytes_is_the_same_as_ever(tmp_path: Path) -> None:
    write_model(tmp_path)
    samples = read_samples(opened(tmp_path))
    assert samples.table.brightness.ranges == {}
    assert samples.fingerprint == (
        "dd1a2ad2757789dedc80cf2bb57f5b8f8303323c8ea8a8ba9aa9f2f276252809"
    )
