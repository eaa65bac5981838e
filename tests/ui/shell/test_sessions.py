"""Sessions as the window writes, reads and asks for them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from limits import file_limit
from made_runs import run_of
from made_sessions import kept_state
from patience import until
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.errors import Cancelled
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.runs import Runs
from diffviews_desktop.state.session_file.reading import read_file
from diffviews_desktop.state.session_file.saved import SavedSession, session_of
from diffviews_desktop.state.session_file.scratch import (
    LAST,
    MOST_LEFT,
    Scratch,
    find_unclosed,
    last,
)
from diffviews_desktop.state.session_file.writing import write_file
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.labels import Label
from diffviews_desktop.ui.common.questions import WaitDialog
from diffviews_desktop.ui.shell.autosave import Autosave
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.runs import RunStep


@pytest.fixture
def drawn(
    state: State, make_job: Callable[..., Generate], make_step: Callable[..., RunStep]
) -> State:
    """A state with one whole run."""
    run = run_of(make_job(), "Run 1", steps=(make_step(0), make_step(1)), done=True)
    picked = replace(state.picks, selection=Selection(anchor=1, chosen=RowSet((2, 3))))
    return replace(state, picks=picked, runs=Runs(all=(run,), shown=run.id, begun=1))


@pytest.fixture
def window(open_window: Callable[..., MainWindow], drawn: State) -> MainWindow:
    return open_window(drawn)


def choose(monkeypatch: pytest.MonkeyPatch, *files: Path | str) -> list[str]:
    """Have dialogs answer with these files, one after the other; what they offered."""
    offered: list[str] = []
    answers = iter(files)

    def answer(_parent: object, _title: str, start: str, _kind: str) -> tuple[str, str]:
        offered.append(start)
        return str(next(answers)), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", answer)
    return offered


def test_the_menu_saves_what_the_window_shows(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there.diffviews").touch()
    file = tmp_path / "work.diffviews"
    offered = choose(monkeypatch, tmp_path / "there", "", tmp_path / "work", file)
    window.menu_actions["sessions.save"].trigger()  # the dialog must ask for what is there
    assert offered[1] == str(tmp_path / "there.diffviews")
    assert window.session.state.kept.file is None

    window.menu_actions["sessions.save"].trigger()
    until(qtbot, lambda: window.session.state.kept.file == file)
    assert window.windowTitle().startswith("work – ")
    assert window.session.state.notice is not None
    assert window.session.state.notice.text == f"Saved the session in {file}"
    found = read_file(file)
    assert [run.name for run in found.runs.all] == ["Run 1"]
    assert found.arrangement == window.sessions.arrangement()
    assert window.sessions.recent() == [file]

    choose(monkeypatch, file)
    window.menu_actions["sessions.open"].trigger()
    until(qtbot, lambda: window.session.state.kept.opening)


def test_a_full_disk_is_said_and_the_old_file_stays(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "work.diffviews"
    choose(monkeypatch, file, file)
    window.menu_actions["sessions.save"].trigger()
    until(qtbot, lambda: window.session.state.kept.file == file)
    before = file.read_bytes()
    with file_limit(500):
        window.menu_actions["sessions.save"].trigger()
        until(qtbot, lambda: "could not be saved" in window.session.state.notice.text)
    notice = window.session.state.notice
    assert notice is not None
    assert notice.level == "error"
    assert "The disk is full. Make room, then try again." in notice.text
    assert file.read_bytes() == before


def test_what_cannot_be_read_leaves_all_as_it_was(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.session.update(replace(window.session.state, runs=Runs()))
    file = tmp_path / "broken.diffviews"
    file.write_bytes(b"PK")
    choose(monkeypatch, file)
    before = window.session.state
    window.menu_actions["sessions.open"].trigger()
    until(qtbot, lambda: window.session.state.notice)
    assert window.session.state.notice.text.startswith("The session broken.diffviews cannot be")
    assert window.session.state.opened is before.opened
    assert window.sessions.recent() == []


@pytest.fixture
def held(window: MainWindow) -> threading.Event:
    """The sessions' thread has something else to do until this is set, or the window closed."""
    event = threading.Event()

    def wait() -> None:
        with contextlib.suppress(Cancelled):
            while not event.wait(0.01):
                window.sessions.check()

    window.sessions.submit(wait, lambda _: None)
    return event


