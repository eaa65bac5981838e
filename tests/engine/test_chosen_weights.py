"""Which weights of a checkpoint a model runs with: in its folder's settings, and on the way in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from diffviews_desktop.cli import main as cli
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.opening import LoadModel
from diffviews_desktop.errors import CheckpointError
from diffviews_desktop.values.folders import FolderRef, ModelLoaded, Overrides


@pytest.fixture
def data(tiny_data: Callable[..., Path]) -> Path:
    """A folder whose checkpoint has weights and smoothed ones, the former all zeros."""
    data = tiny_data(samples=6)
    (weights,) = data.rglob("*.safetensors")
    state = load_file(weights)
    zeros = {name: torch.zeros_like(value) for name, value in state.items()}
    torch.save({"model": zeros, "ema": state}, data / "tiny" / "both.pt")
    change(data, adapter="edm", checkpoint="both.pt")
    return data


def change(data: Path, **settings: str) -> None:
    file = data / "tiny" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))


def loaded(source: FolderRef) -> tuple[ModelLoaded, bool]:
    """What is said of the model, and whether all its weights are zero."""
    engine = Engine("cpu", threads=1)
    said = engine.run(LoadModel(job_id=1, folder=source, model="tiny"))
    opened = engine.workspace.open(source, "tiny")
    network = engine.workspace.model_of(opened).adapter.model
    return said, not any(value.any() for value in network.parameters())


def test_the_weights_are_chosen_by_the_folder_and_replaced_by_the_source(data: Path) -> None:
    said, zero = loaded(FolderRef(data))
    assert not zero
    assert any("(model, ema): ema was taken" in note for note in said.notes)
    assert loaded(FolderRef(data, overrides=Overrides(weights="model")))[1]
    change(data, weights="model")
    said, zero = loaded(FolderRef(data))
    assert zero
    assert any("model was taken" in note for note in said.notes)
    assert not loaded(FolderRef(data, overrides=Overrides(weights="ema")))[1]
    with pytest.raises(CheckpointError, match="its weights are model, ema"):
        loaded(FolderRef(data, overrides=Overrides(weights="average")))


def test_a_converted_checkpoint_does_not_stand_for_named_weights(data: Path) -> None:
    assert (
        cli.main(
            [
                "convert-checkpoint",
                str(data / "tiny" / "both.pt"),
                str(data / "tiny" / "both.safetensors"),
            ]
        )
        == 0
    )
    assert not loaded(FolderRef(data))[1]
    assert loaded(FolderRef(data, overrides=Overrides(weights="model")))[1]


def test_activations_of_other_weights_are_others(data: Path) -> None:
    engine = Engine("cpu", threads=1)
    from diffviews_desktop.engine.activations import Activations
    from diffviews_desktop.values.layers import LayerSet

    keys = {
        Activations(
            engine.workspace.open(FolderRef(data, overrides=Overrides(weights=name)), "tiny"),
            LayerSet(["midblock"]),
        ).key
        for name in (None, "model", "ema")
    }
    assert len(keys) == 3


def test_the_option(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["extract", "--data", str(data), "--layer", "midblock", "--weights", "none"]
    assert cli.main(arguments) == 1
    assert (
        "no single set of weights called none: its weights are model, ema"
        in capsys.readouterr().err
    )
