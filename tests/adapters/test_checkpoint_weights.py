"""Checkpoints of trainings: what lies beside the weights, and which weights are taken."""

from __future__ import annotations

import argparse
import collections
import datetime
import decimal
import fractions
import pathlib
import types
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import persistence
import pytest
import torch
from persistence import LEAST, filled

from diffviews_desktop.adapters.checkpoint import load_checkpoint
from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.errors import CheckpointError

FIRST, SECOND = filled("EDMPrecond", LEAST, 0), filled("EDMPrecond", LEAST, 1)
NETWORK, SMOOTHED = FIRST.state_dict(), SECOND.state_dict()
FORMS = pytest.mark.parametrize("zipped", [True, False], ids=["archive", "old"])


class Attributes(dict):
    """As trainings keep settings; not one that can be read."""


HARMLESS: dict[str, Any] = {
    "namespace": argparse.Namespace(
        lr=1e-4, path=pathlib.Path("a/b"), device=torch.device("cuda", 1)
    ),
    "nested": argparse.Namespace(inner=argparse.Namespace(x=(1, [2, {"a": None}]))),
    "simple namespace": types.SimpleNamespace(a=1),
    "ordered": collections.OrderedDict(a=1),
    "defaults": collections.defaultdict(list, a=[1]),
    "defaults of numbers": collections.defaultdict(float, a=0.5),
    "counter": collections.Counter("abca"),
    "deque": collections.deque([1, 2.5, "x"], maxlen=9),
    "chain": collections.ChainMap({"a": 1}, {"b": 2}),
    "user dict": collections.UserDict({"a": 1}),
    "scalars": [
        np.float64(1),
        np.float32(2),
        np.int64(3),
        np.int16(4),
        np.uint8(5),
        np.bool_(True),
    ],
    "paths": [pathlib.Path("/a/b"), pathlib.PurePosixPath("x"), pathlib.PureWindowsPath("c:/x")],
    "torch": [torch.device("cpu"), torch.float16, torch.int8, torch.complex64, torch.Size([1, 2])],
    "version": torch.__version__,
    "layout": torch.strided,
    "dates": [datetime.datetime(2026, 1, 2, 3), datetime.date(2026, 1, 2), datetime.timedelta(1)],
    "zone": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
    "numbers": [decimal.Decimal("0.1"), fractions.Fraction(1, 3), range(3), slice(1, 2)],
    "id": uuid.UUID(int=5),
    "sets": [{"a", "b"}, frozenset({"c"})],
    "plain": {"a": [1, 2.5, None, True, "x", b"bytes", (1, 2)], 5: "five"},
}


def optimizer() -> dict[str, Any]:
    """The state of an optimizer after a step."""
    network = filled("EDMPrecond", LEAST, 0).train().requires_grad_(True)
    made = torch.optim.AdamW(network.parameters(), lr=1e-4)
    sum((p**2).sum() for p in network.parameters()).backward()  # type: ignore[union-attr]
    made.step()
    return made.state_dict()


def is_of(loaded: torch.nn.Module, state: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(loaded.state_dict()[name], value) for name, value in state.items())


@FORMS
@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_objects_beside_the_weights(tmp_path: Path, name: str, zipped: bool) -> None:
    path = tmp_path / "model.pt"
    content = {"before": HARMLESS[name], "model": NETWORK, "args": HARMLESS[name]}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert is_of(load_checkpoint(path).model, NETWORK)


