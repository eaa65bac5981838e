"""The pickles of the EDM authors' training code, and re-exports in that form.

A pickled object there is a record of its class's name, the source text of that class and its
attributes; the stock reader runs the source. This one takes the name and the attributes, and leaves
the source where it is.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from diffviews_desktop.adapters.formats.pickle_machine import (
    Allowed,
    Blob,
    Budget,
    Buildable,
    Damaged,
    PickleMachine,
    Refused,
    explain_errors,
)
from diffviews_desktop.adapters.formats.pickled_values import (
    AllowList,
    Storage,
    TensorValue,
    allow_list,
    common_allow_list,
    empty_table,
    read_stream,
)
from diffviews_desktop.adapters.formats.stored import (
    MAX_TENSORS,
    StoredModel,
    StoredTensor,
    excerpt,
    plain_config,
)
from diffviews_desktop.adapters.formats.weights import choose_weights
from diffviews_desktop.errors import CheckpointError
from diffviews_desktop.files.reading import open_regular

PRECONDITIONER_CLASSES = frozenset({"EDMPrecond", "VPPrecond", "VEPrecond", "iDDPMPrecond"})
MODULE_CLASSES = PRECONDITIONER_CLASSES | {
    "DhariwalUNet",
    "SongUNet",
    "UNetBlock",
    "Conv2d",
    "Linear",
    "GroupNorm",
    "PositionalEmbedding",
    "FourierEmbedding",
    "ModuleDict",
}
RECORD_VERSION = 6
HEADER_BYTES = 4096
MAX_NAME = 80
MAX_DEPTH = 8
MAX_ENTRIES = 10 * MAX_TENSORS
"""Of all tables of modules, parameters and buffers together."""


@dataclass(eq=False)
class Record(Buildable):
    """An object in the file: the name of its class and its attributes."""

    class_name: str
    state: Mapping[str, Any] | None = None

    def build(self, state: Any) -> None:
        if self.state is not None or type(state) is not dict:
            raise Refused(f"a second or odd state of a {self.class_name}")
        self.state = state


def read_nvidia_pickle(path: Path, weights: str | None = None) -> StoredModel:
    """Read everything of such a pickle but the tensors' values.

    Args:
        path: the file.
        weights: under which name the network is, where there are several; None for the usual one.

    Raises:
        CheckpointError: it is damaged, or asks for something that a network does not need.
    """
    size = path.stat().st_size
    advice = "Get the file from where it was published."
    budget = Budget()
    with (
        open_regular(path) as file,
        open_regular(path) as second_file,
        explain_errors(path, "an EDM checkpoint", advice),
    ):
        allowed = _allow_list(second_file, budget)
        value = PickleMachine(file, size, allowed, budget).run()
        network, remarks = choose_weights(path, _networks(path, value), weights, advice)
        tensors = _tensors(network)
    config, notes = _config(network)
    return StoredModel(path, tensors, network.class_name, config, (*remarks, *notes))


def _allow_list(file: BinaryIO, budget: Budget) -> AllowList:
    """Every global that the authors' code writes, and what stands in for it."""
    storages: dict[Blob, Storage] = {}

    def load_from_bytes(blob: Any) -> Storage:
        if type(blob) is not Blob:
            raise Refused("values that are no bytes")
        if blob not in storages:
            if len(storages) == MAX_TENSORS:
                raise Refused("more tensors than any network has")
            storages[blob] = _read_storage(blob, file, budget)
        return storages[blob]

    return common_allow_list(file, budget) | allow_list(
        Allowed("torch_utils.persistence", "_reconstruct_persistent_obj", reduce=_record),
        Allowed("torch.nn.modules.container", "ModuleDict", new=lambda: Record("ModuleDict")),
        Allowed("torch.storage", "_load_from_bytes", reduce=load_from_bytes),
        Allowed("dnnlib.util", "EasyDict", reduce=empty_table, new=empty_table),
    )


def _record(meta: Any) -> Record:
    if type(meta) is not dict or meta.keys() != {
        "type",
        "version",
        "module_src",
        "class_name",
        "state",
    }:
        raise Refused("an object record with unknown fields")
    name, version, state = meta["class_name"], meta["version"], meta["state"]
    if type(version) is not int or version != RECORD_VERSION or meta["type"] != "class":
        raise Refused("an object record of an unknown version")
    if type(name) is not str or not _is_name(name) or type(state) is not dict:
        raise Refused("an object record without a class name or state")
    return Record(name, state)


