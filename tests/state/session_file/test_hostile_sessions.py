"""Sessions of other people: whatever they hold, they are read within bounds or refused."""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_sessions import kept_run, kept_state

from diffviews_desktop.errors import Cancelled, DataError
from diffviews_desktop.state.session_file import form, reading
from diffviews_desktop.state.session_file.members import HEAD
from diffviews_desktop.state.session_file.reading import read_file, read_folder
from diffviews_desktop.state.session_file.saved import session_of
from diffviews_desktop.state.session_file.writing import write_file
from diffviews_desktop.state.view import Filter, NamedView
from diffviews_desktop.values.interventions import Component
from diffviews_desktop.values.preferences import MOST_NEIGHBORS
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
    "a run of a number that no signal carries": {"runs__all": [2**40]},
    "a number of many digits": {"runs__settings__num_steps": 10**400},
    "digits in a text": {"runs__settings__seed": "9" * 400},
    "a row of many digits": {"picks__anchor": 10**400},
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
    "more interventions than a picture is drawn with": {
        "runs__interventions": [{"verb": "ablate", "source": {"kind": "zero"}}] * 101
    },
    "a condition that is none": {"runs__condition": {"kind": "everything"}},
    "a map that cannot be": {"spec": {"model": "m", "parameters": {"n_neighbors": 10**9}}},
    "many neighbours": {"picks__suggest_count": 10**9},
    "two named selections with one number": {
        "sets": [{"number": 2, "name": "a", "model": "m"}, {"number": 2, "name": "b", "model": "m"}]
    },
    "a named selection that is not there": {"sets": [{"number": 9, "name": "a", "model": "m"}]},
    "a named selection of number 0": {"sets": [{"number": 0, "name": "a", "model": "m"}]},
    "a named selection of number 2**40": {"sets": [{"number": 2**40, "name": "a", "model": "m"}]},
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


def test_neighbours_that_no_window_shows_are_not_read(
    members: Members, read: Callable[..., Any]
) -> None:
    rows = list(range(MOST_NEIGHBORS + 5))
    ids = ["anchor", *(f"m{row}" for row in rows), *(f"s{row}" for row in rows)]
    pairs = [[row, 0.5] for row in rows]
    change(members, HEAD, picks__manual=rows, picks__suggested=pairs, picks__ids=ids)
    change(members, "run-1.json", landed__neighbors=pairs)
    found = read()
    kept = rows[:MOST_NEIGHBORS]
    assert found.selection.manual == tuple(kept)
    assert found.selection.suggested == tuple((row, 0.5) for row in kept)
    assert found.ids == ("anchor", *(f"m{row}" for row in kept), *(f"s{row}" for row in kept))
    assert len(found.runs.all[0].landed.neighbors) == MOST_NEIGHBORS


def test_more_names_of_clusters_than_a_map_has_are_refused(
    members: Members, read: Callable[..., Any]
) -> None:
    (clusters,) = json.loads(members[HEAD])["clusters"]
    change(members, HEAD, clusters=[clusters | {"names": [""] * 20_001}])
    with pytest.raises(DataError, match="clusters are damaged"):
        read()


def test_ids_of_other_picks_than_there_are_say_nothing(
    members: Members, read: Callable[..., Any]
) -> None:
    change(members, HEAD, picks__ids=["s3", "s14"])
    assert read().ids == ()


