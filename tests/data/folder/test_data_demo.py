"""The bundled demo, unpacked for real."""

import os
import shutil
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from diffviews_desktop import paths
from diffviews_desktop.data.folder import demo, demo_files
from diffviews_desktop.data.folder.dataset import open_data_folder, read_samples
from diffviews_desktop.data.folder.demo import demo_folder, ready_demo, unpack_demo
from diffviews_desktop.data.folder.pictures import read_picture
from diffviews_desktop.errors import DataError
from diffviews_desktop.processing.umap import Projector


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Whatever is written goes here."""
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr(paths, "data_dir", lambda: tmp_path / "data")  # where XDG is not known
    return tmp_path / "data"


def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: dict[str, bytes]) -> Path:
    """A small bundle of the program's own, in place of the real one."""
    folder = tmp_path / "resources" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "small.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    monkeypatch.setattr(paths, "resources", lambda: tmp_path / "resources")
    return folder / "small.zip"


def left_over(home: Path) -> list[str]:
    names = {path.name for path in home.iterdir()} if home.is_dir() else set()
    return sorted(names - {demo._stamp().name})


def test_the_bundled_demo_opens_as_any_data_folder(home: Path) -> None:
    target = unpack_demo()
    assert target == demo_folder()
    assert left_over(home) == [target.name]
    folder = open_data_folder(target)
    assert folder.problems == ()
    model = folder.model()
    assert model.checkpoint().is_file()
    samples = read_samples(model)
    assert samples.notes == ()
    assert samples.xy is not None
    pictures = [samples.table.picture(i) for i in range(len(samples.table))]
    assert None not in pictures
    assert pictures[0] is not None
    assert np.isfinite(read_picture(pictures[0], 32, 1)).all()
    # its map and its projector belong together
    projector = Projector.load(model.path / "embeddings" / f"{samples.embedding}.projector.npz")
    assert np.array_equal(projector.subset(samples.matrix_rows).xy, samples.xy)


MEMBERS = {
    "a/config.json": b'{"adapter": "edm"}',
    "a/images/real/0.png": b"picture 0",
    "a/images/real/1.png": b"picture 1",
    "b/config.json": b"{}",
    "b/empty": b"",
}
STRANGE = {"a/embeddings/layer_cache/key/entry.json": b"kept", "c/own.txt": b"the user's"}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".aside" not in path.parts
    }


def looks(folder: Path) -> dict[str, int]:
    return {name: (folder / name).stat().st_mtime_ns for name in MEMBERS}


def write_all(folder: Path, members: dict[str, bytes]) -> None:
    for name, data in members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


@pytest.fixture
def unpacked(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small demo, as it was used for a while."""
    bundle(tmp_path, monkeypatch, MEMBERS)
    folder = unpack_demo()
    write_all(folder, STRANGE)
    return folder


def as_folder(path: Path) -> None:
    path.unlink()
    (path / "inside").mkdir(parents=True)


def as_link(path: Path) -> None:
    """To what it was: a right file, but not the demo's."""
    path.rename(path.parent / "elsewhere")
    path.symlink_to("elsewhere")


def as_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def as_file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_bytes(b"in the way")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a file gone": lambda f: (f / "a/images/real/1.png").unlink(),
    "a file emptied": lambda f: (f / "a/config.json").write_bytes(b""),
    "a file cut": lambda f: (f / "a/images/real/1.png").write_bytes(b"pict"),
    "a file of the same size": lambda f: (f / "a/images/real/1.png").write_bytes(b"picture 2"),
    "a file longer": lambda f: (f / "b/empty").write_bytes(b"x"),
    "a folder in place of a file": lambda f: as_folder(f / "a/config.json"),
    "a link in place of a file": lambda f: as_link(f / "a/config.json"),
    "a dangling link in place of a file": lambda f: as_dangling_link(f / "a/config.json"),
    "a pipe in place of a file": lambda f: as_pipe(f / "a/config.json"),
    "all config.json broken": lambda f: [p.write_text("{") for p in f.glob("*/config.json")],
    "a folder gone": lambda f: shutil.rmtree(f / "a/images"),
    "a model gone": lambda f: shutil.rmtree(f / "b"),
    "a file in place of a folder": lambda f: as_file(f / "a/images/real"),
    "a file in place of a model": lambda f: as_file(f / "b"),
    "a link in place of a model": lambda f: as_link(f / "b"),
    "emptied": lambda f: [shutil.rmtree(f / name) for name in "ab"],
}


