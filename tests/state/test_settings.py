"""What the window remembers, and files of it that are something else."""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QByteArray
from pytestqt.qtbot import QtBot

from diffviews_desktop import paths
from diffviews_desktop.app import App, Options
from diffviews_desktop.state.settings import MOST_BYTES, Settings, pack, unpack

FINE = {"theme": "dark", "recent": ["/a", "/b@c, d"], "folder": "@Variant(\udcff\u202e"}
ABORTS_QT = rb"theme=@Variant(\0\0\0\x9\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f)"
"""A list of 2139062143 values, in QSettings' own form."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "new" / "settings.json"


def is_set_aside(file: Path) -> bool:
    """Whether what was at a place is beside it under another name, and nothing is in its place."""
    return not os.path.lexists(file) and len([*file.parent.glob("settings-damaged-*.json")]) == 1


# ---- values -------------------------------------------------------------------------------------


def test_what_is_stored_is_there_again(file: Path) -> None:
    settings = Settings(file)
    assert (settings.text("theme"), settings.text("theme", "system")) == ("", "system")
    assert settings.texts("recent") == []
    settings.change(FINE)
    for known in (settings, Settings(file)):
        assert known.problem == ""
        assert known.text("theme", "system") == "dark"
        assert known.texts("recent") == FINE["recent"]
        assert known.text("folder") == FINE["folder"]
        # each where the other is meant
        assert known.text("recent", "none") == "none"
        assert known.texts("theme") == ["dark"]
    settings.clear()
    assert settings.text("theme") == Settings(file).text("theme") == ""


def test_two_windows_keep_what_the_other_changed(file: Path) -> None:
    one, other = Settings(file), Settings(file)
    one.change({"theme": "dark", "ramp": "magma"})
    other.change({"ramp": "viridis"})
    assert json.loads(file.read_text()) == {"theme": "dark", "ramp": "viridis"}
    assert one.text("ramp") == "magma"


def test_a_file_damaged_while_the_window_is_open_is_set_aside_and_written_whole(file: Path) -> None:
    settings = Settings(file)
    settings.change(FINE)
    file.write_bytes(b'{"theme": "da')
    settings.change({"ramp": "magma"})
    assert json.loads(file.read_text()) == {**FINE, "ramp": "magma"}
    (damaged,) = file.parent.glob("*damaged*")
    assert damaged.read_bytes() == b'{"theme": "da'


def test_what_is_the_same_is_not_written(file: Path) -> None:
    settings = Settings(file)
    settings.change(FINE)
    before = file.stat().st_ino
    settings.change({"theme": "dark"})
    assert file.stat().st_ino == before


def test_it_is_remembered_until_the_end_where_it_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = Settings(tmp_path / "file" / "settings.json")
    settings.change({"theme": "dark"})
    assert settings.text("theme") == "dark"
    settings.clear()
    assert settings.text("theme") == ""


# ---- other files --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"\xff\xfe", b"\0" * 100, b"[General]\n" + ABORTS_QT),
        *(b"[]", b'"dark"', b"null", b"[" * 100_000, b'{"theme": "dark"}{}'),
        *(b'{"theme": 1}', b'{"theme": null}', b'{"theme": {"a": "b"}}', b'{"recent": [["a"]]}'),
        *(b'{"recent": ["a", 1e999]}', rb'{"pictures": "a\u0000b"}'),
    ],
    ids=lambda content: repr(content[:24]),
)
def test_a_file_that_holds_something_else_is_set_aside(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    settings = Settings(file)
    assert settings.problem.startswith("The settings could not be read")
    assert is_set_aside(file)
    (aside,) = file.parent.iterdir()
    assert aside.read_bytes() == content
    assert settings.problem.endswith(f" {aside}.")
    settings.change({"theme": "dark"})
    assert Settings(file).text("theme") == "dark"


def too_large(file: Path) -> None:
    with file.open("wb") as opened:
        opened.truncate(2_000_000_000)


@pytest.mark.skipif(sys.platform == "win32", reason="no such files there")
@pytest.mark.parametrize(
    "make",
    [
        os.mkfifo,
        Path.mkdir,
        too_large,
        lambda file: file.symlink_to("/dev/zero"),
        lambda file: file.symlink_to(file),
    ],
    ids=["a pipe", "a folder", "2 GB", "a device", "a link to itself"],
)
def test_what_is_no_file_or_too_large_is_set_aside(
    file: Path, make: Callable[[Path], None]
) -> None:
    file.parent.mkdir()
    make(file)
    settings = Settings(file)
    assert settings.problem
    assert is_set_aside(file)
    make(file)  # while the window is open
    settings.change({"theme": "dark"})
    settings.clear()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs a file nobody may move")
def test_what_cannot_be_set_aside_is_left_and_said() -> None:
    settings = Settings(Path("/proc/self/cmdline"))
    assert "/proc/self/cmdline" in settings.problem
    settings.change({"theme": "dark"})
    assert settings.text("theme") == "dark"


def test_a_file_just_small_enough_is_read(file: Path) -> None:
    file.parent.mkdir()
    around = len(json.dumps({"theme": ""}))
    file.write_text(json.dumps({"theme": "x" * (MOST_BYTES - around)}))
    assert Settings(file).problem == ""


# ---- what is Qt's -------------------------------------------------------------------------------


def test_bytes_are_the_same_again_or_nothing() -> None:
    data = random.Random(0).randbytes(200)
    text = pack(QByteArray(data))
    assert unpack(text) == data
    for i in range(len(text)):
        for bit in range(7):
            changed = text[:i] + chr(ord(text[i]) ^ 1 << bit) + text[i + 1 :]
            assert unpack(changed) in (b"", data)  # the last bits of base64 say nothing
        assert unpack(text[:i]) == b""
    assert unpack("") == unpack("ü:ü") == unpack("00000000:") == b""


def test_the_window_starts_with_the_defaults_and_says_so(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    file = paths.data_dir() / "settings.json"
    file.parent.mkdir()
    file.write_bytes(b"[General]\n" + ABORTS_QT)
    app = App(Options())
    qtbot.addWidget(app.window)
    notice = app.session.state.notice
    assert notice is not None
    assert (notice.level, notice.text) == ("error", app._settings.problem)
    assert app.window.close()
    assert Settings(file).text("layout")
