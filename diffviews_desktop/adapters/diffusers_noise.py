"""From noise levels to what diffusers' networks were trained with.

For models of the DDPM family (Ho et al. 2020) with ``abar`` the signal's share of the variance,
``sigma = sqrt((1 - abar) / abar)``, and the network sees ``x / sqrt(1 + sigma^2)`` (Song et al.
2021, DDIM, section 4.3); for EDM it is table 1 of Karras et al. 2022. Consistency models are of
Song et al. 2023, appendix C; scores of Song et al. 2021, "Score-based generative modeling through
stochastic differential equations", equation 9; straight flows of Liu et al. 2022.
"""

from __future__ import annotations

import math
import reprlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from diffviews_desktop.adapters.formats.diffusers_folder import (
    CONSISTENCY_SCHEDULER,
    EDM_SCHEDULERS,
    FLOW_SCHEDULERS,
    SCHEDULERS,
    SCORE_SCHEDULER,
    reason_of,
    unknown_scheduler,
)
from diffviews_desktop.errors import CheckpointError, UsageError

_TOLERANCE = 1e-4  # relative; float32 moves the ends of the range by less


class Coefficients(NamedTuple):
    """``D = c_skip x + c_out F(c_in x, timestep)``; all ``(B or 1,)`` float64."""

    c_skip: Tensor
    c_out: Tensor
    c_in: Tensor
    timestep: Tensor


class NoiseConversion(ABC):
    """From noise levels to what a network of one kind of scheduler works with.

    Attributes:
        sigma_min: lowest noise level of the scheduler.
        sigma_max: highest.
        told_sigma: whether the network is told a noise level, and so may embed its logarithm.
        from_zero: whether the network's pictures are in [0, 1] instead of [-1, 1]; coefficients are
            those of its own pictures and noise levels.
    """

    sigma_min: float
    sigma_max: float
    told_sigma = False
    from_zero = False

    @abstractmethod
    def __call__(self, sigma: Tensor) -> Coefficients:
        """The coefficients at noise levels ``(B or 1,)`` float64.

        Raises:
            UsageError: a level is outside the range.
        """

    @abstractmethod
    def round_sigma(self, sigma: Tensor) -> Tensor:
        """The nearest trained level of each."""

    def limit(self, denoised: Tensor) -> Tensor:
        """The predicted pictures as the scheduler limits them."""
        return denoised


