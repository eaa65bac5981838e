"""Fields made of the settings: their ranges, names and values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QComboBox, QWidget
from pytestqt.qtbot import QtBot

from diffviews_desktop.ui.panels.generate import fields
from diffviews_desktop.ui.panels.generate.mask_page import MaskPage
from diffviews_desktop.ui.panels.generate.sampling_page import SamplingPage
from diffviews_desktop.values.sampling import GenerateSettings
from diffviews_desktop.values.setting_specs import (
    MASK_FROM,
    MASK_UNCONDITIONAL,
    NOISE_MODE,
    NUM_STEPS,
    S_MAX,
    SETTINGS,
    STRENGTH,
    Setting,
)

OTHERS = GenerateSettings(
    num_steps=12,
    mask_steps=3,
    sigma_max=20.0,
    sigma_min=0.125,
    guidance_scale=2.5,
    noise_mode="zero",
    sampler="heun",
    s_churn=40.0,
    s_min=0.25,
    s_max=50.0,
    s_noise=1.003,
    mask_from=2,
    strength=0.375,
    weighting="distance",
    mask_unconditional=False,
)
IN_NO_FIELD = {"rho", "seed", "mask_layers"}  # the seed and the layers have widgets of their own


class Edits(QObject):
    edited = Signal()


@pytest.fixture
def made(qtbot: QtBot) -> dict[Setting, QWidget]:
    widgets: dict[Setting, QWidget] = {
        NUM_STEPS: fields.spin(NUM_STEPS),
        MASK_FROM: fields.spin(MASK_FROM),
        STRENGTH: fields.decimal(STRENGTH),
        S_MAX: fields.decimal(S_MAX),
        NOISE_MODE: fields.choice(NOISE_MODE),
        MASK_UNCONDITIONAL: fields.switch(MASK_UNCONDITIONAL),
    }
    for widget in widgets.values():
        qtbot.addWidget(widget)
    return widgets


def test_all_settings_but_three_are_in_fields(qtbot: QtBot) -> None:
    pages = SamplingPage(), MaskPage()
    for page in pages:
        qtbot.addWidget(page)
    shown = [setting.name for page in pages for setting in page._fields._fields]
    assert sorted([*shown, *IN_NO_FIELD]) == sorted(setting.name for setting in SETTINGS)


def test_what_is_shown_is_read_back_and_showing_is_no_edit(
    qtbot: QtBot, made: dict[Setting, QWidget]
) -> None:
    page, told = fields.Fields(made), Edits()
    edits: list[None] = []
    told.edited.connect(lambda: edits.append(None))
    page.connect(told.edited)
    for settings in (OTHERS, GenerateSettings(), replace(OTHERS, s_max=None)):
        page.show(settings)
        base = GenerateSettings(rho=3.0)
        wanted = {setting.name: setting.of(settings) for setting in made}
        assert page.changed(base) == replace(base, **wanted)
    assert edits == []


def test_an_edit_of_any_field_is_told(qtbot: QtBot, made: dict[Setting, QWidget]) -> None:
    page, told = fields.Fields(made), Edits()
    edits: list[None] = []
    told.edited.connect(lambda: edits.append(None))
    page.show(OTHERS)
    page.connect(told.edited)
    made[NUM_STEPS].setValue(4)
    made[MASK_FROM].setValue(4)
    made[STRENGTH].setValue(0.5)
    made[S_MAX].setValue(0)
    made[NOISE_MODE].setCurrentIndex(0)
    made[MASK_UNCONDITIONAL].setChecked(True)
    assert len(edits) == 6
    after = page.changed(OTHERS)
    assert (after.num_steps, after.mask_from, after.strength, after.s_max) == (4, 3, 0.5, None)
    assert (after.noise_mode, after.mask_unconditional) == ("stochastic", True)


def test_fields_have_the_range_and_the_name_of_their_setting(
    made: dict[Setting, QWidget],
) -> None:
    steps, first, strength = made[NUM_STEPS], made[MASK_FROM], made[STRENGTH]
    assert (steps.minimum(), steps.maximum()) == (1, 1000)
    assert (first.minimum(), first.maximum()) == (1, 1000)  # steps are counted from 1 there
    assert (strength.minimum(), strength.maximum(), strength.decimals()) == (0, 1, 3)
    for setting in (NUM_STEPS, MASK_FROM, STRENGTH, S_MAX, NOISE_MODE):
        assert made[setting].accessibleName() == setting.help
    made[S_MAX].setValue(0)
    assert made[S_MAX].text() == "no limit"
    modes = made[NOISE_MODE]
    assert isinstance(modes, QComboBox)
    assert [modes.itemText(i) for i in range(modes.count())] == ["stochastic", "fixed", "zero"]
    assert made[MASK_UNCONDITIONAL].text() == "on both halves of guidance"
