"""Whether settings that a file holds can be, and the nearest that can."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, TypeVar

from diffviews_desktop.values.interventions import Component, Factor, Intervention
from diffviews_desktop.values.maps import PCA_RANGE
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.setting_specs import (
    MASK_FROM,
    MASK_STEPS,
    SAMPLING,
    Real,
    Setting,
    Whole,
)

Number = TypeVar("Number", int, float)
_WINDOW = (MASK_FROM, MASK_STEPS)


def fits(settings: SamplingSettings) -> bool:
    """Whether a picture can have been drawn with settings: whole numbers are within their limits,
    others finite."""
    return all(_fits(one, one.of(settings)) for one in SAMPLING)


def intervention_fits(one: Intervention) -> bool:
    """The same of an intervention."""
    source = one.source
    numbers = (one.strength, source.value if isinstance(source, Factor) else 0.0)
    index = source.index if isinstance(source, Component) else 0
    window = all(_fits(setting, setting.of(one)) for setting in _WINDOW)
    return window and all(map(math.isfinite, numbers)) and 0 <= index < PCA_RANGE[1]


def clamp(settings: SamplingSettings) -> SamplingSettings:
    """Settings as the fields of the Generate panel have them: each number the nearest that its
    field can hold."""
    return replace(settings, **_nearest(SAMPLING, settings))


def fitted_intervention(one: Intervention) -> Intervention:
    """The same of an intervention's steps and of its component."""
    source = one.source
    if isinstance(source, Component):
        source = Component(_between(source.index, 0, PCA_RANGE[1] - 1))
    return replace(one, source=source, **_nearest(_WINDOW, one))


def _nearest(of: tuple[Setting, ...], settings: object) -> dict[str, Any]:
    values = {one: one.of(settings) for one in of if isinstance(one, Whole | Real)}
    return {
        one.name: _between(value, one.minimum, one.maximum)
        for one, value in values.items()
        if value is not None
    }


def _fits(setting: Setting, value: Any) -> bool:
    if isinstance(setting, Whole):
        return value is None or setting.minimum <= value <= setting.maximum
    return not isinstance(value, float) or math.isfinite(value)


def _between(value: Number, low: Number, high: Number) -> Number:
    return min(max(value, low), high)
