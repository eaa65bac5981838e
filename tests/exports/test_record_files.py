"""Records in pictures and beside them: read where they fit, and nothing is waited for."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path

import hostile_pictures as hostile
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from diffviews_desktop.cli import main as cli
from diffviews_desktop.errors import DataError
from diffviews_desktop.exports import registry
from diffviews_desktop.exports.contents import Picture
from diffviews_desktop.exports.record_files import MOST_RECORD, read_text

RECORD = {"format": 1, "name": "σ 0.2", "rows": list(range(300))}


def itxt(text: bytes, packed: bool = True) -> bytes:
    flag = b"\1\0" if packed else b"\0\0"
    return hostile.png_chunk(b"iTXt", b"diffviews\0" + flag + b"en\0\0" + text)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with path.open("wb") as file:
        registry.write(Picture(np.zeros((4, 4, 3), np.uint8), RECORD), path, file)
    assert json.loads(read_text(path)) == RECORD
    path.with_suffix(".json").write_text(json.dumps(RECORD))
    assert json.loads(read_text(path.with_suffix(".json"))) == RECORD


@pytest.mark.parametrize("kind", ["tEXt", "zTXt", "iTXt", "packed iTXt"])
def test_other_programs_may_have_written_it_as_another_kind_of_text(
    tmp_path: Path, kind: str
) -> None:
    info, text = PngInfo(), json.dumps(RECORD)
    info.add_text("diffviews too", "another")
    if "iTXt" in kind:
        info.add_itxt("diffviews", text, "de", "x", zip="packed" in kind)
    else:
        info.add_text("diffviews", text, zip=kind == "zTXt")
    Image.new("L", (4, 4)).save(tmp_path / "a.png", pnginfo=info)
    assert read_text(tmp_path / "a.png") == text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (hostile.EPS, "carries no record"),
        (hostile.jpeg_of(), "carries no record"),
        (hostile.png(), "carries no record"),
        (hostile.png(20_000, 20_000), "carries no record"),
        (hostile.png(before=itxt(zlib.compress(bytes(20_000_000)))), "its record is too large"),
        (hostile.png(before=itxt(bytes(MOST_RECORD + 1), False)), "its record is too large"),
        (hostile.png(before=itxt(b"xxxx")), "cannot be read"),
        (hostile.png(before=itxt(b"\xff", False)), "cannot be read"),
        (hostile.png(before=hostile.png_chunk(b"aaAa") * 100_000), "too many chunks"),
        (b"\x89PNG\r\n\x1a\n", "carries no record"),
    ],
)
def test_what_holds_no_record_is_one_sentence(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(DataError, match=reason) as caught:
        read_text(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.png", "a.json", "a"])
def test_what_is_no_file_is_never_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    os.mkfifo(tmp_path / name)
    assert cli.main(["generate", "--replay", str(tmp_path / name)]) == 1
    said = capsys.readouterr().err
    assert said.endswith(f"{name} cannot be read (it is a named pipe, not a file).\n")
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("/dev/zero")
    with pytest.raises(DataError, match="it is a device, not a file"):
        read_text(tmp_path / name)


def test_a_file_of_many_bytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("{}")
    os.truncate(path, 30_000_000_000)  # with nothing in it
    with pytest.raises(DataError, match="30,000 MB"):
        read_text(path)
