"""Checkpoints: what is written is read again, and no file can run code or stop the program."""

import io
import json
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import CONFIG, labels_of, normal, tiny_model
from torch import Tensor

from diffviews_desktop.adapters.checkpoint import load_model, read_config, save_checkpoint
from diffviews_desktop.errors import CheckpointError

MODEL = tiny_model(seed=11)
STATE = MODEL.state_dict()


def outputs(model: torch.nn.Module) -> Tensor:
    return model(normal(2, 3, 8, 8), torch.tensor([0.5, 5.0]), labels_of(1, 2))


def write_header(path: Path, text: str | None) -> None:
    metadata = None if text is None else {"diffviews": text}
    safetensors.torch.save_file(STATE, path, metadata=metadata)


# --- writing and reading -----------------------------------------------------------------------


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, CONFIG, STATE)
    assert read_config(path) == CONFIG
    model = load_model(path)
    loaded = model.state_dict()
    assert list(loaded) == list(STATE)
    assert all(torch.equal(loaded[name], STATE[name]) for name in STATE)
    assert torch.equal(outputs(model), outputs(MODEL))
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())


def test_the_configuration_is_json_in_the_header(tmp_path: Path) -> None:
    """Read by hand: eight bytes of length, then JSON."""
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, CONFIG, STATE)
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    assert json.loads(header["__metadata__"]["diffviews"]) == CONFIG


def test_views_and_half_precision_can_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    state = {
        name: tensor.half().movedim(0, -1).contiguous().movedim(-1, 0)
        for name, tensor in STATE.items()
    }
    assert not all(tensor.is_contiguous() for tensor in state.values())
    save_checkpoint(path, CONFIG, state)
    model = load_model(path)
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}
    assert (outputs(model) - outputs(MODEL)).abs().max() < 1e-2
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, STATE[name].half().float())


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, CONFIG, STATE)
    before = path.read_bytes()
    (tmp_path / "model.safetensors.part").mkdir()  # nothing can be written there
    with pytest.raises((OSError, safetensors.SafetensorError)):
        save_checkpoint(path, CONFIG, {name: tensor + 1 for name, tensor in STATE.items()})
    assert path.read_bytes() == before


def test_a_save_leaves_one_file(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, CONFIG, STATE)
    save_checkpoint(path, {**CONFIG, "dropout": 0.0}, STATE)
    assert os.listdir(tmp_path) == ["model.safetensors"]
    assert read_config(path)["dropout"] == 0.0


# --- files of others ---------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin"])
@pytest.mark.parametrize("zipped", [True, False])
def test_bare_state_dict_of_torch(tmp_path: Path, suffix: str, zipped: bool) -> None:
    path = tmp_path / f"model{suffix}"
    torch.save(STATE, path, _use_new_zipfile_serialization=zipped)
    assert read_config(path) is None
    assert torch.equal(outputs(load_model(path, CONFIG)), outputs(MODEL))


def test_bare_state_dict_in_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_header(path, None)
    assert read_config(path) is None
    assert torch.equal(outputs(load_model(path, CONFIG)), outputs(MODEL))


@pytest.mark.parametrize("name", ["model.safetensors", "model.pt"])
def test_a_file_without_configuration_says_what_to_do(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".pt":
        torch.save(STATE, path)
    else:
        write_header(path, None)
    with pytest.raises(CheckpointError, match=r"Name an adapter .* in config.json or with --adapt"):
        load_model(path)


def test_the_configuration_in_the_file_is_stronger_than_the_default(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, CONFIG, STATE)
    assert load_model(path, {**CONFIG, "label_dim": 9}).label_dim == 5


def test_no_file(tmp_path: Path) -> None:
    for name in ("model.safetensors", "model.pt", "model.xyz"):
        with pytest.raises(CheckpointError, match=f"no checkpoint at .*{name}.*config.json"):
            load_model(tmp_path / name, CONFIG)
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        read_config(tmp_path / "folder.safetensors")


def test_another_kind_of_file(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08\x07")
    with pytest.raises(CheckpointError, match=r"cannot be read. Use .safetensors"):
        load_model(path, CONFIG)


@pytest.mark.parametrize("keep", [0, 4, 100, 5000, -1])
def test_truncated_safetensors(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, CONFIG, STATE)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"not a readable .safetensors file"):
        load_model(path)


@pytest.mark.parametrize("keep", [0, 4, 100, 5000, -1])
@pytest.mark.parametrize("zipped", [True, False])
def test_truncated_torch_file(tmp_path: Path, keep: int, zipped: bool) -> None:
    path = tmp_path / "model.pt"
    torch.save(STATE, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"model.pt cannot be read as a checkpoint"):
        load_model(path, CONFIG)


@pytest.mark.filterwarnings("ignore")  # torch may warn about what it finds before it refuses it
@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 399), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_torch_file_gives_no_other_error(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    buffer = io.BytesIO()
    torch.save({"weight": torch.ones(3)}, buffer, _use_new_zipfile_serialization=False)
    raw = bytearray(buffer.getvalue())
    for position, value in changes:
        raw[position % len(raw)] = value
    path = tmp_path_factory.getbasetemp() / "damaged.pt"
    path.write_bytes(raw)
    with pytest.raises(CheckpointError):
        load_model(path, CONFIG)


@pytest.mark.parametrize("raw", [b"0.", b"\x80\x02h\x07.", b"\x80\x02}q\x00K", b"not a pickle"])
def test_a_file_that_is_no_pickle(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(raw)
    with pytest.raises(CheckpointError, match="cannot be read as a checkpoint"):
        load_model(path, CONFIG)


# --- tensors and configurations that do not fit --------------------------------------------------


def without_one(state: dict[str, Tensor]) -> None:
    del state["model.out_conv.weight"]


def with_one_more(state: dict[str, Tensor]) -> None:
    state["model.extra"] = torch.zeros(1)


def with_another_shape(state: dict[str, Tensor]) -> None:
    state["model.out_conv.weight"] = torch.zeros(3, 32, 1, 1)


def with_integers(state: dict[str, Tensor]) -> None:
    state["model.out_conv.weight"] = torch.zeros(3, 32, 3, 3, dtype=torch.int64)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (without_one, "model.out_conv.weight"),
        (with_one_more, "model.extra"),
        (with_another_shape, "model.out_conv.weight"),
        (with_integers, "model.out_conv.weight"),
    ],
)
def test_wrong_tensors_are_named(tmp_path: Path, change: Any, named: str) -> None:
    state = dict(STATE)
    change(state)
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, CONFIG, state)
    with pytest.raises(CheckpointError, match=f"do not fit the network.*{named}"):
        load_model(path)


