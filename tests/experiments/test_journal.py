"""What a journal holds is whole, whatever ended the program that wrote it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffviews_desktop.errors import DataError
from diffviews_desktop.experiments.journal import JOURNAL, open_journal

FACTS: dict[str, Any] = {"key": "a", "shape": [4, 4, 1], "classes": 3}


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)


def test_what_is_appended_comes_back(tmp_path: Path) -> None:
    drawn, said = pictures(3), np.random.default_rng(1).random((3, 3), dtype=np.float32)
    with open_journal(tmp_path, FACTS) as journal:
        journal.append([4, 0, 7], drawn, said)
    with open_journal(tmp_path, FACTS) as journal:
        assert set(journal.drawn) == {0, 4, 7}
        np.testing.assert_array_equal(journal.pictures([7, 4]), drawn[[2, 0]])
        np.testing.assert_array_equal(journal.probabilities([0]), said[[1]])


def test_a_batch_that_was_cut_anywhere_leaves_whole_records_alone(tmp_path: Path) -> None:
    file = tmp_path / JOURNAL
    with open_journal(tmp_path, FACTS) as journal:
        journal.append([0, 1], pictures(2), None)
    before = file.stat().st_size
    with open_journal(tmp_path, FACTS) as journal:
        journal.append([2, 3], pictures(2, 1), None)
    whole = file.read_bytes()
    record = (len(whole) - before) // 2
    for end in range(before, len(whole)):
        file.write_bytes(whole[:end])
        with open_journal(tmp_path, FACTS) as journal:
            assert sorted(journal.drawn) == list(range(2 + (end - before) // record))
            journal.append([9], pictures(1, 5), None)
        with open_journal(tmp_path, FACTS) as journal:
            np.testing.assert_array_equal(
                journal.pictures([9, 0]), [pictures(1, 5)[0], pictures(2)[0]]
            )


def test_a_header_that_was_cut_begins_again(tmp_path: Path) -> None:
    with open_journal(tmp_path, FACTS):
        pass
    whole = (tmp_path / JOURNAL).read_bytes()
    for end in range(len(whole)):
        (tmp_path / JOURNAL).write_bytes(whole[:end])
        with open_journal(tmp_path, FACTS) as journal:
            assert journal.drawn == {}
        assert (tmp_path / JOURNAL).read_bytes() == whole


def test_a_changed_byte_ends_what_counts(tmp_path: Path) -> None:
    with open_journal(tmp_path, FACTS) as journal:
        journal.append([0, 1, 2], pictures(3), None)
    data = bytearray((tmp_path / JOURNAL).read_bytes())
    record = (len(data) - data.index(b"\n") - 1) // 3
    data[-2 * record + 7] ^= 1
    (tmp_path / JOURNAL).write_bytes(data)
    with open_journal(tmp_path, FACTS) as journal:
        assert sorted(journal.drawn) == [0]


@pytest.mark.parametrize("content", [b"", b"precious"])
def test_a_planted_link_is_not_written_through(tmp_path: Path, content: bytes) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "experiment"
    victim.write_bytes(content)
    folder.mkdir()
    (folder / JOURNAL).symlink_to(victim)
    with pytest.raises(DataError, match="is a link"), open_journal(folder, FACTS):
        pass
    assert victim.read_bytes() == content


@pytest.mark.parametrize("change", [{"key": "b"}, {"shape": [8, 8, 1]}, {"classes": 0}])
def test_another_experiment_is_refused_and_stays(tmp_path: Path, change: dict[str, Any]) -> None:
    with open_journal(tmp_path, FACTS) as journal:
        journal.append([0], pictures(1), None)
    before = (tmp_path / JOURNAL).read_bytes()
    with (
        pytest.raises(DataError, match="another experiment"),
        open_journal(tmp_path, {**FACTS, **change}),
    ):
        pass
    assert (tmp_path / JOURNAL).read_bytes() == before


def test_two_programs_do_not_draw_at_once(tmp_path: Path) -> None:
    with (
        open_journal(tmp_path, FACTS),
        pytest.raises(DataError, match="Another program"),
        open_journal(tmp_path, FACTS),
    ):
        pass


def test_something_that_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).mkdir()
    with pytest.raises(OSError, match="folder"), open_journal(tmp_path, FACTS):
        pass


@pytest.mark.parametrize("change", ["emptied", "shortened", "changed"])
def test_a_journal_that_another_program_changes_meanwhile_is_said(
    tmp_path: Path, change: str
) -> None:
    file = tmp_path / JOURNAL
    with open_journal(tmp_path, FACTS) as journal:
        journal.append([0, 1], pictures(2), None)
        whole = file.read_bytes()
        if change == "changed":
            file.write_bytes(whole[:-3] + bytes(3))
        else:
            os.truncate(file, 0 if change == "emptied" else len(whole) - 1)
        for read in (journal.pictures, journal.probabilities):
            with pytest.raises(DataError, match=r"changed by another program .* again"):
                read([0, 1])
        if change != "changed":
            with pytest.raises(DataError, match="changed by another program"):
                journal.append([2], pictures(1), None)
