"""The window as a whole, without an engine: what it holds, how it fits, how it is reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QListWidget,
    QSlider,
    QSpinBox,
    QTabBar,
)
from pytestqt.qtbot import QtBot

from diffviews_desktop.session import Session
from diffviews_desktop.state import Selection, State, TrajectoryRecord
from diffviews_desktop.ui.main_window import MainWindow
from diffviews_desktop.worker.jobs import Generate, Job, LoadModel, OpenData


class Recorder:
    """A worker that only writes down what it is asked."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.cancelled: list[int] = []

    def next_id(self) -> int:
        return len(self.jobs) + 1

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def cancel(self, job_id: int) -> None:
        self.cancelled.append(job_id)


def activate(qtbot: QtBot, window: MainWindow) -> None:
    """Give the window the keyboard, also where no window manager does."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def worker() -> Recorder:
    return Recorder()


@pytest.fixture
def window(qtbot: QtBot, settings: QSettings, worker: Recorder) -> Iterator[MainWindow]:
    made = MainWindow(Session(), worker, settings)
    qtbot.addWidget(made)
    with qtbot.waitSignal(made.first_painted):
        made.show()
    made.bring_map()
    activate(qtbot, made)
    yield made
    made.session.update(replace(made.session.state, jobs=()))


def test_everything_fits_at_1280x720(qtbot: QtBot, window: MainWindow, state: State) -> None:
    picked = Selection(anchor=0, suggested=((1, 1.0), (2, 2.0)))
    window.session.update(replace(state, selection=picked))
    qtbot.wait(50)
    smallest = window.minimumSizeHint()
    assert smallest.width() <= 1280
    assert smallest.height() <= 690  # a title bar needs room too


def test_every_control_has_a_name_and_takes_the_keyboard(window: MainWindow) -> None:
    kinds = (QAbstractButton, QComboBox, QSpinBox, QDoubleSpinBox, QListWidget, QSlider)
    for kind in kinds:
        for widget in window.findChildren(kind):
            own = widget.objectName().startswith("qt_")
            if own or isinstance(widget.parentWidget(), QLineEdit | QTabBar):
                continue  # Qt's own: buttons of docks and tool bar, clear buttons
            text = widget.text() if isinstance(widget, QAbstractButton) else ""
            assert widget.accessibleName() or text, widget
            assert widget.focusPolicy() != Qt.FocusPolicy.NoFocus, widget
    for field in window.findChildren(QLineEdit):
        parent = field.parentWidget()
        inside = isinstance(parent, QSpinBox | QDoubleSpinBox | QComboBox)
        assert inside or field.accessibleName()


def test_shortcuts_are_unique(window: MainWindow) -> None:
    keys = [action.shortcut().toString() for action in window.actions_with_keys()]
    assert len(keys) == len(set(keys)) > 10


def test_the_map_comes_and_the_old_one_stays_until_then(
    qtbot: QtBot, window: MainWindow, state: State
) -> None:
    assert window.stack.currentWidget() is window.waiting
    with qtbot.waitSignal(window.map_shown):
        window.session.update(state)
    assert window.stack.currentWidget() is window.map


def test_clicks_go_through_the_operations_and_can_be_undone(
    qtbot: QtBot, window: MainWindow, state: State
) -> None:
    with qtbot.waitSignal(window.map_shown):
        window.session.update(state)
    for row in (3, 10, 16):
        place = window.map.position_of(row).toPoint()
        qtbot.mouseClick(window.map.viewport, Qt.MouseButton.LeftButton, pos=place)
        qtbot.wait(30)
    assert window.session.state.selection == Selection(anchor=3, manual=(10, 16))
    window.session.undo_stack.undo()
    assert window.session.state.selection == Selection(anchor=3, manual=(10,))
    window.session.undo_stack.redo()
    assert window.session.state.selection == Selection(anchor=3, manual=(10, 16))
    qtbot.keyClick(window, Qt.Key.Key_S)
    assert len(window.session.state.selection.suggested) == 5
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(window, Qt.Key.Key_A, both)
    assert window.session.state.selection == Selection()


def test_keys_belong_to_the_control_that_has_the_focus(
    qtbot: QtBot, window: MainWindow, state: State, make_job, make_step
) -> None:
    steps = tuple(make_step(i) for i in range(3))
    record = TrajectoryRecord(make_job(), "Trajectory 1", steps=steps, done=True)
    picked = Selection(anchor=0, manual=(4, 5, 6))
    window.session.update(
        replace(state, selection=picked, trajectories=(record,), shown=record.key, step=1)
    )
    window.gallery.suggest.setFocus()
    qtbot.keyClick(window.gallery.suggest, Qt.Key.Key_Space)  # a button is pressed by it
    assert len(window.session.state.selection.suggested) == 5
    window.gallery.list.setFocus()
    window.gallery.list.setCurrentRow(0)
    qtbot.keyClick(window.gallery.list, Qt.Key.Key_Right)
    assert window.gallery.list.currentRow() == 1
    assert window.session.state.step == 1
    window.map.viewport.setFocus()
    qtbot.keyClick(window.map.viewport, Qt.Key.Key_Right)  # elsewhere they scrub
    assert window.session.state.step == 2


def test_generate_and_cancel_by_keyboard(
    qtbot: QtBot, window: MainWindow, worker: Recorder, state: State
) -> None:
    window.session.update(replace(state, selection=Selection(anchor=3, manual=(4,))))
    qtbot.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    job = worker.jobs[-1]
    assert isinstance(job, Generate)
    assert job.rows == (3, 4)
    assert job.class_choice == 0  # the anchor's: class 0 is a class
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert worker.cancelled == [job.job_id]


def test_models_are_switched_and_folders_opened(
    window: MainWindow, worker: Recorder, state: State, tmp_path: Path, monkeypatch
) -> None:
    from PySide6.QtWidgets import QFileDialog

    window.session.update(state)
    window.layer_panel.model_chosen.emit("other")
    assert isinstance(worker.jobs[-1], OpenData)
    assert worker.jobs[-1].model == "other"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: str(tmp_path))
    window.choose_folder()
    assert worker.jobs[-1].source.path == tmp_path


def test_the_layout_survives_a_restart_and_can_be_reset(
    qtbot: QtBot, window: MainWindow, settings: QSettings, worker: Recorder
) -> None:
    window.docks[1].hide()
    window.close()
    again = MainWindow(Session(), worker, settings)
    qtbot.addWidget(again)
    again.show()
    assert not again.docks[1].isVisible()
    again.reset_layout()
    assert all(dock.isVisible() for dock in again.docks)


def test_recent_folders_are_remembered(window: MainWindow, state: State, tmp_path: Path) -> None:
    window.session.update(replace(state, path=tmp_path))
    assert [action.text() for action in window.recent_menu.actions()] == [str(tmp_path)]


def test_themes_restyle_the_map(qtbot: QtBot, window: MainWindow, state: State) -> None:
    with qtbot.waitSignal(window.map_shown):
        window.session.update(state)
    for choice, low, high in (("dark", 0, 40), ("light", 240, 256)):
        window.set_theme(choice)
        qtbot.wait(30)
        corner = window.map.viewport.grab().toImage().pixelColor(4, 4)
        assert low <= corner.lightness() < high


def test_without_a_map_it_says_what_to_do(window: MainWindow) -> None:
    window.session.update(State().with_notice("There is no folder /nowhere.", error=True))
    assert window.waiting.open_button.isVisible()
    assert window.waiting.demo_button.isVisible()
    assert window.notice.isVisible()
    assert "/nowhere" in window.notice.text.text()  # once, not in the middle too
    assert "/nowhere" not in window.waiting.detail.text()
    assert not window.demo_hint.isVisible()


def test_a_running_job_is_shown_while_there_is_no_map(window: MainWindow) -> None:
    from diffviews_desktop import operations
    from diffviews_desktop.worker.jobs import Source

    job = OpenData(job_id=9, source=Source())
    operations._submit(window.session, Recorder(), job, "Opening the demo")
    operations.on_started(session=window.session, job_id=9)
    assert window.waiting.title.text() == "Opening the demo…"
    assert window.status.job.text().startswith("Opening the demo")


def test_closing_asks_once_while_work_would_be_lost(
    window: MainWindow, make_job, monkeypatch
) -> None:
    from PySide6.QtWidgets import QMessageBox

    from diffviews_desktop.state import RunningJob

    asked: list[str] = []

    def answer(button: QMessageBox.StandardButton) -> None:
        def question(*arguments: object, **_: object) -> QMessageBox.StandardButton:
            asked.append(str(arguments[2]))
            return button

        monkeypatch.setattr(QMessageBox, "question", question)

    running = RunningJob(make_job(), "Generating trajectory 1", since=1.0)
    window.session.update(replace(window.session.state, jobs=(running,)))
    answer(QMessageBox.StandardButton.No)
    assert not window.close()
    answer(QMessageBox.StandardButton.Yes)
    assert window.close()
    assert len(asked) == 2
    assert "Generating trajectory 1" in asked[0]


def test_loading_a_model_needs_no_question(window: MainWindow, make_job) -> None:
    from diffviews_desktop.state import RunningJob

    job = LoadModel(job_id=1, source=make_job().source, model="m")
    running = RunningJob(job, "Loading m", since=1.0)
    window.session.update(replace(window.session.state, jobs=(running,)))
    assert window.close()
