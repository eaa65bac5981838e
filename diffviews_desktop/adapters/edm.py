"""The adapter for EDM-format models: any resolution, channel count and number of classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from diffviews_desktop.adapters.base import ForwardHook, GeneratorAdapter
from diffviews_desktop.adapters.checkpoint import load_model
from diffviews_desktop.adapters.device import get_device, move_to_device
from diffviews_desktop.adapters.hooks import HookMixin, first_tensor
from diffviews_desktop.adapters.networks.precond import EDMPrecond
from diffviews_desktop.adapters.registry import register_adapter
from diffviews_desktop.errors import AdapterError, CheckpointError


@register_adapter("edm")
class EDMAdapter(HookMixin, GeneratorAdapter):
    """An `EDMPrecond` model whose encoder and decoder blocks are the hookable layers.

    Names, in the order the blocks run: ``encoder_block_0 …``, the last encoder block
    ``encoder_bottleneck``, the first decoder block ``midblock``, then ``decoder_block_1 …``.
    """

    name: ClassVar[str] = "edm"
    network_config: ClassVar[dict[str, Any] | None] = None
    """Network of checkpoints that carry no configuration; None where only the file can tell."""

    def __init__(self, model: EDMPrecond, device: str = "auto") -> None:
        HookMixin.__init__(self)
        self.model = model
        self.to(device)
        self._modules_by_layer = _name_layers(model)
        self._shapes = self._trace_shapes()  # now, while no hook of anyone else is registered

    @property
    def model_type(self) -> str:
        return self.name

    @property
    def resolution(self) -> int:
        return self.model.img_resolution

    @property
    def img_channels(self) -> int:
        return self.model.img_channels

    @property
    def num_classes(self) -> int:
        return self.model.label_dim

    @property
    def hookable_layers(self) -> list[str]:
        return list(self._modules_by_layer)

    def forward(
        self, x: Tensor, sigma: Tensor, class_labels: Tensor | None = None, **kwargs: Any
    ) -> Tensor:
        x = x.to(self.device)
        sigma = torch.as_tensor(sigma).to(self.device)
        labels = None if class_labels is None else class_labels.to(self.device)
        return self.model(x, sigma, labels, **kwargs)

    def register_activation_hooks(
        self, layer_names: Sequence[str], hook_fn: ForwardHook
    ) -> list[RemovableHandle]:
        modules = [self._get_layer_module(name) for name in layer_names]
        return [module.register_forward_hook(hook_fn) for module in modules]

    def get_layer_shapes(self) -> dict[str, tuple[int, ...]]:
        return dict(self._shapes)

    @classmethod
    def from_checkpoint(
        cls,
        checkpoint_path: str | Path,
        device: str = "auto",
        label_dropout: float | None = None,
        **kwargs: Any,
    ) -> Self:
        """Load a checkpoint.

        Args:
            checkpoint_path: the file (see `diffviews_desktop.adapters.checkpoint`).
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
            label_dropout: replaces the model's own; it acts in training only.

        Raises:
            CheckpointError: the file cannot be used, or holds another network than this adapter's.
        """
        model = load_model(Path(checkpoint_path), cls.network_config)
        cls._check_model(model, Path(checkpoint_path))
        if label_dropout is not None:
            model.model.label_dropout = label_dropout
        return cls(model, device)

    @classmethod
    def get_default_config(cls) -> dict[str, Any]:
        return {
            "sigma_max": 80.0,
            "sigma_min": 0.002,
            "rho": 7.0,
            "default_steps": 18,
            "guidance_scale": 1.0,
        }

    def to(self, device: str) -> Self:
        self.device = get_device(device)
        self.model = move_to_device(self.model, self.device)
        if next(self.model.parameters()).device.type != torch.device(self.device).type:
            self.device = "cpu"  # the device refused the model
        return self

    def eval(self) -> Self:
        self.model.eval()
        return self

    @classmethod
    def _check_model(cls, model: EDMPrecond, path: Path) -> None:
        expected = cls.network_config
        if expected is None:
            return
        for key in ("img_resolution", "img_channels", "label_dim"):
            if getattr(model, key) != expected[key]:
                raise CheckpointError(
                    f"{path.name} is not a model for the adapter {cls.name}: its {key} is "
                    f"{getattr(model, key)}, not {expected[key]}. Use the adapter edm."
                )

    def _get_layer_module(self, layer_name: str) -> nn.Module:
        try:
            return self._modules_by_layer[layer_name]
        except KeyError:
            raise AdapterError(
                f"The model has no layer {layer_name!r}. Its layers: "
                f"{', '.join(self.hookable_layers)}."
            ) from None

    def _trace_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes from a forward pass of a copy without data (torch's meta device)."""
        shapes: dict[str, tuple[int, ...]] = {}
        names = {module: name for name, module in self._modules_by_layer.items()}

        def record(module: nn.Module, inputs: Any, output: Any) -> None:
            shapes[names[module]] = tuple(first_tensor(output).shape[1:])

        handles = [module.register_forward_hook(record) for module in names]
        size = (1, self.img_channels, self.resolution, self.resolution)
        tensors = {
            name: torch.empty_like(tensor, device="meta")
            for name, tensor in (*self.model.named_parameters(), *self.model.named_buffers())
        }
        try:
            torch.func.functional_call(
                self.model,
                tensors,
                (torch.empty(size, device="meta"), torch.empty(1, device="meta")),
            )
        finally:
            for handle in handles:
                handle.remove()
        return {name: shapes[name] for name in self.hookable_layers}


def _name_layers(model: EDMPrecond) -> dict[str, nn.Module]:
    encoder = list(model.model.enc.values())
    decoder = list(model.model.dec.values())
    named = {f"encoder_block_{i}": module for i, module in enumerate(encoder[:-1])}
    named["encoder_bottleneck"] = encoder[-1]
    named["midblock"] = decoder[0]
    named |= {f"decoder_block_{i}": module for i, module in enumerate(decoder[1:], start=1)}
    return named
