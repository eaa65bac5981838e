"""Pickles in the form of the EDM authors' code load exactly, in every form that is seen."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import persistence
import pytest
import torch
from persistence import (
    CLASSES,
    LEAST,
    NUMPY_1,
    NUMPY_2,
    PLAIN,
    SMALL,
    Call,
    Form,
    checkpoint,
    child,
    filled,
    network,
    outputs,
    record,
    small_config,
    state_of,
    storage_of,
    tensor_of,
)
from torch import Tensor

from diffviews_desktop.adapters.checkpoint import load_checkpoint
from diffviews_desktop.adapters.networks.precond import PRECONDITIONERS, Precond
from diffviews_desktop.errors import CheckpointError

FORMS = [(2, OrderedDict, NUMPY_1), (3, OrderedDict, NUMPY_1), (4, dict, NUMPY_2), (5, dict, None)]
"""Protocol, type of the tables, module of NumPy's scalars."""
CONFIG = {**LEAST, "dropout": 0.13, "sigma_data": 0.75}
TWO_LEVELS = small_config("DDPM++", sigma_data=0.75)
MODEL = filled("EDMPrecond", CONFIG)


def save(path: Path, value: Any, protocol: int = 4) -> Path:
    with path.open("wb") as file:
        persistence.write(file, value, protocol)
    return path


def assert_same(model: Precond, state: dict[str, Tensor]) -> None:
    loaded = model.state_dict()
    assert loaded.keys() == state.keys()
    for name, tensor in state.items():
        assert loaded[name].dtype == torch.float32
        assert torch.equal(loaded[name], tensor), name


# --- the writer of these tests -------------------------------------------------------------------


