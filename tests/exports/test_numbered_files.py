"""Sets of files are whole or absent, whatever happens while they are written, and never mixed.

Every call by which something changes on the disk is a moment at which the program is killed, Ctrl-C
pressed, or the disk full. A program that is killed changes nothing any more: each later call fails.
"""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from limits import file_limit
from runs import NO_SAMPLES, faults, hidden, made_up_grid, made_up_run

from diffviews_desktop.cli.run_files import write_grid, write_run
from diffviews_desktop.errors import DataError
from diffviews_desktop.exports import numbered_files
from diffviews_desktop.exports.numbered_files import finish_begun
from diffviews_desktop.files import leftovers

MAKING = ("open", "mkdir", "fsync")
MOVING = ("rename", "replace")
REMOVING = ("unlink", "rmdir")


class Killed(BaseException):
    """The program is no more."""


def write(folder: Path, seed: int, steps: int = 2) -> list[str]:
    """Write a run; the names of its files."""
    files = write_run(made_up_run(seed, steps), folder, NO_SAMPLES).result["files"]
    return [Path(file).name for file in files]


def at_moment(
    patch: pytest.MonkeyPatch, number: int, happen: Callable[[bool, str], None]
) -> list[str]:
    """Have something happen before the given call that changes the disk; the calls so far.

    ``happen`` is told whether that is now or was before, and the name of the call.
    """
    calls: list[str] = []

    def counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            if name != "open" or arguments[1] & os.O_CREAT:
                calls.append(name)
                if len(calls) > number:
                    happen(len(calls) == number + 1, name)
            return call(*arguments, **options)

        return run

    for name in (*MAKING, *MOVING, *REMOVING):
        patch.setattr(os, name, counted(name, getattr(os, name)))
    return calls


def moments() -> Iterator[int]:
    """Numbers of moments, until `write` comes to its end before."""
    yield from range(200)


def seeds_in(folder: Path) -> list[int]:
    records = sorted(folder.glob("*.json"))
    return [json.loads(path.read_text())["seed"] for path in records]


def sweep_all(folder: Path) -> None:
    """As a day later."""
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (0, 0), follow_symlinks=False)
    leftovers.sweep.cache_clear()
    leftovers.sweep(folder)


def test_a_program_that_is_killed_leaves_a_set_that_the_next_makes_whole_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = set()
    for moment in moments():
        folder = tmp_path / f"{moment}"
        write(folder, 1)
        with monkeypatch.context() as patch:

            def kill(now: bool, call: str) -> None:
                raise Killed

            try:
                calls = at_moment(patch, moment, kill)
                write(folder, 2)
            except Killed:
                pass
            else:
                break
            ends.add((calls[moment], len(list(folder.glob("0002*")))))
        write(folder, 3)
        assert faults(folder) == [], (moment, calls)
        assert seeds_in(folder) in ([1, 3], [1, 2, 3]), (moment, calls)
        sweep_all(folder)
        assert hidden(folder) == [], (moment, calls)
    assert moment > 15
    assert {visible for _, visible in ends} == {0, 1, 2, 3, 4, 5}  # each file was the last, once


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_an_interrupted_program_leaves_a_whole_set_or_none(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    error: type[BaseException],
) -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    outcomes = set()
    for moment in moments():
        folder = tmp_path / f"{moment}"
        write(folder, 1)

        def interrupt(now: bool, call: str) -> None:
            if now:
                signal.raise_signal(number)

        with monkeypatch.context() as patch:
            at_moment(patch, moment, interrupt)
            try:
                write(folder, 2)
            except error:
                pass
            else:
                break
        assert faults(folder) == [], moment
        assert hidden(folder) == [], moment
        outcomes.add(tuple(seeds_in(folder)))
    assert outcomes == {(1,), (1, 2)}
    assert signal.signal(signal.SIGTERM, before) is signal.SIG_DFL


def test_a_disk_that_gets_full_leaves_a_whole_set_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = {}
    for moment in moments():
        folder = tmp_path / f"{moment}"
        write(folder, 1)

        def fill(now: bool, call: str) -> None:
            if now and call not in REMOVING:
                raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            calls = at_moment(patch, moment, fill)
            try:
                write(folder, 2)
            except DataError as error:
                refused[calls[moment]] = str(error)
        if len(calls) <= moment:
            break
        assert faults(folder) == [], (moment, calls)
        assert hidden(folder) == [], (moment, calls)
    assert refused.keys() == {*MAKING, *MOVING}
    for text in refused.values():
        assert "cannot be written to" in text
        assert "(No space left on device)" in text


@pytest.mark.parametrize("most", [100, 180, 700])
def test_a_file_that_does_not_fit_leaves_nothing(tmp_path: Path, most: int) -> None:
    """A picture, the activations, or the record."""
    run = made_up_run(1, 3, size=2)
    with file_limit(most), pytest.raises(DataError, match="cannot be written to"):
        write_run(run, tmp_path, NO_SAMPLES)
    assert list(tmp_path.iterdir()) == []


