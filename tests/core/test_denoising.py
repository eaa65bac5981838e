"""Both samplers with masks of any strength, window and half, against float64 references."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from masked import masker_of
from tiny import (
    CONFIG,
    conditions_of,
    hook_count,
    labels_of,
    normal,
    reference_denoiser,
    tiny_adapter,
)
from torch import Tensor

from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.sampling import Churn, get_denoising_sigmas
from diffviews_desktop.core.denoising import DenoiseStep, denoise, make_generators
from diffviews_desktop.core.generator import generate_with_mask_multistep
from diffviews_desktop.core.masking import (
    blend,
    compute_mask_dict,
    distance_weights,
)
from diffviews_desktop.errors import MaskError, UsageError
from diffviews_desktop.values.sampling import SamplingSettings

MASK = normal(1, 64, 4, 4, seed=9)


@pytest.fixture(scope="module")
def adapter() -> EDMAdapter:
    return tiny_adapter()


def run(adapter: Any, samples: int = 1, seed: int = 3, **options: Any) -> list[DenoiseStep]:
    options.setdefault("sigmas", get_denoising_sigmas(4, 80.0, 0.5))
    generators = make_generators(seed, samples)
    conditions = conditions_of(adapter, samples, 2, generators)
    return list(denoise(adapter, conditions=conditions, generator=generators, **options))


def reference(
    adapter: EDMAdapter, x: Tensor, sigma: float, label: Tensor, **replace: Tensor
) -> Tensor:
    """The network in float64, written independently of the program's."""
    level = torch.full((len(x),), sigma, dtype=torch.float64)
    return reference_denoiser(adapter.model, CONFIG, x.double(), level, label, replace=replace)[0]


# ---- Heun ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "churn"), [(18, None), (40, None), (18, Churn(40, 0.05, 50, 1.003))]
)
def test_heun_agrees_with_the_sampler_written_in_float64(
    adapter: EDMAdapter, steps: int, churn: Churn | None
) -> None:
    """Algorithm 2 of Karras et al. 2022 on the network in float64."""
    got = run(adapter, sigmas=get_denoising_sigmas(steps, 80.0, 0.002), sampler="heun", churn=churn)
    rng = torch.Generator().manual_seed(3)
    ramp = torch.arange(steps, dtype=torch.float64) / (steps - 1)
    levels = [*((80 ** (1 / 7) + ramp * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7).tolist(), 0.0]
    x = torch.randn(3, 8, 8, generator=rng)[None].double() * levels[0]
    c = churn or Churn()
    for step, (t, following) in zip(got, itertools.pairwise(levels), strict=True):
        gamma = min(c.S_churn / steps, 2**0.5 - 1) if c.S_min <= t <= c.S_max else 0
        higher = t + gamma * t
        noise = torch.randn(3, 8, 8, generator=rng)[None].double()
        x = x + (higher**2 - t**2) ** 0.5 * c.S_noise * noise
        first = reference(adapter, x, higher, labels_of(2))
        np.testing.assert_allclose(step.noised, x, atol=1e-4 * max(1, higher))
        np.testing.assert_allclose(step.denoised, first, atol=1e-4)
        assert step.sigma == pytest.approx(higher, rel=1e-5)
        slope = (x - first) / higher
        end = x + (following - higher) * slope
        if following:
            second = (end - reference(adapter, end, following, labels_of(2))) / following
            end = x + (following - higher) * (slope + second) / 2
        x = end
    np.testing.assert_allclose(got[-1].denoised, x, atol=1e-4)
    settings = SamplingSettings(num_steps=steps, sampler="heun")
    assert sum(step.evaluations for step in got) == 2 * steps - 1 == settings.evaluations()


def test_the_window_holds_for_both_evaluations_of_a_heun_step(adapter: EDMAdapter) -> None:
    sigmas = get_denoising_sigmas(4, 80.0, 0.5)
    got = run(
        adapter, sigmas=sigmas, sampler="heun", masker=masker_of(adapter, midblock=MASK),
        mask_from=1, mask_steps=3, capture=["midblock"],
    )  # fmt: skip
    x = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(3))[None].double() * 80
    levels = [*sigmas.double().tolist(), 0.0]
    for index, (t, following) in enumerate(itertools.pairwise(levels)):
        masked = {"midblock": MASK} if index in (1, 2) else {}
        first = reference(adapter, x, t, labels_of(2), **masked)
        np.testing.assert_allclose(got[index].denoised, first, atol=2e-4)
        assert got[index].acting == set(masked)
        slope = (x - first) / t
        end = x + (following - t) * slope
        if following:
            second = (end - reference(adapter, end, following, labels_of(2), **masked)) / following
            end = x + (following - t) * (slope + second) / 2
        x = end
    np.testing.assert_allclose(got[-1].denoised, x, atol=2e-4)
    assert [step.evaluations for step in got] == [2, 2, 2, 1]
    # the run holds what the layer would have said, also where it was replaced
    assert not torch.allclose(got[1].computed["midblock"], MASK)
    assert hook_count(adapter.model) == 0


