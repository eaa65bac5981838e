"""Masks: fixed activations that replace what layers compute."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diffviews_desktop.adapters.base import ForwardHook, GeneratorAdapter
from diffviews_desktop.adapters.hooks import first_tensor, fit_mask, replace_first
from diffviews_desktop.adapters.model import Model
from diffviews_desktop.data.activations.arrays import Float32, layer_slices
from diffviews_desktop.data.activations.npz import NpzFile
from diffviews_desktop.errors import MaskError
from diffviews_desktop.text.wording import no_layer

Float64 = NDArray[np.float64]


class ActivationMasker:
    """Replaces the outputs of layers by fixed values while its hooks are registered.

    A mask of batch 1 serves any batch; of a tuple output, element 0 is replaced; a hook whose mask
    was cleared lets the output through. Below strength 1, what the layer computed is kept in part
    (see `blend`). Use as a context manager to register and remove.
    """

    def __init__(self, adapter: GeneratorAdapter | Model) -> None:
        self.adapter = adapter
        self._masks: dict[str, Tensor] = {}
        self._strengths: dict[str, float | Tensor] = {}
        self._handles: list[Any] = []
        self._registered: list[str] = []

    def __enter__(self) -> Self:
        self.register_hooks()
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove_hooks()

    @property
    def masks(self) -> dict[str, Tensor]:
        """The masks by layer, ``(1 or B, C, H, W)``, on the CPU."""
        return dict(self._masks)

    @property
    def strengths(self) -> dict[str, float | Tensor]:
        """How much of each mask is imposed, by layer: 0 … 1, or one such number a row ``(B,)``."""
        return dict(self._strengths)

    def set_mask(self, layer_name: str, activation: Tensor, strength: float | Tensor = 1.0) -> None:
        """Fix a layer's output to ``activation``, ``(1 or B, C, H, W)``.

        Args:
            layer_name: the layer.
            activation: the mask.
            strength: 0 … 1, or one such number a row ``(B,)``: 1 replaces what the layer computes,
                0 leaves it.

        Raises:
            MaskError: it holds values that are not finite, or the strength is not within 0 … 1.
        """
        if not torch.isfinite(activation).all():
            raise MaskError(f"The mask for {layer_name} holds values that are not finite numbers.")
        strengths = torch.as_tensor(strength, dtype=torch.float32)
        if not ((strengths >= 0) & (strengths <= 1)).all():
            raise MaskError(f"The strength of a mask must be between 0 and 1, not {strength}.")
        self._masks[layer_name] = activation.detach().cpu()
        self._strengths[layer_name] = strengths if isinstance(strength, Tensor) else float(strength)

    def clear_mask(self, layer_name: str) -> None:
        """Forget the mask of one layer."""
        self._masks.pop(layer_name, None)
        self._strengths.pop(layer_name, None)

    def clear_masks(self) -> None:
        """Forget all masks."""
        self._masks.clear()
        self._strengths.clear()

    def _make_hook(self, name: str) -> ForwardHook:
        def hook(module: Any, inputs: Any, output: Any) -> Any:
            mask = self._masks.get(name)
            if mask is None:
                return None
            tensor = first_tensor(output)
            if mask.shape[1:] != tensor.shape[1:] or mask.shape[0] not in (1, len(tensor)):
                raise MaskError(
                    f"The mask for {name} has shape {tuple(mask.shape)}; "
                    f"the layer gives {tuple(tensor.shape)}."
                )
            return replace_first(output, blend(tensor, mask, self._strengths[name]))

        return hook

    def register_hooks(self, layers: Sequence[str] | None = None) -> None:
        """Register hooks on ``layers``, or on every layer that has a mask. Replaces earlier hooks.

        Raises:
            AdapterError: a layer does not exist; no hook is left behind then.
        """
        self.remove_hooks()
        names = list(self._masks if layers is None else layers)
        try:
            for name in names:
                self._handles += self.adapter.register_activation_hooks(
                    [name], self._make_hook(name)
                )
        except BaseException:
            self.remove_hooks()
            raise
        self._registered = names

    def remove_hooks(self) -> None:
        """Remove the hooks; the masks stay."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._registered = []

    @property
    def registered_layers(self) -> list[str]:
        """Layers that hooks are registered on at present."""
        return list(self._registered)


def blend(output: Tensor, mask: Tensor, strength: float | Tensor) -> Tensor:
    """``output + strength * (mask - computed)``, exactly the mask at strength 1 and exactly what
    was computed at 0.

    Args:
        output: what a layer computed, ``(B, C, H, W)``.
        mask: ``(1 or B, C, H, W)``.
        strength: 0 … 1, or one such number a row ``(1 or B,)``.
    """
    target = fit_mask(mask, output)
    if isinstance(strength, Tensor):
        share = strength.to(output.device).reshape(-1, *[1] * (output.ndim - 1))
        mixture = torch.lerp(output, target, share.to(output.dtype))
        return torch.where(share == 1, target, torch.where(share == 0, output, mixture))
    if strength in (0.0, 1.0):
        return target if strength else output
    return torch.lerp(output, target, strength)


