"""What no classifier needs is found in an ONNX file, wherever in it it is: other files that it
names, and what takes any time or memory."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx_messages import EXTERNAL, message, model, network, node, number, tensor

from diffviews_desktop.experiments.onnx_file import MOST_FIELDS, MOST_NODES, check_network

OTHER = tensor(EXTERNAL)
IN_ATTRIBUTE = {
    "tensor": message(5, OTHER),
    "tensors": message(10, tensor()) + message(10, OTHER),
    "graph": message(6, message(5, OTHER)),
    "graphs": message(11, message(1, message(5, message(5, OTHER)))),
}
IN_MODEL = {
    "initializer": model(OTHER),
    "training": message(20, message(1, message(5, OTHER))),
    **{
        f"{name} of a node": message(7, message(1, message(5, attribute)))
        for name, attribute in IN_ATTRIBUTE.items()
    },
}


@pytest.mark.parametrize("place", IN_MODEL)
def test_a_tensor_in_another_file_is_found(place: str) -> None:
    with pytest.raises(ValueError, match="other files"):
        check_network(IN_MODEL[place])


def test_numbers_may_be_written_at_length() -> None:
    # a tag and a value of five bytes, where one is enough
    long = bytes([14 << 3 | 0x80, 0x80, 0x80, 0x80, 0x00, 0x81, 0x80, 0x00])
    beyond = bytes([14 << 3 | 0x80, 0x80, 0x80, 0x80, 0x10, 0x01])  # of 32 bits, which count
    for said in (long, beyond):
        with pytest.raises(ValueError, match="other files"):
            check_network(model(tensor(said)))


TEXTS = number(1, 1) + number(2, 8) + message(6, b"text")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (network([node("Loop", " x", "y")]), "the operation Loop"),
        (network([node("StringConcat", "x x", "y")]), "the operation StringConcat"),
        (network([node("Relu", "x", "y") + message(7, b"com.other")]), "operations of com.other"),
        (network([node("Relu", "x", "y")]) + message(25, message(1, b"f")), "functions"),
        (message(7, message(15, message(1, tensor()))), "sparse"),
        (message(7, message(1, message(5, message(22, message(1, tensor()))))), "sparse"),
        (message(7, message(1, message(5, message(23, message(2, tensor()))))), "sparse"),
        (model(TEXTS), "texts"),
        (message(7, message(1, message(5, message(1, b"value_strings")))), "texts"),
        (network([node("Relu", "x", "y")] * (MOST_NODES + 1)), "more than 20,000 operations"),
    ],
)
def test_what_no_classifier_needs_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_network(data)


def test_values_in_the_file_are_no_other_file() -> None:
    check_network(Path(__file__).with_name("linear.onnx").read_bytes())
    check_network(model(tensor(number(14, 0) + message(9, EXTERNAL))))


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 20,
        b"PK\3\4" * 10,
        model(tensor())[:-1],
        message(7, message(5, tensor() + b"\x0b")),  # a group, which ONNX has nowhere
        message(7, b"\x12\x00" * (MOST_FIELDS + 1)),
    ],
    ids=["bytes", "an archive", "cut", "a group", "fields without end"],
)
def test_what_is_no_onnx_file_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no ONNX file"):
        check_network(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(ValueError):
        check_network(data)
