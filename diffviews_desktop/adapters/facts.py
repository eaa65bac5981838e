"""What an adapter says of its model, read once and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diffviews_desktop.adapters.device import adapter_device
from diffviews_desktop.errors import AdapterError
from diffviews_desktop.values.layers import LayerShape
from diffviews_desktop.values.models import ModelFacts


def channels_of(adapter: Any) -> int:
    """Channels of the pictures of an adapter; 3 where it does not say."""
    return int(getattr(adapter, "img_channels", 3))


def facts_of(
    adapter: Any, sample_shape: tuple[int, ...], image_shape: tuple[int, int, int]
) -> ModelFacts:
    """The facts of a loaded adapter.

    Args:
        adapter: the adapter.
        sample_shape: of what it denoises.
        image_shape: ``(H, W, C)`` of its pictures.

    Raises:
        AdapterError: it contradicts itself, or says what cannot be used.
    """
    name = str(adapter.model_type)
    shapes = _shapes(name, adapter)
    defaults: dict[str, Any] = dict(adapter.get_default_config())
    height, width, channels = image_shape
    if height != width:
        raise _refusal(name, f"makes pictures of {width}x{height}, which are not square")
    if min(*image_shape, *sample_shape) < 1:
        raise _refusal(name, f"makes pictures of the shape {image_shape}")
    if int(adapter.num_classes) < 0:
        raise _refusal(name, f"has {adapter.num_classes} classes")
    highest = getattr(adapter, "sigma_max", None)
    dropout = getattr(adapter, "label_dropout", None)
    note = getattr(adapter, "guidance_note", None) or defaults.get("guidance_note")
    return ModelFacts(
        model_type=name,
        resolution=height,
        channels=channels,
        sample_shape=sample_shape,
        num_classes=int(adapter.num_classes),
        prompts=bool(getattr(adapter, "prompts", False)),
        layers=shapes,
        default_layer=_default_layer(adapter, shapes),
        defaults=defaults,
        device=str(adapter_device(adapter)),
        precision=str(getattr(adapter, "precision", None) or ""),
        sigma_min=float(getattr(adapter, "sigma_min", None) or 0.0),
        sigma_max=float("inf") if highest is None else float(highest),
        class_names=dict(getattr(adapter, "class_names", None) or {}),
        guidance_note=str(note or ""),
        label_dropout=None if dropout is None else float(dropout),
        notes=tuple(map(str, getattr(adapter, "notes", ()))),
        presets=_presets(adapter),
    )


def _shapes(name: str, adapter: Any) -> dict[str, LayerShape]:
    layers, shapes = list(adapter.hookable_layers), adapter.get_layer_shapes()
    if not layers:
        raise _refusal(name, "lists no layers")
    if set(layers) - shapes.keys():
        raise _refusal(name, "lists layers that it gives no shape of")
    return {layer: LayerShape(map(int, shapes[layer])) for layer in layers}


def _default_layer(adapter: Any, shapes: Mapping[str, tuple[int, ...]]) -> str:
    for layer in (str(getattr(adapter, "default_layer", "")), "encoder_bottleneck"):
        if layer in shapes:
            return layer
    return next(iter(shapes))


def _presets(adapter: Any) -> dict[str, tuple[dict[str, Any], str]]:
    presets = dict(getattr(adapter, "presets", None) or {})
    return {str(name): (dict(changes), str(note)) for name, (changes, note) in presets.items()}


def _refusal(name: str, reason: str) -> AdapterError:
    return AdapterError(f"The adapter {name} {reason}. Ask its author.")
