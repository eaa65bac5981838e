"""Pictures that are imported: every one is used or counted, and read by one rule."""

from __future__ import annotations

import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_folder import write_tiny_checkpoint

from diffviews_desktop.cli import main as cli
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.importing import DataImported, ImportData
from diffviews_desktop.engine.jobs.opening import DataOpened, OpenData
from diffviews_desktop.errors import DataError, UsageError
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.maps import MapParameters

RAMP = np.tile(np.linspace(0, 1, 16, dtype=np.float32), (16, 1))
GREY = np.round(RAMP.astype(np.float64) * 255)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    return folder


def save(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def make(images: Path, **options: Any) -> tuple[DataImported, dict[str, Any]]:
    """Import pictures of 16 x 16 in grey; what is said, and the record."""
    out = images.parent / "data"
    checkpoint = images.parent / "tiny.safetensors"
    write_tiny_checkpoint(checkpoint)
    job = ImportData(
        job_id=1,
        folder=FolderRef(out),
        parameters=MapParameters(n_neighbors=2, pca_components=2),
        checkpoint=checkpoint,
        out=out,
        name="mine",
        images=images,
        sigmas=(1.0,),
        layers=("midblock",),
        **options,
    )
    done = Engine("cpu").run(job)
    assert isinstance(done, DataImported)
    record = (out / "mine" / "metadata" / "imported" / "dataset_info.json").read_bytes()
    return done, json.loads(record)


def imported(images: Path, record: dict[str, Any]) -> dict[str, np.ndarray]:
    """The pictures that were made, by the files that they are of."""
    folder = images.parent / "data" / "mine" / "images" / "imported"
    made = {}
    for number, name in enumerate(record["pictures"]):
        with Image.open(folder / f"sample_{number:06d}.png") as picture:
            made[name] = np.asarray(picture, np.float64)
    return made


def test_all_that_is_found_is_used_or_counted(images: Path) -> None:
    for name in ("cat/a.JFIF", "cat/b.jpe", "c.TIFF"):
        path = images / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(GREY.astype(np.uint8)).save(path, "TIFF" if "TIFF" in name else "JPEG")
    save(images.parent / "far" / "d.png", GREY.astype(np.uint8))
    (images / "dog").symlink_to(images.parent / "far")
    (images / "dog2").symlink_to(images.parent / "far")
    (images / "loop").symlink_to(images)
    (images / "e.heic").write_bytes(b"")
    (images / "f.png").write_bytes(b"no picture")
    (images / "notes.txt").write_text("three")
    done, record = make(images)
    assert record["pictures"] == ["c.TIFF", "cat/a.JFIF", "cat/b.jpe", "dog/d.png"]
    assert done.notes[2:] == (
        "2 pictures were left out: 2 are not known kinds of pictures (e.heic, f.png).",
        "2 folders were left out: 2 lead to folders that are read already (dog2, loop).",
    )
    assert record["left_out"] == {
        "dog2": "leads to a folder that is read already",
        "e.heic": "is not a known kind of picture",
        "f.png": "is not a known kind of picture",
        "loop": "leads to a folder that is read already",
    }
    assert (record["other_files"], record["brightness"]) == (1, {})


def test_names_in_another_encoding_are_imported(images: Path) -> None:
    for number in range(3):
        save(images / "cat" / f"{number}.png", GREY.astype(np.uint8))
    folder = os.path.join(os.fsencode(images), b"caf\xe9")
    try:
        os.rename(images / "cat", folder)
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    os.rename(os.path.join(folder, b"1.png"), os.path.join(folder, b"\xff.png"))
    with open(os.path.join(folder, b"\xfe.png"), "wb"):
        pass
    done, record = make(images)
    assert record["pictures"] == ["caf\udce9/0.png", "caf\udce9/2.png", "caf\udce9/\udcff.png"]
    assert done.notes[1].endswith(r"is not a known kind of picture (caf\udce9/\udcfe.png).")
    opened = Engine("cpu").run(OpenData(job_id=2, folder=FolderRef(done.path), model=None))
    assert isinstance(opened, DataOpened)
    assert len(opened.samples) == 3
    assert opened.problems == ()


def test_a_folder_without_pictures_says_what_it_has(images: Path) -> None:
    (images / "a.heic").write_bytes(b"")
    with pytest.raises(DataError, match=r"holds no pictures .* 1 picture was left out: it is not"):
        make(images)


def test_pictures_that_cannot_be_read_end_the_import(images: Path) -> None:
    (images / "a.png").write_bytes(b"no picture")
    only = (
        r"The only picture in .*images is not a known kind of picture \(a\.png\)\. Check this file"
    )
    with pytest.raises(DataError, match=only):
        make(images)
    (images / "b.png").write_bytes(b"no picture")
    with pytest.raises(
        DataError, match=r"None of the 2 pictures in .* can be read: 2 are not known"
    ):
        make(images)


# ---- brightness ---------------------------------------------------------------------------------


def test_floats_of_a_folder_are_read_by_one_rule(images: Path) -> None:
    save(images / "dark.tif", RAMP * 0.4)
    save(images / "signed.tif", RAMP * 2 - 1)
    save(images / "deep.png", (RAMP * 65535).astype(np.uint16))
    done, record = make(images)
    assert record["brightness"] == {"float": [-1, 1], "unsigned": [0, 65535]}
    assert done.notes == (
        "2 pictures hold floating-point numbers: -1 is black and 1 is white.",
        "1 picture holds whole numbers of 16 bits: 0 is black and 65535 is white.",
    )
    seen = imported(images, record)
    assert np.abs(seen["signed.tif"] - GREY).max() <= 1
    assert np.abs(seen["deep.png"] - GREY).max() <= 1
    assert np.abs(seen["dark.tif"] - (127.5 + 0.2 * GREY)).max() <= 1


def test_black_and_white_may_be_said(images: Path) -> None:
    save(images / "a.tif", RAMP * 1000 - 300)
    save(images / "b.png", GREY.astype(np.uint8))
    save(images / "c.png", np.round(RAMP * 300).astype(np.uint16))
    _, record = make(images, brightness=(-300, 300))
    assert record["brightness"] == {"float": [-300, 300], "unsigned": [-300, 300]}
    seen = imported(images, record)
    assert np.abs(seen["a.tif"] - np.clip(np.round(RAMP * 1000 / 600 * 255), 0, 255)).max() <= 1
    assert np.array_equal(seen["b.png"], GREY)
    assert np.abs(seen["c.png"] - (127.5 + GREY / 2)).max() <= 1


def test_a_range_of_no_use_is_said(images: Path) -> None:
    save(images / "b.png", GREY.astype(np.uint8))
    save(images / "c.png", GREY.astype(np.uint8))
    done, _ = make(images, brightness=(0, 1))
    assert done.notes == ("No picture holds numbers of more than 8 bits: no range was needed.",)


@pytest.mark.parametrize("channels", [{"a.png": 2}, {"a.png": 4}, {"a.png": 3, "c.tif": 3}])
def test_channels_of_16_bits_are_said_to_lose_half(images: Path, channels: dict[str, int]) -> None:
    colours = np.stack([np.round(RAMP * 65535).astype(np.uint16)] * 4, axis=2)
    for name, number in channels.items():
        write = write_deep_tiff if name.endswith("tif") else write_deep_png
        write(images / name, colours[:, :, :number])
    done, record = make(images, brightness=(0, 4095))
    pictures = "1 picture has" if len(channels) == 1 else "2 pictures have"
    assert done.notes == (
        f"{pictures} several channels of 16 bits, of which the upper 8 are used: "
        f"{', '.join(channels)}. The range does not apply to "
        f"{'it' if len(channels) == 1 else 'them'}.",
    )
    for seen in imported(images, record).values():
        assert np.abs(seen - GREY).max() <= 1


def write_deep_png(path: Path, values: np.ndarray) -> None:
    """Channels of 16 bits ``(H, W, C)``: grey and alpha, or colours with or without alpha."""
    height, width, channels = values.shape
    if channels in (2, 4):
        values = np.concatenate([values[:, :, :-1], np.full_like(values[:, :, :1], 65535)], axis=2)
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")
    packed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))


