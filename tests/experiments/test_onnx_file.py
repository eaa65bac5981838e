"""Other files that an ONNX file names are found, wherever in it they are."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx_messages import EXTERNAL, message, model, number, tensor

from diffviews_desktop.experiments.onnx_file import MOST_FIELDS, names_other_files

OTHER = tensor(EXTERNAL)
SPARSE = message(1, OTHER)
IN_ATTRIBUTE = {
    "tensor": message(5, OTHER),
    "tensors": message(10, tensor()) + message(10, OTHER),
    "sparse tensor": message(22, SPARSE),
    "sparse tensors": message(23, message(2, OTHER)),
    "graph": message(6, message(5, OTHER)),
    "graphs": message(11, message(1, message(5, message(5, OTHER)))),
}
IN_MODEL = {
    "initializer": model(OTHER),
    "sparse initializer": message(7, message(15, SPARSE)),
    "training": message(20, message(1, message(5, OTHER))),
    "function": message(25, message(7, message(5, IN_ATTRIBUTE["tensor"]))),
    "attribute of a function": message(25, message(11, IN_ATTRIBUTE["graph"])),
    **{
        f"{name} of a node": message(7, message(1, message(5, attribute)))
        for name, attribute in IN_ATTRIBUTE.items()
    },
}


@pytest.mark.parametrize("place", IN_MODEL)
def test_a_tensor_in_another_file_is_found(place: str) -> None:
    assert names_other_files(IN_MODEL[place])


def test_numbers_may_be_written_at_length() -> None:
    # a tag and a value of five bytes, where one is enough
    long = bytes([14 << 3 | 0x80, 0x80, 0x80, 0x80, 0x00, 0x81, 0x80, 0x00])
    assert names_other_files(model(tensor(long)))
    beyond = bytes([14 << 3 | 0x80, 0x80, 0x80, 0x80, 0x10, 0x01])  # of 32 bits, which count
    assert names_other_files(model(tensor(beyond)))


def test_values_in_the_file_are_no_other_file() -> None:
    assert not names_other_files(Path(__file__).with_name("linear.onnx").read_bytes())
    assert not names_other_files(model(tensor(number(14, 0) + message(9, EXTERNAL))))


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 20,
        b"PK\3\4" * 10,
        model(tensor())[:-1],
        message(7, message(5, tensor() + b"\x0b")),  # a group, which ONNX has nowhere
        message(7, b"\x0a\x00" * (MOST_FIELDS + 1)),
    ],
    ids=["bytes", "an archive", "cut", "a group", "fields without end"],
)
def test_what_is_no_onnx_file_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no ONNX file"):
        names_other_files(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(ValueError):
        assert names_other_files(data) in (True, False)
