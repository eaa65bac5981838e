"""What the Esc key takes back, one thing after the other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from acted import Recorder, chosen, click, generate
from made_context import context_of

from diffviews_desktop.actions import folders, leaving, runs, selection, showing
from diffviews_desktop.actions.action import perform
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.registry import ACTIONS
from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.state.session import Session
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.row_set import RowSet


@pytest.fixture
def context(session: Session, worker: Recorder) -> Context:
    return context_of(session, worker)


def escape(context: Context) -> None:
    perform(context, ACTIONS["work.leave"])


def draw(context: Context) -> None:
    state = context.state
    runs.generate_from_neighbors(context, state.runs.settings, from_choice("zero"))


def test_the_tool_goes_first_then_the_selection_then_what_was_just_started(
    context: Context, session: Session, worker: Recorder
) -> None:
    click(session, 3)
    showing.choose_tool(context, "lasso")
    selection.choose_rows(context, RowSet([1, 2]))
    draw(context)
    escape(context)
    assert session.state.view.tool == "pan"
    assert chosen(session) == [1, 2]
    escape(context)
    assert chosen(session) == []
    assert worker.cancelled == []
    escape(context)
    assert worker.cancelled == [worker.only(Generate).job_id]
    escape(context)
    assert len(worker.cancelled) == 1
    assert ACTIONS["work.leave"].why_not(session.state)


def test_a_job_that_was_not_the_last_thing_done_runs_on(
    context: Context, session: Session, worker: Recorder
) -> None:
    click(session, 3)
    draw(context)
    showing.toggle_decoration(context, "contours")
    escape(context)
    assert worker.cancelled == []


def test_a_job_that_was_asked_for_a_while_ago_runs_on(
    context: Context, session: Session, worker: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    click(session, 3)
    draw(context)
    asked = session.state.history.lines[-1].when
    monkeypatch.setattr(leaving.time, "time", lambda: asked + leaving.JUST_SECONDS + 1)
    escape(context)
    assert worker.cancelled == []
    monkeypatch.setattr(leaving.time, "time", lambda: asked + 1)
    escape(context)
    assert worker.cancelled == [worker.only(Generate).job_id]


def test_what_the_program_does_by_itself_runs_on(
    context: Context, session: Session, worker: Recorder
) -> None:
    with context.by_itself():
        folders.open_data(context, session.state.opened.folder)
    assert [type(job) for job in worker.submitted] == [OpenData]
    escape(context)
    assert worker.cancelled == []
    assert session.state.history.lines == ()


def test_a_tool_that_cannot_be_seen_is_left_alone(context: Context, session: Session) -> None:
    showing.choose_tool(context, "lasso")
    session.update(replace(session.state, view=replace(session.state.view, solid=True)))
    assert ACTIONS["work.leave"].why_not(session.state)
    escape(context)
    assert session.state.view.tool == "lasso"


def test_the_history_has_what_the_user_did_and_nothing_that_followed(
    context: Context, session: Session, worker: Recorder
) -> None:
    click(session, 3)
    job = generate(session, worker)
    runs.scrub_to(context, 0)
    runs.scrub_to(context, 1)
    runs.set_run_visible(context, 1, False)
    verbs = [line.verb for line in session.state.history.lines]
    assert verbs == [
        "picks.click_point",
        "runs.generate_from_neighbors",
        "runs.scrub_to",
        "runs.set_run_visible",
    ]
    lines = session.state.history.lines
    assert lines[0].arguments == {"row": 3}
    assert lines[1].jobs == (job.job_id,)
    assert lines[2].arguments == {"step": 1}  # only the last place is kept
    assert [line.number for line in lines] == [1, 2, 4, 5]
