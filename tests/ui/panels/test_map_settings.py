"""The window of map settings: what it shows, what it asks for, and what cannot be entered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from diffviews_desktop.engine.jobs.mapping import AssessMap, MapLayer
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.panels.map_settings import MapSettings
from diffviews_desktop.values.assessment import ClassReading, MapAssessment, Stability
from diffviews_desktop.values.conditions import ClassLabel, Prompt, UniformLabel
from diffviews_desktop.values.folders import FolderRef, ModelLoaded
from diffviews_desktop.values.map_quality import MapQuality
from diffviews_desktop.values.maps import MAX_SEED, MapParameters, MapSpec
from diffviews_desktop.values.metrics import METRICS
from diffviews_desktop.values.told import BOTH, NOTHING, OWN_CONDITION, Told

MADE = MapParameters(n_neighbors=30, min_dist=0.25, pca_components=None, seed=7, metric="cosine")


@pytest.fixture
def panel(qtbot: QtBot, state: State) -> MapSettings:
    made = MapSettings()
    qtbot.addWidget(made)
    made.set_state(state)
    made.show()
    return made


def asked(qtbot: QtBot, panel: MapSettings) -> MapParameters | None:
    with qtbot.waitSignal(panel.map_requested) as caught:
        qtbot.mouseClick(panel.make, Qt.MouseButton.LeftButton)
    return caught.args[0]  # type: ignore[no-any-return]


def test_every_field_is_asked_for(qtbot: QtBot, panel: MapSettings) -> None:
    assert panel.parameters() == MapParameters()
    panel.neighbors.setValue(30)
    panel.min_dist.setValue(0.25)
    panel.metric_choice.setCurrentText("cosine")
    panel.pca.setValue(0)
    assert panel.pca.text() == "no PCA"
    panel.dimensions.setCurrentText("3")
    panel.level.setCurrentText("σ 8 alone")
    panel.seed.setValue(7)
    assert asked(qtbot, panel) == replace(MADE, n_components=3, level=8.0)


def test_nothing_invalid_can_be_entered(qtbot: QtBot, panel: MapSettings) -> None:
    for value in (-5, 0, 1, 10**6):
        panel.neighbors.setValue(value)
        panel.pca.setValue(value)
        panel.min_dist.setValue(value)
        panel.seed.setValue(value)
        panel.parameters()  # raises where a value is not allowed
    panel.seed.setValue(1e12)
    assert panel.parameters().seed == MAX_SEED
    assert panel.parameters().min_dist == 0.999
    metrics = [panel.metric_choice.itemText(i) for i in range(panel.metric_choice.count())]
    assert tuple(metrics) == METRICS
    panel.neighbors.selectAll()
    qtbot.keyClicks(panel.neighbors, "999x")
    assert 2 <= panel.parameters().n_neighbors <= 200


def test_fields_follow_the_map_until_they_are_edited(
    qtbot: QtBot, panel: MapSettings, state: State
) -> None:
    made = replace(state, opened=replace(state.opened, parameters=MADE))
    panel.set_state(made)
    assert panel.parameters() == MADE
    panel.neighbors.setValue(50)
    panel.set_state(state)  # the map changes under the hand
    assert panel.parameters() == replace(MADE, n_neighbors=50)
    panel.set_state(replace(state, opened=replace(state.opened, parameters=panel.parameters())))
    panel.set_state(state)  # it came, and is left again
    assert panel.parameters() == MapParameters()


def test_the_maps_own_parameters_are_shown_as_far_as_they_are_known(
    panel: MapSettings, state: State
) -> None:
    assert state.opened.layer_map is not None
    for said, shown in (
        ({"n_neighbors": 20, "min_dist": 0.5, "other": 1}, MapParameters(20, 0.5)),
        ({"n_neighbors": "many"}, MapParameters()),
    ):
        known = replace(state.opened.layer_map, parameters=said)
        panel.set_state(replace(state, opened=replace(state.opened, layer_map=known)))
        assert panel.parameters() == shown


def test_defaults_fill_and_the_folders_own_map_is_asked_for(
    qtbot: QtBot, panel: MapSettings, state: State
) -> None:
    panel.set_state(replace(state, opened=replace(state.opened, parameters=MADE)))
    qtbot.mouseClick(panel.defaults, Qt.MouseButton.LeftButton)
    assert panel.parameters() == MapParameters()
    with qtbot.waitSignal(panel.map_requested) as caught:
        qtbot.mouseClick(panel.own, Qt.MouseButton.LeftButton)
    assert caught.args == [None, None]
    panel.set_state(state)
    assert panel.parameters() == MapParameters()
    assert not panel.own.isEnabled()
    assert "map on screen" in panel.own.toolTip()


def test_a_disabled_button_says_why(panel: MapSettings, state: State) -> None:
    for shown, why in (
        (state, "was made with these"),
        (State(), "Open a data folder"),
        (
            replace(state, opened=replace(state.opened, model_problem="No checkpoint.")),
            "No checkpoint.",
        ),
    ):
        panel.set_state(shown)
        assert not panel.make.isEnabled()
        assert why in panel.make.toolTip()
    panel.set_state(state)
    panel.seed.setValue(1)
    assert panel.make.isEnabled()


def test_the_noise_levels_of_the_samples_are_offered(panel: MapSettings, state: State) -> None:
    def offered() -> list[str]:
        return [panel.level.itemText(at) for at in range(panel.level.count())]

    assert state.opened.samples is not None
    first = ["all on one map", "one map each, aligned"]
    assert offered() == [*first, *(f"σ {level:g} alone" for level in state.opened.samples.levels)]
    made = replace(MADE, level=0.3)  # of samples that went
    panel.set_state(replace(state, opened=replace(state.opened, parameters=made)))
    assert panel.parameters() == made
    assert "σ 0.3 alone" in offered()
    panel.seed.setValue(9)
    panel.set_state(State())
    assert panel.parameters() == replace(made, seed=9)
    assert offered() == [*first, "σ 0.3 alone"]


def test_aligned_maps_are_asked_for_and_shown(
    qtbot: QtBot, panel: MapSettings, state: State
) -> None:
    panel.level.setCurrentText("one map each, aligned")
    asked_for = asked(qtbot, panel)
    assert asked_for == MapParameters(aligned=True)
    assert state.opened.layer_map is not None
    shown = replace(state.opened.layer_map, parameters=asked_for.to_dict())
    panel.set_state(replace(state, opened=replace(state.opened, layer_map=shown)))
    assert panel.parameters() == MapParameters(aligned=True)
    assert not panel.make.isEnabled()
    panel.level.setCurrentText("σ 8 alone")
    assert asked(qtbot, panel) == MapParameters(level=8.0)


def test_a_single_level_cannot_be_aligned(panel: MapSettings, state: State) -> None:
    samples = state.opened.samples
    assert samples is not None
    alike = replace(samples, sigma=np.full(len(samples), 2, np.float32))
    panel.set_state(replace(state, opened=replace(state.opened, samples=alike)))
    row = panel.level.findData("aligned")
    assert not panel.level.model().item(row).isEnabled()
    assert "nothing to align" in panel.level.itemData(row, Qt.ItemDataRole.ToolTipRole)
    panel.set_state(state)
    assert panel.level.model().item(row).isEnabled()


def test_it_says_that_the_old_map_stays(panel: MapSettings, state: State) -> None:
    job = MapLayer(job_id=1, folder=FolderRef(), spec=MapSpec("m", ("midblock",), MADE))
    panel.set_state(replace(state, jobs=replace(state.jobs, running=(RunningJob(job, "Mapping"),))))
    assert "stays until the new one is there" in panel.hint.text()
    assert panel.own.isEnabled()
    assert panel.make.isEnabled()


def test_by_keyboard(qtbot: QtBot, panel: MapSettings) -> None:
    panel.activateWindow()
    panel.neighbors.setFocus()
    order = []
    for _ in range(12):
        order.append(panel.focusWidget())
        qtbot.keyClick(panel.focusWidget(), Qt.Key.Key_Tab)
    assert order[:11] == [
        panel.neighbors, panel.min_dist, panel.metric_choice, panel.pca, panel.dimensions,
        panel.level, panel.seed, panel.told.list, panel.defaults, panel.assess, panel.close_button,
    ]  # fmt: skip
    panel.neighbors.setFocus()
    qtbot.keyClick(panel.neighbors, Qt.Key.Key_Up)
    with qtbot.waitSignal(panel.map_requested) as caught:
        qtbot.keyClick(panel.neighbors, Qt.Key.Key_Return)
    assert caught.args == [MapParameters(n_neighbors=16), None]
    qtbot.keyClick(panel, Qt.Key.Key_Escape)
    assert not panel.isVisible()


# ---- what samples are told ----------------------------------------------------------------------


def can_be_told(state: State, told: Told | None = NOTHING) -> State:
    """With a loaded model of three classes."""
    names = ((0, "zero"), (1, "one"), (2, "<b>two</b>"))
    loaded = ModelLoaded("m", "cpu", 3, 8, (), class_names=names, told=told)
    assert state.opened.layer_map is not None
    shown = replace(state.opened.layer_map, told=told)
    return replace(state, opened=replace(state.opened, loaded=loaded, layer_map=shown))


def choices(panel: MapSettings) -> list[str]:
    return [panel.told.list.itemText(row) for row in range(panel.told.list.count())]


def told_asked(qtbot: QtBot, panel: MapSettings) -> object:
    with qtbot.waitSignal(panel.map_requested) as caught:
        qtbot.mouseClick(panel.make, Qt.MouseButton.LeftButton)
    return caught.args[1]


def test_what_samples_can_be_told_is_listed_once_the_model_is_known(
    panel: MapSettings, state: State
) -> None:
    assert choices(panel) == ["as the map on screen"]
    panel.set_state(can_be_told(state))
    assert choices(panel) == [
        "nothing", "their class", "both: nothing, and beside it their class", "the uniform label",
        "class 0 zero", "class 1 one", "class 2 <b>two</b>",
    ]  # fmt: skip
    assert panel.told.list.currentText() == "nothing"
    panel.set_state(can_be_told(state, OWN_CONDITION))
    assert panel.told.list.currentText() == "their class"
    panel.set_state(can_be_told(state, None))
    assert choices(panel) == ["as the map on screen"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("their class", OWN_CONDITION),
        ("both: nothing, and beside it their class", BOTH),
        ("the uniform label", UniformLabel()),
        ("class 1 one", ClassLabel(1)),
    ],
)
def test_what_samples_are_told_is_asked_for(
    qtbot: QtBot, panel: MapSettings, state: State, text: str, told: object
) -> None:
    panel.set_state(can_be_told(state))
    assert not panel.make.isEnabled()
    panel.told.list.setCurrentText(text)
    assert told_asked(qtbot, panel) == told


def takes_prompts(state: State, told: Told) -> State:
    """With a loaded model that takes prompts and has no classes, whatever its samples have."""
    loaded = ModelLoaded("m", "cpu", 0, 8, (), prompts=True, told=NOTHING)
    assert state.opened.layer_map is not None
    shown = replace(state.opened.layer_map, told=told, prompts=True)
    return replace(state, opened=replace(state.opened, loaded=loaded, layer_map=shown, told=told))


def test_of_a_model_that_takes_prompts_captions_and_a_prompt_are_offered(
    panel: MapSettings, state: State
) -> None:
    panel.set_state(takes_prompts(state, NOTHING))
    assert choices(panel) == [
        "an empty prompt", "their caption", "both: an empty prompt, and beside it their caption",
        "one prompt…",
    ]  # fmt: skip
    assert "told their caption" in panel.told.list.toolTip()
    assert panel.told.prompt.isHidden()


def test_a_prompt_is_entered(qtbot: QtBot, panel: MapSettings, state: State) -> None:
    panel.set_state(takes_prompts(state, NOTHING))
    panel.told.list.setCurrentText("one prompt…")
    assert not panel.told.prompt.isHidden()
    assert not panel.make.isEnabled()
    assert "Enter the prompt" in panel.make.toolTip()
    qtbot.keyClicks(panel.told.prompt, " a cat on a mat ")
    assert told_asked(qtbot, panel) == Prompt("a cat on a mat")
    panel.set_state(takes_prompts(state, Prompt("a cat on a mat")))  # its map is there
    assert not panel.make.isEnabled()
    panel.set_state(takes_prompts(state, OWN_CONDITION))  # and is left again
    assert panel.told.list.currentText() == "their caption"
    assert panel.told.prompt.isHidden()


def test_the_prompt_of_the_map_is_shown(panel: MapSettings, state: State) -> None:
    panel.set_state(takes_prompts(state, Prompt("a dog")))
    assert panel.told.list.currentText() == "one prompt…"
    assert panel.told.prompt.text() == "a dog"


def test_every_class_of_the_model_is_offered_whether_anyone_names_it(
    panel: MapSettings, state: State
) -> None:
    told = can_be_told(state)
    assert told.opened.loaded is not None
    nameless = replace(told.opened.loaded, num_classes=4)
    panel.set_state(replace(told, opened=replace(told.opened, loaded=nameless)))
    assert choices(panel)[-1] == "class 3"


def test_what_nobody_chose_stays_so(qtbot: QtBot, panel: MapSettings, state: State) -> None:
    panel.set_state(can_be_told(state))
    panel.neighbors.setValue(30)
    assert told_asked(qtbot, panel) is None


# --- how well the map shows its layer -------------------------------------------------------------


def shown(panel: MapSettings) -> dict[str, str]:
    pairs = zip(panel.figures.titles, panel.figures.values, strict=True)
    return {title.text(): value.whole for title, value in pairs if not title.isHidden()}


def test_figures_of_the_map_are_shown_with_what_they_mean(
    qtbot: QtBot, panel: MapSettings, state: State
) -> None:
    assert shown(panel) == {}
    assert "was not measured" in panel.verdict.text()
    assert state.opened.layer_map is not None
    quality = MapQuality(kept=0.623, kept_of_layer=0.54, reduction=0.77, blobs=0.957)
    trust = np.full(30, 0.992, np.float32)
    judged = replace(state.opened.layer_map, trust=trust, quality=quality)
    measured = replace(state, opened=replace(state.opened, layer_map=judged))
    panel.set_state(measured)
    assert shown(panel) == {
        "Trustworthiness": "0.992  (blobs 0.957)",
        "Neighbours kept": "62%  (whole layer 54%)",
        "Kept by the components": "77%",
    }
    assert "exchanged at random" in panel.figures.values[0].toolTip()
    assert panel.verdict.isHidden()
    with qtbot.waitSignal(panel.assess_requested):
        qtbot.mouseClick(panel.assess, Qt.MouseButton.LeftButton)
    job = AssessMap(job_id=1, folder=FolderRef(), spec=MapSpec("m", ("midblock",)))
    busy = measured.jobs.with_job(RunningJob(job, "Assessing the map"))
    panel.set_state(replace(measured, jobs=busy))
    assert not panel.assess.isEnabled()
    assert "being assessed" in panel.assess.toolTip()
    found = MapAssessment(
        ClassReading(15, 1.0, 0.99, 0.11, told=0.51, shown=0.36, told_samples=500),
        Stability((42, 43, 44), (0.8, 0.8, 0.86), (0.9, 0.9, 0.96), (0.0, 0.1, 0.2)),
        notes=("Something was not measured.",),
    )
    panel.set_state(replace(measured, opened=replace(measured.opened, assessment=found)))
    assert list(shown(panel).items())[3:] == [
        ("Class read", "100%  (chance 11%)"),
        ("Told a wrong class", "51% follow it, 36% the picture"),
        ("Kept by other seeds", "82%"),
        ("Order of the islands", "0.10  (disparity 0.92)"),
    ]
    assert panel.verdict.text() == (
        "3 seeds disagree: where the islands lie, and the axis along which they lie, is arbitrary. "
        "Something was not measured."
    )
