"""Hashes of files that come in any order, by several threads, compared with their definitions."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from diffviews_desktop.data.stores import file_hashes
from diffviews_desktop.data.stores.file_hashes import Arrived, FileHash, hash_of
from diffviews_desktop.data.stores.hashing import Checksum
from diffviews_desktop.data.stores.ranges import Ranges

DATA = random.Random(3).randbytes(10_007)


def checksum_of(data: bytes, part: int) -> Checksum:
    """As S3 has it, of a file that was put there at once or in parts."""
    if not part:
        return Checksum("md5", hashlib.md5(data).hexdigest())
    parts = [hashlib.md5(data[at : at + part]).digest() for at in range(0, len(data), part)]
    return Checksum("md5", f"{hashlib.md5(b''.join(parts)).hexdigest()}-{len(parts)}", part=part)


def cut(size: int, piece: int) -> list[tuple[int, int]]:
    return [(at, min(at + piece, size)) for at in range(0, size, piece)]


def arrive(path: Path, made: FileHash, arrived: Arrived, pieces: Sequence[tuple[int, int]]) -> None:
    """Write pieces of the file, each by one of four threads."""
    waiting, lock = list(pieces), threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not waiting:
                    return
                start, stop = waiting.pop()
            with path.open("r+b") as file:
                file.seek(start)
                file.write(DATA[start:stop])
            arrived.add(start, stop)
            made.go_on(start, stop)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(file_hashes, "CHUNK", 100)
    path = tmp_path / "file.part"
    path.write_bytes(bytes(len(DATA)))
    return path


@pytest.mark.parametrize("part", [0, 1, 333, 1000, 5000, 10_006, 10_007, 20_000])
@pytest.mark.parametrize("piece", [77, 1000, 10_007])
def test_the_order_in_which_a_file_comes_does_not_matter(path: Path, part: int, piece: int) -> None:
    arrived = Arrived(Ranges())
    made = hash_of(path, checksum_of(DATA, part), len(DATA), arrived)
    pieces = cut(len(DATA), piece)
    random.Random(piece).shuffle(pieces)
    arrive(path, made, arrived, pieces)
    assert made.matches()


@pytest.mark.parametrize("part", [0, 1000])
def test_what_was_there_before_counts(path: Path, part: int) -> None:
    path.write_bytes(DATA[:7500] + bytes(len(DATA) - 7500))
    arrived = Arrived(Ranges([(0, 7500)]))
    made = hash_of(path, checksum_of(DATA, part), len(DATA), arrived)
    arrive(path, made, arrived, [(7500, 9000), (9000, len(DATA))])
    assert made.matches()


@pytest.mark.parametrize("part", [0, 1000])
@pytest.mark.parametrize("at", [0, 4999, 10_006])
def test_a_byte_that_is_another_is_noticed(path: Path, part: int, at: int) -> None:
    wrong = bytearray(DATA)
    wrong[at] ^= 1
    arrived = Arrived(Ranges())
    made = hash_of(path, checksum_of(bytes(wrong), part), len(DATA), arrived)
    arrive(path, made, arrived, cut(len(DATA), 1000))
    assert not made.matches()


@pytest.mark.parametrize("part", [0, 1000])
def test_a_file_that_another_program_shortens_does_not_match(path: Path, part: int) -> None:
    arrived = Arrived(Ranges([(0, len(DATA))]))
    path.write_bytes(DATA[:-1])
    assert not hash_of(path, checksum_of(DATA, part), len(DATA), arrived).matches()


def test_parts_are_hashed_as_soon_as_they_are_there(path: Path) -> None:
    """Nothing is left to do in the end, though the first part came last."""
    arrived = Arrived(Ranges())
    made = hash_of(path, checksum_of(DATA, 1000), len(DATA), arrived)
    arrive(path, made, arrived, cut(len(DATA), 500))
    path.unlink()
    assert made.matches()
