"""Fixtures of the engine's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tiny_folder import write_tiny_model
from watched import Watch, make_engine, run_map

from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.opening import DataOpened, OpenData
from diffviews_desktop.values.folders import FolderRef


@pytest.fixture
def watch() -> Watch:
    """What `watched_engine` tells."""
    return Watch()


@pytest.fixture
def watched_engine(watch: Watch) -> Iterator[Engine]:
    """An engine of the test's own."""
    engine = make_engine(watch)
    yield engine
    engine.close()


@pytest.fixture
def source(tiny_data: Callable[..., Path]) -> FolderRef:
    """A folder with a tiny model."""
    return FolderRef(tiny_data())


@pytest.fixture(scope="session")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> FolderRef:
    """A folder whose bottleneck is in the cache; do not change it."""
    data = tmp_path_factory.mktemp("mapped")
    write_tiny_model(data / "tiny")
    engine = make_engine()
    run_map(engine, FolderRef(data), "encoder_bottleneck")
    engine.close()
    return FolderRef(data)


# ---- what all tests of a module share: they read it, and change nothing --------------------------


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a tiny model of sixty samples."""
    data = tmp_path_factory.mktemp("sixty") / "data"
    write_tiny_model(data / "tiny", samples=60)
    return data


@pytest.fixture(scope="module")
def opened(engine: Engine, data: Path) -> DataOpened:
    """The folder, open in the engine."""
    return engine.run(OpenData(job_id=0, folder=FolderRef(data)))
