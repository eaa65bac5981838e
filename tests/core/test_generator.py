"""Schedules, samplers and runs against closed forms and float64 references."""

import json
import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from masked import masker_of
from PIL import Image
from tiny import (
    CONFIG,
    SHAPES,
    DuckAdapter,
    GaussianAdapter,
    conditions_of,
    hook_count,
    labels_of,
    normal,
    reference_denoiser,
    sample_heun,
    tiny_adapter,
)
from torch import Tensor

from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.core.denoising import DenoiseStep, choose_seed, denoise, make_generators
from diffviews_desktop.core.generator import (
    generate_with_mask,
    generate_with_mask_multistep,
    get_denoising_sigmas,
    infer_layer_shape,
    save_generated_sample,
    tensor_to_uint8_image,
)
from diffviews_desktop.core.masking import ActivationMasker
from diffviews_desktop.errors import AdapterError, MaskError, UsageError

TWO = ["midblock", "encoder_bottleneck"]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# --- pictures ------------------------------------------------------------------------------------


@given(st.floats(-3, 3, width=32))
def test_pictures_are_truncated_to_bytes(value: float) -> None:
    expected = math.floor(min(max((value + 1) * 127.5, 0), 255))
    got = tensor_to_uint8_image(torch.full((1, 1, 1, 1), value, dtype=torch.float64))
    assert got.item() == expected


def test_channels_come_last() -> None:
    tensor = torch.tensor([-2.0, -1.0, 0.0, 0.999, 1.0, 5.0]).reshape(1, 3, 1, 2)
    image = tensor_to_uint8_image(tensor)
    assert image.dtype == torch.uint8
    assert image.tolist() == [[[[0, 127, 255], [0, 254, 255]]]]


# --- the schedule --------------------------------------------------------------------------------


def test_the_schedule_is_that_of_the_published_example() -> None:
    got = get_denoising_sigmas(5, 80.0, 0.5).tolist()
    np.testing.assert_allclose(got, [80, 30.443, 9.921, 2.609, 0.5], atol=5e-4)


def test_one_step_is_sigma_max() -> None:
    assert get_denoising_sigmas(1, 80.0, 0.5).tolist() == [80.0]
    assert get_denoising_sigmas(1, 0.1, 0.1).tolist() == pytest.approx([0.1])


@given(
    st.integers(2, 60),
    st.floats(1e-3, 1.0),
    st.floats(1.0, 1000.0),
    st.floats(1.0, 12.0),
)
@settings(deadline=None)
def test_the_schedule_is_that_of_karras(steps: int, low: float, ratio: float, rho: float) -> None:
    high = low * ratio
    got = get_denoising_sigmas(steps, high, low, rho)
    assert got.shape == (steps,)
    assert got.dtype == torch.float32
    expected = [
        (high ** (1 / rho) + i / (steps - 1) * (low ** (1 / rho) - high ** (1 / rho))) ** rho
        for i in range(steps)
    ]
    np.testing.assert_allclose(got.tolist(), expected, rtol=1e-6)
    assert got[0].item() == pytest.approx(high, rel=1e-6)
    assert got[-1].item() == pytest.approx(low, rel=1e-6)
    assert (got.diff() <= 0).all()
    if ratio > 1.01:
        assert (got.diff() < 0).all()


@pytest.mark.parametrize(
    ("high", "low", "rho"),
    [(80, 0.5, 1e-300), (80, 0.5, 1e-320), (1e308, 0.5, 7), (80, 1e-320, 7), (1e40, 1e39, 1)],
)
def test_noise_levels_that_no_float32_holds_are_refused(
    high: float, low: float, rho: float
) -> None:
    with pytest.raises(UsageError, match="There are no noise levels between"):
        get_denoising_sigmas(5, high, low, rho)


@pytest.mark.parametrize("steps", [0, -3, 100_001, 10**12])
def test_no_steps_are_refused(steps: int) -> None:
    with pytest.raises(UsageError, match=f"steps must be from 1 to 100,000, not {steps}"):
        get_denoising_sigmas(steps, 80, 0.5)


@pytest.mark.parametrize(
    ("high", "low"),
    [(80, 0), (80, -0.5), (0.5, 80), (math.nan, 0.5), (80, math.nan), (math.inf, 0.5), (-1, -2)],
)
def test_impossible_noise_levels_are_refused(high: float, low: float) -> None:
    with pytest.raises(UsageError, match="0 < sigma min <= sigma max"):
        get_denoising_sigmas(5, high, low)