def test_long_lists_of_runs_are_gone_through_once(
    members: Members, read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 5000 runs, another way would take minutes."""

    class Once(tuple[int, ...]):
        def __contains__(self, value: object) -> bool:
            raise AssertionError("gone through for every run")

    validate = form.session_adapter().validate_python

    class Adapter:
        def validate_python(self, value: Any) -> Any:
            told = validate(value)
            return replace(told, runs=replace(told.runs, beside=Once(told.runs.beside)))

    change(members, HEAD, runs__beside=[2, 77, 2])
    monkeypatch.setattr(reading, "session_adapter", Adapter)
    assert read().runs.beside == (2,)


def test_unmasked_runs_are_kept_where_their_pictures_fit_those_of_the_model() -> None:
    every = tuple(kept_run(number, side=side) for number, side in ((1, 4), (2, 8)))
    alike = kept_run(3)
    assert reading._comparable([alike], every[:1]) == (alike,)
    assert reading._comparable([alike], every[1:]) == ()
    assert reading._comparable([alike], every) == ()
    assert reading._comparable([alike], ()) == (alike,)


def test_reading_stops_at_any_member(
    members: Members, read: Callable[..., Any], tmp_path: Path
) -> None:
    read()
    file, count = tmp_path / "hostile.diffviews", 0

    def check() -> None:
        nonlocal count
        count += 1

    read_file(file, check=check)
    assert count > 2 * len(members)  # of the directory, and of what is read
    for stop in range(0, count, 5):

        def stopping(left: list[None] = [None] * stop) -> None:
            if not left:
                raise Cancelled
            left.pop()

        with pytest.raises(Cancelled):
            read_file(file, check=stopping)


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


@pytest.mark.parametrize("far", [1e39, -1e308])
def test_a_place_that_no_map_has_is_left_out(
    far: float, members: Members, read: Callable[..., Any]
) -> None:
    change(members, HEAD, view__rectangle=[0, 0, abs(far), 1], view__camera__target=[0, far, 0])
    found = read()
    assert (found.view.rectangle, found.view.camera) == (None, None)


def test_the_panel_gets_numbers_that_its_fields_can_hold(
    members: Members, read: Callable[..., Any]
) -> None:
    component = {"verb": "add", "source": {"kind": "component", "index": 2**62}}
    change(
        members,
        HEAD,
        runs__settings__num_steps=2**62,
        runs__settings__seed=-5,
        runs__settings__sigma_max=1e300,
        runs__interventions=[component | {"step_from": 2**62, "step_to": -(2**62)}],
        runs__begun=2**62,
        numbered=2**62,
    )
    found = read()
    settings, (one,) = found.runs.settings, found.runs.interventions
    assert (settings.num_steps, settings.seed, settings.sigma_max) == (1000, 0, 1000.0)
    assert (one.step_from, one.step_to, one.source) == (999, 0, Component(999))
    assert (found.runs.begun, found.groups.numbered) == (3, 5)


RUNS: dict[str, dict[str, Any]] = {
    "steps that nobody draws": {"job__settings__num_steps": 2**62},
    "a noise level that is none": {"job__settings__sigma_max": float("nan")},
    "a seed below zero": {"seed": -1},
    "a mask from a step that is none": {"job__interventions": [{"step_from": -1}]},
    "a strength that is none": {"job__interventions": [{"strength": float("inf")}]},
    "a sample below zero": {"job__interventions": [{"source": {"kind": "samples", "rows": [-1]}}]},
    "a number of many digits": {"evaluations": 10**400},
    "more interventions than a picture is drawn with": {"job__interventions": [{}] * 101},
}


@pytest.mark.parametrize("fields", RUNS.values(), ids=RUNS)
def test_a_run_that_nobody_can_have_drawn_is_refused(
    fields: dict[str, Any], members: Members, read: Callable[..., Any]
) -> None:
    told = json.loads(members["run-1.json"])
    (mask,) = told["job"]["interventions"]
    if "job__interventions" in fields:
        fields = {"job__interventions": [mask | one for one in fields["job__interventions"]]}
    change(members, "run-1.json", **fields)
    with pytest.raises(DataError, match=r"settings that cannot be|is too large|100 interventions"):
        read()


@pytest.mark.parametrize("when", [1e300, -1.0, float("nan"), float("inf")])
def test_a_time_that_no_clock_shows_is_not_known(
    when: float, members: Members, read: Callable[..., Any]
) -> None:
    change(members, "run-1.json", when=when)
    assert [run.when for run in read().runs.all] == [0.0, 1.8e9 + 2]


@pytest.mark.parametrize("percent", [float("nan"), float("inf"), -1, 1e300])
def test_a_percentage_that_is_none_says_nothing(
    percent: float, members: Members, read: Callable[..., Any]
) -> None:
    usual = json.loads(members["run-1.json"])["landed"]["typicality"]
    usual["distance"]["percentile"] = percent
    change(members, "run-1.json", typicality=[[usual, usual]] * 3, landed__typicality=usual)
    run = read().runs.all[0]
    assert [(one.typicality, one.imposed_typicality) for one in run.steps] == [(None, None)] * 3
    assert run.landed.typicality is None


@pytest.mark.parametrize("fields", [{"xy": [0, float("inf")]}, {"sigma": float("nan")}])
def test_a_picture_that_can_have_landed_nowhere_has_not(
    fields: dict[str, Any], members: Members, read: Callable[..., Any]
) -> None:
    change(members, "run-1.json", **{f"landed__{name}": one for name, one in fields.items()})
    one, other = read().runs.all
    assert one.landed is None
    assert other.landed is not None


def test_ids_of_other_samples_than_a_runs_are_left_out(
    members: Members, read: Callable[..., Any]
) -> None:
    change(members, "run-1.json", sample_ids=["s3"])
    assert [run.sample_ids for run in read().runs.all] == [(), ("s3", "s14")]


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
    "places that no map has": (
        "run-1-numbers.npy",
        npy(np.where(np.arange(8) == 2, 1e39, 1.0)[None].repeat(3, 0)),
    ),
    "a noise level below zero": (
        "run-1-numbers.npy",
        npy(np.where(np.arange(8) == 1, -1.0, 1.0)[None].repeat(3, 0)),
    ),
    "evaluations without end": (
        "run-1-numbers.npy",
        npy(np.where(np.arange(8) == 7, 1e30, 1.0)[None].repeat(3, 0)),
    ),
    "another order": ("run-1-numbers.npy", npy(np.asfortranarray(np.ones((3, 8))))),
    "nothing": ("run-1-numbers.npy", b""),
    "rows that are not in order": ("chosen.npy", chosen([5, 5, 4], [1, 2, 3], b"abc")),
    "rows below zero": ("chosen.npy", chosen([-5, 1, 2], [1, 2, 3], b"abc")),
    "rows whose differences overflow": (
        "chosen.npy",
        chosen([2**62, 2**63 - 1, -(2**63), -1, 2], [1, 2, 3, 4, 5], b"abcde"),
    ),
    "rows that no table has": ("chosen.npy", chosen([1, 2, 2**31], [1, 2, 3], b"abc")),
    "ends whose differences overflow": (
        "chosen.npy",
        chosen([1, 2, 3, 4, 5], [2**63 - 1, -(2**63), -1, 3, 5], b"abcde"),
    ),
    "ids that are no text": ("chosen.npy", chosen([1, 2, 3], [1, 2, 3], b"\xff\xfe\xfd")),
    "an id that ends within a letter": ("chosen.npy", chosen([1, 2], [1, 2], "é".encode())),
    "ids of no samples": ("chosen.npy", chosen([], [], b"abc")),
    "ids of a named selection that are no text": ("set-2.npy", chosen([1], [1], b"\xff")),
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


def test_members_take_no_more_memory_together_than_one_may(
    members: Members, read: Callable[..., Any]
) -> None:
    run = json.loads(members["run-1.json"])
    arrays = {name: data for name, data in members.items() if name.startswith("run-1-")}
    for number in range(1, 9):
        text = json.dumps(run | {"id": number, "more": "é" * 7_000_000}, ensure_ascii=False)
        members[f"run-{number}.json"] = text.encode()
        members |= {name.replace("1", str(number), 1): data for name, data in arrays.items()}
    change(members, HEAD, runs__all=list(range(1, 4)), runs__unmasked=[])
    assert len(read(compressed=False).runs.all) == 3
    change(members, HEAD, runs__all=list(range(1, 9)))
    with pytest.raises(DataError, match="holds too many values"):
        read()


@pytest.fixture
def folder(tmp_path: Path, members: Members) -> Path:
    """The good session as the folder of a window."""
    for name, data in members.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def make_hole(file: Path, shape: tuple[int, ...]) -> None:
    """Give a file an array of zeros that takes no room on the disk."""
    with file.open("wb") as stream:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        stream.truncate(stream.tell() + math.prod(shape))


@pytest.mark.parametrize(
    ("name", "shape", "says"),
    [
        ("chosen.npy", (600_000_000,), "chosen.npy in it is larger than"),
        ("set-2.npy", (600_000_000,), "set-2.npy in it is larger than"),
        ("run-1-images.npy", (2**42, 1, 1, 1), "more memory than this computer has"),
    ],
)
def test_a_hole_on_the_disk_is_not_read(
    name: str, shape: tuple[int, ...], says: str, folder: Path
) -> None:
    make_hole(folder / name, shape)
    with pytest.raises(DataError, match=says):
        read_folder(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="needs limits of memory")
def test_too_little_memory_is_said(folder: Path) -> None:
    make_hole(folder / "run-1-images.npy", (500_000_000, 1, 1, 1))
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from diffviews_desktop.errors import DataError\n"
        "from diffviews_desktop.state.session_file.reading import read_folder\n"
        "used = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 200_000_000,) * 2)\n"
        "try:\n"
        "    read_folder(Path(sys.argv[1]))\n"
        "except DataError as error:\n"
        "    print(error)\n"
    )
    command = [sys.executable, "-c", script, str(folder)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "cannot be opened: there is not enough memory for it. Close" in said


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
