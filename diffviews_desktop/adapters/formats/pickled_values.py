"""What stands in for the objects that a pickle of tensors may hold: tables, numbers, tensors."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor

from diffviews_desktop.adapters.formats.pickle_machine import (
    Allowed,
    Blob,
    Budget,
    Buildable,
    Damaged,
    LongText,
    PickleMachine,
    Refused,
    names,
)
from diffviews_desktop.adapters.formats.stand_ins import stand_ins
from diffviews_desktop.adapters.formats.stored import (
    MAX_DIMENSIONS,
    MAX_TENSORS,
    Part,
    StoredTensor,
    TensorInFile,
    contiguous_stride,
)

AllowList = dict[tuple[str, str], Allowed]

_DTYPES = {
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "DoubleStorage": torch.float64,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
STORAGE_TYPES: AllowList = {("torch", name): Allowed("torch", name) for name in _DTYPES}

MAX_HEADER = 2**16

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_STREAM_PROTOCOL = 1001
_SCALARS = {
    "f8": "d",
    "f4": "f",
    "f2": "e",
    "i8": "q",
    "i4": "i",
    "i2": "h",
    "i1": "b",
    "b1": "?",
    "u8": "Q",
    "u4": "I",
    "u2": "H",
    "u1": "B",
}


@dataclass(slots=True)
class Storage:
    """The values of one or more tensors.

    Attributes:
        dtype: of each value.
        numel: how many they are.
        offset: of the first, in bytes from the start of the file or of ``blob``; None until it is
            known.
        blob: the bytes that hold them, where these are not bytes of the file itself.
        part: the same bytes of the file, where it has a checksum of them.
    """

    dtype: torch.dtype
    numel: int
    offset: int | None = None
    blob: Blob | None = None
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class TensorValue:
    """A tensor: some of the values of a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def locate(self) -> StoredTensor:
        """Where it is in the file.

        Raises:
            Damaged: its values are not there.
            Refused: they are few of a long text.
        """
        storage = self.storage
        if storage.offset is None:
            raise Damaged("the values of a tensor are missing")
        start = storage.offset + self.offset * storage.dtype.itemsize
        spread = None if self.stride == contiguous_stride(self.shape) else self.stride
        place = TensorInFile(self.shape, storage.dtype, start, spread, storage.part)
        if storage.blob is None:
            return place
        if storage.blob.length > 4 * place.nbytes + MAX_HEADER:  # all of it has to be decoded
            raise Refused("a tensor that is a small part of a long text")
        return _TensorInText(storage.blob, place)


@dataclass(frozen=True)
class _TensorInText:
    """A tensor in a pickle of protocol 2, which writes bytes as text."""

    blob: Blob
    place: TensorInFile

    @property
    def shape(self) -> tuple[int, ...]:
        return self.place.shape

    @property
    def dtype(self) -> torch.dtype:
        return self.place.dtype

    @property
    def unread_part(self) -> None:
        return None

    @property
    def nbytes(self) -> int:
        return max(self.place.nbytes, self.blob.length)

    def read(self, file: BinaryIO) -> Tensor:
        start, end = self.place.offset, self.place.offset + self.place.nbytes
        values = bytearray()
        position = 0
        for chunk in self.blob.chunks(file):
            values += chunk[max(0, start - position) : max(0, end - position)]
            position += len(chunk)
        return replace(self.place, offset=0).read(io.BytesIO(values))


# ---- the allow-lists ----------------------------------------------------------------------------


def common_allow_list(file: BinaryIO, budget: Budget) -> AllowList:
    """Tables, numbers and tensors. ``file`` is the one that is read, opened once more."""

    def scalar(kind: Any, data: Any) -> int | float | bool:
        if type(kind) is not _ScalarType or type(data) is not Blob or data.length > 16:
            raise Refused("a number in a form that this program does not read")
        return struct.unpack(f"<{_SCALARS[kind.code]}", b"".join(data.chunks(file)))[0]

    def encode(text: Any, encoding: Any) -> Blob:
        if type(encoding) is not str or encoding not in ("latin1", "latin-1"):
            raise Refused("text in an encoding that this program does not read")
        if type(text) is LongText:
            return Blob(text.offset, text.length, latin=True)
        if type(text) is not str:
            raise Refused("bytes that are made of no text")
        budget.spend_text(len(text))
        return Blob(0, len(text), data=text.encode("latin-1"))

    return allow_list(
        *stand_ins(),
        Allowed("collections", "OrderedDict", reduce=empty_table, new=empty_table),
        Allowed("numpy", "dtype", reduce=_scalar_type),
        Allowed("numpy.core.multiarray", "scalar", reduce=scalar),
        Allowed("numpy._core.multiarray", "scalar", reduce=scalar),
        Allowed("builtins", "set", reduce=_set),
        Allowed("__builtin__", "set", reduce=_set),
        Allowed("_codecs", "encode", reduce=encode),
        Allowed("torch._utils", "_rebuild_tensor", reduce=_old_tensor),
        Allowed("torch._utils", "_rebuild_tensor_v2", reduce=_tensor),
        Allowed("torch._utils", "_rebuild_parameter", reduce=_parameter),
        Allowed("torch._utils", "_rebuild_parameter_with_state", reduce=_parameter),
    )


