"""The adapter for checkpoints of the EDM family: any resolution, channel count, preconditioning and
number of classes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args

import torch
from torch import Tensor, nn

from diffviews_desktop import paths
from diffviews_desktop.adapters.checkpoint import load_checkpoint
from diffviews_desktop.adapters.conditioning import (
    class_number,
    condition_of,
    draw_classes,
    label_vectors,
)
from diffviews_desktop.adapters.formats.stored import Progress
from diffviews_desktop.adapters.hooks import HookMixin
from diffviews_desktop.adapters.memory_format import apply_faster_format
from diffviews_desktop.adapters.network_adapter import (
    NetworkAdapter,
    recorded_shapes,
    run_without_data,
)
from diffviews_desktop.adapters.networks.precond import Precond
from diffviews_desktop.adapters.published_files import PublishedFile, published_file
from diffviews_desktop.adapters.registry import register_adapter
from diffviews_desktop.adapters.sampling import (
    Churn,
    get_denoising_sigmas,
    heun_steps,
    tensor_to_uint8_image,
)
from diffviews_desktop.errors import CheckpointError, UsageError

Precision = Literal["auto", "float32", "float16", "bfloat16"]

GUIDANCE_UNKNOWN = (
    "The checkpoint does not say whether labels were dropped in training. If they were not, "
    "guidance is extrapolation."
)
GUIDANCE_NOT_TRAINED = (
    "Labels were never dropped when this model was trained: guidance was not trained, it is "
    "extrapolation."
)
GUIDANCE_TRAINED = "Labels were dropped in {:.0%} of this model's training: guidance was trained."


DETERMINISTIC: dict[str, Any] = {
    "sampler": "heun",
    "sigma_max": 80.0,
    "sigma_min": 0.002,
    "rho": 7.0,
    "guidance_scale": 1.0,
    "s_churn": 0.0,
}
"""Heun's sampler as EDM's authors ran it without churn."""


@register_adapter("edm")
class EDMAdapter(NetworkAdapter):
    """A preconditioned ADM, DDPM++ or NCSN++ network; its encoder and decoder modules are the
    hookable layers.

    Names, in the order the modules run: ``encoder_block_0 …``, the last of the encoder
    ``encoder_bottleneck``, the first of the decoder ``midblock``, then ``decoder_block_1 …``.

    Args:
        model: the network.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: what the network runs in on CUDA; ``auto`` is what it was made for.
        guidance_note: whether guidance was trained.
        label_dropout: with what probability labels were dropped in training; None where that is
            unknown.
        notes: what had to be assumed when the checkpoint was read.

    Raises:
        UsageError: the network was not made for this precision.
    """

    model: Precond
    name: ClassVar[str] = "edm"
    network_config: ClassVar[dict[str, Any] | None] = None
    """The network that checkpoints must hold, and what they need not say; None for any."""
    published_sampler: ClassVar[dict[str, Any]] = {"num_steps": 18, "churn": Churn()}
    """Settings of `sample` where none are given."""

    presets: Mapping[str, tuple[dict[str, Any], str]] = {
        "EDM, 18 steps": (
            {"num_steps": 18, **DETERMINISTIC},
            "CIFAR-10 in 35 evaluations: FID 1.79 with classes, 1.97 without, over 50,000 pictures "
            "(Karras et al. 2022)",
        ),
        "EDM, 40 steps": (
            {"num_steps": 40, **DETERMINISTIC},
            "64x64 in 79 evaluations: FID 2.39 for FFHQ, 1.96 for AFHQv2, over 50,000 pictures "
            "(Karras et al. 2022)",
        ),
        "EDM, ImageNet-64": (
            {
                "num_steps": 256,
                **DETERMINISTIC,
                "s_churn": 40.0,
                "s_min": 0.05,
                "s_max": 50.0,
                "s_noise": 1.003,
            },
            "ImageNet-64 in 511 evaluations, with churn: FID 1.36 over 50,000 pictures "
            "(Karras et al. 2022)",
        ),
    }
    """Settings that were published, with their figures."""

    def __init__(
        self,
        model: Precond,
        device: str = "auto",
        *,
        precision: Precision = "auto",
        guidance_note: str = GUIDANCE_UNKNOWN,
        label_dropout: float | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        HookMixin.__init__(self)
        self.model = model
        self.guidance_note = guidance_note
        self.label_dropout = label_dropout
        self.notes = tuple(notes)
        self.to(device)
        self._set_precision(precision)
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
    def sigma_min(self) -> float:
        """Lowest noise level that the model knows."""
        return self.model.sigma_min

    @property
    def sigma_max(self) -> float:
        """Highest noise level that the model knows."""
        return self.model.sigma_max

    @property
    def precision(self) -> str:
        """What the network runs in on its device: ``float32``, ``float16`` or ``bfloat16``."""
        if not self.device.startswith("cuda"):
            return "float32"
        return str(self.model.network_dtype).removeprefix("torch.")

    def round_sigma(self, sigma: float) -> float:
        """The nearest noise level that the model was trained at."""
        return float(self.model.round_sigma(sigma))

    @property
    def hookable_layers(self) -> list[str]:
        return list(self._modules_by_layer)

    def forward(
        self, x: Tensor, sigma: Tensor, class_labels: Tensor | None = None, **kwargs: Any
    ) -> Tensor:
        # float32 before it moves: mps has no float64
        x = x.to(torch.float32).to(self.device)
        sigma = torch.as_tensor(sigma, dtype=torch.float32).to(self.device)
        labels = None
        if class_labels is not None:
            labels = class_labels.to(torch.float32).to(self.device)
        return self.model(x, sigma, labels, **kwargs)

    @torch.no_grad()
    def sample(
        self,
        num_samples: int = 1,
        class_label: int | None = None,
        num_steps: int | None = None,
        sigma_max: float = 80.0,
        sigma_min: float = 0.002,
        rho: float = 7.0,
        S_churn: float | None = None,
        S_min: float | None = None,
        S_max: float | None = None,
        S_noise: float | None = None,
        device: str | None = None,
        seed: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Draw with EDM's stochastic second-order sampler (Karras et al. 2022, algorithm 2).

        Args:
            num_samples: pictures to draw.
            class_label: a class, -1 for the uniform label, None for random classes.
            num_steps: steps; the model runs ``2 * num_steps - 1`` times.
            sigma_max: first noise level, at most the model's own.
            sigma_min: last noise level above 0, at least the model's own.
            rho: exponent of the schedule.
            S_churn: amount of noise added over the run; 0 is deterministic.
            S_min: lowest noise level at which it is added.
            S_max: highest noise level at which it is added.
            S_noise: standard deviation of the added noise.
            device: where to run; None leaves the model where it is.
            seed: seed of the noise and of random classes; None draws one.

        Steps and churn that are not given are those that were published for the model.

        Returns:
            Pictures ``(B, H, W, C) uint8`` and class numbers ``(B,)``.

        Raises:
            UsageError: a value is out of range.
        """
        if num_samples < 1:
            raise UsageError(f"The number of samples must be at least 1, not {num_samples}.")
        if device is not None:
            self.to(device)
        generator = torch.Generator()
        if seed is None:
            generator.seed()
        else:
            generator.manual_seed(seed)
        choice = condition_of(class_label, self.num_classes)
        conditions = draw_classes([choice] * num_samples, self.num_classes, generator)
        labels = label_vectors(conditions, self.num_classes).vectors
        values = {"S_churn": S_churn, "S_min": S_min, "S_max": S_max, "S_noise": S_noise}
        churn = self.published_sampler["churn"]._replace(
            **{key: value for key, value in values.items() if value is not None}
        )
        sigmas = get_denoising_sigmas(
            self.published_sampler["num_steps"] if num_steps is None else num_steps,
            min(sigma_max, self.sigma_max),
            max(sigma_min, self.sigma_min),
            rho,
        )
        size = (num_samples, self.img_channels, self.resolution, self.resolution)

        def denoise(x: Tensor, sigma: float) -> Tensor:
            level = torch.full((num_samples,), sigma)
            return self.forward(x.float(), level, labels).cpu().double()

        for step in heun_steps(
            denoise,
            lambda: torch.randn(size, generator=generator).double(),
            sigmas.double().tolist(),
            churn,
            self.round_sigma,
        ):
            pictures = step.x
        numbers = torch.tensor([class_number(condition) for condition in conditions])
        return tensor_to_uint8_image(pictures), numbers

    @classmethod
    def from_checkpoint(
        cls,
        checkpoint_path: str | Path,
        device: str = "auto",
        label_dropout: float | None = None,
        precision: Precision = "auto",
        progress: Progress = lambda fraction: None,
        weights: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Load a checkpoint.

        Args:
            checkpoint_path: the file (see `diffviews_desktop.adapters.checkpoint`).
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
            label_dropout: with what probability labels were dropped in training, where the file
                does not say it or is wrong. Of `PUBLISHED_FILES` it is known by the name.
            precision: what the network runs in on CUDA; ``auto`` is what it was made for.
            progress: told how far it is, 0 … 1; may raise to stop.
            weights: the name of the weights, where the file has several.

        Raises:
            CheckpointError: the file cannot be used, or holds another network than this adapter's.
            UsageError: the network was not made for this precision.
        """
        if label_dropout is not None and not 0 <= label_dropout <= 1:
            raise UsageError(f"The label dropout must be between 0 and 1, not {label_dropout}.")
        loaded = load_checkpoint(Path(checkpoint_path), cls.network_config, progress, weights)
        cls._check_model(loaded.model, Path(checkpoint_path))
        is_known = cls.network_config is not None or "label_dropout" in loaded.given
        publication = published_file(Path(checkpoint_path))
        if label_dropout is None and publication is not None:
            label_dropout = publication.label_dropout
        if label_dropout is not None:
            loaded.model.model.label_dropout = label_dropout
            is_known = True
        dropout = float(loaded.model.model.label_dropout)
        note = GUIDANCE_TRAINED.format(dropout) if dropout else GUIDANCE_NOT_TRAINED
        result = cls(
            loaded.model,
            device,
            precision=precision,
            guidance_note=note if is_known else GUIDANCE_UNKNOWN,
            label_dropout=dropout if is_known else None,
            notes=loaded.notes,
        )
        if publication is not None and dropout:
            result._take_published(publication)
        return result

    def _take_published(self, publication: PublishedFile) -> None:
        """Add what is known of the checkpoint by its name."""
        self.guidance_note = f"{self.guidance_note} {publication.note}"
        self.presets = {**publication.presets, **self.presets}

    @classmethod
    def get_default_config(cls) -> dict[str, Any]:
        return {
            "sigma_max": 80.0,
            "sigma_min": 0.002,
            "rho": 7.0,
            "default_steps": 18,
            "guidance_scale": 1.0,
            "sampler": "heun",
        }

    def to(self, device: str) -> Self:
        self._prepared_on: str | None = None
        return super().to(device)

    @torch.no_grad()
    def prepare(self) -> None:
        """Choose the memory format that is faster on this device; measured once a model.

        To be called before a longer run, without hooks of anyone else.
        """
        if self._prepared_on == self.device:
            return
        device = torch.device(self.device)
        size = (2, self.img_channels, self.resolution, self.resolution)
        x, sigma = torch.zeros(size, device=device), torch.ones(2, device=device)
        chip = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
        shapes = {name: list(p.shape) for name, p in self.model.named_parameters()}
        facts = [shapes, str(self.model.network_dtype), chip, str(torch.__version__)]
        key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]
        apply_faster_format(
            self.model,
            lambda: self.model(x, sigma),
            device,
            key,
            paths.cache_dir() / "memory_formats.json",
        )
        self._prepared_on = self.device

    def _set_precision(self, precision: Precision) -> None:
        if precision not in get_args(Precision):
            names = ", ".join(get_args(Precision))
            raise UsageError(f"Unknown precision {precision!r}: use {names}.")
        if precision == "auto":
            return
        if precision != "float32" and not self.device.startswith("cuda"):
            raise UsageError(f"On {self.device} the network runs in float32: leave --precision.")
        if precision == "float16" and not self.model.use_fp16:
            raise UsageError(
                "This model was not made for float16 and can overflow in it: use bfloat16 or "
                "float32."
            )
        self.model.network_dtype = getattr(torch, precision)

    @classmethod
    def _check_model(cls, model: Precond, path: Path) -> None:
        config = cls.network_config
        if config is None:
            return
        for key in ("img_resolution", "img_channels", "label_dim"):
            if getattr(model, key) != config[key]:
                raise CheckpointError(
                    f"{path.name} is not a model for the adapter {cls.name}: its {key} is "
                    f"{getattr(model, key)}, not {config[key]}. Use the adapter edm."
                )

    def _get_layer_module(self, layer_name: str) -> nn.Module:
        # the first of the decoder can also be called by its number
        return super()._get_layer_module(
            "midblock" if layer_name == "decoder_block_0" else layer_name
        )

    def _trace_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes from a forward pass of no pictures, which computes nothing; elsewhere than on the
        CPU of one picture through a copy without data (torch's meta device), which takes longer."""
        size = (self.img_channels, self.resolution, self.resolution)
        names = {module: name for name, module in self._modules_by_layer.items()}
        with recorded_shapes(names) as shapes:
            if self.device == "cpu":
                with torch.no_grad():
                    self.model(torch.empty(0, *size), torch.empty(0))
            else:
                picture = torch.empty(1, *size, device="meta")
                run_without_data(self.model, picture, torch.empty(1, device="meta"))
        return {name: shapes[name] for name in self.hookable_layers}


def _name_layers(model: Precond) -> dict[str, nn.Module]:
    encoder = list(model.model.enc.values())
    decoder = list(model.model.dec.values())
    layers = {f"encoder_block_{i}": module for i, module in enumerate(encoder[:-1])}
    layers["encoder_bottleneck"] = encoder[-1]
    layers["midblock"] = decoder[0]
    layers |= {f"decoder_block_{i}": module for i, module in enumerate(decoder[1:], start=1)}
    return layers
