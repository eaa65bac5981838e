"""Maskers that are ready to be hooked."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from diffviews_desktop.core.masking import ActivationMasker


def masker_of(adapter: Any, strength: float | Tensor = 1.0, **masks: Tensor) -> ActivationMasker:
    """A masker with a mask for each of some layers."""
    masker = ActivationMasker(adapter)
    for layer, mask in masks.items():
        masker.set_mask(layer, mask, strength)
    return masker
