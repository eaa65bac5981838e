"""Where caches are kept: by a variable, by the user's choice, or where they usually are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from diffviews_desktop import paths
from diffviews_desktop.data.cache.place import cache_place, choose_cache_place
from diffviews_desktop.errors import UsageError
from diffviews_desktop.values.storage import CachePlace


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("DIFFVIEWS_CACHE_DIR", raising=False)


def test_a_folder_that_is_chosen_is_used_from_then_on(tmp_path: Path) -> None:
    usual = tmp_path / "cache" / "diffviews-desktop"
    assert cache_place() == CachePlace(usual, usual)
    choose_cache_place(tmp_path / "größer")
    there = tmp_path / "größer" / "diffviews-desktop"
    assert there.is_dir()
    assert cache_place() == CachePlace(there, usual)
    choose_cache_place(there)  # as the page shows it
    assert paths.cache_dir() == there
    choose_cache_place(None)
    choose_cache_place(None)
    assert cache_place() == CachePlace(usual, usual)


def test_a_variable_goes_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choose_cache_place(tmp_path / "chosen")
    monkeypatch.setenv("DIFFVIEWS_CACHE_DIR", str(tmp_path / "named"))
    assert cache_place().path == tmp_path / "named"
    assert cache_place().variable == "DIFFVIEWS_CACHE_DIR"


def test_what_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    odd = tmp_path / "a\udcff"  # a byte that is no UTF-8
    for path in (tmp_path / "file" / "caches", Path("relative"), Path("/proc/caches"), odd):
        with pytest.raises(UsageError, match="another folder"):
            choose_cache_place(path)
    assert not paths.cache_choice().exists()


@pytest.mark.parametrize("said", ["", "relative/caches", "x" * 20_000, "/a\0b", "pipe", "folder"])
def test_a_file_that_names_no_folder_leaves_the_usual_one(said: str) -> None:
    file = paths.cache_choice()
    file.parent.mkdir(parents=True)
    if said == "pipe":
        os.mkfifo(file)
    elif said == "folder":
        file.mkdir()
    else:
        file.write_bytes(said.encode())
    assert paths.cache_dir() == paths.usual_cache_dir()