class _DDPMConversion(NoiseConversion):
    """Levels that were trained at timesteps 0, 1, …; between them, ``ln sigma`` is interpolated."""

    def __init__(self, scheduler: Any, source: str) -> None:
        config = scheduler.config
        self.prediction: str = config["prediction_type"]
        if self.prediction not in ("epsilon", "v_prediction", "sample"):
            raise CheckpointError(
                f"{source}: the prediction_type {reprlib.repr(self.prediction)} cannot be used. "
                "Use a model that predicts epsilon, v_prediction or sample."
            )
        continuous = config.get("timestep_type", "discrete") != "discrete"
        if config.get("use_flow_sigmas") or (continuous and self.prediction == "v_prediction"):
            raise CheckpointError(
                f"{source}: use_flow_sigmas and a continuous timestep_type cannot be used. "
                "Use a model that was trained at numbered timesteps."
            )
        abar = scheduler.alphas_cumprod.detach().cpu().double()
        levels = ((1 - abar) / abar).sqrt()
        if config.get("rescale_betas_zero_snr") or torch.isinf(levels[-1]):
            levels = levels[:-1]  # pure noise: infinite, or a number that stands for it
        rising = levels.diff() > 0  # NaN does not rise
        if len(levels) < 2 or not 0 < levels[0] < math.inf or not rising.all():
            raise CheckpointError(
                f"{source}: the noise levels of its betas do not rise from step to step. "
                "Correct the betas."
            )
        self.levels = levels
        self.sigma_min, self.sigma_max = float(levels[0]), float(levels[-1])
        self.clip = float(config["clip_sample_range"]) if config.get("clip_sample") else math.inf
        self.threshold: tuple[float, float] | None = None
        if config.get("thresholding"):
            share = float(config["dynamic_thresholding_ratio"])
            self.threshold = (share, float(config["sample_max_value"]))
            if not 0 <= share <= 1 <= self.threshold[1]:
                raise ValueError("dynamic_thresholding_ratio or sample_max_value is out of range")
        if not self.clip > 0:
            raise ValueError("clip_sample_range is not positive")

    def __call__(self, sigma: Tensor) -> Coefficients:
        low, high = self.sigma_min * (1 - _TOLERANCE), self.sigma_max * (1 + _TOLERANCE)
        outside = sigma[~((sigma >= low) & (sigma <= high))]  # NaN is outside, too
        if len(outside):
            raise UsageError(
                f"The noise level {outside[0]:.6g} is outside the range of this model, "
                f"{self.sigma_min:.6g} to {self.sigma_max:.6g}. Choose σ max and σ min within it."
            )
        steps = np.interp(
            sigma.log().numpy(), self.levels.log().numpy(), np.arange(len(self.levels))
        )
        scale = (sigma**2 + 1).rsqrt()
        one, zero = torch.ones_like(sigma), torch.zeros_like(sigma)
        c_skip, c_out = {
            "epsilon": (one, -sigma),
            "v_prediction": (scale**2, -sigma * scale),
            "sample": (zero, one),
        }[self.prediction]
        return Coefficients(c_skip, c_out, scale, torch.from_numpy(np.asarray(steps)))

    def round_sigma(self, sigma: Tensor) -> Tensor:
        nearest = (sigma.detach().cpu().double()[..., None] - self.levels).abs().argmin(dim=-1)
        return self.levels[nearest].to(torch.float32).to(sigma.device)

    def limit(self, denoised: Tensor) -> Tensor:
        if self.threshold is None:
            return denoised if math.isinf(self.clip) else denoised.clamp(-self.clip, self.clip)
        # dynamic thresholding: Saharia et al. 2022, section 2.3
        share, highest = self.threshold
        extreme = torch.quantile(denoised.abs().flatten(1), share, dim=1).clamp(1, highest)
        extreme = extreme[:, None, None, None]
        return denoised.clamp(-extreme, extreme) / extreme


class _EDMConversion(NoiseConversion):
    """EDM's preconditioning, for every positive level."""

    def __init__(self, scheduler: Any, source: str) -> None:
        config = scheduler.config
        signs = {"epsilon": 1, "v_prediction": -1}
        if config["prediction_type"] not in signs:
            raise CheckpointError(
                f"{source}: the prediction_type {reprlib.repr(config['prediction_type'])} cannot "
                "be used. Use a model that predicts epsilon or v_prediction."
            )
        self.sign = signs[config["prediction_type"]]
        self.sigma_data = float(config["sigma_data"])
        self.sigma_min = float(config["sigma_min"])
        self.sigma_max = float(config["sigma_max"])
        if not 0 < self.sigma_min < self.sigma_max < math.inf or not 0 < self.sigma_data < math.inf:
            raise CheckpointError(
                f"{source}: sigma_data must be positive and 0 < sigma_min < sigma_max. "
                "Correct these numbers."
            )

    def __call__(self, sigma: Tensor) -> Coefficients:
        _check_positive(sigma)
        variance = sigma**2 + self.sigma_data**2
        return Coefficients(
            c_skip=self.sigma_data**2 / variance,
            c_out=self.sign * sigma * self.sigma_data * variance.rsqrt(),
            c_in=variance.rsqrt(),
            timestep=sigma.log() / 4,
        )

    def round_sigma(self, sigma: Tensor) -> Tensor:
        return sigma


