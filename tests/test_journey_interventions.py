"""Interventions as the user makes them: the real window, the real engine process, a small model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from patience import until
from PIL import Image
from pressed import generate
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFileDialog
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import exports, picks, selection
from diffviews_desktop.app import App
from diffviews_desktop.cli import main as cli
from diffviews_desktop.ui.common.questions import TextDialog
from diffviews_desktop.values.interventions import Difference, SavedVector
from diffviews_desktop.values.regions import Area
from diffviews_desktop.values.row_set import RowSet


@pytest.fixture
def app(open_app: Callable[[int], App]) -> App:
    return open_app(60)


def choose(app: App, action: str) -> None:
    app.window.menu_actions[action].trigger()


def test_a_direction_of_two_selections_and_an_area_that_is_brushed(
    qtbot: QtBot, app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, session, context = app.window, app.session, app.window.context
    panel = window.generate_panel
    panel.sampling.steps.setValue(3)
    panel.seed.setText("5")
    panel.lock.setChecked(True)

    # set A is a selection, set B another; their difference is added
    selection.choose_rows(context, RowSet([3, 14, 15]))
    choose(app, "interventions.set-a")
    selection.choose_rows(context, RowSet([7, 9]))
    choose(app, "interventions.set-b")
    choose(app, "interventions.add")
    assert panel.stack.list.count() == 2
    panel.masking.strength.setValue(-3)
    panel.masking.mask_steps.setValue(2)
    moved = generate(qtbot, app)
    (one,) = moved.job.interventions
    assert one.source == Difference((3, 14, 15), (7, 9))
    assert (one.strength, one.step_from, one.step_to) == (-3, 0, 2)
    assert [step.imposed_xy is not None for step in moved.steps] == [True, True, False]
    assert (
        "add 3 samples − 2 samples on steps 1-2 × -3" in window.runs_panel.steps.settings.toolTip()
    )

    # the same, in a brushed part of the picture alone
    canvas = panel.masking.area.canvas
    assert not canvas._picture.isNull()  # that of the run
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    partly = generate(qtbot, app)
    assert isinstance(partly.job.interventions[0].region, Area)
    assert not np.array_equal(partly.steps[-1].image, moved.steps[-1].image)

    # switched off, nothing acts; a pick puts the mask before it
    panel.stack.list.item(1).setCheckState(Qt.CheckState.Unchecked)
    plain = generate(qtbot, app)
    assert all(step.imposed_xy is None for step in plain.steps)
    assert not np.array_equal(partly.steps[-1].image, plain.steps[-1].image)
    panel.stack.list.item(1).setCheckState(Qt.CheckState.Checked)
    picks.click_point(context, row=3)
    both = generate(qtbot, app)
    assert [one.verb for one in both.job.interventions] == ["replace", "add"]

    # saved under a name, and added by it
    def type_name(dialog: TextDialog) -> int:
        ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
        assert not ok.isEnabled()
        qtbot.keyClicks(dialog.field, "three")
        qtbot.mouseClick(ok, Qt.MouseButton.LeftButton)
        return dialog.result()

    monkeypatch.setattr(TextDialog, "exec", type_name)
    choose(app, "interventions.save")
    until(qtbot, lambda: session.state.opened.directions)
    (info,) = session.state.opened.directions
    assert info.path.is_file()
    menu = next(
        action.menu() for action in panel.stack.add_menu.actions()
        if action.menu() and action.menu().objectName() == "interventions.other"
    )  # fmt: skip
    menu.fill()
    next(action for action in menu.actions() if action.text() == "three").trigger()
    assert session.state.runs.interventions[-1].source == SavedVector("three")
    named = generate(qtbot, app)

    # exported, and taken back from the file under another name; what is no direction is refused
    elsewhere, other = tmp_path / "mine.safetensors", tmp_path / "other.safetensors"
    other.write_bytes(b"no direction")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    export = next(
        action.menu() for action in panel.stack.add_menu.actions()
        if action.menu() and action.menu().objectName() == "directions.export"
    )  # fmt: skip
    panel.stack.add_menu.aboutToShow.emit()
    assert export.menuAction().isEnabled()  # there was nothing to export at first
    next(action for action in export.actions() if action.text() == "three").trigger()
    until(qtbot, elsewhere.is_file)
    assert elsewhere.read_bytes() == info.path.read_bytes()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(elsewhere), ""))
    monkeypatch.setattr(TextDialog, "exec", lambda dialog: QDialog.DialogCode.Accepted)
    choose(app, "directions.load")
    until(qtbot, lambda: len(session.state.opened.directions) == 2)
    assert [one.name for one in session.state.opened.directions] == ["mine", "three"]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(other), ""))
    choose(app, "directions.load")
    until(qtbot, lambda: "cannot be read as a saved direction" in session.state.notices[-1].text)
    assert len(session.state.opened.directions) == 2

    # and made again by the command line from the PNG alone
    file = tmp_path / "run.png"
    monkeypatch.setattr(window, "ask_file", lambda *_: file)
    exports.save_picture(context)
    window.saves._saver.wait()
    again = tmp_path / "again"
    assert cli.main(["generate", "--replay", str(file), "--out", str(again)]) == 0
    with Image.open(file) as kept, Image.open(again / "0001.png") as made:
        assert kept.convert("RGB").tobytes() == made.convert("RGB").tobytes()
    assert [one.verb for one in named.job.interventions] == ["replace", "add", "add"]
