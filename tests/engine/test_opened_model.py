"""Where maps are kept: beside the model, unless that cannot be written or a link leads out."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from victims import Victims

from diffviews_desktop import paths
from diffviews_desktop.cli.verbs import cache as cache_verb
from diffviews_desktop.data.cache.layer_cache import LayerCache
from diffviews_desktop.data.folder.dataset import open_data_folder
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.mapping import Extract
from diffviews_desktop.engine.jobs.opening import DataOpened, OpenData
from diffviews_desktop.engine.opened_model import cache_notes, cache_of
from diffviews_desktop.values.folders import FolderRef

BESIDE = Path("embeddings", "layer_cache")


@pytest.fixture
def victims(tmp_path: Path) -> Victims:
    return Victims(tmp_path / "victims")


def link(data: Path, place: Path, target: Path) -> None:
    path = data / "tiny" / place
    if path.is_dir():
        os.rename(path, data / "aside")
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(target)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LayerCache:
    """The user's cache, empty."""
    monkeypatch.setattr(paths, "cache_dir", lambda: tmp_path / "own")
    return LayerCache(tmp_path / "own" / "layer_cache")


@pytest.mark.parametrize("place", [BESIDE, BESIDE.parent])
@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_that_leads_out_is_not_followed(
    tiny_data: Callable[..., Path],
    victims: Victims,
    own_cache: LayerCache,
    place: Path,
    dangling: bool,
) -> None:
    data = tiny_data(samples=6, embedding=False)
    link(data, place, victims.absent if dangling else victims.folder)
    engine, source = Engine("cpu", threads=1), FolderRef(data)
    opened = engine.run(OpenData(job_id=1, folder=source))
    assert isinstance(opened, DataOpened)
    (problem,) = opened.problems
    assert problem.startswith(f"{data / 'tiny' / BESIDE} is a link that leads out of {data}/tiny, ")
    assert f"maps are kept in {own_cache.root}." in problem
    engine.run(Extract(job_id=2, folder=source, model="tiny", layer_sets=(("midblock",),)))
    assert own_cache.unfinished_bytes() > 6 * 4
    assert victims.unharmed()
    if not dangling:  # what looks like an entry out there is not deleted either
        (victims.folder / "layer_cache").mkdir()
        for name in ("0123", ".old-0123-01234567", "layer_cache/.old-0123-01234567"):
            (victims.folder / name).mkdir()
    before = sorted(victims.folder.rglob("*"))
    options = argparse.Namespace(
        data=data, model=None, layer=None, key=None, experiments=False, all=True
    )
    assert cache_verb.clear(options).result["freed"] > 0
    assert own_cache.unfinished_bytes() == 0
    assert sorted(victims.folder.rglob("*")) == before


def test_links_within_the_folder_and_to_the_folder_are_followed(
    tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    data = tiny_data(samples=6)
    (data / "tiny" / "kept").mkdir()
    link(data, BESIDE, data / "tiny" / "kept")
    (tmp_path / "link").symlink_to(data)
    model = open_data_folder(tmp_path / "link").model("tiny")
    assert cache_of(model).root == model.path / BESIDE
    assert cache_notes(model) == ()


def test_where_nothing_can_be_made_the_users_cache_is_taken(
    tiny_data: Callable[..., Path], own_cache: LayerCache
) -> None:
    data = tiny_data(samples=6)
    model = open_data_folder(data).model("tiny")
    assert cache_of(model).root == data / "tiny" / BESIDE
    link(data, BESIDE, data / "tiny" / "absent")
    assert cache_of(model).root == own_cache.root