@pytest.mark.parametrize("what", DAMAGES)
def test_damage_heals_and_what_is_the_users_stays(
    unpacked: Path, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = looks(unpacked)
    kept = {name: data for name, data in STRANGE.items() if not what.startswith("emptied")}
    DAMAGES[what](unpacked)
    assert ready_demo() == (unpacked, None)
    healed = contents(unpacked)
    assert {name: healed.get(name) for name in MEMBERS} == MEMBERS
    assert {name: healed.get(name) for name in kept} == kept
    assert not any((unpacked / name).is_symlink() for name in ("a", "b", *MEMBERS))
    assert looks(unpacked) == before  # what was made of a file is found again by its time
    assert "Restored" in caplog.text
    caplog.clear()
    assert ready_demo() == (unpacked, None)
    assert caplog.text == ""


def test_what_is_in_the_way_is_set_aside(unpacked: Path) -> None:
    as_file(unpacked / "b")
    unpack_demo()
    (aside,) = (unpacked / ".aside").iterdir()
    assert aside.read_bytes() == b"in the way"
    assert aside.name.startswith("b-")


@pytest.mark.parametrize("what", ["a file", "a dangling link", "nothing"])
def test_what_is_in_the_place_of_the_demo_is_set_aside(unpacked: Path, what: str) -> None:
    shutil.rmtree(unpacked)
    if what == "a file":
        unpacked.write_text("in the way")
    elif what == "a dangling link":
        unpacked.symlink_to("nowhere")
    assert ready_demo() == (unpacked, None)
    assert contents(unpacked) == MEMBERS
    aside = [path.name[:7] for path in unpacked.parent.glob(".aside/*")]
    assert aside == ([] if what == "nothing" else ["demo-4-"])


def test_a_demo_that_was_moved_and_linked_is_used(unpacked: Path, tmp_path: Path) -> None:
    unpacked.rename(tmp_path / "another disk")
    unpacked.symlink_to(tmp_path / "another disk")
    (unpacked / "a/config.json").unlink()
    assert ready_demo() == (unpacked, None)
    assert unpacked.is_symlink()
    assert contents(unpacked) == MEMBERS | STRANGE


def flip_silently(path: Path) -> None:
    """Flip a bit and keep size and time, as a disk does."""
    status, data = path.stat(), bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_all_files_are_read_once_a_day(unpacked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flip_silently(unpacked / "a/images/real/1.png")
    now = time.time()
    unpack_demo()
    assert contents(unpacked) != MEMBERS | STRANGE  # it looks as it did
    for later in (25 * 3600, -3600):  # a clock that was set back is no reason to wait
        monkeypatch.setattr(time, "time", lambda later=later: now + later)
        unpack_demo()
        assert contents(unpacked) == MEMBERS | STRANGE
        flip_silently(unpacked / "b/config.json")


@pytest.mark.parametrize("damage", ["gone", "cut", "flipped", "another's", "a folder"])
def test_without_a_sound_stamp_all_files_are_read(unpacked: Path, damage: str) -> None:
    stamp = demo._stamp()
    text = stamp.read_bytes()
    flip_silently(unpacked / "a/images/real/1.png")
    stamp.unlink()
    if damage == "cut":
        stamp.write_bytes(text[:-10])
    elif damage == "flipped":
        stamp.write_bytes(text.replace(b"picture", b"pictura").replace(b"0", b"1", 1))
    elif damage == "another's":
        stamp.write_bytes(b"[]")
    elif damage == "a folder":
        stamp.mkdir()
    assert ready_demo() == (unpacked, None)
    assert contents(unpacked) == MEMBERS | STRANGE


def test_a_touched_file_is_read_and_left_alone(
    unpacked: Path, caplog: pytest.LogCaptureFixture
) -> None:
    os.utime(unpacked / "a/config.json", (1, 1))
    assert ready_demo() == (unpacked, None)
    assert (unpacked / "a/config.json").stat().st_mtime == 1
    assert caplog.text == ""


def test_another_version_of_the_bundle_replaces_what_differs(
    unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = MEMBERS | {"a/config.json": b'{"adapter": "ldm"}', "a/new": b"new"}
    bundle(tmp_path, monkeypatch, newer)
    unpack_demo()
    assert contents(unpacked) == newer | STRANGE


def test_without_its_bundle_the_demo_is_used_as_it_is(unpacked: Path, tmp_path: Path) -> None:
    (tmp_path / "resources" / "demo" / "small.zip").unlink()
    (unpacked / "b/config.json").unlink()
    assert ready_demo() == (unpacked, None)


def test_a_demo_that_cannot_be_repaired_is_used_and_that_is_said(
    unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    (unpacked / "b/config.json").unlink()
    with monkeypatch.context() as patch:  # root may write everywhere
        patch.setattr(demo_files, "create_beside", refuse)
        ready = ready_demo()
    assert ready.path == unpacked
    assert ready.problem is not None
    assert "cannot be checked and repaired (PermissionError" in ready.problem
    assert f"Check the rights of {unpacked}" in ready.problem
    # nor with a bundle that is damaged itself
    archive = tmp_path / "resources" / "demo" / "small.zip"
    archive.write_bytes(archive.read_bytes()[:50])
    ready = ready_demo()
    assert ready.problem is not None
    assert "BadZipFile" in ready.problem


@pytest.mark.parametrize(
    "name", ["../evil.txt", "m/../../evil.txt", "/tmp/evil-of-the-demo-test.txt"]
)
def test_a_name_that_leaves_the_folder_is_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    bundle(tmp_path, monkeypatch, {"m/config.json": b"{}", name: b"evil"})
    with pytest.raises(DataError, match="outside its folder"):
        unpack_demo()
    assert left_over(home) == []
    assert list(tmp_path.rglob("evil*")) == []
    assert not Path("/tmp/evil-of-the-demo-test.txt").exists()


def test_a_damaged_bundle_leaves_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(0).integers(0, 40, 3000, dtype=np.uint8).tobytes()
    archive = bundle(tmp_path, monkeypatch, {"m/config.json": b"{}", "m/noise": noise})
    whole = archive.read_bytes()
    for size in (0, 30, len(whole) // 2, len(whole) - 1):
        archive.write_bytes(whole[:size])
        with pytest.raises(DataError, match="cannot be unpacked"):
            unpack_demo()
        assert left_over(home) == []
    for position in range(120, len(whole) // 2, 40):
        damaged = bytearray(whole)
        damaged[position : position + 8] = b"\xff" * 8
        archive.write_bytes(damaged)
        with pytest.raises(DataError, match="cannot be unpacked"):
            unpack_demo()
        assert left_over(home) == []
    archive.write_bytes(whole)
    assert (unpack_demo() / "m" / "noise").read_bytes() == noise


def test_an_incomplete_installation_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle(tmp_path, monkeypatch, {}).unlink()
    with pytest.raises(DataError, match="Install the program again"):
        unpack_demo()


def test_a_place_that_cannot_be_written_is_said(home: Path) -> None:
    home.write_text("a file is in the way")
    with pytest.raises(DataError, match="cannot be unpacked into"):
        unpack_demo()
    assert home.read_text() == "a file is in the way"


@pytest.mark.parametrize("state", ["missing", "a file", "emptied", "a file inside"])
def test_two_programs_at_once(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    bundle(tmp_path, monkeypatch, {f"m/{i}": bytes([i]) * 100 for i in range(50)})
    for _ in range(5):
        shutil.rmtree(home, ignore_errors=True)
        if state == "a file":
            home.mkdir()
            demo_folder().write_text("")
        elif state == "emptied":
            demo_folder().mkdir(parents=True)
        elif state == "a file inside":
            unpack_demo()
            as_file(demo_folder() / "m")
        got: list[object] = []

        def work(got: list[object] = got) -> None:
            try:
                got.append(unpack_demo())
            except Exception as error:
                got.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == [demo.demo_folder()] * 4
        assert set(left_over(home)) <= {".aside", demo_folder().name}
        files = [path for path in (demo_folder() / "m").iterdir() if path.stat().st_size == 100]
        assert len(files) == len(list((demo_folder() / "m").iterdir())) == 50
