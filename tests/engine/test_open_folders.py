"""Which samples stay at hand: those of the models that the window shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny_folder import write_tiny_model

from diffviews_desktop.engine import open_folders
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.mapping import LinkMaps, MapLayer
from diffviews_desktop.engine.jobs.opening import DataOpened, OpenData
from diffviews_desktop.engine.open_folders import OpenFolders
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.maps import MapSpec


@pytest.fixture
def source(tiny_data: Callable[..., Path]) -> FolderRef:
    """A folder with three models."""
    data = tiny_data(samples=8)
    for name in ("second", "third"):
        write_tiny_model(data / name, samples=8)
    return FolderRef(data)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the models whose samples were read, in order."""
    read: list[str] = []
    real = open_folders.read_samples

    def noting(folder: Any, *arguments: Any) -> Any:
        read.append(folder.name)
        return real(folder, *arguments)

    monkeypatch.setattr(open_folders, "read_samples", noting)
    return read


@pytest.fixture
def folders() -> OpenFolders:
    return OpenFolders(check=lambda: None)


def test_a_second_map_of_another_model_leaves_the_firsts_samples_at_hand(
    source: FolderRef, reads: list[str]
) -> None:
    engine, layers = Engine("cpu", threads=1), ("midblock",)
    mapping = MapLayer(job_id=1, folder=source, spec=MapSpec("tiny", layers))
    first = engine.run(mapping)
    engine.run(
        LinkMaps(
            job_id=2, folder=source, spec=MapSpec("tiny", layers), other=MapSpec("second", layers)
        )
    )
    again = engine.run(replace(mapping, job_id=3))
    assert (again.model, again.layers) == (first.model, first.layers)
    assert reads == ["tiny", "second"]


def test_of_a_third_model_the_one_that_was_used_longest_ago_goes(
    source: FolderRef, reads: list[str], folders: OpenFolders
) -> None:
    for name in ("tiny", "second", "tiny", "third", "tiny", "third"):
        assert folders.model(source, name).folder.name == name
    assert reads == ["tiny", "second", "third"]
    folders.model(source, "second")
    assert reads[3:] == ["second"]


def test_opening_a_folder_again_reads_it_again(
    source: FolderRef, reads: list[str], folders: OpenFolders
) -> None:
    before = folders.folder(source)
    folders.model(source, "tiny")
    assert folders.folder(source) is before
    assert folders.reopen(source) is not before
    folders.model(source, "tiny")
    assert reads == ["tiny", "tiny"]


def test_samples_that_are_looked_for_by_their_ids_come_with_an_index(source: FolderRef) -> None:
    engine = Engine("cpu", threads=1)

    def opened(known: str) -> DataOpened:
        return engine.run(OpenData(job_id=1, folder=source, model="tiny", known=known))

    same = opened(opened("").fingerprint)
    assert "_id_index" not in vars(same.samples)
    assert "_id_index" in vars(opened("of another table").samples)
