"""EDM's sampler against one written independently, and against closed forms."""

import math
from typing import Any

import pytest
import torch
from tiny import GaussianAdapter, tiny_adapter
from torch import Tensor

from diffviews_desktop.adapters.dmd2_imagenet import DMD2ImageNetAdapter
from diffviews_desktop.adapters.edm_imagenet import EDMImageNetAdapter
from diffviews_desktop.adapters.sampling import (
    Churn,
    get_denoising_sigmas,
    heun_steps,
    tensor_to_uint8_image,
)
from diffviews_desktop.errors import UsageError

SD = 0.5


def gaussian(x: Tensor, sigma: float) -> Tensor:
    return x * SD**2 / (SD**2 + sigma**2)


def draw(seed: int, *size: int) -> Any:
    generator = torch.Generator().manual_seed(seed)
    return lambda: torch.randn(size, generator=generator).double()


def by_the_paper(
    denoise: Any, noises: list[Tensor], levels: list[float], churn: Churn
) -> tuple[Tensor, int]:
    """Algorithm 2 of Karras et al. 2022, line by line; also counts evaluations."""
    count = len(levels)
    t = [*levels, 0.0]
    x, calls = noises[0] * t[0], 0
    for i in range(count):
        gamma = 0.0
        if churn.S_min <= t[i] <= churn.S_max:
            gamma = min(churn.S_churn / count, math.sqrt(2) - 1)
        eps = churn.S_noise * noises[1 + i]
        t_hat = t[i] + gamma * t[i]
        x_hat = x + math.sqrt(t_hat**2 - t[i] ** 2) * eps
        d = (x_hat - denoise(x_hat, t_hat)) / t_hat
        x = x_hat + (t[i + 1] - t_hat) * d
        calls += 1
        if t[i + 1] != 0:
            d_next = (x - denoise(x, t[i + 1])) / t[i + 1]
            x = x_hat + (t[i + 1] - t_hat) * (d / 2 + d_next / 2)
            calls += 1
    return x, calls


@pytest.mark.parametrize(
    "churn", [Churn(), Churn(40, 0.05, 50, 1.003), Churn(1000, 0, math.inf, 1.01)]
)
@pytest.mark.parametrize("steps", [1, 2, 18])
def test_agrees_with_the_paper(churn: Churn, steps: int) -> None:
    levels = get_denoising_sigmas(steps, 80.0, 0.002).double().tolist()
    made = list(heun_steps(gaussian, draw(4, 2, 1, 4, 4), levels, churn))
    noise = draw(4, 2, 1, 4, 4)
    expected, calls = by_the_paper(gaussian, [noise() for _ in range(steps + 1)], levels, churn)
    assert (made[-1].x - expected).abs().max() < 1e-12
    assert sum(step.evaluations for step in made) == calls == 2 * steps - 1
    assert [step.index for step in made] == list(range(steps))


def test_churn_raises_the_level_by_gamma() -> None:
    levels = [80.0, 10.0, 1.0, 0.01]
    made = list(heun_steps(gaussian, draw(0, 1, 1, 2, 2), levels, Churn(0.8, 0.05, 50.0)))
    raised = [step.sigma / level for step, level in zip(made, levels, strict=True)]
    assert raised == pytest.approx([1.0, 1.2, 1.2, 1.0])  # outside S_min … S_max nothing


def test_deterministic_sampling_follows_the_exact_flow() -> None:
    levels = get_denoising_sigmas(256, 80.0, 0.002).double().tolist()
    start = draw(9, 4, 1, 4, 4)() * 80
    *_, last = heun_steps(gaussian, draw(9, 4, 1, 4, 4), levels)
    exact = GaussianAdapter().exact_path(start, 80.0, 0.0)
    assert (last.x - exact).abs().max() / exact.abs().max() < 1e-3


def test_churned_samples_have_the_variance_of_the_data() -> None:
    levels = get_denoising_sigmas(64, 80.0, 0.002).double().tolist()
    *_, last = heun_steps(gaussian, draw(1, 4000, 1, 1, 1), levels, Churn(40, 0.05, 50, 1.0))
    assert float(last.x.std()) == pytest.approx(SD, rel=0.05)


# --- the adapter's own sampler --------------------------------------------------------------------


def test_sample_agrees_with_the_paper_on_a_network() -> None:
    adapter = tiny_adapter(seed=5)
    pictures, numbers = adapter.sample(2, class_label=3, num_steps=6, seed=11)
    assert pictures.shape == (2, 8, 8, 3)
    assert pictures.dtype == torch.uint8
    assert numbers.tolist() == [3, 3]
    label = torch.zeros(2, 5)
    label[:, 3] = 1

    def denoise(x: Tensor, sigma: float) -> Tensor:
        with torch.no_grad():
            return adapter.model(x.float(), torch.full((2,), sigma), label).double()

    noise = draw(11, 2, 3, 8, 8)
    levels = get_denoising_sigmas(6, 80.0, 0.002).double().tolist()
    expected, _ = by_the_paper(denoise, [noise() for _ in range(7)], levels, Churn())
    shown = tensor_to_uint8_image(expected)
    assert (pictures.int() - shown.int()).abs().max() <= 1


def test_sample_repeats_itself_with_a_seed_and_only_then() -> None:
    adapter = tiny_adapter(seed=5)
    options: dict[str, Any] = {"num_steps": 3, "S_churn": 10.0}
    first, classes = adapter.sample(4, seed=1, **options)
    again, same = adapter.sample(4, seed=1, **options)
    assert torch.equal(first, again)
    assert torch.equal(classes, same)
    other, _ = adapter.sample(4, **options)
    assert not torch.equal(first, other)
    still, _ = adapter.sample(4, seed=1, num_steps=3, S_churn=0.0)
    assert not torch.equal(first, still)


@pytest.mark.parametrize(
    "wrong",
    [{"num_samples": 0}, {"num_steps": 0}, {"sigma_min": 90.0}, {"rho": 0}, {"class_label": 7}],
)
def test_sample_refuses_what_makes_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        tiny_adapter().sample(**wrong)


def test_published_settings() -> None:
    """EDM's README for ImageNet-64: 256 steps, churn 40 between 0.05 and 50, noise 1.003."""
    edm, dmd2 = EDMImageNetAdapter.published_sampler, DMD2ImageNetAdapter.published_sampler
    assert edm["num_steps"] == 256
    assert edm["churn"] == (40, 0.05, 50, 1.003)
    assert dmd2["num_steps"] == 1
    assert min(edm["churn"].S_churn / 256, math.sqrt(2) - 1) == 0.15625  # as published


def test_one_step_is_the_prediction() -> None:
    """The way DMD2 is sampled in one step: the model's answer to pure noise."""
    adapter = tiny_adapter(seed=5)
    pictures, _ = adapter.sample(1, class_label=1, num_steps=1, seed=3)
    x = draw(3, 1, 3, 8, 8)() * 80
    label = torch.zeros(1, 5)
    label[0, 1] = 1
    with torch.no_grad():
        prediction = adapter.model(x.float(), torch.tensor([80.0]), label)
    assert (pictures.int() - tensor_to_uint8_image(prediction).int()).abs().max() <= 1
