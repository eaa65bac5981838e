"""Pictures that belong to no run are saved from their menus with what made them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_runs import run_of, told
from PIL import Image
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid
from diffviews_desktop.engine.jobs.samples import PictureMean
from diffviews_desktop.state.runs import Grid
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.panels.runs.comparison import Pair
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.runs import GridCell, RunStep
from diffviews_desktop.values.sampling import SamplingSettings

PLACE = QPoint(40, 40)


@pytest.fixture
def saved(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], dict[str, Any]]:
    """Saves the picture whose menu is open, and reads what the file says of it."""
    file = tmp_path / "saved.png"
    monkeypatch.setattr(window, "ask_file", lambda *_: file)

    def save() -> dict[str, Any]:
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        next(one for one in menu.actions() if one.text() == "&Save the picture…").trigger()
        menu.close()
        window.saves.wait()
        with Image.open(file) as image:
            record: dict[str, Any] = json.loads(image.text["diffviews"])
        return record

    return save


def test_a_picture_of_a_grid_carries_the_record_of_the_grid(
    window: MainWindow, state: State, saved: Callable[[], dict[str, Any]]
) -> None:
    job = GenerateGrid(
        job_id=9,
        folder=FolderRef(),
        spec=MapSpec("m", ("midblock",)),
        interventions=mean_of_samples((3,)),
        condition=from_choice(0),
        settings=SamplingSettings(seed=50),
        samples=2,
    )
    pixels = np.zeros((8, 8, 3), np.uint8)
    cells = tuple(
        GridCell(i, cell.settings, told(0), pixels, cell.interventions)
        for i, cell in enumerate(job.cells())
    )
    record = {"kind": "grid", "job": {"samples": 2, "settings": {"seed": 50}}}
    grid = Grid(job, cells, done=True, record=record)
    window.session.update(replace(state, runs=replace(state.runs, grid=grid)))
    window.pages.show("grid")
    assert window.pages.grid is not None
    window.pages.grid.menu_wanted.emit(1, PLACE)
    assert saved() == record
    window.pages.grid.close()


def test_a_standard_deviation_says_which_samples_it_is_of(
    window: MainWindow, state: State, saved: Callable[[], dict[str, Any]]
) -> None:
    values = np.full((8, 8, 3), 9, np.float32)
    mean = PictureMean("m", ("sample_1", "sample_2"), values, values)
    window.session.update(replace(state, picks=replace(state.picks, mean=mean)))
    window.pages.show("mean")
    shown = window.pages.mean
    assert shown is not None
    shown._on_menu(shown.deviation, QPoint(5, 5))
    assert saved() == {
        "kind": "deviation",
        "model": "m",
        "sample_ids": ["sample_1", "sample_2"],
    }
    shown.close()


def test_a_difference_carries_the_records_of_both_runs(
    qtbot: QtBot,
    window: MainWindow,
    state: State,
    make_job: Callable[..., Generate],
    make_step: Callable[..., RunStep],
    saved: Callable[[], dict[str, Any]],
) -> None:
    steps = tuple(make_step(i) for i in range(2))
    runs = tuple(
        run_of(make_job(number, num_steps=2), f"Run {number}", steps, done=True, seed=number,
               record={"kind": "generate", "seed": number})
        for number in (1, 2)
    )  # fmt: skip
    among = replace(state.runs, all=runs, shown=1, beside=(2,), step=1)
    window.session.update(replace(state, runs=among))
    pair: Pair = window.runs_panel.pictures.pairs[0]
    qtbot.waitUntil(lambda: pair.difference.pixels is not None)
    pair.difference.menu_wanted.emit(PLACE)
    record = saved()
    assert (record["kind"], record["step"]) == ("difference", 2)
    assert [one["record"] for one in record["runs"]] == [one.record for one in runs]
