"""Writes the messages of ONNX files, field by field: see ``onnx.proto``."""

from __future__ import annotations


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
