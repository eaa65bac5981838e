"""Settings of sampling that are put on other defaults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from diffviews_desktop.values.sampling import SamplingSettings

BEFORE = SamplingSettings()
OF_THE_MODEL = SamplingSettings(num_steps=18, sigma_min=0.002, sampler="heun")


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ({}, {}),
        ({"guidance_scale": 2.0}, {"guidance_scale": 2.0}),
        ({"seed": 3}, {"seed": 3}),
        ({"num_steps": 9}, {"num_steps": 9}),
        ({"sigma_max": 0.001}, {"sigma_max": 0.001, "sigma_min": 0.001}),
    ],
)
def test_edits_stay_on_other_defaults(
    edits: dict[str, object], expected: dict[str, object]
) -> None:
    typed = replace(BEFORE, **edits)
    assert typed.rebase(BEFORE, OF_THE_MODEL) == replace(OF_THE_MODEL, **expected)
