"""Which disk is full is said; files are linked or copied to names that are free."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from limits import file_limit

from diffviews_desktop.data.cache.disk import explain_full_disk, link_or_copy, write_synced
from diffviews_desktop.errors import CacheError, explain
from diffviews_desktop.files.reading import UnfitFileError, read_bytes


def fill(folder: Path, *named: str) -> None:
    with explain_full_disk(folder):
        raise OSError(errno.ENOSPC, "No space left on device", *named)


def test_the_folder_that_is_full_is_named(tmp_path: Path) -> None:
    cache, kernels = tmp_path / "layer_cache", tmp_path / "kernels"
    cache.mkdir()
    for named in ((), (str(cache / ".new" / "projector.npz"),)):
        with pytest.raises(CacheError, match=rf"are free in {cache}\. Make room"):
            fill(cache, *named)
    with pytest.raises(CacheError, match=rf"The disk got full: .* are free in {kernels}\."):
        fill(cache, str(kernels / "kernel.nbc"))


def test_a_file_that_is_too_large_to_be_read_is_no_full_disk(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    large.write_bytes(bytes(100))
    with pytest.raises(UnfitFileError) as refused, explain_full_disk(tmp_path):
        read_bytes(large, 99)
    assert "full" not in explain(refused.value)
    assert "more than 0.0 MB are not read" in explain(refused.value)


def test_other_errors_are_no_full_disk(tmp_path: Path) -> None:
    def refuse() -> None:
        with explain_full_disk(tmp_path):
            raise PermissionError(errno.EACCES, "no")

    with pytest.raises(PermissionError):
        refuse()


@pytest.mark.parametrize("links", [True, False])
def test_a_file_is_linked_or_copied_to_a_free_name_only(
    tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Path) -> None:
        raise PermissionError("no hard links here")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    source, victim = tmp_path / "source", tmp_path / "victim"
    source.write_bytes(bytes(5000))
    victim.write_text("kept")
    link_or_copy(source, tmp_path / "free")
    assert (tmp_path / "free").read_bytes() == bytes(5000)
    assert os.path.samefile(source, tmp_path / "free") == links
    (tmp_path / "taken").symlink_to(victim)
    (tmp_path / "dangling").symlink_to(tmp_path / "absent")
    for name in ("taken", "dangling", "victim"):
        with pytest.raises(FileExistsError):
            link_or_copy(source, tmp_path / name)
    assert victim.read_text() == "kept"
    if not links:
        with file_limit(1000), pytest.raises(OSError, match="large"):
            link_or_copy(source, tmp_path / "cut")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "dangling", "free", "source", "taken", "victim",
    ]  # fmt: skip


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / "entry.json").symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_synced(tmp_path / "entry.json", b"new")
    assert victim.read_text() == "kept"
