"""The catalogue: rows, what can be done with each, and how far downloads are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from recorder import Recorder

from diffviews_desktop.engine.jobs.downloading import Download, ListModels, ModelList
from diffviews_desktop.state.downloads import Downloads
from diffviews_desktop.state.jobs import Jobs, RunningJob
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.panels.models import ModelsWindow
from diffviews_desktop.ui.panels.models.rows import rows_of
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.locations import Location
from diffviews_desktop.values.sources import (
    ListedModel,
    Origin,
    Presence,
    PublishedCheckpoint,
    PublishedFolder,
    PublishedModel,
)

OUT = Path("/downloads")
HUB = (Origin("hf", Location.parse("hf://group/tiny")),)


def model(
    name: str, data: Presence = "none", checkpoint: Presence = "none", *, alone: bool = False
):
    published = PublishedModel(
        name,
        f"Title of {name}",
        "MIT",
        "About it.",
        None if alone else PublishedFolder(HUB, 400_000_000),
        PublishedCheckpoint("a.pkl", HUB, 1_184_000_000),
    )
    return ListedModel(published, "all" if alone else data, checkpoint, OUT / "a.pkl")


@pytest.fixture
def listed() -> State:
    models = (
        model("first"),
        model("half", "some"),
        model("whole", "all", "all"),
        model("alone", checkpoint="all", alone=True),
    )
    table = ModelList(out=OUT, models=models, free=52_000_000_000)
    return State(downloads=Downloads(out=OUT, listed=table))


def downloading(state: State, what: str, fraction: float | None = 0.25) -> State:
    job = Download(job_id=9, folder=FolderRef(), what=what, out=OUT)
    running = RunningJob(job, "", "downloading", fraction, "3 of 12 files", 1.0, 150.0)
    return replace(state, jobs=Jobs(aside=(running,)))


@pytest.fixture
def window(qtbot: QtBot, listed: State) -> ModelsWindow:
    made = ModelsWindow()
    qtbot.addWidget(made)
    made.set_state(listed)
    made.show()
    return made


def choose(window: ModelsWindow, what: str) -> None:
    names = [row.what for row in rows_of(window._state)]
    window.table.selectRow(names.index(what))


def test_each_row_says_how_much_is_here_and_what_comes_next(listed: State) -> None:
    rows = {row.what: row for row in rows_of(listed)}
    assert {what: (row.status, row.step) for what, row in rows.items()} == {
        "first": ("", "download"),
        "half": ("partly here", "continue"),
        "whole": ("here", "open"),
        "alone": ("here", "import"),
    }
    assert rows["first"].size == "1.6 GB"
    assert rows["first"].licence == "MIT"
    assert rows["alone"].detail.endswith("From Hugging Face.")


def test_a_download_shows_its_progress_and_can_be_paused(
    qtbot: QtBot, window: ModelsWindow, listed: State
) -> None:
    choose(window, "first")
    asked: list[str] = []
    window.download_requested.connect(asked.append)
    window.pause_requested.connect(lambda what: asked.append(f"pause {what}"))
    qtbot.mouseClick(window.step, Qt.MouseButton.LeftButton)
    window.set_state(downloading(listed, "first"))
    row = window.table.chosen_row()
    assert row is not None
    assert (row.status, row.fraction) == ("25 %, 2 min left", 0.25)
    assert window.detail.text() == "3 of 12 files"
    assert window.step.text() == "&Pause"
    qtbot.mouseClick(window.step, Qt.MouseButton.LeftButton)
    assert asked == ["first", "pause first"]


def test_what_is_chosen_stays_chosen_while_rows_change(window: ModelsWindow, listed: State) -> None:
    choose(window, "whole")
    window.set_state(downloading(listed, "hf://group/other"))
    assert window.table.choice == "whole"
    assert window.table.rowCount() == 5
    window.set_state(listed)
    assert window.table.choice == "whole"
    assert window.table.rowCount() == 4


def test_a_model_that_is_here_is_opened_by_return(
    qtbot: QtBot, window: ModelsWindow, listed: State
) -> None:
    choose(window, "whole")
    asked: list[object] = []
    window.open_requested.connect(asked.append)
    qtbot.keyClick(window.table, Qt.Key.Key_Return)
    assert listed.downloads.listed is not None
    assert asked == [listed.downloads.listed.models[2]]


def test_an_address_of_ones_own_is_downloaded(qtbot: QtBot, window: ModelsWindow) -> None:
    assert not window.fetch.isEnabled()
    asked: list[str] = []
    window.download_requested.connect(asked.append)
    qtbot.keyClicks(window.address, " hf://group/weights ")
    qtbot.keyClick(window.address, Qt.Key.Key_Return)
    assert asked == ["hf://group/weights"]
    assert window.address.text() == ""


def test_why_a_download_failed_is_said_beside_it(window: ModelsWindow, listed: State) -> None:
    failed = listed.downloads.with_problem("half", "There is no connection.")
    failed = failed.with_problem("hf://group/other", "It is not there.")
    window.set_state(replace(listed, downloads=failed))
    choose(window, "half")
    assert window.problem.text() == "There is no connection."
    choose(window, "first")
    assert not window.problem.isVisibleTo(window)
    choose(window, "hf://group/other")
    assert window.problem.text() == "It is not there."


def test_an_address_that_was_paused_stays_and_can_be_continued(
    qtbot: QtBot, window: ModelsWindow, listed: State
) -> None:
    address = "hf://group/other"
    window.set_state(replace(listed, downloads=listed.downloads.with_pause(address, True)))
    choose(window, address)
    row = rows_of(window._state)[-1]
    assert (row.what, row.status, row.step) == (address, "paused", "continue")
    asked: list[str] = []
    window.download_requested.connect(asked.append)
    qtbot.mouseClick(window.step, Qt.MouseButton.LeftButton)
    assert asked == [address]


def test_the_menu_and_the_empty_page_bring_it_up(
    qtbot: QtBot, open_window: Callable[..., MainWindow], state: State, worker: Recorder
) -> None:
    window = open_window(state)
    window.menu_actions["models.download"].trigger()
    assert isinstance(worker.jobs[-1], ListModels)
    models = window.pages.models
    assert models is not None
    qtbot.waitUntil(models.isVisible)
    models.close()
    window.waiting.models_button.click()
    assert models.isVisible()
    assert models.folder.toolTip() == str(window.session.state.downloads.out)
