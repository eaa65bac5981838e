"""Sampling: the noise schedule and the denoising loops, with or without masks."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from diffviews_desktop.adapters.base import GeneratorAdapter
from diffviews_desktop.core.extractor import ActivationExtractor
from diffviews_desktop.core.masking import ActivationMasker
from diffviews_desktop.data.arrays import Float32, flatten_layers
from diffviews_desktop.errors import UsageError

NoiseMode = Literal["stochastic", "fixed", "zero"]
NOISE_MODES: tuple[NoiseMode, ...] = ("stochastic", "fixed", "zero")
ClassChoice = int | Literal["random", "zero", "uniform"]
FIXED_SEED = 42
UNIFORM_LABEL = -1
ZERO_LABEL = -2


def tensor_to_uint8_image(tensor: Tensor) -> Tensor:
    """Pictures ``(B, C, H, W)`` in [-1, 1] to ``(B, H, W, C) uint8``: ``trunc((x + 1) * 127.5)``,
    clamped to 0 … 255, on the CPU."""
    scaled = ((tensor + 1) * 127.5).clamp(0, 255)
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).cpu()


def get_denoising_sigmas(
    num_steps: int, sigma_max: float, sigma_min: float, rho: float = 7.0
) -> Tensor:
    """Noise levels of Karras et al. 2022, equation 5, without the final 0: ``(num_steps,)``,
    descending from ``sigma_max`` to ``sigma_min``. One step is ``sigma_max`` alone.

    Raises:
        UsageError: no steps, not ``sigma_max >= sigma_min > 0``, or not ``rho > 0``.
    """
    if num_steps < 1:
        raise UsageError(f"The number of steps must be at least 1, not {num_steps}.")
    if not 0 < sigma_min <= sigma_max < math.inf:
        raise UsageError(
            f"The noise levels must be 0 < sigma min <= sigma max, not {sigma_min} and {sigma_max}."
        )
    if not 0 < rho < math.inf:
        raise UsageError(f"The exponent rho must be positive, not {rho}.")
    ramp = torch.linspace(0, 1, num_steps, dtype=torch.float64)
    high, low = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    return ((high + ramp * (low - high)) ** rho).float()


@dataclass(frozen=True)
class Labels:
    """Label vectors of a run: ``conditional`` and ``unconditional`` are ``(B, num_classes)``, or
    None for an unconditional model; ``numbers`` ``(B,)`` holds the classes, -1 for the uniform
    label and -2 for the zero label."""

    numbers: Tensor
    conditional: Tensor | None
    unconditional: Tensor | None


def make_labels(
    num_classes: int, num_samples: int, choice: ClassChoice | None, generator: torch.Generator
) -> Labels:
    """Label vectors for a choice of class.

    ``None`` and ``"random"`` draw a class for each sample; ``"uniform"`` (or -1) gives every class
    the weight ``1 / num_classes``, also as the unconditional label; ``"zero"`` is all zeros.

    Raises:
        UsageError: the model has no such class.
    """
    if num_classes == 0:
        return Labels(torch.full((num_samples,), ZERO_LABEL), None, None)
    zeros = torch.zeros(num_samples, num_classes)
    if choice == "zero":
        return Labels(torch.full((num_samples,), ZERO_LABEL), zeros, zeros)
    if choice in ("uniform", UNIFORM_LABEL):
        uniform = torch.full_like(zeros, 1 / num_classes)
        return Labels(torch.full((num_samples,), UNIFORM_LABEL), uniform, uniform)
    if choice is None or choice == "random":
        numbers = torch.randint(num_classes, (num_samples,), generator=generator)
    elif isinstance(choice, int | np.integer) and 0 <= choice < num_classes:
        numbers = torch.full((num_samples,), int(choice))
    else:
        raise UsageError(
            f"There is no class {choice!r}: use 0 to {num_classes - 1}, random, zero or uniform."
        )
    conditional = (numbers[:, None] == torch.arange(num_classes)).float()
    return Labels(numbers, conditional, zeros)


def choose_seed(noise_mode: NoiseMode, seed: int | None) -> int:
    """The seed of a run: the one given, else 42 for fixed and zero noise, else a new one.

    Raises:
        UsageError: unknown noise mode, or a seed outside 0 … 2**63 - 1.
    """
    if noise_mode not in NOISE_MODES:
        raise UsageError(f"Unknown noise mode {noise_mode!r}: use {', '.join(NOISE_MODES)}.")
    if seed is not None:
        if not 0 <= seed < 2**63:
            raise UsageError(f"The seed must be between 0 and 2**63 - 1, not {seed}.")
        return seed
    return secrets.randbelow(2**31) if noise_mode == "stochastic" else FIXED_SEED


@dataclass(frozen=True)
class DenoiseStep:
    """One step of a run of B samples.

    Attributes:
        index: from 0.
        sigma: noise level of the input.
        noised: the input ``(B, C, R, R)``.
        denoised: the model's prediction, guidance applied, ``(B, C, R, R)``.
        computed: what each captured layer computed for the conditional label, ``{layer: (B, C, H,
            W)}``; for a masked layer, what it would have said.
        imposed: the mask that replaced it, ``{layer: (1 or B, C, H, W)}``; empty when unmasked.
    """

    index: int
    sigma: float
    noised: Tensor
    denoised: Tensor
    computed: dict[str, Tensor]
    imposed: dict[str, Tensor]

    def row(self) -> Float32:
        """Captured layers as rows ``(B, D)``, as they were computed."""
        return flatten_layers({name: t.float().numpy() for name, t in self.computed.items()})

    def imposed_row(self) -> Float32:
        """The same rows, masked layers as they were imposed: what the rest of the network saw."""
        seen = {
            name: self.imposed.get(name, tensor).float().expand(tensor.shape).numpy()
            for name, tensor in self.computed.items()
        }
        return flatten_layers(seen)


@torch.no_grad()
def denoise(
    adapter: GeneratorAdapter,
    *,
    labels: Labels,
    sigmas: Tensor,
    generator: torch.Generator,
    noise_mode: NoiseMode = "stochastic",
    guidance_scale: float = 1.0,
    masker: ActivationMasker | None = None,
    mask_steps: int | None = None,
    capture: Sequence[str] = (),
) -> Iterator[DenoiseStep]:
    """Denoise step by step, renoising in between: ``x' = D(x; sigma) + sigma' * noise``.

    The way DMD2 and other few-step models are sampled (Yin et al. 2024). The masks act on steps
    ``0 … mask_steps - 1`` (all by default). With guidance, both labels run as one batch, the mask
    acts on both and the captured layers are those of the conditional half. However the iteration
    ends, no hook is left behind.

    Args:
        adapter: the model.
        labels: from `make_labels`; its batch size is that of the run.
        sigmas: noise levels, descending, ``(S,)``.
        generator: source of all noise, on the CPU, so that every device draws the same.
        noise_mode: "zero" starts from zeros and adds no noise.
        guidance_scale: 1 for none, 0 for the unconditional label alone.
        masker: masks to apply.
        mask_steps: number of steps they apply to.
        capture: layers to capture.
    """
    batch = len(labels.numbers)
    size = (batch, getattr(adapter, "img_channels", 3), adapter.resolution, adapter.resolution)
    masked_steps = len(sigmas) if mask_steps is None else mask_steps
    masks = masker.masks if masker is not None else {}
    chosen = masker.registered_layers if masker is not None else []
    layers = [name for name in chosen or masks if name in masks]
    guided = guidance_scale != 1 and labels.conditional is not None

    def noise() -> Tensor:
        return torch.zeros(size) if noise_mode == "zero" else torch.randn(size, generator=generator)

    # masks of the size of the batch serve both halves of a guided batch
    imposer = ActivationMasker(adapter)
    for name in layers:
        mask = masks[name]
        imposer.set_mask(name, torch.cat([mask, mask]) if guided and len(mask) > 1 else mask)

    with ExitStack() as stack:
        if masker is not None:
            # the extractor's hooks must come first, to see what the layer computed
            masker.remove_hooks()
        stack.callback(imposer.remove_hooks)
        extractor = stack.enter_context(ActivationExtractor(adapter, capture)) if capture else None
        x = noise() * sigmas[0]
        for index, sigma in enumerate(sigmas):
            imposing = index < masked_steps and bool(layers)
            if imposing and not imposer.registered_layers:
                imposer.register_hooks()
            elif not imposing:
                imposer.remove_hooks()
            levels = sigma.repeat(batch)
            if guided:
                assert labels.conditional is not None
                assert labels.unconditional is not None
                both = torch.cat([labels.conditional, labels.unconditional])
                conditional, unconditional = adapter.forward(
                    torch.cat([x, x]), levels.repeat(2), both
                ).chunk(2)
                denoised = unconditional + guidance_scale * (conditional - unconditional)
            else:
                denoised = adapter.forward(x, levels, labels.conditional)
            denoised = denoised.cpu()
            computed = extractor.get_activations() if extractor is not None else {}
            yield DenoiseStep(
                index=index,
                sigma=float(sigma),
                noised=x,
                denoised=denoised,
                computed={name: tensor[:batch] for name, tensor in computed.items()},
                imposed={name: masks[name] for name in layers} if imposing else {},
            )
            if index + 1 < len(sigmas):
                x = denoised + sigmas[index + 1] * noise()


@torch.no_grad()
def sample_heun(
    adapter: GeneratorAdapter,
    *,
    labels: Labels,
    num_steps: int = 18,
    sigma_max: float = 80.0,
    sigma_min: float = 0.002,
    rho: float = 7.0,
    guidance_scale: float = 1.0,
    generator: torch.Generator,
) -> Tensor:
    """EDM's deterministic second-order sampler (Karras et al. 2022, algorithm 1).

    Returns:
        Pictures ``(B, C, R, R)`` float32 in [-1, 1].
    """
    batch = len(labels.numbers)
    size = (batch, getattr(adapter, "img_channels", 3), adapter.resolution, adapter.resolution)
    levels = get_denoising_sigmas(num_steps, sigma_max, sigma_min, rho).double().tolist()

    levels.append(0.0)

    def slope(x: Tensor, sigma: float) -> Tensor:
        level = torch.full((batch,), sigma)
        denoised = adapter.forward(x.float(), level, labels.conditional).cpu().double()
        if guidance_scale != 1 and labels.conditional is not None:
            plain = adapter.forward(x.float(), level, labels.unconditional).cpu().double()
            denoised = plain + guidance_scale * (denoised - plain)
        return (x - denoised) / sigma

    x = torch.randn(size, generator=generator).double() * levels[0]
    for sigma, following in pairwise(levels):
        first = slope(x, sigma)
        ahead = x + (following - sigma) * first
        if following > 0:
            ahead = x + (following - sigma) * (first + slope(ahead, following)) / 2
        x = ahead
    return x.float()


@dataclass(frozen=True)
class GenerationResult:
    """Pictures ``(B, H, W, C) uint8`` and class numbers ``(B,)`` of a run, and what was asked for.

    Unpacks like the tuple ``(images, labels[, trajectory][, intermediates][, noised_inputs])``.
    """

    images: Tensor
    labels: Tensor
    trajectory: list[Float32] | None = None
    intermediates: list[Tensor] | None = None
    noised_inputs: list[Tensor] | None = None
    seed: int = 0

    def __iter__(self) -> Iterator[Any]:
        optional = (self.trajectory, self.intermediates, self.noised_inputs)
        yield self.images
        yield self.labels
        yield from (part for part in optional if part is not None)


def generate_with_mask(
    adapter: GeneratorAdapter,
    masker: ActivationMasker | None = None,
    class_label: int | None = None,
    conditioning_sigma: float = 0.1,
    num_samples: int = 1,
    device: str | None = None,
    seed: int | None = None,
) -> GenerationResult:
    """Generate in one step from ``noise * conditioning_sigma``; masks apply.

    Arguments are those of `generate_with_mask_multistep`.
    """
    return generate_with_mask_multistep(
        adapter,
        masker,
        class_label=class_label,
        num_steps=1,
        sigma_max=conditioning_sigma,
        sigma_min=conditioning_sigma,
        num_samples=num_samples,
        device=device,
        seed=seed,
    )


def generate_with_mask_multistep(
    adapter: GeneratorAdapter,
    masker: ActivationMasker | None = None,
    class_label: int | None = None,
    num_steps: int = 4,
    mask_steps: int | None = None,
    sigma_max: float = 80.0,
    sigma_min: float = 0.002,
    rho: float = 7.0,
    guidance_scale: float = 1.0,
    stochastic: bool = True,
    noise_mode: NoiseMode = "stochastic",
    num_samples: int = 1,
    device: str | None = None,
    seed: int | None = None,
    extract_layers: Sequence[str] | None = None,
    return_trajectory: bool = False,
    return_intermediates: bool = False,
    return_noised_inputs: bool = False,
) -> GenerationResult:
    """Generate with `denoise` and collect what was asked for.

    Args:
        adapter: the model.
        masker: masks to apply; its hooks need not be registered and are removed afterwards.
        class_label: a class, -1 for the uniform label, None for random classes.
        num_steps: denoising steps.
        mask_steps: steps the masks apply to, from the first; None for all, 0 for none.
        sigma_max: noise level of the first step.
        sigma_min: noise level of the last step.
        rho: exponent of the schedule.
        guidance_scale: classifier-free guidance; 1 for none.
        stochastic: False means the noise mode "zero".
        noise_mode: "stochastic" draws a new seed unless one is given, "fixed" uses 42 unless one
            is given, "zero" adds no noise.
        num_samples: pictures to make.
        device: where to run; None leaves the model where it is.
        seed: seed of the noise and of random classes.
        extract_layers: layers of the trajectory.
        return_trajectory: collect rows ``(B, D)`` a step, layers in sorted order.
        return_intermediates: collect the predicted picture of every step.
        return_noised_inputs: collect the input of every step.

    Raises:
        UsageError: a value is out of range.
    """
    if num_samples < 1:
        raise UsageError(f"The number of samples must be at least 1, not {num_samples}.")
    if mask_steps is not None and mask_steps < 0:
        raise UsageError(f"The number of masked steps must not be negative, not {mask_steps}.")
    if device is not None:
        adapter.to(device)
    mode: NoiseMode = noise_mode if stochastic else "zero"
    used_seed = choose_seed(mode, seed)
    generator = torch.Generator().manual_seed(used_seed)
    labels = make_labels(adapter.num_classes, num_samples, class_label, generator)
    steps = denoise(
        adapter,
        labels=labels,
        sigmas=get_denoising_sigmas(num_steps, sigma_max, sigma_min, rho),
        generator=generator,
        noise_mode=mode,
        guidance_scale=guidance_scale,
        masker=masker,
        mask_steps=mask_steps,
        capture=sorted(extract_layers or ()) if return_trajectory else (),
    )
    trajectory: list[Float32] = []
    intermediates: list[Tensor] = []
    noised_inputs: list[Tensor] = []
    for step in steps:
        if return_trajectory and step.computed:
            trajectory.append(step.row())
        intermediates.append(tensor_to_uint8_image(step.denoised))
        if return_noised_inputs:
            noised_inputs.append(tensor_to_uint8_image(step.noised))
    return GenerationResult(
        images=intermediates[-1],
        labels=labels.numbers,
        trajectory=trajectory if return_trajectory else None,
        intermediates=intermediates if return_intermediates else None,
        noised_inputs=noised_inputs if return_noised_inputs else None,
        seed=used_seed,
    )


def save_generated_sample(
    image: Tensor,
    activations: Mapping[str, Tensor] | None,
    metadata: Mapping[str, Any],
    output_dir: str | Path,
    sample_id: str,
) -> dict[str, Any]:
    """Write one picture ``(H, W, C) uint8`` as ``images/<model>/<id>.png``, and its activations,
    where there are any, as ``activations/<model>/<id>.npz`` with the metadata in ``.json``.

    Returns:
        ``sample_id``, ``image_path`` (relative) and the metadata, as one record.
    """
    root = Path(output_dir)
    model = str(metadata.get("model", "generated"))
    for part in (model, sample_id):
        if not part or part != Path(part).name or part == "..":
            raise UsageError(f"{part!r} cannot be part of a file name.")
    picture = root / "images" / model / f"{sample_id}.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.squeeze(image.cpu().numpy())).save(picture)
    if activations:
        stem = root / "activations" / model / sample_id
        stem.parent.mkdir(parents=True, exist_ok=True)
        arrays = {name: t.flatten(1).cpu().float().numpy() for name, t in activations.items()}
        np.savez_compressed(stem.with_name(f"{sample_id}.npz"), **arrays)  # type: ignore[arg-type]
        text = json.dumps(dict(metadata), indent=2)
        stem.with_name(f"{sample_id}.json").write_text(text, encoding="utf-8")
    return {
        "sample_id": sample_id,
        "image_path": picture.relative_to(root).as_posix(),
        **metadata,
    }


def infer_layer_shape(
    adapter: GeneratorAdapter, layer_name: str, device: str | None = None
) -> tuple[int, ...]:
    """Shape ``(C, H, W)`` of a layer, from the adapter or, if it does not list it, a forward pass.

    Raises:
        AdapterError: the layer does not exist.
    """
    shapes = adapter.get_layer_shapes()
    if layer_name in shapes:
        return tuple(shapes[layer_name])
    if device is not None:
        adapter.to(device)
    channels = getattr(adapter, "img_channels", 3)
    x = torch.zeros(1, channels, adapter.resolution, adapter.resolution)
    labels = torch.zeros(1, adapter.num_classes) if adapter.num_classes else None
    with ActivationExtractor(adapter, [layer_name], stop_after_last=True) as extractor:
        captured = extractor.run_until(x, torch.ones(1), labels)
    return tuple(captured[layer_name].shape[1:])
