"""The building blocks that the U-Nets of the EDM family share.

Weights are kept in float32 and cast on the fly to the dtype of the input, so that one set of
weights serves a float32 and a float16 forward pass.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Linear(nn.Module):
    """Affine map ``(B, in_features) -> (B, out_features)``."""

    def __init__(
        self, in_features: int, out_features: int, *, bias: bool = True, zero_init: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(_uniform(out_features, in_features, zero=zero_init))
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.to(x.dtype), _cast(self.bias, x.dtype))


class Conv2d(nn.Module):
    """Convolution that may first halve or double the resolution with a fixed filter.

    ``kernel`` 0 means that the module has no weight and only resamples.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel: 0, 1 or 3.
        up: double the resolution before the convolution.
        down: halve the resolution before the convolution.
        fused: halve it after the convolution instead; only with ``down``.
        taps: the one-dimensional resampling filter; its normalised outer product is used.
        zero_init: start from zero weights.
    """

    resample_filter: Tensor | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        up: bool = False,
        down: bool = False,
        fused: bool = False,
        taps: Sequence[float] = (1, 1),
        zero_init: bool = False,
    ) -> None:
        super().__init__()
        if up and down:
            raise ValueError("a convolution resamples up or down, not both")
        self.up = up
        self.down = down
        self.fused = fused
        shape = (out_channels, in_channels, kernel, kernel)
        self.weight = nn.Parameter(_uniform(*shape, zero=zero_init)) if kernel else None
        self.bias = nn.Parameter(torch.zeros(out_channels)) if kernel else None
        self.register_buffer("resample_filter", _outer(taps) if up or down else None)

    def forward(self, x: Tensor) -> Tensor:
        taps = self.resample_filter
        if taps is not None and not self.fused:
            x = self._resample(x, taps.to(x.dtype), (taps.shape[-1] - 1) // 2)
        if self.weight is None:
            return x
        weight, bias = self.weight.to(x.dtype), _cast(self.bias, x.dtype)
        padding = weight.shape[-1] // 2
        if taps is None or not self.fused:
            return F.conv2d(x, weight, bias, padding=padding)
        # the border that the filter needs is added to the convolution's, and the bias comes last
        x = F.conv2d(x, weight, padding=padding + (taps.shape[-1] - 1) // 2)
        x = self._resample(x, taps.to(x.dtype), 0)
        return x if bias is None else x + bias[:, None, None]

    def _resample(self, x: Tensor, taps: Tensor, padding: int) -> Tensor:
        channels = x.shape[1]
        depthwise = taps.expand(channels, 1, -1, -1)
        if self.up:
            return F.conv_transpose2d(x, depthwise * 4, stride=2, padding=padding, groups=channels)
        return F.conv2d(x, depthwise, stride=2, padding=padding, groups=channels)


class GroupNorm(nn.Module):
    """Group normalisation with ``min(32, channels // 4)`` groups."""

    def __init__(self, channels: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.groups = min(32, channels // 4)
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(
            x, self.groups, self.weight.to(x.dtype), self.bias.to(x.dtype), self.eps
        )


class PositionalEmbedding(nn.Module):
    """Sinusoidal embedding ``(B,) -> (B, channels)``, cosines first.

    Frequencies are ``10000 ** (-i / half)`` for ``i`` in ``0 .. half - 1``; with ``endpoint``
    the divisor is ``half - 1``.
    """

    def __init__(self, channels: int, *, endpoint: bool = False) -> None:
        super().__init__()
        self.channels = channels
        self.endpoint = endpoint

    def forward(self, t: Tensor) -> Tensor:
        half = self.channels // 2
        steps = torch.arange(half, dtype=torch.float32, device=t.device)
        freqs = 10000.0 ** (-steps / (half - int(self.endpoint)))
        angles = torch.outer(t.to(torch.float32), freqs)
        return torch.cat([angles.cos(), angles.sin()], dim=1)


class FourierEmbedding(nn.Module):
    """Embedding ``(B,) -> (B, channels)`` by fixed random frequencies, cosines first.

    The frequencies are drawn from a normal distribution of standard deviation ``scale`` and are a
    buffer ``freqs`` of the state dict.
    """

    freqs: Tensor

    def __init__(self, channels: int, *, scale: float = 16.0) -> None:
        super().__init__()
        self.register_buffer("freqs", torch.randn(channels // 2) * scale)

    def forward(self, t: Tensor) -> Tensor:
        angles = torch.outer(t.to(torch.float32), 2 * math.pi * self.freqs)
        return torch.cat([angles.cos(), angles.sin()], dim=1)


class UNetBlock(nn.Module):
    """Residual block that takes in the embedding, may resample, and may attend.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        emb_channels: size of the embedding.
        up: double the resolution.
        down: halve it.
        heads: attention heads; 0 for no attention.
        dropout: probability of dropout, in training only.
        scale_shift: the embedding scales and shifts after the second normalisation; otherwise it
            is added before it.
        skip_scale: factor on the residual sum, and again on the sum with the attention.
        eps: of the group normalisations.
        taps: resampling filter.
        project: the skip path of a resampling block has a weight even where channels do not
            change.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        emb_channels: int,
        *,
        up: bool = False,
        down: bool = False,
        heads: int = 0,
        dropout: float = 0.0,
        scale_shift: bool = True,
        skip_scale: float = 1.0,
        eps: float = 1e-5,
        taps: Sequence[float] = (1, 1),
        project: bool = False,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.heads = heads
        self.scale_shift = scale_shift
        self.skip_scale = skip_scale
        self.norm0 = GroupNorm(in_channels, eps=eps)
        self.conv0 = Conv2d(in_channels, out_channels, 3, up=up, down=down, taps=taps)
        self.affine = Linear(emb_channels, out_channels * (2 if scale_shift else 1))
        self.norm1 = GroupNorm(out_channels, eps=eps)
        self.conv1 = Conv2d(out_channels, out_channels, 3, zero_init=True)
        self.skip: Conv2d | None = None
        resampling = up or down
        if in_channels != out_channels or resampling:
            kernel = 1 if in_channels != out_channels or project else 0
            self.skip = Conv2d(in_channels, out_channels, kernel, up=up, down=down, taps=taps)
        if heads:
            self.norm2 = GroupNorm(out_channels, eps=eps)
            self.qkv = Conv2d(out_channels, 3 * out_channels, 1)
            self.proj = Conv2d(out_channels, out_channels, 1, zero_init=True)

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        h = self.conv0(F.silu(self.norm0(x)))
        style = self.affine(emb).to(x.dtype)[:, :, None, None]
        if self.scale_shift:
            scale, shift = style.chunk(2, dim=1)
            h = F.silu(torch.addcmul(shift, self.norm1(h), scale + 1))
        else:
            h = F.silu(self.norm1(h + style))
        h = self.conv1(F.dropout(h, self.dropout, self.training))
        y = h + (x if self.skip is None else self.skip(x))
        if self.skip_scale != 1.0:
            y = y * self.skip_scale
        if self.heads:
            y = self.proj(self_attention(self.qkv(self.norm2(y)), self.heads)) + y
            if self.skip_scale != 1.0:
                y = y * self.skip_scale
        return y


def drop_labels(labels: Tensor, probability: float) -> Tensor:
    """Label vectors, each zeroed with a probability: the label dropout of training."""
    keep = torch.rand(len(labels), 1, device=labels.device) >= probability
    return labels * keep


def self_attention(qkv: Tensor, heads: int) -> Tensor:
    """Multi-head self-attention over the pixels of a feature map.

    Args:
        qkv: ``(B, 3 * C, H, W)``; within a head the channels hold q, k and v interleaved
            innermost: channel ``head * 3d + 3 * i + {0, 1, 2}``.
        heads: number of heads; ``d = C // heads``.

    Returns:
        ``(B, C, H, W)``, heads concatenated in order.
    """
    batch, channels, height, width = qkv.shape
    depth = channels // (3 * heads)
    split = qkv.reshape(batch, heads, depth, 3, height * width).transpose(2, 4)
    q, k, v = split.unbind(3)  # each (B, heads, H * W, d)
    output = F.scaled_dot_product_attention(q, k, v)
    return output.transpose(2, 3).reshape(batch, channels // 3, height, width)


def _uniform(*shape: int, zero: bool) -> Tensor:
    if zero:
        return torch.zeros(shape)
    bound = 1 / math.sqrt(math.prod(shape[1:]))
    values = torch.empty(shape)
    # without data there is nothing to draw, and torch would import a compiler to find that out
    return values if values.is_meta else values.uniform_(-bound, bound)


def _outer(taps: Sequence[float]) -> Tensor:
    total = sum(taps) ** 2
    square = [[a * b / total for b in taps] for a in taps]
    return torch.tensor(square, dtype=torch.float32)[None, None]


def _cast(tensor: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    return None if tensor is None else tensor.to(dtype)
