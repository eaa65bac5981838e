"""What every sampler needs: noise levels and pictures; and the samplers themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from diffviews_desktop.errors import UsageError

MAX_STEPS = 100_000


def tensor_to_uint8_image(tensor: Tensor) -> Tensor:
    """Pictures ``(B, C, H, W)`` in [-1, 1] to ``(B, H, W, C) uint8``: ``trunc((x + 1) * 127.5)``,
    clamped to 0 … 255, on the CPU."""
    values = ((tensor + 1) * 127.5).clamp(0, 255)
    return values.to(torch.uint8).permute(0, 2, 3, 1).cpu()


def get_denoising_sigmas(
    num_steps: int, sigma_max: float, sigma_min: float, rho: float = 7.0
) -> Tensor:
    """Noise levels of Karras et al. 2022, equation 5, without the final 0: ``(num_steps,)``,
    descending from ``sigma_max`` to ``sigma_min``. One step is ``sigma_max`` alone.

    Raises:
        UsageError: no steps, not ``sigma_max >= sigma_min > 0``, not ``rho > 0``, or values that
            are too large or too small for the levels between them.
    """
    if not 1 <= num_steps <= MAX_STEPS:
        raise UsageError(f"The number of steps must be from 1 to {MAX_STEPS:,}, not {num_steps}.")
    if not 0 < sigma_min <= sigma_max < math.inf:
        raise UsageError(
            f"The noise levels must be 0 < sigma min <= sigma max, not {sigma_min} and {sigma_max}."
        )
    if not 0 < rho < math.inf:
        raise UsageError(f"The exponent rho must be positive, not {rho}.")
    ramp = torch.linspace(0, 1, num_steps, dtype=torch.float64)
    try:
        high, low = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
        sigmas = ((high + ramp * (low - high)) ** rho).float()
    except ArithmeticError:
        sigmas = torch.zeros(num_steps)
    if not (sigmas.isfinite() & (sigmas > 0)).all():
        raise UsageError(
            f"There are no noise levels between {sigma_min} and {sigma_max} with the exponent rho "
            f"{rho}. Choose others."
        )
    return sigmas


class Churn(NamedTuple):
    """Noise that EDM's sampler adds at each step; ``S_churn`` 0 is deterministic."""

    S_churn: float = 0.0
    S_min: float = 0.0
    S_max: float = math.inf
    S_noise: float = 1.0


@dataclass(frozen=True)
class SamplerStep:
    """One step of a sampler, all ``(B, *sample_shape)``, float64 in `heun_steps`.

    Attributes:
        index: from 0.
        sigma: noise level of the step's first evaluation, churn included.
        noised: what the first evaluation saw.
        denoised: what it answered.
        x: where the step ends; after the last one, the pictures, which are also ``denoised``.
        evaluations: how often the model ran.
    """

    index: int
    sigma: float
    noised: Tensor
    denoised: Tensor
    x: Tensor
    evaluations: int


def renoising_steps(
    denoise: Callable[[Tensor, float], Tensor],
    noise: Callable[[], Tensor],
    sigmas: Sequence[float],
) -> Iterator[SamplerStep]:
    """Renoise in between: ``x' = D(x; sigma) + sigma' * noise``.

    The way DMD2 (Yin et al. 2024) and consistency models are sampled.

    Args:
        denoise: the model: ``(x, sigma)`` to the denoised pictures.
        noise: draws ``(B, C, R, R)`` standard normal numbers.
        sigmas: noise levels, descending, without the final 0.
    """
    x = noise() * sigmas[0]
    for index, (sigma, following) in enumerate(pairwise([*sigmas, 0.0])):
        denoised = denoise(x, sigma)
        ahead = denoised + following * noise() if following > 0 else denoised
        yield SamplerStep(index, sigma, x, denoised, ahead, 1)
        x = ahead


def heun_steps(
    denoise: Callable[[Tensor, float], Tensor],
    noise: Callable[[], Tensor],
    sigmas: Sequence[float],
    churn: Churn | None = None,
    round_sigma: Callable[[float], float] = float,
) -> Iterator[SamplerStep]:
    """EDM's stochastic second-order sampler (Karras et al. 2022, algorithm 2).

    Args:
        denoise: the model: ``(x, sigma)`` to the denoised pictures.
        noise: draws ``(B, C, R, R)`` float64 standard normal numbers; drawn at every step, so that
            a seed gives the same start with and without churn.
        sigmas: noise levels, descending, without the final 0.
        churn: noise to add; None for none.
        round_sigma: the nearest noise level that the model knows.
    """
    s_churn, s_min, s_max, s_noise = churn or Churn()
    levels = [*(round_sigma(sigma) for sigma in sigmas), 0.0]
    x = noise() * levels[0]
    for index, (sigma, following) in enumerate(pairwise(levels)):
        gamma = min(s_churn / len(sigmas), math.sqrt(2) - 1) if s_min <= sigma <= s_max else 0.0
        higher = round_sigma(sigma + gamma * sigma)
        noised = x + math.sqrt(higher**2 - sigma**2) * s_noise * noise()
        denoised = denoise(noised, higher)
        slope = (noised - denoised) / higher
        x = noised + (following - higher) * slope
        if following > 0:
            ahead = (x - denoise(x, following)) / following
            x = noised + (following - higher) * (slope + ahead) / 2
        yield SamplerStep(index, higher, noised, denoised, x, 2 if following > 0 else 1)
