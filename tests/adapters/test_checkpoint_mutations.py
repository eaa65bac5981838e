"""Whatever bytes of a checkpoint are changed: it loads as it should, or it is refused.

``MUTATIONS`` in the environment sets how many files of each format are tried.
"""

from __future__ import annotations

import io
import os
import pickle
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import persistence
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from persistence import (
    ADDITEMS,
    APPEND,
    APPENDS,
    BINPERSID,
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_SET,
    EMPTY_TUPLE,
    FALSE,
    LEAST,
    MARK,
    MEMOIZE,
    NEWOBJ,
    NONE,
    NUMPY_2,
    POP,
    REDUCE,
    SETITEM,
    SETITEMS,
    TRUE,
    TUPLE,
    TUPLE1,
    TUPLE2,
    TUPLE3,
    Form,
    call,
    data,
    filled,
    get,
    global_,
    network,
    number,
    pickled,
    real,
    text,
)
from torch import Tensor

from diffviews_desktop.adapters.checkpoint import load_checkpoint, read_stored, save_checkpoint
from diffviews_desktop.errors import CheckpointError

EXAMPLES = int(os.environ.get("MUTATIONS", "120"))
MARKER = "MARKER"

CONFIG = {**LEAST, "label_dim": 0, "sigma_data": 0.5}
OTHER_CONFIG = {**CONFIG, "img_channels": 3, "embedding_type": "fourier"}
MODEL, OTHER = filled("EDMPrecond", CONFIG), filled("EDMPrecond", OTHER_CONFIG, seed=1)
STATE = MODEL.state_dict()


class Payload:
    """Creates the marker where it is unpickled by a reader that is not safe."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (MARKER, "w")


def saved(value: object, zipped: bool, checksums: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.serialization.set_crc32_options(checksums)
    try:
        torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
    finally:
        torch.serialization.set_crc32_options(True)
    return buffer.getvalue()


def in_safetensors(model: torch.nn.Module, config: dict[str, object], folder: Path) -> bytes:
    save_checkpoint(folder / "valid.safetensors", config, model.state_dict())
    return (folder / "valid.safetensors").read_bytes()


def in_pickle(protocol: int, model: persistence.Precond, config: dict[str, object]) -> bytes:
    form = Form(scalars=NUMPY_2, source=f"open({MARKER!r}, 'w')")
    return persistence.dumps({"ema": network(model, config, form)}, protocol)


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working folder, in which a payload would create its marker."""
    path = tmp_path_factory.mktemp("mutations")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        yield path


@pytest.fixture(scope="module")
def files(folder: Path) -> dict[str, tuple[bytes, bytes]]:
    """For each format, two valid files."""
    two = ((MODEL, CONFIG), (OTHER, OTHER_CONFIG))
    return {
        "protocol 2": tuple(in_pickle(2, *one) for one in two),
        "protocol 4": tuple(in_pickle(4, *one) for one in two),
        "safetensors": tuple(in_safetensors(*one, folder) for one in two),
        "archive": tuple(saved(one.state_dict(), True) for one, _ in two),
        # what is changed in these gets as far as to the reader of pickles
        "archive without checksums": tuple(
            saved(one.state_dict(), True, checksums=False) for one, _ in two
        ),
        "old": tuple(saved(one.state_dict(), False) for one, _ in two),
    }


# --- changes -------------------------------------------------------------------------------------

Change = Callable[[bytearray, bytes], None]
PIECES = [
    *(bytes([code]) for code in range(256)),
    pickle.dumps(Payload(), 2)[2:-1],
    pickle.dumps(Payload(), 4)[2:-1],
    *(struct.pack("<I", number) for number in (0, 1, 2**31 - 1, 2**31, 2**32 - 1)),
    *(struct.pack("<q", number) for number in (0, 1, 2**62, -1, -(2**63))),
    *(
        text.encode()
        for text in ("null", "-1", "1e999", "9" * 30, "{}", "[]", '"a"', "NaN", "[" * 99)
    ),
]
places = st.integers(0, 2**20)
lengths = st.one_of(st.integers(1, 8), st.integers(1, 3000))


def flip(place: int, value: int) -> Change:
    def change(raw: bytearray, other: bytes) -> None:
        if raw:
            raw[place % len(raw)] ^= value

    return change


def insert(place: int, piece: bytes) -> Change:
    def change(raw: bytearray, other: bytes) -> None:
        start = place % (len(raw) + 1)
        raw[start:start] = piece

    return change


def overwrite(place: int, piece: bytes) -> Change:
    def change(raw: bytearray, other: bytes) -> None:
        start = place % (len(raw) + 1)
        raw[start : start + len(piece)] = piece

    return change


