"""Checksums that are kept at the first download."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from diffviews_desktop.data.checksums import Checksums
from diffviews_desktop.errors import DataError


@pytest.fixture
def checksums(tmp_path: Path) -> Checksums:
    return Checksums(tmp_path / "deep" / "checksums.json")


def test_the_first_checksum_of_an_address_stays(checksums: Checksums) -> None:
    assert checksums.recall("https://host/a") == ""
    checksums.remember("https://host/a", "a" * 64)
    checksums.remember("https://host/a", "b" * 64)
    checksums.remember("https://host/b", "c" * 64)
    assert checksums.recall("https://host/a") == "a" * 64
    assert json.loads(checksums.file.read_text()) == {
        "https://host/a": "a" * 64,
        "https://host/b": "c" * 64,
    }


def test_several_programs_keep_all_of_theirs(checksums: Checksums) -> None:
    def remember(number: int) -> None:
        checksums.remember(f"https://host/{number}", f"{number:064x}")

    threads = [threading.Thread(target=remember, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(json.loads(checksums.file.read_text())) == 12


@pytest.mark.parametrize("value", [3, "short", None, ["a" * 64]])
def test_what_is_no_checksum_counts_as_none(checksums: Checksums, value: object) -> None:
    checksums.file.parent.mkdir()
    checksums.file.write_text(json.dumps({"https://host/a": value}))
    assert checksums.recall("https://host/a") == ""


def test_a_damaged_file_is_no_empty_one(checksums: Checksums) -> None:
    checksums.file.parent.mkdir()
    checksums.file.write_text("{")
    with pytest.raises(DataError, match="made again of the next downloads"):
        checksums.recall("https://host/a")
    with pytest.raises(DataError):
        checksums.remember("https://host/a", "a" * 64)
    assert checksums.file.read_text() == "{"


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        Checksums(tmp_path / "file" / "checksums.json").remember("https://host/a", "a" * 64)