def _read_storage(blob: Blob, file: BinaryIO, budget: Budget) -> Storage:
    """What torch.save wrote into some bytes: one storage."""
    stream: BinaryIO = file
    start, end = blob.offset, blob.offset + blob.length
    inside = blob.latin or blob.data is not None
    if inside:  # the beginning is enough
        stream, start, end = io.BytesIO(next(blob.chunks(file, HEADER_BYTES), b"")), 0, blob.length
    stream.seek(start)
    storage = read_stream(stream, end, {}, budget)
    shortest = end // 2 if blob.latin else end  # a character takes one or two bytes
    if type(storage) is not Storage or not shortest <= stream.tell() <= end:
        raise Damaged("a tensor has more or fewer values than it says")
    if inside:
        storage.blob = blob
    return storage


# ---- from the records to a network --------------------------------------------------------------


def _networks(path: Path, value: Any) -> dict[str, Record]:
    """The networks in a file's value, by their keys."""
    parts = value if type(value) is dict else {"": value}
    records = {str(key): part for key, part in parts.items() if type(part) is Record}
    networks = {k: one for k, one in records.items() if one.class_name in PRECONDITIONER_CLASSES}
    if networks:
        return networks
    names = sorted({part.class_name for part in records.values()})
    raise CheckpointError(
        f"{path.name} is a pickle without a network of the EDM family under 'ema' (it holds "
        f"{excerpt(', '.join(names)) or 'no objects'}). Choose another file."
    )


def _tensors(network: Record) -> dict[str, StoredTensor]:
    """The state dict: parameters, then buffers, then children, each in the order of the file."""
    tensors: dict[str, StoredTensor] = {}
    ids: set[int] = set()
    entries = 0

    def table(record: Record, key: str) -> dict[str, Any]:
        nonlocal entries
        value = (record.state or {}).get(key, {})
        if type(value) is not dict:
            raise Refused(f"a module without a usable {key[1:]} table")
        entries += len(value) + 1
        if entries > MAX_ENTRIES:
            raise Refused("more modules than any network has")
        if not all(type(name) is str and _is_name(name) for name in value):
            raise Refused(f"a name in a {key[1:]} table that no module has")
        return value

    def walk(record: Any, prefix: str, depth: int) -> None:
        if type(record) is not Record:
            raise Refused("something else than a module in a table of modules")
        if record.class_name not in MODULE_CLASSES:
            raise Refused(f"a module of the unknown class {record.class_name}")
        if id(record) in ids or depth > MAX_DEPTH:
            raise Refused("a module that is in two places or contains itself")
        ids.add(id(record))
        hidden = (record.state or {}).get("_non_persistent_buffers_set", set())
        if type(hidden) is not set:
            raise Refused("a module without a usable set of buffers")
        for key, without in (("_parameters", set()), ("_buffers", hidden)):
            for name, tensor in table(record, key).items():
                if tensor is None or name in without:
                    continue
                if type(tensor) is not TensorValue:
                    raise Refused(f"something else than a tensor at {prefix}{name}"[:200])
                if len(tensors) == MAX_TENSORS:
                    raise Refused("more tensors than any network has")
                tensors[prefix + name] = tensor.locate()
        for name, child in table(record, "_modules").items():
            if child is not None:
                walk(child, f"{prefix}{name}.", depth + 1)

    walk(network, "", 0)
    return tensors


def _is_name(text: str) -> bool:
    """Whether a class, a module or a tensor can have this name."""
    return len(text) <= MAX_NAME and text.isascii() and text.replace("_", "a").isalnum()


def _config(network: Record) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """The keyword arguments that the network was made with, or else its attributes."""
    state = network.state or {}
    config, positional = state.get("_init_kwargs"), state.get("_init_args", ())
    if type(config) is dict and positional == ():
        return plain_config(config), ()
    attributes = {key: value for key, value in plain_config(state).items() if key[:1] != "_"}
    attributes.pop("training", None)
    return attributes, ("The file does not say how its network was made.",)
