"""Generation as functions: pictures, with or without masks, and what else was asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from diffviews_desktop.adapters.base import GeneratorAdapter
from diffviews_desktop.adapters.conditioning import class_number, condition_of, draw_classes
from diffviews_desktop.adapters.model import as_model
from diffviews_desktop.adapters.sampling import Churn, get_denoising_sigmas
from diffviews_desktop.adapters.sampling import tensor_to_uint8_image as tensor_to_uint8_image
from diffviews_desktop.core.denoising import (
    NoiseMode,
    Sampler,
    choose_seed,
    denoise,
    make_generators,
)
from diffviews_desktop.core.extractor import ActivationExtractor
from diffviews_desktop.core.intervening import Effect, Trace
from diffviews_desktop.core.masking import ActivationMasker
from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.data.folder.files import check_stays_inside
from diffviews_desktop.errors import UsageError
from diffviews_desktop.files.writing import replacing_all
from diffviews_desktop.values.conditions import ZeroLabel


@dataclass(frozen=True)
class GenerationResult:
    """Pictures ``(B, H, W, C) uint8`` and class numbers ``(B,)`` of a run, and what was asked for.

    Unpacks like the tuple ``(images, labels[, trajectory][, intermediates][, noised_inputs])``.
    ``trace`` is what the layers that were asked for computed at every step.
    """

    images: Tensor
    labels: Tensor
    trajectory: list[Float32] | None = None
    intermediates: list[Tensor] | None = None
    noised_inputs: list[Tensor] | None = None
    seed: int = 0
    trace: Trace | None = None

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
    sampler: Sampler = "renoise",
    churn: Churn | None = None,
    mask_from: int = 0,
    mask_unconditional: bool = True,
    effects: Sequence[Effect] = (),
    trace_layers: Sequence[str] = (),
) -> GenerationResult:
    """Generate with `denoise` and collect what was asked for.

    Args:
        adapter: the model.
        masker: masks to apply; its hooks need not be registered and are removed afterwards.
        class_label: a class, -1 for the uniform label, None for random classes.
        num_steps: denoising steps.
        mask_steps: the masks apply to the steps before this one; None for all, 0 for none.
        sigma_max: noise level of the first step.
        sigma_min: noise level of the last step.
        rho: exponent of the schedule.
        guidance_scale: classifier-free guidance; 1 for none.
        stochastic: False means the noise mode "zero".
        noise_mode: "stochastic" draws a new seed unless one is given, "fixed" uses 42 unless one
            is given, "zero" adds no noise.
        num_samples: pictures to make.
        device: where to run; None leaves the model where it is.
        seed: seed of the noise and of the random class of the first picture; the second has
            ``seed + 1``, and so on, whatever else is drawn with it.
        extract_layers: layers of the trajectory.
        return_trajectory: collect rows ``(B, D)`` a step, layers in sorted order.
        return_intermediates: collect the predicted picture of every step.
        return_noised_inputs: collect the input of every step.
        sampler: "renoise" or "heun" (see `denoise`).
        churn: noise that Heun's sampler adds.
        mask_from: first step that the masks apply to, from 0.
        mask_unconditional: whether they act on the unconditional half of guidance too.
        effects: what else is done to layers (see `diffviews_desktop.core.intervening.Effect`).
        trace_layers: layers whose values at every step are kept in ``trace``, from which an effect
            of another run can patch.

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
    generators = make_generators(used_seed, num_samples)
    model = as_model(adapter)
    request = condition_of(class_label, model.num_classes)
    conditions = draw_classes([request] * num_samples, model.num_classes, generators)
    rows_of = sorted(extract_layers or ()) if return_trajectory else []
    steps = denoise(
        model,
        conditions=model.encode_pair(conditions),
        sigmas=get_denoising_sigmas(num_steps, sigma_max, sigma_min, rho),
        generator=generators,
        sampler=sampler,
        churn=churn,
        noise_mode=mode,
        guidance_scale=guidance_scale,
        masker=masker,
        mask_from=mask_from,
        mask_steps=mask_steps,
        mask_unconditional=mask_unconditional,
        effects=effects,
        capture=sorted({*rows_of, *trace_layers}),
    )
    trajectory: list[Float32] = []
    intermediates: list[Tensor] = []
    noised_inputs: list[Tensor] = []
    trace: list[Sequence[Mapping[str, Tensor]]] = []
    for step in steps:
        if rows_of:
            trajectory.append(step.row(rows_of))
        if trace_layers:
            trace.append(step.evaluated)
        intermediates.append(model.codec.decode(step.denoised))
        if return_noised_inputs:
            noised_inputs.append(model.codec.decode(step.noised))
    return GenerationResult(
        images=intermediates[-1],
        labels=torch.tensor([class_number(condition) for condition in conditions]),
        trajectory=trajectory if return_trajectory else None,
        intermediates=intermediates if return_intermediates else None,
        noised_inputs=noised_inputs if return_noised_inputs else None,
        seed=used_seed,
        trace=trace if trace_layers else None,
    )


def save_generated_sample(
    image: Tensor,
    activations: Mapping[str, Tensor] | None,
    metadata: Mapping[str, Any],
    output_dir: str | Path,
    sample_id: str,
) -> dict[str, Any]:
    """Write one picture ``(H, W, C) uint8`` as ``images/<model>/<id>.png``, and its activations,
    where there are any, as ``activations/<model>/<id>.npz`` with the metadata in ``.json``: all
    files or none.

    Returns:
        ``sample_id``, ``image_path`` (relative) and the metadata, as one record.

    Raises:
        UsageError: the model or the sample has a name that no file can have.
        DataError: a link leads out of the folder.
        OSError: the files cannot be written.
    """
    root = Path(output_dir)
    model = str(metadata.get("model", "generated"))
    for part in (model, sample_id):
        if not part or part != Path(part).name or part == "..":
            raise UsageError(f"{part!r} cannot be part of a file name.")
    picture = root / "images" / model / f"{sample_id}.png"
    paths = [picture]
    if activations:
        beside = root / "activations" / model
        paths += [beside / f"{sample_id}.npz", beside / f"{sample_id}.json"]
    for path in paths:
        check_stays_inside(root, path.parent)
        path.parent.mkdir(parents=True, exist_ok=True)
    with replacing_all(*paths) as files:
        Image.fromarray(np.squeeze(image.cpu().numpy())).save(files[0], format="PNG")
        if activations:
            arrays = {name: t.flatten(1).cpu().float().numpy() for name, t in activations.items()}
            np.savez_compressed(files[1], **arrays)  # type: ignore[arg-type]
            files[2].write(json.dumps(dict(metadata), indent=2).encode())
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
    model = as_model(adapter)
    x = torch.zeros(1, *model.sample_shape, device=model.device)
    told = model.encode([ZeroLabel()]).to(model.device)
    with ActivationExtractor(model, [layer_name], stop_after_last=True) as extractor:
        layers = extractor.run_until(x, torch.ones(1, device=model.device), told)
    return tuple(layers[layer_name].shape[1:])