@FORMS
def test_a_whole_training(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "model.pt"
    rates = torch.optim.lr_scheduler.StepLR(torch.optim.SGD([torch.ones(1)]), 1).state_dict()
    content = {
        "model": NETWORK,
        "ema": SMOOTHED,
        "opt": optimizer(),
        "scheduler": rates,
        "args": HARMLESS["namespace"],
        "step": np.int64(7),
        "rng": torch.get_rng_state(),
    }
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    loaded = load_checkpoint(path)
    assert is_of(loaded.model, SMOOTHED)
    note = loaded.notes[0]
    assert note.startswith("model.pt holds several sets of weights (model, ema): ema was taken.")
    assert "--weights NAME" in note
    assert is_of(load_checkpoint(path, weights="model").model, NETWORK)
    assert "model was taken" in load_checkpoint(path, weights="model").notes[0]
    with pytest.raises(
        CheckpointError, match=r"no single set of weights called net: .* model, ema"
    ):
        load_checkpoint(path, weights="net")
    adapter = EDMAdapter.from_checkpoint(path, "cpu", weights="model")
    assert is_of(adapter.model, NETWORK)
    assert any("model was taken" in said for said in adapter.notes)


@pytest.mark.parametrize(
    ("content", "taken"),
    [
        ({"state_dict": NETWORK}, "N"),
        ({"anything": NETWORK, "epoch": 1}, "N"),
        ({"model": {"ema": SMOOTHED, "net": NETWORK}}, "S"),
        ({"net": NETWORK, "net_ema": SMOOTHED}, "S"),
        ({"ema_0.999": SMOOTHED, "model": NETWORK}, "S"),
        ({"state": {"params": NETWORK, "EMA": SMOOTHED}}, "S"),
        ({"net": NETWORK, "discriminator": SMOOTHED}, "N"),
        ({"loss_fn": SMOOTHED, "module": NETWORK}, "N"),
        ({"model": NETWORK, "something": SMOOTHED}, "N"),
        ({"ema": {"step": torch.ones(1)}, "model": NETWORK}, "N"),
        ({**NETWORK, "epoch": 3}, "N"),
        ([NETWORK, optimizer(), 5], "N"),
    ],
)
def test_the_usual_weights(tmp_path: Path, content: Any, taken: str) -> None:
    path = tmp_path / "model.pt"
    torch.save(content, path)
    loaded = load_checkpoint(path)
    assert is_of(loaded.model, NETWORK if taken == "N" else SMOOTHED)


def test_weights_that_cannot_be_told_apart_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"first": NETWORK, "second": SMOOTHED}, path)
    with pytest.raises(CheckpointError, match=r"several sets of weights \(first, second\)"):
        load_checkpoint(path)
    assert is_of(load_checkpoint(path, weights="second").model, SMOOTHED)


def test_weights_of_a_pickle_of_the_authors_code(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    content = {
        "net": persistence.network(FIRST, LEAST),
        "ema": persistence.network(SECOND, LEAST),
    }
    path.write_bytes(persistence.dumps(content))
    loaded = load_checkpoint(path)
    assert is_of(loaded.model, SMOOTHED)
    assert "(net, ema): ema was taken" in loaded.notes[0]
    assert is_of(load_checkpoint(path, weights="net").model, NETWORK)


def test_one_set_of_weights_has_no_name(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "model.safetensors"
    save_file(NETWORK, path)
    with pytest.raises(CheckpointError, match="has one set of weights, without a name"):
        load_checkpoint(path, weights="ema")


@pytest.mark.parametrize(
    "wrap",
    [
        "{}".format,
        "module.{}".format,
        "_orig_mod.{}".format,
        "module._orig_mod.{}".format,
        "_orig_mod.module.{}".format,
        lambda name: name.replace("model.", "model._orig_mod.", 1),
        lambda name: name.replace("model.", "model.module.", 1),
        lambda name: name.replace("_block0.", "_block0._orig_mod."),
        lambda name: name.replace("map_layer0.", "map_layer0._fsdp_wrapped_module."),
        lambda name: "_orig_mod." + name.removeprefix("model."),
    ],
)
def test_what_wrappers_add_to_names_is_left_out(tmp_path: Path, wrap: Any) -> None:
    path = tmp_path / "model.pt"
    torch.save({wrap(name): value for name, value in NETWORK.items()}, path)
    assert is_of(load_checkpoint(path).model, NETWORK)


def test_an_object_of_a_class_of_its_own_is_named_and_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"model": NETWORK, "args": Attributes(a=1)}, path)
    with pytest.raises(CheckpointError, match=r"holds the Python object .*\.Attributes"):
        load_checkpoint(path)
