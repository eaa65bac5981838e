"""The DMD2 model of ImageNet at 64x64: the same network, distilled to one or a few steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.edm_imagenet import IMAGENET_64
from diffviews_desktop.adapters.registry import register_adapter
from diffviews_desktop.adapters.sampling import Churn
from diffviews_desktop.data.class_labels import load_class_labels


@register_adapter("dmd2-imagenet-64")
class DMD2ImageNetAdapter(EDMAdapter):
    """DMD2 ImageNet-64 (Yin et al. 2024), 37 hookable layers, one to ten denoising steps."""

    name: ClassVar[str] = "dmd2-imagenet-64"
    network_config: ClassVar[dict[str, Any] | None] = {
        **IMAGENET_64,
        "dropout": 0.0,
        "use_fp16": False,
    }
    published_sampler: ClassVar[dict[str, Any]] = {"num_steps": 1, "churn": Churn()}
    presets: Mapping[str, tuple[dict[str, Any], str]] = {
        "DMD2, one step": (
            {"num_steps": 1, "sampler": "renoise", "sigma_max": 80.0, "guidance_scale": 1.0},
            "As the model was distilled: one evaluation (Yin et al. 2024)",
        ),
    }

    @property
    def class_names(self) -> dict[int, str]:
        """Names of the classes, in the standard order of ImageNet."""
        return load_class_labels()

    @classmethod
    def get_default_config(cls) -> dict[str, Any]:
        changes = {"sigma_min": 0.5, "default_steps": 5, "sampler": "renoise"}
        return {**super().get_default_config(), **changes}
