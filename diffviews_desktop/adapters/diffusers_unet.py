"""The adapter for models in diffusers' format: a `UNet2DModel` and its scheduler.

A scheduler's training formula becomes a denoiser in noise levels, as every adapter's (see
`diffviews_desktop.adapters.diffusers_noise`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from diffviews_desktop.adapters.diffusers_noise import make_conversion
from diffviews_desktop.adapters.formats.diffusers_bounds import check_network
from diffviews_desktop.adapters.formats.diffusers_folder import (
    check_index,
    find_pipeline,
    find_scheduler,
    import_diffusers,
    load_network,
    load_scheduler,
    reason_of,
    short_name,
)
from diffviews_desktop.adapters.formats.stored import Progress
from diffviews_desktop.adapters.hooks import HookMixin
from diffviews_desktop.adapters.network_adapter import (
    NetworkAdapter,
    recorded_shapes,
    run_without_data,
)
from diffviews_desktop.adapters.registry import register_adapter
from diffviews_desktop.errors import AdapterError, CheckpointError, UsageError
from diffviews_desktop.files.reading import meant_as_file

_BLOCK_PARTS = ("resnets", "attentions", "downsamplers", "upsamplers")


@register_adapter("diffusers")
class DiffusersAdapter(NetworkAdapter):
    """A diffusers `UNet2DModel` as a denoiser in noise levels.

    Layers have the names of their modules: ``conv_in``, ``down_blocks.0.resnets.0``,
    ``down_blocks.0.attentions.0``, ``down_blocks.0.downsamplers.0``, …, ``mid_block``,
    ``up_blocks.0.resnets.0``, …, ``conv_out``.

    Args:
        unet: a `UNet2DModel`; it is put in float32 and evaluation mode, without gradients.
        scheduler: a scheduler of `SCHEDULERS`, the one it was trained with or one of its kind.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        unet_source: what error texts call the network's configuration.
        scheduler_source: the same for the scheduler's.
        notes: what had to be chosen when it was loaded.

    Raises:
        CheckpointError: the network or the scheduler is of a kind that cannot be used.
    """

    precision: ClassVar[str] = "float32"
    """Its only one."""

    def __init__(
        self,
        unet: Any,
        scheduler: Any,
        device: str = "auto",
        *,
        unet_source: str = "The UNet's configuration",
        scheduler_source: str = "The scheduler's configuration",
        notes: Sequence[str] = (),
    ) -> None:
        HookMixin.__init__(self)
        self.notes = tuple(notes)
        config: Mapping[str, Any] = unet.config
        self._resolution = check_network(config, unet_source)
        self._channels: int = config["in_channels"]
        self._conversion = make_conversion(scheduler, scheduler_source)
        if config["time_embedding_type"] == "fourier" and not self._conversion.told_sigma:
            raise CheckpointError(
                f"{scheduler_source}: {type(scheduler).__name__} tells steps to a network that "
                "embeds noise levels (time_embedding_type fourier). Use the scheduler that the "
                "model was trained with."
            )
        if config["num_class_embeds"] is not None:
            unet.class_embedding = _LabelEmbedding(unet.class_embedding.weight)
        self._num_classes: int = config["num_class_embeds"] or 0
        self.model = unet.float().requires_grad_(False).eval()
        # now, while no hook of anyone else is registered
        self._shapes = self._trace_shapes(unet_source)
        self._modules_by_layer = {name: unet.get_submodule(name) for name in self._shapes}
        self.to(device)

    @property
    def model_type(self) -> str:
        return "diffusers"

    @property
    def resolution(self) -> int:
        return self._resolution

    @property
    def img_channels(self) -> int:
        return self._channels

    @property
    def num_classes(self) -> int:
        return self._num_classes

    @property
    def hookable_layers(self) -> list[str]:
        return list(self._shapes)

    @property
    def default_layer(self) -> str:
        """The layer to show first: the middle, or the last one before the decoder without it."""
        if "mid_block" in self._shapes:
            return "mid_block"
        return [name for name in self._shapes if name.startswith("down_blocks")][-1]

    @property
    def sigma_min(self) -> float:
        """Lowest noise level: of a DDPM model, the first trained one; of EDM, the scheduler's."""
        return self._conversion.sigma_min

    @property
    def sigma_max(self) -> float:
        """Highest noise level: of a DDPM model, the last finite one; of EDM, the scheduler's."""
        return self._conversion.sigma_max

    def round_sigma(self, sigma: Tensor | float) -> Tensor:
        """The nearest noise level that the model was trained at; for EDM, every one is."""
        return self._conversion.round_sigma(torch.as_tensor(sigma))

    def forward(
        self, x: Tensor, sigma: Tensor, class_labels: Tensor | None = None, **kwargs: Any
    ) -> Tensor:
        """Denoise ``x``, as the scheduler predicts the clean picture.

        Where the scheduler's file asks for it (``clip_sample``, ``thresholding``), the prediction
        is limited as the scheduler does.

        Args:
            x: noisy pictures ``(B, C, R, R)``: image in [-1, 1] plus ``sigma`` times noise.
            sigma: noise level in data units, scalar or ``(B,)``.
            class_labels: label vectors ``(B or 1, num_classes)``; they weight the rows of the
                embedding of classes. None means all zeros; an unconditional model ignores them.
            kwargs: not used.

        Returns:
            The denoised pictures ``(B, C, R, R)`` float32.

        Raises:
            UsageError: a noise level is outside the model's range, or the labels are of another
                number of classes.
        """
        # the coefficients are float64 on the CPU, because not every device has float64
        levels = torch.as_tensor(sigma).detach().cpu().double().reshape(-1)
        c_skip, c_out, c_in, timestep = (
            part.to(torch.float32).to(self.device) for part in self._conversion(levels)
        )
        x = x.to(torch.float32).to(self.device)
        if self._conversion.from_zero:
            x = (x + 1) / 2
        labels = self._labels(class_labels)
        raw = self.model(_column(c_in) * x, timestep.expand(len(x)), labels, return_dict=False)[0]
        denoised = _column(c_skip) * x + _column(c_out) * raw[:, : self._channels]
        if self._conversion.from_zero:
            denoised = 2 * denoised - 1
        return self._conversion.limit(denoised)

    @classmethod
    def from_checkpoint(
        cls,
        checkpoint_path: str | Path,
        device: str = "auto",
        *,
        label_dropout: float | None = None,
        progress: Progress = lambda fraction: None,
        weights: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Load a folder.

        Args:
            checkpoint_path: a pipeline's folder (``model_index.json``, ``unet/``, ``scheduler/``),
                a UNet's folder (``config.json`` and weights; the scheduler in it or beside it), or
                a file in one of these.
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
            label_dropout: not used: these networks have none of their own.
            progress: told how far it is; may raise to stop.
            weights: the variant of the weights, such as ``fp16`` or ``full``; None for the first
                there is in the order of `VARIANTS`.
            kwargs: not used.

        Raises:
            AdapterError: the diffusers package is not installed, or too old.
            CheckpointError: a file is missing, damaged, or describes what cannot be used.
        """
        try:
            import_diffusers()
        except ImportError as error:
            raise AdapterError(
                "A model in diffusers' format needs the diffusers package: "
                "pip install 'diffviews-desktop[diffusers]'"
            ) from error
        folder = find_pipeline(Path(checkpoint_path))
        if meant_as_file(folder / "model_index.json"):
            check_index(folder / "model_index.json")
        nested = meant_as_file(folder / "unet" / "config.json")
        unet_folder = folder / "unet" if nested else folder
        unet, notes = load_network(unet_folder, progress, weights)
        scheduler_file = find_scheduler(unet_folder)
        scheduler = load_scheduler(scheduler_file)
        return cls(
            unet,
            scheduler,
            device,
            unet_source=short_name(unet_folder / "config.json"),
            scheduler_source=short_name(scheduler_file),
            notes=notes,
        )

    @classmethod
    def get_default_config(cls) -> dict[str, Any]:
        return {
            "sigma_max": 80.0,
            "sigma_min": 0.02,
            "rho": 7.0,
            "default_steps": 18,
            "guidance_scale": 1.0,
            "guidance_note": (
                "The files do not say whether labels were dropped in training; "
                "without that, guidance other than 1 has no meaning."
            ),
        }

    def _labels(self, class_labels: Tensor | None) -> Tensor | None:
        if not self._num_classes:
            return None
        if class_labels is None:
            return torch.zeros(1, self._num_classes, device=self.device)
        if class_labels.ndim != 2 or class_labels.shape[1] != self._num_classes:
            raise UsageError(
                f"Label vectors of this model have {self._num_classes} values each; "
                f"these have the shape {tuple(class_labels.shape)}."
            )
        return class_labels.to(torch.float32).to(self.device)

    def _trace_shapes(self, source: str) -> dict[str, tuple[int, ...]]:
        """Layers and shapes in running order, from a forward pass of a copy without data (torch's
        meta device)."""
        names = {module: name for name, module in self.model.named_modules() if _is_layer(name)}

        def empty(*size: int) -> Tensor:
            return torch.empty(size, device="meta")

        x = empty(1, self._channels, self._resolution, self._resolution)
        labels = empty(1, self._num_classes) if self._num_classes else None
        try:
            with recorded_shapes(names) as shapes:
                run_without_data(self.model, x, empty(1), labels)
        except (RuntimeError, TypeError, ValueError, ArithmeticError) as error:
            raise CheckpointError(
                f"{source}: the network cannot take pictures of its own sample_size, "
                f"{self._resolution} ({reason_of(error)}). Correct sample_size."
            ) from error
        return shapes


# --- the network ---------------------------------------------------------------------------------


class _LabelEmbedding(nn.Module):
    """The embedding of classes, for label vectors ``(B or 1, classes)`` too: they weight its rows.
    Integers ``(B,)`` pick rows, as before."""

    def __init__(self, weight: nn.Parameter) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, labels: Tensor) -> Tensor:
        if labels.is_floating_point():
            return labels @ self.weight
        return nn.functional.embedding(labels, self.weight)


def _is_layer(name: str) -> bool:
    parts = name.split(".")
    if len(parts) == 1:
        return name in ("conv_in", "mid_block", "conv_out")
    return len(parts) == 4 and parts[0] in ("down_blocks", "up_blocks") and parts[2] in _BLOCK_PARTS


def _column(values: Tensor) -> Tensor:
    return values[:, None, None, None]
