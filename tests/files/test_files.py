"""Only regular files are read, within bounds; what is written follows no link."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from diffviews_desktop.errors import brief
from diffviews_desktop.files import reading, writing


@pytest.fixture
def unfit(tmp_path: Path) -> dict[str, Path]:
    """One of everything that is no file."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "socket"))
    listener.close()
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    return {
        "a named pipe": tmp_path / "pipe",
        "a folder": tmp_path / "folder",
        "a socket": tmp_path / "socket",
        "a device": Path("/dev/zero"),
    } | {"a named pipe, through a link": tmp_path / "link"}


def test_what_is_no_file_is_refused_at_once(unfit: dict[str, Path]) -> None:
    for kind, path in unfit.items():
        assert not reading.is_regular(path)
        for read in (reading.open_regular, reading.check_regular):
            with pytest.raises(reading.UnfitFileError) as caught:
                read(path)
            assert brief(caught.value) == f"it is {kind.split(',')[0]}, not a file"


def test_a_file_replaced_by_a_pipe_while_it_is_opened_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(reading, "check_regular", lambda path, most=None: None)
    done = threading.Event()

    def read() -> None:
        with pytest.raises(reading.UnfitFileError):
            reading.open_regular(tmp_path / "pipe")
        done.set()

    threading.Thread(target=read, daemon=True).start()
    assert done.wait(60)


