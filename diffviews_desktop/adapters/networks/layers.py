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
        taps: Sequence[float] = (1, 1),
        zero_init: bool = False,
    ) -> None:
        super().__init__()
        if up and down:
            raise ValueError("a convolution resamples up or down, not both")
        self.in_channels = in_channels
        self.up = up
        self.down = down
        shape = (out_channels, in_channels, kernel, kernel)
        self.weight = nn.Parameter(_uniform(*shape, zero=zero_init)) if kernel else None
        self.bias = nn.Parameter(torch.zeros(out_channels)) if kernel else None
        self.register_buffer("resample_filter", _outer(taps) if up or down else None)

    def forward(self, x: Tensor) -> Tensor:
        if self.resample_filter is not None:
            x = self._resample(x, self.resample_filter.to(x.dtype))
        if self.weight is not None:
            padding = self.weight.shape[-1] // 2
            x = F.conv2d(x, self.weight.to(x.dtype), _cast(self.bias, x.dtype), padding=padding)
        return x

    def _resample(self, x: Tensor, taps: Tensor) -> Tensor:
        padding = (taps.shape[-1] - 1) // 2
        depthwise = taps.expand(self.in_channels, 1, -1, -1)
        if self.up:
            return F.conv_transpose2d(
                x, depthwise * 4, stride=2, padding=padding, groups=self.in_channels
            )
        return F.conv2d(x, depthwise, stride=2, padding=padding, groups=self.in_channels)


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
    attended = F.scaled_dot_product_attention(q, k, v)
    return attended.transpose(2, 3).reshape(batch, channels // 3, height, width)


def _uniform(*shape: int, zero: bool) -> Tensor:
    if zero:
        return torch.zeros(shape)
    bound = 1 / math.sqrt(math.prod(shape[1:]))
    return torch.empty(shape).uniform_(-bound, bound)


def _outer(taps: Sequence[float]) -> Tensor:
    line = torch.tensor(taps, dtype=torch.float32)
    return (torch.outer(line, line) / line.sum() ** 2)[None, None]


def _cast(tensor: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    return None if tensor is None else tensor.to(dtype)