class _ConsistencyConversion(NoiseConversion):
    """The scalings that make a consistency model the identity at its lowest level."""

    def __init__(self, scheduler: Any, source: str) -> None:
        config = scheduler.config
        self.sigma_data = float(config["sigma_data"])
        self.sigma_min, self.sigma_max = _range_of(config, source)
        self.clipped = bool(config["clip_denoised"])
        if not 0 < self.sigma_data < math.inf:
            raise ValueError("sigma_data is not positive")

    def __call__(self, sigma: Tensor) -> Coefficients:
        _check_positive(sigma)
        above, variance = sigma - self.sigma_min, self.sigma_data**2
        c_in = (sigma**2 + variance).rsqrt()
        return Coefficients(
            c_skip=variance / (above**2 + variance),
            c_out=above * self.sigma_data * c_in,
            c_in=c_in,
            timestep=250 * sigma.log(),
        )

    def round_sigma(self, sigma: Tensor) -> Tensor:
        return sigma

    def limit(self, denoised: Tensor) -> Tensor:
        return denoised.clamp(-1, 1) if self.clipped else denoised


class _ScoreConversion(NoiseConversion):
    """A score of pictures in [0, 1] with noise on them, told the noise level itself."""

    told_sigma = True
    from_zero = True

    def __init__(self, scheduler: Any, source: str) -> None:
        low, high = _range_of(scheduler.config, source)
        self.sigma_min, self.sigma_max = 2 * low, 2 * high  # of pictures twice as wide

    def __call__(self, sigma: Tensor) -> Coefficients:
        _check_positive(sigma)
        level, one = sigma / 2, torch.ones_like(sigma)
        return Coefficients(c_skip=one, c_out=level**2, c_in=one, timestep=level)

    def round_sigma(self, sigma: Tensor) -> Tensor:
        return sigma


class _FlowConversion(NoiseConversion):
    """A straight path from the picture to the noise, of which the network predicts the velocity.

    At time ``t = sigma / (1 + sigma)`` the path is at ``(1 - t) picture + t noise``.
    """

    def __init__(self, scheduler: Any, source: str) -> None:
        self.steps = int(scheduler.config["num_train_timesteps"])
        self.sigma_min, self.sigma_max = 1 / (self.steps - 1), float(self.steps - 1)

    def __call__(self, sigma: Tensor) -> Coefficients:
        _check_positive(sigma)
        c_in = 1 / (1 + sigma)
        time = sigma * c_in
        return Coefficients(c_skip=c_in, c_out=-time, c_in=c_in, timestep=self.steps * time)

    def round_sigma(self, sigma: Tensor) -> Tensor:
        return sigma


def _range_of(config: Any, source: str) -> tuple[float, float]:
    low, high = float(config["sigma_min"]), float(config["sigma_max"])
    if not 0 < low < high < math.inf:
        raise CheckpointError(
            f"{source}: sigma_min and sigma_max must be 0 < sigma_min < sigma_max. "
            "Correct these numbers."
        )
    return low, high


def _check_positive(sigma: Tensor) -> None:
    if not ((sigma > 0) & torch.isfinite(sigma)).all():
        raise UsageError("The noise level of this model must be a positive number.")


def make_conversion(scheduler: Any, source: str) -> NoiseConversion:
    name = type(scheduler).__name__
    if name not in SCHEDULERS:
        raise CheckpointError(unknown_scheduler(source, name))
    try:
        return _kind_of(name)(scheduler, source)
    except (TypeError, ValueError, LookupError, ArithmeticError) as error:
        raise CheckpointError(
            f"{source} does not describe a noise schedule ({reason_of(error)}). "
            "Copy or save the model again."
        ) from error


def _kind_of(name: str) -> Callable[[Any, str], NoiseConversion]:
    if name in EDM_SCHEDULERS:
        return _EDMConversion
    if name in FLOW_SCHEDULERS:
        return _FlowConversion
    others = {CONSISTENCY_SCHEDULER: _ConsistencyConversion, SCORE_SCHEDULER: _ScoreConversion}
    return others.get(name, _DDPMConversion)
