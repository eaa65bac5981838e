"""Fields made of the settings: their ranges, names and values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QComboBox, QWidget
from pytestqt.qtbot import QtBot

from diffviews_desktop.ui.panels.generate import fields
from diffviews_desktop.ui.panels.generate.mask_page import CONDITIONAL, MaskPage
from diffviews_desktop.ui.panels.generate.sampling_page import SamplingPage
from diffviews_desktop.values.interventions import PICKED
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.setting_specs import (
    MASK,
    MASK_FROM,
    MASK_UNCONDITIONAL,
    NOISE_MODE,
    NUM_STEPS,
    S_MAX,
    SAMPLING,
    STRENGTH,
    Setting,
)

OTHERS = SamplingSettings(
    num_steps=12,
    sigma_max=20.0,
    sigma_min=0.125,
    guidance_scale=2.5,
    noise_mode="zero",
    sampler="heun",
    s_churn=40.0,
    s_min=0.25,
    s_max=50.0,
    s_noise=1.003,
)
MASKS = (replace(PICKED, step_from=2, strength=0.375, unconditional=False), PICKED)
# these have widgets of their own
IN_NO_FIELD = {"rho", "seed", "layers", "step_to", "weighting"}


class Edits(QObject):
    edited = Signal()


@pytest.fixture
def made(qtbot: QtBot) -> dict[Setting, QWidget]:
    widgets: dict[Setting, QWidget] = {
        NUM_STEPS: fields.spin(NUM_STEPS),
        S_MAX: fields.decimal(S_MAX),
        NOISE_MODE: fields.choice(NOISE_MODE),
    }
    for widget in widgets.values():
        qtbot.addWidget(widget)
    return widgets


@pytest.fixture
def masking(qtbot: QtBot) -> dict[Setting, QWidget]:
    widgets: dict[Setting, QWidget] = {
        MASK_FROM: fields.spin(MASK_FROM),
        STRENGTH: fields.decimal(STRENGTH),
        MASK_UNCONDITIONAL: fields.switch(MASK_UNCONDITIONAL),
    }
    for widget in widgets.values():
        qtbot.addWidget(widget)
    return widgets


def test_all_settings_but_some_are_in_fields(qtbot: QtBot) -> None:
    pages = SamplingPage(), MaskPage()
    for page in pages:
        qtbot.addWidget(page)
    shown = [setting.name for page in pages for setting in page._fields._fields]
    settings = (*SAMPLING, *MASK, CONDITIONAL)
    assert sorted([*shown, *IN_NO_FIELD]) == sorted(setting.name for setting in settings)


def test_what_is_shown_is_read_back_and_showing_is_no_edit(
    qtbot: QtBot, made: dict[Setting, QWidget]
) -> None:
    page, told = fields.Fields(made), Edits()
    edits: list[None] = []
    told.edited.connect(lambda: edits.append(None))
    page.connect(told.edited)
    for settings in (OTHERS, SamplingSettings(), replace(OTHERS, s_max=None)):
        page.show(settings)
        base = SamplingSettings(rho=3.0)
        wanted = {setting.name: setting.of(settings) for setting in made}
        assert page.apply_to(base) == replace(base, **wanted)
    assert edits == []


def test_a_mask_that_is_shown_is_read_back(masking: dict[Setting, QWidget]) -> None:
    page = fields.Fields(masking)
    for mask in MASKS:
        page.show(mask)
        wanted = {setting.name: setting.of(mask) for setting in masking}
        assert page.apply_to(PICKED) == replace(PICKED, **wanted)


def test_an_edit_of_any_field_is_told(
    qtbot: QtBot, made: dict[Setting, QWidget], masking: dict[Setting, QWidget]
) -> None:
    page, mask, told = fields.Fields(made), fields.Fields(masking), Edits()
    edits: list[None] = []
    told.edited.connect(lambda: edits.append(None))
    page.show(OTHERS)
    mask.show(MASKS[0])
    page.connect(told.edited)
    mask.connect(told.edited)
    made[NUM_STEPS].setValue(4)
    masking[MASK_FROM].setValue(4)
    masking[STRENGTH].setValue(0.5)
    made[S_MAX].setValue(0)
    made[NOISE_MODE].setCurrentIndex(0)
    masking[MASK_UNCONDITIONAL].setChecked(True)
    assert len(edits) == 6
    after, masked = page.apply_to(OTHERS), mask.apply_to(MASKS[0])
    assert (after.num_steps, after.s_max, after.noise_mode) == (4, None, "stochastic")
    assert (masked.step_from, masked.strength, masked.unconditional) == (3, 0.5, True)


def test_fields_have_the_range_and_the_name_of_their_setting(
    made: dict[Setting, QWidget], masking: dict[Setting, QWidget]
) -> None:
    steps, first, strength = made[NUM_STEPS], masking[MASK_FROM], masking[STRENGTH]
    assert (steps.minimum(), steps.maximum()) == (1, 1000)
    assert (first.minimum(), first.maximum()) == (1, 1000)  # steps are counted from 1 there
    assert (strength.minimum(), strength.maximum(), strength.decimals()) == (0, 1, 3)
    for setting, field in {**made, **masking}.items():
        if setting is not MASK_UNCONDITIONAL:
            assert field.accessibleName() == setting.help
    made[S_MAX].setValue(0)
    assert made[S_MAX].text() == "no limit"
    modes = made[NOISE_MODE]
    assert isinstance(modes, QComboBox)
    assert [modes.itemText(i) for i in range(modes.count())] == ["stochastic", "fixed", "zero"]
    assert masking[MASK_UNCONDITIONAL].text() == "on the unconditional half of guidance"
