"""Every setting is declared once, for the panel, the command line and what is written."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import get_args, get_type_hints

import pytest

from diffviews_desktop.core.denoising import NOISE_MODES, SAMPLERS
from diffviews_desktop.values.sampling import GenerateSettings
from diffviews_desktop.values.setting_specs import (
    NOISE_MODE,
    SAMPLER,
    SETTINGS,
    STRENGTH,
    Choice,
    Real,
    Setting,
    Switch,
    Whole,
    described,
    sample_alike,
)

KINDS = {Whole: int, Real: float, Switch: bool}


def test_every_setting_is_declared_and_none_twice() -> None:
    assert sorted(s.name for s in SETTINGS) == sorted(f.name for f in fields(GenerateSettings))


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_declaration_fits_its_field(setting: Setting) -> None:
    hint = get_type_hints(GenerateSettings)[setting.name]
    default = setting.of(GenerateSettings())
    if isinstance(setting, Choice):
        assert tuple(setting.choices) == get_args(hint)
        assert default in setting.choices
        return
    assert default is None or isinstance(default, KINDS.get(type(setting), object))
    if isinstance(setting, Whole | Real) and default is not None:
        assert setting.minimum <= default <= setting.maximum
    assert (default is None) == (type(None) in get_args(hint))
    if isinstance(setting, Real):
        assert bool(setting.none) == (default is None)


def test_the_choices_are_those_that_the_sampler_knows() -> None:
    assert tuple(NOISE_MODE.choices) == NOISE_MODES
    assert tuple(SAMPLER.choices) == SAMPLERS


def test_what_generate_writes_of_settings() -> None:
    settings = GenerateSettings(seed=7, strength=0.25, mask_layers=("a", "b"))
    assert described(settings) == {
        "steps": 5,
        "sampler": "renoise",
        "guidance": 1.0,
        "noise_mode": "stochastic",
        "seed": 7,
        "mask_from": 0,
        "mask_steps": 5,
        "strength": 0.25,
        "mask_layers": ["a", "b"],
    }
    assert described(settings, [STRENGTH]) == {"strength": 0.25}


@pytest.mark.parametrize(
    ("change", "alike"),
    [
        ({}, True),
        ({"num_steps": 6}, False),
        ({"rho": 5.0}, False),
        ({"s_churn": 1.0}, False),
        ({"s_noise": 2.0}, True),  # without churn it changes nothing
        ({"strength": 0.5, "seed": 3, "noise_mode": "zero", "mask_from": 1}, True),
    ],
)
def test_settings_sample_alike_where_what_presets_have_is_equal(change: dict, alike: bool) -> None:
    settings = GenerateSettings()
    assert sample_alike(settings, replace(settings, **change)) == alike


def test_the_limits_of_churn_count_where_there_is_some() -> None:
    settings = GenerateSettings(sampler="heun", s_churn=40.0)
    assert not sample_alike(settings, replace(settings, s_noise=1.003))
