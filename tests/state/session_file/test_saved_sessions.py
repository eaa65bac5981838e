"""Sessions that are written come back whole, from files, from folders, and from older versions."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from limits import file_limit
from made_sessions import ARRANGEMENT, in_full, kept_run, kept_state, without_jobs

from diffviews_desktop.engine.jobs.drawing import GenerateGrid
from diffviews_desktop.errors import DataError
from diffviews_desktop.state.kept import Kept
from diffviews_desktop.state.runs import Grid
from diffviews_desktop.state.session_file.members import HEAD, FolderStore
from diffviews_desktop.state.session_file.migrations import MIGRATIONS
from diffviews_desktop.state.session_file.reading import read_file, read_folder
from diffviews_desktop.state.session_file.saved import SavedSession, session_of
from diffviews_desktop.state.session_file.writing import write_file, write_folder
from diffviews_desktop.values.folders import FolderRef

GOLDEN = Path(__file__).parent / "version-1.diffviews"


def kept() -> SavedSession:
    return without_jobs(session_of(kept_state(), ARRANGEMENT, "2026-01-02T03:04:05"))


def test_a_session_comes_back_whole(tmp_path: Path) -> None:
    file, session = tmp_path / "a.diffviews", kept()
    write_file(session, file)
    found = read_file(file)
    assert in_full(replace(found, beside="")) == in_full(session)
    assert found.beside == os.path.relpath("data", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.diffviews"]


def test_one_of_nothing_comes_back(tmp_path: Path) -> None:
    file, session = tmp_path / "a.diffviews", SavedSession(FolderRef())
    write_file(session, file)
    assert in_full(read_file(file)) == in_full(session)


def test_what_is_of_the_machine_alone_is_not_kept(tmp_path: Path) -> None:
    state = kept_state()
    job = GenerateGrid(
        job_id=1,
        folder=state.opened.folder,
        spec=state.runs.all[0].job.spec,
        condition=state.runs.condition,
        settings=state.runs.settings,
    )
    state = replace(
        state,
        runs=replace(state.runs, grid=Grid(job)),
        view=replace(state.view, can_go_back=True, not_solid="no OpenGL here"),
        kept=Kept(tmp_path / "other.diffviews", frozenset({(1, 3)})),
    )
    write_file(session_of(state), tmp_path / "a.diffviews")
    found = read_file(tmp_path / "a.diffviews")
    assert (found.view.can_go_back, found.view.not_solid) == (False, "")
    assert (found.runs.grid, found.file, found.held) == (None, None, frozenset())


def test_a_run_in_work_is_saved_as_far_as_it_is(tmp_path: Path) -> None:
    state = kept_state()
    drawn = kept_run(5, steps=2, done=False, record=None, landed=None)
    begun = replace(kept_run(6, landed=None), steps=(), done=False)
    state = replace(state, runs=replace(state.runs, all=(drawn, begun), shown=6))
    write_file(session_of(state), tmp_path / "a.diffviews")
    found = read_file(tmp_path / "a.diffviews").runs
    assert [(run.id, len(run.steps), run.done) for run in found.all] == [(5, 2, True)]
    assert (found.shown, found.step, found.begun) == (5, 1, 9)


def test_there_is_no_code_in_it(tmp_path: Path) -> None:
    write_file(kept(), tmp_path / "a.diffviews")
    with zipfile.ZipFile(tmp_path / "a.diffviews") as archive:
        names = archive.namelist()
        for name in names:
            data = archive.read(name)
            if name.endswith(".json"):
                json.loads(data)
            else:
                with archive.open(name) as member:
                    np.lib.format.read_array(member, allow_pickle=False)
    assert {name.rpartition(".")[2] for name in names} == {"json", "npy"}


# ---- older versions -----------------------------------------------------------------------------


def test_version_1_is_read_as_ever() -> None:
    """`version-1.diffviews` was written by the first version: never write it again."""
    found = read_file(GOLDEN)
    expected = kept()
    assert found.folder.path == Path("/data/of/version 1")
    assert in_full(found.runs.all[0].steps) == in_full(expected.runs.all[0].steps)
    view = replace(expected.view, filters=expected.view.filters[:1])  # it knew one
    assert in_full(found.view) == in_full(view)
    assert in_full(found.selection) == in_full(expected.selection)
    assert in_full(found.runs.interventions) == in_full(expected.runs.interventions)
    assert found.ids == expected.ids
    assert found.arrangement == ARRANGEMENT


def made_older(file: Path, out: Path) -> None:
    """The session of a version 0 that was never published: runs had titles, views no rectangle."""
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(out, "w") as older:
        for name in archive.namelist():
            data = archive.read(name)
            if name.endswith(".json"):
                told = json.loads(data)
                if name == HEAD:
                    told["version"] = 0
                    del told["view"]["rectangle"]
                    told["view"]["filter"] = told["view"].pop("filters")[0]
                else:
                    told["title"] = told.pop("name")
                data = json.dumps(told).encode()
            older.writestr(name, data)


def from_version_0(name: str, member: dict[str, Any]) -> dict[str, Any]:
    if name != HEAD:
        member["name"] = member.pop("title")
    return member


def test_an_older_version_is_brought_up_to_date(tmp_path: Path) -> None:
    session = kept()
    write_file(session, tmp_path / "new.diffviews")
    made_older(tmp_path / "new.diffviews", tmp_path / "old.diffviews")
    found = read_file(tmp_path / "old.diffviews", {**MIGRATIONS, 0: from_version_0})
    assert found.view.rectangle is None
    expected = replace(
        session,
        view=replace(session.view, rectangle=None, filters=session.view.filters[:1]),
    )
    assert in_full(replace(found, beside="")) == in_full(expected)
    with pytest.raises(DataError, match="version 0, which is not known"):
        read_file(tmp_path / "old.diffviews")


def test_every_older_version_has_a_way_up() -> None:
    assert sorted(MIGRATIONS) == list(range(1, 1 + len(MIGRATIONS)))


def test_a_newer_version_says_what_to_do(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.diffviews", "w") as archive:
        archive.writestr(HEAD, '{"version": 7, "folder": {}}')
    with pytest.raises(DataError, match="update DiffViews"):
        read_file(tmp_path / "a.diffviews")


# ---- writing ------------------------------------------------------------------------------------


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "a.diffviews"
    write_file(kept(), file)
    before = file.read_bytes()
    with file_limit(len(before) // 2), pytest.raises(OSError, match="File too large"):
        write_file(session_of(kept_state(3)), file)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.diffviews"]


def test_a_folder_is_brought_up_to_date(tmp_path: Path) -> None:
    store, state = FolderStore(tmp_path), kept_state()
    write_folder(session_of(state, ARRANGEMENT), store)
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert in_full(read_folder(tmp_path)) == in_full(without_jobs(session_of(state, ARRANGEMENT)))

    runs = replace(state.runs, all=(state.runs.all[1], kept_run(8)), shown=8)
    write_folder(session_of(replace(state, runs=runs)), store)
    found = read_folder(tmp_path)
    assert [run.id for run in found.runs.all] == [2, 8]
    there = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert not [name for name in there if name.startswith("run-1")]
    assert there["run-2-images.npy"] == times["run-2-images.npy"]  # not written again
    assert there["chosen.npy"] == times["chosen.npy"]


def test_a_folder_has_whole_runs_alone(tmp_path: Path) -> None:
    state = kept_state()
    runs = replace(state.runs, all=(*state.runs.all, kept_run(7, done=False)), shown=7)
    write_folder(session_of(replace(state, runs=runs)), FolderStore(tmp_path))
    found = read_folder(tmp_path).runs
    assert [run.id for run in found.all] == [1, 2]
    assert found.shown == 2


def test_a_folder_says_which_file_it_belongs_to(tmp_path: Path) -> None:
    held = frozenset({(1, 3)})
    state = replace(kept_state(), kept=Kept(tmp_path / "a.diffviews", held))
    write_folder(session_of(state), FolderStore(tmp_path))
    found = read_folder(tmp_path)
    assert (found.file, found.held) == (tmp_path / "a.diffviews", held)
