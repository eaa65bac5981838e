"""The session: one place for the state, and picks that can be undone."""

import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from diffviews_desktop.state.opened import Opened
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.session import AT_ONCE, Session
from diffviews_desktop.state.state import State
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapSpec


@pytest.fixture
def session(qtbot: QtBot) -> Session:
    return Session()


def changes(session: Session) -> list[tuple[State, State]]:
    seen: list[tuple[State, State]] = []
    session.changed.connect(lambda old, new: seen.append((old, new)))
    return seen


def test_an_update_is_told_with_old_and_new(session: Session) -> None:
    before, after = session.state, State(opened=Opened(model="edm"))
    seen = changes(session)
    session.update(after)
    assert session.state is after
    assert len(seen) == 1
    assert seen[0][0] is before
    assert seen[0][1] is after


def test_who_is_told_sees_the_new_state_and_may_change_it_again(session: Session) -> None:
    seen: list[str | None] = []

    def follow(old: State, new: State) -> None:
        assert session.state is new
        seen.append(new.opened.model)
        if new.opened.model == "edm":
            session.update(replace(new, opened=replace(new.opened, model="dmd2")))

    session.changed.connect(follow)
    session.update(State(opened=Opened(model="edm")))
    assert seen == ["edm", "dmd2"]
    assert session.state.opened.model == "dmd2"


def test_a_session_starts_with_a_given_state(qtbot: QtBot) -> None:
    state = State(opened=Opened(model="edm"))
    assert Session(state).state is state


def test_picks_are_undone_and_done_again_one_by_one(session: Session) -> None:
    steps = [Selection(1), Selection(1, (2,)), Selection(1, (2, 3)), Selection()]
    for number, selection in enumerate(steps):
        session.select(selection, f"step {number}")
    assert session.undo_stack.undoText() == "step 3"
    for expected in (*steps[2::-1], Selection()):
        session.undo_stack.undo()
        assert session.state.picks.selection == expected
    assert not session.undo_stack.canUndo()
    for expected in steps:
        session.undo_stack.redo()
        assert session.state.picks.selection == expected
    assert not session.undo_stack.canRedo()


def test_undo_changes_the_selection_alone(session: Session) -> None:
    session.select(Selection(1), "set anchor")
    session.update(
        replace(
            session.state,
            opened=replace(session.state.opened, rate=7.0),
            runs=replace(session.state.runs, step=4),
        )
    )
    seen = changes(session)
    session.undo()
    assert session.state.picks.selection == Selection()
    assert (session.state.opened.rate, session.state.runs.step) == (7.0, 4)
    assert len(seen) == 1


def test_the_same_selection_again_is_no_step(session: Session) -> None:
    session.select(Selection(1), "set anchor")
    seen = changes(session)
    session.select(Selection(1), "set anchor")
    assert seen == []
    assert session.undo_stack.count() == 1


def test_a_new_pick_after_undo_drops_what_was_undone(session: Session) -> None:
    session.select(Selection(1), "a")
    session.select(Selection(2), "b")
    session.undo_stack.undo()
    session.select(Selection(3), "c")
    assert not session.undo_stack.canRedo()
    session.undo_stack.undo()
    assert session.state.picks.selection == Selection(1)


def test_forgotten_picks_cannot_be_undone_and_the_selection_stays(session: Session) -> None:
    session.select(Selection(1), "a")
    session.forget_steps()
    assert not session.undo_stack.canUndo()
    assert session.state.picks.selection == Selection(1)


def test_the_history_is_bounded(session: Session) -> None:
    for row in range(250):
        session.select(Selection(row), "new anchor")
    assert session.undo_stack.count() == 200


def test_undo_brings_back_suggestions_of_another_layers_map_as_such(session: Session) -> None:
    spec = MapSpec("edm", LayerSet(["midblock"]))
    suggested = Selection(3, suggested=((5, 1.0),), suggested_by=spec)
    session.select(suggested, "suggest neighbours")
    session.select(Selection(3), "clear neighbours")
    session.undo_stack.undo()
    assert session.state.picks.selection == suggested
    assert not suggested.suggested_elsewhere(spec)
    assert suggested.suggested_elsewhere(MapSpec("edm", LayerSet(["encoder_bottleneck"])))
    assert not Selection(3).suggested_elsewhere(spec)


def test_updates_together_are_told_once(qtbot: QtBot) -> None:
    session = Session()
    told: list[tuple[State, State]] = []
    session.changed.connect(lambda old, new: told.append((old, new)))
    before = session.state
    with session.batch():
        session.update(session.state.with_notice("one"))
        with session.batch():
            session.update(session.state.with_notice("two"))
        assert session.state.notice is not None
        assert session.state.notice.text == "two"  # the state itself is never behind
        assert told == []
    assert told == [(before, session.state)]
    with session.batch():
        pass
    assert len(told) == 1


def test_an_error_among_updates_together_leaves_nothing_untold(qtbot: QtBot) -> None:
    session = Session()
    told: list[State] = []
    session.changed.connect(lambda old, new: told.append(new))

    def fail() -> None:
        with session.batch():
            session.update(session.state.with_notice("one"))
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert told == [session.state]
    session.update(session.state.with_notice("two"))
    assert told[1:] == [session.state]


def test_little_is_computed_at_once_and_much_in_another_thread(
    session: Session, qtbot: QtBot
) -> None:
    here, threads, found = threading.get_ident(), [], []

    def work(answer: int) -> int:
        threads.append(threading.get_ident())
        return answer

    session.compute(AT_ONCE, lambda: work(1), found.append)
    assert (found, threads) == ([1], [here])
    for answer in (2, 3, 4):
        session.compute(AT_ONCE + 1, lambda answer=answer: work(answer), found.append)
    assert session.busy
    assert found == [1]
    qtbot.waitUntil(lambda: not session.busy)
    assert found == [1, 2, 3, 4]  # one after the other
    assert here not in threads[1:]


def test_what_is_found_after_the_end_is_dropped(session: Session, qtbot: QtBot) -> None:
    go, found = threading.Event(), []
    session.compute(AT_ONCE + 1, go.wait, found.append)
    session.compute(AT_ONCE + 1, lambda: 1, found.append)
    go.set()
    session.close()
    qtbot.wait(50)
    assert found == []


def test_the_garbage_collector_can_meet_a_command_before_its_session() -> None:
    script = """
import gc
from PySide6.QtCore import QCoreApplication
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.state import Selection

app = QCoreApplication([])
session = Session()
session.itself = session
session.select(Selection(anchor=1), "pick")
command = session.undo_stack.command(0)
holder = [session]
del session
gc.collect()  # from now on the session comes after the command in the collector's list
del command, holder
gc.collect()
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=240)