def write_deep_tiff(path: Path, values: np.ndarray) -> None:
    """Colours of 16 bits ``(H, W, 3)``."""
    height, width, _ = values.shape
    data = values.astype("<u2").tobytes()
    tags = [
        *((256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, 8 + len(data)), (259, 3, 1, 1)),
        *((262, 3, 1, 2), (273, 4, 1, 8), (277, 3, 1, 3), (278, 4, 1, height)),
        (279, 4, 1, len(data)),
    ]
    bits = struct.pack("<HHH", 16, 16, 16)
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHLL", *t) for t in tags)
    start = struct.pack("<2sHL", b"II", 42, 8 + len(data) + len(bits))
    path.write_bytes(start + data + bits + directory + bytes(4))


@pytest.mark.parametrize("name", ["a.tif", "a.gif", "a.webp", "a.png", "a.mpo"])
def test_of_several_pictures_in_a_file_the_others_are_counted(images: Path, name: str) -> None:
    frames = [Image.fromarray(np.full((16, 16), grey, np.uint8)) for grey in (200, 100, 0)]
    for number in range(2):
        path = (images / name).with_stem(f"a{number}")
        frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
        frames[0].save(path.with_stem(f"b{number}"))
    done, record = make(images)
    (note,) = done.notes
    a0, a1 = (Path(name).with_stem(stem) for stem in ("a0", "a1"))
    assert note == f"2 files hold several pictures; only the first of each is used: {a0}, {a1}."
    assert all(np.abs(seen - 200).max() <= 1 for seen in imported(images, record).values())


