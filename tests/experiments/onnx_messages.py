"""Writes the messages of ONNX files, field by field: see ``onnx.proto``."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def varint(value: int) -> bytes:
    """A whole number."""
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


def number(field: int, value: int) -> bytes:
    """A field that is a whole number."""
    return varint(field << 3) + varint(value)


def message(field: int, data: bytes) -> bytes:
    """A field that is a message or a text."""
    return varint(field << 3 | 2) + varint(len(data)) + data


EXTERNAL = message(13, message(1, b"location") + message(2, b"../secret")) + number(14, 1)
"""What a tensor says whose values lie in another file."""


def tensor(more: bytes = b"") -> bytes:
    """A tensor of two floats without values, named w."""
    return number(1, 2) + number(2, 1) + message(8, b"w") + more


def model(initializer: bytes) -> bytes:
    """A model with one tensor."""
    return number(1, 8) + message(7, message(2, b"g") + message(5, initializer))


def whole_numbers(name: str, *values: int) -> bytes:
    """A tensor of whole numbers."""
    raw = struct.pack(f"<{len(values)}q", *values)
    return number(1, len(values)) + number(2, 7) + message(8, name.encode()) + message(9, raw)


def node(operation: str, inputs: str, output: str) -> bytes:
    """An operation; its inputs are separated by blanks."""
    names = b"".join(message(1, name.encode()) for name in inputs.split())
    return names + message(2, output.encode()) + message(4, operation.encode())


def network(nodes: Sequence[bytes], *tensors: bytes, count: int | None = None) -> bytes:
    """A model from so many pictures x, or any number, of 4 x 4 in one channel to a table y."""
    rows = message(2, b"N") if count is None else number(1, count)
    picture = [rows, *(number(1, side) for side in (1, 4, 4))]
    graph = b"".join(message(1, one) for one in nodes) + message(2, b"g")
    graph += b"".join(message(5, one) for one in tensors)
    graph += message(11, _place("x", picture))
    graph += message(12, _place("y", [rows, message(2, b"K")]))
    return number(1, 8) + message(7, graph) + message(8, number(2, 17))


def _place(name: str, sides: Sequence[bytes]) -> bytes:
    shape = b"".join(message(1, side) for side in sides)
    kind = number(1, 1) + message(2, shape)
    return message(1, name.encode()) + message(2, message(1, kind))