@pytest.mark.parametrize("rho", [0.0, -7.0, math.nan, math.inf])
def test_an_impossible_exponent_is_refused(rho: float) -> None:
    with pytest.raises(UsageError, match="rho must be positive"):
        get_denoising_sigmas(5, 80, 0.5, rho)


# --- seeds -----------------------------------------------------------------------------


def test_without_a_seed_stochastic_runs_choose_one_and_the_others_take_42() -> None:
    assert choose_seed("fixed", None) == choose_seed("zero", None) == 42
    assert len({choose_seed("stochastic", None) for _ in range(20)}) > 15
    for mode in ("fixed", "zero", "stochastic"):
        assert choose_seed(mode, 0) == 0
        assert choose_seed(mode, 2**63 - 1) == 2**63 - 1


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_an_impossible_seed_is_refused(seed: int) -> None:
    with pytest.raises(UsageError, match="seed must be between 0"):
        choose_seed("fixed", seed)


def test_an_unknown_noise_mode_is_refused() -> None:
    with pytest.raises(UsageError, match="Unknown noise mode 'loud': use stochastic, fixed, zero"):
        choose_seed("loud", None)


# --- the renoising sampler -----------------------------------------------------------------------


def run(adapter: Any, seed: int = 3, choice: Any = 2, samples: int = 2, **options: Any) -> Any:
    """A run of `denoise` with three steps unless ``sigmas`` says otherwise."""
    options.setdefault("sigmas", get_denoising_sigmas(3, 80.0, 0.5))
    conditions = conditions_of(adapter, samples, choice, generator())
    options.setdefault("generator", generator(seed))
    return denoise(adapter, conditions=conditions, **options)


