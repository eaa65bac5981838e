"""The list of interventions in the Generate panel, and the area that is brushed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.panels.generate import GeneratePanel
from diffviews_desktop.ui.panels.generate.area_choice import CELLS, SIDE
from diffviews_desktop.values.interventions import (
    PICKED,
    Component,
    Difference,
    Factor,
    Intervention,
    LayerMean,
)
from diffviews_desktop.values.regions import EVERYWHERE, Area, Channels, Tokens

ADD = Intervention("add", Difference((1, 2), (3,)), strength=-1.5)
SCALE = Intervention("scale", Factor(0.5), step_to=2)
ABLATE = Intervention("ablate", LayerMean())


@pytest.fixture
def panel(qtbot: QtBot, state: State) -> GeneratePanel:
    """A panel whose edits come back to it as state, as in the window."""
    panel = GeneratePanel()
    qtbot.addWidget(panel)
    first = replace(
        state,
        picks=replace(state.picks, selection=Selection(anchor=3)),
        runs=replace(state.runs, interventions=(PICKED, ADD, SCALE)),
    )
    held = [first]

    def come_back(settings: object, condition: object, interventions: object) -> None:
        runs = replace(held[0].runs, settings=settings, interventions=interventions)
        held[0] = replace(held[0], runs=runs)
        panel.set_state(held[0])

    panel.settings_changed.connect(come_back)
    panel.set_state(first)
    panel.show()
    return panel


def choose(panel: GeneratePanel, row: int) -> None:
    panel.stack.list.setCurrentRow(row)


def test_what_is_shown_is_what_is_asked_for(panel: GeneratePanel) -> None:
    for row in range(3):
        choose(panel, row)
        assert panel.interventions() == (PICKED, ADD, SCALE)
    texts = [panel.stack.list.item(row).text() for row in range(3)]
    assert texts == ["mask of the picks", "add 2 samples − 1 sample × -1.5",
                     "scale by 0.5 on steps 1-2"]  # fmt: skip
    assert "then add 2 samples" in panel.hint.text()


def test_fields_edit_the_one_that_is_chosen(panel: GeneratePanel) -> None:
    choose(panel, 1)
    assert panel.masking.strength.value() == -1.5
    assert not panel.masking.weights.isVisibleTo(panel)
    panel.masking.strength.setValue(4)
    choose(panel, 2)
    assert panel.masking.value.value() == 0.5
    panel.masking.value.setValue(2)
    panel.masking.mask_steps.setValue(5)
    choose(panel, 0)
    assert panel.masking.strength.maximum() == 1
    assert panel.interventions() == (
        PICKED, replace(ADD, strength=4.0), replace(SCALE, source=Factor(2.0), step_to=None),
    )  # fmt: skip


def test_any_component_and_either_half_of_guidance_can_be_chosen(panel: GeneratePanel) -> None:
    choose(panel, 0)
    assert not panel.masking.component.isVisibleTo(panel.masking)
    assert not panel.masking.conditional.isEnabled()
    state = panel._state
    third = Intervention("add", Component(2))
    settings = replace(state.runs.settings, guidance_scale=2.0)
    runs = replace(state.runs, settings=settings, interventions=(PICKED, third))
    panel.set_state(replace(state, runs=runs))
    choose(panel, 1)
    assert panel.interventions() == (PICKED, third)
    assert panel.masking.component.isVisibleTo(panel.masking)
    assert panel.masking.component.value() == 3  # as the texts count
    panel.masking.component.setValue(17)
    panel.masking.conditional.setChecked(False)
    changed = replace(third, source=Component(16), conditional=False)
    assert panel.interventions() == (PICKED, changed)
    assert panel.stack.list.item(1).text() == "add component 17 × 1 on the unconditional half"


def test_they_are_switched_put_in_order_and_removed(qtbot: QtBot, panel: GeneratePanel) -> None:
    panel.stack.list.item(1).setCheckState(Qt.CheckState.Unchecked)
    off = replace(ADD, enabled=False)
    assert panel.interventions() == (PICKED, off, SCALE)
    choose(panel, 2)
    qtbot.mouseClick(panel.stack.earlier, Qt.MouseButton.LeftButton)
    assert panel.interventions() == (PICKED, SCALE, off)
    assert panel.stack.index == 1  # it stays chosen
    qtbot.mouseClick(panel.stack.remove, Qt.MouseButton.LeftButton)
    assert panel.interventions() == (PICKED, off)
    choose(panel, 0)
    assert not panel.stack.earlier.isEnabled()
    assert not panel.stack.remove.isEnabled()  # the mask of the picks is switched off instead


def test_one_that_was_added_is_chosen(panel: GeneratePanel) -> None:
    state = panel._state
    stack = (*state.runs.interventions, ABLATE)
    panel.set_state(replace(state, runs=replace(state.runs, interventions=stack)))
    assert panel.stack.index == 3
    assert panel.masking.strength.value() == 1


def test_an_area_is_brushed_taken_away_and_left(qtbot: QtBot, panel: GeneratePanel) -> None:
    choose(panel, 1)
    area = panel.masking.area
    area.brush.setValue(8)
    middle, cell = QPoint(SIDE // 2, SIDE // 2), SIDE / CELLS
    qtbot.mousePress(area.canvas, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseRelease(area.canvas, Qt.MouseButton.LeftButton, pos=middle)
    region = panel.interventions()[1].region
    assert isinstance(region, Area)
    rows, columns = np.mgrid[:CELLS, :CELLS] + 0.5
    circle = np.hypot(rows - CELLS / 2, columns - CELLS / 2) <= 4
    np.testing.assert_array_equal(region.bitmap, circle)
    assert panel.interventions()[0].region == EVERYWHERE  # only the chosen one has it
    assert "of the picture" in area.text()
    choose(panel, 0)
    assert area.text() == "everywhere"
    choose(panel, 1)
    np.testing.assert_array_equal(area.canvas.bitmap, circle)
    # a stroke of the right button over all of it
    area.brush.setValue(24)
    end = QPoint(int(middle.x() + 2 * cell), middle.y())
    qtbot.mousePress(area.canvas, Qt.MouseButton.RightButton, pos=middle)
    qtbot.mouseRelease(area.canvas, Qt.MouseButton.RightButton, pos=end)
    assert panel.interventions()[1].region == EVERYWHERE
    assert area.text() == "everywhere"


def test_channels_and_tokens_are_named(qtbot: QtBot, panel: GeneratePanel) -> None:
    choose(panel, 1)
    area = panel.masking.area

    def enter(text: str) -> None:
        area.numbers.clear()
        qtbot.keyClicks(area.numbers, text)
        qtbot.keyClick(area.numbers, Qt.Key.Key_Return)

    enter("0-2, 7")
    assert panel.interventions()[1].region == Channels((0, 1, 2, 7))
    assert panel.interventions()[0].region == EVERYWHERE
    assert area.text() == "in 4 channels"
    enter("3-")
    assert "is not a list of numbers" in area.hint.text()
    assert panel.interventions()[1].region == Channels((0, 1, 2, 7))  # as it was
    choose(panel, 0)
    assert (area.numbers.text(), area.text()) == ("", "everywhere")
    choose(panel, 1)
    assert area.numbers.text() == "0-2+7"
    area.kind.setCurrentIndex(1)
    area.kind.activated.emit(1)
    assert panel.interventions()[1].region == Tokens((0, 1, 2, 7))
    qtbot.mouseClick(area.everywhere, Qt.MouseButton.LeftButton)
    assert panel.interventions()[1].region == EVERYWHERE
    assert area.numbers.text() == ""
    enter("5")
    assert panel.interventions()[1].region == Tokens((5,))
    enter("")
    assert panel.interventions()[1].region == EVERYWHERE
