"""Places of files."""

import sys
from pathlib import Path

import pytest

from diffviews_desktop import paths


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG is for Linux")
def test_files_go_where_the_desktop_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    assert paths.data_dir() == tmp_path / "DATA" / "diffviews-desktop"
    assert paths.cache_dir() == tmp_path / "CACHE" / "diffviews-desktop"
    assert paths.log_file().is_relative_to(tmp_path / "STATE" / "diffviews-desktop")
    assert list(tmp_path.iterdir()) == []  # asking creates nothing


def test_the_data_folder_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIFFVIEWS_DATA_DIR", str(tmp_path))
    assert paths.default_data_folder() == tmp_path
    monkeypatch.setenv("DIFFVIEWS_DATA_DIR", "")
    assert paths.default_data_folder() is None
    monkeypatch.delenv("DIFFVIEWS_DATA_DIR")
    assert paths.default_data_folder() is None


def test_resources_are_found_and_hold_the_demo() -> None:
    assert list((paths.resources() / "demo").glob("*.zip"))
    assert (paths.resources() / "icons" / "app.svg").is_file()
