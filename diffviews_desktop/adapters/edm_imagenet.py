"""The EDM model of ImageNet at 64x64 (Karras et al. 2022)."""

from __future__ import annotations

from typing import Any, ClassVar

from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.registry import register_adapter
from diffviews_desktop.adapters.sampling import Churn
from diffviews_desktop.data.class_labels import load_class_labels

IMAGENET_64: dict[str, Any] = {
    "img_resolution": 64,
    "img_channels": 3,
    "label_dim": 1000,
    "sigma_data": 0.5,
    "model_channels": 192,
    "channel_mult": [1, 2, 3, 4],
    "num_blocks": 3,
    "attn_resolutions": [32, 16, 8],
    "dropout": 0.10,
    "label_dropout": 0.0,
    "use_fp16": True,
}


@register_adapter("edm-imagenet-64")
class EDMImageNetAdapter(EDMAdapter):
    """EDM ImageNet-64: 295.9 million parameters, 37 hookable layers, many denoising steps."""

    name: ClassVar[str] = "edm-imagenet-64"
    network_config: ClassVar[dict[str, Any] | None] = IMAGENET_64
    published_sampler: ClassVar[dict[str, Any]] = {
        "num_steps": 256,
        "churn": Churn(S_churn=40, S_min=0.05, S_max=50, S_noise=1.003),
    }

    @property
    def class_names(self) -> dict[int, str]:
        """Names of the classes, in the standard order of ImageNet."""
        return load_class_labels()
