"""Checkpoints: what is written is read again, in every format and wrapping, with what it tells.

Files that are hostile or damaged: `test_hostile_checkpoints`, `test_checkpoint_mutations`.
"""

import gc
import itertools
import json
import os
import struct
import zlib
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import persistence
import psutil
import pytest
import safetensors.torch
import torch
from limits import file_limit
from persistence import LEAST, filled
from tiny import CONFIG, labels_of, normal, tiny_model
from torch import Tensor

from diffviews_desktop.adapters.checkpoint import (
    checkpoint_file,
    convert_checkpoint,
    load_checkpoint,
    load_model,
    read_config,
    read_stored,
    save_checkpoint,
)
from diffviews_desktop.adapters.formats import stored as stored_file
from diffviews_desktop.errors import Cancelled, CheckpointError, UsageError

MODEL = tiny_model(seed=11)
STATE = MODEL.state_dict()
SHAPES = {"model_type": "DhariwalUNet", "augment_dim": 0}
"""What the tensors of `CONFIG`'s network tell and `CONFIG` does not."""
LEAST_MODEL = filled("EDMPrecond", LEAST)
LEAST_STATE = LEAST_MODEL.state_dict()
EDM_ASSUMED = "does not say its preconditioning: EDM's is assumed"


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
    with (
        file_limit(len(before) // 2),
        pytest.raises((OSError, safetensors.SafetensorError)),
    ):
        save_checkpoint(path, CONFIG, {name: tensor + 1 for name, tensor in STATE.items()})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model.safetensors"]


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
def test_a_file_without_configuration_says_what_was_assumed(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".pt":
        torch.save(STATE, path)
    else:
        write_header(path, None)
    loaded = load_checkpoint(path)
    assert torch.equal(outputs(loaded.model), outputs(MODEL))
    told = {key: value for key, value in CONFIG.items() if key != "dropout"}
    assert loaded.config == {"class_name": "EDMPrecond", **SHAPES, **told}
    assert loaded.given == frozenset()
    assert loaded.file == path
    (note,) = loaded.notes
    assert note.startswith(name)
    assert EDM_ASSUMED in note
    assert "sigma_data 0.5" in note


def test_the_default_fills_what_neither_file_nor_tensors_tell(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(STATE, path)
    default = {"sigma_data": 0.25, "dropout": 0.4, "label_dim": 77, "beta_d": 3.0}
    loaded = load_checkpoint(path, default)
    assert loaded.config["sigma_data"] == loaded.model.sigma_data == 0.25
    assert loaded.config["dropout"] == 0.4
    assert loaded.config["label_dim"] == 5
    assert "beta_d" not in loaded.config
    assert "sigma_data 0.25" in loaded.notes[0]
    loaded = load_checkpoint(path, {"class_name": "VPPrecond", "beta_d": 3.0})
    assert type(loaded.model).__name__ == "VPPrecond"
    assert loaded.model.beta_d == 3.0
    assert loaded.notes == ()


def test_the_configuration_in_the_file_is_stronger_than_the_default(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, CONFIG, STATE)
    loaded = load_checkpoint(path, {**CONFIG, "label_dim": 9, "dropout": 0.7})
    assert loaded.model.label_dim == 5
    assert loaded.config["dropout"] == 0.1
    assert loaded.given == {"class_name", "dropout"}


FORMATS = ("pickle", "pickle of text", "safetensors", "archive", "old")


def write_least(path: Path, kind: str) -> None:
    """The smallest network in a format."""
    if kind.startswith("pickle"):
        protocol = 4 if kind == "pickle" else 2  # which writes bytes as text
        persistence.write_checkpoint(path, LEAST_MODEL, LEAST, protocol=protocol)
    elif kind == "safetensors":
        save_checkpoint(path, LEAST, LEAST_STATE)
    else:
        torch.save(LEAST_STATE, path, _use_new_zipfile_serialization=kind == "archive")


def assert_least(path: Path) -> None:
    state = load_model(path).state_dict()
    assert list(state) == list(LEAST_STATE)
    assert all(torch.equal(state[name], LEAST_STATE[name]) for name in LEAST_STATE)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("suffix", [".pkl", ".safetensors", ".bin", ""])
def test_the_content_tells_the_format(tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    write_least(path, kind)
    assert read_stored(path).tensors.keys() == LEAST_STATE.keys()
    if suffix == ".bin":
        assert_least(path)


def test_a_header_that_begins_like_a_pickle(tmp_path: Path) -> None:
    """The first byte is the lowest of the header's length."""
    path = tmp_path / "model.bin"
    for length in range(300):
        metadata = {"x": "x" * length}
        safetensors.torch.save_file(LEAST_STATE, path, metadata=metadata)
        if path.read_bytes()[0] == 0x80:
            break
    assert path.read_bytes()[0] == 0x80
    assert_least(path)


def test_a_read_file_does_not_say_more_than_its_format(tmp_path: Path) -> None:
    for kind in FORMATS:
        write_least(tmp_path / kind, kind)
    stored = {kind: read_stored(tmp_path / kind) for kind in FORMATS}
    for kind in ("pickle", "pickle of text", "safetensors"):
        assert stored[kind].class_name == "EDMPrecond"
        assert stored[kind].config == LEAST
    for kind in ("archive", "old"):
        assert (stored[kind].class_name, stored[kind].config) == (None, None)
    for one in stored.values():
        assert {name: tensor.shape for name, tensor in one.tensors.items()} == {
            name: tensor.shape for name, tensor in LEAST_STATE.items()
        }


# --- what torch.save writes ----------------------------------------------------------------------


def as_parameters(state: dict[str, Tensor]) -> dict[str, Any]:
    return {name: torch.nn.Parameter(tensor) for name, tensor in state.items()}


def as_views(state: dict[str, Tensor]) -> dict[str, Any]:
    """Views of one storage, some of them with other strides."""
    flat = torch.cat(
        [torch.zeros(7), *(tensor.movedim(0, -1).flatten() for tensor in state.values())]
    )
    views, start = {}, 7
    for name, tensor in state.items():
        turned = tensor.movedim(0, -1)
        views[name] = flat[start : start + tensor.numel()].view(turned.shape).movedim(-1, 0)
        start += tensor.numel()
    return views


def with_training(state: dict[str, Tensor]) -> dict[str, Any]:
    network = torch.nn.Linear(3, 3)
    network(torch.ones(1, 3)).sum().backward()
    optimizer = torch.optim.Adam(network.parameters())
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 2, 5])
    assert isinstance(scheduler.state_dict()["milestones"], Counter)
    return {
        "epoch": 3,
        "size": torch.Size([1, 2]),
        "precision": torch.float16,
        "optimizer": optimizer.state_dict(),
        "scheduler": {k: v for k, v in scheduler.state_dict().items() if k[0] != "_"},
        "random_state": torch.get_rng_state(),
        "state_dict": state,
    }


WRAPPED = {
    "alone": lambda state: state,
    "a module's own": lambda state: LEAST_MODEL.state_dict(),
    "parameters": as_parameters,
    "views": as_views,
    "ema": lambda state: {"model": {k: v + 1 for k, v in state.items()}, "ema": state},
    "state_dict": lambda state: {"state_dict": state, "global_step": 5},
    "ema in model": lambda state: {"model": {"ema": state}},
    "training": with_training,
    "data parallel": lambda state: {f"module.{k}": v for k, v in state.items()},
    "compiled": lambda state: {"ema": {f"module._orig_mod.{k}": v for k, v in state.items()}},
    "bare network": lambda state: {k.removeprefix("model."): v for k, v in state.items()},
    "bare network, compiled": lambda state: {
        f"_orig_mod.{k.removeprefix('model.')}": v for k, v in state.items()
    },
    "half": lambda state: {k: v.half() for k, v in state.items()},
    "bfloat16": lambda state: {k: v.bfloat16() for k, v in state.items()},
    "double": lambda state: {k: v.double() for k, v in state.items()},
}


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler")
@pytest.mark.parametrize("wrapping", WRAPPED)
@pytest.mark.parametrize(("zipped", "protocol"), [(True, 2), (False, 2), (True, 4), (False, 5)])
def test_every_wrapping_of_a_state_dict(
    tmp_path: Path, wrapping: str, zipped: bool, protocol: int
) -> None:
    path = tmp_path / "model.pt"
    value = WRAPPED[wrapping](LEAST_STATE)
    torch.save(value, path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    stored = read_stored(path)
    state = stored.read(lambda fraction: None)
    assert list(state) == list(LEAST_STATE)
    kind = getattr(torch, {"half": "float16", "double": "float64"}.get(wrapping, wrapping), None)
    for name, tensor in LEAST_STATE.items():
        kept = tensor.to(kind).float() if isinstance(kind, torch.dtype) else tensor
        assert torch.equal(state[name], kept)
        assert state[name].is_contiguous()
    if zipped and protocol == 2:
        assert type(load_model(path)).__name__ == "EDMPrecond"


def test_values_that_are_no_numbers_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    odd = torch.tensor([float("nan"), float("inf"), -0.0, 1e-40])
    torch.save({**LEAST_STATE, "model.map_layer0.bias": odd}, path)
    loaded = load_model(path).state_dict()["model.map_layer0.bias"]
    assert torch.equal(loaded.view(torch.int32), odd.view(torch.int32))


def test_an_archive_by_another_name(tmp_path: Path) -> None:
    """torch.save names the folder in the archive after the file."""
    for name in ("модель σ.pt", "a b.c.pt", "x.pt"):
        torch.save(LEAST_STATE, tmp_path / name)
        assert_least(tmp_path / name)


@pytest.mark.parametrize(
    "content",
    [[torch.ones(1)], {"weight": 1.0}, torch.ones(2), {1: torch.ones(2)}, {}, {"ema": {}}],
)
def test_a_torch_file_must_hold_a_plain_state_dict(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "model.pt"
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="does not hold a plain state dict"):
        load_model(path, CONFIG)


# --- checksums of archives -----------------------------------------------------------------------


def values_of(path: Path) -> dict[str, Tensor]:
    return read_stored(path).read(lambda fraction: None)


def test_no_flipped_bit_of_an_archive_changes_a_value(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(LEAST_STATE, path)
    whole, random = path.read_bytes(), np.random.default_rng(5)
    refused = 0
    for position in random.integers(len(whole), size=100).tolist():
        raw = bytearray(whole)
        raw[position] ^= 1 << random.integers(8)
        path.write_bytes(raw)
        try:
            state = values_of(path)
        except CheckpointError as error:
            refused += "is damaged" in str(error)
            continue
        assert all(torch.equal(state[name], tensor) for name, tensor in LEAST_STATE.items())
    assert refused > 50
    raw = bytearray(whole)
    name, tensor = max(LEAST_STATE.items(), key=lambda item: item[1].numel())
    raw[whole.index(tensor.numpy().tobytes()) + 1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(CheckpointError, match=rf"values of the tensor {name} are not those that"):
        load_model(path)
    raw = bytearray(whole)
    raw[whole.index(b"_rebuild_tensor_v2") + 30] ^= 1
    path.write_bytes(raw)
    with pytest.raises(CheckpointError, match=r"its record data\.pkl is not what was written"):
        load_model(path)


def test_of_values_that_several_tensors_share_all_are_compared_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.pt"
    shared = torch.arange(3.0, 100_003.0)
    torch.save({f"x{i}": shared[i : i + 9] for i in range(0, 90_000, 100)}, path)
    whole, compared, crc32 = path.read_bytes(), [], zlib.crc32

    def counting(data: Any, *start: int) -> int:
        compared.append(memoryview(data).nbytes)
        return crc32(data, *start)

    monkeypatch.setattr(stored_file.zlib, "crc32", counting)
    assert values_of(path)["x300"].tolist() == list(range(303, 312))
    assert shared.nbytes < sum(compared) < 2 * shared.nbytes
    raw = bytearray(whole)
    raw[whole.index(shared.numpy().tobytes()) + 4 * 99_000] ^= 1  # which is in none of them
    path.write_bytes(raw)
    with pytest.raises(CheckpointError, match="is damaged: the values of the tensor x0"):
        values_of(path)


def test_an_archive_that_was_saved_without_checksums(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(LEAST_STATE, tmp_path / "model.pt")
    finally:
        torch.serialization.set_crc32_options(True)
    assert_least(tmp_path / "model.pt")


# --- folders and files that are not there --------------------------------------------------------


def test_a_folder_of_accelerate(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none of model.safetensors, pytorch_model.bin"):
        checkpoint_file(tmp_path)
    (tmp_path / "model.safetensors").mkdir()  # no file
    (tmp_path / "optimizer.bin").write_bytes(b"")
    torch.save(LEAST_STATE, tmp_path / "pytorch_model.bin")
    assert checkpoint_file(tmp_path) == tmp_path / "pytorch_model.bin"
    loaded = load_checkpoint(tmp_path)
    assert loaded.file == tmp_path / "pytorch_model.bin"
    (tmp_path / "model.safetensors").rmdir()
    save_checkpoint(tmp_path / "model.safetensors", LEAST, LEAST_STATE)
    assert checkpoint_file(tmp_path) == tmp_path / "model.safetensors"
    assert load_checkpoint(str(tmp_path)).notes == ()
    assert read_config(tmp_path) == LEAST


def test_no_file(tmp_path: Path) -> None:
    for name in ("model.safetensors", "model.pt", "model.xyz", "a\0b.pkl"):
        with pytest.raises(CheckpointError, match=r"no checkpoint at .*config.json"):
            load_model(tmp_path / name, CONFIG)
    with pytest.raises(CheckpointError, match=r"cannot be read \(File name too long\)"):
        load_model(tmp_path / ("x" * 300), CONFIG)
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(CheckpointError, match="The folder"):
        read_config(tmp_path / "folder.safetensors")


def test_another_kind_of_file(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08\x07")
    with pytest.raises(CheckpointError, match=r"cannot be read. Use a pickle"):
        load_model(path, CONFIG)


def test_a_link_is_followed(tmp_path: Path) -> None:
    write_least(tmp_path / "real.pkl", "pickle")
    (tmp_path / "link.pkl").symlink_to("real.pkl")
    assert_least(tmp_path / "link.pkl")


@pytest.mark.parametrize("kind", ["pickle of long text", "pickle", "safetensors", "archive", "old"])
def test_a_file_that_changes_while_it_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "model"
    if kind == "pickle of long text":
        persistence.write_checkpoint(path, MODEL, CONFIG, protocol=2)
    else:
        write_least(path, kind)
    stored = read_stored(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(CheckpointError, match=r"model (ends inside|cannot be read at) the tensor"):
        stored.read(lambda fraction: None)
    path.unlink()
    with pytest.raises(CheckpointError, match="model cannot be read"):
        stored.read(lambda fraction: None)


@pytest.mark.parametrize("keep", [0, 4, 100, 5000, -1])
def test_truncated_safetensors(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, CONFIG, STATE)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"not a readable .safetensors file"):
        load_model(path)


# --- progress and memory -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMATS)
def test_progress_rises_to_one(tmp_path: Path, kind: str) -> None:
    write_least(tmp_path / "model", kind)
    told: list[float] = []
    load_checkpoint(tmp_path / "model", progress=told.append)
    assert told == sorted(told)
    assert told[0] == 0.0
    assert told[-1] == 1.0
    assert len(told) >= len(LEAST_STATE)


class Stop(Exception):
    """Raised by the tests' own progress."""


@pytest.mark.parametrize("kind", FORMATS)
def test_progress_may_stop_it(tmp_path: Path, kind: str) -> None:
    """Wherever it does, the error arrives as it is and no file stays open."""
    write_least(tmp_path / "model", kind)
    gc.collect()
    opened = len(os.listdir("/proc/self/fd"))
    cancelled = Cancelled("The job was cancelled.")
    for error, step in ((Stop(), 0), (cancelled, 1), (KeyboardInterrupt(), 2), (Stop(), 30)):
        count = itertools.count()

        def progress(
            fraction: float, error: BaseException = error, step: int = step, count: Any = count
        ) -> None:
            if next(count) == step:
                raise error

        with pytest.raises(type(error)) as caught:
            load_checkpoint(tmp_path / "model", progress=progress)
        assert caught.value is error
    assert len(os.listdir("/proc/self/fd")) <= opened


def test_a_network_larger_than_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_least(tmp_path / "model", "old")
    memory = SimpleNamespace(total=1000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    with pytest.raises(CheckpointError, match=r"model holds a network of .* GB .* memory"):
        load_checkpoint(tmp_path / "model")


# --- conversion ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMATS)
def test_conversion_keeps_everything(tmp_path: Path, kind: str) -> None:
    source, out = tmp_path / "model", tmp_path / "new" / "folder" / "out.safetensors"
    write_least(source, kind)
    told: list[float] = []
    converted = convert_checkpoint(source, out, progress=told.append)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)
    assert os.listdir(out.parent) == ["out.safetensors"]
    assert_least(out)
    again = load_checkpoint(out)
    assert again.config == converted.config == read_config(out)
    assert again.notes == ()  # what had to be assumed is now written
    assert "class_name" in again.given
    with safetensors.safe_open(out, framework="pt") as file:
        told_source = json.loads(file.metadata()["diffviews_source"])
    assert told_source == {
        "name": "model",
        "size": source.stat().st_size,
        "mtime_ns": source.stat().st_mtime_ns,
    }


def test_conversion_keeps_the_preconditioning(tmp_path: Path) -> None:
    config = {**LEAST, "beta_d": 12.0, "epsilon_t": 1e-3}
    model = filled("VPPrecond", config)
    persistence.write_checkpoint(tmp_path / "model.pkl", model, config)
    convert_checkpoint(tmp_path / "model.pkl", tmp_path / "out.safetensors")
    loaded = load_model(tmp_path / "out.safetensors")
    assert type(loaded).__name__ == "VPPrecond"
    assert (loaded.beta_d, loaded.sigma_min) == (12.0, model.sigma_min)
    assert torch.equal(persistence.outputs(loaded), persistence.outputs(model))


def test_conversion_replaces_only_when_told(tmp_path: Path) -> None:
    write_least(tmp_path / "model.pkl", "pickle")
    out = tmp_path / "out.safetensors"
    out.write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"is there already.*--force"):
        convert_checkpoint(tmp_path / "model.pkl", out)
    assert out.read_bytes() == b"mine"
    convert_checkpoint(tmp_path / "model.pkl", out, replace_existing=True)
    assert_least(out)
    convert_checkpoint(out, out, replace_existing=True)  # onto itself
    assert_least(out)
    with pytest.raises(UsageError, match=r"out.pkl must end in .safetensors"):
        convert_checkpoint(out, tmp_path / "out.pkl")


def test_a_conversion_that_cannot_be_written(tmp_path: Path) -> None:
    write_least(tmp_path / "model.pkl", "pickle")
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "file").write_bytes(b"")
    for out in (tmp_path / "folder.safetensors", tmp_path / "file" / "out.safetensors"):
        with pytest.raises(UsageError, match="cannot be written"):
            convert_checkpoint(tmp_path / "model.pkl", out, replace_existing=True)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.safetensors", "model.pkl"]


def test_a_refused_file_is_not_converted(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04cos\nsystem\n.")
    with pytest.raises(CheckpointError, match=r"os\.system"):
        convert_checkpoint(tmp_path / "model.pkl", tmp_path / "out.safetensors")
    assert os.listdir(tmp_path) == ["model.pkl"]


# --- tensors and configurations that do not fit --------------------------------------------------


def without_one(state: dict[str, Tensor]) -> None:
    del state["model.dec.8x8_up.skip.resample_filter"]


def with_one_more(state: dict[str, Tensor]) -> None:
    state["model.extra"] = torch.zeros(1)


def with_another_shape(state: dict[str, Tensor]) -> None:
    state["model.out_conv.weight"] = torch.zeros(3, 32, 1, 1)


def with_integers(state: dict[str, Tensor]) -> None:
    state["model.out_conv.weight"] = torch.zeros(3, 32, 3, 3, dtype=torch.int64)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (without_one, r"lacks model\.dec\.8x8_up\.skip\.resample_filter"),
        (with_one_more, r"has model\.extra"),
        (with_another_shape, r"model\.out_conv\.weight has the shape \[3, 32, 1, 1\], not"),
        (with_integers, r"model\.out_conv\.weight holds whole numbers"),
    ],
)
def test_wrong_tensors_are_named(tmp_path: Path, change: Any, named: str) -> None:
    state = dict(STATE)
    change(state)
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, CONFIG, state)
    with pytest.raises(CheckpointError, match=f"do not fit the network.*{named}"):
        load_model(path)


def test_tensors_of_another_family(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(torch.nn.Linear(2, 2).state_dict(), path)
    with pytest.raises(CheckpointError, match=r"not a checkpoint of the EDM family.*own adapter"):
        load_model(path)


def test_tensors_that_fit_but_cannot_run(tmp_path: Path) -> None:
    """Group normalisation needs at least four channels."""
    path = tmp_path / "model.pt"
    torch.save(filled("EDMPrecond", {**LEAST, "model_channels": 2}).state_dict(), path)
    with pytest.raises(CheckpointError, match="describe no network that can run"):
        load_model(path)


@pytest.mark.parametrize("text", ["{", "", "network: adm", "[" * 60_000])
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
    ("key", "value", "said"),
    [
        ("img_resolution", "eight", "img_resolution is eight"),
        ("model_channels", -32, "model_channels is -32"),
        ("model_channels", 0, "model_channels is 0"),
        ("channel_mult", [], r"channel_mult is \[\]"),
        ("channel_mult", 2, "channel_mult is 2"),
        ("channel_mult", [1, 3], r"channel_mult is \[1, 3\]"),
        ("label_dim", -5, "label_dim is -5"),
        ("attn_resolutions", 4, "attn_resolutions is 4"),
        ("class_name", "GaussianPrecond", "unknown preconditioner GaussianPrecond"),
        ("class_name", "iDDPMPrecond", "it lacks u"),
    ],
)
def test_header_that_contradicts_the_tensors(
    tmp_path: Path, key: str, value: Any, said: str
) -> None:
    path = tmp_path / "model.safetensors"
    write_header(path, json.dumps({**CONFIG, key: value}))
    with pytest.raises(CheckpointError, match=said):
        load_model(path)


@pytest.mark.parametrize("changes", [{"stride": 2}, {"img_resolution": None}, {"layers": [12]}])
def test_header_with_more_or_less_than_is_known(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = tmp_path / "model.safetensors"
    write_header(path, json.dumps({**CONFIG, **changes}))
    loaded = load_checkpoint(path)
    assert torch.equal(outputs(loaded.model), outputs(MODEL))
    (key,) = changes
    assert key in "".join(loaded.notes) or key in loaded.config


def test_what_is_written_can_be_read_by_whom_other_files_can(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    save_checkpoint(tmp_path / "model.safetensors", CONFIG, STATE)
    modes = [(tmp_path / name).stat().st_mode for name in ("plain", "model.safetensors")]
    assert modes[0] == modes[1]