def load_activation_from_npz(npz_path: str | Path, layer_name: str) -> Tensor:
    """Read one layer from a saved ``.npz``; a one-dimensional array becomes a batch of one.

    Raises:
        DataError: the file is missing or damaged, or holds pickled objects.
        MaskError: the file has no such layer; the text lists those it has.
    """
    file = NpzFile.open(Path(npz_path))
    if layer_name not in file.arrays:
        raise MaskError(no_layer(file.path.name, layer_name, file.arrays))
    activation = torch.from_numpy(file.read(layer_name))
    return activation[None] if activation.ndim == 1 else activation


def unflatten_activation(flat_activation: Tensor, target_shape: Sequence[int]) -> Tensor:
    """Reshape a flat activation ``(D,)`` or ``(1, D)`` to ``(1, C, H, W)``.

    Raises:
        MaskError: the number of values does not match ``target_shape`` ``(C, H, W)``.
    """
    if flat_activation.numel() != math.prod(target_shape):
        raise MaskError(
            f"An activation of {flat_activation.numel()} values does not fill "
            f"the shape {tuple(target_shape)}."
        )
    return torch.reshape(flat_activation, (1, *target_shape))


def compute_mask_dict(
    activations: NDArray,
    neighbor_indices: Sequence[int],
    layer_shapes: Mapping[str, Sequence[int]],
    layers: Sequence[str] | None = None,
    weights: Sequence[float] | None = None,
) -> dict[str, Float32]:
    """Average rows of activations into one mask a layer.

    Args:
        activations: ``(N, D)``, rows as `flatten_layers` makes them; may be memory-mapped, only the
            chosen rows are read.
        neighbor_indices: the rows to average.
        layer_shapes: ``(C, H, W)`` of each layer; more layers than ``layers`` may be given.
        layers: layers in the matrix; None for all of ``layer_shapes``.
        weights: how much each row counts, not negative; they need not add up to 1. None for the
            plain mean.

    Returns:
        ``{layer: (1, C, H, W) float32}``.

    Raises:
        MaskError: no rows, no layers, a row out of range or not finite, an unknown layer, weights
            that cannot be, or a matrix of another width than the layers have together.
    """
    names = sorted(layer_shapes if layers is None else layers)
    if not names:
        raise MaskError("A mask needs at least one layer.")
    unknown = [name for name in names if name not in layer_shapes]
    if unknown:
        raise MaskError(no_layer("The model", unknown[0], layer_shapes))
    rows = np.asarray(list(neighbor_indices), dtype=np.int64)
    if not len(rows):
        raise MaskError("A mask needs at least one sample: pick a point on the map first.")
    missing = rows[(rows < 0) | (rows >= len(activations))]
    if len(missing):
        raise MaskError(f"Sample {missing[0]} does not exist ({len(activations)} samples).")
    shapes = {name: tuple(layer_shapes[name]) for name in names}
    slices = layer_slices(shapes)
    width = max(part.stop for part in slices.values())
    if activations.shape[1] != width:
        raise MaskError(
            f"The activations have {activations.shape[1]} values a sample, "
            f"the layers {' + '.join(names)} have {width}."
        )
    matrix = np.asarray(activations[rows], dtype=np.float32)
    bad = rows[~np.isfinite(matrix).all(axis=1)]
    if len(bad):
        numbers = ", ".join(map(str, bad.tolist()))
        raise MaskError(f"The activations of these samples are not finite numbers: {numbers}.")
    if weights is None:
        mean = matrix.mean(axis=0, dtype=np.float64).astype(np.float32)
    else:
        mean = np.average(matrix, axis=0, weights=_check(weights, len(rows))).astype(np.float32)
    return {name: mean[slices[name]].reshape(1, *shapes[name]) for name in names}


def _check(weights: Sequence[float], count: int) -> Float64:
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (count,) or not np.isfinite(values).all() or (values < 0).any():
        raise MaskError(f"{count} samples need {count} weights, none negative: {values.tolist()}.")
    if not values.sum() > 0:
        raise MaskError("At least one sample of a mask must have a weight above 0.")
    return values


def distance_weights(distances: Sequence[float]) -> list[float]:
    """How much samples at these distances from the anchor count: a Gaussian whose width is the
    mean distance of those that are not at the anchor itself; the anchor's own weight is 1."""
    values = np.asarray(distances, dtype=np.float64)
    others = values[values > 0]
    if not len(others):
        return [1.0] * len(values)
    return np.exp(-0.5 * (values / others.mean()) ** 2).tolist()
