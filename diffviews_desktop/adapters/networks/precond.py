"""Preconditioning: from a raw network F to a denoiser D(x; sigma).

Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models" (2022),
section 5 and table 1.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from diffviews_desktop.adapters.networks.adm import DhariwalUNet
from diffviews_desktop.adapters.networks.song import SongUNet

NETWORKS: dict[str, type[DhariwalUNet] | type[SongUNet]] = {
    "DhariwalUNet": DhariwalUNet,
    "SongUNet": SongUNet,
}


class Coefficients(NamedTuple):
    """``D = c_skip x + c_out F(c_in x, c_noise)``; all ``(B or 1, 1, 1, 1)``."""

    c_skip: Tensor | float
    c_out: Tensor
    c_in: Tensor | float
    c_noise: Tensor


class Precond(nn.Module, ABC):
    """A denoiser ``D(x; sigma) = c_skip x + c_out F(c_in x, c_noise, labels)``.

    Args:
        img_resolution: height and width of the pictures.
        img_channels: channels of the pictures.
        label_dim: number of classes; 0 for an unconditional model.
        use_fp16: whether the network was made to run in float16 where the input is on CUDA.
        model_type: name of the network's class, a key of `NETWORKS`.
        network: keyword arguments of the network.

    Attributes:
        network_dtype: what the network runs in on CUDA; on other devices it is float32.
        sigma_min: lowest noise level of the model.
        sigma_max: highest noise level of the model.

    Raises:
        ValueError: there is no such network, or its arguments do not fit together.
    """

    sigma_min: float
    sigma_max: float
    network_channels: ClassVar[int] = 1
    """Output channels of the network for each channel of the picture."""

    def __init__(
        self,
        img_resolution: int,
        img_channels: int,
        label_dim: int,
        use_fp16: bool,
        model_type: str,
        network: Mapping[str, Any],
    ) -> None:
        super().__init__()
        if model_type not in NETWORKS:
            raise ValueError(f"model_type {model_type!r} is not one of {', '.join(NETWORKS)}")
        self.img_resolution = img_resolution
        self.img_channels = img_channels
        self.label_dim = label_dim
        self.use_fp16 = use_fp16
        self.network_dtype = torch.float16 if use_fp16 else torch.float32
        self.model = NETWORKS[model_type](
            img_resolution=img_resolution,
            in_channels=img_channels,
            out_channels=img_channels * self.network_channels,
            label_dim=label_dim,
            **network,
        )

    @abstractmethod
    def coefficients(self, sigma: Tensor) -> Coefficients:
        """The coefficients at noise levels ``(B or 1, 1, 1, 1)``."""

    def forward(
        self,
        x: Tensor,
        sigma: Tensor | float,
        class_labels: Tensor | None = None,
        *,
        force_fp32: bool = False,
        augment_labels: Tensor | None = None,
    ) -> Tensor:
        """Denoise.

        Args:
            x: noisy pictures ``(B, C, R, R)``, image part in [-1, 1].
            sigma: noise level in data units, scalar or ``(B,)``.
            class_labels: ``(B or 1, label_dim)`` label vectors; None means all zeros.
            force_fp32: never use a half type.
            augment_labels: passed to the network.

        Returns:
            The denoised pictures ``(B, C, R, R)`` float32.
        """
        x = x.to(torch.float32)
        sigma = torch.as_tensor(sigma, dtype=torch.float32, device=x.device).reshape(-1, 1, 1, 1)
        labels = None
        if self.label_dim:
            labels = (
                torch.zeros(1, self.label_dim, device=x.device)
                if class_labels is None
                else class_labels.to(torch.float32).reshape(-1, self.label_dim)
            )
        half = x.device.type == "cuda" and not force_fp32
        dtype = self.network_dtype if half else torch.float32
        c_skip, c_out, c_in, c_noise = self.coefficients(sigma)
        raw = self.model((c_in * x).to(dtype), c_noise.flatten(), labels, augment_labels)
        return c_skip * x + c_out * raw[:, : self.img_channels].to(torch.float32)

    def round_sigma(self, sigma: Tensor | float) -> Tensor:
        """The nearest noise level that the model was trained at: here, every one."""
        return torch.as_tensor(sigma)


class EDMPrecond(Precond):
    """EDM's own coefficients, for data of standard deviation ``sigma_data``."""

    def __init__(
        self,
        img_resolution: int,
        img_channels: int,
        label_dim: int = 0,
        use_fp16: bool = False,
        sigma_min: float = 0.0,
        sigma_max: float = float("inf"),
        sigma_data: float = 0.5,
        model_type: str = "DhariwalUNet",
        **network: Any,
    ) -> None:
        super().__init__(img_resolution, img_channels, label_dim, use_fp16, model_type, network)
        self.sigma_min = sigma_min
        self.sigma_max = sigma_max
        self.sigma_data = sigma_data

    def coefficients(self, sigma: Tensor) -> Coefficients:
        variance = sigma**2 + self.sigma_data**2
        return Coefficients(
            c_skip=self.sigma_data**2 / variance,
            c_out=sigma * self.sigma_data / variance.sqrt(),
            c_in=1 / variance.sqrt(),
            c_noise=sigma.log() / 4,
        )


