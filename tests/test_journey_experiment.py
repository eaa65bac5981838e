"""An experiment as the user does it: the real window, the real engine process, a small model."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from patience import until
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import picks, selection
from diffviews_desktop.app import App
from diffviews_desktop.ui.panels.experiment.form import EVERY
from diffviews_desktop.values.controls import controls_for
from diffviews_desktop.values.interventions import PICKED
from diffviews_desktop.values.row_set import RowSet

CONTROLS = controls_for((PICKED,), classes=True, places=1)


def test_a_mask_is_compared_with_its_controls(
    qtbot: QtBot, open_app: Callable[[int], App], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_app(60)
    window, session = app.window, app.session
    window.generate_panel.sampling.steps.setValue(2)
    window.menu_actions["experiments.compare"].trigger()
    page = window.pages.experiment
    assert page is not None
    page.form.anchors.setValue(5)
    page.form.neighbors.setValue(1)
    page.form.seeds.setValue(1)
    qtbot.mouseClick(page.draw, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: page.cancel.isEnabled())
    until(qtbot, lambda: session.state.runs.experiment.result)
    result = session.state.runs.experiment.result
    assert result.drawn == 5 * (1 + len(CONTROLS))
    assert page.table.rowCount() == 1 + len(CONTROLS)
    assert "of 5 masks" in page.progress.text()

    # the same again is there already
    qtbot.mouseClick(page.draw, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: (new := session.state.runs.experiment.result) and new is not result)
    assert session.state.runs.experiment.result.drawn == 0

    # the report, and the file that runs it again, are where they are said to be
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    qtbot.mouseClick(page.report, Qt.MouseButton.LeftButton)
    report = result.files[0]
    assert opened == [QUrl.fromLocalFile(str(report))]
    assert "told a wrong class" in report.read_text(encoding="utf-8")
    written = json.loads(result.files[-1].read_text(encoding="utf-8"))
    assert written["record"]["experiment"]["groups"] == [
        list(group) for group in result.job.experiment.groups
    ]

    # one mask, of what is picked
    picks.click_point(window.context, row=3)
    page.form.masks.setCurrentIndex(1)
    qtbot.mouseClick(page.draw, Qt.MouseButton.LeftButton)
    until(
        qtbot,
        lambda: (
            (new := session.state.runs.experiment.result) and len(new.job.experiment.groups) == 1
        ),
    )
    assert session.state.runs.experiment.result.job.experiment.groups == ((3,),)


def test_a_direction_is_compared_and_swept(qtbot: QtBot, open_app: Callable[[int], App]) -> None:
    app = open_app(60)
    window, session, context = app.window, app.session, app.window.context
    window.generate_panel.sampling.steps.setValue(2)
    selection.choose_rows(context, RowSet([3, 14, 15]))
    window.menu_actions["interventions.set-a"].trigger()
    selection.choose_rows(context, RowSet([7, 9]))
    window.menu_actions["interventions.set-b"].trigger()
    window.menu_actions["interventions.add"].trigger()
    window.menu_actions["experiments.compare"].trigger()
    page = window.pages.experiment
    assert page is not None

    # the mask of picks is still in the list, and nothing is picked
    assert not page.draw.isEnabled()
    window.generate_panel.stack.list.item(0).setCheckState(Qt.CheckState.Unchecked)
    until(qtbot, page.draw.isEnabled)
    assert "3 samples − 2 samples" in page.form.what.text()
    page.form.seeds.setValue(3)
    qtbot.mouseClick(page.draw, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: session.state.runs.experiment.result)
    result = session.state.runs.experiment.result
    arms = [one.arm for one in result.findings]
    assert arms[:2] == ["none", "intervention"]
    assert {"mixed", "shuffled", "direction", "opposite", "layer"} <= set(arms)
    assert result.drawn == 3 * len(arms)
    assert {one.unit for one in result.findings} == {"seeds"}
    assert page.table.rowCount() == len(arms)
    assert "over 3 seeds" in page.progress.text()
    assert "about" in page.summary.text()  # how fast the model draws is known by now

    # over every layer and both steps, with nothing else
    for box in page.form.controls.values():
        box.setChecked(False)
    page.form.where.setCurrentText(EVERY)
    page.form.parts.setValue(2)
    layers = len(session.state.opened.loaded.layers)
    qtbot.mouseClick(page.draw, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: (new := session.state.runs.experiment.result) and new is not result)
    swept = session.state.runs.experiment.result
    assert swept.drawn == 3 * (1 + 2 * layers)
    assert page.pages.currentWidget() is page.heat_map
    assert (page.heat_map.rowCount(), page.heat_map.columnCount()) == (layers, 1 + 2)
    assert swept.folder.is_dir()