def test_heun_guided_is_one_batch_of_both_labels(adapter: EDMAdapter) -> None:
    sizes: list[int] = []
    handles = adapter.register_activation_hooks(
        ["midblock"], lambda module, inputs, output: sizes.append(len(output))
    )
    got = run(adapter, samples=2, sampler="heun", guidance_scale=2.0, capture=["midblock"])
    for handle in handles:
        handle.remove()
    assert sizes == [4] * 7
    assert [step.evaluations for step in got] == [4, 4, 4, 2]
    settings = SamplingSettings(num_steps=4, sampler="heun", guidance_scale=2.0)
    assert settings.evaluations() == 14
    conditional = reference(adapter, got[1].noised, got[1].sigma, labels_of(2, 2))
    plain = reference(adapter, got[1].noised, got[1].sigma, 0 * labels_of(2, 2))
    np.testing.assert_allclose(got[1].denoised, plain + 2 * (conditional - plain), atol=3e-4)
    assert len(got[1].computed["midblock"]) == 2


def test_an_unknown_sampler_and_churn_without_heun_are_refused(adapter: EDMAdapter) -> None:
    with pytest.raises(UsageError, match="Unknown sampler 'euler': use renoise or heun"):
        run(adapter, sampler="euler")
    with pytest.raises(UsageError, match="Churn belongs to the sampler heun"):
        run(adapter, churn=Churn(40))


# ---- seeds --------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["renoise", "heun"])
def test_a_picture_does_not_depend_on_those_drawn_with_it(
    adapter: EDMAdapter, sampler: Any
) -> None:
    options: Any = {"num_steps": 3, "sigma_min": 0.5, "sampler": sampler}
    together = generate_with_mask_multistep(adapter, num_samples=3, seed=11, **options)
    for index in range(3):
        alone = generate_with_mask_multistep(adapter, seed=11 + index, **options)
        assert alone.labels[0] == together.labels[index]
        difference = alone.images[0].int() - together.images[index].int()
        assert difference.abs().max() <= 1  # a batch of another size rounds otherwise


# ---- strength -----------------------------------------------------------------------------------


def test_strength_blends_what_is_computed_and_what_is_imposed(adapter: EDMAdapter) -> None:
    sigmas = get_denoising_sigmas(1, 80.0, 80.0)
    plain = run(adapter, sigmas=sigmas, capture=["midblock"])[0]
    half = run(
        adapter, sigmas=sigmas, capture=["midblock"], masker=masker_of(adapter, 0.25, midblock=MASK)
    )[0]
    mixed = 0.75 * plain.computed["midblock"] + 0.25 * MASK
    torch.testing.assert_close(half.computed["midblock"], plain.computed["midblock"])
    torch.testing.assert_close(half.views()["midblock"], mixed)
    np.testing.assert_allclose(half.imposed_row(), mixed.flatten(1), rtol=1e-5, atol=1e-6)
    expected = reference(adapter, half.noised, 80.0, labels_of(2), midblock=mixed)
    np.testing.assert_allclose(half.denoised, expected, atol=3e-4)