def allow_list(*entries: Allowed) -> AllowList:
    return {(entry.module, entry.name): entry for entry in entries}


def empty_table() -> dict[str, Any]:
    return {}


def _set(items: Any = None) -> set[str]:
    if items is not None and type(items) is not list:
        raise Refused("a set that is made of no list")
    result = set(names(items or []))
    if items:
        items.clear()  # one list makes one set: many large ones cost a file what they cost us
    return result


@dataclass(eq=False)
class _ScalarType(Buildable):
    """The type of a NumPy scalar."""

    code: str

    def build(self, state: Any) -> None:
        if type(state) is not tuple or len(state) < 2 or state[1] not in ("<", "|", "="):
            raise Refused("a number in a byte order that this program does not read")


def _scalar_type(code: Any, align: Any = False, copy: Any = True) -> _ScalarType:
    if type(code) is not str or code not in _SCALARS:
        raise Refused("a number of a type that this program does not read")
    return _ScalarType(code)


# ---- tensors ------------------------------------------------------------------------------------


def _parameter(tensor: Any, requires_grad: Any, hooks: Any, state: Any = None) -> TensorValue:
    if type(tensor) is not TensorValue:
        raise Refused("a parameter that is no tensor")
    return tensor


def _tensor(
    storage: Any,
    offset: Any,
    shape: Any,
    stride: Any,
    requires_grad: Any,
    hooks: Any,
    metadata: Any = None,
) -> TensorValue:
    if type(storage) is not Storage:
        raise Refused("a tensor without values")
    if not type(shape) is type(stride) is tuple or not len(shape) == len(stride) <= MAX_DIMENSIONS:
        raise Refused("a tensor with an impossible shape")
    if not all(type(number) is int and 0 <= number < 2**62 for number in (offset, *shape, *stride)):
        raise Refused("a tensor with an impossible shape")
    count = 1
    for length in shape:
        count *= length
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
    if 0 in shape or last >= storage.numel or count > storage.numel:
        raise Refused("a tensor that is larger than its values")
    return TensorValue(storage, offset, shape, stride)


def _old_tensor(storage: Any, offset: Any, shape: Any, stride: Any) -> TensorValue:
    return _tensor(storage, offset, shape, stride, None, None)


class Located(NamedTuple):
    """Where in a file values are, and their checksum, if it has one of them."""

    offset: int
    part: Part | None


class StorageTable:
    """Makes storages from the persistent ids of torch.save, each once.

    Args:
        locate: gives the place of a storage from its key and its size in bytes; None where
            places are not yet known.
    """

    def __init__(self, locate: Callable[[str, int], Located] | None = None) -> None:
        self.storages: dict[str, Storage] = {}
        self._locate = locate

    def __call__(self, identifier: Any) -> Storage:
        match identifier:
            case (
                "storage",
                Allowed(module="torch", name=kind),
                str(key),
                str(),
                int(numel),
                *more,
            ):
                dtype = _DTYPES[kind]
            case _:
                raise Refused("values without a type")
        if more not in ([], [None]) or not 0 <= numel < 2**62:
            raise Refused("values without a size")
        storage = self.storages.get(key)
        if storage is None:
            storage = self.storages[key] = Storage(dtype, numel)
            if self._locate is not None:
                storage.offset, storage.part = self._locate(key, numel * dtype.itemsize)
        if storage.dtype != dtype or storage.numel != numel or len(self.storages) > MAX_TENSORS:
            raise Refused("values of two kinds under one key, or too many of them")
        return storage


def read_stream(
    file: BinaryIO,
    end: int,
    allowed: AllowList,
    budget: Budget,
    ignored: frozenset[str] = frozenset(),
) -> Any:
    """Read what torch.save writes without an archive; its storages then know their places.

    Args:
        file: positioned at the stream, and left behind it.
        end: where the stream or the file ends.
        allowed: the allow-list of the value.
        budget: what may be spent.
        ignored: see `PickleMachine`.
    """

    def plain() -> Any:
        return PickleMachine(file, end, {}, budget).run()

    if plain() != _MAGIC_NUMBER or plain() != _STREAM_PROTOCOL:
        raise Refused("values that are not in the form of torch.save")
    system = plain()
    if type(system) is not dict or system.get("little_endian") is not True:
        raise Refused("values in a byte order that this program does not read")
    table = StorageTable()
    value = PickleMachine(file, end, allowed | STORAGE_TYPES, budget, table, ignored).run()
    keys = plain()
    if type(keys) is not list:
        raise Damaged("it does not say which values come in which order")
    for key in names(keys):
        storage = table.storages.get(key)
        size = file.read(8)
        if (
            storage is None
            or storage.offset is not None
            or size != storage.numel.to_bytes(8, "little")
        ):
            raise Damaged("a tensor has more or fewer values than it says")
        storage.offset = file.tell()
        if storage.numel * storage.dtype.itemsize > end - storage.offset:
            raise Damaged("it ends in the middle of a tensor")
        file.seek(storage.offset + storage.numel * storage.dtype.itemsize)
    return value
