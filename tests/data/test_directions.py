"""Files of saved directions: what is written is read, and what is not one is refused."""

from __future__ import annotations

import json
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diffviews_desktop.data.directions import (
    KEY,
    MOST_LISTED_MEMORY,
    list_directions,
    read_direction,
    write_direction,
)
from diffviews_desktop.errors import Cancelled, DataError, UsageError
from diffviews_desktop.values.directions import checked_name

VALUES = {
    "midblock": np.arange(12, dtype=np.float32).reshape(3, 2, 2),
    "tokens": np.ones((4, 3), np.float32),
}
SAID = {KEY: '{"format": 1}'}
RECORD = {"kind": "difference", "model": "tiny", "sample_ids": ["a", "ü"]}


def saved(folder: Path, name: str = "three") -> Path:
    path = folder / f"{name}.safetensors"
    write_direction(path, VALUES, RECORD, replace=False)
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "new")
    found = read_direction(path)
    assert found.values.keys() == VALUES.keys()
    for name, array in VALUES.items():
        np.testing.assert_array_equal(found.values[name], array)
    assert (found.info.name, found.info.kind, found.info.model) == ("three", "difference", "tiny")
    assert found.info.layers == ("midblock", "tokens")
    assert found.info.shapes["midblock"] == (3, 2, 2)
    assert found.info.record == RECORD
    # others can read it, too
    np.testing.assert_array_equal(safetensors.numpy.load_file(path)["tokens"], VALUES["tokens"])
    before = path.read_bytes()
    write_direction(path, VALUES, RECORD, replace=True)
    assert path.read_bytes() == before


def test_a_name_that_is_taken_is_not_written_over(tmp_path: Path) -> None:
    path = saved(tmp_path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="three is there already"):
        write_direction(path, {"a": np.zeros(1, np.float32)}, {}, replace=False)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["three.safetensors"]


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", " a", "a ", "a.", "a\0b", "a\nb", "x" * 81,
     "a:b", "\u202eabc"],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a direction"):
        checked_name(name)


@pytest.mark.parametrize("name", ["three", "3 − 8".replace("−", "-"), "Größe 2", "a+b (x).1"])
def test_usual_names_are_taken(name: str) -> None:
    assert checked_name(name) == name


def raw(path: Path, header: str | bytes, size: int = 4) -> None:
    """A file with this header and values of so many bytes."""
    data = header.encode() if isinstance(header, str) else header
    path.write_bytes(struct.pack("<Q", len(data)) + data + bytes(size))


def header(layers: str, record: str = '{"format": 1}') -> str:
    """A header with layers as they are written in JSON."""
    return f'{{"__metadata__": {{{json.dumps(KEY)}: {json.dumps(record)}}}, {layers}}}'


def layer(shape: str, name: str = "m", dtype: str = "F32") -> str:
    return f'"{name}": {{"dtype": "{dtype}", "shape": {shape}, "data_offsets": [0, 4]}}'


