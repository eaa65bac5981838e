"""Sessions of other people: whatever they hold, they are read within bounds or refused."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_sessions import kept_state

from diffviews_desktop.errors import DataError
from diffviews_desktop.state.session_file.members import HEAD
from diffviews_desktop.state.session_file.reading import read_file
from diffviews_desktop.state.session_file.saved import session_of
from diffviews_desktop.state.session_file.writing import write_file
from diffviews_desktop.state.view import Filter, NamedView
from diffviews_desktop.values.sample_sets import SET_COLORS

Members = dict[str, bytes]


@pytest.fixture
def members(tmp_path: Path) -> Members:
    """What a good session is made of."""
    file = tmp_path / "good.diffviews"
    write_file(session_of(kept_state()), file)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def read(tmp_path: Path, members: Members) -> Callable[..., Any]:
    """Reads a session of these members, some of them changed."""

    def read_it(compressed: bool = False) -> Any:
        file = tmp_path / "hostile.diffviews"
        form = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
        with zipfile.ZipFile(file, "w", form) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return read_file(file)

    return read_it


def change(members: Members, name: str, **fields: Any) -> None:
    """Give fields of a member of JSON other values; ``a__b`` is the field b of a."""
    told = json.loads(members[name])
    for path, value in fields.items():
        *outer, last = path.split("__")
        place = told
        for key in outer:
            place = place[key]
        place[last] = value
    members[name] = json.dumps(told).encode()


def npy(array: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, **options)
    return stream.getvalue()


def chosen(rows: list[int], ends: list[int], ids: bytes, count: int | None = None) -> bytes:
    """A selection set as a session has it."""
    numbers = np.array([len(rows) if count is None else count, *rows, *ends], np.int64)
    return npy(np.frombuffer(numbers.tobytes() + ids, np.uint8))


def test_the_good_one_is_read(read: Callable[..., Any]) -> None:
    assert len(read().runs.all) == 2


REFUSED: dict[str, dict[str, Any]] = {
    "no version": {"version": None},
    "a version of a text": {"version": "1"},
    "no folder": {"folder": None},
    "a folder that cannot be": {"folder__path": "a\0b"},
    "a number as model": {"model": [1]},
    "infinity": {"view__rectangle": [0, 0, float("inf"), 1]},
    "runs twice": {"runs__all": [1, 1]},
    "runs that are not there": {"runs__all": [1, 77]},
    "runs of negative numbers": {"runs__all": [-1]},
    "a path as a run": {"runs__all": ["../1"]},
    "many runs": {"runs__all": list(range(1, 9000))},
    "a verb that is none": {"runs__interventions": [{"verb": "run", "source": {"kind": "zero"}}]},
    "a source that is none": {"runs__interventions": [{"verb": "add", "source": {"kind": "x"}}]},
    "an area of a million rows": {
        "runs__interventions": [
            {
                "verb": "ablate",
                "source": {"kind": "zero"},
                "region": {"kind": "area", "height": 10**6, "width": 10**6, "bits": "ff"},
            }
        ]
    },
    "a condition that is none": {"runs__condition": {"kind": "everything"}},
    "a map that cannot be": {"spec": {"model": "m", "parameters": {"n_neighbors": 10**9}}},
    "many neighbours": {"picks__suggest_count": 10**9},
    "two named selections with one number": {
        "sets": [{"number": 2, "name": "a", "model": "m"}, {"number": 2, "name": "b", "model": "m"}]
    },
    "a named selection that is not there": {"sets": [{"number": 9, "name": "a", "model": "m"}]},
    "a named selection of number 0": {"sets": [{"number": 0, "name": "a", "model": "m"}]},
    "many named selections": {
        "sets": [{"number": n, "name": "a", "model": "m"} for n in range(1, 1000)]
    },
    "a tool that is none": {"view__tool": "hammer"},
}


@pytest.mark.parametrize("fields", REFUSED.values(), ids=REFUSED)
def test_a_head_that_cannot_be_is_refused(
    fields: dict[str, Any], members: Members, read: Callable[..., Any]
) -> None:
    change(members, HEAD, **fields)
    with pytest.raises(DataError, match="cannot be opened"):
        read()


def test_what_no_map_can_show_is_left_out(members: Members, read: Callable[..., Any]) -> None:
    change(
        members,
        HEAD,
        view__rectangle=[1, 1, 0, 0],
        view__camera__distance=0,
        view__color_by="__class__",
        view__size_by="nothing",
        view__filters=[{"by": "nothing"}, {"by": "sigma", "low": 1}, {"by": "sigma"}],
        runs__step=10**9,
        runs__shown=77,
        views=[{"name": "a\u0000b", "color_by": "nothing", "filters": [{"by": "nothing"}]}],
        more={"of": "a later version"},
    )
    told = json.loads(members[HEAD])
    told["sets"][0] |= {"color": "red; url(x)", "name": "x" * 5000}
    members[HEAD] = json.dumps(told).encode()
    found = read()
    assert found.groups.views == (NamedView("a\\x00b"),)
    one = found.groups.all_sets[0]
    assert one.color == SET_COLORS[0]
    assert len(one.name) < 500
    view = found.view
    assert (view.rectangle, view.camera, view.color_by) == (None, None, "class")
    assert (view.size_by, view.filters) == (None, (Filter("sigma"),))
    assert (found.runs.shown, found.runs.step) == (2, 2)


def test_a_pickle_is_never_opened(
    members: Members, read: Callable[..., Any], tmp_path: Path
) -> None:
    planted = tmp_path / "planted"

    class Evil:
        def __reduce__(self) -> Any:
            return Path.touch, (planted,)

    evil = np.array([Evil()], dtype=object)
    members["run-1-numbers.npy"] = npy(evil, allow_pickle=True)
    with pytest.raises(DataError):
        read()
    members["run-1-numbers.npy"] = pickle.dumps(Evil())
    with pytest.raises(DataError):
        read()
    assert not planted.exists()


ARRAYS: dict[str, tuple[str, bytes]] = {
    "an array that says more than it has": (
        "run-1-images.npy",
        npy(np.zeros((3, 4, 4, 3), np.uint8)).replace(b"(3, 4, 4, 3)", b"(9, 4, 4, 3)"),
    ),
    "an array of a million million bytes": (
        "run-1-images.npy",
        npy(np.zeros((3, 4, 4, 3), np.uint8)).replace(b"(3, 4, 4, 3), ", b"(999999,999999,1,1),"),
    ),
    "pictures of floats": ("run-1-images.npy", npy(np.zeros((3, 4, 4, 3)))),
    "pictures of five channels": ("run-1-images.npy", npy(np.zeros((3, 4, 4, 5), np.uint8))),
    "pictures without pixels": ("run-1-images.npy", npy(np.zeros((3, 0, 0, 3), np.uint8))),
    "fewer steps than numbers": ("run-1-images.npy", npy(np.zeros((2, 4, 4, 3), np.uint8))),
    "no steps": ("run-1-images.npy", npy(np.zeros((0, 4, 4, 3), np.uint8))),
    "inputs of another size": ("run-1-noised.npy", npy(np.zeros((3, 4, 5, 3), np.uint8))),
    "numbers without columns": ("run-1-numbers.npy", npy(np.zeros((3, 0)))),
    "numbers that are none": ("run-1-numbers.npy", npy(np.full((3, 8), np.nan))),
    "places at infinity": (
        "run-1-numbers.npy",
        npy(np.where(np.arange(8) == 2, np.inf, 1.0)[None].repeat(3, 0)),
    ),
    "another order": ("run-1-numbers.npy", npy(np.asfortranarray(np.ones((3, 8))))),
    "nothing": ("run-1-numbers.npy", b""),
    "rows that are not in order": ("chosen.npy", chosen([5, 5, 4], [1, 2, 3], b"abc")),
    "rows below zero": ("chosen.npy", chosen([-5, 1, 2], [1, 2, 3], b"abc")),
    "ids that end elsewhere": ("chosen.npy", chosen([1, 2, 3], [2, 1, 900], b"abc")),
    "ids that end late": ("chosen.npy", chosen([1, 2, 3], [1, 2, 9], b"abc")),
    "more samples than there are": ("chosen.npy", chosen([1], [1], b"a", count=2**61)),
    "fewer than none": ("chosen.npy", chosen([1], [1], b"a", count=-1)),
    "a named selection that is not in order": ("set-2.npy", chosen([5, 4], [1, 2], b"ab")),
    "clusters without labels": ("clusters-5.npy", chosen([3, 4, 30], [1, 2, 3], b"abc")),
    "a cluster that is none": (
        "clusters-5.npy",
        chosen([3, 4, 30, 1, 2, 3, 0, 0, 2], [], b"abc", count=3),
    ),
    "a cluster below zero": (
        "clusters-5.npy",
        chosen([3, 4, 30, 1, 2, 3, 0, 0, -1], [], b"abc", count=3),
    ),
    "no count": ("chosen.npy", npy(np.zeros(7, np.uint8))),
}


@pytest.mark.parametrize(("name", "data"), ARRAYS.values(), ids=ARRAYS)
def test_an_array_that_cannot_be_is_refused(
    name: str, data: bytes, members: Members, read: Callable[..., Any]
) -> None:
    assert members[name] != data
    members[name] = data
    with pytest.raises(DataError, match="cannot be opened"):
        read()


def test_an_archive_that_unpacks_to_much_is_refused(
    members: Members, read: Callable[..., Any]
) -> None:
    whole = dict(members)
    members["run-1-images.npy"] = npy(np.zeros((3, 4000, 400, 3), np.uint8))
    with pytest.raises(DataError, match="is compressed"):
        read(compressed=True)
    members.update(whole)
    members["run-1.json"] = b" " * 20_000_000
    with pytest.raises(DataError, match="larger than"):
        read(compressed=True)


def test_a_member_with_too_many_values_is_refused(
    members: Members, read: Callable[..., Any]
) -> None:
    members["run-1.json"] = b'{"a": [' + b"{}," * 5_000_000 + b"{}]}"
    with pytest.raises(DataError, match="too many values"):
        read()
    members["run-1.json"] = b"[" * 100_000
    with pytest.raises(DataError):
        read()


@pytest.mark.parametrize("make", [bytes, lambda: b"PK\x03\x04" + bytes(100), lambda: b"{}"])
def test_what_is_no_archive_is_refused(tmp_path: Path, make: Callable[[], bytes]) -> None:
    (tmp_path / "a.diffviews").write_bytes(make())
    with pytest.raises(DataError, match="no session, or damaged"):
        read_file(tmp_path / "a.diffviews")


def test_a_pipe_and_a_folder_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.diffviews")
    for name, said in (("pipe.diffviews", "named pipe"), ("", "a folder"), ("no", "No such file")):
        with pytest.raises(DataError, match=said):
            read_file(tmp_path / name)


def test_no_damage_does_more_than_being_refused(tmp_path: Path) -> None:
    """Bytes that were changed, cut off or written twice anywhere."""
    good = tmp_path / "good.diffviews"
    state = kept_state(1)
    write_file(session_of(replace(state, runs=replace(state.runs, unmasked=()))), good)
    data, chance = good.read_bytes(), np.random.default_rng(1)
    bad, refused = tmp_path / "bad.diffviews", 0
    for _ in range(600):
        changed = bytearray(data)
        for at in chance.integers(0, len(data), chance.integers(1, 4)):
            changed[at] = chance.integers(0, 256)
        if chance.random() < 0.3:
            changed = changed[: chance.integers(0, len(changed))]
        bad.write_bytes(changed)
        try:
            read_file(bad)
        except DataError:
            refused += 1
    assert refused > 300
