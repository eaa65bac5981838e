"""Checkpoints in ``.safetensors``: this program's own carry their configuration in the header."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from diffviews_desktop.adapters.formats.stored import (
    MAX_DIMENSIONS,
    StoredModel,
    StoredTensor,
    TensorInFile,
    excerpt,
    plain_config,
)
from diffviews_desktop.data.checkpoints.files import MAX_HEADER
from diffviews_desktop.errors import CheckpointError
from diffviews_desktop.files.reading import open_regular

HEADER_KEY = "diffviews"
CLASS_KEY = "class_name"
MAX_CONFIG = 2**16

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def read_safetensors(path: Path, weights: str | None = None) -> StoredModel:
    """Read the header: names, places and configuration.

    Raises:
        CheckpointError: it is damaged, or holds tensors of an unknown type; or ``weights`` are
            asked for by a name.
    """
    if weights is not None:
        raise CheckpointError(
            f"{path.name} has one set of weights, without a name, so there are none called "
            f"{excerpt(weights)}. Leave out the name."
        )
    header = _read_header(path)
    config = header.config
    class_name = None
    if config is not None:
        class_name = str(config.pop(CLASS_KEY, "EDMPrecond"))
    tensors = _places(path, header)
    return StoredModel(path, tensors, class_name, config)


def read_config(path: Path) -> dict[str, Any] | None:
    """The configuration in the header, or None without one.

    Raises:
        CheckpointError: the file is no valid ``.safetensors`` file.
    """
    header = _read_header(path)
    _places(path, header)
    return header.config


def header_metadata(config: Mapping[str, Any]) -> dict[str, str]:
    """What `read_config` reads."""
    return {HEADER_KEY: json.dumps(dict(config), sort_keys=True)}


class _Header(NamedTuple):
    """A header: its entries, this program's configuration, where the values start and end."""

    entries: dict[str, Any]
    config: dict[str, Any] | None
    start: int
    end: int


def _read_header(path: Path) -> _Header:
    try:
        with open_regular(path) as file:
            end = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(8), "little")
            if not 0 < length <= min(MAX_HEADER, end - 8):
                raise ValueError(f"its header should have {length} bytes")
            entries = json.loads(file.read(length).decode("utf-8"))
        metadata = entries.pop("__metadata__", {})
        text = metadata.get(HEADER_KEY)
        if text is not None and len(text) > MAX_CONFIG:
            raise ValueError("its configuration is too long")
        config = None if text is None else json.loads(text)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _unreadable(path, error) from error
    if config is not None and type(config) is not dict:
        raise CheckpointError(
            f"The configuration in the header of {path.name} is not an object. Get the file again "
            "from where it was published."
        )
    return _Header(entries, None if config is None else plain_config(config), 8 + length, end)


def _places(path: Path, header: _Header) -> dict[str, StoredTensor]:
    """The tensors in the order of their values, which must fill the rest of the file."""
    tensors: dict[str, StoredTensor] = {}
    try:
        entries = sorted((*_range(entry), name) for name, entry in header.entries.items())
        position = 0
        for first, end, name in entries:
            entry = header.entries[name]
            dtype = _DTYPES.get(entry["dtype"])
            if dtype is None:
                raise CheckpointError(
                    f"{path.name}: the tensor {excerpt(name)} is of the type "
                    f"{excerpt(entry['dtype'])}, which no network of this family has. Save the "
                    "checkpoint in float32."
                )
            shape = entry["shape"]
            if type(shape) is not list or len(shape) > MAX_DIMENSIONS:
                raise ValueError(f"the tensor {excerpt(name)} has no usable shape")
            place = TensorInFile(tuple(map(_count, shape)), dtype, header.start + first)
            if first != position or end - first != place.nbytes:
                raise ValueError(f"the tensor {excerpt(name)} is not where it should be")
            tensors[name] = place
            position = end
        if header.start + position != header.end:
            raise ValueError("it has more or fewer values than its header says")
    except (ValueError, TypeError, LookupError) as error:
        raise _unreadable(path, error) from error
    return tensors


def _range(entry: Any) -> tuple[int, int]:
    first, end = entry["data_offsets"]
    return _count(first), _count(end)


def _count(number: Any) -> int:
    if type(number) is not int or not 0 <= number < 2**62:
        raise ValueError("a size in it is no whole number")
    return number


def _unreadable(path: Path, error: Exception) -> CheckpointError:
    reason = excerpt(str(error)) if isinstance(error, ValueError) else "its header has another form"
    return CheckpointError(
        f"{path.name} is not a readable .safetensors file ({reason}). Copy or download it again."
    )
