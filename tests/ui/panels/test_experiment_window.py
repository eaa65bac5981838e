"""The window of an experiment: what is asked for, why not, and what the table shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions.experiments import ExperimentWanted
from diffviews_desktop.engine.jobs.experiments import (
    ExperimentJudged,
    ExperimentResult,
    JudgeExperiment,
    RunExperiment,
)
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.runs import ComparedMasks
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.panels.experiment import ExperimentWindow
from diffviews_desktop.ui.panels.experiment.form import CHECKED, EVERY, PANEL, PICKED_SAMPLES
from diffviews_desktop.ui.panels.experiment.table import HEIGHT, strip
from diffviews_desktop.values.controls import controls_for
from diffviews_desktop.values.experiments import (
    NO_JUDGE,
    OWN_LOSS,
    USUAL_JUDGE,
    Estimate,
    Examples,
    Experiment,
    Finding,
)
from diffviews_desktop.values.folders import FolderRef, LayerInfo, ModelLoaded
from diffviews_desktop.values.interventions import PICKED, Difference, Intervention, Zero
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet
from diffviews_desktop.values.standing import JudgedGroup, Standing
from diffviews_desktop.values.typicality import Measured, Typicality

CONTROLS = controls_for((PICKED,), classes=True, places=1)
MIDBLOCK, OTHER = LayerSet(("midblock",)), LayerSet(("decoder_block_1",))


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


def asked_for(qtbot: QtBot, window: ExperimentWindow) -> ExperimentWanted:
    with qtbot.waitSignal(window.experiment_requested) as caught:
        qtbot.mouseClick(window.draw, Qt.MouseButton.LeftButton)
    wanted: ExperimentWanted = caught.args[0]
    return wanted


def test_many_masks_with_all_controls_are_drawn_at_first(
    qtbot: QtBot, window: ExperimentWindow
) -> None:
    assert "10 masks: 200 pictures" in window.summary.text()
    assert asked_for(qtbot, window) == ExperimentWanted(
        of_picks=False,
        anchors=10,
        neighbors=6,
        seeds=2,
        controls=CONTROLS,
        layer_sets=(),
        parts=1,
        judge=USUAL_JUDGE,
        features="",
    )


def test_what_is_left_out_is_not_drawn_and_not_counted(
    qtbot: QtBot, window: ExperimentWindow
) -> None:
    window.form.anchors.setValue(4)
    window.form.seeds.setValue(3)
    for control in CONTROLS[2:]:
        window.form.controls[control].setChecked(False)
    assert "4 masks: 36 pictures" in window.summary.text()
    assert asked_for(qtbot, window).controls == ("none", "mean")


def test_a_model_without_classes_has_no_controls_of_classes(
    qtbot: QtBot, window: ExperimentWindow, ready: State
) -> None:
    loaded = replace(ready.opened.loaded, num_classes=0)  # type: ignore[type-var]
    window.set_state(replace(ready, opened=replace(ready.opened, loaded=loaded)))
    assert not window.form.controls["wrong"].isEnabled()
    assert not {"wrong", "label"} & set(asked_for(qtbot, window).controls)


def test_the_picked_samples_are_one_mask_which_says_nothing_of_others(
    qtbot: QtBot, window: ExperimentWindow, ready: State
) -> None:
    window.form.masks.setCurrentText(PICKED_SAMPLES)
    assert not window.draw.isEnabled()
    assert "Click a point" in window.summary.text()
    picks = replace(ready.picks, selection=Selection(anchor=3, manual=(4,)))
    window.set_state(replace(ready, picks=picks))
    assert "1 mask: 20 pictures" in window.summary.text()
    assert "intervals will be over its seeds" in window.summary.text()
    window.form.seeds.setValue(1)
    assert "no intervals" in window.summary.text()
    window.form.seeds.setValue(2)
    assert asked_for(qtbot, window).of_picks is True


ADD = Intervention("add", Difference((1, 2), (3,)), strength=-3.0)


def acting(state: State, *interventions: Intervention) -> State:
    return replace(state, runs=replace(state.runs, interventions=interventions))


def shown_controls(window: ExperimentWindow) -> set[str]:
    return {name for name, box in window.form.controls.items() if not box.isHidden()}


def test_nothing_that_acts_is_nothing_to_compare(window: ExperimentWindow, ready: State) -> None:
    window.set_state(acting(ready))
    assert not window.draw.isEnabled()
    assert "switch an intervention on" in window.summary.text()


def test_a_direction_is_compared_with_what_applies_to_it(
    qtbot: QtBot, window: ExperimentWindow, ready: State
) -> None:
    window.set_state(acting(ready, ADD))
    form = window.form
    assert form.what.text() == "add 2 samples − 1 sample × -3"
    assert form.masks.isHidden()
    assert form.anchors.isHidden()
    assert form.seeds.value() == 20
    assert {"opposite", "mixed", "direction", "channels"} <= shown_controls(window)
    assert not {"noise", "mean"} & shown_controls(window)
    assert not form.controls["channels"].isEnabled()
    assert "some channels alone" in form.controls["channels"].toolTip()
    assert "intervals will be over its seeds" in window.summary.text()
    asked = asked_for(qtbot, window)
    assert asked.controls == controls_for((ADD,), classes=True, places=1)
    assert (asked.seeds, asked.of_picks) == (20, True)
    # and back: each kind keeps its own number of seeds
    form.seeds.setValue(12)
    window.set_state(ready)
    assert form.seeds.value() == 2
    window.set_state(acting(ready, ADD))
    assert form.seeds.value() == 12


def test_several_act_where_they_say_themselves(window: ExperimentWindow, ready: State) -> None:
    window.set_state(acting(ready, ADD, Intervention("ablate", Zero())))
    assert window.form.what.text() == "add 2 samples − 1 sample × -3, then ablate to zero"
    assert window.form.where.isHidden()
    assert window.form.parts.isHidden()
    assert shown_controls(window) == {"layer", "direction", "channels"}


def test_a_mask_beside_others_needs_its_picks(window: ExperimentWindow, ready: State) -> None:
    window.set_state(acting(ready, PICKED, ADD))
    assert not window.draw.isEnabled()
    assert "Click a point" in window.summary.text()


def test_a_sweep_is_over_every_layer_or_the_checked_ones(
    qtbot: QtBot, window: ExperimentWindow, ready: State
) -> None:
    layers = tuple(LayerInfo(name, (4, 8, 8), False) for name in ("a", "b", "midblock"))
    loaded = ModelLoaded("m", "cpu", 3, 8, layers)
    settings = replace(ready.runs.settings, num_steps=6)
    state = replace(ready, opened=replace(ready.opened, loaded=loaded))
    window.set_state(acting(replace(state, runs=replace(state.runs, settings=settings)), ADD))
    form = window.form
    for control in ("mixed", "shuffled", "wrong", "label", "direction"):
        form.controls[control].setChecked(False)  # type: ignore[index]
    form.seeds.setValue(5)
    assert form.layers.isHidden()
    form.where.setCurrentText(EVERY)
    form.parts.setValue(3)
    assert "layer" in form.controls
    assert not form.controls["layer"].isEnabled()
    # none, and at 9 places the intervention and its opposite
    assert f"{5 * (1 + 9 * 2)} pictures" in window.summary.text()
    asked = asked_for(qtbot, window)
    assert asked.layer_sets == (("a",), ("b",), ("midblock",))
    assert asked.parts == 3
    form.where.setCurrentText(CHECKED)
    assert not form.layers.isHidden()
    assert not window.draw.isEnabled()
    assert "Check the layers" in window.summary.text()
    form.layers.item(1).setCheckState(Qt.CheckState.Checked)
    assert asked_for(qtbot, window).layer_sets == (("b",),)
    form.where.setCurrentText(PANEL)
    assert asked_for(qtbot, window).layer_sets == ()


def test_the_time_is_said_where_the_model_was_measured(
    window: ExperimentWindow, ready: State
) -> None:
    assert "about" not in window.summary.text()
    settings = replace(ready.runs.settings, num_steps=5, guidance_scale=1.0)
    measured = replace(ready, runs=replace(ready.runs, settings=settings))
    window.set_state(replace(measured, opened=replace(ready.opened, pace=50.0)))
    # 200 pictures of 5 evaluations, 50 a second
    assert "200 pictures of NFE 5, about 20 s." in window.summary.text()


def test_a_judge_is_chosen(
    qtbot: QtBot, window: ExperimentWindow, ready: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge, files = window.form.judge, ["", "/models/reads <b>cats.onnx", "/models/dogs.onnx"]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (files.pop(0), ""))

    def choose(text: str) -> object:
        judge.setCurrentIndex(judge.findText(text))
        judge.activated.emit(judge.currentIndex())
        return asked_for(qtbot, window).judge

    window.set_state(replace(ready, opened=replace(ready.opened, pace=100.0)))
    before = window.summary.text()
    assert choose("the model's own loss") == OWN_LOSS
    assert window.summary.text() != before  # it takes longer
    assert choose("none") == NO_JUDGE
    assert window.summary.text() == before
    assert choose("a file…") == NO_JUDGE  # none was chosen
    assert choose("a file…") == "/models/reads <b>cats.onnx"
    assert choose("a file…") == "/models/dogs.onnx"
    assert choose("reads <b>cats.onnx") == "/models/reads <b>cats.onnx"
    assert judge.count() == 6


def test_a_layer_is_chosen_in_which_the_distance_is_measured(
    qtbot: QtBot, window: ExperimentWindow, ready: State
) -> None:
    features = window.form.features
    names = ("down_blocks.0.attentions.0.transformer_blocks.0.ff", "midblock")
    layers = tuple(LayerInfo(name, (4, 8, 8), False) for name in names)
    loaded = ModelLoaded("m", "cpu", 3, 8, layers)
    wide = window.form.sizeHint().width()
    other = replace(ready, opened=replace(ready.opened, loaded=loaded, pace=20.0))
    window.set_state(other)
    assert [features.itemData(at) for at in range(features.count())] == ["", *names]
    assert window.form.sizeHint().width() <= wide  # whatever the layers are called
    before = window.summary.text()
    features.setCurrentIndex(2)
    assert asked_for(qtbot, window).features == "midblock"
    assert window.summary.text() != before  # it takes longer
    window.set_state(ready)  # a model that has it, too
    assert asked_for(qtbot, window).features == "midblock"
    window.set_state(other)
    features.setCurrentIndex(1)
    window.set_state(ready)  # one that has it not
    assert asked_for(qtbot, window).features == ""


def test_the_table_has_the_distance_in_the_layer_where_it_was_measured(
    window: ExperimentWindow, measured: State
) -> None:
    def headings() -> list[str]:
        table = window.table
        return [table.horizontalHeaderItem(at).text() for at in range(table.columnCount())]

    window.set_state(measured)
    assert "moved in the layer" not in headings()
    experiment = measured.runs.experiment
    assert experiment is not None
    assert experiment.result is not None
    bare, acted = experiment.result.findings
    acted = replace(acted, features=Estimate(0.31, 0.28, 0.35, 10))
    result = replace(experiment.result, findings=(bare, acted))
    again = replace(experiment, result=result)
    window.set_state(replace(measured, runs=replace(measured.runs, experiment=again)))
    column = headings().index("moved in the layer")
    assert [window.table.item(row, column).text() for row in (0, 1)] == ["–", "0.31 [0.28, 0.35]"]


def test_a_sweep_shows_a_heat_map_that_leads_to_the_table(
    qtbot: QtBot, window: ExperimentWindow, measured: State
) -> None:
    experiment = measured.runs.experiment
    assert experiment is not None
    assert experiment.result is not None
    window.set_state(measured)
    assert window.pages.tabBar().isHidden()
    places = [(layers, steps) for layers in (MIDBLOCK, OTHER) for steps in ((0, 2), (2, 5))]
    values = (0.9, -0.3, 0.1, 0.0)
    findings = [found("none", 0.1, 0.0, 0.3)]
    for (layers, steps), value in zip(places, values, strict=True):
        effect = Estimate(value, value - 0.1, value + 0.1, 10)
        one = found("intervention", 0.5, 0.4, 0.6)
        findings.append(replace(one, layers=layers, steps=steps, effect=effect))
        findings.append(replace(found("mean", 0.1, 0.0, 0.2), layers=layers, steps=steps))
    result = replace(experiment.result, findings=tuple(findings))
    swept = replace(experiment, result=result)
    window.set_state(replace(measured, runs=replace(measured.runs, experiment=swept)))
    shown = window.heat_map
    assert window.pages.currentWidget() is shown
    texts = [[shown.item(row, column).text() for column in (1, 2)] for row in range(2)]
    assert texts == [["90 [80, 100] %", "-30 [-40, -20] %"], ["10 [0, 20] %", "0 [-10, 10] %"]]
    colors = [shown.item(row, column).background().color() for row in (0, 1) for column in (1, 2)]
    assert colors[0].name() == theme.colors().accent
    assert colors[1].name() != theme.colors().accent
    assert colors[0].alphaF() == pytest.approx(0.7, abs=0.01)
    assert colors[1].alphaF() == pytest.approx(0.7 / 3, abs=0.01)
    assert colors[3].alpha() == 0
    assert shown.item(0, 1).font().bold()
    shown.cellClicked.emit(1, 1)
    assert window.pages.currentWidget() is window.table
    row = window.table.currentRow()
    assert window.table.item(row - 1, 0).text() == "decoder_block_1, steps 1-2"
    assert window.table.item(row, 0).text() == "The intervention"


def test_the_table_has_a_row_for_every_arm(window: ExperimentWindow, measured: State) -> None:
    window.set_state(measured)
    table = window.table
    assert window.stack.currentWidget() is window.pages
    assert window.pages.currentWidget() is table
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


# ---- whether the masks are beyond the samples ----------------------------------------------------


def judged(job: JudgeExperiment, distance: float) -> ExperimentJudged:
    """Of the first of two masks."""
    far = Typicality(Measured(distance, 99.0, 2.0), Measured(0.1, 50.0, 0.4))
    near = Typicality(Measured(1.0, 50.0, 2.0), Measured(0.1, 50.0, 0.4))
    both = (
        JudgedGroup(MIDBLOCK, "digit-12", ("digit-12", "digit-13"), far),
        JudgedGroup(MIDBLOCK, "digit-20", ("digit-20", "digit-21"), near),
    )
    return ExperimentJudged(replace(job, job_id=9), Standing(both, (OTHER,)))


def test_masks_beyond_the_samples_are_said_before_anything_is_drawn(
    qtbot: QtBot, window: ExperimentWindow, ready: State
) -> None:
    with qtbot.waitSignal(window.judge_requested) as caught:
        window.form.anchors.setValue(2)
    job = caught.args[0]
    assert job.choice is not None
    assert job.choice.anchors == 2
    runs = replace(ready.runs, judged=judged(job, 3.0))
    window.set_state(replace(ready, runs=runs))
    assert "At midblock, 1 of 2 masks is beyond the samples' 95 %." in window.summary.text()
    assert "digit-12: distance 3" in window.summary.toolTip()
    assert "digit-20" not in window.summary.toolTip()
    assert "Map decoder_block_1 to see" in window.summary.toolTip()
    assert window.summary.property("problem")
    window.set_state(replace(ready, runs=replace(ready.runs, judged=judged(job, 1.5))))
    assert "beyond" not in window.summary.text()
    assert not window.summary.property("problem")


def test_what_is_known_is_not_asked_again_and_other_masks_are(
    qtbot: QtBot, window: ExperimentWindow, ready: State
) -> None:
    with qtbot.waitSignal(window.judge_requested) as caught:
        window.form.anchors.setValue(2)
    known = judged(caught.args[0], 3.0)
    window.set_state(replace(ready, runs=replace(ready.runs, judged=known)))
    window.form.seeds.setValue(7)  # the masks are the same
    assert "is beyond" in window.summary.text()
    assert not window._rest.isActive()
    with qtbot.waitSignal(window.judge_requested) as caught:
        window.form.neighbors.setValue(3)
    assert "beyond" not in window.summary.text()
    assert caught.args[0].choice.neighbors == 3


def test_layers_that_were_mapped_since_are_asked_about_once(
    qtbot: QtBot, window: ExperimentWindow, ready: State
) -> None:
    with qtbot.waitSignal(window.judge_requested) as caught:
        window.form.anchors.setValue(2)
    runs = replace(ready.runs, judged=judged(caught.args[0], 3.0))
    window.set_state(replace(ready, runs=runs))
    assert not window._rest.isActive()
    loaded = ready.opened.loaded
    assert loaded is not None
    there = replace(loaded, layers=(*loaded.layers, LayerInfo("decoder_block_1", (4, 8, 8), True)))
    mapped = replace(ready, runs=runs, opened=replace(ready.opened, loaded=there))
    with qtbot.waitSignal(window.judge_requested):
        window.set_state(mapped)
    with qtbot.assertNotEmitted(window.judge_requested, wait=700):
        window.form.seeds.setValue(9)


def test_nothing_is_asked_while_the_engine_works_or_the_window_is_closed(
    window: ExperimentWindow, ready: State
) -> None:
    job = RunExperiment(job_id=4, folder=FolderRef(), experiment=Experiment(
        model="m", layer_sets=(MIDBLOCK,), windows=((0, 5),), groups=((1,),)))  # fmt: skip
    busy = replace(ready, jobs=ready.jobs.with_job(RunningJob(job, "Drawing")))
    window.set_state(busy)
    assert not window._rest.isActive()
    window.hide()
    window.set_state(ready)
    assert not window._rest.isActive()
