"""What fuzzing found worth keeping is read again: with a result, or with a sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ATTACKS = Path(__file__).parents[1] / "benchmarks" / "attacks"
sys.path.append(str(ATTACKS))

from fuzz import KEPT_SEEDS, READERS, try_one  # noqa: E402


@pytest.mark.parametrize("name", READERS)
def test_kept_inputs_are_read_or_refused(name: str, tmp_path: Path) -> None:
    reader = READERS[name](tmp_path)
    kept = sorted((KEPT_SEEDS / name).iterdir())
    assert kept
    for data in [*reader.seeds, *(file.read_bytes() for file in kept)]:
        assert try_one(reader, data) == "", data[:200]


@pytest.mark.parametrize("name", READERS)
def test_what_is_right_is_read(name: str, tmp_path: Path) -> None:
    """Else changes of it never come to what reads it."""
    reader = READERS[name](tmp_path)
    reader.file.write_bytes(reader.seeds[0])
    reader.read()


def test_what_a_reader_must_not_do_is_told(tmp_path: Path) -> None:
    reader = READERS["settings"](tmp_path)

    def fail() -> None:
        raise KeyError("surprise")

    assert try_one(type(reader)(reader.file, [], fail), b"") == "raised KeyError: 'surprise'"