def test_a_file_is_read_up_to_a_size(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert reading.read_bytes(path, 5) == b"12345"
    with pytest.raises(reading.UnfitFileError):
        reading.read_bytes(path, 4)
    with path.open("r+b") as file:
        file.truncate(30 * 10**9)  # sparse
    with pytest.raises(reading.UnfitFileError) as caught:
        reading.read_json_value(path)
    assert brief(caught.value) == "it has 30,000 MB; more than 16 MB are not read"
    assert reading.read_bytes(Path("/proc/self/status"), 5) == b""


def test_json_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text("[" * 200_000)
    with pytest.raises(reading.UnfitFileError) as caught:
        reading.read_json_value(path)
    assert brief(caught.value) == "it is nested too deeply"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert reading.read_json_value(path) == {"a": 1}


def test_json_that_would_take_too_much_memory_is_refused_before_it_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.json"
    monkeypatch.setattr(reading, "MOST_JSON", 1000)
    monkeypatch.setattr(reading, "MOST_MEMORY", 100_000)
    for value in (["x" * 40] * 200, {f"key {i}": i for i in range(200)}, ["ä" * 5000]):
        path.write_text(json.dumps(value))
        assert reading.read_json_value(path, 10**6) == value
    for value in ([[]] * 2000, [{}] * 500, list(range(2000)), "ä" * 20_000, "😀" * 5001):
        path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        with pytest.raises(reading.UnfitFileError, match="so many values"):
            reading.read_json_value(path, 10**6)


@pytest.mark.parametrize(
    "value",
    [
        [[]] * 20_000,
        [{}] * 20_000,
        [{"": 0}] * 20_000,
        [1.5] * 20_000,
        [f"{i:04x}" for i in range(20_000)],
        {f"{i:04x}": f"{i:04x}" for i in range(20_000)},
        ["a" * 200_000],
        ["a" * 200_000 + "😀"],
    ],
    ids=["lists", "objects", "keys", "numbers", "texts", "one object", "letters", "emoji"],
)
def test_json_takes_no_more_memory_than_estimated(tmp_path: Path, value: object) -> None:
    path = tmp_path / "file.json"
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    path.write_bytes(data)
    reading.read_json_value(path)
    tracemalloc.start()
    kept = reading.read_json_value(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept == value
    assert peak < 1.1 * reading.memory_of_json(data) + 20_000


def test_what_json_has_and_numbers_have_not(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text('{"a": 1, "a": 2, "b": NaN, "c": -Infinity}')
    assert str(reading.read_json_value(path)) == "{'a': 2, 'b': nan, 'c': -inf}"
    assert reading.read_json_value(path, pairs_hook=list)[:2] == [("a", 1), ("a", 2)]
    path.write_text("9" * 5000)
    with pytest.raises(ValueError, match="Exceeds the limit"):
        reading.read_json_value(path)


def test_a_pipe_is_meant_as_a_file_and_a_folder_is_not(
    tmp_path: Path, unfit: dict[str, Path]
) -> None:
    for kind, path in unfit.items():
        assert reading.meant_as_file(path) is (kind != "a folder")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert reading.meant_as_file(tmp_path / "gone")
    assert not reading.meant_as_file(tmp_path / "nothing")
    assert not reading.meant_as_file(tmp_path / "a\0b")
    with pytest.raises(FileNotFoundError):
        reading.check_regular(tmp_path / "a\0b")


def test_writing_replaces_a_link_and_does_not_follow_it(tmp_path: Path) -> None:
    victim, target = tmp_path / "victim", tmp_path / "target"
    victim.write_text("kept")
    target.symlink_to(victim)
    with writing.replacing(target) as file:
        file.write(b"new")
    assert victim.read_text() == "kept"
    assert target.read_text() == "new"
    assert not target.is_symlink()
    before = os.umask(0)
    os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~before


def test_a_name_that_is_taken_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    names = iter(["a" * 16, "b" * 16])
    monkeypatch.setattr(writing.secrets, "token_hex", lambda size: next(names))
    (tmp_path / f".{'a' * 16}.part").symlink_to(victim)
    with writing.replacing(tmp_path / "target") as file:
        file.write(b"new")
    assert victim.read_text() == "kept"
    assert (tmp_path / "target").read_text() == "new"


def test_what_was_not_finished_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")

    def interrupted() -> None:
        with writing.replacing(tmp_path / "target") as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert (tmp_path / "target").read_text() == "old"


def test_files_that_belong_together_appear_together(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    with writing.replacing_all(one, two) as (first, second):
        first.write(b"1")
        second.write(b"2")
        assert all(path.name.startswith(".") for path in tmp_path.iterdir())
    assert (one.read_bytes(), two.read_bytes()) == (b"1", b"2")
    assert len(list(tmp_path.iterdir())) == 2


def test_of_files_that_belong_together_none_appears_where_one_cannot(tmp_path: Path) -> None:
    fresh, old, folder = tmp_path / "fresh", tmp_path / "old", tmp_path / "folder"
    folder.mkdir()
    old.write_text("old")

    def write(*paths: Path, fail: bool = False) -> None:
        with writing.replacing_all(*paths) as written:
            for file in written:
                file.write(b"new")
            if fail:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(fresh, old, fail=True)
    assert old.read_text() == "old"
    with pytest.raises(OSError, match="directory"):
        write(fresh, folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "old"]


def test_ctrl_c_between_two_files_that_belong_together_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def interrupted(source: Path, target: Path) -> None:
        replace(source, target)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(os, "replace", interrupted)
    with (
        pytest.raises(KeyboardInterrupt),
        writing.replacing_all(tmp_path / "one", tmp_path / "two"),
    ):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_ctrl_c_when_a_file_has_just_been_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {"open": os.open, "mkdir": os.mkdir}

    def interrupted(name: str) -> Callable[..., None]:
        def make(*arguments: object) -> None:
            made[name](*arguments)
            raise KeyboardInterrupt

        return make

    for name in made:
        monkeypatch.setattr(os, name, interrupted(name))
    with pytest.raises(KeyboardInterrupt), writing.replacing(tmp_path / "target"):
        pytest.fail("the block was entered")
    with pytest.raises(KeyboardInterrupt), writing.private_folder(tmp_path):
        pytest.fail("the block was entered")
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_a_private_folder_is_its_owners_and_goes(tmp_path: Path) -> None:
    with writing.private_folder(tmp_path) as folder:
        assert folder.parent == tmp_path
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "file").write_text("x")
        with pytest.raises(FileExistsError):
            writing.create(folder / "file")
    assert list(tmp_path.iterdir()) == []