class Stock(pickle.Unpickler):
    """What the stock reader does, but that it keeps the records instead of running their source."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("torch_utils.persistence", "dnnlib.util"):
            return dict if name == "EasyDict" else lambda fields: fields
        return super().find_class(module, name)


def walk(fields: Any, prefix: str = "") -> dict[str, Tensor]:
    state = fields["state"] if isinstance(fields, dict) else vars(fields)
    found = {
        **state["_parameters"],
        **{k: v for k, v in state["_buffers"].items() if v is not None},
    }
    found = {prefix + name: tensor for name, tensor in found.items()}
    for name, module in state["_modules"].items():
        found |= walk(module, f"{prefix}{name}.")
    return found


@pytest.mark.filterwarnings("ignore")  # of NumPy's older name for its scalars
@pytest.mark.parametrize(("protocol", "tables", "scalars"), FORMS, ids=lambda part: str(part))
def test_the_written_file_is_a_pickle_that_python_reads(
    tmp_path: Path, protocol: int, tables: Any, scalars: str | None
) -> None:
    form = Form(tables=tables, scalars=scalars)
    path = save(tmp_path / "model.pkl", checkpoint(MODEL, CONFIG, form), protocol)
    raw = path.read_bytes()
    assert raw[1] == protocol
    ema = Stock(io.BytesIO(raw)).load()["ema"]
    assert (ema["class_name"], ema["version"], ema["type"]) == ("EDMPrecond", 6, "class")
    assert ema["state"]["_init_kwargs"] == CONFIG
    assert type(ema["state"]["_modules"]) is tables
    read = walk(ema)
    assert read.keys() == MODEL.state_dict().keys()
    assert all(torch.equal(read[name], tensor) for name, tensor in MODEL.state_dict().items())


def test_a_network_without_data_takes_its_values_when_they_are_written(tmp_path: Path) -> None:
    with torch.device("meta"):
        empty = PRECONDITIONERS["EDMPrecond"](**CONFIG)
    state = MODEL.state_dict()
    form = Form(values=lambda name, tensor: state[name])
    persistence.write_checkpoint(tmp_path / "model.pkl", empty, CONFIG, form)
    assert_same(load_checkpoint(tmp_path / "model.pkl").model, state)


# --- every network in every form -----------------------------------------------------------------


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("class_name", CLASSES)
def test_every_network_loads_bit_for_bit(tmp_path: Path, class_name: str, kind: str) -> None:
    """Every class and every kind of network meets every form."""
    place = CLASSES.index(class_name) + list(SMALL).index(kind)
    protocol, tables, scalars = FORMS[place % len(FORMS)]
    config = small_config(kind, use_fp16=True)
    if class_name == "iDDPMPrecond":
        config["M"] = 50
    model = filled(class_name, config)
    form = Form(tables=tables, scalars=scalars)
    loaded = load_checkpoint(
        save(tmp_path / "model.pkl", checkpoint(model, config, form), protocol)
    )
    assert type(loaded.model).__name__ == class_name
    assert_same(loaded.model, model.state_dict())
    assert list(loaded.model.state_dict()) == list(model.state_dict())
    assert loaded.config == {"class_name": class_name, **complete(config, class_name)}
    assert loaded.given == {"class_name", "dropout", "use_fp16"} | ({"M"} & loaded.given)
    assert loaded.notes == ()
    assert torch.equal(outputs(loaded.model), outputs(model))
    assert not loaded.model.training
    assert not any(p.requires_grad for p in loaded.model.parameters())


def complete(config: dict[str, Any], class_name: str) -> dict[str, Any]:
    """The arguments with what SongUNet takes by default."""
    if config["model_type"] == "DhariwalUNet":
        return config
    return {
        "embedding_type": "positional",
        "encoder_type": "standard",
        "decoder_type": "standard",
        "channel_mult_noise": 1,
        "resample_filter": [1, 1],
        **config,
    }


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("protocol", [2, 4])
def test_other_types_become_float32(tmp_path: Path, dtype: torch.dtype, protocol: int) -> None:
    form = Form(values=lambda name, tensor: tensor.to(dtype))
    path = save(tmp_path / "model.pkl", checkpoint(MODEL, CONFIG, form), protocol)
    stored = {name: tensor.to(dtype).float() for name, tensor in MODEL.state_dict().items()}
    assert_same(load_checkpoint(path).model, stored)


def transposed(name: str, tensor: Tensor) -> Tensor:
    return tensor.movedim(0, -1).contiguous().movedim(-1, 0)


def inside_a_larger_one(name: str, tensor: Tensor) -> Tensor:
    return torch.nn.functional.pad(tensor.reshape(-1), (3, 5))[3:-5].reshape(tensor.shape)


@pytest.mark.parametrize("values", [transposed, inside_a_larger_one])
@pytest.mark.parametrize("protocol", [2, 4])
def test_tensors_of_any_layout(tmp_path: Path, values: Any, protocol: int) -> None:
    form = Form(values=values)
    path = save(tmp_path / "model.pkl", checkpoint(MODEL, CONFIG, form), protocol)
    loaded = load_checkpoint(path).model
    assert_same(loaded, MODEL.state_dict())
    assert all(tensor.is_contiguous() for tensor in loaded.state_dict().values())


@pytest.mark.parametrize("protocol", [3, 4])
def test_tensors_that_share_one_storage(tmp_path: Path, protocol: int) -> None:
    state = MODEL.state_dict()
    flat = torch.cat([tensor.reshape(-1) for tensor in state.values()])
    pieces = flat.split([tensor.numel() for tensor in state.values()])
    views = {k: piece.view(state[k].shape) for k, piece in zip(state, pieces, strict=True)}
    form = Form(values=lambda name, tensor: views[name], shared={})
    path = save(tmp_path / "model.pkl", checkpoint(MODEL, CONFIG, form), protocol)
    assert len(form.shared or {}) == 1
    assert path.stat().st_size < 1.2 * flat.nbytes + 150_000
    loaded = load_checkpoint(path).model.state_dict()
    assert all(torch.equal(loaded[name], state[name]) for name in state)
    assert len({tensor.data_ptr() for tensor in loaded.values()}) == len(loaded)


@pytest.mark.parametrize(
    "form",
    [
        Form(parameter=persistence.REBUILD_PARAMETER_WITH_STATE),
        Form(source="σ" * 5000 + "\nraise SystemExit\n"),
        Form(source=""),
        Form(scalars=NUMPY_2, tables=OrderedDict),
    ],
    ids=["parameter with state", "long source", "no source", "new numpy"],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_variants_of_the_form(tmp_path: Path, form: Form, protocol: int) -> None:
    path = save(tmp_path / "model.pkl", checkpoint(MODEL, CONFIG, form), protocol)
    loaded = load_checkpoint(path)
    assert_same(loaded.model, MODEL.state_dict())
    assert loaded.config["sigma_data"] == 0.75


# --- what else such a file holds -----------------------------------------------------------------


def augment_pipe() -> Call:
    filters = torch.arange(6.0).reshape(2, 3)
    buffers = {"Hz_geom": tensor_of(storage_of(lambda: filters), (2, 3), (3, 1))}
    state = {"_parameters": {}, "_buffers": buffers, "_modules": {}, "p": 0.12, "yflip": 0}
    return record("AugmentPipe", state)


EASY_DICT = persistence.New(
    persistence.EASY_DICT,
    items={"class_name": "training.dataset.ImageFolderDataset", "max_size": 50_000},
)


@pytest.mark.parametrize(
    "around",
    [
        lambda ema: ema,
        lambda ema: {"ema": ema},
        lambda ema: {"loss_fn": None, "augment_pipe": augment_pipe(), "ema": ema},
        lambda ema: {"ema": ema, "dataset_kwargs": EASY_DICT, "cur_nimg": 200_000_000},
        lambda ema: {"ema": ema, "net": network(filled("EDMPrecond", CONFIG, 1), CONFIG)},
        lambda ema: {"training_set": {"labels": True, 3: (1, 2.5, "x", b"y", {"z"})}, "ema": ema},
    ],
    ids=["top level", "ema alone", "augment", "EasyDict", "a second network", "plain values"],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_what_stands_beside_the_network(tmp_path: Path, around: Any, protocol: int) -> None:
    path = save(tmp_path / "model.pkl", around(network(MODEL, CONFIG)), protocol)
    assert_same(load_checkpoint(path).model, MODEL.state_dict())


def test_buffers_that_are_not_of_the_state_dict_are_left_out(tmp_path: Path) -> None:
    description = network(MODEL, CONFIG)
    block = state_of(child(description, "model.map_noise"))
    extra = tensor_of(storage_of(lambda: torch.ones(2)), (2,), (1,))
    block["_buffers"] = {"cache": extra}
    block["_non_persistent_buffers_set"] = {"cache"}
    path = save(tmp_path / "model.pkl", {"ema": description})
    assert_same(load_checkpoint(path).model, MODEL.state_dict())
    block["_non_persistent_buffers_set"] = set()
    with pytest.raises(CheckpointError, match=r"model\.map_noise\.cache"):
        load_checkpoint(save(tmp_path / "model.pkl", {"ema": description}))


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (
            {"G_ema": record("Generator", {}), "D": record("Discriminator", {})},
            "Discriminator, Gen",
        ),
        ({"loss_fn": record("EDMLoss", {})}, "EDMLoss"),
        ({"ema": None}, "no objects"),
        ([1, 2], "no objects"),
        (record("DhariwalUNet", {}), "DhariwalUNet"),
    ],
)
def test_a_pickle_without_such_a_network(tmp_path: Path, value: Any, named: str) -> None:
    path = save(tmp_path / "model.pkl", value)
    with pytest.raises(CheckpointError, match=f"without a network of the EDM family.*{named}"):
        load_checkpoint(path)


# --- the configuration ---------------------------------------------------------------------------


def test_without_its_arguments_the_network_comes_from_the_tensors(tmp_path: Path) -> None:
    for change in ({"_init_kwargs": None}, {"_init_args": (8, 3)}):
        description = network(MODEL, CONFIG)
        state_of(description).update(change)
        loaded = load_checkpoint(save(tmp_path / "model.pkl", {"ema": description}))
        assert_same(loaded.model, MODEL.state_dict())
        assert torch.equal(outputs(loaded.model), outputs(MODEL))  # sigma_data is an attribute too
        assert loaded.config["sigma_data"] == 0.75
        assert loaded.notes == ("The file does not say how its network was made.",)
    description = network(MODEL, CONFIG)
    state = state_of(description)
    for name in list(state):
        if name not in ("_parameters", "_buffers", "_modules"):
            del state[name]
    loaded = load_checkpoint(save(tmp_path / "model.pkl", {"ema": description}))
    assert_same(loaded.model, MODEL.state_dict())
    assert "sigma_data" not in loaded.config


@pytest.mark.parametrize("kind", SMALL)
def test_arguments_that_are_left_out_come_from_the_tensors(tmp_path: Path, kind: str) -> None:
    config = small_config(kind)
    model = filled("EDMPrecond", config)
    path = save(tmp_path / "model.pkl", checkpoint(model, {"img_resolution": 8} | config))
    whole = load_checkpoint(path)
    path = save(tmp_path / "model.pkl", checkpoint(model, {}))
    bare = load_checkpoint(path)
    assert {**bare.config, "dropout": 0.13} == whole.config
    assert torch.equal(outputs(bare.model), outputs(model))


def test_unknown_arguments_are_left_out_and_named(tmp_path: Path) -> None:
    config = {**CONFIG, "resnet_eps": 1e-6, "G_kwargs": {"a": 1}, "new\nname": 3}
    loaded = load_checkpoint(save(tmp_path / "model.pkl", checkpoint(MODEL, config)))
    assert_same(loaded.model, MODEL.state_dict())
    (note,) = loaded.notes
    assert "resnet_eps" in note
    assert "\n" not in note
    assert "resnet_eps" not in loaded.config


WRONG = {
    "model_type": "DhariwalUNet",
    "img_resolution": 16,
    "img_channels": 4,
    "label_dim": 4,
    "augment_dim": 8,
    "model_channels": 16,
    "channel_mult": [1, 3],
    "channel_mult_emb": 4,
    "num_blocks": 2,
    "attn_resolutions": [8],
    "embedding_type": "fourier",
    "encoder_type": "skip",
    "decoder_type": "skip",
    "channel_mult_noise": 2,
    "resample_filter": [1, 3, 3, 1],
}


@pytest.mark.parametrize("key", WRONG)
def test_a_contradiction_is_refused_by_its_name(tmp_path: Path, key: str) -> None:
    model = filled("EDMPrecond", TWO_LEVELS)
    path = save(tmp_path / "model.pkl", checkpoint(model, {**TWO_LEVELS, key: WRONG[key]}))
    with pytest.raises(CheckpointError, match=rf"model.pkl says that {key} is .*tensors"):
        load_checkpoint(path)


def test_a_contradiction_in_the_noise_levels(tmp_path: Path) -> None:
    config = small_config("ADM", M=40)
    model = filled("iDDPMPrecond", config)
    path = save(tmp_path / "model.pkl", checkpoint(model, {**config, "M": 41}))
    with pytest.raises(CheckpointError, match=r"M is 41, .* 40"):
        load_checkpoint(path)
    description = network(model, config)
    description.arguments[0]["class_name"] = "VPPrecond"
    path = save(tmp_path / "model.pkl", {"ema": description})
    with pytest.raises(CheckpointError, match=r"is a VPPrecond, but .* iDDPMPrecond"):
        load_checkpoint(path)


def test_attention_at_resolutions_that_the_network_has_not(tmp_path: Path) -> None:
    model = filled("EDMPrecond", TWO_LEVELS)
    config = {**TWO_LEVELS, "attn_resolutions": [4, 2]}
    path = save(tmp_path / "model.pkl", checkpoint(model, config))
    assert_same(load_checkpoint(path).model, model.state_dict())


@pytest.mark.parametrize("key", ["encoder_type", "decoder_type", "resample_filter"])
def test_what_makes_no_difference_at_one_resolution_is_no_contradiction(
    tmp_path: Path, key: str
) -> None:
    config = {**CONFIG, key: WRONG[key]}
    model = filled("EDMPrecond", config)
    loaded = load_checkpoint(save(tmp_path / "model.pkl", checkpoint(model, config)))
    assert_same(loaded.model, model.state_dict())
    assert torch.equal(outputs(loaded.model), outputs(model))


@pytest.mark.parametrize(
    ("class_name", "key", "value"),
    [
        ("EDMPrecond", "sigma_data", 0.0),
        ("EDMPrecond", "sigma_data", float("nan")),
        ("EDMPrecond", "sigma_data", float("inf")),
        ("EDMPrecond", "sigma_data", 10**600),
        ("EDMPrecond", "sigma_max", 10**600),
        ("EDMPrecond", "sigma_min", -1),
        ("EDMPrecond", "sigma_data", "half"),
        ("EDMPrecond", "use_fp16", 2),
        ("EDMPrecond", "dropout", 1.5),
        ("EDMPrecond", "label_dropout", [0.1]),
        ("VPPrecond", "beta_d", 1e9),
        ("VPPrecond", "M", 10**9),
        ("VPPrecond", "epsilon_t", 0),
        ("iDDPMPrecond", "C_1", float("-inf")),
    ],
)
def test_an_absurd_setting_is_refused_by_its_name(
    tmp_path: Path, class_name: str, key: str, value: Any
) -> None:
    base = small_config("DDPM++", **({"M": 20} if class_name == "iDDPMPrecond" else {}))
    model = filled(class_name, base)
    path = save(tmp_path / "model.pkl", checkpoint(model, {**base, key: value}))
    with pytest.raises(CheckpointError, match=f"{key} cannot be") as caught:
        load_checkpoint(path)
    assert len(str(caught.value)) < 300


def test_the_file_is_stronger_than_the_default(tmp_path: Path) -> None:
    default = {**CONFIG, "sigma_data": 0.9, "label_dropout": 0.3, "label_dim": 99, "dropout": 0.2}
    path = save(tmp_path / "model.pkl", checkpoint(MODEL, CONFIG))
    loaded = load_checkpoint(path, default)
    assert loaded.config["sigma_data"] == 0.75
    assert loaded.config["dropout"] == 0.13
    assert loaded.config["label_dim"] == 2
    assert loaded.config["label_dropout"] == 0.3
    assert loaded.model.model.label_dropout == 0.3
    assert loaded.given == {"class_name", "sigma_data", "dropout"}


def test_the_name_of_the_file_does_not_matter(tmp_path: Path) -> None:
    for name in ("network-snapshot.bin", "model.safetensors", "model"):
        path = save(tmp_path / name, checkpoint(MODEL, CONFIG))
        assert_same(load_checkpoint(path).model, MODEL.state_dict())


def test_attributes_in_the_file_do_not_matter(tmp_path: Path) -> None:
    """Hook tables and counters have other names in other versions of torch."""
    description = network(MODEL, CONFIG, PLAIN)
    for part in (description, child(description, "model.enc")):
        state_of(part)["_some_new_hooks"] = OrderedDict()
        state_of(part)["_version_of_torch"] = (1, [2, {"x": None}])
    path = save(tmp_path / "model.pkl", {"ema": description})
    assert_same(load_checkpoint(path).model, MODEL.state_dict())
