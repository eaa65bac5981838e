"""Preconditioning: from a raw network F to a denoiser D(x; sigma).

Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models" (2022),
section 5 and table 1.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from diffviews_desktop.adapters.networks.adm import DhariwalUNet


class EDMPrecond(nn.Module):
    """``D(x; sigma) = c_skip x + c_out F(c_in x, c_noise, labels)`` with EDM's coefficients.

    Args:
        img_resolution: height and width of the pictures.
        img_channels: channels of the pictures.
        label_dim: number of classes; 0 for an unconditional model.
        use_fp16: run the network in float16 where the input is on CUDA.
        sigma_min: lowest noise level the model accepts.
        sigma_max: highest noise level the model accepts.
        sigma_data: standard deviation of the training data.
        network: keyword arguments of the network (see `DhariwalUNet`).
    """

    def __init__(
        self,
        img_resolution: int,
        img_channels: int,
        label_dim: int = 0,
        use_fp16: bool = False,
        sigma_min: float = 0.0,
        sigma_max: float = float("inf"),
        sigma_data: float = 0.5,
        **network: Any,
    ) -> None:
        super().__init__()
        self.img_resolution = img_resolution
        self.img_channels = img_channels
        self.label_dim = label_dim
        self.use_fp16 = use_fp16
        self.sigma_min = sigma_min
        self.sigma_max = sigma_max
        self.sigma_data = sigma_data
        self.model = DhariwalUNet(
            img_resolution=img_resolution,
            in_channels=img_channels,
            out_channels=img_channels,
            label_dim=label_dim,
            **network,
        )

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
            force_fp32: never use float16.
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
        half = self.use_fp16 and not force_fp32 and x.device.type == "cuda"
        dtype = torch.float16 if half else torch.float32

        variance = sigma**2 + self.sigma_data**2
        c_skip = self.sigma_data**2 / variance
        c_out = sigma * self.sigma_data / variance.sqrt()
        c_in = 1 / variance.sqrt()
        c_noise = sigma.log() / 4
        raw = self.model((c_in * x).to(dtype), c_noise.flatten(), labels, augment_labels)
        return c_skip * x + c_out * raw.to(torch.float32)

    def round_sigma(self, sigma: Tensor | float) -> Tensor:
        """The nearest noise level that the model was trained at: here, every one."""
        return torch.as_tensor(sigma)