def reference_run(
    denoiser: Callable[[int, Tensor, Tensor], Tensor], size: tuple[int, ...], seed: int = 3
) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and predictions in float64: ``x0 = noise sigma_max``, ``x' = D + sigma' noise``."""
    noise = generator(seed)
    levels = get_denoising_sigmas(3, 80.0, 0.5).double()
    x = torch.randn(size, generator=noise).double() * levels[0]
    for index in range(3):
        prediction = denoiser(index, x, levels[index].repeat(size[0]))
        yield x, prediction
        if index < 2:
            x = prediction + levels[index + 1] * torch.randn(size, generator=noise).double()


def test_a_run_predicts_and_renoises_at_every_level(adapter: EDMAdapter) -> None:
    def denoiser(index: int, x: Tensor, sigma: Tensor) -> Tensor:
        return reference_denoiser(adapter.model, CONFIG, x, sigma, labels_of(2, 2))[0]

    steps = list(run(adapter))
    expected = list(reference_run(denoiser, (2, 3, 8, 8)))
    assert [step.index for step in steps] == [0, 1, 2]
    assert [step.sigma for step in steps] == get_denoising_sigmas(3, 80.0, 0.5).tolist()
    for step, (x, prediction) in zip(steps, expected, strict=True):
        assert (step.noised - x).abs().max() < 1e-4
        assert (step.denoised - prediction).abs().max() < 1e-4
        assert (step.computed, step.imposed) == ({}, {})


def test_a_run_of_a_denoiser_known_in_closed_form_follows_it() -> None:
    gauss = GaussianAdapter()

    def denoiser(index: int, x: Tensor, sigma: Tensor) -> Tensor:
        return x * 0.25 / (0.25 + sigma[:, None, None, None] ** 2)

    for step, (x, prediction) in zip(
        run(gauss), reference_run(denoiser, (2, 3, 4, 4)), strict=True
    ):
        torch.testing.assert_close(step.noised.double(), x, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(step.denoised.double(), prediction, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scale", [0.0, 0.5, 3.0])
def test_guidance_extrapolates_from_the_unconditional_prediction(
    adapter: EDMAdapter, scale: float
) -> None:
    """uncond + g (cond - uncond), the zero label as uncond; g = 0 is uncond alone."""

    def denoiser(index: int, x: Tensor, sigma: Tensor) -> Tensor:
        cond, _ = reference_denoiser(adapter.model, CONFIG, x, sigma, labels_of(2, 2))
        uncond, _ = reference_denoiser(adapter.model, CONFIG, x, sigma, torch.zeros(2, 5))
        return uncond + scale * (cond - uncond)

    steps = run(adapter, guidance_scale=scale)
    for step, (x, prediction) in zip(steps, reference_run(denoiser, (2, 3, 8, 8)), strict=True):
        assert (step.noised - x).abs().max() < 3e-4
        assert (step.denoised - prediction).abs().max() < 3e-4


def test_guidance_records_the_conditional_half(adapter: EDMAdapter) -> None:
    for step in run(adapter, guidance_scale=2.0, capture=TWO):
        levels = torch.full((2,), step.sigma)
        _, cond = reference_denoiser(adapter.model, CONFIG, step.noised, levels, labels_of(2, 2))
        _, uncond = reference_denoiser(
            adapter.model, CONFIG, step.noised, levels, torch.zeros(2, 5)
        )
        for layer in TWO:
            assert step.computed[layer].shape == (2, *SHAPES[layer])
            assert (step.computed[layer] - cond[layer]).abs().max() < 5e-5
            assert (step.computed[layer] - uncond[layer]).abs().max() > 1e-2


def test_guidance_runs_both_labels_as_one_batch() -> None:
    duck = DuckAdapter()
    list(run(duck, guidance_scale=2.0))
    assert duck.batches == [4, 4, 4]
    duck.batches.clear()
    list(run(duck, guidance_scale=1.0))
    assert duck.batches == [2, 2, 2]


def test_guidance_does_nothing_to_the_uniform_label(adapter: EDMAdapter) -> None:
    plain = list(run(adapter, choice=-1))
    guided = list(run(adapter, choice=-1, guidance_scale=5.0))
    for one, other in zip(plain, guided, strict=True):
        torch.testing.assert_close(one.denoised, other.denoised, atol=1e-4, rtol=0)


def test_guidance_of_an_unconditional_model_is_no_guidance() -> None:
    adapter = tiny_adapter(label_dim=0)
    plain = list(run(adapter, choice=None))
    guided = list(run(adapter, choice=None, guidance_scale=5.0))
    assert all(torch.equal(a.denoised, b.denoised) for a, b in zip(plain, guided, strict=True))


def test_zero_noise_starts_from_nothing_and_adds_nothing(adapter: EDMAdapter) -> None:
    steps = list(run(adapter, noise_mode="zero"))
    assert not steps[0].noised.any()
    assert torch.equal(steps[1].noised, steps[0].denoised)
    assert torch.equal(steps[2].noised, steps[1].denoised)
    other = list(run(adapter, noise_mode="zero", seed=99))
    assert torch.equal(other[2].denoised, steps[2].denoised)


def test_pictures_of_another_number_of_channels() -> None:
    grey = tiny_adapter(img_channels=1)
    assert [step.denoised.shape for step in run(grey)] == [(2, 1, 8, 8)] * 3


def test_an_adapter_with_no_more_than_the_interface() -> None:
    duck = DuckAdapter()
    mask = normal(1, 4, 6, 6)
    for step in run(duck, capture=["stem"], masker=masker_of(duck, stem=mask), guidance_scale=2.0):
        assert step.denoised.shape == (2, 3, 6, 6)
        stem = duck.network.stem
        features = stem.conv(step.noised / (1 + step.sigma))
        features = features + stem.label.weight.T[[2, 2]][:, :, None, None]
        torch.testing.assert_close(step.computed["stem"], features)
        np.testing.assert_array_equal(step.imposed_row(), mask.flatten(1).repeat(2, 1))
    assert hook_count(duck.network) == 0


# --- masks in a run ------------------------------------------------------------------------------

MASK = normal(1, 64, 4, 4, seed=8)


@pytest.mark.parametrize(("mask_steps", "masked"), [(None, 3), (0, 0), (1, 1), (2, 2), (9, 3)])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_masks_act_on_the_first_steps(
    adapter: EDMAdapter, mask_steps: int | None, masked: int, scale: float
) -> None:
    def denoiser(index: int, x: Tensor, sigma: Tensor) -> Tensor:
        replace = {"midblock": MASK} if index < masked else {}
        args = (adapter.model, CONFIG, x, sigma)
        cond, _ = reference_denoiser(*args, labels_of(2, 2), replace=replace)
        uncond, _ = reference_denoiser(*args, torch.zeros(2, 5), replace=replace)
        return uncond + scale * (cond - uncond)

    masker = masker_of(adapter, midblock=MASK)
    steps = run(adapter, masker=masker, mask_steps=mask_steps, guidance_scale=scale)
    for step, (_, prediction) in zip(steps, reference_run(denoiser, (2, 3, 8, 8)), strict=True):
        assert (step.denoised - prediction).abs().max() < 3e-4
        assert step.acting == ({"midblock"} if step.index < masked else set())
    assert hook_count(adapter.model) == 0


@pytest.mark.parametrize("scale", [1.0, 2.0])
@pytest.mark.parametrize("registered", [True, False])
def test_a_step_records_what_was_computed_and_what_was_imposed(
    adapter: EDMAdapter, scale: float, registered: bool
) -> None:
    """Step 1 is not the mask itself, whether or not its hooks were there before the run."""
    masker = masker_of(adapter, encoder_bottleneck=MASK)
    if registered:
        masker.register_hooks()
    for step in run(adapter, masker=masker, mask_steps=2, capture=TWO, guidance_scale=scale):
        masked = step.index < 2
        _, layers = reference_denoiser(
            adapter.model,
            CONFIG,
            step.noised,
            torch.full((2,), step.sigma),
            labels_of(2, 2),
            replace={"encoder_bottleneck": MASK} if masked else {},
        )
        bottleneck, middle = layers["encoder_bottleneck"], layers["midblock"]
        np.testing.assert_allclose(
            step.row(), torch.cat([bottleneck.flatten(1), middle.flatten(1)], 1), atol=5e-5
        )
        imposed = MASK.expand(2, -1, -1, -1).double() if masked else bottleneck
        np.testing.assert_allclose(
            step.imposed_row(), torch.cat([imposed.flatten(1), middle.flatten(1)], 1), atol=5e-5
        )
        assert (set(step.imposed) == {"encoder_bottleneck"}) == masked
    assert step.row().dtype == step.imposed_row().dtype == np.float32


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_each_sample_can_have_its_own_mask(adapter: EDMAdapter, scale: float) -> None:
    """Also with guidance, where the network sees each sample twice."""
    masks = normal(2, 64, 4, 4, seed=9)

    def denoiser(index: int, x: Tensor, sigma: Tensor) -> Tensor:
        args = (adapter.model, CONFIG, x, sigma)
        replace = {"midblock": masks}
        cond, _ = reference_denoiser(*args, labels_of(2, 2), replace=replace)
        uncond, _ = reference_denoiser(*args, torch.zeros(2, 5), replace=replace)
        return uncond + scale * (cond - uncond)

    steps = run(
        adapter,
        masker=masker_of(adapter, midblock=masks),
        guidance_scale=scale,
        capture=["midblock"],
    )
    for step, (_, prediction) in zip(steps, reference_run(denoiser, (2, 3, 8, 8)), strict=True):
        assert (step.denoised - prediction).abs().max() < 3e-4
        np.testing.assert_array_equal(step.imposed_row(), masks.flatten(1))


def test_only_the_layers_that_were_registered_are_masked(adapter: EDMAdapter) -> None:
    """4, 5: a registered layer without a mask is let through; a mask can be left out."""
    masker = masker_of(adapter, midblock=MASK, encoder_bottleneck=MASK)
    masker.register_hooks(["encoder_block_1", "midblock"])
    (step,) = run(adapter, masker=masker, sigmas=torch.tensor([2.0]))
    expected, _ = reference_denoiser(
        adapter.model,
        CONFIG,
        step.noised,
        torch.full((2,), 2.0),
        labels_of(2, 2),
        replace={"midblock": MASK},
    )
    assert step.acting == {"midblock"}
    assert (step.denoised - expected).abs().max() < 2e-5


def test_a_masker_without_masks_changes_nothing(adapter: EDMAdapter) -> None:
    plain = [step.denoised for step in run(adapter)]
    empty = [step.denoised for step in run(adapter, masker=ActivationMasker(adapter))]
    assert all(torch.equal(a, b) for a, b in zip(plain, empty, strict=True))


def test_the_same_mask_without_noise_gives_the_same_trajectory(adapter: EDMAdapter) -> None:
    def trajectory() -> list[np.ndarray]:
        masker = masker_of(adapter, encoder_bottleneck=MASK)
        steps = run(adapter, masker=masker, mask_steps=1, noise_mode="zero", capture=TWO)
        return [step.row() for step in steps]

    assert all(np.array_equal(a, b) for a, b in zip(trajectory(), trajectory(), strict=True))


# --- nothing is left behind ----------------------------------------------------------------------


def steps_of_a_full_run(adapter: EDMAdapter, **options: Any) -> Iterator[DenoiseStep]:
    return run(adapter, masker=masker_of(adapter, midblock=MASK), capture=TWO, **options)


def test_a_finished_run_leaves_no_hook(adapter: EDMAdapter) -> None:
    for _ in range(3):
        counts = [hook_count(adapter.model) for _ in steps_of_a_full_run(adapter, mask_steps=1)]
        assert counts == [3, 2, 2]
        assert hook_count(adapter.model) == 0


def test_a_run_given_up_leaves_no_hook(adapter: EDMAdapter) -> None:
    steps = steps_of_a_full_run(adapter)
    next(steps)
    assert hook_count(adapter.model) == 3
    steps.close()
    assert hook_count(adapter.model) == 0


def test_a_run_that_fails_leaves_no_hook(adapter: EDMAdapter) -> None:
    def fail(module: Any, inputs: Any, output: Any) -> None:
        raise KeyError("no key")

    (handle,) = adapter.register_activation_hooks(["decoder_block_4"], fail)
    with pytest.raises(KeyError, match="no key"):
        list(steps_of_a_full_run(adapter))
    handle.remove()
    assert hook_count(adapter.model) == 0


def test_a_mask_that_does_not_fit_leaves_no_hook(adapter: EDMAdapter) -> None:
    masker = masker_of(adapter, midblock=torch.zeros(1, 2, 2, 2))
    with pytest.raises(MaskError):
        list(run(adapter, masker=masker, capture=TWO))
    with pytest.raises(AdapterError, match="attic"):
        list(run(adapter, masker=masker_of(adapter, attic=MASK), capture=TWO))
    with pytest.raises(AdapterError, match="attic"):
        list(run(adapter, masker=masker_of(adapter, midblock=MASK), capture=["attic"]))
    assert hook_count(adapter.model) == 0


def test_hooks_of_a_masker_around_the_run_are_removed(adapter: EDMAdapter) -> None:
    with masker_of(adapter, midblock=MASK) as masker:
        list(run(adapter, masker=masker, mask_steps=1))
        assert hook_count(adapter.model) == 0


@pytest.mark.parametrize("mode", ["stochastic", "fixed", "zero"])
def test_no_global_seed_or_flag_is_changed(adapter: EDMAdapter, mode: Any) -> None:
    def world() -> tuple[Any, ...]:
        return (
            torch.get_rng_state().tolist(),
            np.random.get_state()[1].tolist(),
            random.getstate(),
            torch.are_deterministic_algorithms_enabled(),
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
        )

    before = world()
    generate_with_mask_multistep(
        adapter, class_label=None, noise_mode=mode, num_steps=2, guidance_scale=2.0
    )
    conditions = conditions_of(adapter, 1, 0, generator())
    sample_heun(adapter, conditions=conditions, num_steps=2, generator=generator())
    for _ in run(adapter):
        assert torch.is_grad_enabled()
    assert world() == before


# --- Heun ----------------------------------------------------------------------------------------


def reference_heun(
    denoiser: Callable[[Tensor, float], Tensor], x: Tensor, levels: list[float]
) -> Tensor:
    """Algorithm 1 of Karras et al. 2022 in float64, written out step by step."""
    x = x.double() * levels[0]
    for i in range(len(levels) - 1):
        now, after = levels[i], levels[i + 1]
        d = x / now - denoiser(x, now) / now
        euler = x + (after - now) * d
        if after == 0:
            x = euler
        else:
            d2 = euler / after - denoiser(euler, after) / after
            x = x + (after - now) * (d / 2 + d2 / 2)
    return x


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_heun_against_float64(adapter: EDMAdapter, scale: float) -> None:
    def denoiser(x: Tensor, sigma: float) -> Tensor:
        level = torch.full((2,), sigma, dtype=torch.float64)
        cond, _ = reference_denoiser(adapter.model, CONFIG, x, level, labels_of(1, 1))
        uncond, _ = reference_denoiser(adapter.model, CONFIG, x, level, torch.zeros(2, 5))
        return uncond + scale * (cond - uncond)

    steps, rho = 6, 7
    levels = [
        (80 ** (1 / rho) + i / (steps - 1) * (0.05 ** (1 / rho) - 80 ** (1 / rho))) ** rho
        for i in range(steps)
    ]
    expected = reference_heun(denoiser, normal(2, 3, 8, 8, seed=6), [*levels, 0.0])
    got = sample_heun(
        adapter,
        conditions=conditions_of(adapter, 2, 1, generator()),
        num_steps=steps,
        sigma_min=0.05,
        guidance_scale=scale,
        generator=generator(6),
    )
    assert got.dtype == torch.float32
    assert (got - expected).abs().max() < 1e-4


def heun_error(steps: int) -> float:
    """Largest distance from the exact end of the path, on the Gaussian denoiser."""
    gauss = GaussianAdapter()
    got = sample_heun(
        gauss,
        conditions=conditions_of(gauss, 2, None, generator()),
        num_steps=steps,
        sigma_max=10.0,
        sigma_min=0.01,
        generator=generator(5),
    )
    assert gauss.batches == [2] * (2 * steps - 1)  # evaluations of the network
    start = normal(2, 3, 4, 4, seed=5).double() * 10
    return (got - gauss.exact_path(start, 10.0, 0.0)).abs().max().item()


def test_heun_ends_where_the_ode_ends() -> None:
    assert heun_error(100) < 1e-3


def test_heun_is_of_second_order() -> None:
    assert heun_error(20) / heun_error(40) == pytest.approx(4, abs=1)


def test_heun_in_one_step_is_the_prediction() -> None:
    gauss = GaussianAdapter()
    conditions = conditions_of(gauss, 2, None, generator())
    got = sample_heun(
        gauss, conditions=conditions, num_steps=1, sigma_max=10.0, generator=generator(5)
    )
    expected = normal(2, 3, 4, 4, seed=5) * 10 * 0.25 / 100.25
    torch.testing.assert_close(got, expected)


# --- whole runs ----------------------------------------------------------------------------------


def images(adapter: Any, **options: Any) -> Tensor:
    options = {"class_label": 2, "num_steps": 2, "sigma_min": 0.5, **options}
    return generate_with_mask_multistep(adapter, **options).images


def test_the_last_prediction_is_the_image(adapter: EDMAdapter) -> None:
    result = generate_with_mask_multistep(
        adapter,
        class_label=2,
        num_steps=3,
        sigma_min=0.5,
        num_samples=2,
        seed=3,
        extract_layers=["midblock", "encoder_bottleneck"],
        return_trajectory=True,
        return_intermediates=True,
        return_noised_inputs=True,
    )
    steps = list(run(adapter, capture=TWO, generator=make_generators(3, 2)))
    assert result.seed == 3
    assert result.labels.tolist() == [2, 2]
    assert result.images.shape == (2, 8, 8, 3)
    assert len(result.intermediates) == len(result.noised_inputs) == len(result.trajectory) == 3
    assert torch.equal(result.images, result.intermediates[-1])
    for index, step in enumerate(steps):
        assert torch.equal(result.intermediates[index], tensor_to_uint8_image(step.denoised))
        assert torch.equal(result.noised_inputs[index], tensor_to_uint8_image(step.noised))
        assert np.array_equal(result.trajectory[index], step.row())
        assert result.trajectory[index].shape == (2, 2048)


def test_a_trajectory_row_has_the_layers_in_sorted_order(adapter: EDMAdapter) -> None:
    layers = ["midblock", "encoder_block_0", "decoder_block_5"]
    result = generate_with_mask_multistep(
        adapter,
        class_label=2,
        num_steps=1,
        noise_mode="zero",
        extract_layers=layers,
        return_trajectory=True,
    )
    x = torch.zeros(1, 3, 8, 8)
    _, computed = reference_denoiser(adapter.model, CONFIG, x, torch.tensor([80.0]), labels_of(2))
    expected = torch.cat([computed[name].flatten(1) for name in sorted(layers)], dim=1)
    np.testing.assert_allclose(result.trajectory[0], expected, atol=2e-5)


def test_the_trajectory_of_a_masked_run_does_not_start_at_the_mask(adapter: EDMAdapter) -> None:
    result = generate_with_mask_multistep(
        adapter,
        masker_of(adapter, midblock=MASK),
        class_label=2,
        num_steps=1,
        noise_mode="zero",
        extract_layers=["midblock"],
        return_trajectory=True,
    )
    x = torch.zeros(1, 3, 8, 8)
    _, computed = reference_denoiser(adapter.model, CONFIG, x, torch.tensor([80.0]), labels_of(2))
    np.testing.assert_allclose(result.trajectory[0], computed["midblock"].flatten(1), atol=2e-5)


def test_stochastic_runs_differ_and_can_be_repeated(adapter: EDMAdapter) -> None:
    first = generate_with_mask_multistep(adapter, class_label=2, num_steps=2, sigma_min=0.5)
    second = generate_with_mask_multistep(adapter, class_label=2, num_steps=2, sigma_min=0.5)
    assert first.seed != second.seed
    assert not torch.equal(first.images, second.images)
    assert torch.equal(images(adapter, seed=first.seed), first.images)


def test_a_fixed_run_does_not_make_the_next_stochastic_ones_repeat(adapter: EDMAdapter) -> None:
    runs = []
    for _ in range(2):
        images(adapter, noise_mode="fixed")
        runs.append(images(adapter))
    assert not torch.equal(*runs)


def test_fixed_runs_are_the_same_for_one_seed(adapter: EDMAdapter) -> None:
    fixed = images(adapter, noise_mode="fixed")
    assert torch.equal(images(adapter, noise_mode="fixed"), fixed)
    assert torch.equal(images(adapter, noise_mode="fixed", seed=42), fixed)
    assert not torch.equal(images(adapter, noise_mode="fixed", seed=43), fixed)


def test_runs_without_noise_are_the_same(adapter: EDMAdapter) -> None:
    zero = images(adapter, noise_mode="zero")
    assert torch.equal(images(adapter, noise_mode="zero", seed=1), zero)
    assert torch.equal(images(adapter, stochastic=False), zero)


def test_a_run_tells_the_labels_it_was_drawn_with(adapter: EDMAdapter) -> None:
    uniform = generate_with_mask_multistep(adapter, class_label=-1, num_steps=1, num_samples=2)
    assert uniform.labels.tolist() == [-1, -1]
    zeroth = generate_with_mask_multistep(adapter, class_label=0, num_steps=1, num_samples=2)
    assert zeroth.labels.tolist() == [0, 0]
    drawn = generate_with_mask_multistep(adapter, num_steps=1, num_samples=40, seed=1)
    assert len(set(drawn.labels.tolist())) > 1


def test_runs_with_guidance_0_do_not_depend_on_the_class(adapter: EDMAdapter) -> None:
    options = {"noise_mode": "fixed", "guidance_scale": 0.0}
    assert torch.equal(images(adapter, **options), images(adapter, class_label=4, **options))
    assert not torch.equal(images(adapter, seed=1), images(adapter, class_label=4, seed=1))


def test_one_step_generation(adapter: EDMAdapter) -> None:
    """``D(noise * sigma; sigma)``, with the mask."""
    masker = masker_of(adapter, midblock=MASK)
    result = generate_with_mask(
        adapter, masker, class_label=1, conditioning_sigma=0.7, num_samples=2, seed=4
    )
    expected, _ = reference_denoiser(
        adapter.model,
        CONFIG,
        torch.cat([normal(1, 3, 8, 8, seed=seed) for seed in (4, 5)]) * 0.7,
        torch.full((2,), 0.7),
        labels_of(1, 1),
        replace={"midblock": MASK},
    )
    scaled = ((expected + 1) * 127.5).clamp(0, 255).permute(0, 2, 3, 1)
    assert result.labels.tolist() == [1, 1]
    # truncation may fall on either side of a whole number
    assert (result.images.double() + 0.5 - scaled).abs().max() <= 0.5 + 1e-2


def test_a_result_unpacks_like_a_tuple(adapter: EDMAdapter) -> None:
    pictures, labels = generate_with_mask_multistep(adapter, class_label=1, num_steps=1)
    assert pictures.shape == (1, 8, 8, 3)
    assert labels.tolist() == [1]
    result = generate_with_mask_multistep(
        adapter,
        class_label=1,
        num_steps=2,
        device="cpu",
        extract_layers=["midblock"],
        return_trajectory=True,
        return_noised_inputs=True,
    )
    _, _, trajectory, noised = result
    assert trajectory is result.trajectory
    assert noised is result.noised_inputs
    assert result.intermediates is None


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"num_steps": 0}, "steps must be from 1 to"),
        ({"sigma_min": 0.0}, "noise levels"),
        ({"sigma_min": 90.0}, "noise levels"),
        ({"num_samples": 0}, "samples must be at least 1"),
        ({"mask_steps": -1}, "masked steps must not be negative"),
        ({"class_label": 5}, "no class 5"),
        ({"noise_mode": "loud"}, "noise mode"),
        ({"seed": -1}, "seed"),
        ({"device": "abacus"}, "Unknown device"),
    ],
)
def test_impossible_values_are_refused(
    adapter: EDMAdapter, options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        generate_with_mask_multistep(adapter, **options)
    assert hook_count(adapter.model) == 0


# --- saving, and shapes of layers ----------------------------------------------------------------


def test_a_saved_sample_is_a_picture_with_its_activations_and_its_record(tmp_path: Path) -> None:
    image = torch.arange(48, dtype=torch.uint8).reshape(4, 4, 3)
    activations = {"midblock": normal(1, 2, 2, 2), "encoder_bottleneck": normal(1, 1, 2, 2)}
    metadata = {"model": "dmd2", "class_label": 0, "seed": 42}
    record = save_generated_sample(image, activations, metadata, tmp_path, "sample_0.5")
    assert record == {
        "sample_id": "sample_0.5",
        "image_path": "images/dmd2/sample_0.5.png",
        **metadata,
    }
    with Image.open(tmp_path / "images" / "dmd2" / "sample_0.5.png") as saved:
        np.testing.assert_array_equal(np.asarray(saved), image.numpy())
    stem = tmp_path / "activations" / "dmd2"
    with np.load(stem / "sample_0.5.npz", allow_pickle=False) as arrays:
        assert set(arrays.files) == set(activations)
        np.testing.assert_array_equal(arrays["midblock"], activations["midblock"].reshape(1, 8))
    assert json.loads((stem / "sample_0.5.json").read_text()) == metadata


def test_without_activations_only_the_picture(tmp_path: Path) -> None:
    grey = torch.full((4, 4, 1), 7, dtype=torch.uint8)
    record = save_generated_sample(grey, None, {}, str(tmp_path), "one")
    assert record["image_path"] == "images/generated/one.png"
    files = [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()]
    assert files == ["images/generated/one.png"]
    with Image.open(tmp_path / "images" / "generated" / "one.png") as saved:
        assert (saved.mode, saved.size, saved.getpixel((0, 0))) == ("L", (4, 4), 7)


@pytest.mark.parametrize("sample_id", ["", ".", "..", "../up", "a/b", "/etc/x"])
def test_a_sample_cannot_be_saved_elsewhere(tmp_path: Path, sample_id: str) -> None:
    image = torch.zeros(2, 2, 3, dtype=torch.uint8)
    with pytest.raises(UsageError, match="cannot be part of a file name"):
        save_generated_sample(image, None, {}, tmp_path, sample_id)
    with pytest.raises(UsageError, match="cannot be part of a file name"):
        save_generated_sample(image, None, {"model": sample_id}, tmp_path, "one")
    assert list(tmp_path.iterdir()) == []


def test_the_shape_of_a_layer(adapter: EDMAdapter) -> None:
    for name, shape in SHAPES.items():
        assert infer_layer_shape(adapter, name) == shape
    with pytest.raises(AdapterError, match="attic"):
        infer_layer_shape(adapter, "attic")


def test_the_shape_of_a_layer_that_an_adapter_does_not_list() -> None:
    class Unlisted(DuckAdapter):
        def get_layer_shapes(self) -> dict[str, tuple[int, ...]]:
            return {}

    duck = Unlisted()
    assert infer_layer_shape(duck, "body_conv", device="cpu") == (6, 6, 6)
    assert infer_layer_shape(duck, "stem") == (4, 6, 6)
    assert hook_count(duck.network) == 0
