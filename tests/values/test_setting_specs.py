"""Every setting is declared once, for the panel, the command line and what is written."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import get_args, get_type_hints

import pytest

from diffviews_desktop.core.denoising import NOISE_MODES, SAMPLERS
from diffviews_desktop.values.interventions import PICKED
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.setting_specs import (
    MASK,
    MASK_STEPS,
    NOISE_MODE,
    SAMPLER,
    SAMPLING,
    WEIGHTING,
    Choice,
    Real,
    Setting,
    Switch,
    Whole,
    describe,
    describe_mask,
    sample_alike,
)

KINDS = {Whole: int, Real: float, Switch: bool}


def test_every_setting_is_declared_and_none_twice() -> None:
    assert sorted(s.name for s in SAMPLING) == sorted(f.name for f in fields(SamplingSettings))
    assert len({setting.name for setting in MASK}) == len(MASK)


OWNERS = (
    *((setting, SamplingSettings()) for setting in SAMPLING),
    *((setting, PICKED.source if setting is WEIGHTING else PICKED) for setting in MASK),
)


@pytest.mark.parametrize(("setting", "owner"), OWNERS, ids=lambda one: getattr(one, "name", ""))
def test_a_declaration_fits_its_field(setting: Setting, owner: object) -> None:
    hint = get_type_hints(type(owner))[setting.name]
    default = setting.of(owner)
    if setting is MASK_STEPS:  # None is the end of any run
        assert default is None
        return
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
    assert describe(SamplingSettings(seed=7)) == {
        "steps": 5,
        "sampler": "renoise",
        "guidance": 1.0,
        "noise_mode": "stochastic",
        "seed": 7,
    }
    mask = replace(PICKED, strength=0.25, layers=("a", "b"))
    assert describe_mask(mask, 5) == {
        "mask_from": 0,
        "mask_steps": 5,
        "strength": 0.25,
        "mask_layers": ["a", "b"],
    }
    assert describe_mask(replace(mask, step_to=0), 5)["mask_steps"] == 0


@pytest.mark.parametrize(
    ("change", "alike"),
    [
        ({}, True),
        ({"num_steps": 6}, False),
        ({"rho": 5.0}, False),
        ({"s_churn": 1.0}, False),
        ({"s_noise": 2.0}, True),  # without churn it changes nothing
        ({"seed": 3, "noise_mode": "zero"}, True),
    ],
)
def test_settings_sample_alike_where_what_presets_have_is_equal(change: dict, alike: bool) -> None:
    settings = SamplingSettings()
    assert sample_alike(settings, replace(settings, **change)) == alike


def test_the_limits_of_churn_count_where_there_is_some() -> None:
    settings = SamplingSettings(sampler="heun", s_churn=40.0)
    assert not sample_alike(settings, replace(settings, s_noise=1.003))
