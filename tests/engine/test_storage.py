"""What is kept on the disk: measured as it is, and nothing deleted but what can be made again."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_folder import write_tiny_model

from diffviews_desktop.data.cache.experiment_folders import kept_experiments
from diffviews_desktop.data.cache.limits import USUAL
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.storage import ChooseLimit
from diffviews_desktop.engine.storage import clear, measure
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.storage import DiskUse, Limit

KEPT = "0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with something in its layer cache, and an experiment that is kept."""
    data = tmp_path / "data"
    write_tiny_model(data / "tiny", samples=12)
    cached = data / "tiny/embeddings/layer_cache/half"
    cached.mkdir(parents=True)
    (cached / "rows.npy").write_bytes(b"x" * 1000)
    experiment = kept_experiments().root / KEPT
    experiment.mkdir(parents=True)
    (experiment / "journal").write_bytes(b"x" * 300)
    (kept_experiments().root / "notes.txt").write_text("mine")
    return data


def nothing() -> None:
    pass


def sizes(use: DiskUse) -> dict[str, int]:
    found: dict[str, int] = {}
    for kept in use.kept:
        found[kept.kind] = found.get(kept.kind, 0) + kept.bytes
    return found


def test_what_is_kept_is_measured(data: Path, tmp_path: Path) -> None:
    deep = tmp_path / "downloads/model/images/set"
    deep.mkdir(parents=True)
    (deep / "0.png").write_bytes(b"x" * 50)
    (deep / "link").symlink_to(data)
    found = sizes(measure(FolderRef(data), tmp_path / "downloads", nothing))
    assert found["experiments"] == 304
    assert found["downloads"] == 50
    use = measure(FolderRef(data), tmp_path / "downloads", nothing)
    assert [kept.model for kept in use.kept] == ["tiny", "", "", ""]


def test_experiments_are_deleted_and_nothing_beside_them(data: Path, tmp_path: Path) -> None:
    before = sorted(data.rglob("*"))
    root = kept_experiments().root
    clear("experiments", root, FolderRef(data), nothing)
    assert [path.name for path in root.iterdir()] == ["notes.txt"]
    assert sorted(data.rglob("*")) == before


@pytest.mark.parametrize("kind", ["experiments", "maps", "downloads"])
def test_a_place_that_was_not_measured_is_left_alone(kind: str, data: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "mine" / KEPT
    elsewhere.mkdir(parents=True)
    (elsewhere / "file").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    for place in (elsewhere, elsewhere.parent, data, data / "tiny", tmp_path):
        clear(kind, place, FolderRef(data), nothing)  # type: ignore[arg-type]
    assert sorted(tmp_path.rglob("*")) == before


def test_a_limit_that_is_chosen_bounds_what_is_kept(data: Path, tmp_path: Path) -> None:
    folder, downloads = FolderRef(data), tmp_path / "downloads"
    other = kept_experiments().root / KEPT.replace("0", "f")
    other.mkdir()
    (other / "journal").write_bytes(b"x" * 400)
    job = ChooseLimit(job_id=1, folder=folder, kind="experiments", bytes=450, downloads=downloads)
    use = Engine("cpu").run(job)
    assert use.limits == (Limit("maps", USUAL), Limit("experiments", 450))
    assert sizes(use)["experiments"] == 704  # nothing goes before something is added
    kept_experiments().make_room(keep=other)
    assert [one.path for one in kept_experiments().entries()] == [other]
