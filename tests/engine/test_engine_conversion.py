"""Checkpoints that the engine writes as .safetensors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import tiny_model
from watched import (
    Watch,
    load,
    make_engine,
    model_of,
    run_generate,
    run_map,
    same_pictures,
)

from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.opening import (
    CheckpointConverted,
    ConvertCheckpoint,
)
from diffviews_desktop.engine.protocol import Event, Progress
from diffviews_desktop.errors import (
    Cancelled,
    CheckpointError,
    DataError,
    DiffViewsError,
)
from diffviews_desktop.values.folders import FolderRef


@pytest.fixture
def engine(watched_engine: Engine) -> Engine:
    return watched_engine


def convert(engine: Engine, source: FolderRef, model: str = "tiny") -> CheckpointConverted:
    """Write the model's checkpoint as .safetensors."""
    result = engine.run(ConvertCheckpoint(job_id=6, folder=source, model=model))
    assert isinstance(result, CheckpointConverted)
    return result


def write_bare_checkpoint(path: Path, seed: int = 0, **changes: Any) -> None:
    """A state dict as trainings leave it: without a configuration."""
    network = {"img_resolution": 16, "attn_resolutions": [], "img_channels": 1} | changes
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(tiny_model(seed, **network).state_dict(), path)


@pytest.fixture
def bare(tiny_data: Callable[..., Path]) -> FolderRef:
    """A folder whose checkpoint is a bare state dict."""
    data = tiny_data(checkpoint=False, config={"checkpoint": "checkpoints/tiny.pt"})
    write_bare_checkpoint(data / "tiny/checkpoints/tiny.pt")
    return FolderRef(data)


def test_a_converted_checkpoint_is_used_and_finds_what_was_cached(
    engine: Engine, watch: Watch, bare: FolderRef
) -> None:
    checkpoints = bare.path / "tiny/checkpoints"
    loaded = load(engine, bare)
    assert loaded.convertible
    assert "does not say its preconditioning" in loaded.notes[0]
    before = run_generate(engine, bare)
    model = model_of(engine)
    watch.events.clear()
    assert convert(engine, bare) == CheckpointConverted("tiny", checkpoints / "tiny.safetensors")
    assert sorted(path.name for path in checkpoints.iterdir()) == ["tiny.pt", "tiny.safetensors"]
    assert watch.stages == ["converting the checkpoint"]
    fractions = [event.fraction for event in watch.events if isinstance(event, Progress)]
    assert fractions == sorted(fractions)  # type: ignore[type-var]
    assert (fractions[0], fractions[-1]) == (0, 1)

    # the loaded model stays, and its map is the one in the cache
    watch.events.clear()
    assert not load(engine, bare).convertible
    assert run_map(engine, bare, "midblock").from_cache
    assert model_of(engine) is model
    assert same_pictures(run_generate(engine, bare), before)
    assert "loading the model" not in watch.stages

    # so it is for an engine that loads the converted file, also without the old one
    (checkpoints / "tiny.pt").unlink()
    other = make_engine()
    again = load(other, bare)
    assert not again.convertible
    assert again.notes == ()  # what was assumed is said in the file now
    assert [layer.name for layer in again.layers if layer.cached] == ["midblock"]
    assert run_map(other, bare, "midblock").from_cache
    assert same_pictures(run_generate(other, bare), before)


def test_a_changed_original_is_no_longer_stood_for(engine: Engine, bare: FolderRef) -> None:
    convert(engine, bare)
    before = run_generate(engine, bare, rows=())
    write_bare_checkpoint(bare.path / "tiny/checkpoints/tiny.pt", seed=9)
    assert not same_pictures(run_generate(engine, bare, rows=()), before)


@pytest.mark.parametrize("heard_at", [0.0, 0.3, 0.7])
def test_a_cancelled_conversion_leaves_no_file(
    engine: Engine, watch: Watch, bare: FolderRef, heard_at: float
) -> None:
    """Also where it is heard only when everything was read, and the file written."""
    checkpoints = bare.path / "tiny/checkpoints"
    load(engine, bare)
    model = model_of(engine)

    def cancel(event: Event) -> None:
        if isinstance(event, Progress) and event.fraction is not None:
            watch.cancel_at = event.stage if event.fraction >= heard_at else None

    watch.on_event = cancel
    with pytest.raises(Cancelled):
        convert(engine, bare)
    assert [path.name for path in checkpoints.iterdir()] == ["tiny.pt"]
    watch.on_event, watch.cancel_at = lambda event: None, None
    load(engine, bare)
    assert model_of(engine) is model
    convert(engine, bare)


def test_a_file_that_is_in_the_way_is_not_replaced(engine: Engine, bare: FolderRef) -> None:
    beside = bare.path / "tiny/checkpoints/tiny.safetensors"
    beside.write_bytes(b"somebody's")
    assert not load(engine, bare).convertible
    with pytest.raises(DiffViewsError, match=r"tiny\.safetensors is there already"):
        convert(engine, bare)
    assert beside.read_bytes() == b"somebody's"


def test_what_cannot_be_converted(
    engine: Engine, tiny_data: Callable[..., Path], bare: FolderRef
) -> None:
    tiny_data("ours")
    assert not load(engine, bare, "ours").convertible
    (bare.path / "tiny/checkpoints/tiny.pt").write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError):
        convert(engine, bare)
    (bare.path / "tiny/checkpoints/tiny.pt").unlink()
    with pytest.raises(DataError, match="is not in"):
        convert(engine, bare)
    assert list((bare.path / "tiny/checkpoints").iterdir()) == []


def test_a_folder_of_accelerate_opens(engine: Engine, tiny_data: Callable[..., Path]) -> None:
    source = FolderRef(tiny_data(checkpoint=False, config={"checkpoint": "trained"}))
    write_bare_checkpoint(source.path / "tiny/trained/pytorch_model.bin")
    loaded = load(engine, source)
    assert (loaded.num_classes, loaded.resolution, loaded.convertible) == (5, 16, False)
    before = run_generate(engine, source, rows=())
    write_bare_checkpoint(source.path / "tiny/trained/pytorch_model.bin", seed=9)
    assert not same_pictures(run_generate(engine, source, rows=()), before)