def delete(place: int, length: int) -> Change:
    def change(raw: bytearray, other: bytes) -> None:
        start = place % (len(raw) + 1)
        del raw[start : start + length]

    return change


def copy(place: int, to: int, length: int) -> Change:
    def change(raw: bytearray, other: bytes) -> None:
        start, end = place % (len(raw) + 1), to % (len(raw) + 1)
        raw[end:end] = raw[start : start + length]

    return change


def swap(place: int, to: int, length: int) -> Change:
    def change(raw: bytearray, other: bytes) -> None:
        size = min(length, len(raw) // 2)
        first, second = sorted((place % (len(raw) + 1), to % (len(raw) + 1)))
        second = max(second, first + size)
        a, b = raw[first : first + size], raw[second : second + size]
        raw[second : second + size] = a
        raw[first : first + size] = b

    return change


def splice(place: int, to: int) -> Change:
    """The beginning of this file and the end of the other one."""

    def change(raw: bytearray, other: bytes) -> None:
        raw[place % (len(raw) + 1) :] = other[to % (len(other) + 1) :]

    return change


def graft(place: int, to: int, length: int) -> Change:
    """A piece of the other file in the same place of this one."""

    def change(raw: bytearray, other: bytes) -> None:
        start, end = place % (len(raw) + 1), to % (len(other) + 1)
        piece = other[end : end + length]
        raw[start : start + len(piece)] = piece

    return change


changes = st.lists(
    st.one_of(
        st.builds(flip, places, st.integers(1, 255)),
        st.builds(insert, places, st.one_of(st.sampled_from(PIECES), st.binary(max_size=20))),
        st.builds(overwrite, places, st.one_of(st.sampled_from(PIECES), st.binary(max_size=20))),
        st.builds(delete, places, lengths),
        st.builds(copy, places, places, lengths),
        st.builds(swap, places, places, lengths),
        st.builds(splice, places, places),
        st.builds(graft, places, places, lengths),
    ),
    min_size=1,
    max_size=4,
)


# --- what becomes of them ------------------------------------------------------------------------

SHAPES = [
    {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    for model in (MODEL, OTHER)
]


def check_text(said: str, path: Path) -> None:
    assert path.name in said
    assert len(said) <= 600
    assert said.isprintable()


def read(path: Path) -> dict[str, Tensor] | None:
    """The tensors in a file; None where it is refused."""
    try:
        stored = read_stored(path)
        state = stored.read(lambda fraction: None)
    except CheckpointError as error:
        check_text(str(error), path)
        return None
    assert {name: tensor.shape for name, tensor in stored.tensors.items()} == {
        name: tuple(tensor.shape) for name, tensor in state.items()
    }
    assert all(tensor.dtype == torch.float32 for tensor in state.values())
    return state


def load(path: Path) -> dict[str, tuple[int, ...]] | None:
    """Names and shapes of the loaded network; None where it is refused."""
    try:
        model = load_checkpoint(path).model
    except CheckpointError as error:
        check_text(str(error), path)
        return None
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize(
    "kind", ["protocol 2", "protocol 4", "safetensors", "archive without checksums", "old"]
)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changes=changes)
def test_a_changed_file(
    files: dict[str, tuple[bytes, bytes]], folder: Path, kind: str, changes: list[Change]
) -> None:
    valid, other = files[kind]
    raw = bytearray(valid)
    for change in changes:
        change(raw, other)
    path = folder / "changed"
    path.write_bytes(raw)
    state = read(path)
    if state is not None:
        found = {name: tuple(tensor.shape) for name, tensor in state.items()}
        if found not in SHAPES or sum(raw[:40]) % 8 == 0:  # loading takes longer than reading
            assert load(path) in (None, *SHAPES)
    assert not (folder / MARKER).exists()


@pytest.mark.parametrize(
    "kind", ["protocol 4", "safetensors", "archive", "archive without checksums", "old"]
)
@settings(
    max_examples=EXAMPLES // 4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(name=st.sampled_from(list(STATE)), place=places, value=st.integers(1, 255))
def test_a_changed_byte_of_a_tensor_changes_one_number_or_is_noticed(
    files: dict[str, tuple[bytes, bytes]],
    folder: Path,
    kind: str,
    name: str,
    place: int,
    value: int,
) -> None:
    valid, _ = files[kind]
    content = STATE[name].numpy().tobytes()
    if valid.count(content) != 1:  # zeros and ones stand in several places
        return
    raw = bytearray(valid)
    place %= len(content)
    raw[valid.index(content) + place] ^= value
    path = folder / "changed"
    path.write_bytes(raw)
    state = read(path)
    if kind == "archive":  # which has checksums
        assert state is None
        return
    assert state is not None
    for other, tensor in STATE.items():
        differing = state[other].flatten().view(torch.int32) != tensor.flatten().view(torch.int32)
        assert differing.nonzero().flatten().tolist() == ([place // 4] if other == name else [])


def test_the_valid_files_load(files: dict[str, tuple[bytes, bytes]], folder: Path) -> None:
    for pair in files.values():
        for raw, shapes in zip(pair, SHAPES, strict=True):
            (folder / "valid").write_bytes(raw)
            assert load(folder / "valid") == shapes


@settings(
    max_examples=EXAMPLES // 2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changes=changes)
def test_what_is_read_of_safetensors_is_what_its_own_library_reads(
    files: dict[str, tuple[bytes, bytes]], folder: Path, changes: list[Change]
) -> None:
    valid, other = files["safetensors"]
    header = valid.index(b"}}") + 2
    raw, rest = bytearray(valid[8:header]), valid[header:]
    for change in changes:  # in the header alone, whose length stays right
        change(raw, other[8:header])
    path = folder / "changed.safetensors"
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + rest.lstrip(b" "))
    ours = read(path)
    try:
        theirs = safetensors.torch.load_file(path)
    except Exception:  # it has several kinds of errors for a damaged file
        return
    if ours is not None and ours.keys() == theirs.keys():
        for name, tensor in theirs.items():
            assert torch.equal(ours[name], tensor.float()) or tensor.float().isnan().any()


# --- any operations in any order -----------------------------------------------------------------

VALUES = [
    *(number(value) for value in (0, 1, 6, 4, 2**31, -1, 2**62, 2**200)),
    *(text(value) for value in ("", "ema", "state", "model", "_modules", "latin1", "0", "cpu")),
    *(text(value) for value in ("storage", "f8", "<", "EDMPrecond", "x" * 5000)),
    *(data(value) for value in (b"", bytes(8), bytes(5000))),
    data(bytes(persistence.legacy_stream(torch.ones(4)))),
    *(NONE, TRUE, FALSE, real(0.5), EMPTY_LIST, EMPTY_DICT, EMPTY_SET, EMPTY_TUPLE),
]
NAMED = [
    *(
        global_(module, name)
        for module, name in (
            ("torch_utils.persistence", "_reconstruct_persistent_obj"),
            ("torch.nn.modules.container", "ModuleDict"),
            ("torch._utils", "_rebuild_tensor_v2"),
            ("torch._utils", "_rebuild_parameter"),
            ("torch.storage", "_load_from_bytes"),
            ("collections", "OrderedDict"),
            ("collections", "Counter"),
            ("numpy", "dtype"),
            ("numpy._core.multiarray", "scalar"),
            ("builtins", "set"),
            ("_codecs", "encode"),
            ("torch", "FloatStorage"),
            ("torch", "Size"),
        )
    ),
]
ACTIONS = [
    *(MARK, MARK, POP, REDUCE, REDUCE, BUILD, NEWOBJ, TUPLE, TUPLE1, TUPLE2, TUPLE3, APPEND),
    *(APPENDS, SETITEM, SETITEMS, ADDITEMS, MEMOIZE, BINPERSID, b"1"),
    *(get(index) for index in range(8)),
]
TEMPLATES = [
    call(global_("collections", "OrderedDict")),
    call(global_("numpy", "dtype"), text("f8"), FALSE, TRUE),
    call(global_("_codecs", "encode"), text("x" * 8), text("latin1")),
    call(global_("torch.storage", "_load_from_bytes"), VALUES[-9]),
    global_("torch.nn.modules.container", "ModuleDict") + EMPTY_TUPLE + NEWOBJ,
]
streams = st.lists(
    st.one_of(*map(st.sampled_from, (VALUES, NAMED, ACTIONS, TEMPLATES))), max_size=40
).map(b"".join)


@pytest.mark.parametrize("kind", ["pickle", "old"])
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(stream=streams)
def test_any_operations_in_any_order(folder: Path, kind: str, stream: bytes) -> None:
    head = bytes(persistence.legacy_stream(torch.ones(1)))
    head = head[: head.index(b"\x80\x02(X\x07\0\0\0storage")] if kind == "old" else b""
    path = folder / "stream"
    path.write_bytes(head + pickled(stream) + pickled(EMPTY_LIST) * bool(head))
    assert read(path) is None
    assert not (folder / MARKER).exists()
