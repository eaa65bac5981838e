"""Drawing as the user does it: the real window, the real engine process, a small model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from patience import until
from PIL import Image
from pressed import generate
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import exports, picks
from diffviews_desktop.app import App
from diffviews_desktop.cli import main as cli
from diffviews_desktop.engine.jobs.grid_axes import Axes

SAMPLES = 60


@pytest.fixture
def app(open_app: Callable[[int], App]) -> App:
    return open_app(SAMPLES)


def test_a_masked_run_is_compared_placed_saved_and_made_again(
    qtbot: QtBot, app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, session = app.window, app.session
    panel, run, pictures = (
        window.generate_panel,
        window.runs_panel.steps,
        window.runs_panel.pictures,
    )
    picks.click_point(window.context, row=3)
    picks.click_point(window.context, row=7)

    # EDM's sampler, four steps, the mask on steps 2 and 3 at a strength of its own
    panel.sampling.sampler.setCurrentIndex(panel.sampling.sampler.findData("heun"))
    panel.sampling.steps.setValue(4)
    panel.pages.setCurrentIndex(1)
    panel.masking.first.setValue(2)
    panel.masking.mask_steps.setValue(3)
    panel.masking.strength.setValue(0.5)
    panel.masking.weights.setCurrentIndex(panel.masking.weights.findData("distance"))
    assert panel.hint.accessibleName().startswith("NFE 7 · mean of 2 samples")
    generate(qtbot, app)
    record = session.state.runs.all[-1]
    assert [step.imposed_xy is not None for step in record.steps] == [False, True, True, False]
    assert [step.evaluations for step in record.steps] == [2, 2, 2, 1]
    assert "on steps 2-3 of strength 0.5 weighted by distance" in run.settings.toolTip()

    # beside the same seed without the mask, which is drawn once
    qtbot.mouseClick(run.compare, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: session.state.runs.baseline() and session.state.runs.baseline().done)
    unmasked = session.state.runs.baseline()
    qtbot.waitUntil(lambda: pictures.pairs[0].isVisible())
    np.testing.assert_array_equal(pictures.pairs[0].other.pixels, unmasked.steps[-1].image)
    assert len(session.state.runs.all) == 1
    np.testing.assert_array_equal(unmasked.steps[0].image, record.steps[0].image)
    apart = pictures.plot.curves[0].getData()[1]
    assert len(apart) == 4
    assert apart[0] == 0
    assert apart[2] > 0
    assert unmasked.id in window.map.paths.run_ids
    qtbot.mouseClick(run.compare, Qt.MouseButton.LeftButton)
    assert not pictures.pairs[0].isVisible()
    assert unmasked.id not in window.map.paths.run_ids
    qtbot.mouseClick(run.compare, Qt.MouseButton.LeftButton)
    assert session.state.runs.baseline() is unmasked
    assert not session.state.jobs.running

    # where the finished picture lies
    run.land.menu().actions()[0].trigger()
    until(qtbot, lambda: session.state.runs.all[-1].landed)
    landed = session.state.runs.all[-1].landed
    assert f"#{landed.neighbors[0][0]}" in run.landed.text()
    distances = [far for _, far in landed.neighbors]
    assert distances == sorted(distances)
    assert window.map.paths._shown._landed.getData()[0].tolist() == [landed.xy[0]]

    # saved, and made again by the command line from the PNG alone
    file = tmp_path / "kept" / "run.png"
    file.parent.mkdir()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(file), ""))
    exports.save_picture(window.context)
    window.saves._saver.wait()
    assert file.is_file()
    beside = json.loads(file.with_suffix(".diffviews.json").read_text())
    assert beside["kind"] == "generate"
    again = tmp_path / "again"
    assert cli.main(["generate", "--replay", str(file), "--out", str(again)]) == 0
    with Image.open(file) as kept, Image.open(again / "0001.png") as made:
        assert kept.convert("RGB").tobytes() == made.convert("RGB").tobytes()


def test_a_preset_is_taken_whole_and_the_mask_stays(qtbot: QtBot, app: App) -> None:
    window, session = app.window, app.session
    panel = window.generate_panel
    panel.masking.strength.setValue(0.25)
    row = panel.sampling.preset.findText("EDM, ImageNet-64")
    assert "FID 1.36" in panel.sampling.preset.itemData(row, Qt.ItemDataRole.ToolTipRole)
    panel.sampling.preset.setCurrentIndex(row)
    panel.sampling.preset.activated.emit(row)
    s = session.state.runs.settings
    assert (s.sampler, s.num_steps, s.s_churn, s.s_min, s.s_max, s.s_noise) == (
        "heun", 256, 40.0, 0.05, 50.0, 1.003,
    )  # fmt: skip
    (mask,) = session.state.runs.interventions
    assert (mask.strength, mask.step_from, mask.step_to) == (0.25, 0, None)
    assert panel.sampling.preset.currentText() == "EDM, ImageNet-64"
    panel.sampling.steps.setValue(20)
    assert panel.sampling.preset.currentText() == "custom"


def test_a_grid_fills_can_be_cancelled_and_a_picture_drawn_again(
    qtbot: QtBot, app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, session = app.window, app.session
    picks.click_point(window.context, row=3)
    window.generate_panel.sampling.steps.setValue(3)
    qtbot.mouseClick(window.generate_panel.grid, Qt.MouseButton.LeftButton)
    grid = window.pages.grid
    grid.form.seeds.setValue(2)
    grid.form.strengths.setText("0, two")
    assert not grid.draw.isEnabled()
    assert "numbers from 0 to 1" in grid.form.problem.text()
    grid.form.strengths.setText("0, 0.5, 1")
    grid.form.windows.setText("1-4")
    assert "from 1 to 3" in grid.form.problem.text()
    grid.form.windows.setText("1-2, 3")
    assert "12 pictures" in grid.summary.text()
    qtbot.mouseClick(grid.draw, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: session.state.runs.grid and session.state.runs.grid.done)
    record = session.state.runs.grid
    assert len(record.cells) == 12
    assert Axes.of(record.job).column_names == tuple(
        f"seed {record.job.settings.seed + i}" for i in range(2)
    )
    rows = [label.text for label in grid.sheet._layout.row_labels]
    assert (rows[1], rows[3]) == ("steps 1-2 · strength 0.5", "steps 3-3 · strength 0")

    # strength 0 is the same whatever the steps, but for the rounding of another batch
    first, again = (record.cells[index].image.astype(int) for index in (0, 6))
    np.testing.assert_allclose(first, again, atol=1)
    assert not np.array_equal(record.cells[0].image, record.cells[4].image)

    # a double click on a picture draws it as a run
    place = grid.sheet.place(5).center()
    assert grid.sheet.cell_at(QPointF(place)) == 5
    until(qtbot, lambda: not session.state.jobs.running)
    point = grid.sheet.mapFromScene(place)
    qtbot.mouseDClick(grid.sheet.viewport(), Qt.MouseButton.LeftButton, pos=point)
    until(qtbot, lambda: session.state.runs.all and session.state.runs.all[-1].done)
    again = session.state.runs.all[-1]
    assert again.job.settings == record.cells[5].settings
    difference = again.steps[-1].image.astype(int) - record.cells[5].image
    assert np.abs(difference).max() <= 1

    # the sheet as a picture that makes itself again
    file = tmp_path / "sheet.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(file), ""))
    qtbot.mouseClick(grid.save, Qt.MouseButton.LeftButton)
    window.saves._saver.wait()
    with Image.open(file) as sheet:
        assert json.loads(sheet.text["diffviews"])["kind"] == "grid"

    # a large one is cancelled, and what it drew stays
    grid.form.seeds.setValue(300)
    qtbot.mouseClick(grid.draw, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: session.state.runs.grid.cells)
    qtbot.mouseClick(grid.cancel, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: not session.state.jobs.running)
    assert session.state.runs.grid.done
    assert 0 < len(session.state.runs.grid.cells) < 1800
