"""What a checkpoint file holds, before any of its tensors is read."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

import psutil
import torch
from torch import Tensor

from diffviews_desktop.errors import CheckpointError
from diffviews_desktop.files.reading import open_regular

Progress = Callable[[float], None]
"""Told how far a job is, 0 … 1; may raise to stop it."""

MAX_TENSORS = 20_000
MAX_DIMENSIONS = 8
MAX_TENSOR_NAME = 200
MAX_SHOWN = 80
CHUNK = 2**20

T = TypeVar("T")


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

    @property
    def unread_part(self) -> Part | None:
        """Bytes with a checksum of which `read` reads only some, so that it cannot compare it."""
        ...

    def read(self, file: BinaryIO) -> Tensor:
        """Its values as a contiguous float32 tensor that owns its memory."""
        ...


class AlteredError(Exception):
    """Bytes of a file do not have the checksum that was written with them."""


@dataclass(frozen=True)
class Part:
    """Bytes of a file and their CRC-32."""

    offset: int
    length: int
    crc32: int

    def check(self, file: BinaryIO) -> None:
        """Read it and compare.

        Raises:
            AlteredError: it is not what was written.
            EOFError: the file ends before.
        """
        file.seek(self.offset)
        remainder, checksum = self.length, 0
        while remainder:
            piece = file.read(min(remainder, CHUNK))
            if not piece:
                raise EOFError
            checksum = zlib.crc32(piece, checksum)
            remainder -= len(piece)
        self.compare(checksum)

    def compare(self, crc32: int) -> None:
        """Raises `AlteredError` where this is not its checksum."""
        if crc32 != self.crc32:
            raise AlteredError


@dataclass(frozen=True)
class TensorInFile:
    """A tensor as a place in a file.

    Attributes:
        shape: of the tensor.
        dtype: of the stored values.
        offset: of its first value, in bytes from the start of the file.
        stride: in values; None for contiguous.
        part: what it lies in, where the file has a checksum of that.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    offset: int
    stride: tuple[int, ...] | None = None
    part: Part | None = None

    @property
    def unread_part(self) -> Part | None:
        part = self.part
        if part is None or (part.offset, part.length) == (self.offset, self.nbytes):
            return None
        return part

    @property
    def nbytes(self) -> int:
        if self.stride is None:
            return math.prod(self.shape) * self.dtype.itemsize
        last = sum((n - 1) * step for n, step in zip(self.shape, self.stride, strict=True))
        return (last + 1) * self.dtype.itemsize

    def read(self, file: BinaryIO) -> Tensor:
        file.seek(self.offset)
        values = torch.empty(self.nbytes // self.dtype.itemsize, dtype=self.dtype)
        view = read_into(file, values)
        if self.part is not None and self.unread_part is None:
            self.part.compare(zlib.crc32(view))
        if self.stride is None:
            return values.reshape(self.shape).to(torch.float32)
        return values.as_strided(self.shape, self.stride).contiguous().to(torch.float32)


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
        parts = unread_parts(self.tensors)
        sizes = [*(part.length for part in parts), *(t.nbytes for t in self.tensors.values())]
        total = max(1, sum(sizes))
        count = 0
        state: dict[str, Tensor] = {}
        progress(0.0)
        with _open(self.path) as file:
            for part, name in parts.items():
                self._call(name, part.check, file)
                count += part.length
                progress(count / total)
            for name, tensor in self.tensors.items():
                state[name] = self._call(name, tensor.read, file)
                count += tensor.nbytes
                progress(count / total)
        return state

    def _call(self, name: str, read: Callable[[BinaryIO], T], file: BinaryIO) -> T:
        """Call ``read``, and turn what goes wrong at the tensor ``name`` into a sentence."""
        try:
            return read(file)
        except AlteredError:
            problem = (
                f"is damaged: the values of the tensor {name} are not those that were written. "
                "Copy or download it again."
            )
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


def _open(path: Path) -> BinaryIO:
    try:
        return open_regular(path)
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be read ({error.strerror}).") from error


def unread_parts(tensors: Mapping[str, StoredTensor]) -> dict[Part, str]:
    """Each part with a checksum that has to be read for itself, and the first tensor in it."""
    parts: dict[Part, str] = {}
    for name, tensor in tensors.items():
        if tensor.unread_part is not None:
            parts.setdefault(tensor.unread_part, name)
    return parts


def read_into(file: BinaryIO, values: Tensor) -> memoryview:
    """Fill a contiguous tensor from a file; returns its bytes.

    Raises:
        EOFError: the file ends before.
    """
    view = memoryview(values.reshape(-1).view(torch.uint8).numpy().data)
    position = 0
    while position < len(view):
        count = file.readinto(view[position:])  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        position += count
    return view


def plain_config(config: Mapping[Any, Any]) -> dict[str, Any]:
    """The entries that a network's settings can be: scalars and short lists of numbers."""
    return {key: value for key, value in config.items() if type(key) is str and _is_plain(value)}


def _is_plain(value: Any) -> bool:
    if type(value) in (list, tuple):
        return len(value) <= 64 and all(type(item) in (int, float) for item in value)
    return _is_scalar(value)


def _is_scalar(value: Any) -> bool:
    return value is None or type(value) in (bool, int, float, str)


def excerpt(value: Any) -> str:
    """A value from a file, as it can stand in a message: short, on one line, in plain letters."""
    if type(value) in (list, tuple):
        parts = [excerpt(part) if _is_scalar(part) else type(part).__name__ for part in value[:64]]
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
                f"{path.name} holds a tensor of the impossible name {excerpt(name)}. Choose a "
                "checkpoint of an EDM model."
            )
        if len(tensor.shape) > MAX_DIMENSIONS or 0 in tensor.shape:
            raise CheckpointError(
                f"{path.name}: the tensor {excerpt(name)} has the impossible shape "
                f"{excerpt(list(tensor.shape[: MAX_DIMENSIONS + 1]))}. Copy or download the file "
                "again."
            )
    parts = sum(part.length for part in unread_parts(tensors))
    total = max(parts, sum(tensor.nbytes for tensor in tensors.values()))
    if total > file_size:
        raise CheckpointError(
            f"{path.name} describes {total} bytes of tensors but has only {file_size}. "
            "Copy or download it again."
        )


def check_memory(contents: StoredModel) -> None:
    """Check that a network can be in memory, before any tensor is read.

    Raises:
        CheckpointError: it is larger than the computer's memory.
    """
    sizes = [4 * math.prod(tensor.shape) for tensor in contents.tensors.values()]
    need = sum(sizes) + max(tensor.nbytes for tensor in contents.tensors.values())
    memory = psutil.virtual_memory().total
    if need > memory:
        raise CheckpointError(
            f"{contents.path.name} holds a network of {need / 1e9:.0f} GB, and this computer has "
            f"{memory / 1e9:.0f} GB of memory. Use a computer with more."
        )


def misfit(state: Mapping[str, Tensor], tensors: Mapping[str, StoredTensor]) -> str | None:
    """The first tensor of a file that is not as a network's state dict has it."""
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    for name, shape in shapes.items():
        tensor = tensors.get(name)
        if tensor is None:
            return f"it lacks {name}"
        if tensor.shape != shape:
            return f"{name} has the shape {excerpt(tensor.shape)}, not {excerpt(shape)}"
        if not tensor.dtype.is_floating_point:
            return f"{name} holds whole numbers ({tensor.dtype})"
    extra = next((name for name in tensors if name not in shapes), None)
    return None if extra is None else f"it has {excerpt(extra)}, which the network has not"
