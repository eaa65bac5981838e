"""The contract between the program and a model.

The extractor, the masker and the sampler use nothing of a model but what is declared here, so any
class with these members works, whether it inherits from `GeneratorAdapter` or not. An adapter whose
conditions are no label vectors, or whose samples are no pictures, has members of its own for that:
see `diffviews_desktop.adapters.model`.

An adapter may also have, as attribute or property: ``device`` (where its inputs belong; without it,
where its first parameter is), ``img_channels`` (3 without it), ``default_layer`` (the layer to map
first), ``sigma_min`` and ``sigma_max`` (the noise levels that the model knows), ``class_names``
(number to name), ``guidance_note`` (whether guidance was trained), ``label_dropout``
(with what probability conditions were dropped in training), ``presets`` (settings that were
published: name to changes and a note), ``notes`` (what had to be assumed when it was loaded),
``precision`` (what the network runs in; set on the class where it knows no other), and methods
``prepare()``, called before longer runs, ``round_sigma(sigma)``, the nearest noise level that the
model knows, and ``sample(num_samples, seed)``, its own way to draw pictures.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

ForwardHook = Callable[[nn.Module, Any, Any], Any]


class GeneratorAdapter(ABC):
    """One diffusion model: a denoiser whose layers can be listened to and replaced."""

    @property
    @abstractmethod
    def model_type(self) -> str:
        """Identifier of the model, such as ``"dmd2-imagenet-64"``."""

    @property
    @abstractmethod
    def resolution(self) -> int:
        """Height and width of the pictures."""

    @property
    @abstractmethod
    def num_classes(self) -> int:
        """Number of classes; 0 for an unconditional model."""

    @property
    @abstractmethod
    def hookable_layers(self) -> list[str]:
        """Names of the layers that hooks can be registered on, in the order they run."""

    @property
    def img_channels(self) -> int:
        """Channels of the pictures."""
        return 3

    @abstractmethod
    def forward(
        self, x: Tensor, sigma: Tensor, class_labels: Tensor | None = None, **kwargs: Any
    ) -> Tensor:
        """Denoise ``x``.

        Args:
            x: noisy pictures ``(B, C, R, R)``, image part in [-1, 1].
            sigma: noise level in data units, ``(B,)``.
            class_labels: label vectors ``(B, num_classes)``, or None.

        Returns:
            Denoised pictures ``(B, C, R, R)``.
        """

    @abstractmethod
    def register_activation_hooks(
        self, layer_names: Sequence[str], hook_fn: ForwardHook
    ) -> list[RemovableHandle]:
        """Register ``hook_fn(module, inputs, output)`` on layers.

        What the hook returns, if not None, replaces the layer's output.

        Raises:
            AdapterError: a layer does not exist.
        """

    @abstractmethod
    def get_layer_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape ``(C, H, W)`` of the output of every hookable layer."""

    @classmethod
    @abstractmethod
    def from_checkpoint(
        cls, checkpoint_path: str | Path, device: str = "auto", **kwargs: Any
    ) -> Self:
        """Load a model.

        Args:
            checkpoint_path: the checkpoint file.
            device: ``cpu``, ``cuda``, ``cuda:N`` or ``mps``; the program always names one, and
                calls with ``auto`` are for scripts.
            kwargs: only what the user asked for: ``label_dropout``, ``precision``, ``weights``;
                and, where the method names it, ``progress``, to be told 0 … 1 and free to raise.

        Raises:
            CheckpointError: the file is missing, unreadable or of another model.
        """

    @classmethod
    @abstractmethod
    def get_default_config(cls) -> dict[str, Any]:
        """Default settings: ``sigma_max``, ``sigma_min``, ``rho``, ``default_steps``,
        ``guidance_scale``; optionally ``guidance_note`` and ``sampler``: ``renoise``, for few-step
        models and where it is not said, or ``heun``, for models of EDM's kind."""

    @abstractmethod
    def to(self, device: str) -> Self:
        """Move the model to a device."""

    @abstractmethod
    def eval(self) -> Self:
        """Put the model in evaluation mode."""