def test_reading_that_takes_long_is_cancelled(
    qtbot: QtBot, window: MainWindow, held: threading.Event, tmp_path: Path
) -> None:
    file = tmp_path / "<b>work.diffviews"
    write_file(session_of(kept_state()), file)
    sessions: list[SavedSession] = []
    window.sessions.read(file, sessions.append)
    dialog = window.sessions.reading
    assert dialog is not None
    assert not dialog.isVisible()
    until(qtbot, dialog.isVisible)
    assert dialog.findChild(Label).text() == "Reading the session <b>work.diffviews…"
    qtbot.mouseClick(dialog.findChild(QPushButton), Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()
    held.set()
    window.sessions.read(file, sessions.append)
    until(qtbot, lambda: sessions)
    until(qtbot, lambda: not window.findChildren(WaitDialog))
    assert len(sessions) == 1
    assert window.sessions.recent() == [file]


def test_closing_does_not_wait_for_what_is_read(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    file = tmp_path / "work.diffviews"
    write_file(session_of(kept_state()), file)
    ended: list[bool] = []

    def read_forever() -> None:
        try:
            while True:
                read_file(file, check=window.sessions.check)
        except Cancelled:
            ended.append(True)

    window.sessions.submit(read_forever, lambda _: None)
    window.sessions.read(file, lambda _: ended.append(False))
    dialog = window.sessions.reading
    assert dialog is not None
    until(qtbot, dialog.isVisible)
    assert window.close()
    assert ended == [True]
    assert not dialog.isVisible()


@pytest.mark.parametrize(
    ("key", "answer"),
    [(Qt.Key.Key_Escape, "stay"), (Qt.Key.Key_Return, "save"), (Qt.Key.Key_Space, "discard")],
)
def test_the_question_is_answered_by_keys(
    qtbot: QtBot, window: MainWindow, key: Qt.Key, answer: str
) -> None:
    answers: list[str] = []
    window.sessions.ask_keep("2 runs are not saved in a session.", answers.append)
    box = window.sessions.question
    assert box is not None
    qtbot.waitUntil(box.isVisible)
    assert {one.text() for one in box.buttons()} == {"&Save…", "&Discard", "S&tay"}
    discard = next(one for one in box.buttons() if one.text() == "&Discard")
    qtbot.keyClick({"save": box.defaultButton(), "discard": discard}.get(answer, box), key)
    until(qtbot, lambda: answers == [answer])
    assert window.sessions.question is None


# ---- what is kept by itself ---------------------------------------------------------------------


@pytest.fixture
def autosave(window: MainWindow, tmp_path: Path) -> Autosave:
    made = Autosave(window.context, window.sessions, window)
    made._rest.setInterval(1)
    window.session.changed.connect(made.show_changes)
    made.begin(tmp_path / "kept")
    return made


def kept(root: Path) -> SavedSession:
    from diffviews_desktop.state.session_file.reading import read_folder

    (folder,) = (one for one in root.iterdir() if one.name != LAST)
    return read_folder(folder)


def select(window: MainWindow, *rows: int) -> None:
    window.session.select(Selection(anchor=1, chosen=RowSet(rows)), "pick")


def test_changes_are_kept_and_locked(
    qtbot: QtBot, window: MainWindow, autosave: Autosave, tmp_path: Path
) -> None:
    root = tmp_path / "kept"
    assert not list(root.glob("*/session.json"))  # nothing has changed
    select(window, 4, 5)
    until(qtbot, lambda: list(root.glob("*/session.json")))
    assert list(kept(root).selection.chosen) == [4, 5]
    select(window, 6)
    until(qtbot, lambda: list(kept(root).selection.chosen) == [6])
    assert find_unclosed(root) == []  # the window is still there


def test_closing_leaves_the_last_session(
    qtbot: QtBot, window: MainWindow, autosave: Autosave, tmp_path: Path
) -> None:
    from diffviews_desktop.state.session_file.reading import read_folder

    root = tmp_path / "kept"
    window.on_close = autosave.end
    select(window, 7)
    assert window.close()
    assert [one.name for one in root.iterdir()] == [LAST]
    folder = last(root)
    assert folder is not None
    found = read_folder(folder)
    assert list(found.selection.chosen) == [7]
    assert found.runs.all == ()  # nobody saved it, nor asked for it
    assert not (folder / "run-1-images.npy").exists()


def test_a_disk_that_gets_full_is_said_once(
    qtbot: QtBot, window: MainWindow, autosave: Autosave
) -> None:
    said: list[str] = []
    window.session.changed.connect(
        lambda old, new: said.append(new.notice.text) if new.notice is not old.notice else None
    )
    with file_limit(300):
        select(window, 4)
        until(qtbot, lambda: said)
        select(window, 5)
        until(qtbot, lambda: not autosave._writing and not autosave._again)
    assert said == [
        "Your work is not kept for the next start. The disk is full. Make room, then try again."
    ]
    select(window, 6)
    assert autosave._scratch is not None
    until(qtbot, lambda: (autosave._scratch.folder / "session.json").is_file())


def test_another_session_gets_another_folder(tmp_path: Path) -> None:
    """Else a program that is killed while it writes would leave runs of both."""
    one, other = session_of(kept_state()), session_of(kept_state())
    scratch = Scratch(tmp_path)
    scratch.write(one)
    first = scratch.folder
    scratch.write(replace(one, suggest_count=3))
    assert scratch.folder == first
    scratch.write(other)
    assert scratch.folder != first
    assert [one.name for one in tmp_path.iterdir()] == [scratch.folder.name]
    assert find_unclosed(tmp_path) == []
    scratch.drop()


def test_only_folders_that_nobody_holds_are_left(tmp_path: Path) -> None:
    held = Scratch(tmp_path)
    held.write(SavedSession())
    empty = tmp_path / ("0" * 16)
    empty.mkdir()
    old = []
    for number in range(MOST_LEFT + 2):
        folder = tmp_path / f"{number + 1:016x}"
        folder.mkdir()
        (folder / "session.json").write_text("{}")
        old.append(folder)
    (tmp_path / "somebody's").mkdir()
    found = find_unclosed(tmp_path)
    assert len(found) == MOST_LEFT
    assert set(found) < set(old)
    assert not empty.exists()
    there = {one.name for one in tmp_path.iterdir()}
    assert there == {*(one.name for one in found), held.folder.name, "somebody's"}
    held.drop()
    assert last(tmp_path) is None
