"""Files of compiled kernels: damaged ones are dropped, and where none can be kept that is said."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from limits import file_limit

from diffviews_desktop.processing import kernel_store
from diffviews_desktop.processing.kernel_store import KernelStore, private_temporary, user_store

NAME, DATA = "umap_0123/layouts.rdist-31.py311", b"machine code" * 50


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's temporary folder, of this test alone."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def store(tmp_path: Path) -> KernelStore:
    return KernelStore(tmp_path / "cache" / "numba")


def file_of(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "numba" / f"{NAME}.kernels"


def test_what_was_saved_is_loaded(store: KernelStore, tmp_path: Path, temporary: Path) -> None:
    assert store.load(NAME) == []
    store.save(NAME, b"before")
    store.save(NAME, DATA)
    assert store.load(NAME) == [DATA]
    assert [path.name for path in file_of(tmp_path).parent.iterdir()] == [file_of(tmp_path).name]
    assert list(temporary.iterdir()) == []
    assert store.take_notes() == ()
    store.drop(NAME)
    assert store.load(NAME) == []


def flipped(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1 << position % 8]) + data[position + 1 :]


def test_damaged_files_are_dropped(
    store: KernelStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.save(NAME, DATA)
    file = file_of(tmp_path)
    whole = file.read_bytes()
    damages = [b"", bytes(len(whole)), whole + b"x", whole[: len(whole) // 2]]
    damages += [whole[:size] for size in range(0, len(whole), 7)]
    damages += [flipped(whole, position) for position in range(len(whole))]
    for damage in damages:
        file.write_bytes(damage)
        caplog.clear()
        assert store.load(NAME) == []
        assert not file.exists()
        assert "Dropping the damaged kernels" in caplog.text
    store.save(NAME, DATA)
    assert store.load(NAME) == [DATA]


def as_folder(file: Path) -> None:
    file.mkdir(parents=True)


def as_pipe(file: Path) -> None:
    file.parent.mkdir(parents=True)
    os.mkfifo(file)


def as_dangling_link(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.symlink_to("nowhere")


@pytest.mark.parametrize("what", [as_folder, as_pipe, as_dangling_link])
def test_what_is_no_file_is_not_waited_for(
    store: KernelStore, tmp_path: Path, what: Callable[[Path], None]
) -> None:
    what(file_of(tmp_path))
    assert store.load(NAME) == []
    store.save(NAME, DATA)
    assert store.load(NAME) == [DATA]
    assert store.take_notes() == ()


# ---- another place ------------------------------------------------------------------------------


def test_where_the_cache_cannot_be_written_a_private_folder_is_used(
    store: KernelStore, tmp_path: Path, temporary: Path
) -> None:
    (tmp_path / "cache").write_text("a file is in the way")
    store.save(NAME, DATA)
    (spare,) = temporary.iterdir()
    assert spare.stat().st_mode & 0o077 == 0
    assert store.load(NAME) == [DATA]
    assert KernelStore(tmp_path / "cache" / "numba").load(NAME) == [DATA]  # the next start
    assert store.take_notes() == ()
    assert (tmp_path / "cache").read_text() == "a file is in the way"
    # what can be kept again is kept where it belongs, and found first
    (tmp_path / "cache").unlink()
    store.save(NAME, b"newer")
    assert store.load(NAME) == [b"newer", DATA]


def open_to_others(folder: Path) -> None:
    folder.chmod(0o770)


def of_somebody_else(folder: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(folder, 12345, -1)


def a_link(folder: Path) -> None:
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.symlink_to(aside)


def a_file(folder: Path) -> None:
    folder.rename(folder.with_name("aside"))
    folder.write_text("")


@pytest.mark.parametrize("planted", [open_to_others, of_somebody_else, a_link, a_file])
def test_a_temporary_folder_that_others_can_write_is_not_used(
    store: KernelStore, tmp_path: Path, planted: Callable[[Path], None]
) -> None:
    (tmp_path / "cache").write_text("a file is in the way")
    store.save(NAME, DATA)
    folder = private_temporary(make=False)
    assert folder is not None
    planted(folder)
    assert private_temporary(make=True) is None
    assert store.load(NAME) == []


def test_no_folder_in_the_current_one_is_used(
    store: KernelStore, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file is in the way")
    store.save(NAME, DATA)
    monkeypatch.chdir(temporary)  # as if this were the data folder that somebody sent
    assert store.load(NAME) == []
    store.save(NAME, DATA)
    (problem,) = store.take_notes()
    assert f"cannot be kept in {tmp_path / 'cache' / 'numba'} (Not a directory)" in problem
    assert problem.endswith("Check the folder's rights.")
    assert store.take_notes() == ()  # said once


def test_a_full_disk_is_said_and_leaves_nothing(
    store: KernelStore, tmp_path: Path, temporary: Path
) -> None:
    with file_limit(100):  # no longer: it holds for the file that pytest prints to, too
        store.save(NAME, DATA)
    (problem,) = store.take_notes()
    left = [path for path in (*tmp_path.rglob("*"), *temporary.rglob("*")) if path.is_file()]
    assert f"cannot be kept in {tmp_path / 'cache' / 'numba'} (the disk is full)" in problem
    assert problem.endswith("Make room on that disk.")
    assert left == []
    assert store.load(NAME) == []


def test_the_store_of_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user_store.cache_clear()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "named"))
    user_store().save(NAME, DATA)
    assert (tmp_path / "named" / f"{NAME}.kernels").is_file()
    user_store.cache_clear()
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr(kernel_store.paths, "cache_dir", lambda: tmp_path / "own")
    user_store().save(NAME, DATA)
    assert (tmp_path / "own" / "numba" / f"{NAME}.kernels").is_file()
    user_store.cache_clear()
