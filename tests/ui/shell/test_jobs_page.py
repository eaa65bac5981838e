"""The list of jobs: what runs, what waits, and how what was done has ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot
from recorder import Recorder

from diffviews_desktop.actions import answers, runs
from diffviews_desktop.engine.protocol import Progress
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.shell.activity.jobs_page import JobsPage
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.conditions import from_choice


@pytest.fixture
def window(open_window: Callable[..., MainWindow], state: State) -> MainWindow:
    """With three runs asked for, of which the first has begun."""
    picks = replace(state.picks, selection=Selection(anchor=3))
    made = open_window(replace(state, picks=picks))
    made.closing = True  # without a question, at the end of the test
    for _ in range(3):
        runs.generate_from_neighbors(
            made.context, made.session.state.runs.settings, from_choice("zero")
        )
    answers.on_started(made.context, 1)
    answers.on_event(made.context, Progress(1, "generating", 0.5, "3 of 5"))
    return made


@pytest.fixture
def page(window: MainWindow) -> JobsPage:
    window.menu_actions["jobs.show"].trigger()
    assert window.pages.activity is not None
    return window.pages.activity.jobs


def rows(page: JobsPage) -> dict[str, list[list[str]]]:
    """By heading, the texts of the rows below it."""
    found = {}
    for at in range(page.list.topLevelItemCount()):
        heading = page.list.topLevelItem(at)
        children = [heading.child(row) for row in range(heading.childCount())]
        found[heading.text(0)] = [[item.text(0), item.text(1)] for item in children]
    return found


def press(qtbot: QtBot, button: QPushButton) -> None:
    assert button.isEnabled(), button.toolTip()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_jobs_are_listed_by_what_becomes_of_them(window: MainWindow, page: JobsPage) -> None:
    answers.on_cancelled(window.context, 3)
    assert rows(page) == {
        "Running (1)": [["Generating run 1", "generating, 3 of 5"]],
        "Waiting (1)": [["Generating run 2", "waiting"]],
        "Ended (1)": [["Generating run 3", "cancelled"]],
    }
    assert page._bars[1].value() == 500
    answers.on_event(window.context, Progress(1, "generating", 0.8, "4 of 5"))
    assert page._bars[1].value() == 800
    assert rows(page)["Running (1)"] == [["Generating run 1", "generating, 4 of 5"]]


def test_a_waiting_job_is_moved_and_cancelled(
    qtbot: QtBot, window: MainWindow, page: JobsPage, worker: Recorder
) -> None:
    page.list.choose(3)
    assert not page.later.isEnabled()
    press(qtbot, page.earlier)
    assert worker.order == [3, 2]
    assert [row[0] for row in rows(page)["Waiting (2)"]] == ["Generating run 3", "Generating run 2"]
    assert page.list.key() == 3
    assert page.earlier.toolTip() == "It is the next one."
    press(qtbot, page.cancel)
    assert worker.cancelled == [3]
    page.list.choose(1)
    assert page.earlier.toolTip() == "Only a job that waits can be moved."


def test_an_ended_job_says_how_and_is_run_again(
    qtbot: QtBot, window: MainWindow, page: JobsPage, worker: Recorder
) -> None:
    answers.on_failed(window.context, 1, "No memory.", "a long trace")
    assert rows(page)["Ended (1)"] == [["Generating run 1", "failed: No memory."]]
    page.list.choose(1)
    assert page.details.toPlainText().startswith("Generating run 1: failed after ")
    press(qtbot, page.copy)
    copied = QApplication.clipboard().text()
    assert "No memory." in copied
    assert copied.endswith("a long trace")
    press(qtbot, page.again)
    assert len(worker.jobs) == 4
    assert replace(worker.jobs[-1], job_id=1) == worker.jobs[0]
    assert rows(page)["Waiting (3)"][-1][0] == "Generating run 4"


def test_a_list_that_is_not_seen_is_filled_when_it_is(window: MainWindow, page: JobsPage) -> None:
    assert window.pages.activity is not None
    window.pages.activity.close()
    answers.on_cancelled(window.context, 2)
    assert "Waiting (2)" in rows(page)
    window.menu_actions["jobs.show"].trigger()
    assert "Waiting (1)" in rows(page)
    assert "Ended (1)" in rows(page)