SPOILT = {
    "endless": header(layer("[1e999]")),
    "no number": header(layer("[NaN]")),
    "negative": header(layer("[-1, -1, 1]")),
    "empty": header(layer("[0, 9223372036854775808]")),
    "huge": header(layer(f"[1{'0' * 400}]")),
    "of 200 dimensions": header(layer(str([1] * 200))),
    "true": header(layer("[true]")),
    "a text": header(layer('"1"')),
    "larger than the file": header(layer("[2]")),
    "without a name": header(layer("[1]", "")),
    "of two names": header(layer("[1]", "a+b")),
    "named by half a letter": header(layer("[1]", "\\ud800")),
    "of another type": header(layer("[2]", dtype="F16")),
    "no tensor": header('"m": 3'),
    "no shape": header('"m": {"dtype": "F32"}'),
    "a deep record": header(layer("[1]"), f'{{"format": 1, "a": {"[" * 500}{"]" * 500}}}'),
    "half a letter": header(layer("[1]"), '{"format": 1}').replace("format", "\\ud800"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_one_spoilt_file_hides_no_other(tmp_path: Path, case: str) -> None:
    saved(tmp_path, "a")
    saved(tmp_path, "z")
    raw(tmp_path / "m.safetensors", SPOILT[case], 0 if case == "empty" else 4)
    assert [info.name for info in list_directions(tmp_path)] == ["a", "z"]
    with pytest.raises(DataError):
        read_direction(tmp_path / "m.safetensors")


def test_what_a_record_says_is_text_or_nothing(tmp_path: Path) -> None:
    raw(tmp_path / "m.safetensors", header(layer("[1]"), '{"format": 1, "kind": [1], "model": 2}'))
    (info,) = list_directions(tmp_path)
    assert (info.kind, info.model) == ("", "")
    assert read_direction(info.path).info == info


def test_headers_take_no_more_memory_than_there_is_room_for(tmp_path: Path) -> None:
    many = ",".join(["{}"] * 5_000_000)
    raw(tmp_path / "large.safetensors", header(layer("[1]"), f'{{"format": 1, "a": [{many}]}}'))
    some = ",".join(["{}"] * 600_000)
    raw(tmp_path / "b0.safetensors", header(layer("[1]"), f'{{"format": 1, "a": [{some}]}}'))
    for number in range(1, 20):
        (tmp_path / f"b{number}.safetensors").hardlink_to(tmp_path / "b0.safetensors")
    del many, some
    saved(tmp_path, "a")
    tracemalloc.start()
    listed = [info.name for info in list_directions(tmp_path)]
    _, peak = tracemalloc.get_traced_memory()
    with pytest.raises(DataError, match="so many values"):
        read_direction(tmp_path / "large.safetensors")
    tracemalloc.stop()
    assert listed[:2] == ["a", "b0"]
    assert len(listed) < 5
    assert peak < MOST_LISTED_MEMORY


def test_a_list_can_be_cancelled(tmp_path: Path) -> None:
    for name in "abc":
        saved(tmp_path, name)
    calls: list[int] = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(list_directions(tmp_path, check))
    assert len(calls) == 2


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with pytest.raises(DataError, match="Choose fewer samples"):
        write_direction(path, VALUES, {"sample_ids": ["x" * 16_000_000]}, replace=False)
    with pytest.raises(DataError, match="no layer can be named a"):
        write_direction(path, {"a+b": VALUES["tokens"]}, {}, replace=False)
    assert not path.exists()


def test_files_that_are_none_are_left_out_of_the_list(tmp_path: Path) -> None:
    saved(tmp_path, "b")
    saved(tmp_path, "a")
    (tmp_path / "empty.safetensors").write_bytes(b"")
    (tmp_path / "note.txt").write_text("mine")
    safetensors.numpy.save_file(VALUES, tmp_path / "weights.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    assert [info.name for info in list_directions(tmp_path)] == ["a", "b"]
    assert list(list_directions(tmp_path / "nowhere")) == []


@pytest.mark.parametrize(
    ("values", "metadata", "says"),
    [
        (VALUES, None, "is no saved direction"),
        (VALUES, {"format": "pt"}, "is no saved direction"),
        (VALUES, {KEY: '{"format": 2}'}, "is no saved direction"),
        (VALUES, {KEY: "[" * 100_000}, "cannot be read"),
        ({}, SAID, "holds no values"),
        ({"a": np.full(3, np.nan, np.float32)}, SAID, "not finite"),
        ({"a": np.zeros(3, np.float64)}, SAID, "not finite"),
        ({"a": np.zeros((), np.float32)}, SAID, "not finite"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, values: dict, metadata: dict, says: str) -> None:
    path = tmp_path / "x.safetensors"
    safetensors.numpy.save_file(values, path, metadata=metadata)
    with pytest.raises(DataError, match=says):
        read_direction(path)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_file_is_refused_or_read_as_what_it_was(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / "x.safetensors"
    write_direction(path, VALUES, RECORD, replace=True)
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    at = data.draw(st.integers(0, header - 1))
    kind = data.draw(st.sampled_from(["cut", "byte", "more"]))
    changed = {
        "cut": whole[:at],
        "byte": whole[:at] + data.draw(st.binary(min_size=1, max_size=1)) + whole[at + 1 :],
        "more": whole + data.draw(st.binary(min_size=1, max_size=9)),
    }[kind]
    path.write_bytes(changed)
    try:
        found = read_direction(path)
    except DataError:
        return
    assert all(np.isfinite(array).all() for array in found.values.values())
    json.dumps(dict(found.info.record))
