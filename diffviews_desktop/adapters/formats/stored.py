"""What a checkpoint file holds, before any of its tensors is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import torch
from torch import Tensor

from diffviews_desktop.errors import CheckpointError

Progress = Callable[[float], None]
"""Told how far a job is, 0 … 1; may raise to stop it."""

MAX_TENSORS = 20_000
MAX_DIMENSIONS = 8
MAX_TENSOR_NAME = 200
MAX_SHOWN = 80


class StoredTensor(Protocol):
    """A tensor in a file."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> torch.dtype:
        """Of the stored values."""
        ...

    @property
    def nbytes(self) -> int:
        """How much of the file must be read for it."""
        ...

    def read(self, file: BinaryIO) -> Tensor:
        """Its values as a contiguous float32 tensor that owns its memory."""
        ...


@dataclass(frozen=True)
class TensorInFile:
    """A tensor as a place in a file.

    Attributes:
        shape: of the tensor.
        dtype: of the stored values.
        offset: of its first value, in bytes from the start of the file.
        stride: in values; None for contiguous.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    offset: int
    stride: tuple[int, ...] | None = None

    @property
    def nbytes(self) -> int:
        if self.stride is None:
            return math.prod(self.shape) * self.dtype.itemsize
        last = sum((n - 1) * step for n, step in zip(self.shape, self.stride, strict=True))
        return (last + 1) * self.dtype.itemsize

    def read(self, file: BinaryIO) -> Tensor:
        file.seek(self.offset)
        if self.stride is None:
            values = torch.empty(self.shape, dtype=self.dtype)
            read_into(file, values)
        else:
            values = torch.empty(self.nbytes // self.dtype.itemsize, dtype=self.dtype)
            read_into(file, values)
            values = values.as_strided(self.shape, self.stride).contiguous()
        return values.to(torch.float32)


@dataclass(frozen=True)
class StoredModel:
    """A checkpoint's contents.

    Attributes:
        path: the file.
        tensors: its state dict.
        class_name: the preconditioner's class, or None where the file does not say.
        config: keyword arguments of that class, or None where the file does not say.
        notes: what had to be assumed.
    """

    path: Path
    tensors: Mapping[str, StoredTensor]
    class_name: str | None = None
    config: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = field(default=())

    def read(self, progress: Progress) -> dict[str, Tensor]:
        """Read every tensor, as float32.

        Raises:
            CheckpointError: the file ends early or cannot be read, or memory does not suffice.
        """
        total = max(1, sum(tensor.nbytes for tensor in self.tensors.values()))
        done = 0
        state: dict[str, Tensor] = {}
        progress(0.0)
        with _opened(self.path) as file:
            for name, tensor in self.tensors.items():
                state[name] = self._read_one(name, tensor, file)
                done += tensor.nbytes
                progress(done / total)
        return state

    def _read_one(self, name: str, tensor: StoredTensor, file: BinaryIO) -> Tensor:
        try:
            return tensor.read(file)
        except EOFError:
            problem = f"ends inside the tensor {name}. Copy or download it again."
        except (OSError, ValueError) as error:  # the file was changed, or the disk fails
            kind = type(error).__name__
            problem = f"cannot be read at the tensor {name} ({kind}). Copy or download it again."
        except (RuntimeError, MemoryError):  # torch's allocator raises the first
            problem = (
                f"needs more memory than there is, at the tensor {name}. Close other programs."
            )
        raise CheckpointError(f"{self.path.name} {problem}")


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be read ({error.strerror}).") from error


def read_into(file: BinaryIO, values: Tensor) -> None:
    """Fill a contiguous tensor from a file.

    Raises:
        EOFError: the file ends before.
    """
    view = memoryview(values.reshape(-1).view(torch.uint8).numpy().data)
    filled = 0
    while filled < len(view):
        count = file.readinto(view[filled:])  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        filled += count


def plain_config(config: Mapping[Any, Any]) -> dict[str, Any]:
    """The entries that a network's settings can be: scalars and short lists of numbers."""
    return {key: value for key, value in config.items() if type(key) is str and _is_plain(value)}


def _is_plain(value: Any) -> bool:
    if type(value) in (list, tuple):
        return len(value) <= 64 and all(type(item) in (int, float) for item in value)
    return _is_scalar(value)


def _is_scalar(value: Any) -> bool:
    return value is None or type(value) in (bool, int, float, str)


def shown(value: Any) -> str:
    """A value from a file, as it can stand in a message: short, on one line, in plain letters."""
    if type(value) in (list, tuple):
        parts = [shown(part) if _is_scalar(part) else type(part).__name__ for part in value[:64]]
        text = f"[{', '.join(parts)}]"
    else:
        text = str(value) if _is_scalar(value) else type(value).__name__
    if not (text.isascii() and text.isprintable()):
        text = ascii(text[:MAX_SHOWN])[1:-1]
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def contiguous_stride(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Stride of a contiguous tensor, in values."""
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def check_tensors(path: Path, tensors: Mapping[str, StoredTensor], file_size: int) -> None:
    """Check that tensors can be what a network holds, before any of them is read.

    Raises:
        CheckpointError: too many of them, an empty or unnamed one, or more data than the file has.
    """
    if len(tensors) > MAX_TENSORS:
        raise CheckpointError(
            f"{path.name} holds {len(tensors)} tensors, more than any network of this family. "
            "Choose a checkpoint of an EDM model."
        )
    for name, tensor in tensors.items():
        if len(name) > MAX_TENSOR_NAME or not (name.isascii() and name.isprintable()):
            raise CheckpointError(
                f"{path.name} holds a tensor of the impossible name {shown(name)}. Choose a "
                "checkpoint of an EDM model."
            )
        if len(tensor.shape) > MAX_DIMENSIONS or 0 in tensor.shape:
            raise CheckpointError(
                f"{path.name}: the tensor {shown(name)} has the impossible shape "
                f"{shown(list(tensor.shape[: MAX_DIMENSIONS + 1]))}. Copy or download the file "
                "again."
            )
    total = sum(tensor.nbytes for tensor in tensors.values())
    if total > file_size:
        raise CheckpointError(
            f"{path.name} describes {total} bytes of tensors but has only {file_size}. "
            "Copy or download it again."
        )