def test_black_must_be_less_than_white(images: Path) -> None:
    save(images / "b.png", GREY.astype(np.uint8))
    with pytest.raises(UsageError, match="smaller number than white, and both finite, not 1 and 0"):
        make(images, brightness=(1, 0))


def test_the_command_line_takes_it(images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(images / "a.tif", RAMP * 1000 - 300)
    save(images / "b.tif", RAMP)
    write_tiny_checkpoint(images.parent / "tiny.safetensors")
    files = ["--model-checkpoint", images.parent / "tiny.safetensors", "--images", images]
    rest = [
        "--out",
        images.parent / "data",
        "--name",
        "mine",
        "--sigmas",
        "1",
        "--range",
        "-300,300",
    ]
    assert cli.main(["import", *map(str, (*files, *rest)), "--device", "cpu"]) == 0
    printed = capsys.readouterr()
    assert "2 pictures hold floating-point numbers: -300 is black and 300 is white." in printed.out
    info = images.parent / "data" / "mine" / "metadata" / "imported" / "dataset_info.json"
    assert json.loads(info.read_bytes())["brightness"] == {"float": [-300, 300]}


@pytest.mark.parametrize("text", ["1", "1,2,3", "a,b", "2,1", "0,inf", "nan,1", ""])
def test_the_command_line_refuses_what_is_no_range(
    images: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    arguments = ["import", "--model-checkpoint", "x", "--images", "y", "--out", "z"]
    with pytest.raises(SystemExit):
        cli.main([*arguments, "--range", text])
    printed = capsys.readouterr().err
    assert "argument --range" in printed
    assert "black" in printed.lower()


def test_a_picture_that_cannot_be_read_is_counted_once(images: Path) -> None:
    for number in range(6):
        save(images / f"{number}.png", np.full((16, 16), 40 * number, np.uint8))
    (images / "b.png").write_bytes(b"<html>404</html>")
    labels = images.parent / "labels.csv"
    labels.write_text("file,class\n" + "".join(f"{number}.png,1\n" for number in range(6)))
    done, _ = make(images, labels=labels)
    assert [note for note in done.notes if "b.png" in note] == [
        "1 picture was left out: it is not a known kind of picture (b.png)."
    ]


def test_names_of_pictures_are_a_column(images: Path) -> None:
    for number in range(3):
        save(images / f"{number}.png", np.full((16, 16), 40 * number, np.uint8))
    labels = images.parent / "labels.csv"
    labels.write_text("file,class,name\n0.png,1,Ann\n1.png,1,Bob\n2.png,2,\n")
    done, _ = make(images, labels=labels)
    opened = Engine("cpu").run(OpenData(job_id=2, folder=FolderRef(done.path), model=None))
    assert isinstance(opened, DataOpened)
    assert opened.samples.class_name == ("1", "1", "2")
    assert opened.samples.columns["name"].texts() == ["Ann", "Bob", ""]
