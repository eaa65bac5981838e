"""Settings of sampling that are put on other defaults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from diffviews_desktop.values.sampling import GenerateSettings

BEFORE = GenerateSettings()
OF_THE_MODEL = GenerateSettings(num_steps=18, mask_steps=18, sigma_min=0.002, sampler="heun")


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ({}, {}),
        ({"guidance_scale": 2.0}, {"guidance_scale": 2.0}),
        ({"seed": 3}, {"seed": 3}),
        # a mask over all steps stays one, however many they become
        ({"num_steps": 9}, {"num_steps": 9, "mask_steps": 9}),
        ({"num_steps": 9, "mask_steps": 9}, {"num_steps": 9, "mask_steps": 9}),
        ({"mask_steps": 2}, {"mask_steps": 2}),
        ({"mask_from": 4}, {"mask_from": 4}),
        ({"sigma_max": 0.001}, {"sigma_max": 0.001, "sigma_min": 0.001}),
    ],
)
def test_edits_stay_on_other_defaults(
    edits: dict[str, object], expected: dict[str, object]
) -> None:
    typed = replace(BEFORE, **edits)
    assert typed.rebased(BEFORE, OF_THE_MODEL) == replace(OF_THE_MODEL, **expected)


def test_limits_of_a_mask_lie_within_fewer_steps() -> None:
    typed = replace(BEFORE, mask_from=4, mask_steps=4)
    made = typed.rebased(BEFORE, GenerateSettings(num_steps=2, mask_steps=2))
    assert (made.num_steps, made.mask_from, made.mask_steps) == (2, 1, 2)
