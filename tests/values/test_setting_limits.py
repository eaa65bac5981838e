"""Settings of files: what nobody can have drawn with, and the nearest that can be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from diffviews_desktop.values.import_rules import MAX_SEED
from diffviews_desktop.values.interventions import (
    PICKED,
    Component,
    Factor,
    Intervention,
    Source,
)
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.setting_limits import (
    clamp,
    fits,
    fitted_intervention,
    intervention_fits,
)

USUAL = SamplingSettings()
HUGE = 10**400


@pytest.mark.parametrize("change", [{}, {"seed": MAX_SEED}, {"num_steps": 1000}, {"s_max": 0.5}])
def test_settings_that_can_be_stay_as_they_are(change: dict[str, object]) -> None:
    settings = replace(USUAL, **change)  # type: ignore[arg-type]
    assert fits(settings)
    assert clamp(settings) == settings


@pytest.mark.parametrize(
    ("name", "value", "nearest"),
    [
        ("num_steps", HUGE, 1000),
        ("num_steps", 0, 1),
        ("seed", -HUGE, 0),
        ("seed", HUGE, MAX_SEED),
        ("sigma_max", float("inf"), 1000.0),
    ],
)
def test_others_are_brought_to_the_nearest(name: str, value: object, nearest: object) -> None:
    settings = replace(USUAL, **{name: value})  # type: ignore[arg-type]
    assert not fits(settings)
    assert clamp(settings) == replace(USUAL, **{name: nearest})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_fits_nowhere(value: float) -> None:
    assert not fits(replace(USUAL, rho=value))
    assert not fits(replace(USUAL, s_max=value))
    assert not intervention_fits(replace(PICKED, strength=value))
    assert not intervention_fits(Intervention("scale", Factor(value)))


def test_a_real_number_that_no_field_has_can_have_been_drawn_with() -> None:
    """Some models have noise levels beyond those that the fields offer."""
    assert fits(replace(USUAL, sigma_max=1348.0))


def with_component(index: int) -> Intervention:
    source: Source = Component(index)
    return Intervention("add", source)


@pytest.mark.parametrize(
    ("one", "nearest"),
    [
        (replace(PICKED, step_from=HUGE), replace(PICKED, step_from=999)),
        (replace(PICKED, step_from=-1, step_to=-1), replace(PICKED, step_to=0)),
        (replace(PICKED, step_to=HUGE), replace(PICKED, step_to=1000)),
        (with_component(HUGE), with_component(999)),
        (with_component(-1), with_component(0)),
    ],
)
def test_the_same_of_interventions(one: Intervention, nearest: Intervention) -> None:
    assert not intervention_fits(one)
    assert fitted_intervention(one) == nearest
    assert intervention_fits(nearest)
    assert fitted_intervention(nearest) == nearest
