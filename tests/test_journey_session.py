"""Sessions as the user meets them: the real window and engine, killed, closed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_sessions import in_full
from patience import until
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot

from diffviews_desktop import paths
from diffviews_desktop.actions import maps, picks, runs, showing
from diffviews_desktop.app import App, Options
from diffviews_desktop.processing.alignment import procrustes
from diffviews_desktop.state.session_file.saved import session_of
from diffviews_desktop.state.session_file.writing import write_file
from diffviews_desktop.state.state import State
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.maps import Places

SAMPLES = 60


@pytest.fixture
def start(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., App]]:
    """Starts the program; what it keeps on this machine lasts from one start to the next."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "settings"))
    made: list[App] = []

    def start_it(options: Options | None = None) -> App:
        app = App(options or Options(device="cpu"))
        made.append(app)
        app.start()
        return app

    yield start_it
    for app in made:
        app.worker.stop()
        app.window.deleteLater()


def is_open(app: App) -> bool:
    state = app.session.state
    return bool(state.opened.loaded and not state.jobs.running and state.kept.opening is None)


def draw(qtbot: QtBot, app: App) -> None:
    """Pick two samples, look at a part of the map, and draw."""
    context, session = app.context, app.session
    picks.click_point(context, 3)
    picks.click_point(context, 7)
    picks.suggest_neighbors(context, 4, on_map=True)
    showing.only_category(context, "class", 3, 5)
    qtbot.wait(400)  # the map tells which part of it is seen
    window = app.window
    assert window.map is not None
    window.map.box.scaleBy((0.5, 0.5))
    until(qtbot, lambda: session.state.view.rectangle is not None)
    qtbot.wait(400)
    before = len(session.state.runs.all)
    runs.generate_from_neighbors(context, session.state.runs.settings, from_choice("anchor"))
    until(qtbot, lambda: len(session.state.runs.all) > before and session.state.runs.all[-1].done)


def shown(state: State) -> object:
    """What a session brings back."""
    made = state.runs
    ended = [
        (run.id, run.name, in_full(run.steps), run.seed, in_full(run.record), run.sample_ids)
        for run in made.all
    ]
    spec = state.opened.spec
    return (
        (state.opened.path, spec, in_full(state.picks.selection), ended),
        (in_full(made.settings), made.interventions, made.condition, made.shown, made.step),
        (state.view.filters, state.view.color_by, state.view.tool),
    )


def press(qtbot: QtBot, app: App, word: str) -> None:
    """Press a button of the question that is asked."""
    box = app.window.sessions.question
    assert box is not None
    button = next(one for one in box.buttons() if one.text().replace("&", "").startswith(word))
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_session_is_saved_closed_and_comes_back(
    qtbot: QtBot,
    start: Callable[..., App],
    tiny_data: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = start(Options(folder=FolderRef(tiny_data(samples=SAMPLES)), device="cpu"))
    until(qtbot, lambda: is_open(app))
    draw(qtbot, app)

    # quitting asks; whoever stays has lost nothing
    assert not app.window.close()
    question = app.window.sessions.question
    assert question is not None
    assert question.text() == "1 run is not saved in a session. Quitting drops it."
    press(qtbot, app, "Stay")
    assert app.window.isVisible()
    assert len(app.session.state.runs.all) == 1

    # saving on the way out asks for a file; then the window closes by itself
    file = tmp_path / "work.diffviews"
    given = str(file.with_suffix(""))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (given, ""))
    before = shown(app.session.state)
    place = app.session.state.view.rectangle
    assert not app.window.close()
    press(qtbot, app, "Save")
    until(qtbot, lambda: not app.window.isVisible())
    assert file.is_file()

    # the next start goes on where this one ended, and asks nothing
    again = start()
    until(qtbot, lambda: is_open(again))
    assert again.window.sessions.question is None
    assert shown(again.session.state) == before
    assert np.allclose(again.session.state.view.rectangle, place, rtol=0.02)
    assert again.session.state.kept.file == file
    assert again.window.windowTitle().startswith("work – ")
    assert again.window.runs_panel.steps.strip.count() == len(again.session.state.runs.all[0].steps)
    assert again.window.map.paths.run_ids == {1}
    assert again.window.close()  # all is saved

    # and so does a start with the file, from another place on the disk, with the folder moved
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (tmp_path / "data").rename(moved / "data")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(moved / "data"))
    third = start(Options(session=file, device="cpu"))
    until(qtbot, lambda: is_open(third))
    assert third.session.state.opened.path == moved / "data"
    assert shown(third.session.state)[0][1:] == before[0][1:]  # type: ignore[index]
    assert third.window.map.paths.run_ids == {1}


