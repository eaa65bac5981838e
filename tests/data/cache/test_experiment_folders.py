"""Kept experiments stay within their bound, the least recently used going first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from diffviews_desktop.data.cache.experiment_folders import (
    ExperimentFolders,
    experiments_budget,
)
from diffviews_desktop.data.cache.limits import VARIABLES
from diffviews_desktop.errors import UsageError

VARIABLE = VARIABLES["experiments"]
NAMES = tuple(letter * 24 for letter in "abc")


@pytest.fixture
def folders(tmp_path: Path) -> ExperimentFolders:
    """Three experiments of half a megabyte, the first used last."""
    for age, name in enumerate(NAMES):
        file = tmp_path / name / "pictures.journal"
        file.parent.mkdir()
        file.write_bytes(bytes(500_000))
        os.utime(file, (1_000_000 - age, 1_000_000 - age))
    return ExperimentFolders(tmp_path)


def names(folders: ExperimentFolders) -> list[str]:
    return [one.key for one in folders.entries()]


def test_the_least_recently_used_goes_first(
    folders: ExperimentFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert names(folders) == list(reversed(NAMES))
    monkeypatch.setenv(VARIABLE, "1")
    folders.make_room(keep=folders.of(NAMES[2]))
    assert names(folders) == [NAMES[2], NAMES[0]]


def test_what_was_just_drawn_stays_however_large_it_is(
    folders: ExperimentFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "0")
    folders.make_room(keep=folders.of(NAMES[1]))
    assert names(folders) == [NAMES[1]]


def test_nothing_goes_where_all_fits(folders: ExperimentFolders) -> None:
    folders.make_room(keep=folders.of(NAMES[1]))
    assert len(names(folders)) == 3


def test_a_link_is_no_experiment(folders: ExperimentFolders, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (folders.root / ("d" * 24)).symlink_to(outside, target_is_directory=True)
    assert len(names(folders)) == 3
    folders.clear()
    assert outside.is_dir()


def test_a_budget_that_is_no_number_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("much", "1e308", "nan"):
        monkeypatch.setenv(VARIABLE, text)
        with pytest.raises(UsageError, match="number of megabytes"):
            experiments_budget()