class VPPrecond(Precond):
    """Variance preserving: the noise level at time ``t`` in (0, 1] is
    ``sqrt(exp(beta_d t^2 / 2 + beta_min t) - 1)``, and the network is told ``(M - 1) t``."""

    def __init__(
        self,
        img_resolution: int,
        img_channels: int,
        label_dim: int = 0,
        use_fp16: bool = False,
        beta_d: float = 19.9,
        beta_min: float = 0.1,
        M: int = 1000,
        epsilon_t: float = 1e-5,
        model_type: str = "SongUNet",
        **network: Any,
    ) -> None:
        super().__init__(img_resolution, img_channels, label_dim, use_fp16, model_type, network)
        self.beta_d = beta_d
        self.beta_min = beta_min
        self.M = M
        self.sigma_min = self.sigma(epsilon_t)
        self.sigma_max = self.sigma(1.0)

    def sigma(self, t: float) -> float:
        """The noise level at a time, in float32 as the model was trained: coarse near 0."""
        exponent = np.float32(0.5 * self.beta_d * t**2 + self.beta_min * t)
        return float(np.sqrt(np.float32(math.exp(exponent)) - np.float32(1)))

    def time(self, sigma: Tensor) -> Tensor:
        """The time of a noise level."""
        root = (self.beta_min**2 + 2 * self.beta_d * (1 + sigma**2).log()).sqrt()
        return (root - self.beta_min) / self.beta_d

    def coefficients(self, sigma: Tensor) -> Coefficients:
        return Coefficients(
            c_skip=1.0,
            c_out=-sigma,
            c_in=1 / (sigma**2 + 1).sqrt(),
            c_noise=(self.M - 1) * self.time(sigma),
        )


class VEPrecond(Precond):
    """Variance exploding: the network sees the picture as it is and is told ``ln(sigma / 2)``."""

    def __init__(
        self,
        img_resolution: int,
        img_channels: int,
        label_dim: int = 0,
        use_fp16: bool = False,
        sigma_min: float = 0.02,
        sigma_max: float = 100.0,
        model_type: str = "SongUNet",
        **network: Any,
    ) -> None:
        super().__init__(img_resolution, img_channels, label_dim, use_fp16, model_type, network)
        self.sigma_min = sigma_min
        self.sigma_max = sigma_max

    def coefficients(self, sigma: Tensor) -> Coefficients:
        return Coefficients(c_skip=1.0, c_out=sigma, c_in=1.0, c_noise=(0.5 * sigma).log())


class iDDPMPrecond(Precond):
    """Improved DDPM with its cosine schedule of ``M`` noise levels; the network also predicts a
    variance, which sampling does not use."""

    network_channels = 2
    u: Tensor

    def __init__(
        self,
        img_resolution: int,
        img_channels: int,
        label_dim: int = 0,
        use_fp16: bool = False,
        C_1: float = 0.001,
        C_2: float = 0.008,
        M: int = 1000,
        model_type: str = "DhariwalUNet",
        **network: Any,
    ) -> None:
        super().__init__(img_resolution, img_channels, label_dim, use_fp16, model_type, network)
        self.M = M

        # in float32 throughout, as the models were trained: rounding adds up over the levels
        j = torch.arange(M + 1, dtype=torch.float32, device="cpu")
        alpha_bar = (0.5 * math.pi * j / M / (C_2 + 1)).sin() ** 2
        ratios = (alpha_bar[:-1] / alpha_bar[1:]).clip(min=C_1)
        levels = [torch.zeros((), device="cpu")]
        for ratio in ratios.flip(0):
            levels.append(((levels[-1] ** 2 + 1) / ratio - 1).sqrt())
        self.register_buffer("u", torch.tensor([float(level) for level in reversed(levels)]))

    @property
    def sigma_min(self) -> float:  # type: ignore[override]
        return float(self.u[self.M - 1])

    @property
    def sigma_max(self) -> float:  # type: ignore[override]
        return float(self.u[0])

    def coefficients(self, sigma: Tensor) -> Coefficients:
        return Coefficients(
            c_skip=1.0,
            c_out=-sigma,
            c_in=1 / (sigma**2 + 1).sqrt(),
            c_noise=self.M - 1 - self._nearest(sigma).to(torch.float32),
        )

    def round_sigma(self, sigma: Tensor | float) -> Tensor:
        """The nearest of the ``M + 1`` noise levels."""
        return self.u[self._nearest(torch.as_tensor(sigma, device=self.u.device))]

    def _nearest(self, sigma: Tensor) -> Tensor:
        return (sigma.to(torch.float32)[..., None] - self.u).abs().argmin(dim=-1)


PRECONDITIONERS: dict[str, type[Precond]] = {
    "EDMPrecond": EDMPrecond,
    "VPPrecond": VPPrecond,
    "VEPrecond": VEPrecond,
    "iDDPMPrecond": iDDPMPrecond,
}
