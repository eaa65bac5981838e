"""The bundled demo, unpacked for real."""

import shutil
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from diffviews_desktop import paths
from diffviews_desktop.data import demo
from diffviews_desktop.data.dataset import open_data_folder, read_samples
from diffviews_desktop.data.demo import demo_folder, unpack_demo
from diffviews_desktop.data.pictures import read_picture
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
    return sorted(path.name for path in home.iterdir()) if home.is_dir() else []


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


def test_the_second_time_nothing_is_done(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = bundle(tmp_path, monkeypatch, {"m/config.json": b"{}"})
    target = unpack_demo()
    (target / "m" / "config.json").write_text('{"description": "changed by its owner"}')
    archive.unlink()  # not even looked for
    assert unpack_demo() == target
    assert "changed by its owner" in (target / "m" / "config.json").read_text()


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


def test_two_programs_at_once(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle(tmp_path, monkeypatch, {f"m/{i}": bytes([i]) * 100 for i in range(50)})
    for _ in range(5):
        shutil.rmtree(home, ignore_errors=True)
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
        assert left_over(home) == [demo_folder().name]
        assert len(list((demo_folder() / "m").iterdir())) == 50
