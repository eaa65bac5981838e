"""What adapters have in common whose hookable layers are modules of one network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from diffviews_desktop.adapters.base import ForwardHook, GeneratorAdapter
from diffviews_desktop.adapters.device import get_device, move_to_device
from diffviews_desktop.adapters.hooks import HookMixin, first_tensor
from diffviews_desktop.errors import AdapterError
from diffviews_desktop.text.wording import no_layer


class NetworkAdapter(HookMixin, GeneratorAdapter):
    """An adapter of one network.

    Attributes:
        model: the network.
        device: where it is.
    """

    model: nn.Module
    device: str
    _modules_by_layer: Mapping[str, nn.Module]
    _shapes: Mapping[str, tuple[int, ...]]

    def register_activation_hooks(
        self, layer_names: Sequence[str], hook_fn: ForwardHook
    ) -> list[RemovableHandle]:
        modules = [self._get_layer_module(name) for name in layer_names]
        return [module.register_forward_hook(hook_fn) for module in modules]

    def get_layer_shapes(self) -> dict[str, tuple[int, ...]]:
        return dict(self._shapes)

    def to(self, device: str) -> Self:
        self.device = get_device(device)
        self.model = move_to_device(self.model, self.device)
        if next(self.model.parameters()).device.type != torch.device(self.device).type:
            self.device = "cpu"  # the device refused the model
        return self

    def eval(self) -> Self:
        self.model.eval()
        return self

    def _get_layer_module(self, layer_name: str) -> nn.Module:
        try:
            return self._modules_by_layer[layer_name]
        except KeyError:
            raise AdapterError(no_layer("The model", layer_name, self.hookable_layers)) from None


@contextmanager
def recorded_shapes(names: Mapping[nn.Module, str]) -> Iterator[dict[str, tuple[int, ...]]]:
    """The shape of what each module puts out for a sample, by its name and in running order, once
    the network has run."""
    shapes: dict[str, tuple[int, ...]] = {}

    def record(module: nn.Module, inputs: Any, output: Any) -> None:
        shapes[names[module]] = tuple(first_tensor(output).shape[1:])

    handles = [module.register_forward_hook(record) for module in names]
    try:
        yield shapes
    finally:
        for handle in handles:
            handle.remove()


def run_without_data(network: nn.Module, *inputs: Any) -> None:
    """Run a copy of a network without data (torch's meta device) on inputs that are there, too."""
    tensors = {
        name: torch.empty_like(tensor, device="meta")
        for name, tensor in (*network.named_parameters(), *network.named_buffers())
    }
    torch.func.functional_call(network, tensors, inputs)
