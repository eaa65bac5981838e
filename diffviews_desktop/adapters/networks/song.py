"""SongUNet: DDPM++ and NCSN++, the networks of the CIFAR-10, FFHQ and AFHQv2 checkpoints.

Architecture: Song et al., "Score-Based Generative Modeling through Stochastic Differential
Equations" (2021), in the form that Karras et al., "Elucidating the Design Space of Diffusion-Based
Generative Models" (2022) train it. Module names follow the released checkpoints.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from diffviews_desktop.adapters.networks.layers import (
    Conv2d,
    FourierEmbedding,
    GroupNorm,
    Linear,
    PositionalEmbedding,
    UNetBlock,
    drop_labels,
)

EPS = 1e-6


class SongUNet(nn.Module):
    """DDPM++ / NCSN++ U-Net ``F(x, c_noise, labels)``.

    DDPM++ is the default; NCSN++ has ``embedding_type="fourier"``, ``encoder_type="residual"``,
    ``channel_mult_noise=2`` and ``resample_filter=(1, 3, 3, 1)``.

    Args:
        img_resolution: height and width of the pictures.
        in_channels: channels of the input.
        out_channels: channels of the output.
        label_dim: number of classes; 0 for an unconditional network.
        augment_dim: size of the augmentation vector; 0 for none.
        model_channels: channels at full resolution before ``channel_mult``.
        channel_mult: channel multiplier of each resolution, full resolution first.
        channel_mult_emb: size of the embedding in units of ``model_channels``.
        num_blocks: residual blocks per resolution of the encoder; the decoder has one more.
        attn_resolutions: resolutions that attend.
        dropout: probability of dropout, in training only.
        label_dropout: probability that a label is zeroed, in training only.
        embedding_type: how the noise level is embedded.
        channel_mult_noise: size of that embedding in units of ``model_channels``.
        encoder_type: how the encoder takes in the input at lower resolutions.
        decoder_type: whether every resolution adds to the output.
        resample_filter: taps of the resampling filter.

    Raises:
        ValueError: an unknown type.
    """

    def __init__(
        self,
        img_resolution: int,
        in_channels: int,
        out_channels: int,
        label_dim: int = 0,
        augment_dim: int = 0,
        model_channels: int = 128,
        channel_mult: Sequence[int] = (1, 2, 2, 2),
        channel_mult_emb: int = 4,
        num_blocks: int = 4,
        attn_resolutions: Sequence[int] = (16,),
        dropout: float = 0.10,
        label_dropout: float = 0.0,
        embedding_type: Literal["positional", "fourier"] = "positional",
        channel_mult_noise: int = 1,
        encoder_type: Literal["standard", "skip", "residual"] = "standard",
        decoder_type: Literal["standard", "skip"] = "standard",
        resample_filter: Sequence[float] = (1, 1),
    ) -> None:
        super().__init__()
        _check("embedding_type", embedding_type, ("positional", "fourier"))
        _check("encoder_type", encoder_type, ("standard", "skip", "residual"))
        _check("decoder_type", decoder_type, ("standard", "skip"))
        self.label_dim = label_dim
        self.label_dropout = label_dropout
        emb = model_channels * channel_mult_emb
        noise = model_channels * channel_mult_noise
        self.map_noise = (
            PositionalEmbedding(noise, endpoint=True)
            if embedding_type == "positional"
            else FourierEmbedding(noise)
        )
        self.map_label = Linear(label_dim, noise) if label_dim else None
        self.map_augment = Linear(augment_dim, noise, bias=False) if augment_dim else None
        self.map_layer0 = Linear(noise, emb)
        self.map_layer1 = Linear(emb, emb)

        channels = [model_channels * mult for mult in channel_mult]
        resolutions = [img_resolution >> level for level in range(len(channels))]
        taps = tuple(resample_filter)

        def block(
            cin: int, cout: int, *, attention: bool = False, up: bool = False, down: bool = False
        ) -> UNetBlock:
            return UNetBlock(
                cin,
                cout,
                emb,
                up=up,
                down=down,
                heads=int(attention),
                dropout=dropout,
                scale_shift=False,
                skip_scale=math.sqrt(0.5),
                eps=EPS,
                taps=taps,
                project=True,
            )

        self.enc = nn.ModuleDict()
        skips: list[int] = []
        width, aux = model_channels, in_channels
        for level, (res, cout) in enumerate(zip(resolutions, channels, strict=True)):
            if level == 0:
                self.enc[f"{res}x{res}_conv"] = Conv2d(in_channels, width, 3)
            else:
                self.enc[f"{res}x{res}_down"] = block(width, width, down=True)
                if encoder_type == "skip":
                    self.enc[f"{res}x{res}_aux_down"] = Conv2d(aux, aux, 0, down=True, taps=taps)
                    self.enc[f"{res}x{res}_aux_skip"] = Conv2d(aux, width, 1)
                if encoder_type == "residual":
                    self.enc[f"{res}x{res}_aux_residual"] = Conv2d(
                        aux, width, 3, down=True, fused=True, taps=taps
                    )
                    aux = width
            skips.append(width)
            for index in range(num_blocks):
                self.enc[f"{res}x{res}_block{index}"] = block(
                    width, cout, attention=res in attn_resolutions
                )
                width = cout
                skips.append(width)

        self.dec = nn.ModuleDict()
        lowest = len(channels) - 1
        for level in reversed(range(len(channels))):
            res, cout = resolutions[level], channels[level]
            if level == lowest:
                self.dec[f"{res}x{res}_in0"] = block(width, width, attention=True)
                self.dec[f"{res}x{res}_in1"] = block(width, width)
            else:
                self.dec[f"{res}x{res}_up"] = block(width, width, up=True)
            for index in range(num_blocks + 1):
                self.dec[f"{res}x{res}_block{index}"] = block(
                    width + skips.pop(),
                    cout,
                    attention=index == num_blocks and res in attn_resolutions,
                )
                width = cout
            if decoder_type == "skip" or level == 0:
                if level < lowest and decoder_type == "skip":
                    self.dec[f"{res}x{res}_aux_up"] = Conv2d(
                        out_channels, out_channels, 0, up=True, taps=taps
                    )
                self.dec[f"{res}x{res}_aux_norm"] = GroupNorm(width, eps=EPS)
                self.dec[f"{res}x{res}_aux_conv"] = Conv2d(width, out_channels, 3, zero_init=True)

    def forward(
        self,
        x: Tensor,
        c_noise: Tensor,
        class_labels: Tensor | None,
        augment_labels: Tensor | None = None,
    ) -> Tensor:
        """Run the network.

        Args:
            x: ``(B, in_channels, R, R)``, float32 or a half type.
            c_noise: ``(B,)`` float32 noise condition.
            class_labels: ``(B or 1, label_dim)`` float32, or None for an unconditional network.
            augment_labels: ``(B, augment_dim)`` or None.

        Returns:
            ``(B, out_channels, R, R)`` in the dtype of ``x``.
        """
        emb = self._embed(c_noise, class_labels, augment_labels)
        return self._decode(*self._encode(x, emb), emb)

    def _encode(self, x: Tensor, emb: Tensor) -> tuple[Tensor, list[Tensor]]:
        skips: list[Tensor] = []
        aux = x
        for name, module in self.enc.items():
            if name.endswith("aux_down"):
                aux = module(aux)
            elif name.endswith("aux_skip"):
                x = skips[-1] = x + module(aux)
            elif name.endswith("aux_residual"):
                x = skips[-1] = aux = (x + module(aux)) / math.sqrt(2)
            else:
                x = module(x, emb) if isinstance(module, UNetBlock) else module(x)
                skips.append(x)
        return x, skips

    def _decode(self, x: Tensor, skips: list[Tensor], emb: Tensor) -> Tensor:
        out: Tensor | None = None
        normed = x
        for name, module in self.dec.items():
            if name.endswith("aux_up"):
                out = module(out)
            elif name.endswith("aux_norm"):
                normed = module(x)
            elif name.endswith("aux_conv"):
                part = module(F.silu(normed))
                out = part if out is None else part + out
            else:
                if "block" in name:
                    x = torch.cat([x, skips.pop()], dim=1)
                x = module(x, emb)
        assert out is not None
        return out

    def _embed(
        self, c_noise: Tensor, class_labels: Tensor | None, augment_labels: Tensor | None
    ) -> Tensor:
        cosines, sines = self.map_noise(c_noise).chunk(2, dim=1)
        emb = torch.cat([sines, cosines], dim=1)
        if self.map_label is not None and class_labels is not None:
            if self.training and self.label_dropout:
                class_labels = drop_labels(class_labels, self.label_dropout)
            emb = emb + self.map_label(class_labels * math.sqrt(self.label_dim))
        if self.map_augment is not None and augment_labels is not None:
            emb = emb + self.map_augment(augment_labels)
        return F.silu(self.map_layer1(F.silu(self.map_layer0(emb))))


def _check(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name} {value!r} is not one of {', '.join(choices)}")
