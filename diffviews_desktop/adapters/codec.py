"""Between pictures and what a model denoises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diffviews_desktop.adapters.sampling import tensor_to_uint8_image

_VALUES = torch.from_numpy(np.arange(256, dtype=np.float32) / 127.5 - 1)  # of every byte


class Codec(Protocol):
    """Turns pictures into samples and back.

    Attributes:
        image_shape: ``(H, W, C)`` of the pictures.
    """

    @property
    def image_shape(self) -> tuple[int, int, int]: ...

    def decode(self, samples: Tensor) -> Tensor:
        """Samples ``(B, *sample_shape)`` as pictures ``(B, H, W, C) uint8`` on the CPU."""

    def encode(self, images: NDArray[np.uint8]) -> Tensor:
        """Pictures ``(B, H, W, C) uint8`` as samples ``(B, *sample_shape) float32`` on the CPU."""


@dataclass(frozen=True)
class PixelCodec:
    """Of a model that denoises the pictures themselves: ``(B, C, H, W)`` in [-1, 1]."""

    image_shape: tuple[int, int, int]

    def decode(self, samples: Tensor) -> Tensor:
        """``trunc((x + 1) * 127.5)``, clamped to 0 … 255."""
        return tensor_to_uint8_image(samples)

    def encode(self, images: NDArray[np.uint8]) -> Tensor:
        """``x / 127.5 - 1``."""
        return _VALUES[torch.tensor(images).long()].permute(0, 3, 1, 2).contiguous()
