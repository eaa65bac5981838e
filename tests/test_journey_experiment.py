"""An experiment as the user does it: the real window, the real engine process, a small model."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from patience import until
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import picks
from diffviews_desktop.app import App
from diffviews_desktop.values.experiments import CONTROLS


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
