"""What killed programs left goes when something is written beside it; nothing else does."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from diffviews_desktop.files import leftovers, writing
from diffviews_desktop.files.leftovers import NEW_SECONDS, OLD_SECONDS, sweep

NAME = ".0123456789abcdef.part"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """A process that has looked into no folder yet."""
    sweep.cache_clear()
    yield
    sweep.cache_clear()


def age(path: Path, seconds: float = NEW_SECONDS + 60) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)


def test_what_a_killed_program_wrote_goes_when_the_next_writes(tmp_path: Path) -> None:
    script = """
import os, pathlib, signal, sys
from diffviews_desktop.files import writing
folder = pathlib.Path(sys.argv[1])
with writing.replacing(folder / "target") as file, writing.private_folder(folder) as place:
    file.write(b"half")
    (place / "half").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)])
    assert done.returncode == -signal.SIGKILL
    left = list(tmp_path.rglob("*"))
    assert len(left) == 3
    for path in left:
        age(path)
    with writing.replacing(tmp_path / "target") as file:
        file.write(b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_what_is_being_written_stays_however_long_that_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sweep_after_days() -> None:
        for path in tmp_path.rglob("*"):
            age(path, 100 * OLD_SECONDS)
        sweep.cache_clear()
        sweep(tmp_path)

    replace = os.replace

    def late(source: Path, target: Path) -> None:
        sweep_after_days()  # it is closed, and yet to be renamed
        replace(source, target)

    monkeypatch.setattr(os, "replace", late)
    with writing.private_folder(tmp_path) as place:
        (place / "file").touch()
        with writing.replacing(tmp_path / "target") as file:
            file.write(b"whole")
            sweep_after_days()
        assert (place / "file").exists()
    assert (tmp_path / "target").read_bytes() == b"whole"


@pytest.mark.parametrize("why", ["no module", "not supported"])
def test_without_locks_leftovers_go_after_a_day(
    tmp_path: Path, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    if why == "no module":
        monkeypatch.setattr(leftovers, "fcntl", None)
    else:
        monkeypatch.setattr(leftovers.fcntl, "flock", refuse)
    with writing.replacing(tmp_path / "target") as file:
        file.write(b"whole")
    for name, seconds in (("0", 600), ("1", OLD_SECONDS + 60)):
        path = tmp_path / f".0123456789abcde{name}.part"
        path.touch()
        age(path, seconds)
    sweep.cache_clear()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".0123456789abcde0.part", "target"]


def test_an_old_leftover_goes_when_something_is_written_beside_it(tmp_path: Path) -> None:
    left = tmp_path / NAME
    left.write_bytes(b"half")
    age(left)
    with writing.replacing(tmp_path / "target") as file:
        file.write(b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_folder_of_leftovers_goes_if_all_in_it_is_old(tmp_path: Path) -> None:
    for name in (NAME, ".0000000000000007.part"):
        folder = tmp_path / name
        folder.mkdir()
        for inside in (".png", ".tmpAb12"):
            (folder / inside).touch()
            age(folder / inside)
        age(folder)
    (tmp_path / NAME / ".png").touch()
    age(tmp_path / NAME)
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_what_may_be_somebody_elses_stays(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").touch()
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / ".0123456789abcde0.part").touch()  # young: it may be being written
    for name in ("0123456789abcdef.part", ".0123456789ABCDEF.part", ".1.part", f"{NAME}.x"):
        (folder / name).touch()
        age(folder / name)
    (folder / "mine.part").touch()
    (folder / ".0123456789abcde1.part").symlink_to(outside / "victim")
    (folder / ".0123456789abcde2.part").symlink_to(outside)
    os.mkfifo(folder / ".0123456789abcde3.part")
    for name, inside in (("4", "deep/file"), ("5", "file")):
        place = folder / f".0123456789abcde{name}.part"
        (place / inside).parent.mkdir(parents=True)
        (place / inside).touch()
        age(place / inside)
        age((place / inside).parent)
    (folder / ".0123456789abcde5.part" / "link").symlink_to(outside)
    for path in folder.glob(".0123456789abcde[1-5].part"):
        age(path)
    age(outside / "victim")
    before = sorted(path.name for path in folder.rglob("*"))
    sweep(folder)
    assert sorted(path.name for path in folder.rglob("*")) == before
    assert (outside / "victim").exists()


def test_each_folder_is_looked_into_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked, listdir = [], os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: (looked.append(path), listdir(path))[1])
    for number in range(20):
        with writing.replacing(tmp_path / f"{number}") as file:
            file.write(b"x")
    assert looked == [tmp_path]


def test_a_folder_that_cannot_be_read_is_no_error(tmp_path: Path) -> None:
    sweep(tmp_path / "absent")
