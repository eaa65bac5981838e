"""Saved directions: the mean of a selection, files that are loaded, and files that are written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from acted import Recorder, click, context_of, finish, running, said
from made_context import NoWindow

from diffviews_desktop.actions import selection
from diffviews_desktop.actions.action import perform
from diffviews_desktop.actions.registry import ACTIONS, CHOICES
from diffviews_desktop.engine.jobs.directions import (
    DirectionSaved,
    ExportDirection,
    LoadDirection,
    SaveDirection,
)
from diffviews_desktop.state.session import Session
from diffviews_desktop.values.directions import DirectionInfo
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import SampleMean
from diffviews_desktop.values.layers import LayerSet, LayerShape
from diffviews_desktop.values.row_set import RowSet

FOLDER = Path("/data/edm/directions")
FILE = Path("/elsewhere/four.safetensors")


def direction(name: str, folder: Path = FOLDER) -> DirectionInfo:
    shapes = {"midblock": LayerShape((3, 2, 2))}
    path = folder / f"{name}.safetensors"
    return DirectionInfo(name, "samples", "edm", LayerSet(["midblock"]), shapes, path)


def with_saved(session: Session, *names: str) -> None:
    opened = replace(session.state.opened, directions=tuple(map(direction, names)))
    session.update(replace(session.state, opened=opened))


def listed(session: Session) -> list[str]:
    return [one.name for one in session.state.opened.directions]


def test_the_mean_of_the_selection_is_saved_else_that_of_the_picks(
    session: Session, worker: Recorder
) -> None:
    context = context_of(session, worker, NoWindow(text=" mine ", name_answers=["replace"]))
    perform(context, ACTIONS["directions.save-mean"])
    assert said(session) == "Select samples, or pick some, first."
    click(session, 6, 11)
    perform(context, ACTIONS["directions.save-mean"])
    job = worker.only(SaveDirection)
    assert (job.name, job.source, job.spec) == (
        "mine", SampleMean((6, 11)), session.state.opened.spec,
    )  # fmt: skip
    finish(session, worker, job.job_id, DirectionSaved(direction("mine"), {"midblock": 1.0}))
    assert listed(session) == ["mine"]
    selection.choose_rows(context, RowSet([1, 2, 3]))
    perform(context, ACTIONS["directions.save-mean"])
    assert worker.submitted[-1].source == SampleMean((1, 2, 3))


def test_a_file_is_loaded_under_the_name_that_is_typed_else_its_own(
    session: Session, worker: Recorder
) -> None:
    with_saved(session, "three")
    window = NoWindow(file=FILE, text="copy")
    perform(context_of(session, worker, window), ACTIONS["directions.load"])
    job = worker.only(LoadDirection)
    assert (job.file, job.name, job.model) == (FILE, "copy", session.state.opened.model)
    assert not job.replace
    assert running(session, job).title == "Loading copy"
    finish(session, worker, job.job_id, DirectionSaved(direction("copy"), {"midblock": 1.0}))
    assert listed(session) == ["copy", "three"]
    window.text = ""  # the name that is offered was emptied
    perform(context_of(session, worker, window), ACTIONS["directions.load"])
    assert worker.submitted[-1].name == "four"


@pytest.mark.parametrize("action", ["directions.save-mean", "directions.load"])
def test_a_name_that_is_taken_is_replaced_or_asked_for_again(
    session: Session, worker: Recorder, action: str
) -> None:
    with_saved(session, "three")
    click(session, 6, 11)
    window = NoWindow(file=FILE, text=" three", name_answers=["other", "cancel"])
    context = context_of(session, worker, window)
    perform(context, ACTIONS[action])
    taken = [one[0] for one in window.asked if one[0] in ("text", "taken")]
    assert taken == ["text", "taken", "text", "taken"]
    assert worker.submitted == []
    window.name_answers = ["replace"]
    perform(context, ACTIONS[action])
    job = worker.submitted[-1]
    assert isinstance(job, SaveDirection | LoadDirection)
    assert (job.name, job.replace) == ("three", True)


@pytest.mark.parametrize(("file", "text"), [(None, "a"), (FILE, None), (FILE, "a/b")])
def test_no_file_or_no_name_loads_nothing(
    session: Session, worker: Recorder, file: Path | None, text: str | None
) -> None:
    window = NoWindow(file=file, text=text)
    perform(context_of(session, worker, window), ACTIONS["directions.load"])
    assert worker.submitted == []
    assert text != "a/b" or "cannot be the name of a direction" in said(session)


def test_what_is_loaded_for_another_folder_is_not_listed(
    session: Session, worker: Recorder
) -> None:
    perform(context_of(session, worker, NoWindow(file=FILE, text="a")), ACTIONS["directions.load"])
    opened = replace(session.state.opened, folder=FolderRef(Path("another")))
    session.update(replace(session.state, opened=opened))
    job = worker.only(LoadDirection)
    finish(session, worker, job.job_id, DirectionSaved(direction("a"), {"midblock": 1.0}))
    assert listed(session) == []


def test_one_of_those_that_are_saved_is_exported(session: Session, worker: Recorder) -> None:
    choice, window = CHOICES["directions.export"], NoWindow(file=FILE)
    context = context_of(session, worker, window)
    assert choice.options(context) == []
    with_saved(session, "one", "three")
    assert [one.title for one in choice.options(context)] == ["one", "three"]
    choice.choose(context, "three")
    assert window.asked == [("direction file", "Export a direction", "three.safetensors")]
    job = worker.only(ExportDirection)
    assert (job.name, job.file, job.model) == ("three", FILE, session.state.opened.model)
    written = direction("four", FILE.parent)
    finish(session, worker, job.job_id, DirectionSaved(written, {"midblock": 1.0}))
    assert listed(session) == ["one", "three"]
    assert said(session) == f"Wrote the direction three to {FILE}"


def test_a_copy_beside_the_others_is_listed(session: Session, worker: Recorder) -> None:
    with_saved(session, "three")
    context = context_of(session, worker, NoWindow(file=FOLDER / "four.safetensors"))
    CHOICES["directions.export"].choose(context, "three")
    job = worker.only(ExportDirection)
    finish(session, worker, job.job_id, DirectionSaved(direction("four"), {"midblock": 1.0}))
    assert listed(session) == ["four", "three"]
