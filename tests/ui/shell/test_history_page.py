"""The list of what the user did: chosen, shown in three forms, copied, saved as a script."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from patience import until
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import folders, picks, runs, selection, showing
from diffviews_desktop.actions.verbs import VERBS, note
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.shell.activity.history_page import HistoryPage
from diffviews_desktop.ui.shell.activity.verb_texts import VERB_TEXTS, verb_text
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.row_set import RowSet


@pytest.fixture
def window(open_window: Callable[..., MainWindow], state: State) -> MainWindow:
    made = open_window(state)
    note(made.context, folders.open_data, folder=FolderRef(Path("/data")), model="m")
    picks.click_point(made.context, 3)
    showing.choose_tool(made.context, "lasso")
    return made


@pytest.fixture
def page(window: MainWindow) -> HistoryPage:
    window.menu_actions["jobs.history"].trigger()
    assert window.pages.activity is not None
    return window.pages.activity.history


def rows(page: HistoryPage) -> list[list[str]]:
    items = [page.list.topLevelItem(at) for at in range(page.list.topLevelItemCount())]
    return [[item.text(1), item.text(2)] for item in items]


def choose_form(page: HistoryPage, number: int) -> None:
    page.forms.button(number).setChecked(True)


def test_lines_are_listed_as_they_come(window: MainWindow, page: HistoryPage) -> None:
    assert rows(page)[1:] == [["Click point", "row 3"], ["Choose tool", "tool 'lasso'"]]
    page.list.choose(2)
    runs.change_settings(window.context, window.session.state.runs.settings, from_choice("zero"))
    runs.change_settings(window.context, window.session.state.runs.settings, from_choice("uniform"))
    assert len(rows(page)) == 4  # of what is done again and again the last time counts
    assert "UniformLabel()" in rows(page)[-1][1]
    assert page.list.keys() == [2]


def test_of_many_samples_a_cell_says_how_many(window: MainWindow, page: HistoryPage) -> None:
    selection.choose_rows(window.context, RowSet(range(3)))
    assert rows(page)[-1][1] == "rows RowSet([0, 1, 2])"
    selection.choose_rows(window.context, RowSet(range(30)))
    assert rows(page)[-1][1] == "rows 30 samples"


def test_a_line_is_copied_in_three_forms(
    qtbot: QtBot, window: MainWindow, page: HistoryPage
) -> None:
    assert not page.copy.isEnabled()
    page.list.choose(2)
    found = []
    for number in range(3):
        choose_form(page, number)
        qtbot.mouseClick(page.copy, Qt.MouseButton.LeftButton)
        found.append(QApplication.clipboard().text())
        assert page.details.toPlainText() == found[-1]
    assert found == [
        "diffviews-desktop do \\\n  "
        """'{"verb": "folders.open_data", "folder": {"is": "FolderRef", "path": "/data"}, """
        """"model": "m"}' \\\n  '{"verb": "picks.click_point", "row": 3}'""",
        "picks.click_point(context, row=3)",
        '{"verb": "picks.click_point", "row": 3}',
    ]
    page.list.choose(2, 3)
    choose_form(page, 1)
    assert page.text().split("\n") == [
        "picks.click_point(context, row=3)",
        "showing.choose_tool(context, tool='lasso')",
    ]


@pytest.mark.parametrize("name", ["done.py", "done.json"])
def test_chosen_lines_are_saved_as_a_script_that_opens_the_folder_first(
    qtbot: QtBot, window: MainWindow, page: HistoryPage, tmp_path: Path, monkeypatch, name: str
) -> None:
    file = tmp_path / name
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (str(file), ""))
    page.list.choose(3)
    qtbot.mouseClick(page.script, Qt.MouseButton.LeftButton)
    until(qtbot, file.is_file)
    written = file.read_text()
    if name.endswith(".json"):
        assert [line["verb"] for line in json.loads(written)] == [
            "folders.open_data",
            "showing.choose_tool",
        ]
    else:
        compile(written, name, "exec")
        assert "folder=FolderRef(path=Path('/data'))" in written
        assert "click_point" not in written
    until(qtbot, lambda: window.session.state.notice is not None)
    assert window.session.state.notice.text == f"Saved {file}"


def test_every_verb_has_a_text_to_translate() -> None:
    ours = [name for name, do in VERBS.items() if do.__module__.startswith("diffviews_desktop.")]
    assert {verb_text(name) for name in ours} == set(VERB_TEXTS)