def test_where_its_map_is_made_anew_samples_lie_where_they_lay(
    qtbot: QtBot,
    start: Callable[..., App],
    tiny_data: Callable[..., Path],
    tmp_path: Path,
) -> None:
    """A session of another machine, where both maps lie otherwise."""
    folder = tiny_data(samples=SAMPLES, embedding=False)
    app = start(Options(folder=FolderRef(folder), device="cpu"))
    until(qtbot, lambda: is_open(app))
    maps.toggle_second_map(app.context)
    maps.link_map(app.context, "tiny", ("encoder_bottleneck",))
    until(qtbot, lambda: app.session.state.opened.linked is not None)
    draw(qtbot, app)
    shown = app.session.state.opened
    turned = np.array([[0, -3], [3, 0]], np.float32)
    places = Places(shown.layer_map.xy[::-1] @ turned + 40)
    second = Places(procrustes(places.xy, shown.linked.map.xy[::-1]))
    step = replace(app.session.state.runs.all[0].steps[0], xy=(40.0, 41.0))
    session = session_of(app.session.state)
    run = replace(session.runs.all[0], steps=(step, *session.runs.all[0].steps[1:]))
    session = replace(
        session,
        places=places,
        second_places=second,
        runs=replace(session.runs, all=(run,)),
    )
    file = tmp_path / "theirs.diffviews"
    write_file(session, file)
    again = start(Options(session=file, device="cpu"))
    until(qtbot, lambda: is_open(again) and again.session.state.opened.linked is not None)
    opened = again.session.state.opened
    assert np.array_equal(opened.layer_map.xy, places.xy)
    np.testing.assert_allclose(opened.linked.map.xy, second.xy, atol=1e-3)
    assert again.session.state.runs.all[0].steps[0].xy == (40.0, 41.0)
    # what is drawn now lies among them, too
    draw(qtbot, again)
    xy = np.array([step.xy for step in again.session.state.runs.all[-1].steps])
    low, high = places.xy.min(axis=0), places.xy.max(axis=0)
    assert (xy >= low - 1e-3).all()
    assert (xy <= high + 1e-3).all()


def test_discarded_runs_do_not_come_back_but_the_picks_do(
    qtbot: QtBot, start: Callable[..., App], tiny_data: Callable[..., Path]
) -> None:
    app = start(Options(folder=FolderRef(tiny_data(samples=SAMPLES)), device="cpu"))
    until(qtbot, lambda: is_open(app))
    draw(qtbot, app)
    selection = app.session.state.picks.selection
    assert not app.window.close()
    press(qtbot, app, "Discard")
    until(qtbot, lambda: not app.window.isVisible())

    again = start()
    until(qtbot, lambda: is_open(again))
    assert again.session.state.runs.all == ()
    assert in_full(again.session.state.picks.selection) == in_full(selection)
    assert again.window.close()

    # a start that says what to open opens that; and so does one without the preference
    asked = start(Options(folder=FolderRef(again.session.state.opened.path), device="cpu"))
    until(qtbot, lambda: is_open(asked))
    assert asked.session.state.picks.selection.anchor is None
    assert asked.window.close()


