"""The DMD2 model of ImageNet at 64x64: the same network, distilled to one or a few steps."""

from __future__ import annotations

from typing import Any, ClassVar

from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.edm_imagenet import IMAGENET_64
from diffviews_desktop.adapters.registry import register_adapter


@register_adapter("dmd2-imagenet-64")
class DMD2ImageNetAdapter(EDMAdapter):
    """DMD2 ImageNet-64 (Yin et al. 2024), 37 hookable layers, one to ten denoising steps."""

    name: ClassVar[str] = "dmd2-imagenet-64"
    network_config: ClassVar[dict[str, Any] | None] = {**IMAGENET_64, "dropout": 0.0}

    @classmethod
    def get_default_config(cls) -> dict[str, Any]:
        return {**super().get_default_config(), "sigma_min": 0.5, "default_steps": 5}
