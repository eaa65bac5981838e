"""The window of map settings: what it shows, what it asks for, and what cannot be entered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.panels.map_settings import MapSettings
from diffviews_desktop.values.conditions import ClassLabel, UniformLabel
from diffviews_desktop.values.folders import FolderRef, ModelLoaded
from diffviews_desktop.values.maps import MAX_SEED, METRICS, MapParameters, MapSpec
from diffviews_desktop.values.told import BOTH, NOTHING, OWN, Told

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
    panel.seed.setValue(7)
    assert asked(qtbot, panel) == replace(MADE, n_components=3)


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
    for _ in range(10):
        order.append(panel.focusWidget())
        qtbot.keyClick(panel.focusWidget(), Qt.Key.Key_Tab)
    assert order[:9] == [
        panel.neighbors, panel.min_dist, panel.metric_choice, panel.pca, panel.dimensions,
        panel.seed, panel.told, panel.defaults, panel.close_button,
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
    return [panel.told.itemText(row) for row in range(panel.told.count())]


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
    assert panel.told.currentText() == "nothing"
    panel.set_state(can_be_told(state, OWN))
    assert panel.told.currentText() == "their class"
    panel.set_state(can_be_told(state, None))
    assert choices(panel) == ["as the map on screen"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("their class", OWN),
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
    panel.told.setCurrentText(text)
    assert told_asked(qtbot, panel) == told


def test_what_nobody_chose_stays_so(qtbot: QtBot, panel: MapSettings, state: State) -> None:
    panel.set_state(can_be_told(state))
    panel.neighbors.setValue(30)
    assert told_asked(qtbot, panel) is None