@pytest.mark.parametrize(
    "content",
    [[torch.ones(1)], {"ema": STATE}, {"weight": 1.0}, torch.ones(2), {1: torch.ones(2)}],
)
def test_a_torch_file_must_hold_a_plain_state_dict(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "model.pt"
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="does not hold a plain state dict"):
        load_model(path, CONFIG)


@pytest.mark.parametrize("text", ["{", "", "network: adm", "[" * 200_000])
def test_header_that_is_not_json(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.safetensors"
    write_header(path, text)
    with pytest.raises(CheckpointError, match=r"not a readable .safetensors file"):
        load_model(path)


@pytest.mark.parametrize("text", ["[]", "[1]", "3", '"edm"', "true"])
def test_header_that_is_no_object(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.safetensors"
    write_header(path, text)
    with pytest.raises(CheckpointError, match=r"header of model.safetensors is not an object"):
        load_model(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"img_resolution": "eight"},
        {"img_resolution": None},
        {"stride": 2},
        {"model_channels": -32},
        {"model_channels": 0},
        {"model_channels": 32, "channel_mult": [1, 1]},
        {"channel_mult": []},
        {"channel_mult": 2},
        {"channel_mult": [1, "2"]},
        {"label_dim": -5},
        {"attn_resolutions": 4},
    ],
    ids=str,
)
def test_header_that_describes_no_network(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = tmp_path / "model.safetensors"
    write_header(path, json.dumps({**CONFIG, **changes}))
    with pytest.raises(CheckpointError, match="does not describe a network"):
        load_model(path)


def test_header_of_another_network(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_header(path, json.dumps({"layers": 12}))
    with pytest.raises(CheckpointError, match="does not describe a network"):
        load_model(path)


# --- files that would run code -------------------------------------------------------------------


class Payload:
    """Unpickling it runs a command that creates a file."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f'echo ran > "{self.proof}"',)


def test_the_payload_works_on_a_reader_that_is_not_safe(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Payload(tmp_path / "proof")))
    assert (tmp_path / "proof").exists()


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin"])
@pytest.mark.parametrize("kind", ["zip", "legacy", "pickle"])
def test_a_file_cannot_run_code(tmp_path: Path, suffix: str, kind: str) -> None:
    proof, path = tmp_path / "proof", tmp_path / f"model{suffix}"
    content = {**STATE, "payload": Payload(proof)}
    if kind == "pickle":
        path.write_bytes(pickle.dumps({"payload": Payload(proof)}))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=kind == "zip")
    with pytest.raises(CheckpointError, match="cannot be read as a checkpoint"):
        load_model(path, CONFIG)
    assert not proof.exists()


@pytest.mark.parametrize("suffix", [".pkl", ".safetensors", ".ckpt"])
def test_a_pickle_by_another_name_cannot_run_code(tmp_path: Path, suffix: str) -> None:
    proof, path = tmp_path / "proof", tmp_path / f"model{suffix}"
    path.write_bytes(pickle.dumps({"ema": Payload(proof)}))
    with pytest.raises(CheckpointError):
        load_model(path, CONFIG)
    assert not proof.exists()
