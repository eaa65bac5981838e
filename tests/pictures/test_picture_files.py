"""Which files are decoded at all: files, of six formats, that fit into memory."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import hostile_pictures as hostile
import pytest
from PIL import Image

from diffviews_desktop.data.folder.pictures import read_picture
from diffviews_desktop.errors import PictureError
from diffviews_desktop.pictures import files
from diffviews_desktop.pictures.files import MOST_BYTES, read_picture_file
from diffviews_desktop.text.faults import Fault
from diffviews_desktop.values.import_rules import PICTURE_SUFFIXES

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")


def fault_of(path: Path) -> Fault:
    with pytest.raises(PictureError, match="cannot be read") as caught:
        read_picture_file(path)
    assert "\n" not in str(caught.value)
    return caught.value.fault


@pytest.mark.parametrize("kind", hostile.OTHERS)
@pytest.mark.parametrize("name", ["x.png", "x.gif", "x.tiff"])
def test_other_formats_are_no_pictures_whatever_their_name(
    tmp_path: Path, kind: str, name: str
) -> None:
    (tmp_path / name).write_bytes(hostile.OTHERS[kind])
    assert fault_of(tmp_path / name) is Fault.NO_PICTURE


@pytest.mark.parametrize("kind", FORMATS)
def test_the_content_decides_not_the_name(tmp_path: Path, kind: str) -> None:
    for suffix in PICTURE_SUFFIXES:
        path = tmp_path / f"a{suffix}"
        Image.new("RGB", (9, 7), "white").save(path, kind)
        file = read_picture_file(path)
        assert (file.format, file.width, file.height, file.halved) == (kind, 9, 7, False)
        assert (read_picture(path, 8, 3) == 1).all()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(tmp_path)  # names of sockets are short
        try:
            server.bind("socket.png")
        finally:
            os.chdir(here)
        for name in ("pipe", "folder", "zero", "socket"):
            assert fault_of(tmp_path / f"{name}.png") is Fault.NO_FILE, name


def test_what_is_missing_or_locked_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    assert fault_of(path) is Fault.MISSING
    assert fault_of(tmp_path / "a\0.png") is Fault.MISSING
    Image.new("L", (4, 4)).save(path)
    assert fault_of(path / "below.png") is Fault.MISSING
    path.chmod(0)
    if not os.access(path, os.R_OK):
        assert fault_of(path) is Fault.CLOSED


def test_a_file_of_many_bytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(hostile.png())
    os.truncate(path, MOST_BYTES + 1)
    assert fault_of(path) is Fault.LARGE


@pytest.mark.parametrize("name", hostile.TOO_LARGE)
def test_what_takes_too_much_is_too_large(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.png").write_bytes(hostile.TOO_LARGE[name])
    assert fault_of(tmp_path / "x.png") is Fault.LARGE


BESIDE = {
    "png": hostile.png(before=hostile.png_chunk(b"tEXt", b"k\0" + bytes(1_000_000))),
    "jpeg": hostile.jpeg_with(hostile.segment(0xFE, bytes(60_000)) * 20),
    "tiff": hostile.tiff_of(8, 8, (6000, 7, 2_100_000, 8), after=bytes(2_200_000)),
    "webp": hostile.webp(b"VP8L", b"\x2f" + struct.pack("<I", 499 | 499 << 14) + bytes(2_100_000)),
}


@pytest.mark.parametrize("kind", BESIDE)
def test_what_is_beside_the_pixels_counts(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(BESIDE[kind])
    assert read_picture_file(path).width in (8, 16, 500)
    monkeypatch.setattr(files, "MOST_BYTES", 4_000_000)
    assert fault_of(path) is Fault.LARGE


@pytest.mark.parametrize("name", hostile.DAMAGED)
def test_what_contradicts_itself_is_not_decoded(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.png").write_bytes(hostile.DAMAGED[name])
    assert fault_of(tmp_path / "x.png") is Fault.BROKEN


@pytest.mark.parametrize("name", hostile.LONG_TEXTS)
def test_what_becomes_long_is_not_unpacked(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(hostile.LONG_TEXTS[name])
    with pytest.raises(PictureError) as caught:
        read_picture(path, 8, 3)
    assert caught.value.fault is Fault.BROKEN


_CHILD = """
import resource, sys
from pathlib import Path
from diffviews_desktop.data.folder.pictures import read_picture
from diffviews_desktop.errors import PictureError
from diffviews_desktop.pictures import files
from PIL import Image

pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + 200_000_000
resource.setrlimit(resource.RLIMIT_AS, (most, most))
Image.MAX_IMAGE_PIXELS = 50  # of more, Pillow warns
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        read_picture(path, 8, 3)
        print(f"GOOD {path.name}")
    except PictureError as error:
        assert "Memory" not in str(error), error
        print(f"{error.fault.name} {path.name}")
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux' /proc")
def test_refusing_takes_neither_memory_nor_words(tmp_path: Path) -> None:
    """In a child that may grow by 200 MB; none of its libraries prints or warns of anything."""
    Image.new("L", (8, 8)).save(tmp_path / "GOOD", "PNG")
    groups = {
        "LARGE": hostile.TOO_LARGE,
        "BROKEN": {**hostile.DAMAGED, **hostile.LONG_TEXTS},
        "NO_PICTURE": hostile.OTHERS,
    }
    for fault, group in groups.items():
        for number, data in enumerate(group.values()):
            (tmp_path / f"{fault}{number}").write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    names = sorted(path.name for path in tmp_path.iterdir())
    assert done.stdout.splitlines() == [f"{name.rstrip('0123456789')} {name}" for name in names]


def test_a_photograph_may_have_what_would_be_hostile_in_excess(tmp_path: Path) -> None:
    """Scans, comments, profiles and frames as they are found in honest files."""
    path = tmp_path / "a.jpg"
    for options in (
        {"progressive": True},
        {"icc_profile": bytes(300_000)},
        {"comment": b"x" * 999},
    ):
        Image.new("RGB", (64, 48)).save(path, **options)
        assert read_picture_file(path).width == 64
    frames = [Image.new("P", (64, 48), i) for i in range(300)]
    for suffix in ("gif", "tif", "webp", "png"):
        path = tmp_path / f"a.{suffix}"
        frames[0].save(path, save_all=True, append_images=frames[1:])
        assert read_picture(path, 16, 3).shape == (3, 16, 16)


def test_later_directories_of_a_tiff_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.new("L", (16, 16), 255).save(path, compression="tiff_deflate")
    whole = path.read_bytes()
    (first,) = struct.unpack_from("<L", whole, 4)
    (tags,) = struct.unpack_from("<H", whole, first)
    last = first + 2 + 12 * tags
    ring = b"".join(  # each without a tag, and the last leads to the first
        struct.pack("<HL", 0, len(whole) + 6 * ((i + 1) % 200_000)) for i in range(200_000)
    )
    path.write_bytes(whole[:last] + struct.pack("<L", len(whole)) + whole[last + 4 :] + ring)
    assert (read_picture(path, 8, 1) == 1).all()
