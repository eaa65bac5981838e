"""The ADM U-Net: the network of the EDM and DMD2 ImageNet-64 checkpoints.

Architecture: Dhariwal and Nichol, "Diffusion Models Beat GANs on Image Synthesis" (2021),
in the form that Karras et al., "Elucidating the Design Space of Diffusion-Based Generative
Models" (2022) train it. Module names follow the released checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from diffviews_desktop.adapters.networks.layers import (
    Conv2d,
    GroupNorm,
    Linear,
    PositionalEmbedding,
    UNetBlock,
    drop_labels,
)

CHANNELS_PER_HEAD = 64


class DhariwalUNet(nn.Module):
    """ADM U-Net ``F(x, c_noise, labels)``.

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
        attn_resolutions: resolutions whose blocks attend.
        dropout: probability of dropout, in training only.
        label_dropout: probability that a label is zeroed, in training only.
    """

    def __init__(
        self,
        img_resolution: int,
        in_channels: int,
        out_channels: int,
        label_dim: int = 0,
        augment_dim: int = 0,
        model_channels: int = 192,
        channel_mult: Sequence[int] = (1, 2, 3, 4),
        channel_mult_emb: int = 4,
        num_blocks: int = 3,
        attn_resolutions: Sequence[int] = (32, 16, 8),
        dropout: float = 0.10,
        label_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.label_dim = label_dim
        self.label_dropout = label_dropout
        emb = model_channels * channel_mult_emb
        self.map_noise = PositionalEmbedding(model_channels)
        self.map_augment = Linear(augment_dim, model_channels, bias=False) if augment_dim else None
        self.map_layer0 = Linear(model_channels, emb)
        self.map_layer1 = Linear(emb, emb)
        self.map_label = Linear(label_dim, emb, bias=False) if label_dim else None
        if self.map_label is not None and not self.map_label.weight.is_meta:
            nn.init.normal_(self.map_label.weight)

        channels = [model_channels * mult for mult in channel_mult]
        resolutions = [img_resolution >> level for level in range(len(channels))]

        def block(
            cin: int, cout: int, *, attention: bool = False, up: bool = False, down: bool = False
        ) -> UNetBlock:
            heads = _heads(cout) if attention else 0
            return UNetBlock(cin, cout, emb, up=up, down=down, heads=heads, dropout=dropout)

        self.enc = nn.ModuleDict()
        skips: list[int] = []
        width = channels[0]
        for level, (res, cout) in enumerate(zip(resolutions, channels, strict=True)):
            if level == 0:
                self.enc[f"{res}x{res}_conv"] = Conv2d(in_channels, cout, 3)
            else:
                self.enc[f"{res}x{res}_down"] = block(width, width, down=True)
            skips.append(width)
            for index in range(num_blocks):
                self.enc[f"{res}x{res}_block{index}"] = block(
                    width, cout, attention=res in attn_resolutions
                )
                width = cout
                skips.append(width)

        self.dec = nn.ModuleDict()
        for level in reversed(range(len(channels))):
            res, cout = resolutions[level], channels[level]
            if level == len(channels) - 1:
                self.dec[f"{res}x{res}_in0"] = block(width, width, attention=True)
                self.dec[f"{res}x{res}_in1"] = block(width, width)
            else:
                self.dec[f"{res}x{res}_up"] = block(width, width, up=True)
            for index in range(num_blocks + 1):
                self.dec[f"{res}x{res}_block{index}"] = block(
                    width + skips.pop(), cout, attention=res in attn_resolutions
                )
                width = cout
        self.out_norm = GroupNorm(width)
        self.out_conv = Conv2d(width, out_channels, 3, zero_init=True)

    def forward(
        self,
        x: Tensor,
        c_noise: Tensor,
        class_labels: Tensor | None,
        augment_labels: Tensor | None = None,
    ) -> Tensor:
        """Run the network.

        Args:
            x: ``(B, in_channels, R, R)``, float32 or float16.
            c_noise: ``(B,)`` float32 noise condition.
            class_labels: ``(B or 1, label_dim)`` float32, or None for an unconditional network.
            augment_labels: ``(B, augment_dim)`` or None.

        Returns:
            ``(B, out_channels, R, R)`` in the dtype of ``x``.
        """
        emb = self._embed(c_noise, class_labels, augment_labels)
        skips: list[Tensor] = []
        for module in self.enc.values():
            x = module(x, emb) if isinstance(module, UNetBlock) else module(x)
            skips.append(x)
        for name, module in self.dec.items():
            if "block" in name:
                x = torch.cat([x, skips.pop()], dim=1)
            x = module(x, emb)
        return self.out_conv(F.silu(self.out_norm(x)))

    def _embed(
        self, c_noise: Tensor, class_labels: Tensor | None, augment_labels: Tensor | None
    ) -> Tensor:
        emb = self.map_noise(c_noise)
        if self.map_augment is not None and augment_labels is not None:
            emb = emb + self.map_augment(augment_labels)
        emb = self.map_layer1(F.silu(self.map_layer0(emb)))
        if self.map_label is not None and class_labels is not None:
            if self.training and self.label_dropout:
                class_labels = drop_labels(class_labels, self.label_dropout)
            emb = emb + self.map_label(class_labels)
        return F.silu(emb)


def _heads(channels: int) -> int:
    if channels < CHANNELS_PER_HEAD:
        raise ValueError(
            f"a block with attention needs at least {CHANNELS_PER_HEAD} channels, "
            f"this one has {channels}"
        )
    return channels // CHANNELS_PER_HEAD
