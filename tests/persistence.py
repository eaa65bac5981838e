"""Checkpoints in the form of the EDM authors' pickles, written from primitives, and the pickle
operations to write hostile ones by hand.

A pickle here is made from a description: `Global`, `Call` and `New` say which operations the
stream has, without importing or defining what they name. Tensors are turned into bytes one at a
time while the file is written.
"""

from __future__ import annotations

import codecs
import functools
import io
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np
import torch
from tiny import fill_random
from torch import Tensor, nn

from diffviews_desktop.adapters.networks.precond import PRECONDITIONERS, Precond

# --- descriptions --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Global:
    """A name in a module. Made by `named`, so that a pickle writes each once."""

    module: str
    name: str


named = functools.cache(Global)


@dataclass(eq=False)
class Call:
    """REDUCE: a call of a global, then, where there is one, BUILD with a state."""

    function: Global
    arguments: tuple[Any, ...]
    state: Any = None


@dataclass(eq=False)
class New:
    """NEWOBJ without arguments, then its items, then BUILD with a state."""

    kind: Global
    state: Any = None
    items: Mapping[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Values:
    """The bytes of a tensor's storage, made when they are written."""

    make: Callable[[], Tensor]


@dataclass(eq=False)
class Raw:
    """Operations, as they are."""

    operations: bytes


RECONSTRUCT = named("torch_utils.persistence", "_reconstruct_persistent_obj")
MODULE_DICT = named("torch.nn.modules.container", "ModuleDict")
REBUILD_TENSOR = named("torch._utils", "_rebuild_tensor_v2")
REBUILD_PARAMETER = named("torch._utils", "_rebuild_parameter")
REBUILD_PARAMETER_WITH_STATE = named("torch._utils", "_rebuild_parameter_with_state")
LOAD_FROM_BYTES = named("torch.storage", "_load_from_bytes")
EASY_DICT = named("dnnlib.util", "EasyDict")
NUMPY_1, NUMPY_2 = "numpy.core.multiarray", "numpy._core.multiarray"


class Writer(pickle._Pickler):
    """A pickler that also knows the descriptions."""

    dispatch: ClassVar[dict[type, Any]] = dict(pickle._Pickler.dispatch)

    def _save_named(self, obj: Global) -> None:
        if self.proto >= 4:
            self.save(obj.module)
            self.save(obj.name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        self.memoize(obj)

    def _save_call(self, obj: Call) -> None:
        self.save(obj.function)
        self.save(obj.arguments)
        self.write(pickle.REDUCE)
        self.memoize(obj)
        self._save_state(obj.state)

    def _save_new(self, obj: New) -> None:
        self.save(obj.kind)
        self.save(())
        self.write(pickle.NEWOBJ)
        self.memoize(obj)
        for key, value in obj.items.items():
            self.save(key)
            self.save(value)
            self.write(pickle.SETITEM)
        self._save_state(obj.state)

    def _save_state(self, state: Any) -> None:
        if state is not None:
            self.save(state)
            self.write(pickle.BUILD)

    def _save_values(self, obj: Values) -> None:
        data = legacy_stream(obj.make())
        if self.proto < 3:
            text = str(data, "latin1")
            self.save_reduce(codecs.encode, (text, "latin1"), obj=obj)
            return
        size = pickle.BINBYTES + struct.pack("<I", len(data))
        if len(data) > self.framer._FRAME_SIZE_TARGET:
            self._write_large_bytes(size, data)
        else:
            self.write(size + bytes(data))
        self.memoize(obj)

    def _save_raw(self, obj: Raw) -> None:
        self.write(obj.operations)

    dispatch[Global] = _save_named
    dispatch[Call] = _save_call
    dispatch[New] = _save_new
    dispatch[Values] = _save_values
    dispatch[Raw] = _save_raw


def write(file: BinaryIO, value: Any, protocol: int = 4) -> None:
    """Pickle a value or a description to a file."""
    Writer(file, protocol).dump(value)


def dumps(value: Any, protocol: int = 4) -> bytes:
    buffer = io.BytesIO()
    write(buffer, value, protocol)
    return buffer.getvalue()


def operations(value: Any, protocol: int = 4) -> bytes:
    """The operations that push a value, to be put at the beginning of a hand-made pickle."""
    return dumps(value, protocol)[2:-1]


def legacy_stream(tensor: Tensor) -> memoryview:
    """The whole storage of a tensor, as torch.save writes it without an archive."""
    storage = torch.storage.TypedStorage(
        wrap_storage=tensor.untyped_storage(), dtype=tensor.dtype, _internal=True
    )
    buffer = io.BytesIO()
    torch.save(storage, buffer, _use_new_zipfile_serialization=False)
    return buffer.getbuffer()


# --- networks ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """How a network is written.

    Attributes:
        tables: type of the tables of parameters, buffers and modules.
        scalars: module of NumPy's scalars; None writes plain floats.
        source: text of the module that defines the classes.
        values: the values to store for a tensor, from its name and the network's own.
        parameter: the call that makes a parameter.
        shared: storages by address, where tensors of one storage are to be written so; filled
            while the network is described.
    """

    tables: type[dict[str, Any]] = dict
    scalars: str | None = NUMPY_1
    source: str = "raise SystemExit('the source text was run')\n"
    values: Callable[[str, Tensor], Tensor] = lambda name, tensor: tensor
    parameter: Global = REBUILD_PARAMETER
    shared: dict[int, Call] | None = None


PLAIN = Form()


def checkpoint(model: Precond, config: Mapping[str, Any], form: Form = PLAIN) -> dict[str, Any]:
    """What the authors' code exports: the network under ``ema``, the rest as in a training run."""
    return {
        "ema": network(model, config, form),
        "loss_fn": record("EDMLoss", {"P_mean": _scalar(-1.2, form), "P_std": 1.2}, form.source),
        "augment_pipe": None,
        "dataset_kwargs": {"class_name": "training.dataset.ImageFolderDataset", "use_labels": True},
    }


def write_checkpoint(
    path: Path, model: Precond, config: Mapping[str, Any], form: Form = PLAIN, protocol: int = 4
) -> None:
    """Write a network as such a file. One on torch's meta device takes its values from the form."""
    with path.open("wb") as file:
        write(file, checkpoint(model, config, form), protocol)


def network(model: Precond, config: Mapping[str, Any], form: Form = PLAIN) -> Call:
    """The description of a network, with the keyword arguments that it was made with."""
    arguments = {
        key: _scalar(value, form) if type(value) is float else value
        for key, value in config.items()
    }
    state = {"_init_args": (), "_init_kwargs": arguments}
    return _module(model, "", form, state)


def record(class_name: str, state: Mapping[str, Any], source: str = PLAIN.source) -> Call:
    """An object of a class that is stored with its source text."""
    fields = {
        "type": "class",
        "version": 6,
        "module_src": source,
        "class_name": class_name,
        "state": dict(state),
    }
    return Call(RECONSTRUCT, (fields,))


def storage_of(make: Callable[[], Tensor]) -> Call:
    """The description of the storage of a tensor, which is made when it is written."""
    return Call(LOAD_FROM_BYTES, (Values(make),))


def tensor_of(
    storage: Call,
    shape: Iterable[int],
    stride: Iterable[int],
    offset: int = 0,
    parameter: Global | None = None,
) -> Call:
    """The description of a tensor, or of a parameter, in a storage."""
    arguments = (storage, offset, tuple(shape), tuple(stride), False, OrderedDict())
    plain = Call(REBUILD_TENSOR, arguments)
    if parameter is None:
        return plain
    extra = ({},) if parameter is REBUILD_PARAMETER_WITH_STATE else ()
    return Call(parameter, (plain, True, OrderedDict(), *extra))


def state_of(description: Call | New) -> dict[str, Any]:
    """The attributes in a description of a module, to be looked at or changed."""
    return description.state if isinstance(description, New) else description.arguments[0]["state"]


def child(description: Call | New, path: str) -> Call | New:
    """The description of a module inside another one."""
    for name in path.split("."):
        description = state_of(description)["_modules"][name]
    return description


def _module(
    module: nn.Module, prefix: str, form: Form, more: Mapping[str, Any] | None = None
) -> Call | New:
    state: dict[str, Any] = {}
    for key, value in vars(module).items():
        if key == "_parameters":
            tables = ((k, _tensor(prefix + k, v, form, form.parameter)) for k, v in value.items())
            state[key] = form.tables(tables)
        elif key == "_buffers":
            tables = ((k, _tensor(prefix + k, v, form, None)) for k, v in value.items())
            state[key] = form.tables(tables)
        elif key == "_modules":
            state[key] = form.tables(
                (k, v if v is None else _module(v, f"{prefix}{k}.", form)) for k, v in value.items()
            )
        elif type(value) is float:
            state[key] = _scalar(value, form)
        elif not isinstance(value, torch.dtype):
            state[key] = value
    state |= more or {}
    if isinstance(module, nn.ModuleDict):
        return New(MODULE_DICT, state)
    return record(type(module).__name__, state, form.source)


def _tensor(name: str, tensor: Tensor | None, form: Form, parameter: Global | None) -> Call | None:
    if tensor is None:
        return None
    if tensor.is_meta:  # the values come when they are written
        storage = storage_of(lambda: form.values(name, tensor))
        return tensor_of(storage, tensor.shape, tensor.stride(), 0, parameter)
    stored = form.values(name, tensor.detach())
    storage = storage_of(lambda: stored)
    if form.shared is not None:
        storage = form.shared.setdefault(stored.untyped_storage().data_ptr(), storage)
    return tensor_of(storage, stored.shape, stored.stride(), stored.storage_offset(), parameter)


def _scalar(value: float, form: Form) -> Any:
    if form.scalars is None:
        return value
    raw = np.float64(value).tobytes()
    return Call(named(form.scalars, "scalar"), (np.dtype("f8"), raw))


# --- operations by hand --------------------------------------------------------------------------

NONE, TRUE, FALSE = b"N", b"\x88", b"\x89"
MARK, STOP, POP, REDUCE, BUILD, NEWOBJ, NEWOBJ_EX = b"(", b".", b"0", b"R", b"b", b"\x81", b"\x92"
EMPTY_TUPLE, EMPTY_LIST, EMPTY_DICT, EMPTY_SET = b")", b"]", b"}", b"\x8f"
TUPLE, TUPLE1, TUPLE2, TUPLE3 = b"t", b"\x85", b"\x86", b"\x87"
APPEND, APPENDS, SETITEM, SETITEMS, ADDITEMS = b"a", b"e", b"s", b"u", b"\x90"
MEMOIZE, BINPERSID, STACK_GLOBAL = b"\x94", b"Q", b"\x93"


def pickled(*parts: bytes, protocol: int = 4) -> bytes:
    """A whole pickle."""
    return b"\x80" + bytes([protocol]) + b"".join(parts) + STOP


def text(value: str) -> bytes:
    raw = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(raw)) + raw


def data(value: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(value)) + value


def number(value: int) -> bytes:
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    raw = pickle.encode_long(value)
    return b"\x8a" + bytes([len(raw)]) + raw


def real(value: float) -> bytes:
    return b"G" + struct.pack(">d", value)


def global_(module: str, name: str) -> bytes:
    return b"c" + f"{module}\n{name}\n".encode("utf-8", "surrogatepass")


def stack_global(module: str, name: str) -> bytes:
    return text(module) + text(name) + STACK_GLOBAL


def tuple_(*parts: bytes) -> bytes:
    return MARK + b"".join(parts) + TUPLE


def list_(*parts: bytes) -> bytes:
    return EMPTY_LIST + MARK + b"".join(parts) + APPENDS


def dict_(**items: bytes) -> bytes:
    return EMPTY_DICT + MARK + b"".join(text(k) + v for k, v in items.items()) + SETITEMS


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + tuple_(*arguments) + REDUCE


def put(index: int) -> bytes:
    return b"r" + struct.pack("<I", index)


def get(index: int) -> bytes:
    return b"j" + struct.pack("<I", index)


# --- small networks ------------------------------------------------------------------------------

CLASSES = ("EDMPrecond", "VPPrecond", "VEPrecond", "iDDPMPrecond")
SMALL: dict[str, dict[str, Any]] = {
    "ADM": {
        "model_type": "DhariwalUNet",
        "img_resolution": 4,
        "model_channels": 32,
        "channel_mult": [1, 2],
        "attn_resolutions": [2],
    },
    "DDPM++": {
        "model_type": "SongUNet",
        "img_resolution": 8,
        "model_channels": 8,
        "channel_mult": [1, 2],
        "attn_resolutions": [4],
        "augment_dim": 9,
    },
    "NCSN++": {
        "model_type": "SongUNet",
        "img_resolution": 8,
        "model_channels": 8,
        "channel_mult": [1, 1, 2],
        "attn_resolutions": [8, 2],
        "embedding_type": "fourier",
        "encoder_type": "residual",
        "decoder_type": "standard",
        "channel_mult_noise": 2,
        "resample_filter": [1, 3, 3, 1],
    },
    "skip": {
        "model_type": "SongUNet",
        "img_resolution": 4,
        "model_channels": 8,
        "channel_mult": [1, 2],
        "attn_resolutions": [],
        "encoder_type": "skip",
        "decoder_type": "skip",
        "resample_filter": [1, 3, 3, 1],
    },
}
"""Keyword arguments of one small network of each kind."""

LEAST: dict[str, Any] = {
    "model_type": "SongUNet",
    "img_resolution": 2,
    "img_channels": 1,
    "label_dim": 2,
    "model_channels": 4,
    "channel_mult": [1],
    "channel_mult_emb": 1,
    "num_blocks": 1,
    "attn_resolutions": [],
}
"""Keyword arguments of a network that makes a file of a few kilobytes."""


def small_config(kind: str, **changes: Any) -> dict[str, Any]:
    shared = {"img_channels": 3, "label_dim": 3, "channel_mult_emb": 2, "num_blocks": 1}
    return {**shared, "augment_dim": 0, "dropout": 0.13, **SMALL[kind], **changes}


def filled(class_name: str, config: Mapping[str, Any], seed: int = 0) -> Precond:
    """A network with seeded random weights, in evaluation mode."""
    model = PRECONDITIONERS[class_name](**config)
    fill_random(model, seed)
    return model.requires_grad_(False).eval()


def outputs(model: Precond) -> Tensor:
    """What it answers to two noisy pictures."""
    size = model.img_resolution
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(2, model.img_channels, size, size, generator=generator)
    labels = torch.eye(max(model.label_dim, 2))[:2, : model.label_dim] if model.label_dim else None
    return model(x, torch.tensor([0.5, 5.0]), labels)