ENDED = """
import os, signal, sys
from pathlib import Path
from PySide6.QtCore import Qt, QTimer
from diffviews_desktop import app, paths
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.maps import Places

begun = []

class DrawingApp(app.App):
    def start(self):
        self.session.changed.connect(self.draw, Qt.ConnectionType.QueuedConnection)
        self.timer = QTimer()
        self.timer.timeout.connect(self.look)
        self.timer.start(100)
        super().start()

    def draw(self, old, new):
        from diffviews_desktop.actions import picks, runs
        from diffviews_desktop.values.conditions import from_choice
        if new.opened.loaded is not None and not begun and not new.jobs.running:
            begun.append(True)
            picks.click_point(self.context, 3)
            runs.generate_from_neighbors(
                self.context, settings=new.runs.settings, condition=from_choice(1)
            )

    def look(self):
        root = paths.state_dir() / "sessions"
        if list(root.glob("*/run-1-images.npy")) and b'"all":[1]' in next(
            root.glob("*/session.json")
        ).read_bytes():
            self.timer.stop()
            os.kill(os.getpid(), int(sys.argv[2]))

if __name__ == "__main__":
    app.App = DrawingApp
    sys.exit(app.run(app.Options(folder=FolderRef(Path(sys.argv[1])), device="cpu")))
"""


def end_one(tmp_path: Path, data: Path, number: signal.Signals) -> int:
    """Start the program in a process of its own, draw, and end it by a signal; its exit code."""
    script = tmp_path / "window.py"
    script.write_text(ENDED, encoding="utf-8")
    command = [sys.executable, str(script), str(data), str(int(number))]
    return subprocess.run(command, timeout=240, check=False).returncode


def test_what_a_killed_program_left_is_offered(
    qtbot: QtBot,
    start: Callable[..., App],
    tiny_data: Callable[..., Path],
    tmp_path: Path,
) -> None:
    data = tiny_data(samples=SAMPLES)
    assert end_one(tmp_path, data, signal.SIGKILL) == -signal.SIGKILL
    root = paths.state_dir() / "sessions"
    assert len(os.listdir(root)) == 1

    # not now: it is offered again
    app = start(Options(folder=FolderRef(data), device="cpu"))
    until(qtbot, lambda: app.window.sessions.question)
    question = app.window.sessions.question
    assert isinstance(question, QMessageBox)
    asked = "DiffViews did not close properly last time. Restore your work on tiny from "
    assert question.text().startswith(asked)
    assert question.text().endswith(" with 1 run and 1 picked sample?")
    assert app.session.state.opened.samples is None  # nothing is opened before the answer
    press(qtbot, app, "Not now")
    until(qtbot, lambda: is_open(app))
    assert app.session.state.runs.all == ()
    assert app.window.close()

    again = start()
    until(qtbot, lambda: again.window.sessions.question)
    press(qtbot, again, "Restore")
    until(qtbot, lambda: is_open(again))
    state = again.session.state
    assert [run.name for run in state.runs.all] == ["Run 1"]
    assert state.picks.selection.anchor == 3
    assert len(state.runs.all[0].steps) == again.window.runs_panel.steps.strip.count()
    assert len(state.kept.unheld(state.runs.all)) == 1
    assert not again.window.close()  # it asks: no session holds the run
    press(qtbot, again, "Discard")
    until(qtbot, lambda: not again.window.isVisible())
    assert os.listdir(root) == ["last"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_interrupted_comes_back_without_a_question(
    qtbot: QtBot,
    start: Callable[..., App],
    tiny_data: Callable[..., Path],
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    assert end_one(tmp_path, tiny_data(samples=SAMPLES), number) == 130
    assert os.listdir(paths.state_dir() / "sessions") == ["last"]

    app = start()
    until(qtbot, lambda: is_open(app))
    assert app.window.sessions.question is None
    assert [run.name for run in app.session.state.runs.all] == ["Run 1"]
    assert app.session.state.picks.selection.anchor == 3
