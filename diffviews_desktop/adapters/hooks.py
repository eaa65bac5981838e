"""A convenience for adapters: keeps forward hooks, what they extracted, and masks."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.utils.hooks import RemovableHandle

from diffviews_desktop.adapters.base import ForwardHook


def first_tensor(output: Any) -> Tensor:
    """The tensor of a layer's output: the output itself, or element 0 of a tuple."""
    return output[0] if isinstance(output, tuple | list) else output


def replace_first(output: Any, tensor: Tensor) -> Any:
    """``output`` with its tensor replaced; further elements of a tuple are kept."""
    if not isinstance(output, tuple | list):
        return tensor
    parts = [tensor, *output[1:]]
    # a named tuple takes its elements one by one
    return output._make(parts) if hasattr(output, "_make") else type(output)(parts)


def fit_mask(mask: Tensor, output: Tensor) -> Tensor:
    """``mask`` on the device and in the dtype of ``output``, a batch of 1 expanded to its batch."""
    mask = mask.to(device=output.device, dtype=output.dtype)
    if mask.shape[0] == 1 and output.shape[0] != 1:
        mask = mask.expand(output.shape[0], *mask.shape[1:])
    return mask


class HookMixin:
    """Storage and hook factories that an adapter may use; call ``HookMixin.__init__`` first."""

    def __init__(self) -> None:
        self._activations: dict[str, Tensor] = {}
        self._masks: dict[str, Tensor] = {}
        self._handles: list[RemovableHandle] = []

    def make_extraction_hook(self, layer_name: str) -> ForwardHook:
        """A hook that stores the layer's output (detached, on the CPU) under ``layer_name``."""

        def hook(module: Any, inputs: Any, output: Any) -> None:
            self._activations[layer_name] = first_tensor(output).detach().to("cpu", copy=True)

        return hook

    def make_mask_hook(self, layer_name: str, mask: Tensor) -> ForwardHook:
        """A hook that replaces the layer's output by ``mask`` ``(1 or B, C, H, W)``."""
        self.set_mask(layer_name, mask)

        def hook(module: Any, inputs: Any, output: Any) -> Any:
            value = self._masks.get(layer_name)
            if value is None:
                return None
            return replace_first(output, fit_mask(value, first_tensor(output)))

        return hook

    def set_mask(self, layer_name: str, mask: Tensor) -> None:
        """Store a mask, on the CPU."""
        self._masks[layer_name] = mask.detach().cpu()

    def get_mask(self, layer_name: str) -> Tensor | None:
        """The mask of a layer, or None."""
        return self._masks.get(layer_name)

    def clear_mask(self, layer_name: str) -> None:
        """Forget the mask of one layer; its hook then lets the output through."""
        self._masks.pop(layer_name, None)

    def clear_masks(self) -> None:
        """Forget all masks."""
        self._masks.clear()

    def get_activations(self) -> dict[str, Tensor]:
        """What the extraction hooks stored, by layer."""
        return dict(self._activations)

    def get_activation(self, layer_name: str) -> Tensor | None:
        """What the extraction hook of one layer stored, or None."""
        return self._activations.get(layer_name)

    def clear_activations(self) -> None:
        """Forget what was extracted."""
        self._activations.clear()

    def add_handle(self, handle: RemovableHandle) -> None:
        """Remember a handle for `remove_hooks`."""
        self._handles.append(handle)

    def remove_hooks(self) -> None:
        """Remove every remembered hook."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    @property
    def num_hooks(self) -> int:
        """Number of remembered hooks."""
        return len(self._handles)
