"""A device without memory for the batch: it is done in smaller parts, with the same results."""

import numpy as np
import pytest
import torch
from tiny import SHAPES, conditions_of, hook_count, normal, tiny_adapter
from torch import Tensor

from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.sampling import get_denoising_sigmas
from diffviews_desktop.core.denoising import denoise
from diffviews_desktop.core.extractor import SampleBatch, extract_batches
from diffviews_desktop.core.masking import ActivationMasker
from diffviews_desktop.errors import OutOfMemoryError
from diffviews_desktop.values.conditions import ClassLabel

LAYERS = ["encoder_bottleneck", "midblock"]


class SmallDevice(EDMAdapter):
    """A model on a device with memory for so many pictures: it fails half-way through, as real
    ones do."""

    room = 1

    def forward(self, x: Tensor, *arguments: object, **options: object) -> Tensor:  # type: ignore[override]
        if len(x) <= self.room:
            return super().forward(x, *arguments, **options)  # type: ignore[arg-type]

        def fail(*_: object) -> None:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

        (handle,) = self.register_activation_hooks(["decoder_block_3"], fail)
        try:
            return super().forward(x, *arguments, **options)  # type: ignore[arg-type]
        finally:
            handle.remove()


def small(room: int) -> SmallDevice:
    adapter = SmallDevice(tiny_adapter().model, "cpu")
    adapter.room = room
    return adapter


def pictures(count: int) -> SampleBatch:
    return SampleBatch(
        samples=normal(count, 3, 8, 8).clamp(-1, 1),
        sigmas=np.linspace(0.5, 20, count, dtype=np.float32),
        conditions=[ClassLabel(number % 5) for number in range(count)],
        seeds=np.arange(count),
    )


@pytest.mark.parametrize("room", [1, 2, 3, 5])
def test_extraction_in_halves(room: int) -> None:
    (whole,) = extract_batches(tiny_adapter(), ["decoder_block_4"], [pictures(7)])
    sizes: list[int] = []
    adapter = small(room)
    (parts,) = extract_batches(adapter, ["decoder_block_4"], [pictures(7)], smaller=sizes.append)
    np.testing.assert_allclose(parts["decoder_block_4"], whole["decoder_block_4"], atol=1e-5)
    assert min(sizes) <= room
    assert hook_count(adapter.model) == 0


@pytest.mark.parametrize("guidance", [1.0, 2.0])
@pytest.mark.parametrize("mask_rows", [0, 1, 3])
@pytest.mark.parametrize("room", [1, 2, 4])
def test_generation_in_parts(guidance: float, mask_rows: int, room: int) -> None:
    said: list[str] = []

    def run(adapter: EDMAdapter) -> list:
        masker = None
        if mask_rows:
            masker = ActivationMasker(adapter)
            masker.set_mask("midblock", normal(mask_rows, *SHAPES["midblock"], seed=5))
        return list(
            denoise(
                adapter,
                conditions=conditions_of(adapter, 3, 2, torch.Generator()),
                sigmas=get_denoising_sigmas(3, 80.0, 0.5),
                generator=torch.Generator().manual_seed(1),
                guidance_scale=guidance,
                masker=masker,
                mask_steps=2,
                capture=LAYERS,
                say=said.append,
            )
        )

    whole = run(tiny_adapter())
    assert not said
    adapter = small(room)
    parts = run(adapter)
    rows = 3 if guidance == 1 else 6
    if room < rows:
        assert "cpu ran out of memory" in said[0]
        assert len(said) <= 3  # once for each halving, not at every step
    for one, other in zip(whole, parts, strict=True):
        assert (one.denoised - other.denoised).abs().max() < 1e-3
        for name in LAYERS:
            assert one.computed[name].shape == other.computed[name].shape
            assert (one.computed[name] - other.computed[name]).abs().max() < 1e-3
    assert hook_count(adapter.model) == 0


def test_not_even_one_picture() -> None:
    adapter = small(0)
    with pytest.raises(OutOfMemoryError, match=r"cpu has not enough memory.*--device cpu"):
        list(extract_batches(adapter, ["decoder_block_4"], [pictures(2)]))
    run = denoise(
        adapter,
        conditions=conditions_of(adapter, 2, 2, torch.Generator()),
        sigmas=get_denoising_sigmas(2, 80.0, 0.5),
        generator=torch.Generator(),
        capture=LAYERS,
    )
    with pytest.raises(OutOfMemoryError):
        list(run)
    assert hook_count(adapter.model) == 0
