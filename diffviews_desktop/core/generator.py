"""Sampling: the noise schedule and the denoising loops, with or without masks."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from diffviews_desktop.adapters.base import GeneratorAdapter
from diffviews_desktop.adapters.device import adapter_device, is_out_of_memory, release_memory
from diffviews_desktop.adapters.sampling import (
    Churn,
    Labels,
    get_denoising_sigmas,
    heun_steps,
    make_labels,
    tensor_to_uint8_image,
)
from diffviews_desktop.core.extractor import ActivationExtractor
from diffviews_desktop.core.masking import ActivationMasker
from diffviews_desktop.data.arrays import Float32, flatten_layers
from diffviews_desktop.errors import OutOfMemoryError, UsageError

log = logging.getLogger(__name__)

NoiseMode = Literal["stochastic", "fixed", "zero"]
NOISE_MODES: tuple[NoiseMode, ...] = ("stochastic", "fixed", "zero")
FIXED_SEED = 42


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


class _Network:
    """The model with its masks and captures: runs a batch whole, or in parts that fit in memory.

    Args:
        adapter: the model.
        imposer: its masks are applied where its hooks are registered.
        masks: one row for every row of the batch, or one for all of them.
        extractor: captures layers; None for none.
        say: told once when the memory does not suffice for the batch.
    """

    def __init__(
        self,
        adapter: GeneratorAdapter,
        imposer: ActivationMasker,
        masks: Mapping[str, Tensor],
        extractor: ActivationExtractor | None,
        say: Callable[[str], None],
    ) -> None:
        self._adapter = adapter
        self._device = adapter_device(adapter)
        self._imposer = imposer
        self._masks = masks
        self._extractor = extractor
        self._say = say
        self._part: int | None = None

    def run(
        self, x: Tensor, sigma: float, labels: Tensor | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The prediction ``(B, C, R, R)`` and what was captured, on the CPU.

        Raises:
            OutOfMemoryError: there is not enough memory for a single picture.
        """
        while True:
            part = self._part or len(x)
            try:
                return self._run_in_parts(x, sigma, labels, part)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            # here the error, and with it what it held in memory, is gone
            release_memory()
            if part == 1:
                raise OutOfMemoryError(
                    f"{self._device} has not enough memory for a single picture of this model. "
                    "Close other programs that use it, or choose --device cpu."
                )
            self._part = (part + 1) // 2
            self._say(
                f"{self._device} ran out of memory: pictures are computed {self._part} at a time."
            )

    def _run_in_parts(
        self, x: Tensor, sigma: float, labels: Tensor | None, part: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        outputs: list[Tensor] = []
        captured: list[dict[str, Tensor]] = []
        for start in range(0, len(x), part):
            rows = slice(start, start + part)
            for name, mask in self._masks.items():
                self._imposer.set_mask(name, mask if len(mask) == 1 else mask[rows])
            levels = torch.full((len(x[rows]),), sigma, device=self._device)
            vectors = None if labels is None else labels[rows].to(self._device)
            outputs.append(self._adapter.forward(x[rows].to(self._device), levels, vectors).cpu())
            if self._extractor is not None:
                captured.append(self._extractor.get_activations())
        layers = captured[0] if captured else {}
        joined = {name: torch.cat([piece[name] for piece in captured]) for name in layers}
        return torch.cat(outputs), joined


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
    say: Callable[[str], None] = log.warning,
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
        say: told when the batch had to be split because the memory did not suffice.

    Raises:
        OutOfMemoryError: there is not enough memory for a single picture.
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
    rows = {
        name: torch.cat([masks[name]] * 2) if guided and len(masks[name]) > 1 else masks[name]
        for name in layers
    }
    imposer = ActivationMasker(adapter)
    for name, mask in rows.items():
        imposer.set_mask(name, mask)

    with ExitStack() as stack:
        if masker is not None:
            # the extractor's hooks must come first, to see what the layer computed
            masker.remove_hooks()
        stack.callback(imposer.remove_hooks)
        extractor = stack.enter_context(ActivationExtractor(adapter, capture)) if capture else None
        network = _Network(adapter, imposer, rows, extractor, say)
        x = noise() * sigmas[0]
        for index, sigma in enumerate(sigmas):
            imposing = index < masked_steps and bool(layers)
            if imposing and not imposer.registered_layers:
                imposer.register_hooks()
            elif not imposing:
                imposer.remove_hooks()
            if guided:
                assert labels.conditional is not None
                assert labels.unconditional is not None
                both = torch.cat([labels.conditional, labels.unconditional])
                halves, computed = network.run(torch.cat([x, x]), float(sigma), both)
                conditional, unconditional = halves.chunk(2)
                denoised = unconditional + guidance_scale * (conditional - unconditional)
            else:
                denoised, computed = network.run(x, float(sigma), labels.conditional)
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
    churn: Churn | None = None,
    generator: torch.Generator,
) -> Tensor:
    """Pictures by EDM's second-order sampler (see `heun_steps`), deterministic without churn.

    Returns:
        Pictures ``(B, C, R, R)`` float32 in [-1, 1].
    """
    batch = len(labels.numbers)
    size = (batch, getattr(adapter, "img_channels", 3), adapter.resolution, adapter.resolution)
    device = adapter_device(adapter)

    def run(x: Tensor, sigma: float, vectors: Tensor | None) -> Tensor:
        level = torch.full((batch,), sigma, device=device)
        vectors = None if vectors is None else vectors.to(device)
        return adapter.forward(x.float().to(device), level, vectors).cpu().double()

    def denoise(x: Tensor, sigma: float) -> Tensor:
        denoised = run(x, sigma, labels.conditional)
        if guidance_scale != 1 and labels.conditional is not None:
            plain = run(x, sigma, labels.unconditional)
            denoised = plain + guidance_scale * (denoised - plain)
        return denoised

    def noise() -> Tensor:
        return torch.randn(size, generator=generator).double()

    levels = get_denoising_sigmas(num_steps, sigma_max, sigma_min, rho).double().tolist()
    for step in heun_steps(denoise, noise, levels, churn):
        x = step.x
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
    where = adapter_device(adapter)
    x = torch.zeros(1, channels, adapter.resolution, adapter.resolution, device=where)
    labels = torch.zeros(1, adapter.num_classes, device=where) if adapter.num_classes else None
    with ActivationExtractor(adapter, [layer_name], stop_after_last=True) as extractor:
        captured = extractor.run_until(x, torch.ones(1, device=where), labels)
    return tuple(captured[layer_name].shape[1:])
