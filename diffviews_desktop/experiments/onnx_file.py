"""Looks into an ONNX file without a library for it: whether it names other files.

A tensor's values may lie in a file that the model names, anywhere on the disk, and the library that
runs the model would read it. An ONNX file is a message of Protocol Buffers: see ``onnx.proto``.
"""

from __future__ import annotations

MOST_FIELDS = 2_000_000
"""Of the messages of a file: a network of a thousand layers has some ten thousand."""

_INSIDE = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        10: "tensor",
        22: "sparse tensor",
        23: "sparse tensor",
        6: "graph",
        11: "graph",
    },
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "function": {7: "node", 11: "attribute"},
    "tensor": {},
}
"""By the number of a field, the messages in a message that are or hold tensors."""
_DATA_LOCATION = 14
"""The field of a tensor that is not 0 where its values are in another file."""
_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5
_LONGEST_VARINT = 10  # bytes


def names_other_files(data: bytes) -> bool:
    """Whether a model keeps values of tensors in other files.

    Raises:
        ValueError: it is no ONNX file, or damaged.
    """
    waiting = [("model", 0, len(data))]
    fields = 0
    while waiting:
        kind, at, end = waiting.pop()
        while at < end:
            tag, at = _varint(data, at)
            number, form = (tag & 0xFFFFFFFF) >> 3, tag & 7
            if form == _VARINT:
                value, at = _varint(data, at)
                if kind == "tensor" and number == _DATA_LOCATION and value:
                    return True
            elif form == _LENGTH:
                size, at = _varint(data, at)
                if number in _INSIDE[kind]:
                    waiting.append((_INSIDE[kind][number], at, at + size))
                at += size
            elif form in (_EIGHT, _FOUR):
                at += 8 if form == _EIGHT else 4
            else:
                raise ValueError("it is no ONNX file")
            fields += 1
            if at > end or fields > MOST_FIELDS:
                raise ValueError("it is no ONNX file, or damaged")
    return False


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A whole number, and where it ends."""
    value = 0
    for place, byte in enumerate(data[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("it is no ONNX file, or damaged")