def test_a_grid_is_whole_or_absent_too(tmp_path: Path) -> None:
    write_grid(made_up_grid(1, 12), tmp_path)
    with file_limit(2000), pytest.raises(DataError):
        write_grid(made_up_grid(2, 12, 64), tmp_path)
    assert (faults(tmp_path), hidden(tmp_path), seeds_in(tmp_path)) == ([], [], [1])
    assert len(list(tmp_path.iterdir())) == 14


# ---- numbers ------------------------------------------------------------------------------------


def test_the_next_number_is_one_that_no_name_begins_with(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "0001.png").symlink_to(tmp_path / "absent")
    (folder / "0002.json").symlink_to(victim)
    (folder / "0003_step_01.png").write_text("mine")
    (folder / "0004").mkdir()
    (folder / "00050.txt").touch()
    (folder / ".0006.set").symlink_to(tmp_path)
    (folder / ".0000000000000007.part").symlink_to(tmp_path)
    (folder / ".0000000000000008.part").touch()
    (folder / ".0000000000000009.part").mkdir()
    (folder / ".0000000000000009.part" / "file").touch()
    (folder / ".0010.set").mkdir()
    (folder / ".0010.set" / ".png").symlink_to(victim)
    (folder / "_0011.png").touch()
    before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*") if path != folder}
    assert write(folder, 1)[0] == "0011.png"
    after = {path: path.lstat().st_mtime_ns for path in before}
    assert after == before
    assert victim.read_text() == "kept"


def test_there_are_more_than_9999_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers_in = numbered_files._numbers_in
    many = {f"{number:04d}" for number in range(1, 10000)}
    monkeypatch.setattr(numbered_files, "_numbers_in", lambda folder: numbers_in(folder) | many)
    assert write(tmp_path, 1)[0] == "10000.png"
    assert write(tmp_path, 1)[0] == "10001.png"
    many.remove("1234")
    assert write(tmp_path, 1)[0] == "1234.png"


def test_a_file_that_comes_in_between_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = numbered_files._move

    def late(source: Path, target: Path) -> None:
        if target.name == "0001_step_01.png" and not target.exists():
            target.write_text("mine")
        move(source, target)

    monkeypatch.setattr(numbered_files, "_move", late)
    assert write(tmp_path, 1)[0] == "0002.png"
    assert (tmp_path / "0001_step_01.png").read_text() == "mine"
    (tmp_path / "0001_step_01.png").unlink()
    assert faults(tmp_path) == []
    assert hidden(tmp_path) == []


# ---- several programs ---------------------------------------------------------------------------


def write_together(folder: Path, seeds: range, barrier: Barrier, answers: Any) -> None:
    for seed in seeds:
        barrier.wait()
        try:
            answers.put(write(folder, seed))
        except Exception as error:
            answers.put(str(error))


def test_two_programs_at_one_instant_have_a_number_each(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    rounds, barrier, answers = 15, spawn.Barrier(2), spawn.Queue()
    writers = [
        spawn.Process(
            target=write_together, args=(tmp_path, range(who, 2 * rounds, 2), barrier, answers)
        )
        for who in range(2)
    ]
    for writer in writers:
        writer.start()
    written = [answers.get(timeout=120) for _ in range(2 * rounds)]
    for writer in writers:
        writer.join()
    assert all(isinstance(names, list) for names in written), written
    assert sorted(names[0] for names in written) == [
        f"{number:04d}.png" for number in range(1, 2 * rounds + 1)
    ]
    assert faults(tmp_path) == []
    assert hidden(tmp_path) == []
    assert sorted(seeds_in(tmp_path)) == list(range(2 * rounds))


def test_one_that_finishes_what_another_is_moving_disturbs_nobody(tmp_path: Path) -> None:
    stop = threading.Event()

    def help_always() -> None:
        while not stop.is_set():
            finish_begun(tmp_path)

    helper = threading.Thread(target=help_always)
    helper.start()
    try:
        for seed in range(40):
            write(tmp_path, seed)
    finally:
        stop.set()
        helper.join()
    assert (faults(tmp_path), hidden(tmp_path)) == ([], [])
    assert seeds_in(tmp_path) == list(range(40))


def test_a_set_that_cannot_be_finished_stays_and_keeps_its_number(tmp_path: Path) -> None:
    begun = tmp_path / ".0001.set"
    begun.mkdir()
    (begun / ".png").write_text("theirs")
    (begun / ".json").write_text("{}")
    (begun / "evil.sh").touch()
    (tmp_path / "0001.png").write_text("mine")
    assert write(tmp_path, 5)[0] == "0002.png"
    assert (tmp_path / "0001.png").read_text() == "mine"
    assert not (tmp_path / "0001.json").exists()
    assert sorted(path.name for path in begun.iterdir()) == [".json", ".png", "evil.sh"]
    shutil.rmtree(begun)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file/out \(Not a directory\)\. Check the disk"):
        write(tmp_path / "file" / "out", 1)