def test_strength_0_is_no_mask_and_strength_1_is_the_mask(adapter: EDMAdapter) -> None:
    none = run(adapter)[-1].denoised
    assert torch.equal(
        run(adapter, masker=masker_of(adapter, 0.0, midblock=MASK))[-1].denoised, none
    )
    whole = masker_of(adapter, 1.0, midblock=MASK)
    by_row = masker_of(adapter, torch.tensor([1.0]), midblock=MASK)
    one = run(adapter, masker=whole)[-1].denoised
    assert torch.equal(one, run(adapter, masker=by_row)[-1].denoised)
    assert not torch.equal(one, none)


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_each_picture_of_a_batch_can_have_its_own_strength(
    adapter: EDMAdapter, guidance: float
) -> None:
    strengths = torch.tensor([0.0, 0.4, 1.0])
    options: dict[str, Any] = {"guidance_scale": guidance, "sampler": "heun"}
    masker = masker_of(adapter, strengths, midblock=MASK)
    together = run(adapter, samples=3, masker=masker, **options)[-1].denoised
    for index, strength in enumerate(strengths.tolist()):
        alone = masker_of(adapter, strength, midblock=MASK)
        single = run(adapter, seed=3 + index, masker=alone, **options)[-1].denoised
        torch.testing.assert_close(together[index], single[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_impossible_strengths_are_refused(adapter: EDMAdapter, strength: float) -> None:
    with pytest.raises(MaskError, match="between 0 and 1"):
        masker_of(adapter, strength, midblock=MASK)


def test_blend_is_exact_at_both_ends() -> None:
    computed, mask = normal(2, 3, 4, 4, seed=1) * 1e3, normal(1, 3, 4, 4, seed=2)
    assert torch.equal(blend(computed, mask, 0.0), computed)
    assert torch.equal(blend(computed, mask, 1.0), mask.expand_as(computed))
    rows = blend(computed, mask, torch.tensor([0.0, 1.0]))
    assert torch.equal(rows[0], computed[0])
    assert torch.equal(rows[1], mask[0])


# ---- halves of guidance -------------------------------------------------------------------------


def test_the_mask_can_act_on_the_conditional_half_alone(adapter: EDMAdapter) -> None:
    sigmas = get_denoising_sigmas(1, 80.0, 80.0)
    options: dict[str, Any] = {
        "sigmas": sigmas,
        "guidance_scale": 3.0,
        "masker": masker_of(adapter, midblock=MASK),
    }
    x = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(3))[None] * 80
    masked = reference(adapter, x, 80.0, labels_of(2), midblock=MASK)
    plain = reference(adapter, x, 80.0, 0 * labels_of(2))
    plain_masked = reference(adapter, x, 80.0, 0 * labels_of(2), midblock=MASK)
    one = run(adapter, mask_unconditional=False, **options)[0].denoised
    np.testing.assert_allclose(one, plain + 3 * (masked - plain), atol=5e-4)
    both = run(adapter, **options)[0].denoised
    np.testing.assert_allclose(both, plain_masked + 3 * (masked - plain_masked), atol=5e-4)


# ---- window -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "end", "masked"), [(0, None, 4), (2, None, 2), (1, 2, 1), (3, 2, 0), (0, 0, 0)]
)
def test_the_step_window(adapter: EDMAdapter, first: int, end: int | None, masked: int) -> None:
    got = run(adapter, masker=masker_of(adapter, midblock=MASK), mask_from=first, mask_steps=end)
    inside = [index for index, step in enumerate(got) if step.acting]
    assert inside == list(range(first, first + masked))


# ---- several layers, weights --------------------------------------------------------------------


def test_several_layers_at_once(adapter: EDMAdapter) -> None:
    other = normal(1, 32, 8, 8, seed=4)
    masker = masker_of(adapter, midblock=MASK, encoder_block_1=other)
    got = run(adapter, sigmas=get_denoising_sigmas(1, 80.0, 80.0), masker=masker)[0]
    expected = reference(
        adapter, got.noised, 80.0, labels_of(2), midblock=MASK, encoder_block_1=other
    )
    np.testing.assert_allclose(got.denoised, expected, atol=3e-4)


def test_weighted_rows() -> None:
    rows = np.random.default_rng(0).normal(size=(9, 2 * 3 * 3)).astype(np.float32)
    shapes = {"a": (2, 3, 3)}
    weights = [1.0, 0.5, 0.25]
    got = compute_mask_dict(rows, [4, 1, 7], shapes, weights=weights)["a"]
    expected = (rows[4].astype(np.float64) + rows[1] / 2 + rows[7] / 4) / 1.75
    np.testing.assert_allclose(got.ravel(), expected, rtol=1e-6)
    plain = compute_mask_dict(rows, [4, 1, 7], shapes)["a"]
    equal = compute_mask_dict(rows, [4, 1, 7], shapes, weights=[2, 2, 2])["a"]
    np.testing.assert_allclose(plain, equal, rtol=1e-6)


@pytest.mark.parametrize("weights", [[1.0], [1, -1, 1], [0, 0, 0], [1, float("nan"), 1]])
def test_impossible_weights_are_refused(weights: list[float]) -> None:
    with pytest.raises(MaskError, match="weight"):
        compute_mask_dict(
            np.ones((9, 18), np.float32), [4, 1, 7], {"a": (2, 3, 3)}, weights=weights
        )


def test_distance_weights() -> None:
    assert distance_weights([0.0]) == [1.0]
    assert distance_weights([0.0, 2.0]) == pytest.approx([1.0, np.exp(-0.5)])
    got = distance_weights([0.0, 1.0, 3.0])
    assert got == pytest.approx([1.0, np.exp(-1 / 8), np.exp(-9 / 8)])
