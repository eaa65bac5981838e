"""The window of an experiment: what is asked for, why not, and what the table shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from diffviews_desktop.engine.jobs.experiments import ExperimentResult, RunExperiment
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.runs import ComparedMasks
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.panels.experiment import ExperimentWindow
from diffviews_desktop.ui.panels.experiment.form import PICKED as PICKED_SAMPLES
from diffviews_desktop.ui.panels.experiment.table import HEIGHT, strip
from diffviews_desktop.values.experiments import (
    CONTROLS,
    Estimate,
    Examples,
    Experiment,
    Finding,
)
from diffviews_desktop.values.folders import FolderRef, LayerInfo, ModelLoaded
from diffviews_desktop.values.interventions import PICKED, Intervention, Zero
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet

MIDBLOCK = LayerSet(("midblock",))


@pytest.fixture
def ready(state: State) -> State:
    """A model with classes is loaded, and nothing is picked."""
    loaded = ModelLoaded("m", "cpu", 3, 8, (LayerInfo("midblock", (4, 8, 8), False),))
    return replace(state, opened=replace(state.opened, loaded=loaded))


@pytest.fixture
def window(qtbot: QtBot, ready: State) -> ExperimentWindow:
    made = ExperimentWindow()
    qtbot.addWidget(made)
    made.show()
    made.set_state(ready)
    return made


def found(arm: str, value: float, low: float | None, high: float | None) -> Finding:
    estimate = Estimate(value, low, high, 10)
    bare = arm == "none"
    return Finding(
        layers=NO_LAYERS if bare else MIDBLOCK,
        steps=(0, 0) if bare else (0, 5),
        arm=arm,  # type: ignore[arg-type]
        pictures=20,
        read=estimate,
        told=None,
        confidence=estimate,
        unsure=estimate,
        commonest=(2, 0.5),
        moved=None,
        features=None,
        seeds=estimate,
        neighbors=estimate,
        p_holm=None if bare else 0.0004,
    )


@pytest.fixture
def measured(ready: State) -> State:
    asked = Experiment(model="m", layer_sets=(MIDBLOCK,), windows=((0, 5),), groups=((1,), (2,)))
    job = RunExperiment(job_id=4, folder=FolderRef(), experiment=asked)
    images = np.zeros((3, 8, 8, 1), np.uint8)
    result = ExperimentResult(
        job=job,
        findings=(found("none", 0.1, 0.0, 0.3), found("intervention", 0.9, 0.8, 1.0)),
        examples=(Examples(MIDBLOCK, (0, 5), "intervention", images),),
        drawn=8,
        folder=Path("nowhere"),
        device="cpu",
    )
    compared = ComparedMasks(job, result)
    return replace(ready, runs=replace(ready.runs, experiment=compared))


def asked_for(qtbot: QtBot, window: ExperimentWindow) -> dict[str, object]:
    with qtbot.waitSignal(window.experiment_requested) as caught:
        qtbot.mouseClick(window.draw, Qt.MouseButton.LeftButton)
    arguments: dict[str, object] = caught.args[0]
    return arguments


def test_many_masks_with_all_controls_are_drawn_at_first(
    qtbot: QtBot, window: ExperimentWindow
) -> None:
    assert "10 masks: 200 pictures" in window.summary.text()
    assert asked_for(qtbot, window) == {
        "of_picks": False,
        "anchors": 10,
        "neighbors": 6,
        "seeds": 2,
        "controls": CONTROLS,
    }


def test_what_is_left_out_is_not_drawn_and_not_counted(
    qtbot: QtBot, window: ExperimentWindow
) -> None:
    window.form.anchors.setValue(4)
    window.form.seeds.setValue(3)
    for control in CONTROLS[2:]:
        window.form.controls[control].setChecked(False)
    assert "4 masks: 36 pictures" in window.summary.text()
    assert asked_for(qtbot, window)["controls"] == ("none", "mean")


def test_a_model_without_classes_has_no_controls_of_classes(
    qtbot: QtBot, window: ExperimentWindow, ready: State
) -> None:
    loaded = replace(ready.opened.loaded, num_classes=0)  # type: ignore[type-var]
    window.set_state(replace(ready, opened=replace(ready.opened, loaded=loaded)))
    assert not window.form.controls["wrong"].isEnabled()
    controls = asked_for(qtbot, window)["controls"]
    assert isinstance(controls, tuple)
    assert not {"wrong", "label"} & set(controls)


def test_the_picked_samples_are_one_mask_which_says_nothing_of_others(
    qtbot: QtBot, window: ExperimentWindow, ready: State
) -> None:
    window.form.masks.setCurrentText(PICKED_SAMPLES)
    assert not window.draw.isEnabled()
    assert "Click a point" in window.summary.text()
    picks = replace(ready.picks, selection=Selection(anchor=3, manual=(4,)))
    window.set_state(replace(ready, picks=picks))
    assert "1 mask: 20 pictures" in window.summary.text()
    assert "no intervals" in window.summary.text()
    assert asked_for(qtbot, window)["of_picks"] is True


@pytest.mark.parametrize("acting", [(), (PICKED, Intervention("ablate", Zero()))])
def test_only_a_single_mask_is_compared(
    window: ExperimentWindow, ready: State, acting: tuple[Intervention, ...]
) -> None:
    window.set_state(replace(ready, runs=replace(ready.runs, interventions=acting)))
    assert not window.draw.isEnabled()
    assert "only intervention" in window.summary.text()


def test_the_table_has_a_row_for_every_arm(window: ExperimentWindow, measured: State) -> None:
    window.set_state(measured)
    table = window.table
    assert window.stack.currentWidget() is table
    assert window.report.isEnabled()
    texts = [[table.item(row, column).text() for column in range(4)] for row in range(2)]
    assert texts == [
        ["No intervention", "", "", "10 [0, 30] %"],
        ["The intervention", "", "", "90 [80, 100] %"],
    ]
    assert table.item(1, table.columnCount() - 1).text() == "<0.001"
    assert table.item(1, 1).data(Qt.ItemDataRole.DecorationRole).height() == HEIGHT


def dots(window: ExperimentWindow, row: int) -> tuple[float, float, float]:
    """Where the interval of a row begins and ends and where its dot is, as shares of the axis."""
    table = window.table
    box = table.visualRect(table.model().index(row, 2))
    image = table.viewport().grab(box).toImage().convertToFormat(QImage.Format.Format_RGB32)
    scale = image.width() / box.width()
    wanted = theme.colors().accent if row else theme.colors().muted
    middle = image.height() // 2

    def is_drawn(x: int, y: int) -> bool:
        return image.pixelColor(x, y).name() == wanted

    across = [x for x in range(image.width()) if is_drawn(x, middle)]
    above = [x for x in range(image.width()) if is_drawn(x, middle - round(3 * scale))]
    start, width = 8 * scale, (box.width() - 16) * scale
    ends = (across[0] - start) / width, (across[-1] - start) / width
    return *ends, ((above[0] + above[-1]) / 2 - start) / width


def test_dots_lie_where_their_values_are(window: ExperimentWindow, measured: State) -> None:
    window.set_state(measured)
    window.table.scrollToItem(window.table.item(0, 0))
    assert dots(window, 1) == pytest.approx((0.8, 1.0, 0.9), abs=0.03)
    low, high, middle = dots(window, 0)
    assert (high, middle) == pytest.approx((0.3, 0.1), abs=0.03)
    assert low < 0.05


def test_a_strip_has_its_pictures_beside_each_other(qtbot: QtBot) -> None:
    images = np.stack([np.full((8, 8, 3), value, np.uint8) for value in (10, 200)])
    made = strip(images).toImage()
    assert made.height() == HEIGHT
    assert made.pixelColor(5, 5).red() == 10
    assert made.pixelColor(made.width() - 5, 5).red() == 200
